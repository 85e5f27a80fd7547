"""What an export at strength 0 is: the master bit for bit, as readers see it that we did not write."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from engine.imaging import reader
from engine.imaging.libvips import pyvips
from engine.imaging.rasters import upright
from engine.service import EngineService
from engine.types import ExportOptions, Recipe
from tests.engine.imaging.pictures import ADOBE, GREY_22, noise, press_profile, save_jpeg, save_png16, save_tiff, smooth

SIZE = (70, 90)
Pixels = NDArray[Any]
needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed here")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineService]:
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


def exported(service: EngineService, master: Path, target: Path, recipe: Recipe, page: int = 0) -> Path:
    ref = service.open_image(str(master), page).result(60).ref
    done = service.export(ref, recipe, ExportOptions(str(target), "overwrite"), lambda _: None)
    return Path(done.future.result(120).output)


def seen(path: Path, like: Pixels) -> list[Pixels]:
    """The pixels as libvips and as another library have them."""
    vips = pyvips.Image.new_from_file(str(path)).numpy()
    other = tifffile.imread(path) if path.suffix == ".tif" else imagecodecs.png_decode(path.read_bytes())
    return [found.reshape(like.shape) for found in (vips, other)]


def tiff(channels: int, dtype: Any, **options: Any) -> Callable[[Path], tuple[Path, Pixels]]:
    def save(folder: Path) -> tuple[Path, Pixels]:
        pixels = noise(channels, dtype, size=SIZE)
        return save_tiff(folder / "a.tif", pixels, **options), pixels

    return save


def planar(folder: Path) -> tuple[Path, Pixels]:
    pixels = noise(3, np.uint16, size=SIZE)
    tifffile.imwrite(
        folder / "a.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate", metadata=None
    )
    return folder / "a.tif", pixels


def turned(folder: Path) -> tuple[Path, Pixels]:
    pixels = noise(3, np.uint16, size=SIZE)
    return save_tiff(folder / "a.tif", pixels, extratags=[(274, 3, 1, 7, True)]), upright(pixels, 7)


def deep_png(folder: Path) -> tuple[Path, Pixels]:
    pixels = noise(4, np.uint16, size=SIZE)
    return save_png16(folder / "a.png", pixels), pixels


def jpeg(folder: Path) -> tuple[Path, Pixels]:
    path = save_jpeg(folder / "a.jpg", smooth(), icc_profile=ADOBE)
    return path, pyvips.Image.new_from_file(str(path)).numpy()


def webp(folder: Path) -> tuple[Path, Pixels]:
    Image.fromarray(noise(4, size=SIZE)).save(folder / "a.webp", lossless=True, exact=True)
    return folder / "a.webp", noise(4, size=SIZE)


def jpeg2000(folder: Path) -> tuple[Path, Pixels]:
    pixels = noise(3, np.uint16, size=SIZE)
    (folder / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(pixels, level=0))
    return folder / "a.jp2", pixels


MASTERS: dict[str, Callable[[Path], tuple[Path, Pixels]]] = {
    "8 bit grey": tiff(1, np.uint8, iccprofile=GREY_22),
    "16 bit grey with alpha": tiff(2, np.uint16, extrasamples=["unassalpha"]),
    "8 bit RGB": tiff(3, np.uint8, compression="lzw", predictor=True),
    "16 bit Adobe RGB": tiff(3, np.uint16, iccprofile=ADOBE, compression="zlib"),
    "16 bit with alpha": tiff(4, np.uint16, extrasamples=["unassalpha"], iccprofile=ADOBE),
    "tiled big TIFF, big-endian": tiff(3, np.uint16, tile=(32, 32), bigtiff=True, byteorder=">"),
    "planes": planar,
    "turned and mirrored": turned,
    "16 bit PNG with alpha": deep_png,
    "JPEG": jpeg,
    "WebP": webp,
    "JPEG 2000": jpeg2000,
}


@pytest.mark.parametrize("way", ["whole", "by regions"])
@pytest.mark.parametrize("kind", MASTERS)
def test_strength_zero_writes_the_master_s_pixels_bit_for_bit(
    service: EngineService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, way: str
) -> None:
    if way == "by regions":
        monkeypatch.setattr(reader, "WHOLE_BYTES", 0)
        monkeypatch.setattr("engine.export.making.LEDGER_FROM", 0)
    master, pixels = MASTERS[kind](tmp_path)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    before = master.read_bytes()
    for name in ("out.tif", "out.png"):
        path = exported(service, master, tmp_path / "out" / name, Recipe(strength=0.0))
        for found in seen(path, pixels):
            np.testing.assert_array_equal(found, pixels)
    assert master.read_bytes() == before


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_outside_a_mask_of_one_s_own_every_bit_is_the_master_s(
    service: EngineService, tmp_path: Path, dtype: Any
) -> None:
    master, pixels = tiff(3, dtype, iccprofile=ADOBE)(tmp_path)
    mask = np.zeros(SIZE, np.uint8)
    mask[20:40, 30:60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    ref = service.open_image(str(master)).result(60).ref
    recipe = Recipe(scope="damage", mask=service.add_mask(str(tmp_path / "mask.png"), ref).result(60))
    (found, other) = seen(exported(service, master, tmp_path / "out.tif", recipe), pixels)
    inside = np.zeros(SIZE, bool)
    inside[18:42, 28:62] = True  # it fades out over 2 pixels
    np.testing.assert_array_equal(found[~inside], pixels[~inside])
    np.testing.assert_array_equal(found, other)
    assert (found[inside] != pixels[inside]).any()


def test_each_page_is_exported_with_its_own_size_and_pixels(service: EngineService, tmp_path: Path) -> None:
    pages = [noise(3, np.uint16, size=(40, 50)), noise(1, size=(61, 33), seed=1)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            shown = "rgb" if page.shape[2] == 3 else "minisblack"
            file.write(page.squeeze(), photometric=shown, metadata=None)
    for number, page in enumerate(pages):
        opened = service.open_image(str(tmp_path / "a.tif"), number).result(60)
        assert (opened.info.height, opened.info.width, opened.info.channels) == page.shape
        picture = service.picture(opened.ref, 1000).result(60)
        assert (picture.region.height, picture.region.width) == page.shape[:2]
        path = exported(service, tmp_path / "a.tif", tmp_path / f"{number}.tif", Recipe(strength=0.0), number)
        np.testing.assert_array_equal(seen(path, page)[1], page)


def test_cmyk_is_written_in_the_colours_its_profile_means(service: EngineService, tmp_path: Path) -> None:
    ink = np.repeat(np.linspace(0, 255, 90, dtype=np.uint8)[None, :, None], 4, axis=2).repeat(70, axis=0)
    save_tiff(tmp_path / "a.tif", ink, photometric="separated", iccprofile=press_profile())
    path = exported(service, tmp_path / "a.tif", tmp_path / "out.tif", Recipe(strength=0.0))
    reference = pyvips.Image.new_from_file(str(tmp_path / "a.tif")).icc_transform("srgb", intent="relative").numpy()
    assert np.abs(tifffile.imread(path).astype(int) - reference).max() <= 3


def told(path: Path) -> dict[str, Any]:
    """What exiftool reads of a file."""
    command = ["exiftool", "-json", "-G1", "-n", "-a", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def warnings(path: Path) -> list[str]:
    """What exiftool finds wrong with it, but for fields that the master lacks, or has for its own format only."""
    command = ["exiftool", "-validate", "-warning", "-error", "-a", "-s3", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary = re.compile(r"OK|\d+ Warnings?\b.*|Missing required .*|.* not allowed in TIFF")
    return [line for line in done.stdout.splitlines() if not summary.fullmatch(line)]


@needs_exiftool
@pytest.mark.parametrize("target", ["out.tif", "out.png", "out.jpg", "out.webp"])
def test_exiftool_finds_the_master_s_exif_iptc_xmp_resolution_and_profile(
    service: EngineService, tmp_path: Path, target: str
) -> None:
    master = save_jpeg(tmp_path / "a.jpg", smooth(), icc_profile=ADOBE, dpi=(600, 600))
    values = {
        "EXIF:Make": "Linhof", "EXIF:DateTimeOriginal": "1954:05:01 10:00:00", "EXIF:ISO": "100",
        "GPS:GPSLatitude": "48.137", "GPS:GPSLatitudeRef": "N", "IPTC:Keywords": "harbour", "IPTC:By-line": "A. Müller",
        "XMP-dc:Creator": "A. Müller", "XMP-photoshop:City": "Kiel",
    }  # fmt: skip
    settings = [f"-{name}={value}" for name, value in values.items()]
    subprocess.run(["exiftool", "-q", "-overwrite_original", *settings, str(master)], check=True)
    path = exported(service, master, tmp_path / target, Recipe(strength=0.0))
    found = told(path)
    assert found["IFD0:Make"] == "Linhof"
    assert found["ExifIFD:DateTimeOriginal"] == "1954:05:01 10:00:00"
    assert found["GPS:GPSLatitude"] == pytest.approx(48.137)
    assert found["XMP-photoshop:City"] == "Kiel"
    assert found["ICC_Profile:ProfileDescription"] == "Adobe RGB (compatible)"
    if target in ("out.tif", "out.jpg"):
        assert found["IPTC:Keywords"] == "harbour"
    if target == "out.tif":
        assert (found["IFD0:XResolution"], found["IFD0:Orientation"]) == (600, 1)
    assert warnings(path) == []
