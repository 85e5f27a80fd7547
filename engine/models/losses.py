"""The terms of the objective, each a few lines with its source. Means over everything, so sizes do not matter."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import luma


def charbonnier(x: Tensor, y: Tensor, epsilon: float = 1e-3) -> Tensor:
    """A smooth absolute difference (Charbonnier et al. 1994; Lai et al., LapSRN, 2017)."""
    return ((x - y).square() + epsilon**2).sqrt().mean()


def fft_magnitude(x: Tensor, y: Tensor) -> Tensor:
    """Distance of Fourier coefficients (Cho et al., MIMO-UNet, 2021), scaled to the size of a pixel difference."""
    a, b = torch.fft.rfft2(x.float(), norm="ortho"), torch.fft.rfft2(y.float(), norm="ortho")
    return torch.view_as_real(a - b).abs().mean()


def feature_distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Mean absolute difference of normalised activations (Johnson, Alahi & Fei-Fei 2016)."""
    return torch.stack([(x - y).abs().mean() for x, y in zip(a, b, strict=True)]).mean()


def gram(x: Tensor) -> Tensor:
    """Channel correlations (N, C, C) of x (N, C, H, W) (Gatys, Ecker & Bethge 2016)."""
    flat = x.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def style_distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Means, deviations (Li et al. 2017) and Gram matrices of activations, averaged over layers; (N,) a picture."""
    terms = []
    for x, y in zip(a, b, strict=True):
        statistics = (x.mean((2, 3)) - y.mean((2, 3))).abs().mean(1) + (x.std((2, 3)) - y.std((2, 3))).abs().mean(1)
        terms.append(statistics + 0.5 * (gram(x) - gram(y)).abs().mean((1, 2)))
    return torch.stack(terms).mean(0)


def colour_distance(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Sliced Wasserstein distance of two colour distributions (Bonneel et al. 2015; Pitie et al. 2007 for transfer).

    x, y (N, 3, H, W) of any sizes, directions (3, D).
    """
    directions = directions / directions.norm(dim=0, keepdim=True).clamp_min(1e-6)
    sorted_ = [
        (F.adaptive_avg_pool2d(p, 32).flatten(2).transpose(1, 2) @ directions).sort(dim=1).values for p in (x, y)
    ]
    return (sorted_[0] - sorted_[1]).abs().mean()


def damage_mask(logit: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy plus soft Dice (Milletari et al. 2016): damage is rare, and its area should match."""
    logit, mask = logit.float(), mask.float()
    p = torch.sigmoid(logit)
    dice = 1 - (2 * (p * mask).sum() + 1) / (p.square().sum() + mask.square().sum() + 1)
    return F.binary_cross_entropy_with_logits(logit, mask) + 0.5 * dice


def zero_centred_penalty(scores: Tensor, pictures: Tensor) -> Tensor:
    """R1 on real, R2 on generated pictures (Mescheder, Geiger & Nowozin 2018): squared input gradient of the scores,
    a score of the map, so that it does not grow with the size of the pictures."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    return gradient.float().square().sum() / scores.numel()


_LINE = [[0.0, 0, 0], [1, -1, 0], [0, 0, 0]]
_BEND = [[0.0, 0, 0], [1, -2, 1], [0, 0, 0]]
_CHECKS = [[1.0, -1, 0], [-1, 1, 0], [0, 0, 0]]
_TURNED = [[0.0, 1, 0], [0, -1, 0], [0, 0, 0]]
_BENT = [[0.0, 1, 0], [0, -2, 0], [0, 1, 0]]
_SPOT = [[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]
_MISSED = 1.5  # weight of detail that is missing; 2 less this, of what is too much: a blurred picture hardly tells how
# much there was, and the likeliest amount alone would be less than there is on average
_FALLING = [[1.0, 0, 0], [0, -2, 0], [0, 0, 1]]
_RISING = [[0.0, 0, 1], [0, -2, 0], [1, 0, 0]]


def texture_distance(x: Tensor, truth: Tensor, window: int = 8) -> Tensor:
    """How far apart the local strengths of fine detail are, whatever its places; (N,), pictures (N, 3, H, W) in 0..1.

    Differences, second differences in four directions, checks and spots of the grey picture at two sizes, as their mean
    size over windows (their mean square would be had most cheaply by a few black specks): local statistics of features,
    as in the texture loss of EnhanceNet (Sajjadi et al. 2017). A critic alone is content with any energy in the right
    places, a grid of dots too; here dots are not lines.
    """
    bank = torch.tensor([_LINE, _TURNED, _BEND, _BENT, _FALLING, _RISING, _CHECKS, _SPOT], device=x.device)[:, None]
    bank = bank / bank.square().sum((2, 3), keepdim=True).sqrt()
    terms = []
    for scale in (1, 2):
        grey = [F.avg_pool2d(luma(p), scale) for p in (x, truth)]
        strength = [F.avg_pool2d(F.conv2d(g, bank).abs(), window, stride=window // 2) for g in grey]
        missing = strength[1] - strength[0]
        terms.append(torch.where(missing > 0, _MISSED * missing, (_MISSED - 2) * missing).mean((1, 2, 3)))
    return torch.stack(terms).mean(0)


def grid_distance(x: Tensor, truth: Tensor, cell: int = 4, window: int = 8) -> Tensor:
    """How much of the error of x keeps step with a grid of `cell` pixels; (N,), for pictures (N, 3, H, W) in 0..1.

    A network that writes a cell of pixels at once can fill a surface with lines or dots that begin anew in every cell.
    Texture that follows the picture has, over `window` x `window` cells, no mean of its own at any place of the cell.
    """
    error = F.pixel_unshuffle(luma(x - truth), cell)
    local = F.avg_pool2d(error, window, stride=window // 2)
    return (local - local.mean(1, keepdim=True)).abs().mean((1, 2, 3))


def beyond_range(x: Tensor, truth: Tensor, reach: int = 2) -> Tensor:
    """How far x leaves the range of the truth's greys around each pixel; (N,), for pictures (N, 3, H, W) in 0..1.

    Energy can be had cheaply by a few specks darker or brighter than anything around them; detail is not like that.
    """
    grey, true = luma(x), luma(truth)
    high, low = (F.max_pool2d(s * true, 2 * reach + 1, stride=1, padding=reach) * s for s in (1, -1))
    return (F.relu(grey - high) + F.relu(low - grey)).mean((1, 2, 3))


def busy_where_flat(x: Tensor, truth: Tensor, flat: float = 0.02) -> Tensor:
    """How much livelier x is than the truth where the truth is flat; (N,), for pictures (N, 3, H, W) in 0..1.

    A critic rewards texture wherever it can be believed; skies and paper are to stay calm. Livelier is what the
    Laplacian of the grey picture has more of; flat, where its mean over 9 x 9 pixels is small against `flat`.
    """
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=x.device)[None, None]
    energy = [F.conv2d(F.pad(luma(p), (1, 1, 1, 1), mode="replicate"), kernel).abs() for p in (x, truth)]
    calm = torch.exp(-F.avg_pool2d(energy[1], 9, stride=1, padding=4, count_include_pad=False) / flat)
    return (calm * F.relu(energy[0] - energy[1])).mean((1, 2, 3))
