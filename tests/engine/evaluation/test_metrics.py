"""The figures that restorations are judged by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from engine.evaluation.metrics import fine_detail, fit_tone, psnr, score

Picture = NDArray[np.float64]


def picture(seed: int = 0, side: int = 32) -> Picture:
    """A smooth scene with some detail, values well inside 0..1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    scene = np.stack([x, y, (x + y) / 2], axis=2) * 0.4 + 0.3
    return np.asarray(scene + rng.normal(0.0, 0.02, scene.shape))


def test_equal_pictures_are_infinitely_near() -> None:
    scores = score(picture(), picture())
    assert math.isinf(scores.psnr)
    assert scores.fitted_psnr > 200.0
    assert scores.ssim == pytest.approx(1.0)
    assert scores.texture == pytest.approx(1.0)
    assert scores.lab == 0.0


def test_psnr_agrees_with_scikit_image() -> None:
    clean, noisy = picture(), picture(1)
    theirs = peak_signal_noise_ratio(clean, noisy, data_range=1.0)  # type: ignore[no-untyped-call]
    assert psnr(noisy, clean) == pytest.approx(theirs)


@given(
    gain=st.lists(st.floats(0.2, 1.2), min_size=3, max_size=3),
    offset=st.lists(st.floats(-0.1, 0.2), min_size=3, max_size=3),
)
@settings(max_examples=20, deadline=None)
def test_choices_of_tone_do_not_count(gain: list[float], offset: list[float]) -> None:
    clean = picture()
    assert score(clean * gain + offset, clean).fitted_psnr > 200.0


def test_the_fit_is_the_best_in_the_least_squares_sense() -> None:
    clean, output = picture(), picture(1) * 0.5 + 0.1
    fitted = fit_tone(output, clean)
    for channel in range(3):
        gain, offset = np.polyfit(output[..., channel].ravel(), clean[..., channel].ravel(), 1)
        np.testing.assert_allclose(fitted[..., channel], output[..., channel] * gain + offset, atol=1e-9)


def test_a_flat_picture_is_fitted_to_the_mean() -> None:
    clean = picture()
    np.testing.assert_allclose(fit_tone(np.full_like(clean, 0.2), clean)[0, 0], clean.mean(axis=(0, 1)))


def test_texture_tells_soft_from_noisy() -> None:
    clean = picture()
    soft = (clean + np.roll(clean, 1, 0) + np.roll(clean, 1, 1) + np.roll(clean, (1, 1), (0, 1))) / 4
    noisy = clean + np.random.default_rng(2).normal(0.0, 0.05, clean.shape)
    assert score(soft, clean).texture < 0.8
    assert score(noisy, clean).texture > 1.5


def test_fine_detail_is_the_laplacians_energy_by_hand() -> None:
    dot = np.zeros((7, 7, 3))
    dot[3, 3] = 1.0  # the Laplacian is -4 there and 1 at its four neighbours, within the 5 x 5 interior
    assert fine_detail(dot) == pytest.approx(math.sqrt((16 + 4) / 25))


def test_lab_distance_of_black_and_white_is_100() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert score(white, black).lab == pytest.approx(100.0, abs=0.01)


def test_8_bit_and_float_pictures_score_alike() -> None:
    clean, noisy = (np.rint(picture(seed) * 255).astype(np.uint8) for seed in (0, 1))
    assert score(noisy, clean) == score(noisy / 255.0, clean / 255.0)


@pytest.mark.parametrize("shape", [(8, 9, 3), (8, 8, 1), (8, 8), (4, 4, 3)])
def test_pictures_that_cannot_be_compared_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        score(np.zeros(shape), np.zeros((8, 8, 3)))


def test_16_bit_samples_are_not_taken_for_values_in_0_to_1() -> None:
    with pytest.raises(ValueError, match="uint8 or float"):
        score(np.zeros((8, 8, 3), np.uint16), np.zeros((8, 8, 3)))
