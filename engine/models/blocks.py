"""The few building blocks all networks here are made of: plain convolutions, no normalisation over space.

Statistics taken inside a tile would show as seams, so nothing here looks at more than its neighbourhood.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.runtime.steps import at_once

LUMA = (0.299, 0.587, 0.114)


def luma(x: Tensor) -> Tensor:
    """Grey of x (N, 3, H, W) -> (N, 1, H, W), Rec. 601 weights on encoded values."""
    return (x * torch.tensor(LUMA, device=x.device, dtype=x.dtype)[None, :, None, None]).sum(1, keepdim=True)


def hash_noise(
    y: int, x: int, height: int, width: int, *, planes: int, seed: int, device: torch.device | None = None
) -> Tensor:
    """Uniform noise (1, planes, height, width) in -1..1 for the window of a grid whose corner is (y, x).

    A hash of the absolute coordinates and the seed: every tile draws the same noise at the same place.
    """
    rows = torch.arange(y, y + height, dtype=torch.int64, device=device)[None, :, None]
    columns = torch.arange(x, x + width, dtype=torch.int64, device=device)[None, None, :]
    plane = torch.arange(planes, dtype=torch.int64, device=device)[:, None, None]
    h = rows * 0x9E3779B1 + columns * 0x85EBCA77 + plane * 0xC2B2AE3D + (seed & 0xFFFFFFFF) * 0x27D4EB2F
    for multiplier in (0x7FEB352D, 0x046CA68B):
        h = h & 0xFFFFFFFF
        h = ((h ^ (h >> 16)) * multiplier) & 0xFFFFFFFF
    h = h ^ (h >> 15)
    return (h.to(torch.float32) * (2.0 / 0xFFFFFFFF) - 1.0)[None]


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), both 3x3; the second starts small so that a deep stack begins near identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return at_once(self.steps(x))

    def steps(self, x: Tensor) -> Generator[None, None, Tensor]:
        """The same, resting between its two convolutions."""
        y: Tensor = F.relu(self.first(x))
        yield None
        y = self.second(y)
        return x + y


def through(blocks: Iterable[nn.Module], x: Tensor) -> Generator[None, None, Tensor]:
    """x through residual blocks, resting after each convolution but the last."""
    for number, block in enumerate(blocks):
        assert isinstance(block, ResidualBlock)
        if number:
            yield None
        x = yield from block.steps(x)
    return x


class Down(nn.Module):
    """Halves the resolution with a 2x2 convolution of stride 2."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class Up(nn.Module):
    """Doubles the resolution: 1x1 convolution, then pixel shuffle; adds the skip connection."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside * 4, 1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x), 2) + skip
