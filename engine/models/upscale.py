"""The upscaling tail: twice or four times the size, on what backbone and head have made of the picture.

    y_s = up(x) + r_s,    r_s = up(m * r) + U(x, r, d, n; alpha, s)

`up` is bicubic enlargement, r the residual of backbone and head at the picture's own size, d the probability of damage.
The gate m and the detail U come from one small network at half the resolution. It sees the picture beside its
restoration because fine detail of a good photograph, made small, looks like grain to a network that is asked to mend:
there the gate takes the mending back. Sub-pixel convolution: Shi et al., ESPCN, 2016; one trunk for all sizes: Lim et
al., MDSR, 2017.

There may be two sets of weights: one that learned from the truth alone, and a copy that went on against a critic.
Between them the weights are interpolated by log alpha (network interpolation: Wang et al., ESRGAN, 2018), so that
alpha 10 stays as faithful as it was, and at alpha 0.1 the second alone is heard. What that one draws stays within
the range of greys around each pixel, as the head's does (`generator.room`).

Style needs no say here: the head draws it at the picture's own size, and what it draws is enlarged
(`docs/semantics.md`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.blocks import ResidualBlock
from engine.models.generator import room, within

UPSCALES = (2, 4)
WIDTH = 48
BLOCKS = 2
NOISE = 4  # noise channels, at half the resolution
CELL = 2  # the tail works on a grid of 2 x 2 pixels
_BEND = math.log2(3)  # of the way between the two sets of weights along the slider
_BICUBIC = 2  # pixels that bicubic enlargement looks at around a pixel
REACH = CELL * (1 + 2 * BLOCKS) + _BICUBIC  # pixels of x and r that are looked at around a cell


def keys(distance: float) -> float:
    """The cubic convolution kernel with a = -0.5 (Keys 1981): what Pillow and most others call bicubic."""
    d = abs(distance)
    if d < 1:
        return (1.5 * d - 2.5) * d * d + 1
    return ((-0.5 * d + 2.5) * d - 4) * d + 2 if d < 2 else 0.0


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # whoever asks first may be restoring, the next one training
def _phases(scale: int, channels: int) -> Tensor:
    """Bicubic enlargement as a convolution of cells of 2 x 2 pixels: (C (2 scale)^2, 4 C, 3, 3)."""
    side = CELL * scale
    places = [(phase + 0.5) / scale - 0.5 for phase in range(side)]  # of the new pixels, in pixels of the cell
    line = torch.tensor([[keys(k - place) for k in range(-CELL, 2 * CELL)] for place in places])
    line = line.view(side, 3, CELL)  # new pixel, cell, pixel in the cell
    one = torch.einsum("aip,bjq->abpqij", line, line).reshape(side * side, CELL * CELL, 3, 3)
    return torch.einsum("cd,opij->codpij", torch.eye(channels), one).flatten(2, 3).flatten(0, 1)


def enlarge(x: Tensor, scale: int) -> Tensor:
    """Bicubic enlargement of x (N, C, H, W) -> (N, C, scale * H, scale * W); beyond its edges the border repeats.

    The same weights at every place of a picture, so that the parts of one, enlarged with 2 pixels around them, meet.
    """
    height, width = x.shape[2:]
    if x.device.type == "cpu" and x.dtype == torch.float32:  # by rows and columns: three times as fast there
        padded = F.pad(x, (_BICUBIC,) * 4, mode="replicate").permute(0, 2, 3, 1).contiguous()
        return _spread(_spread(padded, scale, 2), scale, 1).permute(0, 3, 1, 2)  # rows, which lie together, last
    odd = F.pad(x, (0, width % CELL, 0, height % CELL), mode="replicate")
    return F.pixel_shuffle(_enlarged_cells(odd, scale), CELL * scale)[:, :, : scale * height, : scale * width]


def _spread(x: Tensor, scale: int, axis: int) -> Tensor:
    """Bicubic enlargement along one axis of x, whose first and last two values there are only looked at."""
    length = x.shape[axis] - 2 * _BICUBIC
    phases = []
    for phase in range(scale):
        place = (phase + 0.5) / scale - 0.5
        weights = [(k, keys(k - place)) for k in range(-_BICUBIC, _BICUBIC + 1)]
        (first, weight), *others = [(_BICUBIC + k, weight) for k, weight in weights if weight]
        total = x.narrow(axis, first, length) * weight
        for at, weight in others:
            total.add_(x.narrow(axis, at, length), alpha=weight)
        phases.append(total)
    return torch.stack(phases, axis + 1).flatten(axis, axis + 1)


def _enlarged_cells(x: Tensor, scale: int) -> Tensor:
    """The same before the shuffle (N, C (2 scale)^2, H / 2, W / 2), for x of even sides."""
    cells = F.pixel_unshuffle(F.pad(x, (_BICUBIC,) * 4, mode="replicate"), CELL)
    weight = _phases(scale, x.shape[1]).to(x.device, x.dtype)
    return F.conv2d(cells.contiguous(memory_format=torch.channels_last), weight)


def condition(alpha: Tensor, scale: int) -> Tensor:
    """z (N, 2) of the loss weights alpha (N,) and the size."""
    return torch.stack([alpha.log(), torch.full_like(alpha, float(scale == 4))], dim=1)


def crispness(z: Tensor) -> float:
    """How far the weights are taken to the second set at z (1, 2): 0 at alpha 10, two thirds at alpha 1, 1 at 0.1."""
    place = min(1.0, max(0.0, (1 + float(z[0, 0]) / math.log(10)) / 2))  # on the slider
    return float(1 - place**_BEND)


@dataclass(frozen=True, slots=True)
class Given:
    """What the tail looks at: sides H and W even."""

    x: Tensor  # (N, 3, H, W) sRGB in 0..1
    r: Tensor  # (N, 3, H, W)
    damage: Tensor  # (N, 1, H, W) probability
    noise: Tensor  # (N, 4, H / 2, W / 2) in -1..1, drawn

    def seen(self, dtype: torch.dtype) -> Tensor:
        """All but the noise as channels at half the resolution; residuals are small, so they are made larger."""
        parts = [self.x.to(dtype) - 0.5, 4 * self.r.to(dtype), self.damage.to(dtype)]
        return F.pixel_unshuffle(torch.cat(parts, dim=1), CELL)


class Upscaler(nn.Module):
    """r_s of the above. 27 kMAC a pixel of the picture to be enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(7 * CELL * CELL + NOISE, WIDTH, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(WIDTH) for _ in range(BLOCKS))
        self.outs = nn.ModuleDict({str(s): nn.Conv2d(WIDTH, 3 * (CELL * s) ** 2, 1) for s in UPSCALES})
        self.gate = nn.Conv2d(WIDTH, CELL * CELL, 1)  # one a pixel of the cell
        self.sizes = (NOISE, *(WIDTH,) * (2 * (1 + BLOCKS)))  # noise gain; gain and offset of each conditioned layer
        self.modulation = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, sum(self.sizes)))
        for layer in (*self.outs.values(), self.gate, self.modulation[2]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.gate.bias, -2.0)  # type: ignore[arg-type]
        for out in self.outs.values():
            nn.init.normal_(out.weight, std=1e-3)  # type: ignore[arg-type]

    def forward(self, given: Given, z: Tensor, scale: int, bound: float = 0.0) -> Tensor:
        """z (N, 2) from `condition` -> r_s (N, 3, scale * H, scale * W); U bounded where `bound` says so, see
        `_result`."""
        dtype = given.r.dtype
        parts = [p[:, :, None, None].to(dtype) for p in self.modulation(z).split(self.sizes, 1)]
        y = torch.cat([given.seen(dtype), given.noise.to(dtype) * (1 + parts[0])], dim=1)
        y = self.first(y) * (1 + parts[1]) + parts[2]
        for block, gain, offset in zip(self.blocks, parts[3::2], parts[4::2], strict=True):
            y = y + block.second(F.relu(block.first(y) * (1 + gain) + offset))  # type: ignore[operator]
        return _result((self.outs[str(scale)](y), self.gate(y)), given, scale, bound)

    def fold(self, z: Tensor, scale: int) -> FoldedUpscaler:
        """The tail for one z (1, 2) and size: plain convolutions."""
        noise_gain, *modulation = self.modulation(z)[0].split(self.sizes)
        first = self.first.weight.clone()
        first[:, -NOISE:] *= (1 + noise_gain)[None, :, None, None]
        layers = [_folded(first, self.first.bias, *modulation[:2])]
        for block, gain, offset in zip(self.blocks, modulation[2::2], modulation[3::2], strict=True):
            assert isinstance(block, ResidualBlock)
            layers.append(_folded(block.first.weight, block.first.bias, gain, offset))
            layers.append((block.second.weight, _there(block.second.bias)))
        for out in (self.outs[str(scale)], self.gate):
            assert isinstance(out, nn.Conv2d)
            layers.append((out.weight, _there(out.bias)))
        return FoldedUpscaler(tuple(layers), scale)


@dataclass(frozen=True, slots=True)
class Interpolated:
    """Two tails of one make: what is drawn at alpha 10, and at alpha 0.1."""

    faithful: Upscaler
    crisp: Upscaler

    def fold(self, z: Tensor, scale: int) -> FoldedUpscaler:
        """As Upscaler.fold: weights between the two."""
        share = crispness(z)
        ends = [tail.fold(z, scale).layers for tail in (self.faithful, self.crisp)]
        layers = tuple(
            (torch.lerp(w0, w1, share), torch.lerp(b0, b1, share)) for (w0, b0), (w1, b1) in zip(*ends, strict=True)
        )
        return FoldedUpscaler(layers, scale, share)


@dataclass(frozen=True, slots=True)
class FoldedUpscaler:
    """A tail whose slider position and size have been multiplied into its weights."""

    layers: tuple[tuple[Tensor, Tensor], ...]  # first, two a block, out, gate
    scale: int
    bound: float = 0.0  # see `_result`

    def to(self, device: torch.device, dtype: torch.dtype) -> FoldedUpscaler:
        moved = tuple(
            (w.to(device, dtype, memory_format=torch.channels_last), b.to(device, dtype)) for w, b in self.layers
        )
        return FoldedUpscaler(moved, self.scale, self.bound)

    def __call__(self, given: Given) -> Tensor:
        """r_s as Upscaler.forward finds it, in the dtype the weights have."""
        *_, hidden = self.steps(given)
        assert hidden is not None
        return self.result(hidden, given)

    def steps(self, given: Given) -> Iterator[Tensor | None]:
        """Steps to what detail and gate are read off, (N, 48, H / 2, W / 2), which comes last."""
        (first, bias), *blocks = self.layers[:-2]
        dtype = first.dtype
        y = torch.cat([given.seen(dtype), given.noise.to(dtype)], dim=1).contiguous(memory_format=torch.channels_last)
        y = F.conv2d(y, first, bias, padding=1)
        for (w1, b1), (w2, b2) in zip(blocks[::2], blocks[1::2], strict=True):
            yield None
            inside = F.relu_(F.conv2d(y, w1, b1, padding=1))
            yield None
            y += F.conv2d(inside, w2, b2, padding=1)
        yield y

    def result(self, hidden: Tensor, given: Given) -> Tensor:
        """r_s from that, of all that was given or of the same part of both."""
        (out, out_bias), (gate, gate_bias) = self.layers[-2:]
        last = F.conv2d(hidden, out, out_bias), F.conv2d(hidden, gate, gate_bias)
        return _result(last, given, self.scale, self.bound)


def _result(last: tuple[Tensor, Tensor], given: Given, scale: int, bound: float) -> Tensor:
    """r_s from what the last layers say of detail and gate.

    Detail stays within the room around each pixel over `bound`: with 1 within it, with less farther, with 0 anywhere.
    """
    detail, gate = last
    r = given.r.to(detail.dtype)
    m = F.pixel_shuffle(torch.sigmoid(gate), CELL)
    if bound > 0:
        space = _room_in_cells(given, scale).to(detail.dtype) / bound
        of_channels = torch.unflatten(detail, 1, (3, -1))
        detail = within(of_channels, space[:, None]).flatten(1, 2)
    return F.pixel_shuffle(_enlarged_cells(m * r, scale).add_(detail), CELL * scale)


def _room_in_cells(given: Given, scale: int) -> Tensor:
    """`generator.room` of the restored picture for the new pixels of a cell: (N, (2 scale)^2, h / 2, w / 2)."""
    of_pixels = F.pixel_unshuffle(room(given.x + given.r), CELL)
    side = torch.arange(CELL * scale, device=of_pixels.device) // scale
    cells = of_pixels[:, (CELL * side[:, None] + side).flatten()]
    return cells.contiguous(memory_format=torch.channels_last)


def _folded(weight: Tensor, bias: Tensor | None, gain: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    return weight * (1 + gain)[:, None, None, None], _there(bias) * (1 + gain) + offset


def _there(bias: Tensor | None) -> Tensor:
    assert bias is not None
    return bias
