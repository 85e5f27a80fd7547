"""The way back: a small network that makes a clean picture look old, so that unpaired heaps can be joined in a cycle.

CycleGAN (Zhu et al. 2017) learns both ways at once: old -> clean and clean -> old. What comes with Archivist has
learned the look of the general aging; a fine-tuning on two heaps teaches it that of the one (`training/unpaired.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FINE, COARSE = 4, 2  # channels of noise at half of the resolution, and at a sixteenth
WIDTH = 40


class Reverse(nn.Module):
    """Clean (N, 3, H, W), sRGB in 0..1, H and W multiples of 16 -> old, of the same tone; 0.07 M parameters, 17 kMAC a
    pixel. Everything that a scan of its like might have or not have comes from the noise."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.stem = nn.Conv2d(12 + FINE + COARSE + 1, width, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(4))
        self.out = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, clean: Tensor, severity: Tensor, noise: tuple[Tensor, Tensor]) -> Tensor:
        """severity (N,) in 0..1 as of the general aging; noise as `drawn` makes it."""
        fine, coarse = noise
        half = F.pixel_unshuffle(clean - 0.5, 2)
        level = severity.to(half)[:, None, None, None].expand(-1, 1, *half.shape[2:])
        blotches = F.interpolate(coarse, size=half.shape[2:], mode="bilinear", align_corners=False)
        x = F.leaky_relu(self.stem(torch.cat([half, fine, blotches, level], 1)), 0.1)
        for first, second in zip(self.body[::2], self.body[1::2], strict=True):
            x = x + second(F.leaky_relu(first(x), 0.1))
        old: Tensor = clean + F.pixel_shuffle(self.out(F.leaky_relu(x, 0.1)), 2)
        return old


def drawn(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise for pictures (N, 3, H, W): (N, 4, H / 2, W / 2) and (N, 2, H / 16, W / 16); from the processor."""
    n, _, height, width = clean.shape
    fine = torch.randn(n, FINE, height // 2, width // 2, generator=generator)
    coarse = torch.randn(n, COARSE, height // 16, width // 16, generator=generator)
    return fine.to(clean), coarse.to(clean)
