"""Feature similarity: how alike the edges and lines of two pictures are, where they are most visible.

FSIMc of Zhang, Zhang, Mou & Zhang, "FSIM: A Feature Similarity Index for Image Quality Assessment" (IEEE Transactions
on Image Processing, 2011), on phase congruency after Kovesi (1999), with the constants of the authors' own code.
Needs numpy and scipy, no torch.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Plane: TypeAlias = NDArray[np.float64]

SCALES, ORIENTATIONS = 4, 4
_SHORTEST = 6.0  # pixels: wavelength of the finest filter; each further scale doubles it
_BANDWIDTH = 0.55  # of the log-Gabor filters
_SPREAD = math.pi / (ORIENTATIONS * 1.2)  # radians, of a filter's angle
_NOISE = 2.0  # deviations of the noise's energy that are taken for noise
_CONGRUENCY, _GRADIENT, _CHROMA = 0.85, 160.0, 200.0  # T1 to T4 of the paper
_CHROMA_WEIGHT = 0.03
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_SCHARR = np.array([[3.0, 0.0, -3.0], [10.0, 0.0, -10.0], [3.0, 0.0, -3.0]]) / 16
_TINY = np.finfo(np.float64).eps


def fsim(output: Plane, clean: Plane) -> float:
    """FSIMc of two pictures (H, W, 3) in 0..1 of one size: 1 where nothing differs, lower the less alike they are."""
    (x, xi, xq), (y, yi, yq) = (_planes(_shrunk(picture)) for picture in (output, clean))
    seen = [_phase_congruency(plane) for plane in (x, y)]
    weight = np.maximum(*seen)
    total = float(weight.sum())
    if total < 1e-9:
        return 1.0  # nothing is to be seen in either
    alike = _similarity(seen[0], seen[1], _CONGRUENCY) * _similarity(_gradient(x), _gradient(y), _GRADIENT)
    colour = _similarity(xi, yi, _CHROMA) * _similarity(xq, yq, _CHROMA)
    return float((weight * alike * np.abs(colour) ** _CHROMA_WEIGHT).sum()) / total


def _shrunk(picture: Plane) -> Plane:
    """Averaged down so that its shorter side has about 256 pixels, as the authors do: what is seen at arm's length."""
    times = max(1, round(min(picture.shape[:2]) / 256))
    height, width = (side // times for side in picture.shape[:2])
    blocks = picture[: height * times, : width * times].reshape(height, times, width, times, 3)
    mean: Plane = blocks.mean(axis=(1, 3))
    return mean


def _planes(picture: Plane) -> tuple[Plane, Plane, Plane]:
    yiq = picture @ _YIQ.T * 255
    return yiq[..., 0], yiq[..., 1], yiq[..., 2]


def _similarity(x: Plane, y: Plane, constant: float) -> Plane:
    alike: Plane = (2 * x * y + constant) / (x * x + y * y + constant)
    return alike


def _gradient(plane: Plane) -> Plane:
    across = ndimage.convolve(plane, _SCHARR, mode="constant")
    down = ndimage.convolve(plane, _SCHARR.T, mode="constant")
    slope: Plane = np.hypot(across, down)
    return slope


@lru_cache(maxsize=4)
def _filters(height: int, width: int) -> Plane:
    """Log-Gabor filters (orientations, scales, H, W) in the frequency plane, zero frequency at the corner."""
    rows, columns = np.meshgrid(_frequencies(height), _frequencies(width), indexing="ij")
    radius, angle = np.hypot(rows, columns), np.arctan2(-rows, columns)
    low = 1 / (1 + (radius / 0.45) ** 30)  # keeps the corners of the plane out
    radius[0, 0] = 1
    bands = [
        low * np.exp(-(np.log(radius * _SHORTEST * 2**scale) ** 2) / (2 * math.log(_BANDWIDTH) ** 2))
        for scale in range(SCALES)
    ]
    out = np.empty((ORIENTATIONS, SCALES, height, width))
    for number in range(ORIENTATIONS):
        turned = angle - number * math.pi / ORIENTATIONS
        apart = np.arctan2(np.sin(turned), np.cos(turned))
        out[number] = np.stack(bands) * np.exp(-(apart**2) / (2 * _SPREAD**2))
    out[..., 0, 0] = 0
    return out


def _frequencies(length: int) -> Plane:
    odd = length % 2
    steps = np.arange(length) - (length - odd) / 2
    frequencies: Plane = fft.ifftshift(steps / (length - odd))
    return frequencies


def _phase_congruency(plane: Plane) -> Plane:
    """How much the phases of all scales agree, (H, W) in 0..1: high on edges and lines, whatever their contrast."""
    filters = _filters(*plane.shape)
    spectrum = fft.fft2(plane)
    energy, amplitude = np.zeros(plane.shape), np.zeros(plane.shape)
    for bank in filters:
        answers = fft.ifft2(spectrum * bank)
        total = answers.sum(0)
        mean = total / (np.abs(total) + _TINY)  # the direction of the weighted mean phase
        turned = answers * mean.conj()
        along = (turned.real - np.abs(turned.imag)).sum(0)
        energy += np.maximum(along - _noise(answers[0], bank), 0)
        amplitude += np.abs(answers).sum(0)
    congruency: Plane = energy / (amplitude + _TINY)
    return congruency


def _noise(finest: NDArray[np.complex128], bank: Plane) -> float:
    """The energy that noise alone would show, estimated from the finest filter's answers."""
    power = float(np.median(np.abs(finest) ** 2)) / math.log(2) / float((bank[0] ** 2).sum())
    kernels = fft.ifft2(bank).real * math.sqrt(bank[0].size)
    squares = float((kernels**2).sum())
    products = (float(kernels.sum(0).ravel() @ kernels.sum(0).ravel()) - squares) / 2
    tau = math.sqrt(max(0.0, power * (squares + 2 * products)))
    return tau * (math.sqrt(math.pi / 2) + _NOISE * math.sqrt(2 - math.pi / 2)) / 1.7
