"""The discriminator: a four-level PatchGAN on pixel-unshuffled pictures, without normalisation."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


class Critic(nn.Module):
    """x (N, 3, H, W) in 0..1 -> score map (N, 1, H/16, W/16), higher is more real (Isola et al. 2017).

    No spectral norm: with it a network this small stays blind for hundreds of steps; R1 + R2 keep it smooth instead.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = (12, width, 2 * width, 4 * width, 4 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(inside, outside, 3 if level == 0 else 4, stride=1 if level == 0 else 2, padding=1)
            for level, (inside, outside) in enumerate(pairwise(channels))
        )
        self.score = nn.Conv2d(4 * width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        """All levels' outputs, for feature matching; the last is the score map."""
        x = F.pixel_unshuffle(x - 0.5, 2) * 2
        maps = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            maps.append(x)
        return [*maps, self.score(x)]
