from typing import Any

import numpy as np
import pytest

from engine.export.label import with_label
from engine.imaging.rasters import Decoded
from engine.types import Region


def labelled_picture(pixels: Any, lines: tuple[str, ...]) -> Any:
    """The whole of it, in an array."""
    raster = with_label(Decoded(pixels), lines)
    height, width, _ = raster.shape
    return raster.read(Region(0, 0, width, height))


LINES = ("AI-restored derivative of harbour.tif, not evidence of the original.", "Made by Archivist.")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_label_stands_below_the_picture_and_leaves_it_alone(channels: int, dtype: type) -> None:
    pixels: Any = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (90, 700, channels)).astype(dtype)
    labelled = labelled_picture(pixels, LINES)
    assert labelled.dtype == dtype
    assert np.array_equal(labelled[:90], pixels)
    strip = labelled[90:, :, 0] / np.iinfo(dtype).max
    assert strip.min() < 0.2, "ink"
    assert np.median(strip) > 0.9, "paper"
    if channels in (2, 4):
        assert (labelled[90:, :, -1] == np.iinfo(dtype).max).all()


@pytest.mark.parametrize(("width", "height"), [(40, 30), (200, 300), (1200, 800), (6000, 400)])
def test_letters_can_be_read_at_any_size(width: int, height: int) -> None:
    labelled = labelled_picture(np.zeros((height, width, 1), np.uint8), LINES)
    ink = labelled[height:, :, 0] < 110  # darker than the rule above
    rows = np.flatnonzero(ink.any(axis=1))
    assert len(rows), "there are letters"
    first = next(k for k in range(rows[0], len(ink)) if not ink[k].any()) - rows[0]
    assert first >= max(8, 0.7 * max(width, height) / 80), "a row's letters are tall enough"
    assert not ink[:, -2:].any(), "and none is cut off"
    shown = np.flatnonzero(ink.any(axis=0))
    assert shown[-1] - shown[0] > 0.4 * min(width, 700)


def test_a_word_longer_than_the_picture_is_broken() -> None:
    short = labelled_picture(np.zeros((20, 60, 3), np.uint8), ("x",))
    long = labelled_picture(np.zeros((20, 60, 3), np.uint8), ("x" * 200,))
    assert len(long) > len(short) + 50


def test_a_name_without_letters_still_has_its_strip() -> None:
    assert len(labelled_picture(np.zeros((20, 60, 3), np.uint8), ("",))) > 20


def test_a_labelled_picture_is_read_in_bands_like_any_other() -> None:
    pixels: Any = np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    raster = with_label(Decoded(pixels), LINES)
    whole = labelled_picture(pixels, LINES)
    for top, bottom in ((0, 20), (40, 60), (49, 51), (50, 55), (0, len(whole))):
        part = raster.read(Region(5, top, 60, bottom - top))
        assert np.array_equal(part, whole[top:bottom, 5:65])
