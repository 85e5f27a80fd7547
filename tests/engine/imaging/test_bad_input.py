"""Every bad file ends in one sentence; nothing is printed, nothing takes long."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import ImageError
from engine.imaging import reader
from engine.imaging.reader import check_pixels, probe, read_master, read_preview
from tests.engine.imaging.pictures import noise, save_png16, save_tiff, smooth


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ImageError) as caught:
        call()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def refused(path: Path) -> str:
    """The one sentence with which all three ways of reading turn the file away."""
    messages = {
        refusal(lambda: probe(path)),
        refusal(lambda: read_master(path)),
        refusal(lambda: read_preview(path, 64)),
    }
    assert len(messages) == 1
    message = messages.pop()
    assert f"“{path.name}”" in message
    return message


@pytest.fixture(autouse=True)
def silent(capfd: pytest.CaptureFixture[str]) -> Any:
    """Libraries in C print past Python: the descriptors are watched."""
    yield
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nowhere.tif")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "scans.jpg").mkdir()
    assert "is a folder" in refused(tmp_path / "scans.jpg")


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert "is empty" in refused(tmp_path / "a.png")


def test_a_tiff_that_was_cut_off_before_its_picture_is_said_to_have_none(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    path.write_bytes(b"II*\0 no more than that")
    assert "without a picture" in refused(path)


def test_text_renamed_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("Dear Sir, I enclose a photograph.\n" * 40)
    assert "is not a JPEG" in refused(tmp_path / "a.jpg")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="rights bind only ordinary users of POSIX")
def test_a_forbidden_file_says_so(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise())
    path.chmod(0)
    assert "may not be read" in refused(path)


def test_a_refused_right_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = save_tiff(tmp_path / "a.tif", noise())
    monkeypatch.setattr(Path, "open", deny)
    assert "may not be read" in refused(path)


def whole_files(folder: Path) -> dict[str, Path]:
    """One healthy file of every kind."""
    pixels = noise(size=(80, 90))
    for name in ("a.jpg", "a.png", "a.webp", "a.jp2"):
        Image.fromarray(pixels).save(folder / name)
    save_png16(folder / "16.png", pixels.astype(np.uint16) * 257)
    save_tiff(folder / "plain.tif", pixels)
    save_tiff(folder / "lzw.tif", pixels, compression="lzw", rowsperstrip=16)
    save_tiff(folder / "jpeg.tif", pixels, compression="jpeg", rowsperstrip=16)
    save_tiff(folder / "tiled.tif", pixels, compression="zlib", tile=(32, 32))
    save_tiff(folder / "big.tif", pixels, bigtiff=True)
    return {path.name: path for path in folder.iterdir()}


KINDS = ["a.jpg", "a.png", "a.webp", "a.jp2", "16.png", "plain.tif", "lzw.tif", "jpeg.tif", "tiled.tif", "big.tif"]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("name", KINDS)
def test_half_a_master_is_not_a_master(tmp_path: Path, name: str, share: float) -> None:
    path = whole_files(tmp_path)[name]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "copy or scan it again" in refusal(lambda: read_master(path))
    for sparing in (False, True):
        with pytest.raises(ImageError, match="copy or scan it again"):
            list(check_pixels(path, sparing=sparing))


@pytest.mark.parametrize("name", KINDS)
def test_random_damage_gives_pixels_or_an_image_error(tmp_path: Path, name: str) -> None:
    path = whole_files(tmp_path)[name]
    content, dice = path.read_bytes(), random.Random(name)
    started = time.monotonic()
    for _ in range(20):
        damaged = bytearray(content)
        for _ in range(dice.choice((1, 4, 30))):
            damaged[dice.randrange(min(len(damaged), dice.choice((64, 600, len(damaged)))))] = dice.randrange(256)
        path.write_bytes(damaged)
        for call in (probe, read_master, lambda path: read_preview(path, 32)):
            with contextlib.suppress(ImageError):
                call(path)
    assert time.monotonic() - started < 30


def png(width: int, height: int, data: bytes = b"", kind: int = 2) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 10), (10, 0)])
def test_no_pixels_is_no_image(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "a.png").write_bytes(png(width, height))
    refused(tmp_path / "a.png")


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 5)])
def test_a_tiff_without_pixels_is_no_image(tmp_path: Path, width: int, height: int) -> None:
    path = save_tiff(tmp_path / "a.tif", noise())
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags[256].overwrite(width)
        tif.pages.first.tags[257].overwrite(height)
    refused(path)


def test_a_header_that_claims_gigapixels_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(200_000, 100_000, bytes(1000)))
    started = time.monotonic()
    assert "too large (200,000 x 100,000 pixels" in refused(path)
    assert time.monotonic() - started < 5


def test_a_tiff_that_claims_gigapixels_is_refused_at_once(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "bomb.tif", noise())
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags[256].overwrite(60_000)
        tif.pages.first.tags[257].overwrite(60_000)
    assert "too large" in refused(path)


def test_a_line_of_millions_of_pixels_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(13_000_000, 80, bytes(1000)))
    started = time.process_time()
    assert "copy or scan it again" in refusal(lambda: read_preview(path, 32))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_header_that_lies_within_the_limit_is_caught(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.png":
        path.write_bytes(png(8000, 8000, bytes(1000)))
    else:
        save_tiff(path, noise())
        with tifffile.TiffFile(path, mode="r+") as tif:
            tif.pages.first.tags[257].overwrite(8000)
    assert "copy or scan it again" in refusal(lambda: read_master(path))


def test_a_jpeg_whose_end_was_cut_and_closed_again_is_refused(tmp_path: Path) -> None:
    path = whole_files(tmp_path)["a.jpg"]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    assert "copy or scan it again" in refusal(lambda: read_master(path))


def test_stray_bytes_in_a_jpeg_harm_nothing(tmp_path: Path) -> None:
    path = whole_files(tmp_path)["a.jpg"]
    content, before = path.read_bytes(), read_master(path).pixels
    tables = content.index(b"\xff\xdb")
    path.write_bytes(content[:tables] + b"\0\0\0" + content[tables:] + b"behind the end")
    np.testing.assert_array_equal(read_master(path).pixels, before)


@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000"])
def test_a_strip_that_claims_more_than_the_tiff_is_refused_at_once(tmp_path: Path, codec: str) -> None:
    path = save_tiff(tmp_path / "a.tif", noise(), compression=codec)
    content = bytearray(path.read_bytes())
    if codec == "jpeg":
        struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, 65_000, 65_000)
    else:
        struct.pack_into(">II", content, content.index(b"\xff\x4f\xff\x51") + 8, 30_000, 30_000)
    path.write_bytes(content)
    started = time.monotonic()
    for call in (lambda: read_master(path), lambda: read_preview(path, 64)):
        assert "contradicts itself" in refusal(call)
    assert time.monotonic() - started < 5


def test_a_tiff_that_claims_more_than_its_strips_is_refused_at_once(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise(), compression="jpeg", rowsperstrip=16)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags[256].overwrite(10_000_000)
    started = time.monotonic()
    for call in (lambda: read_master(path), lambda: read_preview(path, 64)):
        assert "contradicts itself" in refusal(call)
    assert time.monotonic() - started < 5


def test_a_jpeg_2000_box_and_stream_must_agree(tmp_path: Path) -> None:
    path = whole_files(tmp_path)["a.jp2"]
    content = bytearray(path.read_bytes())
    struct.pack_into(">II", content, content.index(b"\xff\x4f\xff\x51") + 8, 30_000, 30_000)
    path.write_bytes(content)
    assert "contradicts itself" in refusal(lambda: read_master(path))


def test_passes_count_into_the_memory_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(size=(100, 100))).save(path, progressive=True)
    monkeypatch.setattr(reader, "memory_limit", lambda: 60_000)
    assert "too large" in refused(path)
    monkeypatch.setattr(reader, "memory_limit", lambda: 90_000)
    assert read_master(path).pixels.shape == (100, 100, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tif")
    assert "is a device" in refused(tmp_path / "a.tif")


def test_the_memory_limit_is_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_png16(tmp_path / "a.png", noise(3, np.uint16, size=(100, 100)))
    monkeypatch.setattr(reader, "memory_limit", lambda: 50_000)
    assert "0.0 GB may be used" in refused(path)
    monkeypatch.setattr(reader, "memory_limit", lambda: 60_000)
    assert read_master(path).pixels.nbytes == 60_000


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.int16, np.float64, np.float16])
def test_other_sample_types_are_refused_in_words(tmp_path: Path, dtype: Any) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(1)[..., 0].astype(dtype), photometric="minisblack")
    assert "8 or 16 bit integers" in refused(path)


def test_other_colour_spaces_are_refused_in_words(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise(), photometric="cielab")
    assert "colour space" in refused(path)


def test_more_channels_than_a_picture_has_are_refused(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise(6), photometric="rgb")
    assert "6 channels" in refused(path)


@pytest.mark.parametrize("profile", [None, b"damaged" * 100])
def test_cmyk_without_its_profile_is_refused_in_words(tmp_path: Path, profile: bytes | None) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(4), "CMYK").save(path, icc_profile=profile)
    assert "CMYK without a usable colour profile" in refused(path)


@pytest.mark.parametrize("page", [1, 99, -1])
def test_a_page_that_is_not_there_is_named(tmp_path: Path, page: int) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png")
    for path in (save_tiff(tmp_path / "a.tif", smooth()), tmp_path / "a.png"):
        assert f"no page {page + 1};" in refusal(lambda path=path: read_master(path, page))  # type: ignore[misc]


def test_a_missing_strip_is_not_filled_with_black(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise(), rowsperstrip=10)
    with tifffile.TiffFile(path, mode="r+") as tif:
        counts = list(tif.pages.first.tags[279].value)
        tif.pages.first.tags[279].overwrite([*counts[:-1], 0])
    assert "incomplete" in refusal(lambda: read_master(path))


def test_a_loop_of_pages_ends(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise())
    content = bytearray(path.read_bytes())
    start = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[start : start + 2], "little")
    struct.pack_into("<I", content, start + 2 + 12 * entries, start)  # the next directory is this one
    path.write_bytes(content)
    assert probe(path).pages == 1
