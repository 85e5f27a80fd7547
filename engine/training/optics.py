"""What lens, emulsion, time and reproduction do to a whole picture. Batched, one set of parameters a picture.

Every function takes x (N, 3, H, W), sRGB in 0..1, and per-picture parameters of shape (N,) on any device; noise is
drawn from the `torch.Generator` given. Values may leave 0..1: the caller clips where a medium would.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import luma


def column(values: Tensor) -> Tensor:
    """(N,) -> (N, 1, 1, 1), so that it broadcasts over a batch of pictures."""
    return values[:, None, None, None]


def gaussian_blur(x: Tensor, sigma_x: Tensor, sigma_y: Tensor, angle: Tensor, *, periodic: bool = False) -> Tensor:
    """Anisotropic Gaussian blur by its transfer function; sigma in pixels (0 leaves the picture), angle in radians.

    The border is reflected, or continued periodically, which costs less and does for noise.
    """
    widest = float(torch.maximum(sigma_x, sigma_y).max())
    if widest == 0.0:
        return x
    pad = 0 if periodic else int(min(3 * widest + 1, x.shape[-1] - 1, x.shape[-2] - 1))
    tail = [min(pad + (-(side + 2 * pad) % 16), side - 1) if pad else 0 for side in x.shape[-2:]]  # quick FFT sizes
    padded = F.pad(x, (pad, tail[1], pad, tail[0]), mode="reflect")
    height, width = padded.shape[-2:]
    v = torch.fft.fftfreq(height, device=x.device)[None, None, :, None]
    u = torch.fft.rfftfreq(width, device=x.device)[None, None, None, :]
    c, s = column(angle.cos()), column(angle.sin())
    exponent = (column(sigma_x) * (u * c + v * s)) ** 2 + (column(sigma_y) * (v * c - u * s)) ** 2
    transfer = torch.exp(-2 * math.pi**2 * exponent)
    blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded) * transfer, s=(height, width))
    return blurred[..., pad : pad + x.shape[-2], pad : pad + x.shape[-1]]


def low_resolution(x: Tensor, factor: Tensor, mode: str = "area") -> Tensor:
    """Shrinks each picture by its factor (>= 1) with this filter and enlarges it again."""
    # Factors differ, hence the loop.
    out = x.clone()
    for i, f in enumerate(factor.tolist()):
        if f > 1.0:
            size = (max(1, round(x.shape[-2] / f)), max(1, round(x.shape[-1] / f)))
            smooth = mode != "area"
            small = F.interpolate(x[i : i + 1], size=size, mode=mode, antialias=smooth)
            out[i : i + 1] = F.interpolate(small, size=x.shape[-2:], mode="bicubic", align_corners=False)
    return out


@dataclass(frozen=True, slots=True)
class Grain:
    """Film grain, (N,) each: `amplitude` its deviation at mid-grey, `clump` its size in pixels (sigma), `colour` from 0
    grey to 1 independent channels, `midtones` 0..1 how much weaker it is in black and white."""

    amplitude: Tensor
    clump: Tensor
    colour: Tensor
    midtones: Tensor


def grain(x: Tensor, film: Grain, noise: torch.Generator) -> Tensor:
    """Adds film grain to x (N, 3, H, W)."""
    n = torch.randn(x.shape, generator=noise, device=x.device)
    n = column(film.colour) * n + column((1 - film.colour**2).sqrt()) * n[:, :1]
    clumped = gaussian_blur(n, film.clump, film.clump, torch.zeros_like(film.clump), periodic=True)
    deviation = clumped.flatten(1).std(dim=1).clamp_min(1e-4)
    clumped = clumped * column(film.amplitude / deviation)
    value = luma(x).clamp(0, 1)
    strength = 1 - column(film.midtones) * (1 - 4 * value * (1 - value))
    return x + clumped * strength


def white_noise(x: Tensor, sigma: Tensor, noise: torch.Generator) -> Tensor:
    """Adds independent Gaussian noise of standard deviation sigma."""
    return x + column(sigma) * torch.randn(x.shape, generator=noise, device=x.device)


def fade(x: Tensor, black: Tensor, white: Tensor, gamma: Tensor) -> Tensor:
    """Lifted blacks and sunken whites: values from 0..1 go to black..white along a power curve."""
    low, high = black[:, :, None, None], white[:, :, None, None]
    return low + (high - low) * x.clamp(0, 1) ** gamma[:, :, None, None]


SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))


def tone_shift(x: Tensor, sepia: Tensor, yellow: Tensor, red: Tensor, silver: Tensor) -> Tensor:
    """Sepia, yellowing, reddening and silver mirroring (a bluish sheen in the dark), each 0..1 a picture."""
    matrix = torch.tensor(SEPIA, device=x.device)
    toned = torch.einsum("ij,njhw->nihw", matrix, x).clamp(0, 1)
    x = x + column(sepia) * (toned - x)
    t = column(yellow)
    factor = torch.tensor([0.08, 0.02, -0.15], device=x.device)[None, :, None, None]
    offset = torch.tensor([20.0, 12.0, 0.0], device=x.device)[None, :, None, None] / 255
    x = x * (1 + factor * t) + offset * t
    x = x + column(red) * torch.tensor([0.09, -0.02, -0.04], device=x.device)[None, :, None, None]
    dark = (1 - luma(x)).clamp(0, 1) ** 3
    return x + column(silver) * dark * torch.tensor([0.04, 0.08, 0.16], device=x.device)[None, :, None, None]


def illumination(x: Tensor, gradient: Tensor, angle: Tensor, vignette: Tensor) -> Tensor:
    """A light gradient across the picture and darker corners; gradient and vignette are shares of the light, 0..1."""
    height, width = x.shape[-2:]
    rows = torch.linspace(-1, 1, height, device=x.device)[None, None, :, None]
    columns = torch.linspace(-1, 1, width, device=x.device)[None, None, None, :]
    ramp = columns * column(angle.cos()) + rows * column(angle.sin())
    return x * (1 + column(gradient) * ramp) * (1 - column(vignette) * (rows**2 + columns**2) / 2)


def _dct_matrix() -> Tensor:
    k = torch.arange(8, dtype=torch.float32)
    matrix = torch.cos((2 * k[None, :] + 1) * k[:, None] * math.pi / 16) * 0.5
    matrix[0] = math.sqrt(1 / 8)
    return matrix


# ITU-T T.81, annex K: the example luminance and chrominance tables.
_LUMINANCE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
_CHROMINANCE = torch.full((8, 8), 99.0)
_CHROMINANCE[:4, :4] = torch.tensor(
    [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]], dtype=torch.float32
)
_TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def _quantise(plane: Tensor, table: Tensor) -> Tensor:
    """One JPEG plane (N, C, H, W), H and W multiples of 8, values around 0 in 0..255 units; table (N, 8, 8)."""
    n, c, h, w = plane.shape
    dct = _dct_matrix().to(plane.device)
    blocks = plane.reshape(n, c, h // 8, 8, w // 8, 8).permute(0, 1, 2, 4, 3, 5)
    steps = table[:, None, None, None]
    coefficients = torch.round(dct @ blocks @ dct.T / steps) * steps
    blocks = dct.T @ coefficients @ dct
    return blocks.permute(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)


def jpeg(x: Tensor, quality: Tensor) -> Tensor:
    """JPEG of each picture's quality (1..100), chroma at half resolution, as a batched DCT."""
    height, width = x.shape[-2:]
    pad_h, pad_w = -height % 16, -width % 16
    padded = F.pad(x.clamp(0, 1), (0, pad_w, 0, pad_h), mode="replicate") * 255
    matrix = _TO_YCC.to(x.device)
    ycc = torch.einsum("ij,njhw->nihw", matrix, padded)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None]
    tables = [((t.to(x.device)[None] * scale + 50) / 100).floor().clamp(1, 255) for t in (_LUMINANCE, _CHROMINANCE)]
    y = _quantise(ycc[:, :1] - 128, tables[0]) + 128
    chroma = _quantise(F.avg_pool2d(ycc[:, 1:], 2), tables[1])
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(matrix), torch.cat([y, chroma], 1)) / 255
    return rgb[..., :height, :width].clamp(0, 1)
