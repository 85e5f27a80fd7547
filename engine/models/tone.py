"""The tone stage: global, parametric, readable as numbers; never baked into the pixels' network.

A monotone curve a channel, a 3x3 matrix, another curve: enough to undo fading and casts and to lay a process's palette
over a picture, exact at any bit depth and the same for every tile, since it follows from a thumbnail of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.blocks import LUMA, luma
from engine.models.generator import STYLE_SIZE
from engine.models.style_encoder import colour_statistics

KNOTS = 17
_SOFTPLUS_ONE = 0.541324854612918  # where softplus is 1
_TONED, _COLOURED = 0.010, 0.016  # deviation of colour at like lightness: at most in toned, at least in colour pictures
_LEVELS_IN_GREY = 0.25  # share of the predicted change of levels that a black and white print gets
THUMBNAIL = 64  # pixels a side of the square thumbnail g


@dataclass(frozen=True, slots=True)
class ToneParameters:
    """Curves (N, 3, 17) of output values at evenly spaced inputs 0..1, and a matrix (N, 3, 3)."""

    before: Tensor
    matrix: Tensor
    after: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """x (N, 3, H, W) -> the same with the tone changed; values are clipped to 0..1 between the steps."""
        y = apply_curve(x, self.before)
        y = torch.einsum("nij,njhw->nihw", self.matrix, y)
        return apply_curve(y, self.after)

    def to(self, like: Tensor) -> ToneParameters:
        """The same on the device and in the precision of `like`."""
        return ToneParameters(self.before.to(like), self.matrix.to(like), self.after.to(like))


def apply_curve(x: Tensor, curve: Tensor) -> Tensor:
    """Piecewise linear interpolation of curve (N, 3, K) at x (N, 3, H, W), clipped to 0..1."""
    knots = curve.shape[2]
    at = x.clamp(0, 1) * (knots - 1)
    index = at.detach().floor().clamp(0, knots - 2).long()
    flat = index.flatten(2)
    low = curve.gather(2, flat).view_as(x)
    high = curve.gather(2, flat + 1).view_as(x)
    return low + (high - low) * (at - index)


def _curve(raw: Tensor) -> Tensor:
    """raw (N, 3 * 18) -> monotone curves (N, 3, 17); all zeros give the identity."""
    raw = raw.view(-1, 3, KNOTS + 1)
    increments = F.softplus(raw[:, :, 1:KNOTS] + _SOFTPLUS_ONE) / (KNOTS - 1)
    start = raw[:, :, :1] * 0.5
    scale = 1 + 0.5 * torch.tanh(raw[:, :, KNOTS:])
    return (start + scale * F.pad(increments.cumsum(2), (1, 0))).clamp(0, 1)


class _Predictor(nn.Module):
    """Colour statistics, a small look at the thumbnail and a style code -> curve, matrix, curve."""

    SIZES = (3 * (KNOTS + 1), 9, 3 * (KNOTS + 1))

    def __init__(self, style: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 24, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
        )  # fmt: skip
        self.decide = nn.Sequential(
            nn.Linear(24 + 96 + style, 160), nn.SiLU(), nn.Linear(160, 160), nn.SiLU(), nn.Linear(160, sum(self.SIZES))
        )
        nn.init.zeros_(self.decide[4].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.decide[4].bias)  # type: ignore[arg-type]

    def forward(self, thumbnail: Tensor, style: Tensor | None) -> ToneParameters:
        seen = self.look(thumbnail - 0.5)
        parts = [colour_statistics(thumbnail), seen.mean((2, 3)), seen.std((2, 3))]
        raw = self.decide(torch.cat(parts if style is None else [*parts, style], dim=1))
        before, matrix, after = raw.split(self.SIZES, dim=1)
        identity = torch.eye(3, device=raw.device)
        return ToneParameters(_curve(before), identity + 0.5 * matrix.view(-1, 3, 3), _curve(after))


def monochrome(thumbnail: Tensor) -> Tensor:
    """(N,) how surely a picture (N, 3, H, W) in 0..1 is a toned black and white one: 1 certain, 0 in colour.

    Toning moves every grey to one colour; so among pixels of like lightness a toned print has one colour, a colour
    photograph several. The deviation is taken in 16 classes of lightness, on 32 x 32 means, which grain cannot reach.
    """
    small = F.adaptive_avg_pool2d(thumbnail, 32)
    lightness = luma(small)
    order = lightness.flatten(1).argsort(dim=1)[:, None].expand(-1, 3, -1)
    chroma = (small - lightness).flatten(2).gather(2, order).view(-1, 3, 16, 64)
    deviation = (chroma - chroma.mean(3, keepdim=True)).square().mean((1, 2, 3)).sqrt()
    share: Tensor = (_COLOURED - deviation) / (_COLOURED - _TONED)
    return share.clamp(0, 1)


def neutralised(parameters: ToneParameters, share: Tensor) -> ToneParameters:
    """Parameters that make the picture grey by `share` (N,) in 0..1, and keep most of its levels as they are.

    Whether a black and white print is faded or was printed soft, a thumbnail hardly tells: on aged pictures never
    trained on, neutral greys alone came nearer to the truth than with the predicted levels.
    """
    share = share[:, None, None]
    straight = torch.linspace(0, 1, KNOTS, device=share.device, dtype=parameters.before.dtype)
    weights = torch.tensor(LUMA, device=share.device, dtype=parameters.matrix.dtype).expand(3, 3)
    after = parameters.after + share * (parameters.after.mean(1, keepdim=True) - parameters.after)
    gentle = 1 - share * (1 - _LEVELS_IN_GREY)
    return ToneParameters(
        straight + gentle * (parameters.before - straight),
        parameters.matrix + share * (weights - parameters.matrix),
        straight + gentle * (after - straight),
    )


class ToneStage(nn.Module):
    """`unfade` finds the way back from fading and casts, `palette` the way to a style's colours."""

    def __init__(self) -> None:
        super().__init__()
        self.unfade = _Predictor(0)
        self.palette = _Predictor(STYLE_SIZE)

    def unfading(self, thumbnail: Tensor) -> ToneParameters:
        """thumbnail (N, 3, 64, 64) of the picture in 0..1 -> parameters that undo its fading."""
        parameters: ToneParameters = self.unfade(thumbnail, None)
        return neutralised(parameters, monochrome(thumbnail))

    def styling(self, thumbnail: Tensor, style: Tensor) -> ToneParameters:
        """The same towards the palette of a style code (N, 64)."""
        parameters: ToneParameters = self.palette(thumbnail, style)
        return parameters
