"""The detector: where a picture is covered or lost, by scratches, cracks, holes, stains.

A U-Net (Ronneberger, Fischer & Brox 2015) of its own, beside the backbone and independent of it. What mends a picture
only has to know what stands out from its neighbourhood; what tells a hole in the paper from a white collar has to look
farther, and to be taught with damage as its whole lesson instead of a twentieth of it (`docs/experiments.md`).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.blocks import Down, ResidualBlock, Up, through

CELL = 16  # pixels of its coarsest grid; where a picture begins, and how large it is, are multiples of it


class Detector(nn.Module):
    """x (N, 3, H, W), sRGB in 0..1, H and W multiples of 16 -> logit of damage (N, 1, H, W).

    0.4 M parameters, 4.3 kMAC a pixel; sees 56 to 75 pixels around one. No grid is finer than a quarter of the
    resolution: at half of it a third of the work took half of the time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(48, 48, 1)
        self.to_eighth = Down(48, 64)
        self.at_eighth = ResidualBlock(64)
        self.to_sixteenth = Down(64, 96)
        self.at_sixteenth = ResidualBlock(96)
        self.from_sixteenth = Up(96, 64)
        self.from_eighth = Up(64, 48)
        self.quarter_out = nn.Conv2d(48, 48, 3, padding=1)
        self.out = nn.Conv2d(48, 16, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, -3.0)  # type: ignore[arg-type]  # damage is rare

    def forward(self, x: Tensor) -> Tensor:
        *_, last = self.steps(x)
        assert last is not None
        return last

    def steps(self, x: Tensor) -> Iterator[Tensor | None]:
        """The same computation in short steps, so that none holds the engine for long; the logit comes last."""
        quarter = F.relu(self.stem(F.pixel_unshuffle(x - 0.5, 4)))
        yield None
        eighth = yield from through((self.at_eighth,), self.to_eighth(quarter))
        sixteenth = yield from through((self.at_sixteenth,), self.to_sixteenth(F.relu(eighth)))
        eighth = self.from_sixteenth(F.relu(sixteenth), eighth)
        quarter = F.relu(self.from_eighth(F.relu(eighth), quarter))
        yield None
        quarter = F.relu(self.quarter_out(quarter))
        yield None
        yield F.pixel_shuffle(self.out(quarter), 4)
