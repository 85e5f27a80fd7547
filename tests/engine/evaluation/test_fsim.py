"""FSIM against the figures that piq 0.8.0 gives for the same pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.evaluation.fsim import fsim

Picture = NDArray[np.float64]


def pattern(height: int, width: int) -> Picture:
    y, x = np.mgrid[:height, :width]
    waves = 0.5 + 0.4 * np.sin(x / 7 + y / 19), 0.5 + 0.3 * np.cos(x * y / 900)
    return np.stack([*waves, 0.4 + 0.3 * ((x // 16 + y // 12) % 2)], axis=2)


def striped(picture: Picture) -> Picture:
    stripes = 0.1 * np.sin(np.arange(picture.shape[1]) / 3)[None, :, None]
    return np.asarray(np.clip(0.8 * picture + 0.05 + stripes, 0, 1))


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(64, 64, 0.829820), (65, 90, 0.827230), (129, 97, 0.805305), (448, 448, 0.873726)],  # piq.fsim(..., data_range=1.)
)
def test_it_agrees_with_piq(height: int, width: int, expected: float) -> None:
    clean = pattern(height, width)
    assert fsim(striped(clean), clean) == pytest.approx(expected, abs=1e-4)


def test_equal_pictures_score_one_and_noise_costs() -> None:
    clean = pattern(96, 80)
    noise = np.random.default_rng(0).normal(0, 1, clean.shape)
    scores = [fsim(np.clip(clean + amount * noise, 0, 1), clean) for amount in (0.0, 0.03, 0.1)]
    assert scores[0] == pytest.approx(1.0)
    assert scores[0] > scores[1] > scores[2]
    flat = np.full((32, 32, 3), 0.5)
    assert fsim(flat, flat) == pytest.approx(1.0)
