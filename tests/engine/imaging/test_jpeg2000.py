from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageError
from engine.imaging.codestreams import jpeg2000_size, jpeg_size
from engine.imaging.reader import probe, read_master
from tests.engine.imaging.pictures import ADOBE, HEIGHT, WIDTH, noise


def with_header_boxes(path: Path, boxes: bytes) -> Path:
    """The file with more boxes at the end of its "jp2h"."""
    content = path.read_bytes()
    start = content.index(b"jp2h") - 4
    size = int.from_bytes(content[start : start + 4], "big")
    head = (size + len(boxes)).to_bytes(4, "big") + content[start + 4 : start + size]
    path.write_bytes(content[:start] + head + boxes + content[start + size :])
    return path


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.jp2"
    Image.fromarray(noise()).save(path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_bare_codestream_is_read(tmp_path: Path, dtype: type) -> None:
    path, pixels = tmp_path / "a.j2k", noise(3, dtype)
    path.write_bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k"))
    np.testing.assert_array_equal(read_master(path).pixels, pixels)
    info = probe(path)
    assert (info.width, info.height, info.bits, info.format) == (
        WIDTH,
        HEIGHT,
        np.dtype(dtype).itemsize * 8,
        "JPEG2000",
    )


def test_the_capture_resolution_is_read(picture: Path) -> None:
    # 600 and 300 dots an inch are 23,622 and 11,811 a metre; the vertical one stands first.
    capture = box(b"resc", struct.pack(">4H2b", 11811, 1, 23622, 10, 0, 1))
    assert probe(with_header_boxes(picture, box(b"res ", capture))).dpi == pytest.approx((600, 300), abs=0.01)


def test_exif_xmp_and_iptc_are_read_from_their_boxes(picture: Path) -> None:
    tags = Image.Exif()
    tags[271], tags[274] = "Kodak", 6
    packet, records = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", b"\x1c\x02\x78\x00\x01a"
    content = picture.read_bytes()
    for name, body in (
        (b"JpgTiffExif->JP2", tags.tobytes().removeprefix(b"Exif\0\0")),
        (bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), packet),
        (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), records),
    ):
        content += box(b"uuid", name + body)
    picture.write_bytes(content)
    metadata = read_master(picture).metadata
    assert (metadata.xmp, metadata.iptc) == (packet, records)
    kept = Image.Exif()
    kept.load(b"Exif\0\0" + (metadata.exif or b""))
    assert (kept[271], kept[274]) == ("Kodak", 1)


def test_an_embedded_profile_is_read(picture: Path) -> None:
    content = picture.read_bytes()
    start = content.index(b"colr") - 4
    picture.write_bytes(content.replace(content[start : start + 15], box(b"free", bytes(7))))
    master = read_master(with_header_boxes(picture, box(b"colr", b"\2\0\0" + ADOBE)))
    assert master.icc == ADOBE


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [(10, b"\x0b", "8 or 16 bits"), (8, b"\0\x09", "9 channels")],
)
def test_what_is_not_supported_is_refused_in_words(picture: Path, offset: int, value: bytes, words: str) -> None:
    content = bytearray(picture.read_bytes())
    start = content.index(b"ihdr") + 4 + offset
    content[start : start + len(value)] = value
    picture.write_bytes(content)
    with pytest.raises(ImageError, match=words):
        probe(picture)


def test_another_colour_space_is_refused_in_words(picture: Path) -> None:
    content = bytearray(picture.read_bytes())
    start = content.index(b"colr") + 7
    content[start : start + 4] = (18).to_bytes(4, "big")
    picture.write_bytes(content)
    with pytest.raises(ImageError, match="colour space"):
        probe(picture)


def test_sizes_are_found_where_the_streams_claim_them() -> None:
    assert jpeg_size(bytes(imagecodecs.jpeg8_encode(noise()))) == (WIDTH, HEIGHT)
    assert jpeg2000_size(bytes(imagecodecs.jpeg2k_encode(noise(), codecformat="j2k"))) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xff\xff", b"no stream at all", b"\xff\xd8" * 9])
def test_no_size_is_found_where_there_is_none(data: bytes) -> None:
    assert jpeg_size(data) is None
    assert jpeg2000_size(data) is None
