"""Faces that a person marked, restored by a network for faces and laid over the restoration, and nothing else.

    b = x + r, the restored picture in working sRGB, of a square 1.5 times as large as the marked rectangle
    d = net(R b) - R b             R resizes the square to the network's size
    d' = d - G d                   G is a Gaussian of 1/16 of the square: tone and lighting stay the restored ones
    r' = r + s * m * R^-1 d'       s is the strength of the faces

A large square is restored on a halved level, as on a screen that shows it as small; its pixels stay what they are,
since only what the network draws is enlarged.

m is 1 within the rectangle and fades to 0 over its outer 35 %, along rounded edges; outside the rectangle it is
exactly 0, so every pixel there is that of the restoration alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import ModelError, RecipeError
from engine.imaging.tiles import tiles_touching
from engine.models.blocks import luma
from engine.models.tone import monochrome
from engine.rendering import stages
from engine.rendering.pipeline import Change, Pipeline
from engine.rendering.stages import Plan
from engine.rendering.subject import Subject, on_grid, within
from engine.rendering.tensors import to_tensor
from engine.types import Progress, Region, face_fault, face_recipe_fault

if TYPE_CHECKING:
    from engine.rendering.foreign import Foreign  # with spandrel, which an installation may lack

MARGIN = 1.5  # the square's side, in the longer side of what was marked: networks know a face with some air around it
FEATHER = 0.35  # share of the way from a rectangle's edge to its middle over which the face fades in
_ROUND = 4  # power of the rounded edge: 2 would be an ellipse, which leaves out chins and foreheads
_TONE = 16  # the Gaussian that keeps tone: this part of the square is one sigma
_TONED = 0.5  # certainty from which a picture counts as a toned black and white one

Steps = Generator[Progress | None, None, Change]


@dataclass(frozen=True, slots=True)
class Square:
    """A square of the master that the network sees, on a level of which it is 1 to 2 times the network's size."""

    region: Region  # in pixels of the master; may reach beyond the picture
    level: int

    @property
    def shown(self) -> Region:
        """The same in the level's pixels; exact, since its corner and side are multiples of the level's step."""
        at, step = self.region, 1 << self.level
        return Region(at.x // step, at.y // step, at.width // step, at.height // step)


@dataclass(frozen=True, slots=True)
class Layer:
    """What is added to r within a marked rectangle of the master: s * d', drawn over the whole square (1, 3, n, n)."""

    region: Region
    square: Region
    drawn: Tensor  # in main memory, n pixels a side whatever the square's size


def must_be_usable(subject: Subject, regions: Sequence[Region]) -> None:
    """RecipeError, in a sentence, for a recipe or for rectangles that no face can be restored by."""
    fault = face_recipe_fault(subject.recipe) or face_fault(regions, *subject.source.size(0))
    if fault:
        raise RecipeError(fault)


def restore_faces(
    pipeline: Pipeline, subject: Subject, network: Foreign, regions: Sequence[Region], strength: float
) -> Steps:
    """Steps that restore the faces in `regions` (pixels of the master) -> what is added to the restoration's residual.

    `strength` in 0..1 is the share of the network's face. Raises RecipeError where `must_be_usable` does, and
    ModelError where the network answers with no picture.
    """
    must_be_usable(subject, regions)
    plan = yield from pipeline.plan_steps(subject)
    grey = plan.neutral or bool(monochrome(pipeline.thumbnails.of(subject)).max() > _TONED)
    layers = []
    for number, region in enumerate(regions):
        yield Progress(number, len(regions), "restoring faces")
        square = square_around(region, network.face)
        b = yield from _restored(pipeline, subject, plan, square)
        d = yield from _face(network, b, subject.recipe.seed, pipeline.device)
        with torch.inference_mode():
            d = luma(d).expand_as(d) if grey else d  # what is black and white or toned gets no colour
            layers.append(Layer(region, square.region, strength * _resized(d, min(d.shape[2], square.region.width))))
    yield Progress(len(regions), len(regions), "restoring faces")
    return laid_over(layers, pipeline.device)


def square_around(region: Region, face: int) -> Square:
    """The square that a network for faces of `face` pixels sees of a marked rectangle."""
    side = round(MARGIN * max(region.width, region.height))
    level = max(0, (side // face).bit_length() - 1)
    step = 1 << level
    side = -(-side // step) * step
    x, y = region.x - (side - region.width) // 2, region.y - (side - region.height) // 2
    return Square(Region(x // step * step, y // step * step, side, side), level)


def feather(region: Region, part: Region) -> Tensor:
    """m (1, 1, h, w) in a part of a marked rectangle: 1 in its middle, 0 on a rounded edge that touches its sides."""
    down = _across(part.y - region.y, part.height, region.height) ** _ROUND
    right = _across(part.x - region.x, part.width, region.width) ** _ROUND
    t = ((1 - (down[:, None] + right[None, :]) ** (1 / _ROUND)) / FEATHER).clamp(0, 1)
    return (t * t * (3 - 2 * t))[None, None]


def _across(start: int, count: int, length: int) -> Tensor:
    """How far (count,) pixels lie from the middle of a side: 0 there, 1 at its ends."""
    return (2 * torch.arange(start, start + count) + 1 - length).abs() / length


def laid_over(layers: Sequence[Layer], device: torch.device) -> Change:
    """The layers as one change at full size; where two overlap, they share the place by their feathers."""

    def change(level: int, region: Region) -> Tensor:
        assert level == 0, "faces are restored at full size"
        total, shares = torch.zeros(1, 3, region.height, region.width), torch.zeros(1, 1, region.height, region.width)
        for layer in layers:
            part = layer.region.intersect(region)
            if part.width and part.height:
                here, share = (..., *within(part, region)), feather(layer.region, part)
                total[here] += share * _enlarged(layer, part)
                shares[here] += share
        return (total / shares.clamp(min=1)).to(device)

    return change


def _enlarged(layer: Layer, part: Region) -> Tensor:
    """What is drawn in a part of the master (1, 3, h, w), bicubic, the same in whatever parts it is asked for."""
    square = layer.square

    def places(start: int, count: int) -> Tensor:  # of the pixels' middles, -1..1 from edge to edge of the square
        return ((torch.arange(start, start + count, dtype=torch.float64) + 0.5) / square.width * 2 - 1).float()

    down, right = places(part.y - square.y, part.height), places(part.x - square.x, part.width)
    grid = torch.stack((right.expand(part.height, -1), down[:, None].expand(-1, part.width)), dim=2)[None]
    return F.grid_sample(layer.drawn, grid, mode="bicubic", padding_mode="border", align_corners=False)


def _restored(
    pipeline: Pipeline, subject: Subject, plan: Plan, square: Square
) -> Generator[Progress | None, None, Tensor]:
    """b (1, 3, n, n) in 0..1 of a square on its level, in main memory; beyond the picture its border repeats."""
    source, level, shown = subject.source, square.level, square.shown
    inside = shown.intersect(Region(0, 0, *source.size(level)))
    out = torch.empty(1, 3, inside.height, inside.width)
    for tile in tiles_touching(source.tiles(level, pipeline.card), inside):
        seen = yield from pipeline.look(subject, level, tile)
        part = tile.core.intersect(inside)
        around = on_grid(part, tile.core)
        with torch.inference_mode():
            x = to_tensor(source.working(level, around), pipeline.device)
            b = (x + stages.residual(plan, seen, around)).clamp(0, 1)
            out[(..., *within(part, inside))] = b[(..., *within(part, around))].cpu()
        yield None
    left, top = inside.x - shown.x, inside.y - shown.y
    return F.pad(out, (left, shown.right - inside.right, top, shown.bottom - inside.bottom), mode="replicate")


def _face(network: Foreign, b: Tensor, seed: int, device: torch.device) -> Generator[None, None, Tensor]:
    """d' for b (1, 3, n, n), at the network's size and in main memory: what it would draw, less what is tone."""
    side = network.face
    with torch.inference_mode():
        given = _resized(b, side).clamp(0, 1)
    chance = _Chance(device, seed)
    steps = network.steps(given.to(device))
    try:
        while True:
            with torch.inference_mode(), chance.own():
                answer = next(steps)
            if answer is not None:
                break
            yield None
    finally:
        steps.close()
    if network.faltered or answer.shape[2] != answer.shape[3]:
        raise ModelError("The network for faces answered with no picture; import it once more, or choose another one.")
    with torch.inference_mode():
        d = _resized(answer.cpu(), side) - given
        return d - _blurred(d, side / _TONE)


def _resized(x: Tensor, side: int) -> Tensor:
    """x (1, 3, n, n) with `side` pixels a side; bicubic, and by area enough where it is made smaller."""
    if x.shape[2] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bicubic", align_corners=False, antialias=x.shape[2] > side)


def _blurred(x: Tensor, sigma: float) -> Tensor:
    """x (1, 3, H, W) under a Gaussian, its border repeated; by rows and then by columns."""
    reach = int(3 * sigma)
    at = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    weights = torch.exp(-0.5 * (at / sigma) ** 2)
    weights = weights / weights.sum()
    planes = x.transpose(0, 1)  # (3, 1, H, W)
    planes = F.conv2d(F.pad(planes, (reach, reach, 0, 0), mode="replicate"), weights.view(1, 1, 1, -1))
    planes = F.conv2d(F.pad(planes, (0, 0, reach, reach), mode="replicate"), weights.view(1, 1, -1, 1))
    return planes.transpose(0, 1)


class _Chance:
    """The random numbers that a network draws (GFPGAN's decoder does): always the same ones from a seed, whoever else
    draws some between its steps."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self._get, self._set = _state_of(device)
        self._state = torch.Generator(device).manual_seed(seed).get_state()

    @contextmanager
    def own(self) -> Iterator[None]:
        """Within it, torch draws from these; afterwards everything is as if nobody had drawn."""
        others = self._get()
        self._set(self._state)
        try:
            yield
        finally:
            self._state = self._get()
            self._set(others)


def _state_of(device: torch.device) -> tuple[Callable[[], Tensor], Callable[[Tensor], None]]:
    if device.type == "cuda":
        return partial(torch.cuda.get_rng_state, device), lambda state: torch.cuda.set_rng_state(state, device)
    if device.type == "mps":
        return torch.mps.get_rng_state, torch.mps.set_rng_state
    return torch.get_rng_state, torch.set_rng_state
