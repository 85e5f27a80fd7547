"""Promises about masters that are read by regions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import ImageError
from engine.imaging import rasters, reader, tiff
from engine.imaging.pyramid import Pyramid
from engine.imaging.rasters import Chunked, Decoded, Plain, Turned, bands, upright
from engine.imaging.reader import check_pixels, open_scan, read_master
from engine.types import Region
from tests.engine.imaging.pictures import ADOBE, noise, press_profile, save_jpeg, save_png16, save_tiff, smooth

SIZE = (150, 211)  # more than one strip, tile and band, and no multiple of any


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WHOLE_BYTES", 0)


def tiffs(**options: Any) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        channels, dtype = options.get("channels", 3), options.get("dtype", np.uint16)
        more = {key: value for key, value in options.items() if key not in ("channels", "dtype")}
        return save_tiff(folder / "a.tif", noise(channels, dtype, size=SIZE), **more)

    return save


def planar(folder: Path, **options: Any) -> Path:
    pixels = np.moveaxis(noise(3, np.uint16, size=SIZE), -1, 0)
    tifffile.imwrite(folder / "a.tif", pixels, photometric="rgb", planarconfig="separate", metadata=None, **options)
    return folder / "a.tif"


def cmyk(folder: Path) -> Path:
    pixels = noise(4, size=SIZE)
    return save_tiff(folder / "a.tif", pixels, photometric="separated", iccprofile=press_profile(), compression="lzw")


def bilevel(folder: Path) -> Path:
    Image.fromarray(noise(1, size=SIZE)[..., 0] > 100).save(folder / "a.tif", compression="group4")
    return folder / "a.tif"


def palette(folder: Path) -> Path:
    Image.fromarray(noise(size=SIZE)).quantize(16).save(folder / "a.tif")
    return folder / "a.tif"


def webp(folder: Path) -> Path:
    Image.fromarray(noise(size=SIZE)).save(folder / "a.webp", lossless=True)
    return folder / "a.webp"


def jpeg2000(folder: Path) -> Path:
    (folder / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(noise(3, np.uint16, size=SIZE), level=0))
    return folder / "a.jp2"


KINDS: dict[str, Callable[[Path], Path]] = {
    "uncompressed": tiffs(),
    "one strip": tiffs(rowsperstrip=SIZE[0]),
    "big-endian": tiffs(byteorder=">"),
    "big TIFF": tiffs(bigtiff=True),
    "8 bit with alpha": tiffs(channels=4, dtype=np.uint8, extrasamples=["unassalpha"]),
    "grey": tiffs(channels=1, rowsperstrip=7),
    "LZW": tiffs(compression="lzw", predictor=True, rowsperstrip=16),
    "Deflate, big-endian": tiffs(compression="zlib", predictor=True, byteorder=">", rowsperstrip=9),
    "tiles": tiffs(tile=(32, 48)),
    "LZW tiles": tiffs(tile=(64, 32), compression="lzw", predictor=True),
    "JPEG tiles": tiffs(tile=(64, 64), compression="jpeg", dtype=np.uint8),
    "JPEG strips": tiffs(compression="jpeg", dtype=np.uint8, rowsperstrip=32),
    "planes": planar,
    "planes, LZW tiles": lambda folder: planar(folder, tile=(32, 32), compression="lzw"),
    "white is zero": tiffs(channels=1, photometric="miniswhite"),
    "CMYK": cmyk,
    "bilevel": bilevel,
    "palette": palette,
    "PNG": lambda folder: save_png16(folder / "a.png", noise(3, np.uint16, size=SIZE)),
    "JPEG": lambda folder: save_jpeg(folder / "a.jpg", noise(size=SIZE)),
    "WebP": webp,
    "JPEG 2000": jpeg2000,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_regions_are_those_of_the_decoded_whole(tmp_path: Path, kind: str) -> None:
    path = KINDS[kind](tmp_path)
    whole, scan = read_master(path).pixels, open_scan(path)
    assert not isinstance(scan.raster, Decoded)
    assert (scan.raster.shape, scan.raster.dtype) == (whole.shape, whole.dtype)
    np.testing.assert_array_equal(np.concatenate(list(bands(scan.raster, 64))), whole)
    rng = np.random.default_rng(3)
    for _ in range(12):
        x, y = int(rng.integers(0, SIZE[1])), int(rng.integers(0, SIZE[0]))
        wide = Region(x, y, int(rng.integers(1, 90)), int(rng.integers(1, 90)))
        part = wide.intersect(Region(0, 0, SIZE[1], SIZE[0]))
        expected = whole[part.y : part.bottom, part.x : part.right]
        np.testing.assert_array_equal(scan.raster.read(part), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"compression": "lzw", "rowsperstrip": 16}, {"tile": (32, 32)}])
def test_regions_of_a_turned_master_are_upright(tmp_path: Path, orientation: int, options: dict[str, Any]) -> None:
    path = tiffs(**options, extratags=[(274, 3, 1, orientation, True)])(tmp_path)
    whole, scan = read_master(path), open_scan(path)
    assert scan.info == whole.info
    np.testing.assert_array_equal(scan.raster.read(Region(0, 0, scan.info.width, scan.info.height)), whole.pixels)
    np.testing.assert_array_equal(scan.raster.read(Region(5, 9, 40, 70)), whole.pixels[9:79, 5:45])
    np.testing.assert_array_equal(upright(noise(3, np.uint16, size=SIZE), orientation), whole.pixels)


def test_every_page_has_its_own_size_and_pixels(tmp_path: Path) -> None:
    pages = [noise(3, np.uint16, size=SIZE), noise(1, size=(60, 70), seed=1), noise(3, size=(33, 90), seed=2)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            shown = "rgb" if page.shape[2] == 3 else "minisblack"
            file.write(page.squeeze(), photometric=shown, metadata=None, compression="lzw")
    for number, page in enumerate(pages):
        scan = open_scan(tmp_path / "a.tif", number)
        assert (scan.info.height, scan.info.width, scan.info.pages) == (*page.shape[:2], 3)
        assert reader.probe(tmp_path / "a.tif", number) == scan.info
        np.testing.assert_array_equal(np.concatenate(list(bands(scan.raster))), page)


def test_halved_copies_are_the_same_whether_the_base_is_in_memory_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.imaging.pyramid._KEPT", 4000)  # levels 1 and 2 are made region by region
    path = tiffs(compression="lzw", rowsperstrip=16)(tmp_path)
    near, far = Pyramid(read_master(path).pixels), Pyramid(open_scan(path).raster)
    assert far.depth == near.depth
    for index in range(near.depth):
        assert far.size(index) == near.size(index)
        np.testing.assert_array_equal(far.level(index), near.level(index))
    part = Region(3, 5, 30, 21)
    np.testing.assert_array_equal(far.read(2, part), near.read(2, part))


def test_strips_are_unpacked_once_for_a_row_of_tiles_and_forgotten_in_time(tmp_path: Path) -> None:
    counted: list[int] = []
    scan = open_scan(tiffs(compression="lzw", rowsperstrip=10)(tmp_path))
    assert isinstance(scan.raster, Chunked)
    decode = scan.raster._decode

    def counting(file: Any, number: int) -> Any:
        counted.append(number)
        return decode(file, number)

    scan.raster._decode = counting
    for x in range(0, 200, 20):
        scan.raster.read(Region(x, 0, 20, 40))
    assert counted == [0, 1, 2, 3]
    scan.raster._known._limit = 2 * 10 * SIZE[1] * 6
    list(bands(scan.raster, 30))
    assert scan.raster._known.statistics.nbytes <= scan.raster._known._limit


def test_what_is_kept_in_memory_is_bounded_for_any_width() -> None:
    grid = rasters.Grid(1_000_000, 1_000_000, 8, 1_000_000)
    assert rasters._worth_keeping((1_000_000, 1_000_000, 4), np.dtype(np.uint16), grid) == 512 << 20


def test_uncompressed_pixels_are_read_where_they_lie(tmp_path: Path) -> None:
    scan = open_scan(tiffs()(tmp_path))
    assert isinstance(scan.raster, Plain)
    assert scan.raster.nbytes == 0


def test_strips_turned_by_a_quarter_are_unpacked_once(tmp_path: Path) -> None:
    scan = open_scan(tiffs(compression="lzw", rowsperstrip=16, extratags=[(274, 3, 1, 6, True)])(tmp_path))
    assert isinstance(scan.raster, Turned)
    assert isinstance(scan.raster.base, Plain)


def test_a_huge_strip_is_unpacked_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_LARGEST_CHUNK", 1000)
    path = tiffs(compression="lzw", rowsperstrip=SIZE[0])(tmp_path)
    np.testing.assert_array_equal(np.concatenate(list(bands(open_scan(path).raster))), read_master(path).pixels)
    monkeypatch.setattr(reader, "memory_limit", lambda: 1000)
    with pytest.raises(ImageError, match="save it as a TIFF in strips or tiles"):
        open_scan(path)


def test_scratch_files_have_no_name(tmp_path: Path, own_home: Path) -> None:
    scan = open_scan(KINDS["PNG"](tmp_path))
    assert isinstance(scan.raster, Plain)
    if os.name == "posix":
        assert not [path for path in own_home.rglob("*") if path.is_file()]


def test_a_full_cache_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(10, 10, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ImageError, match=r"needs 0\.0 GB of room in"):
        open_scan(KINDS["PNG"](tmp_path))


def test_a_master_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tiffs()(tmp_path)
    scan = open_scan(path)
    scan.raster.read(Region(0, 0, 5, 5))
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ImageError, match="was changed while it was in use"):
        scan.raster.read(Region(0, 0, 5, 5))
    path.unlink()
    with pytest.raises(ImageError, match="does not exist"):
        scan.raster.read(Region(0, 0, 5, 5))


def test_a_damaged_strip_is_a_sentence_of_the_read_that_meets_it(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", smooth().repeat(4, 0), compression="zlib", rowsperstrip=37, iccprofile=ADOBE)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.dataoffsets[2]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(content)
    scan = open_scan(path)
    scan.raster.read(Region(0, 0, 53, 74))
    with pytest.raises(ImageError, match="damaged or incomplete"):
        scan.raster.read(Region(0, 80, 5, 5))


def test_a_jpeg_that_lost_pixels_is_refused_also_when_it_is_large(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "a.jpg", noise(size=SIZE))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    with pytest.raises(ImageError, match="damaged or incomplete"):
        open_scan(path)


@pytest.mark.parametrize("budget", [1 << 30, 40_000])
@pytest.mark.parametrize(
    "options", [{}, {"compression": "lzw", "rowsperstrip": 4}, {"tile": (16, 16), "compression": "lzw"}]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_quick_look_shows_the_picture_upright_and_reads_no_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: int, options: dict[str, Any], orientation: int
) -> None:
    monkeypatch.setattr("engine.imaging.glance._BUDGET", budget)
    y, x = np.mgrid[0:300, 0:400]
    soft = np.stack([x * 160, y * 210, 65535 - x * 80], axis=-1).astype(np.uint16)
    path = save_tiff(tmp_path / "a.tif", soft, extratags=[(274, 3, 1, orientation, True)], **options)
    seen = reader.read_preview(path, 64)
    reference = upright(soft, orientation)
    assert max(seen.shape[:2]) == 64
    rows, columns = (
        np.linspace(0, n - 1, m).round().astype(int) for n, m in zip(reference.shape, seen.shape[:2], strict=False)
    )
    assert np.abs(seen.astype(int) - (reference[rows][:, columns] >> 8)).max() <= 12


def test_a_reduced_copy_is_shown_where_a_file_has_one_and_its_page_stays_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = noise(3, np.uint16, size=(200, 300)), np.full((100, 150, 3), 0x8000, np.uint16)
    for name, subifds in (("inside.tif", 1), ("behind.tif", 0)):
        with tifffile.TiffWriter(tmp_path / name) as file:
            file.write(large, photometric="rgb", metadata=None, subifds=subifds, tile=(64, 64), compression="lzw")
            file.write(small, photometric="rgb", metadata=None, subfiletype=1)
        assert reader.probe(tmp_path / name).pages == 1
        assert np.ptp(reader.read_preview(tmp_path / name, 90)) == 0
        assert np.ptp(reader.read_preview(tmp_path / name, 200)) > 0, "the copy is too small for this"
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        file.write(large, photometric="rgb", metadata=None)
        file.write(small, photometric="rgb", metadata=None, subfiletype=1)
        file.write(large // 2, photometric="rgb", metadata=None)
    monkeypatch.setattr(reader, "WHOLE_BYTES", 1 << 30)
    assert np.ptp(reader.read_preview(tmp_path / "pages.tif", 90, 1)) > 0, "no page is mistaken for another"


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_picture_is_checked_to_its_last_row_and_nothing_is_kept(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a scratch file was asked for")

    path = KINDS[kind](tmp_path)
    monkeypatch.setattr(rasters, "Scratch", refuse)
    steps = list(check_pixels(path))
    assert not steps or (steps[-1].done, steps[-1].total) == (SIZE[0], SIZE[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_picture_that_was_cut_off_is_found_also_by_a_sparing_check(tmp_path: Path, kind: str) -> None:
    path = KINDS[kind](tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])
    for sparing in (False, True):
        with pytest.raises(ImageError, match="copy or scan it again"):
            list(check_pixels(path, sparing=sparing))


def test_a_damaged_strip_is_found_by_a_check_that_unpacks_it(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", smooth().repeat(4, 0), compression="zlib", rowsperstrip=37)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.dataoffsets[2]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(ImageError, match="damaged or incomplete"):
        list(check_pixels(path))
    assert list(check_pixels(path, sparing=True)) == []


def test_stray_bytes_in_a_large_jpeg_harm_nothing(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "a.jpg", noise(size=(700, 211)))
    content = path.read_bytes()
    tables = content.index(b"\xff\xdb")
    path.write_bytes(content[:tables] + b"\0\0\0" + content[tables:] + b"behind the end")
    assert list(check_pixels(path))[-1].done == 700
