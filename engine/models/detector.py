"""The detector: where a picture is covered or lost, by scratches, cracks, holes, stains.

A U-Net (Ronneberger, Fischer & Brox 2015) behind the backbone. What mends a picture has a suspicion of its own, but was
taught it beside the mending, as a twentieth of its lesson; the detector has no other lesson, and looks farther on
smaller pictures. It begins with the suspicion as it is and learns what to add to it and to take from it
(`docs/experiments.md`).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.blocks import Down, ResidualBlock, Up, luma, through

CELL = 16  # pixels of its coarsest grid; where a picture begins, and how large it is, are multiples of it
_SURE = 8.0  # logit beyond which the backbone's suspicion is not told apart


class Detector(nn.Module):
    """x (N, 3, H, W), sRGB in 0..1, H and W multiples of 16, with R0 (N, 3, H, W) and the logit of damage (N, 1, H, W)
    that the backbone found -> logit of damage (N, 1, H, W).

    0.2 M parameters, 4.4 kMAC a pixel. Of the backbone it takes only what means the same in any of its trainings, and
    none of its features. It begins at half of the resolution: beginning at a quarter is a third cheaper and learns
    hardly anything in the same time, since each of the sixteen places in a cell has to learn a scratch for itself
    (`docs/experiments.md`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(20, 16, 3, padding=1)
        self.to_quarter = Down(16, 32)
        self.at_quarter = ResidualBlock(32)
        self.to_eighth = Down(32, 48)
        self.at_eighth = ResidualBlock(48)
        self.to_sixteenth = Down(48, 64)
        self.at_sixteenth = ResidualBlock(64)
        self.from_sixteenth = Up(64, 48)
        self.from_eighth = Up(48, 32)
        self.from_quarter = Up(32, 16)
        self.half_out = nn.Conv2d(16, 16, 3, padding=1)
        self.out = nn.Conv2d(16, 4, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, residual: Tensor, suspicion: Tensor) -> Tensor:
        *_, last = self.steps(x, residual, suspicion)
        assert last is not None
        return last

    def steps(self, x: Tensor, residual: Tensor, suspicion: Tensor) -> Iterator[Tensor | None]:
        """The same computation in short steps, so that none holds the engine for long; the logit comes last."""
        suspicion = suspicion.clamp(-_SURE, _SURE)
        seen = torch.cat([x - 0.5, 4 * luma(residual), suspicion / _SURE], dim=1)
        half = self.stem(F.pixel_unshuffle(seen, 2).contiguous(memory_format=torch.channels_last))
        yield None
        quarter = yield from through((self.at_quarter,), self.to_quarter(half))
        yield None
        eighth = yield from through((self.at_eighth,), self.to_eighth(quarter))
        sixteenth = yield from through((self.at_sixteenth,), self.to_sixteenth(eighth))
        yield None
        half = self.from_quarter(self.from_eighth(self.from_sixteenth(sixteenth, eighth), quarter), half)
        yield None
        half = F.leaky_relu(self.half_out(F.leaky_relu(half, 0.1)), 0.1)
        yield None
        yield suspicion + F.pixel_shuffle(self.out(half), 2)
