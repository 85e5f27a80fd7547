"""Masks as tiles: what is written is read, states share what is equal, strokes cover what they say."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from archivist_app.state.brush import Brush, Stroke, Tool, covered, inverted, pieces, protects, reach, with_protection
from archivist_app.state.mask_raster import TILE, MaskRaster, MaskTiles, halved
from engine.types import PROTECTED, Region

Grey = NDArray[np.uint8]
SIZES = ((1, 1), (255, 256), (700, 300), (257, 1030))


def picture(width: int, height: int, seed: int = 0) -> Grey:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_tiles_hold_every_pixel_and_coarser_ones_the_largest_of_four(size: tuple[int, int]) -> None:
    pixels = picture(*size)
    tiles = MaskTiles.of(pixels)
    assert np.array_equal(tiles.dense(), pixels)
    assert max(tiles.sizes[-1]) <= TILE
    raster = MaskRaster(tiles)
    for level in range(1, len(tiles.sizes)):
        height, width = pixels.shape
        wide = np.pad(pixels, ((0, height % 2), (0, width % 2)))
        pixels = wide.reshape(wide.shape[0] // 2, 2, wide.shape[1] // 2, 2).max(axis=(1, 3))
        assert tiles.sizes[level] == pixels.shape[::-1]
        assert np.array_equal(raster.read(Region(0, 0, *tiles.sizes[level]), level), pixels)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_mask_has_the_shape_of_a_full_one_and_hardly_any_bytes(size: tuple[int, int]) -> None:
    empty, full = MaskTiles.empty(*size), MaskTiles.of(picture(*size))
    assert empty.sizes == full.sizes
    assert [[t.shape for t in level] for level in empty.levels] == [[t.shape for t in level] for level in full.levels]
    assert not empty.dense().any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 699), st.integers(0, 299), st.integers(1, 400), st.integers(1, 300))
def test_writing_changes_its_region_alone_on_every_level_and_no_state_before(x: int, y: int, w: int, h: int) -> None:
    pixels = picture(700, 300)
    before = MaskTiles.of(pixels.copy())
    raster = MaskRaster(before)
    region = Region(x, y, w, h).intersect(raster.bounds)
    values = picture(region.width, region.height, seed=1)
    raster.write(region, values)
    after = raster.freeze()
    raster.write(raster.bounds, np.zeros((300, 700), np.uint8))
    assert np.array_equal(before.dense(), pixels)
    pixels[region.y : region.bottom, region.x : region.right] = values
    expected = MaskTiles.of(pixels)
    for level, tiles in enumerate(expected.levels):
        assert all(np.array_equal(a, b) for a, b in zip(after.levels[level], tiles, strict=True)), level


def test_states_share_what_a_stroke_did_not_touch() -> None:
    raster = MaskRaster(MaskTiles.of(picture(2000, 2000)))
    stroke = Stroke(raster, Brush(size=20))
    stroke.paint((300, 300), (320, 310))
    after = raster.freeze()
    assert stroke.changed
    assert 0 < after.fresh(stroke.before) <= 4 * TILE * TILE
    assert after.fresh(None) > 2000 * 2000


def test_a_stroke_that_changes_nothing_says_so() -> None:
    raster = MaskRaster(MaskTiles.of(np.full((300, 300), 255, np.uint8)))
    stroke = Stroke(raster, Brush(size=20))
    stroke.paint((100, 100), (150, 150))
    stroke.paint((-500, -500), (-400, -400))
    assert not stroke.changed


@given(
    st.tuples(st.floats(-50, 350), st.floats(-50, 350)),
    st.tuples(st.floats(-50, 350), st.floats(-50, 350)),
    st.floats(2, 120),
    st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_a_brush_covers_what_lies_within_it_and_nothing_beyond(
    start: tuple[float, float], end: tuple[float, float], size: float, feather: float
) -> None:
    brush = Brush(size=size, feather=feather)
    region = reach(start, end, brush)
    cover = covered(start, end, brush, region)
    y, x = np.mgrid[region.y : region.bottom, region.x : region.right] + 0.5
    length = math.dist(start, end)
    along = ((x - start[0]) * (end[0] - start[0]) + (y - start[1]) * (end[1] - start[1])) / max(length**2, 1e-9)
    along = np.clip(along, 0, 1)
    off = np.hypot(x - start[0] - along * (end[0] - start[0]), y - start[1] - along * (end[1] - start[1]))
    assert not cover[off > brush.radius + 0.52].any()
    assert cover[off < brush.solid - 0.52].min(initial=255) >= 254
    assert not (cover == PROTECTED).any()


def test_pieces_join_and_are_short() -> None:
    parts = list(pieces((0, 0), (300, 400), Brush(size=2)))
    assert [*parts[0][0], *parts[-1][1]] == [0, 0, 300, 400]
    for part, following in pairwise(parts):
        assert part[1] == following[0]
        assert math.dist(*part) <= 50


def test_protection_is_hard_edged_and_only_the_eraser_takes_it_away() -> None:
    raster = MaskRaster(MaskTiles.of(np.full((300, 300), 255, np.uint8)))
    Stroke(raster, Brush(Tool.PROTECT, 100, 1.0)).paint((150, 150), (150, 150))
    mask = raster.read(raster.bounds)
    assert mask[150, 130] == PROTECTED
    assert 128 <= mask[150, 190] < 255, "what lies farther out is marked less"
    Stroke(raster, Brush(Tool.BRUSH, 100, 0.0)).paint((150, 150), (150, 150))
    assert np.array_equal(raster.read(raster.bounds) == PROTECTED, mask == PROTECTED)
    guarded = raster.freeze()
    assert protects(guarded)
    assert np.array_equal(inverted(guarded) == PROTECTED, mask == PROTECTED)
    fresh = with_protection(np.full((300, 300), 7, np.uint8), guarded)
    assert set(np.unique(fresh)) == {PROTECTED, 7}
    Stroke(raster, Brush(Tool.ERASER, 120, 0.0)).paint((150, 150), (150, 150))
    assert not protects(raster.freeze())


def test_inverting_twice_is_as_before_but_for_the_grey_that_means_protected() -> None:
    pixels = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    once = inverted(MaskTiles.of(pixels))
    assert once[0].tolist() == [255, PROTECTED, *(255 - value for value in range(2, 254)), 0, 0]
    twice = inverted(MaskTiles.of(once))
    same = np.ones(256, bool)
    same[254] = False
    assert np.array_equal(twice[:, same], pixels[:, same])
    assert (twice[:, 254] == 255).all()


def test_halving_keeps_a_line_one_pixel_wide() -> None:
    pixels = np.zeros((9, 9), np.uint8)
    pixels[:, 8] = 200
    assert halved(pixels).tolist() == [[0, 0, 0, 0, 200]] * 5
