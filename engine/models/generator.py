"""The generator: a backbone that knows only the picture, a head that knows what the curator wants.

The backbone runs once a tile and its results are cached; the head is conditioned on the loss weights
alpha and beta and on a style code, so that a slider move costs one small pass (loss-conditional training:
Dosovitskiy & Djolonga, "You Only Train Once", ICLR 2020; Babaeizadeh & Ghiasi, "Adjustable Real-time Style
Transfer", 2020). The conditioning is constant over the image and therefore folds into the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.blocks import Down, ResidualBlock, Up, luma, through

STYLE_SIZE = 64
FEATURES = 32  # channels of F, at a quarter of the resolution
FINE = 12  # channels of F', at half of it
NOISE = 4  # noise channels of the head, at a quarter of the resolution
MULTIPLE_OF = 16
LEAST_ROOM = 0.01  # of a pixel that has only its like around it; black to white is 1


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the backbone says of a picture x (N, 3, H, W); independent of alpha, beta and style."""

    residual: Tensor  # R0 (N, 3, H, W): x + R0 is the tone-preserving restoration
    features: Tensor  # F (N, 32, H/4, W/4)
    fine: Tensor  # F' (N, 12, H/2, W/2)
    room: Tensor  # (N, 1, H, W), see `room`
    damage: Tensor  # logit D (N, 1, H, W)
    inner: tuple[Tensor, Tensor] | None = None  # what F and F' are projected from, for those who train the projections


def together(parts: Sequence[Understanding]) -> Understanding:
    """What was seen of several pictures, as one batch."""
    if len(parts) == 1:
        return parts[0]
    names = ("residual", "features", "fine", "room", "damage")
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    inner = [part.inner for part in parts if part.inner is not None]
    both = (torch.cat([one for one, _ in inner]), torch.cat([two for _, two in inner])) if inner else None
    return Understanding(**joined, inner=both)


def room(restored: Tensor) -> Tensor:
    """How far from the faithful restoration (N, 3, H, W) plausibility may move a pixel: (N, 1, H, W).

    Half of the range of greys among its neighbours, and a little. So an edge can be made crisp and a texture livelier,
    but a smooth cheek gets no dots, which is what a critic is answered with most cheaply (`docs/experiments.md`).
    """
    grey = luma(restored)
    high, low = (_extreme(grey, of) for of in (torch.maximum, torch.minimum))
    return LEAST_ROOM + 0.5 * (high - low)


def _extreme(x: Tensor, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The greatest or the least of 3 x 3 pixels around each; a thirtieth of the time that pooling takes."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    for axis in (2, 3):
        length = x.shape[axis] - 2
        x = of(of(x.narrow(axis, 0, length), x.narrow(axis, 1, length)), x.narrow(axis, 2, length))
    return x


class Backbone(nn.Module):
    """x (N, 3, H, W), sRGB in 0..1, H and W multiples of 16 -> Understanding. 3.1 M parameters, 56 kMAC a pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(12, 32, 3, padding=1)
        self.at_half = ResidualBlock(32)
        self.to_quarter = Down(32, 64)
        self.at_quarter = nn.Sequential(ResidualBlock(64), ResidualBlock(64))
        self.to_eighth = Down(64, 128)
        self.at_eighth = nn.Sequential(*(ResidualBlock(128) for _ in range(4)))
        self.to_sixteenth = Down(128, 192)
        self.at_sixteenth = nn.Sequential(ResidualBlock(192), ResidualBlock(192))
        self.from_sixteenth = Up(192, 128)
        self.from_eighth = Up(128, 64)
        self.quarter_out = nn.Sequential(ResidualBlock(64), ResidualBlock(64))
        self.features = nn.Conv2d(64, FEATURES, 1)
        self.fine = nn.Conv2d(32, FINE, 1)
        self.from_quarter = Up(64, 32)
        self.half_out = ResidualBlock(32)
        self.out = nn.Conv2d(32, 16, 3, padding=1)
        for silent in (self.out, self.from_sixteenth.conv):  # new, it changes nothing, its lowest level adds nothing
            nn.init.zeros_(silent.weight)
            nn.init.zeros_(silent.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, *, keep_inner: bool = False) -> Understanding:
        *_, last = self.steps(x, keep_inner=keep_inner)
        assert last is not None
        return last

    def steps(self, x: Tensor, *, keep_inner: bool = False) -> Iterator[Understanding | None]:
        """The same computation, a convolution a step, so that none holds the engine for long; the result comes last."""
        half = self.stem(F.pixel_unshuffle(x - 0.5, 2))
        yield None
        half = yield from through((self.at_half,), half)
        yield None
        quarter = yield from through(self.at_quarter, self.to_quarter(half))
        yield None
        eighth = yield from through(self.at_eighth[:2], self.to_eighth(quarter))
        yield None
        sixteenth = yield from through(self.at_sixteenth, self.to_sixteenth(eighth))
        yield None
        eighth = yield from through(self.at_eighth[2:], self.from_sixteenth(sixteenth, eighth))
        yield None
        quarter = self.from_eighth(eighth, quarter)
        yield None
        quarter = yield from through(self.quarter_out, quarter)
        yield None
        half = self.from_quarter(quarter, half)
        yield None
        half = yield from through((self.half_out,), half)
        yield None
        out = F.pixel_shuffle(self.out(half), 2)
        yield None
        features, fine = self.project(quarter, half)
        space = room(x + out[:, :3])
        yield Understanding(out[:, :3], features, fine, space, out[:, 3:], (quarter, half) if keep_inner else None)

    def project(self, quarter: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
        """F and F' from the inner maps (N, 64, H/4, W/4) and (N, 32, H/2, W/2)."""
        return self.features(quarter), self.fine(half)


def condition(alpha: Tensor, beta: Tensor, style: Tensor) -> Tensor:
    """z (N, 66) from alpha, beta (N,) and style codes (N, 64): the style is silenced where beta is 0."""
    weights = torch.stack([alpha.log(), torch.log1p(100.0 * beta)], dim=1)
    return torch.cat([weights, style * (beta > 0).to(style.dtype)[:, None]], dim=1)


class Head(nn.Module):
    """r = w(z) * R0 + H(F, F', n; z), H within `room`: 2.5 kMAC a pixel.

    Two convolutions at a quarter of the resolution, two at half.
    H is one value for all three channels: what is invented has no colour. (Left to itself, a critic is answered most
    cheaply by dots of green and purple.) What is to be crisp has to know where an edge runs to the pixel: a head at a
    quarter alone, which writes sixteen pixels at once, draws its grid into every contour as soon as a critic asks for
    texture (`docs/experiments.md`). The bounds of `room` widen with beta, a hundredfold
    at 1: a style is meant to be seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(FEATURES, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 32, 3, padding=1)
        self.third = nn.Conv2d(32 // 4 + FINE + NOISE // 4, 24, 3, padding=1)
        self.fourth = nn.Conv2d(24, 4, 3, padding=1)
        self.sizes = (NOISE // 4, 32, 32, 32, 32, 24, 24, 4, 4, 1)  # noise gain; gain, offset a layer; gate
        self.modulation = nn.Sequential(nn.Linear(2 + STYLE_SIZE, 128), nn.SiLU(), nn.Linear(128, sum(self.sizes)))
        for layer in (self.fourth, self.modulation[2]):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.fourth.weight, std=1e-3)

    @property
    def layers(self) -> tuple[nn.Conv2d, ...]:
        """The convolutions in order; after the second come half the pixels, the fine features and the noise."""
        return self.first, self.second, self.third, self.fourth

    def forward(self, seen: Understanding, noise: Tensor, z: Tensor) -> Tensor:
        """What the backbone saw of pictures (N, 3, H, W), noise (N, 4, H / 4, W / 4), z (N, 66) -> r (N, 3, H, W)."""
        features, fine, dtype = seen.features, seen.fine, seen.features.dtype
        noise_gain, *parts, gate = (p[:, :, None, None].to(dtype) for p in self.modulation(z).split(self.sizes, dim=1))

        def layer(number: int, x: Tensor) -> Tensor:
            y: Tensor = self.layers[number](x) * (1 + parts[2 * number]) + parts[2 * number + 1]
            return y

        x = F.relu(layer(1, F.relu(layer(0, features))))
        spots = F.pixel_shuffle(noise.to(dtype), 2) * (1 + noise_gain)
        x = F.relu(layer(2, torch.cat([F.pixel_shuffle(x, 2), fine, spots], dim=1)))
        added = within(F.pixel_shuffle(layer(3, x), 2), seen.room * _widening(z)[:, None, None, None].to(dtype))
        r: Tensor = seen.residual * (1 + gate) + added
        return r

    def fold(self, z: Tensor) -> FoldedHead:
        """The head for one fixed z (1, 66): four plain convolutions, a gate and how much wider the bounds are."""
        noise_gain, *parts, gate = self.modulation(z)[0].split(self.sizes)
        folded = []
        for layer, gain, offset in zip(self.layers, parts[::2], parts[1::2], strict=True):
            assert layer.bias is not None
            weight = layer.weight.clone()
            if layer is self.third:
                weight[:, -len(noise_gain) :] *= (1 + noise_gain)[None, :, None, None]
            folded.append((weight * (1 + gain)[:, None, None, None], layer.bias * (1 + gain) + offset))
        return FoldedHead(tuple(folded), 1 + gate, _widening(z))


def _widening(z: Tensor) -> Tensor:
    """(N,) from z (N, 66): 1 + 100 beta, at most 100."""
    return z[:, 1].exp().clamp(max=100.0)


def within(x: Tensor, room: Tensor) -> Tensor:
    """x bent so that it stays in -room..room, and as it is where it is small."""
    return room * torch.tanh(x / room)


@dataclass(frozen=True, slots=True)
class FoldedHead:
    """A head whose slider positions have been multiplied into its weights."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    gate: Tensor
    widening: Tensor  # (1,)

    def to(self, device: torch.device, dtype: torch.dtype) -> FoldedHead:
        moved = tuple(
            (w.to(device, dtype, memory_format=torch.channels_last), b.to(device, dtype)) for w, b in self.layers
        )
        return FoldedHead(moved, self.gate.to(device, dtype), self.widening.to(device, dtype))

    def __call__(self, features: Tensor, fine: Tensor, room: Tensor, residual: Tensor, noise: Tensor) -> Tensor:
        """features (N, 32, h, w), fine (N, 12, 2h, 2w), room (N, 1, 4h, 4w), residual (N, 3, 4h, 4w) and noise
        (N, 4, h, w) -> r (N, 3, 4h, 4w)."""
        (w1, b1), (w2, b2), (w3, b3), (w4, b4) = self.layers
        x = F.relu_(F.conv2d(features, w1, b1, padding=1))
        x = F.relu_(F.conv2d(x, w2, b2, padding=1))
        x = torch.cat([F.pixel_shuffle(x, 2), fine, F.pixel_shuffle(noise, 2)], dim=1)
        x = F.relu_(F.conv2d(x, w3, b3, padding=1))
        x = F.conv2d(x, w4, b4, padding=1)
        return residual * self.gate + within(F.pixel_shuffle(x, 2), room * self.widening)


class Generator(nn.Module):
    """Backbone and head; the tone stage and the style encoder stand beside it (`tone.py`, `style_encoder.py`)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.head = Head()

    def forward(self, x: Tensor, alpha: Tensor, beta: Tensor, style: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, 3, H, W) in 0..1 -> restored (N, 3, H, W), damage logit (N, 1, H, W)."""
        seen = self.backbone(x)
        r = self.head(seen, noise, condition(alpha, beta, style))
        return x + r, seen.damage
