"""How tones are printed with one ink: dot screens, ordered dither, error diffusion. Batched over x (N, 3, H, W)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.training.optics import column

# Where a pixel's error goes, as (rows down, columns right, share).
FLOYD_STEINBERG = ((0, 1, 7 / 16), (1, -1, 3 / 16), (1, 0, 5 / 16), (1, 1, 1 / 16))
ATKINSON = ((0, 1, 1 / 8), (0, 2, 1 / 8), (1, -1, 1 / 8), (1, 0, 1 / 8), (1, 1, 1 / 8), (2, 0, 1 / 8))


def dot_screen(x: Tensor, pitch: Tensor, angle: Tensor, hardness: Tensor, share: Tensor) -> Tensor:
    """A halftone of round dots: `pitch` in pixels, `hardness` of the edge, `share` 0..1 of the screened picture.

    `angle` (N,) turns one screen for all channels, (N, 3) one for each, as colour printing does.
    """
    height, width = x.shape[-2:]
    rows = torch.arange(height, device=x.device, dtype=x.dtype)[None, None, :, None]
    columns = torch.arange(width, device=x.device, dtype=x.dtype)[None, None, None, :]
    angle = angle if angle.dim() == 2 else angle[:, None]
    c, s = angle.cos()[:, :, None, None], angle.sin()[:, :, None, None]
    turn = column(2 * math.pi / pitch)
    cell = torch.cos((columns * c + rows * s) * turn) + torch.cos((rows * c - columns * s) * turn)
    threshold = 0.5 - 0.25 * cell
    screened = torch.sigmoid((x - threshold) * column(hardness))
    return x + column(share) * (screened - x)


def ordered_dither(x: Tensor, order: int = 3) -> Tensor:
    """Bayer's (1973) ordered dither to black and white a channel, on a matrix of 2 to the power of `order` a side."""
    matrix = torch.zeros(1, 1, device=x.device)
    for _ in range(order):
        matrix = torch.cat([torch.cat([4 * matrix, 4 * matrix + 2], 1), torch.cat([4 * matrix + 3, 4 * matrix + 1], 1)])
    side = 1 << order
    repeats = (math.ceil(x.shape[-2] / side), math.ceil(x.shape[-1] / side))
    threshold = ((matrix + 0.5) / side**2).repeat(*repeats)[: x.shape[-2], : x.shape[-1]]
    return (x > threshold).to(x.dtype)


def error_diffusion(x: Tensor, kernel: tuple[tuple[int, int, float], ...] = FLOYD_STEINBERG) -> Tensor:
    """Floyd & Steinberg's (1976) or Atkinson's dither to black and white a channel.

    Sequential by nature; pixels whose column + 2 * row is equal do not depend on one another, so each such slanting
    line is done at once, for the whole batch: W + 2 H steps instead of W * H.
    """
    n, channels, height, width = x.shape
    steps = width + 2 * (height - 1)
    rows = torch.arange(height, device=x.device)
    skewed = x.new_zeros(steps + 6, n, channels, height)
    at = (torch.arange(width, device=x.device)[None, :] + 2 * rows[:, None]).flatten()
    across = rows.repeat_interleave(width)
    skewed[at, :, :, across] = x.permute(2, 3, 0, 1).reshape(height * width, n, channels)
    for t in range(steps):
        line = skewed[t]
        error = line - (line > 0.5).to(x.dtype)
        first, last = max(0, (t - width + 2) // 2), min(height - 1, t // 2)  # rows this line crosses
        error = error[:, :, first : last + 1]
        skewed[t] = (line > 0.5).to(x.dtype)
        for down, right, share in kernel:
            end = min(height, last + 1 + down)
            skewed[t + right + 2 * down, :, :, first + down : end] += share * error[:, :, : end - first - down]
    return skewed[at, :, :, across].reshape(height, width, n, channels).permute(2, 3, 0, 1).contiguous()
