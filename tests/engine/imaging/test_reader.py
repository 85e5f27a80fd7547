from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from engine.errors import ImageError
from engine.imaging.codestreams import is_lossless_webp
from engine.imaging.reader import Master, probe, read_master, read_preview
from engine.types import ImageInfo
from tests.engine.imaging.pictures import (
    ADOBE,
    HEIGHT,
    WIDTH,
    noise,
    press_profile,
    save_jpeg,
    save_png16,
    save_tiff,
    smooth,
)


def agrees(info: ImageInfo, master: Master) -> bool:
    height, width, channels = master.pixels.shape
    bits = master.pixels.dtype.itemsize * 8
    return (info.width, info.height, info.channels, info.bits) == (width, height, channels, bits)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_every_sample_arrives_as_it_was_stored(tmp_path: Path, kind: str, channels: int, dtype: Any) -> None:
    pixels, path = noise(channels, dtype), tmp_path / f"a.{kind}"
    if kind == "png":
        save_png16(path, pixels.squeeze())
    else:
        save_tiff(path, pixels, **({"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}))
    master = read_master(path)
    np.testing.assert_array_equal(master.pixels, pixels)
    assert master.pixels.dtype == dtype
    assert agrees(probe(path), master)
    assert master.info == probe(path)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "tile": (16, 16)},
        {"compression": "zstd"},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"rowsperstrip": 5},
        {"compression": "packbits"},
    ],
    ids=str,
)
def test_tiff_layouts_all_give_the_same_16_bit_pixels(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = noise(3, np.uint16)
    np.testing.assert_array_equal(read_master(save_tiff(tmp_path / "a.tif", pixels, **options)).pixels, pixels)


def test_planar_tiff_is_interleaved(tmp_path: Path) -> None:
    pixels = noise(3, np.uint16)
    path = tmp_path / "planar.tif"
    tifffile.imwrite(path, np.ascontiguousarray(pixels.transpose(2, 0, 1)), planarconfig="separate", photometric="rgb")
    np.testing.assert_array_equal(read_master(path).pixels, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_turned_over(tmp_path: Path, dtype: Any) -> None:
    pixels = noise(1, dtype)
    path = save_tiff(tmp_path / "a.tif", pixels[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_master(path).pixels, np.iinfo(dtype).max - pixels)


def test_tiff_palette_becomes_8_bit_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = Image.fromarray(smooth()).quantize(16)
    image.save(path)
    np.testing.assert_array_equal(read_master(path).pixels, np.asarray(image.convert("RGB")))
    assert probe(path).channels == 3


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_one_bit_becomes_black_and_white_grey(tmp_path: Path, name: str) -> None:
    page = noise(1)[..., 0] > 128
    options = {"compression": "group4"} if name == "a.tif" else {}
    Image.fromarray(page).save(tmp_path / name, **options)
    np.testing.assert_array_equal(read_master(tmp_path / name).pixels[..., 0], np.where(page, 255, 0))


def test_png_palette_becomes_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(smooth()).quantize(16)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_master(tmp_path / "a.png").pixels, np.asarray(image.convert("RGB")))


def test_jpeg_in_tiff_is_close_to_the_original(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", smooth(), compression="jpeg", compressionargs={"level": 95})
    assert np.abs(read_master(path).pixels.astype(int) - smooth()).max() < 12


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_decodes_as_pillow_does(tmp_path: Path, channels: int) -> None:
    path = save_jpeg(tmp_path / "a.jpg", smooth(channels))
    with Image.open(path) as image:
        reference = np.asarray(image).reshape(HEIGHT, WIDTH, channels)
    assert np.abs(read_master(path).pixels.astype(int) - reference).max() <= 1
    assert probe(path).format == "JPEG"


@pytest.mark.parametrize("name", ["a.webp", "a.jp2"])
def test_lossless_webp_and_jpeg_2000_are_exact(tmp_path: Path, name: str) -> None:
    Image.fromarray(noise()).save(tmp_path / name, lossless=True)
    master = read_master(tmp_path / name)
    np.testing.assert_array_equal(master.pixels, noise())
    assert agrees(probe(tmp_path / name), master)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_tells_whether_it_lost_anything(tmp_path: Path, channels: int, lossless: bool) -> None:
    profiles: list[dict[str, Any]] = [{}, {"icc_profile": ADOBE}]
    for number, more in enumerate(profiles):
        path = tmp_path / f"{number}.webp"
        Image.fromarray(noise(channels)).save(path, lossless=lossless, **more)
        with path.open("rb") as file:
            assert is_lossless_webp(file) is lossless
    path.write_bytes(path.read_bytes()[:20])
    with path.open("rb") as file:
        assert not is_lossless_webp(file)


def test_16_bit_jpeg_2000_stays_16_bit(tmp_path: Path) -> None:
    pixels = noise(1, np.uint16)
    Image.fromarray(pixels[..., 0]).save(tmp_path / "a.jp2")
    np.testing.assert_array_equal(read_master(tmp_path / "a.jp2").pixels, pixels)


def test_pages_are_counted_and_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "album.tif"
    pages = [noise(3, seed=i, size=(10 + i, 20)) for i in range(3)]
    with tifffile.TiffWriter(path) as tif:
        for page in pages:
            tif.write(page, photometric="rgb")
        tif.write(pages[0][::2, ::2], photometric="rgb", subfiletype=1)  # a reduced copy is no page
    assert probe(path).pages == 3
    for index, page in enumerate(pages):
        np.testing.assert_array_equal(read_master(path, index).pixels, page)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_read_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.avif"
    Image.fromarray(smooth()).save(path, quality=95, subsampling="4:4:4", exif=exif)
    with Image.open(path) as image:
        reference = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    master = read_master(path)
    assert master.info == probe(path)
    assert (master.info.format, master.pixels.shape) == ("HEIF", reference.shape)
    assert np.abs(master.pixels.astype(int) - reference).max() <= 3


def test_a_heif_whose_codec_is_missing_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(400))
    with pytest.raises(ImageError, match="is a HEIF image that cannot be decoded here; convert it to TIFF"):
        probe(tmp_path / "a.heic")


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    exif[271] = "Kodak"
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        save_tiff(path, smooth(), extratags=[(274, 3, 1, orientation, True)])
    else:
        Image.fromarray(smooth()).save(path, exif=exif, quality=95)
    with Image.open(path) as image:
        image.load()
        turned = ImageOps.exif_transpose(image).convert("RGB")
    master = read_master(path)
    assert agrees(probe(path), master)
    assert master.pixels.shape == np.asarray(turned).shape
    assert np.abs(master.pixels.astype(int) - np.asarray(turned)).max() <= 2
    preview = read_preview(path, 20)
    assert (
        np.abs(preview.astype(int) - np.asarray(turned.resize(preview.shape[1::-1], Image.Resampling.BOX))).max() < 24
    )
    if kind != "tif":
        kept = Image.Exif()
        kept.load(b"Exif\0\0" + (master.metadata.exif or b""))
        assert (kept[274], kept[271]) == (1, "Kodak")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_resolution_and_profile_are_reported(tmp_path: Path, name: str) -> None:
    Image.fromarray(smooth()).save(tmp_path / name, dpi=(600, 300), icc_profile=ADOBE)
    master = read_master(tmp_path / name)
    assert master.icc == ADOBE
    assert master.info.profile == "Adobe RGB (compatible)"
    assert master.metadata.dpi == pytest.approx((600, 300), abs=0.02)
    assert master.info.dpi == master.metadata.dpi


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_a_file_without_resolution_has_none(tmp_path: Path, name: str) -> None:
    if name == "a.tif":
        save_tiff(tmp_path / name, smooth(), resolutionunit="none")
    else:
        Image.fromarray(smooth()).save(tmp_path / name)
    assert probe(tmp_path / name).dpi is None


def test_tiff_exif_survives(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271], exif[306] = "Leica", "1954:05:01 10:00:00"
    exif[0x8769] = {36867: "1954:05:01 10:00:00", 37386: 50.0}
    Image.fromarray(smooth()).save(tmp_path / "a.tif", exif=exif.tobytes())
    kept = Image.Exif()
    kept.load(b"Exif\0\0" + (read_master(tmp_path / "a.tif").metadata.exif or b""))
    assert kept[271] == "Leica"
    assert kept.get_ifd(0x8769)[36867] == "1954:05:01 10:00:00"


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_cmyk_is_converted_by_its_profile_and_says_so(tmp_path: Path, kind: str) -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, 4:, 3] = 255  # paper on the left, black ink on the right
    path = tmp_path / f"a.{kind}"
    Image.fromarray(inks, "CMYK").save(path, icc_profile=press_profile(), quality=100)
    master = read_master(path)
    assert master.pixels.shape == (8, 8, 3)
    assert master.pixels[:, :3].min() > 240
    assert master.pixels[:, 5:].max() < 16
    assert master.metadata.notes == ("Converted from CMYK (test profile) to sRGB.",)
    assert probe(path).channels == 3


def test_a_broken_profile_is_left_out_with_a_note(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.tif", icc_profile=b"no profile at all" * 20)
    master = read_master(tmp_path / "a.tif")
    assert master.icc is None
    assert "profile is damaged" in master.metadata.notes[0]


@pytest.mark.parametrize("shape", [(1, 1), (2, 30_000), (30_000, 2), (1, 7)])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_extreme_shapes_work(tmp_path: Path, shape: tuple[int, int], kind: str) -> None:
    pixels, path = noise(3, size=shape), tmp_path / f"a.{kind}"
    Image.fromarray(pixels).save(path)
    np.testing.assert_array_equal(read_master(path).pixels, pixels)
    preview = read_preview(path, 64)
    assert preview.ndim == 3
    assert 1 <= max(preview.shape[:2]) <= 64


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.jp2", "zstd.tif", "16.tif", "grey.png"])
def test_a_preview_is_small_srgb_in_three_channels(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name in ("zstd.tif", "16.tif"):
        save_tiff(path, smooth().astype(np.uint16) * 257, compression="zstd" if name == "zstd.tif" else None)
    else:
        Image.fromarray(smooth(1)[..., 0] if name == "grey.png" else smooth()).save(path)
    preview = read_preview(path, 26)
    assert preview.dtype == np.uint8
    assert preview.shape == (18, 26, 3)
    small = (
        np.asarray(Image.open(path).convert("RGB").resize((26, 18), Image.Resampling.BOX))
        if "tif" not in name
        else (np.asarray(Image.fromarray(smooth()).resize((26, 18), Image.Resampling.BOX)))
    )
    assert np.abs(preview.astype(int) - small).mean() < 6
    assert read_preview(path, 500).shape == (HEIGHT, WIDTH, 3)


def test_a_preview_is_colour_managed(tmp_path: Path) -> None:
    brown = np.full((40, 40, 3), (150, 120, 90), np.uint8)
    Image.fromarray(brown).save(tmp_path / "a.png", icc_profile=ADOBE)
    # Computed by the published formulas: gamma 2.19921875, to XYZ, to linear sRGB, encoded.
    assert np.abs(read_preview(tmp_path / "a.png", 20)[5, 5] - (161.6, 120.8, 87.9)).max() < 1.5


def test_names_that_look_like_options_are_names(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "scan[page=2].jpg", smooth())
    assert read_master(path).pixels.shape == (HEIGHT, WIDTH, 3)
    assert read_preview(path, 20).shape[1] == 20


def test_reading_does_not_touch_the_source(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", noise(), extratags=[(274, 3, 1, 6, True)])
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    read_master(path)
    read_preview(path, 10)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_master_cannot_be_changed(tmp_path: Path) -> None:
    master = read_master(save_tiff(tmp_path / "a.tif", noise()))
    with pytest.raises(ValueError, match="read-only"):
        master.pixels[0, 0, 0] = 1
