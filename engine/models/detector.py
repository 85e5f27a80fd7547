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
_SHUFFLE = 4  # its finest grid: at half of the resolution a third of the work took half of the time
_SURE = 8.0  # logit beyond which the backbone's suspicion is not told apart


def _bent(x: Tensor) -> Tensor:
    """A unit that is never quite silent: without normalisation, plain ones died of one bad step."""
    return F.leaky_relu(x, 0.1)


class Detector(nn.Module):
    """x (N, 3, H, W), sRGB in 0..1, H and W multiples of 16, with R0 (N, 3, H, W) and the logit of damage (N, 1, H, W)
    that the backbone found -> logit of damage (N, 1, H, W).

    0.35 M parameters, 4.4 kMAC a pixel; sees 56 to 75 pixels around one, beside what the backbone sees. Of the backbone
    it takes only what means the same in any of its trainings, and none of its features.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(5 * _SHUFFLE**2, 48, 1)
        self.to_eighth = Down(48, 64)
        self.at_eighth = ResidualBlock(64)
        self.to_sixteenth = Down(64, 96)
        self.at_sixteenth = ResidualBlock(96)
        self.from_sixteenth = Up(96, 64)
        self.from_eighth = Up(64, 48)
        self.quarter_out = nn.Conv2d(48, 48, 3, padding=1)
        self.out = nn.Conv2d(48, _SHUFFLE**2, 3, padding=1)
        for layer in (self.stem, self.to_eighth.conv, self.to_sixteenth.conv, self.quarter_out):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # He et al. 2015: there is no normalisation
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
        quarter = _bent(self.stem(F.pixel_unshuffle(seen, _SHUFFLE).contiguous(memory_format=torch.channels_last)))
        yield None
        eighth = yield from through((self.at_eighth,), self.to_eighth(quarter))
        sixteenth = yield from through((self.at_sixteenth,), self.to_sixteenth(_bent(eighth)))
        eighth = self.from_sixteenth(_bent(sixteenth), eighth)
        quarter = _bent(self.from_eighth(_bent(eighth), quarter))
        yield None
        quarter = _bent(self.quarter_out(quarter))
        yield None
        yield suspicion + F.pixel_shuffle(self.out(quarter), _SHUFFLE)
