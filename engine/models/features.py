"""Texture features without a downloaded network: a plain VGG-like stack, trained on recognising degradation.

Plain stacks carry texture even with random weights (Ustyuzhaninov et al. 2016; He, Wang & Hopcroft 2016), residual ones
do not (Wang, Li & Vasconcelos 2021). They look at luminance only: colour is the tone stage's business.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.blocks import luma


class TextureFeatures(nn.Module):
    """x (N, 3, H, W) in 0..1 -> four maps of 32, 64, 96, 128 channels at 1, 1/2, 1/4, 1/8, of about unit energy."""

    def __init__(self) -> None:
        super().__init__()
        channels = (1, 32, 64, 96, 128)
        self.layers = nn.ModuleList(nn.Conv2d(inside, outside, 3, padding=1) for inside, outside in pairwise(channels))
        for layer in self.layers:
            nn.init.orthogonal_(layer.weight, gain=2**0.5)  # type: ignore[arg-type]
        for level, count in enumerate(channels[1:]):
            self.register_buffer(f"energy{level}", torch.ones(count))

    def forward(self, x: Tensor) -> list[Tensor]:
        raw = self.raw(x)
        return [y / self.get_buffer(f"energy{level}")[None, :, None, None] for level, y in enumerate(raw)]

    def raw(self, x: Tensor) -> list[Tensor]:
        y = (luma(x) - 0.5) * 4
        maps = []
        for level, layer in enumerate(self.layers):
            y = F.relu(layer(F.avg_pool2d(y, 2) if level else y))
            maps.append(y)
        return maps

    @torch.no_grad()
    def follow_energy(self, maps: list[Tensor], share: float = 0.02) -> None:
        """Lets the normalisation drift towards the root mean square of these activations, channel by channel."""
        for level, y in enumerate(maps):
            energy = y.float().square().mean((0, 2, 3)).sqrt().clamp_min(0.05)
            self.get_buffer(f"energy{level}").lerp_(energy, share)
