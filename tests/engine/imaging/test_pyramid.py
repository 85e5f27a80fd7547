from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.imaging.pyramid import Pyramid, halve
from engine.types import Region
from tests.engine.imaging.pictures import noise


@given(
    height=st.integers(1, 40), width=st.integers(1, 40), channels=st.integers(1, 4),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_halving_averages_two_by_two(height: int, width: int, channels: int, dtype: Any, seed: int) -> None:
    image = noise(channels, np.uint16 if dtype is np.float32 else dtype, seed, (height, width)).astype(dtype)
    half = halve(image)
    assert half.dtype == dtype
    assert half.shape == ((height + 1) // 2, (width + 1) // 2, channels)
    for y in range(half.shape[0]):
        rows = image[2 * y : 2 * y + 2].astype(float)
        for x in range(half.shape[1]):
            mean = rows[:, 2 * x : 2 * x + 2].mean(axis=(0, 1))
            assert np.abs(half[y, x] - mean).max() <= (0.01 if dtype is np.float32 else 0.5)


def test_a_tall_image_is_halved_in_parts_without_seams() -> None:
    image = noise(3, np.uint16, size=(1301, 7))
    even = np.concatenate([image, image[-1:]])[:, [*range(7), 6]].astype(np.uint32)
    expected = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2] + 2) // 4
    np.testing.assert_array_equal(halve(image), expected)


@given(scale=st.floats(0.001, 20))
def test_a_level_has_a_pixel_for_every_screen_pixel(scale: float) -> None:
    pyramid = Pyramid(noise(4, size=(64, 50)))
    level = pyramid.level_for(scale)
    assert level == 0 or 2.0**-level >= scale * (1 - 1e-6)
    assert level == pyramid.depth - 1 or 2.0 ** -(level + 1) < scale


@pytest.mark.parametrize(("scale", "level"), [(8, 0), (1, 0), (0.6, 0), (0.5, 1), (0.3, 1), (0.25, 2), (1e-9, 6)])
def test_levels_are_chosen_by_scale(scale: float, level: int) -> None:
    assert Pyramid(noise(4, size=(64, 50))).level_for(scale) == level


@given(
    x=st.integers(-20, 80), y=st.integers(-20, 80), w=st.integers(0, 90), h=st.integers(0, 90), level=st.integers(0, 6)
)
def test_a_region_covers_what_was_asked_and_stays_inside(x: int, y: int, w: int, h: int, level: int) -> None:
    pyramid, asked = Pyramid(noise(3, size=(61, 47))), Region(x, y, w, h)
    got = pyramid.region_at(level, asked)
    step = 1 << level
    assert pyramid.region(level, asked).shape[:2] == (got.height, got.width)
    wanted = asked.intersect(Region(0, 0, 47, 61))
    if wanted.width and wanted.height:
        assert got.x * step <= wanted.x
        assert got.y * step <= wanted.y
        assert got.right * step >= wanted.right
        assert got.bottom * step >= wanted.bottom


def test_levels_are_made_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, ...]] = []

    def counted(image: Any) -> Any:
        made.append(image.shape)
        return halve(image)

    monkeypatch.setattr("engine.imaging.pyramid.halve", counted)
    pyramid = Pyramid(noise(3, size=(64, 64)))
    assert made == []
    first = pyramid.level(2)
    assert np.shares_memory(pyramid.level(2), first)
    assert made == [(64, 64, 3), (32, 32, 3)]


def test_the_base_is_not_copied() -> None:
    base = noise(3)
    assert np.shares_memory(Pyramid(base).region(0, Region(3, 4, 5, 6)), base)


@pytest.mark.parametrize(
    "base", [np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3), np.int32)]
)
def test_what_is_no_image_is_refused(base: Any) -> None:
    with pytest.raises(ValueError, match="no pyramid"):
        Pyramid(base)


def test_a_level_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="level 7 of 7"):
        Pyramid(noise(3, size=(64, 64))).level(7)
