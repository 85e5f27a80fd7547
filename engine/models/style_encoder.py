"""A reference picture -> 64 numbers: what a style card stores instead of the picture."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.generator import STYLE_SIZE

REFERENCE_SIZE = 256


class StyleEncoder(nn.Module):
    """x (N, 3, 256, 256) in 0..1 -> code (N, 64): means and deviations at three scales of four strided convolutions,
    beside five quantiles of each colour and the covariance of the three."""

    def __init__(self) -> None:
        super().__init__()
        channels = (3, 24, 32, 48, 64)
        self.layers = nn.ModuleList(
            nn.Conv2d(inside, outside, 3, stride=2, padding=1) for inside, outside in pairwise(channels)
        )
        self.code = nn.Sequential(
            nn.Linear(2 * sum(channels[2:]) + _COLOURS, 128), nn.SiLU(), nn.Linear(128, STYLE_SIZE)
        )

    def forward(self, x: Tensor) -> Tensor:
        statistics = [colour_statistics(x)]
        y = (x - 0.5) * 2
        for level, layer in enumerate(self.layers):
            y = F.leaky_relu(layer(y), 0.1)
            if level:
                statistics += [y.mean((2, 3)), y.std((2, 3))]
        code: Tensor = self.code(torch.cat(statistics, dim=1))
        return torch.tanh(code)


_LEVELS = 5
_COLOURS = 3 * _LEVELS + 9


def colour_statistics(x: Tensor) -> Tensor:
    """(N, 24): five quantiles a channel and the 3x3 covariance, of x (N, 3, H, W) in 0..1."""
    flat = F.adaptive_avg_pool2d(x, 48).flatten(2)
    ordered = flat.sort(dim=2).values
    at = torch.linspace(0.02, 0.98, _LEVELS, device=x.device) * (ordered.shape[2] - 1)
    quantiles = ordered[:, :, at.round().long()].flatten(1)
    centred = flat - flat.mean(2, keepdim=True)
    covariance = (centred @ centred.transpose(1, 2) / flat.shape[2]).flatten(1)
    return torch.cat([quantiles * 2 - 1, covariance * 10], dim=1)
