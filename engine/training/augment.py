"""What a critic sees of few pictures: colour, place and completeness changed at random, for real and restored alike.

DiffAugment (Zhao et al. 2020): with few pictures a critic learns them by heart. Changes that gradients pass through
keep it from that, and never show in what is restored.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """x (N, 3, H, W) in 0..1, changed: policy "color, translation, cutout"."""
    return _cutout(_translated(_coloured(x, generator), generator), generator)


def _coloured(x: Tensor, generator: torch.Generator) -> Tensor:
    light, chroma, contrast = (_drawn(x, generator) for _ in range(3))
    x = x + 0.5 * (light - 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (2 * chroma)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * (contrast + 0.5)


def _translated(x: Tensor, generator: torch.Generator, share: float = 0.125) -> Tensor:
    height, width = x.shape[2:]
    reach = [max(1, round(size * share)) for size in (height, width)]
    padded = F.pad(x, (reach[1], reach[1], reach[0], reach[0]))
    moved = []
    for picture in torch.split(padded, 1):
        top, left = (int(torch.randint(0, 2 * r + 1, (1,), generator=generator)) for r in reach)
        moved.append(picture[..., top : top + height, left : left + width])
    return torch.cat(moved)


def _cutout(x: Tensor, generator: torch.Generator, share: float = 0.5) -> Tensor:
    n, _, height, width = x.shape
    kept = torch.ones(n, 1, height, width, device=x.device, dtype=x.dtype)
    for number in range(n):
        top = int(torch.randint(0, height, (1,), generator=generator)) - round(height * share / 2)
        left = int(torch.randint(0, width, (1,), generator=generator)) - round(width * share / 2)
        rows = slice(max(0, top), max(0, top + round(height * share)))
        kept[number, :, rows, max(0, left) : max(0, left + round(width * share))] = 0
    return x * kept


def _drawn(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, generator=generator).to(x)
