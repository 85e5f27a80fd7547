from __future__ import annotations

import errno
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import WriteError
from engine.imaging import writer
from engine.imaging.libvips import pyvips
from engine.imaging.metadata import Metadata
from engine.imaging.reader import Master, probe, read_master
from engine.imaging.writer import Format, write_image
from engine.imaging.xmp import COMPOSITE, NAMESPACE, Statement, build_packet, plain_packet
from tests.engine.imaging.pictures import ADOBE, GREY_22, noise, save_jpeg, save_tiff, smooth

RECIPE = json.dumps({"alpha": 1.0, "style": "Calotype & “salt”", "seed": 7}, ensure_ascii=False)
DESCRIPTION = "AI-restored derivative of “grandmother.tif”"
STATEMENT = Statement(
    description=DESCRIPTION,
    software="Archivist 0.1.0",
    when="2026-01-02T03:04:05+00:00",
    source_type=COMPOSITE,
    title="grandmother",
    identifier="StA 12/7",
    format="image/tiff",
    source="grandmother.tif sha256:ab12",
    master_sha256="ab12",
    own={"recipe": RECIPE},
)


def write(path: Path, pixels: Any, format: Format, icc: bytes | None = None, metadata: Metadata | None = None) -> Path:
    write_image(
        path,
        pixels,
        icc=icc,
        metadata=metadata or Metadata(),
        format=format,
        description=DESCRIPTION,
        software="Archivist 0.1.0",
        statement=STATEMENT,
    )
    return path


def pillow(path: Path) -> Image.Image:
    """The file as Pillow, an independent reader, sees it."""
    with Image.open(path) as image:
        image.load()
        image.getexif().get_ifd(0x8769)
        return image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("format", ["TIFF", "PNG"])
def test_lossless_formats_keep_every_bit(tmp_path: Path, format: Format, channels: int, dtype: Any) -> None:
    pixels = noise(channels, dtype)
    path = write(tmp_path / "out", pixels, format)
    np.testing.assert_array_equal(read_master(path).pixels, pixels)
    vips = pyvips.Image.new_from_file(str(path)).numpy()
    np.testing.assert_array_equal(vips.reshape(pixels.shape), pixels)
    other = tifffile.imread(path) if format == "TIFF" else imagecodecs.png_decode(path.read_bytes())
    np.testing.assert_array_equal(other.reshape(pixels.shape), pixels)
    if dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(pillow(path)).reshape(pixels.shape), pixels)


@pytest.mark.parametrize(("format", "channels"), [("JPEG", 1), ("JPEG", 3), ("WEBP", 1), ("WEBP", 3), ("WEBP", 4)])
def test_lossy_formats_come_close(tmp_path: Path, format: Format, channels: int) -> None:
    for pixels in (smooth(channels), smooth(channels).astype(np.uint16) * 257):
        path = write(tmp_path / "out", pixels, format)
        found = read_master(path).pixels.astype(int)
        assert np.abs(found - smooth(channels)).mean() < 2.5
        assert np.abs(np.asarray(pillow(path)).reshape(found.shape).astype(int) - found).max() <= 1


def test_jpeg_keeps_colour_at_full_resolution(tmp_path: Path) -> None:
    path = write(tmp_path / "out.jpg", smooth(), "JPEG")
    assert pyvips.Image.new_from_file(str(path)).get("jpeg-chroma-subsample") == "4:4:4"


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG", "WEBP"])
def test_profile_bytes_are_the_masters(tmp_path: Path, format: Format) -> None:
    path = write(tmp_path / "out", smooth(), format, ADOBE)
    assert read_master(path).icc == ADOBE
    assert pillow(path).info["icc_profile"] == ADOBE


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG"])
def test_a_grey_master_keeps_its_grey_profile(tmp_path: Path, format: Format) -> None:
    path = write(tmp_path / "out", smooth(1), format, GREY_22)
    assert read_master(path).icc == GREY_22
    assert probe(path).channels == 1


def test_webp_shows_a_grey_master_as_its_profile_means_it(tmp_path: Path) -> None:
    half = np.full((32, 32, 1), 60, np.uint8)
    pixels = read_master(write(tmp_path / "out", half, "WEBP", GREY_22)).pixels
    # 60 of 255 at gamma 2.2 is 4.14 % light, 56.4 on the sRGB curve.
    assert np.abs(pixels.astype(float) - 56.4).max() < 2


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG"])
def test_resolution_is_the_masters(tmp_path: Path, format: Format) -> None:
    path = write(tmp_path / "out", smooth(), format, metadata=Metadata(dpi=(600.0, 300.0)))
    assert probe(path).dpi == pytest.approx((600, 300), abs=0.02)
    assert pillow(path).info["dpi"] == pytest.approx((600, 300), abs=0.02)


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG"])
def test_no_resolution_is_invented(tmp_path: Path, format: Format) -> None:
    assert probe(write(tmp_path / "out", smooth(), format)).dpi is None


def test_tiff_says_what_it_is_in_its_tags(tmp_path: Path) -> None:
    path = write(tmp_path / "out.tif", noise(3, np.uint16), "TIFF", ADOBE, Metadata(dpi=(300.0, 300.0)))
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages.first.tags
        assert len(tif.pages) == 1
        assert tags[270].value == DESCRIPTION
        assert tags[305].value == "Archivist 0.1.0"
        assert (tags[274].value, tags[296].value, tags[259].value) == (1, 2, 5)
        assert tags[34675].value == ADOBE


def packet_of(path: Path) -> bytes:
    packet = read_master(path).metadata.xmp
    assert packet is not None
    return packet


def values(packet: bytes) -> dict[str, str]:
    """Every property of the packet with a text, by its qualified name."""
    tree = ET.fromstring(packet)
    lists = {
        node.tag: node[0][0].text or ""
        for node in tree.iter()
        if len(node) == 1 and len(node[0]) and not len(node[0][0])
    }
    return lists | {node.tag: node.text for node in tree.iter() if node.text and node.text.strip()}


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG", "WEBP"])
def test_every_format_says_that_a_model_changed_the_picture(tmp_path: Path, format: Format) -> None:
    found = values(packet_of(write(tmp_path / "out", smooth(), format)))
    assert found["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"] == COMPOSITE
    assert found["{http://purl.org/dc/elements/1.1/}source"] == "grandmother.tif sha256:ab12"
    assert found["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == "Archivist 0.1.0"
    assert found["{http://purl.org/dc/elements/1.1/}description"] == DESCRIPTION
    assert found["{http://purl.org/dc/elements/1.1/}title"] == "grandmother [AI-restored access copy]"
    assert found[f"{{{NAMESPACE}}}recipe"] == RECIPE


def master_with_everything(folder: Path, kind: str, orientation: int = 6) -> Master:
    exif = Image.Exif()
    exif[274], exif[271], exif[315] = orientation, "Kodak", "N. N."
    block = exif.get_ifd(0x8769)
    block[36867], block[33434] = "1954:05:01 10:00:00", 0.25
    path = folder / f"master.{kind}"
    if kind == "tif":
        Image.fromarray(smooth()).save(path, exif=exif.tobytes())
    else:
        photoshop = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x78\0\x04Inge\0"
        segment = b"\xff\xed" + (len(photoshop) + 2).to_bytes(2, "big") + photoshop
        save_jpeg(path, smooth(), exif=exif.tobytes(), extra=segment, dpi=(400, 400))
    return read_master(path)


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_exif_is_carried_over_upright(tmp_path: Path, kind: str, format: Format) -> None:
    master = master_with_everything(tmp_path, kind)
    path = write(tmp_path / "out", master.pixels, format, metadata=master.metadata)
    found = pillow(path).getexif()
    assert found[271] == "Kodak"
    assert found[315] == "N. N."
    assert found.get(274, 1) == 1
    assert found.get_ifd(0x8769)[36867] == "1954:05:01 10:00:00"
    assert found.get_ifd(0x8769)[33434] == 0.25
    again = read_master(path)
    np.testing.assert_array_equal(again.pixels.shape, master.pixels.shape)


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_iptc_is_carried_over(tmp_path: Path, format: Format) -> None:
    master = master_with_everything(tmp_path, "jpg")
    assert master.metadata.iptc == b"\x1c\x02\x78\0\x04Inge"
    assert read_master(write(tmp_path / "out", smooth(), format, metadata=master.metadata)).metadata.iptc == (
        master.metadata.iptc
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "size"), [(4, 4), (7, 1), (1, 1)])
def test_iptc_is_read_as_bytes_whatever_a_tiff_declares_it_to_be(
    tmp_path: Path, order: str, kind: int, size: int
) -> None:
    records = b"\x1c\x02\x78\0\x05Inge\0\x1c\x02\x19\0\x01a"
    padded = records + bytes(-len(records) % size)
    path = save_tiff(
        tmp_path / "a.tif", smooth(), byteorder=order, extratags=[(33723, kind, len(padded) // size, padded, True)]
    )
    assert read_master(path).metadata.iptc == records


def test_big_tiff_carries_exif_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_CLASSIC_LIMIT", 1000)
    master = master_with_everything(tmp_path, "jpg")
    path = write(tmp_path / "out.tif", smooth(), "TIFF", metadata=master.metadata)
    with tifffile.TiffFile(path) as tif:
        assert tif.is_bigtiff
        assert tif.pages.first.tags[34665].value["DateTimeOriginal"] == "1954:05:01 10:00:00"
    np.testing.assert_array_equal(read_master(path).pixels, smooth())


def test_premultiplied_alpha_stays_declared_so(tmp_path: Path) -> None:
    master = read_master(save_tiff(tmp_path / "a.tif", noise(4), extrasamples=["assocalpha"]))
    path = write(tmp_path / "out.tif", master.pixels, "TIFF", metadata=master.metadata)
    assert read_master(path).metadata.alpha == "premultiplied"


def test_equal_exports_have_equal_bytes(tmp_path: Path) -> None:
    for format in ("TIFF", "PNG", "JPEG", "WEBP"):
        first, second = (write(tmp_path / name, smooth(), format, ADOBE) for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_png_chunks_are_whole(tmp_path: Path) -> None:
    content = write(tmp_path / "out.png", smooth(), "PNG", ADOBE, Metadata(dpi=(72.0, 72.0))).read_bytes()
    position, names = 8, []
    while position < len(content):
        size, name = int.from_bytes(content[position : position + 4], "big"), content[position + 4 : position + 8]
        body = content[position + 4 : position + 8 + size]
        assert zlib.crc32(body) == int.from_bytes(content[position + 8 + size : position + 12 + size], "big")
        names.append(name)
        position += 12 + size
    assert names[:4] == [b"IHDR", b"iCCP", b"pHYs", b"iTXt"]
    assert names[-1] == b"IEND"


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG", "WEBP"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, format: Format) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    path = tmp_path / "out"
    path.symlink_to(full)
    with pytest.raises(WriteError, match=r"is full; free some space or choose another folder\.$"):
        write(path, noise(3, size=(300, 300)), format)
    assert not path.is_symlink()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "may not be written"), (errno.EIO, "check the disk")],
)
def test_a_failure_halfway_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"half")
        raise OSError(number, "provoked")

    monkeypatch.setattr(tifffile, "imwrite", fail)
    path = tmp_path / "out.tif"
    with pytest.raises(WriteError, match=words) as caught:
        write(path, smooth(), "TIFF")
    assert not path.exists()
    assert str(caught.value).count(".") == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="“gone” does not exist"):
        write(tmp_path / "gone" / "out.png", smooth(), "PNG")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda path: write(path, smooth(4), "JPEG"), "transparency"),
        (lambda path: write(path, np.zeros((1, 70_000, 3), np.uint8), "JPEG"), "65,500 pixels a side"),
        (lambda path: write(path, np.zeros((1, 17_000, 3), np.uint8), "WEBP"), "16,383 pixels a side"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_in_words(
    tmp_path: Path, call: Callable[[Path], object], words: str
) -> None:
    with pytest.raises(WriteError, match=words):
        call(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_masters_packet_is_kept_but_not_its_claims() -> None:
    master = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
      tiff:Orientation="6" tiff:Make="Kodak"><dc:source>negative 12</dc:source><dc:creator><rdf:Seq>
      <rdf:li>Inge</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
    text = build_packet(STATEMENT, master).decode()
    assert "Inge" in text
    assert "Kodak" in text
    assert "Orientation" not in text
    assert "negative 12" not in text
    assert COMPOSITE in text


@pytest.mark.parametrize(
    "master",
    [
        b"<not xml",
        b"",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "bbbb">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>',
        b"\xff\xfe\x00",
    ],
)
def test_an_unusable_packet_is_replaced(master: bytes) -> None:
    assert build_packet(STATEMENT, master) == build_packet(STATEMENT)


def test_a_jpeg_drops_the_masters_packet_rather_than_its_own_words(tmp_path: Path) -> None:
    long = build_packet(replace(STATEMENT, own={"note": "y" * 90_000}, parameters="z" * 90_000))
    path = write(tmp_path / "out.jpg", smooth(), "JPEG", metadata=Metadata(xmp=long))
    assert values(packet_of(path))[f"{{{NAMESPACE}}}recipe"] == RECIPE


def test_an_encoder_that_gives_up_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("provoked")  # of which the codecs' errors are kinds

    monkeypatch.setattr(imagecodecs, "lzw_encode", fail)
    with pytest.raises(WriteError, match="could not be encoded; choose another format"):
        write(tmp_path / "out.tif", smooth(), "TIFF")
    assert not (tmp_path / "out.tif").exists()


def test_control_characters_do_not_break_the_packet() -> None:
    found = values(build_packet(replace(STATEMENT, description="a\0b\x1f<&>", own={"recipe": "\ud800x"})))
    assert found["{http://purl.org/dc/elements/1.1/}description"] == "a\ufffdb\ufffd<&>"


def test_a_key_that_is_no_name_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="cannot name"):
        build_packet(replace(STATEMENT, own={"my key": "x"}))


def test_a_picture_that_is_no_derivative_does_not_claim_to_be_one() -> None:
    text = plain_packet("A damage mask", "Archivist 0.1.0").decode()
    assert "A damage mask" in text
    assert COMPOSITE not in text
