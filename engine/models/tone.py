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


_SIZES = (3 * (KNOTS + 1), 9, 3 * (KNOTS + 1))  # of the raw numbers: curve, matrix, curve


def _parameters(raw: Tensor) -> ToneParameters:
    """raw (N, 117) -> parameters; all zeros change nothing."""
    before, matrix, after = torch.split(raw, list(_SIZES), dim=1)
    identity = torch.eye(3, device=raw.device)
    return ToneParameters(_curve(before), identity + 0.5 * matrix.view(-1, 3, 3), _curve(after))


def _zeroed(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class _Unfade(nn.Module):
    """How a picture's colours are distributed -> what undoes its fading.

    It is not shown the picture: a few hundred photographs are soon known by heart, their distributions less so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.decide = nn.Sequential(
            nn.Dropout(0.05), nn.Linear(_STATISTICS, 192), nn.SiLU(),
            nn.Dropout(0.3), nn.Linear(192, 192), nn.SiLU(),
            nn.Dropout(0.3), _zeroed(nn.Linear(192, sum(_SIZES))),
        )  # fmt: skip

    def forward(self, statistics: Tensor) -> ToneParameters:
        return _parameters(self.decide(statistics))


class _Palette(nn.Module):
    """Colour statistics, a small look at the thumbnail and a style code -> what lays that style's palette over it."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 24, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
        )  # fmt: skip
        self.decide = nn.Sequential(
            nn.Linear(24 + 96 + STYLE_SIZE, 160), nn.SiLU(), nn.Linear(160, 160), nn.SiLU(),
            _zeroed(nn.Linear(160, sum(_SIZES))),
        )  # fmt: skip

    def forward(self, thumbnail: Tensor, style: Tensor) -> ToneParameters:
        seen = self.look(thumbnail - 0.5)
        parts = [colour_statistics(thumbnail), seen.mean((2, 3)), seen.std((2, 3)), style]
        return _parameters(self.decide(torch.cat(parts, dim=1)))


_QUANTILES, _CLASSES = 33, 16
_STATISTICS = 3 * _QUANTILES + 4 * 3 * _CLASSES


def order_statistics(pixels: Tensor) -> Tensor:
    """(N, 291) from pixels (N, 3, P) in 0..1, P a multiple of 16: quantiles a channel; and of 16 classes of lightness
    the mean colour, what it has of colour, and how far values and colours spread in it. Scaled to about -1..1."""
    n, _, count = pixels.shape
    at = torch.linspace(0, count - 1, _QUANTILES, device=pixels.device).long()
    quantiles = pixels.sort(dim=2).values[:, :, at]
    order = luma(pixels[:, :, None])[:, 0].argsort(dim=2).expand(-1, 3, -1)
    classes = pixels.gather(2, order).view(n, 3, _CLASSES, -1)
    mean = classes.mean(3)
    colour = (classes - classes.mean(1, keepdim=True)).std(3)
    parts = [2 * quantiles - 1, 2 * mean - 1, 8 * (mean - mean.mean(1, keepdim=True)), 6 * classes.std(3), 10 * colour]
    return torch.cat([part.flatten(1) for part in parts], dim=1)


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


def neutralised(parameters: ToneParameters, share: Tensor, levels: float = _LEVELS_IN_GREY) -> ToneParameters:
    """Parameters that make the picture grey by `share` (N,) in 0..1, and give it `levels`, 0..1, of the change of
    levels.

    Whether a black and white print is faded or was printed soft is hardly to be told: on aged pictures never trained
    on, neutral greys alone came nearer to the truth than with the predicted levels.
    """
    share = share[:, None, None]
    straight = torch.linspace(0, 1, KNOTS, device=share.device, dtype=parameters.before.dtype)
    weights = torch.tensor(LUMA, device=share.device, dtype=parameters.matrix.dtype).expand(3, 3)
    grey = straight + levels * (parameters.after.mean(1, keepdim=True) - straight)
    return ToneParameters(
        parameters.before + share * (straight - parameters.before),
        parameters.matrix + share * (weights - parameters.matrix),
        parameters.after + share * (grey - parameters.after),
    )


class ToneStage(nn.Module):
    """`unfade` finds the way back from fading and casts, `palette` the way to a style's colours."""

    def __init__(self) -> None:
        super().__init__()
        self.unfade = _Unfade()
        self.palette = _Palette()

    def unfading(self, thumbnail: Tensor) -> ToneParameters:
        """thumbnail (N, 3, 64, 64) of the picture in 0..1 -> parameters that undo its fading; they are the nearer to
        the truth the less damage the thumbnail shows."""
        parameters: ToneParameters = self.unfade(order_statistics(thumbnail.flatten(2)))
        return neutralised(parameters, monochrome(thumbnail))

    def styling(self, thumbnail: Tensor, style: Tensor) -> ToneParameters:
        """The same towards the palette of a style code (N, 64)."""
        parameters: ToneParameters = self.palette(thumbnail, style)
        return parameters
