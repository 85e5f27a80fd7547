"""L_content and L_style: what the head was trained on, and what direct optimisation minimises over the pixels.

    L = (lambda * L_adv + alpha * L_content / scale + beta * L_style / scale) / (lambda + alpha + beta)

The adversarial term belongs to training alone; the two distances are shared, so that both mean the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models import losses
from engine.models.blocks import luma
from engine.models.features import TextureFeatures

SQUARE = 128  # pixels a side of the pictures the distances were scaled on; larger pictures are measured in such squares


@dataclass(frozen=True, slots=True)
class Objective:
    """The features both distances look through, and the frozen sizes of content and style that are divided out."""

    features: TextureFeatures
    content: float
    style: float

    def __call__(self, y: Tensor, truth: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
        """L_content and L_style a picture, (N,) each, with their scales divided out; arguments as in `distances`."""
        return self.compare(y, look(self.features, truth, references))

    def compare(self, y: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """The same, where truth and references have been looked at before."""
        content, style = compare(self.features, y, wanted)
        return content / self.content, style / self.style


@dataclass(frozen=True, slots=True)
class Wanted:
    """What pictures (N, 3, H, W) are compared with: their truth, its features, and the references' features."""

    truth: Tensor
    content: list[Tensor]
    style: list[Tensor]


def distances(net: TextureFeatures, y: Tensor, truth: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """L_content and L_style a picture, (N,) each, before their scales are divided out.

    y, truth (N, 3, H, W) and references (N, 3, h, w) in 0..1. Content: Charbonnier, Fourier coefficients, features.
    Style: statistics of the features against those of the references, at the light and contrast of the truth.
    """
    return compare(net, y, look(net, truth, references))


@torch.no_grad()
def look(net: TextureFeatures, truth: Tensor, references: Tensor) -> Wanted:
    """The half of `distances` that does not depend on y."""
    return Wanted(truth, net(truth), net(match_luma(references, truth)))


def compare(net: TextureFeatures, y: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
    """The other half."""
    seen = net(y)
    with torch.autocast(y.device.type, enabled=False):  # Gram matrices lose too much in half precision
        return content_distance(y, wanted.truth, seen, wanted.content), style_distance(seen, wanted.style)


def content_distance(y: Tensor, truth: Tensor, seen: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
    """How far pictures are from their truths, in pixels, frequencies and features; (N,)."""
    pixel = ((y - truth).square() + 1e-6).sqrt().mean((1, 2, 3))
    spectrum = torch.view_as_real(torch.fft.rfft2(y - truth, norm="ortho")).abs().mean((1, 2, 3, 4))
    features = torch.stack([(a.float() - b.float()).abs().mean((1, 2, 3)) for a, b in zip(seen, true, strict=True)])
    return pixel + 0.1 * spectrum + 0.02 * features.mean(0)


def style_distance(seen: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """How far the statistics of pictures' features are from those of references; (N,)."""
    return losses.style_distance([s.float() for s in seen], [w.float() for w in wanted])


def match_luma(references: Tensor, truth: Tensor) -> Tensor:
    """References with the mean and deviation of the truth's grey: the head learns texture, the tone stage colour."""
    grey, wanted = luma(references), luma(truth)
    deviation = wanted.std((2, 3), keepdim=True) / grey.std((2, 3), keepdim=True).clamp_min(0.02)
    matched = (grey - grey.mean((2, 3), keepdim=True)) * deviation.clamp(max=3) + wanted.mean((2, 3), keepdim=True)
    return matched.expand(-1, 3, -1, -1)
