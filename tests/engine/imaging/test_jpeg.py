"""A JPEG that was put together from bands is the JPEG of the whole, for every reader."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from engine.imaging import jpeg
from engine.imaging.libvips import pyvips
from engine.imaging.metadata import Metadata
from engine.imaging.writer import write_image
from tests.engine.imaging.pictures import noise


def whole(pixels: Any, quality: int) -> Any:
    """The pixels of one encoding of everything."""
    encoded = io.BytesIO()
    picture = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(picture).save(encoded, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(io.BytesIO(encoded.getvalue()))).reshape(pixels.shape)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (255, 40), (256, 40), (257, 40), (800, 33), (2600, 9), (100, 700)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_pixels_are_those_of_one_encoding(tmp_path: Path, size: tuple[int, int], channels: int) -> None:
    pixels, path = noise(channels, size=size), tmp_path / "a.jpg"
    write_image(path, pixels, icc=None, metadata=Metadata(), format="JPEG", description="x", software="y", quality=90)
    wanted = whole(pixels, 90)
    for found in (
        np.asarray(Image.open(path)),
        imagecodecs.jpeg8_decode(path.read_bytes()),
        pyvips.Image.new_from_file(str(path), fail_on="warning").numpy(),
    ):
        np.testing.assert_array_equal(found.reshape(pixels.shape), wanted)


def test_a_restart_interval_is_never_longer_than_the_format_counts() -> None:
    for width in (1, 8, 10_000, 20_000, 65_500):
        rows = jpeg.band_rows(width)
        assert rows % jpeg.BLOCK == 0
        assert 0 < rows // jpeg.BLOCK * -(-width // jpeg.BLOCK) <= 65_535
    assert jpeg.band_rows(10_000) == 256


def test_only_the_first_band_carries_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    about = Metadata(dpi=(600, 600))
    write_image(path, noise(3, size=(600, 50)), icc=b"", metadata=about, format="JPEG", description="x", software="y")
    assert path.read_bytes().count(b"http://ns.adobe.com/xap/1.0/\0") == 1
    assert path.read_bytes().count(b"\xff\xd9") == 1
    with Image.open(path) as found:
        assert found.info["dpi"] == (600, 600)
