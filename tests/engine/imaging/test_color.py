from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging.color import WorkingSpace, cms, srgb_encode
from engine.imaging.icc import srgb_profile
from tests.engine.imaging.pictures import (
    ADOBE,
    GREY_22,
    icc,
    noise,
    press_profile,
    sampled_curve,
    scanner_profile,
    xyz,
)

PROPHOTO = icc(
    b"RGB ",
    {
        b"rXYZ": xyz(0.79767, 0.28804, 0.0),
        b"gXYZ": xyz(0.13519, 0.71188, 0.0),
        b"bXYZ": xyz(0.03134, 0.00009, 0.82491),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), sampled_curve(np.linspace(0, 1, 1024) ** 1.8)),
    },
    kind=b"mntr",
)
GREY_DOT_GAIN = icc(b"GRAY", {b"kTRC": sampled_curve(np.linspace(0, 1, 256) ** 1.75)}, kind=b"prtr")
COLOUR_PROFILES = {
    "none": None,
    "sRGB": srgb_profile(),
    "Adobe RGB": ADOBE,
    "ProPhoto": PROPHOTO,
    "scanner": scanner_profile(),
}
GREY_PROFILES = {
    "none": None,
    "gamma 2.2": GREY_22,
    "dot gain": GREY_DOT_GAIN,
    "RGB": ADOBE,
    "scanner": scanner_profile(),
}

profiles = st.sampled_from(sorted(COLOUR_PROFILES)).map(COLOUR_PROFILES.__getitem__)
grey_profiles = st.sampled_from(sorted(GREY_PROFILES)).map(GREY_PROFILES.__getitem__)


def reference(values: NDArray[Any], profile: bytes) -> NDArray[Any]:
    """(N, 3) device values 0..1 to sRGB by LittleCMS in float, as an independent opinion."""
    return np.clip(cms(values.astype(np.float32), profile, srgb_profile(), "rgb", "rgb"), 0, 1)


def dtype_of(bits: int) -> Any:
    return np.uint8 if bits == 8 else np.uint16


@given(profile=profiles, bits=st.sampled_from([8, 16]), alpha=st.booleans(), seed=st.integers(0, 999), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_pixel_without_a_residual_keeps_every_bit(
    profile: bytes | None, bits: int, alpha: bool, seed: int, data: st.DataObject
) -> None:
    pixels = noise(4 if alpha else 3, dtype_of(bits), seed, (9, 11))
    still = np.random.default_rng(seed).random((9, 11)) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    delta = np.random.default_rng(seed + 1).normal(0, 0.3, (9, 11, 3)).astype(np.float32)
    delta[still] = 0.0
    before = pixels.copy()
    result = WorkingSpace(profile, pixels.shape[2], bits).add_residual(pixels, delta)
    assert result.dtype == pixels.dtype
    assert result.shape == pixels.shape
    np.testing.assert_array_equal(result[still], pixels[still])
    np.testing.assert_array_equal(result[..., 3:], pixels[..., 3:])
    np.testing.assert_array_equal(pixels, before)


@given(profile=grey_profiles, bits=st.sampled_from([8, 16]), alpha=st.booleans(), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_a_grey_pixel_without_a_residual_keeps_every_bit(
    profile: bytes | None, bits: int, alpha: bool, seed: int
) -> None:
    pixels = noise(2 if alpha else 1, dtype_of(bits), seed, (9, 11))
    delta = np.random.default_rng(seed).normal(0, 0.3, (9, 11, 3)).astype(np.float32)
    delta[::2] = 0.0
    result = WorkingSpace(profile, pixels.shape[2], bits).add_residual(pixels, delta)
    np.testing.assert_array_equal(result[::2], pixels[::2])
    np.testing.assert_array_equal(result[..., 1:], pixels[..., 1:])
    assert not np.array_equal(result[1::2], pixels[1::2])


@pytest.mark.parametrize("bits", [8, 16])
def test_srgb_needs_no_conversion_at_all(bits: int) -> None:
    pixels, peak = noise(3, dtype_of(bits)), 2**bits - 1
    for profile in (None, srgb_profile(), bytes(imagecodecs.cms_profile("srgb"))):
        space = WorkingSpace(profile, 3, bits)
        assert space.is_identity
        np.testing.assert_allclose(space.to_working(pixels), pixels / peak, rtol=0, atol=1e-7)
        np.testing.assert_array_equal(
            space.add_residual(pixels, np.full(pixels.shape, 10 / peak, np.float32)),
            np.minimum(pixels.astype(int) + 10, peak),
        )


@pytest.mark.parametrize("name", ["Adobe RGB", "ProPhoto"])
@pytest.mark.parametrize("bits", [8, 16])
def test_matrix_profiles_agree_with_littlecms(name: str, bits: int) -> None:
    profile = COLOUR_PROFILES[name]
    assert profile is not None
    pixels = noise(3, dtype_of(bits))
    working = WorkingSpace(profile, 3, bits).to_working(pixels)
    expected = reference(pixels.reshape(-1, 3) / (2**bits - 1), profile).reshape(working.shape)
    # LittleCMS's own sRGB has its white rounded to 2e-4, which the curve's foot multiplies by 12.92.
    assert np.abs(working - expected).max() < 4e-3
    assert np.abs(working - expected).mean() < 2e-4


def test_adobe_rgb_agrees_with_the_published_formulas() -> None:
    to_xyz = [[0.5767309, 0.185554, 0.1881852], [0.2973769, 0.6273491, 0.0752741], [0.0270343, 0.0706872, 0.9911085]]
    to_srgb = [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.969266, 1.8760108, 0.041556],
        [0.0556434, -0.2040259, 1.0572252],
    ]
    pixels = noise(3, np.uint16)
    linear = (pixels / 65535.0) ** (563 / 256)
    expected = srgb_encode(linear @ np.array(to_xyz).T @ np.array(to_srgb).T)
    working = WorkingSpace(ADOBE, 3, 16).to_working(pixels)
    inside = (expected > 0.02).all(axis=2)
    assert inside.mean() > 0.5
    assert np.abs(working - expected)[inside].max() < 1e-3


def gentle(seed: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.02, (37, 53, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["none", "Adobe RGB", "ProPhoto", "scanner"])
def test_a_residual_moves_the_working_values_by_itself(name: str) -> None:
    space = WorkingSpace(COLOUR_PROFILES[name], 3, 16)
    # Colours well inside every gamut, so that nothing is clipped on the way.
    pixels = (noise(3, np.uint16) // 8 + 26_000).astype(np.uint16)
    moved = space.to_working(space.add_residual(pixels, gentle())) - space.to_working(pixels)
    assert np.abs(moved - gentle()).max() < (2e-4 if name == "scanner" else 5e-5)


@pytest.mark.parametrize("name", ["none", "gamma 2.2", "dot gain", "RGB", "scanner"])
def test_a_residual_moves_grey_by_its_luminance(name: str) -> None:
    space = WorkingSpace(GREY_PROFILES[name], 1, 16)
    pixels = (noise(1, np.uint16) // 2 + 16_000).astype(np.uint16)
    moved = space.to_working(space.add_residual(pixels, gentle())) - space.to_working(pixels)
    expected = gentle() @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(moved - expected[..., None]).max() < 5e-5


@pytest.mark.parametrize("name", ["none", "Adobe RGB", "ProPhoto"])
@pytest.mark.parametrize("bits", [8, 16])
def test_neutral_stays_exactly_neutral(name: str, bits: int) -> None:
    grey = np.repeat(noise(1, dtype_of(bits), size=(200, 200)), 3, axis=2)
    delta = np.repeat(np.random.default_rng(1).normal(0, 0.1, (200, 200, 1)).astype(np.float32), 3, axis=2)
    space = WorkingSpace(COLOUR_PROFILES[name], 3, bits)
    result = space.add_residual(grey, delta)
    assert (result == result[..., :1]).all()
    working = space.to_working(grey)
    assert (working == working[..., :1]).all()


@pytest.mark.parametrize("name", ["none", "gamma 2.2", "dot gain", "RGB", "scanner"])
def test_grey_is_shown_without_a_tint(name: str) -> None:
    space = WorkingSpace(GREY_PROFILES[name], 1, 8)
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    working = space.to_working(levels)
    assert (working == working[..., :1]).all()
    assert (np.diff(working[..., 0].ravel()) >= 0).all()


def test_grey_follows_its_curve() -> None:
    working = WorkingSpace(GREY_22, 1, 8).to_working(np.full((1, 1, 1), 60, np.uint8))
    assert working[0, 0, 0] == pytest.approx(srgb_encode(np.array((60 / 255) ** 2.2)), abs=2e-4)


def test_what_would_leave_the_range_is_clipped() -> None:
    pixels = noise(3, np.uint16)
    for name in ("none", "Adobe RGB", "scanner"):
        space = WorkingSpace(COLOUR_PROFILES[name], 3, 16)
        for sign in (-1, 1):
            result = space.add_residual(pixels, np.full(pixels.shape, 3.0 * sign, np.float32))
            assert result.dtype == np.uint16
            assert ((result >= pixels) if sign > 0 else (result <= pixels)).mean() > 0.99


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("profile", [None, ADOBE], ids=["none", "Adobe RGB"])
def test_the_screen_shows_working_values_as_bgrx(channels: int, bits: int, profile: bytes | None) -> None:
    pixels = noise(channels, dtype_of(bits))
    space = WorkingSpace(profile, channels, bits)
    shown = space.to_display(pixels)
    assert shown.shape == (*pixels.shape[:2], 4)
    assert (shown[..., 3] == 255).all()
    assert np.abs(shown[..., 2::-1] - space.to_working(pixels) * 255.0).max() <= 0.501


def test_8_bit_srgb_is_shown_as_it_is() -> None:
    pixels = noise(3)
    np.testing.assert_array_equal(WorkingSpace(None, 3, 8).to_display(pixels)[..., 2::-1], pixels)


@pytest.mark.parametrize("profile", [ADOBE, scanner_profile()], ids=["Adobe RGB", "scanner"])
def test_a_part_converts_as_it_does_in_the_whole(profile: bytes) -> None:
    space, pixels = WorkingSpace(profile, 3, 16), noise(3, np.uint16, size=(400, 500))
    delta = np.random.default_rng(3).normal(0, 0.05, (400, 500, 3)).astype(np.float32)
    part = (slice(111, 140), slice(37, 98))
    whole = space.add_residual(pixels, delta)
    np.testing.assert_array_equal(space.add_residual(pixels[part], delta[part]), whole[part])


@pytest.mark.parametrize("profile", [b"", b"junk" * 100, ADOBE[:200], press_profile(), GREY_22])
def test_a_profile_that_does_not_fit_is_refused_in_words(profile: bytes) -> None:
    with pytest.raises(ImageError, match=r"colour profile .* open it again\.$"):
        WorkingSpace(profile, 3, 8)


@given(seed=st.integers(0, 10_000), profile=st.sampled_from([ADOBE, PROPHOTO, GREY_22, scanner_profile()]))
@settings(max_examples=60, deadline=None)
def test_a_damaged_profile_never_raises_anything_else(seed: int, profile: bytes) -> None:
    dice = np.random.default_rng(seed)
    damaged = bytearray(profile[: dice.integers(1, len(profile) + 1)] if seed % 2 else profile)
    for _ in range(int(dice.integers(1, 20))):
        damaged[int(dice.integers(0, min(len(damaged), 600)))] = int(dice.integers(0, 256))
    try:
        space = WorkingSpace(bytes(damaged), 3, 8)
    except ImageError:
        return
    working = space.to_working(noise())
    assert np.isfinite(working).all()
    assert working.min() >= 0
    assert working.max() <= 1


def test_pixels_of_another_kind_are_a_programming_error() -> None:
    space = WorkingSpace(None, 3, 8)
    with pytest.raises(ValueError, match="are not 3 channels of 8 bits"):
        space.to_working(noise(3, np.uint16))
    with pytest.raises(ValueError, match="does not fit"):
        space.add_residual(noise(), np.zeros((2, 2, 3), np.float32))
