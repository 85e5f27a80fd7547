"""Distances between a restored picture and the truth. Needs numpy and scikit-image, no torch.

Pictures are (H, W, 3), sRGB-encoded, uint8 or float in 0..1, both of one size and at least 7 pixels a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity

from engine.evaluation.fsim import fsim

Picture: TypeAlias = NDArray[Any]
Plane: TypeAlias = NDArray[np.float64]

SMALLEST_SIDE = 7  # of SSIM's window


@dataclass(frozen=True, slots=True)
class Scores:
    """One picture against its truth."""

    psnr: float  # dB, as it is; infinite where nothing differs
    fitted_psnr: float  # dB, after the best gain and offset a channel: choices of tone do not count
    ssim: float  # -1..1, on the fitted picture
    fsim: float  # 0..1, on the fitted picture
    texture: float  # fine detail, fitted / truth: below 1 is soft, above 1 is noisy or over-crisp
    lab: float  # mean CIE Lab distance, as it is


def score(output: Picture, clean: Picture) -> Scores:
    """All figures. Raises ValueError for pictures that cannot be compared."""
    x, truth = unit(output), unit(clean)
    if x.shape != truth.shape or x.ndim != 3 or x.shape[2] != 3 or min(x.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(f"cannot compare pictures of shapes {output.shape} and {clean.shape}")
    fitted = fit_tone(x, truth)
    return Scores(
        psnr=psnr(x, truth),
        fitted_psnr=psnr(fitted, truth),
        ssim=_ssim(fitted, truth),
        fsim=fsim(fitted, truth),
        texture=_ratio(fine_detail(fitted), fine_detail(truth)),
        lab=float(np.linalg.norm(rgb2lab(x) - rgb2lab(truth), axis=2).mean()),
    )


def psnr(output: Plane, clean: Plane) -> float:
    """Peak signal to noise in dB for values in 0..1; infinite where they are equal."""
    error = float(np.mean((output - clean) ** 2))
    return math.inf if error == 0.0 else -10.0 * math.log10(error)


def fit_tone(output: Plane, clean: Plane) -> Plane:
    """`output` with the gain and offset a channel that bring it nearest to `clean`, in 0..1 again."""
    mean, target = output.mean(axis=(0, 1)), clean.mean(axis=(0, 1))
    spread = output - mean
    variance = (spread**2).sum(axis=(0, 1))
    covariance = (spread * (clean - target)).sum(axis=(0, 1))
    gain = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 1e-12)
    fitted: Plane = np.clip(spread * gain + target, 0.0, 1.0)
    return fitted


def fine_detail(picture: Plane) -> float:
    """Root of the mean energy of the 4-neighbour Laplacian of the grey picture, without its outermost pixels."""
    grey = picture.mean(axis=2)
    neighbours = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.sqrt(np.mean((neighbours - 4.0 * grey[1:-1, 1:-1]) ** 2)))


def _ssim(output: Plane, clean: Plane) -> float:
    return float(structural_similarity(output, clean, channel_axis=2, data_range=1.0))  # type: ignore[no-untyped-call]


def _ratio(value: float, reference: float) -> float:
    """1 where there is nothing on either side: two flat pictures have the same texture."""
    if reference < 1e-9:
        return 1.0 if value < 1e-9 else math.inf
    return value / reference


def unit(picture: Picture) -> Plane:
    """Any picture as float64 in 0..1. Raises ValueError for other kinds of numbers."""
    values = np.asarray(picture)
    if values.dtype == np.uint8:
        return np.asarray(values / 255.0, dtype=np.float64)
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"pictures are uint8 or float in 0..1, not {values.dtype}")
    return np.asarray(values, dtype=np.float64)
