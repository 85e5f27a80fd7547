"""Direct optimisation: alpha * L_content + beta * L_style minimised over the pixels themselves.

Gatys, Ecker & Bethge, "Image Style Transfer Using Convolutional Neural Networks" (2016), from the fast network's
result or from the source; Adam (Kingma & Ba 2015).
The distances are those the network was trained on, measured as in
training in squares of 128 pixels: a pass takes one step in every square of a grid, and the grid lies elsewhere in every
pass, so that no seam stays (the jitter of Mordvintsev et al. 2015).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.errors import RecipeError
from engine.models.blocks import luma
from engine.models.objective import SQUARE, Objective, look
from engine.rendering.pipeline import Change, Pipeline
from engine.rendering.subject import Subject
from engine.runtime.steps import quietly
from engine.styles.processes import Process, as_print
from engine.types import ALPHA_RANGE, Losses, Progress, Region

T = TypeVar("T")
LARGEST = 4_000_000  # pixels that are optimised at most; larger pictures on a halved level
SMALLEST_SIDE = 16  # pixels; the features look at eighths
RATE = 0.01  # of Adam, in units of the pixels' range; see docs/experiments.md
_BETAS = (0.9, 0.99)
PREVIEW_EVERY = 2.0  # seconds
NEUTRAL = 3 / 255  # colour up to which a picture counts as black and white, and stays so

Reference = Callable[[Tensor, Region], Tensor]
"""The style wanted in a square: gets the target's pixels (1, 3, h, w) and where they lie, gives a picture."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The weights of the two distances, the number of passes, and where the grid's places come from."""

    alpha: float
    beta: float
    passes: int
    seed: int = 0
    rate: float = RATE


@dataclass(slots=True)
class Canvas:
    """What is being optimised: pixels y and target (1, 3, H, W) in 0..1, the style wanted, Adam's two moments."""

    y: Tensor
    target: Tensor
    reference: Reference | None  # needed only where beta > 0
    neutral: bool  # black and white: stays so
    first: Tensor
    second: Tensor

    @classmethod
    def begin(cls, start: Tensor, target: Tensor, reference: Reference | None, *, neutral: bool = False) -> Canvas:
        """From a start (1, 3, H, W), which is copied."""
        # Tensors made in inference mode cannot be differentiated; copies of them can.
        y, goal = torch.empty_like(start), torch.empty_like(target)
        y.copy_(start.clamp(0, 1))
        goal.copy_(target.clamp(0, 1))
        return cls(y, goal, reference, neutral, torch.zeros_like(y), torch.zeros_like(y))


def level_for(height: int, width: int) -> int:
    """How often a picture is halved so that it has at most 4 megapixels."""
    level = 0
    while (height >> level) * (width >> level) > LARGEST:
        level += 1
    return level


def descend(
    objective: Objective, canvas: Canvas, aim: Aim, stop: Callable[[], bool] = lambda: False
) -> Generator[Losses | None, None, None]:
    """Steps that improve `canvas.y`, until all passes are done or `stop` says so.

    A pass ends by telling how large the losses were when it began; the last of all only measures, in the squares of
    the first. What is left in `canvas.y` is never worse than the start.
    """
    start, first, number = canvas.y.clone(), math.inf, 0
    places = random.Random(aim.seed)
    while number < aim.passes and not stop():
        moved = (places.randrange(0, SQUARE, 8), places.randrange(0, SQUARE, 8))
        found = yield from _pass(objective, canvas, aim, number, moved if number else (0, 0))
        first = found.total if number == 0 else first
        yield found
        number += 1
    last = yield from _pass(objective, canvas, replace(aim, passes=number), number, (0, 0))
    if last.total > first:
        canvas.y.copy_(start)
    yield last


def _pass(
    objective: Objective, canvas: Canvas, aim: Aim, number: int, offset: tuple[int, int]
) -> Generator[None, None, Losses]:
    content, style, area = 0.0, 0.0, 0
    for square in grid(canvas.y.shape[2], canvas.y.shape[3], offset):
        values = yield from _square(objective, canvas, aim, number, square)
        size = square.width * square.height
        content, style, area = content + size * values[0], style + size * values[1], area + size
    content, style = content / area, style / area
    return Losses(number, content, style, aim.alpha * content + aim.beta * style)


def _square(
    objective: Objective, canvas: Canvas, aim: Aim, number: int, square: Region
) -> Generator[None, None, tuple[float, float]]:
    """Content and style of a square as it is; moves its pixels one step, unless this is the pass that only measures."""
    where = (slice(None), slice(None), slice(square.y, square.bottom), slice(square.x, square.right))
    moving = number < aim.passes
    y, target = canvas.y[where].clone().requires_grad_(moving), canvas.target[where]
    styled = aim.beta > 0 and canvas.reference is not None
    reference = canvas.reference(target, square) if styled and canvas.reference is not None else target
    wanted = look(objective.features, target, reference)
    yield None
    content, style = objective.compare(y, wanted)
    style = style if styled else torch.zeros_like(content)
    yield None
    if moving:
        (gradient,) = torch.autograd.grad((aim.alpha * content + aim.beta * style).sum(), y)
        _move(canvas, where, luma(gradient).expand_as(gradient) if canvas.neutral else gradient, number, aim)
        yield None
    return float(content.detach()), float(style.detach())


def _move(canvas: Canvas, where: tuple[slice, ...], gradient: Tensor, number: int, aim: Aim) -> None:
    """One step of Adam on a part of the pixels; the rate rises over ten passes, then falls along a cosine to 1/10."""
    first, second = canvas.first[where], canvas.second[where]
    first.lerp_(gradient, 1 - _BETAS[0])
    second.lerp_(gradient.square(), 1 - _BETAS[1])
    mean = first / (1 - _BETAS[0] ** (number + 1))
    deviation = (second / (1 - _BETAS[1] ** (number + 1))).sqrt()
    rate = aim.rate * min(1.0, (number + 1) / 10) * (0.55 + 0.45 * math.cos(math.pi * number / aim.passes))
    canvas.y[where] = (canvas.y[where] - rate * mean / (deviation + 1e-10)).clamp(0, 1)


def grid(height: int, width: int, offset: tuple[int, int] = (0, 0)) -> Iterator[Region]:
    """Squares of 128 pixels that cover a picture, `offset` of (y, x) pixels moving them; those at the border have 32 to
    160 pixels a side."""
    rows, columns = _cuts(height, offset[0]), _cuts(width, offset[1])
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield Region(left, top, right - left, bottom - top)


def _cuts(length: int, offset: int) -> list[int]:
    inner = [at for at in range(offset, length, SQUARE) if SQUARE // 4 <= at <= length - SQUARE // 4]
    return [0, *inner, length]


def print_of(process: Process) -> Reference:
    """The style of a simulated process: the target as such a print would show it, its texture included."""

    def reference(target: Tensor, square: Region) -> Tensor:
        return as_print(process, target, square.y, square.x)

    return reference


def picture_of(picture: Tensor) -> Reference:
    """The style of a picture (1, 3, h, w), repeated by reflection where it is smaller than what is optimised."""

    def reference(target: Tensor, square: Region) -> Tensor:
        rows = _reflected(square.y, square.bottom, picture.shape[2]).to(picture.device)
        columns = _reflected(square.x, square.right, picture.shape[3]).to(picture.device)
        return picture[:, :, rows[:, None], columns[None, :]]

    return reference


def _reflected(start: int, stop: int, length: int) -> Tensor:
    at = torch.arange(start, stop) % (2 * length)
    return torch.where(at < length, at, 2 * length - 1 - at)


@dataclass(frozen=True, slots=True)
class Errand:
    """What an optimisation is to do, whom it tells, and who may end it early."""

    aim: Aim
    reference: Reference | None
    watch: Callable[[Losses, NDArray[Any] | None], None]  # every pass; now and then with the picture (h, w, C) so far
    stop: Callable[[], bool]


def optimise(
    pipeline: Pipeline, subject: Subject, objective: Objective, errand: Errand
) -> Generator[Progress | None, None, Change]:
    """Steps from the fast result of the subject's recipe towards the aim -> what is added to the fast residual.

    The content target is our own alpha 10, beta 0 result. Both are taken before tone, texture and mask, which follow
    as for any residual. Pictures of more than 4 megapixels are optimised on a halved level, and the change enlarged.
    Raises RecipeError for a picture of less than 16 pixels a side.
    """
    width, height = subject.source.size(0)
    level = level_for(height, width)
    if min(subject.source.size(level)) < SMALLEST_SIDE:
        raise RecipeError(f"A picture of {width} x {height} pixels is too small to optimise; restore it instead.")
    start = yield from pipeline.bare(subject, level)
    faithful = replace(subject, recipe=replace(subject.recipe, alpha=ALPHA_RANGE[1], beta=0.0, grain=0.0), style=None)
    target = yield from pipeline.bare(faithful, level)
    neutral = bool((start - start.mean(1, keepdim=True)).abs().max() < NEUTRAL)
    canvas = Canvas.begin(start, target, errand.reference, neutral=neutral)
    squares = 3 * len(list(grid(canvas.y.shape[2], canvas.y.shape[3])))
    done, total, shown = 0, (errand.aim.passes + 1) * squares, time.monotonic()
    for found in descend(objective, canvas, errand.aim, errand.stop):
        done += 1
        if found is None:
            yield Progress(min(done, total - 1), total, "optimising")
            continue
        pixels = None
        if time.monotonic() - shown > PREVIEW_EVERY:
            pixels, _ = yield from quietly(pipeline.whole(subject, level, enlarged(canvas.y - start, level)))
            shown = time.monotonic()
        errand.watch(found, pixels)
        yield None
    yield Progress(total, total, "optimising")
    return enlarged(canvas.y - start, level)


def enlarged(delta: Tensor, level: int) -> Change:
    """A change (1, 3, h, w) found on a level, as one of that level and of all finer ones (bilinear)."""
    margin = 2
    padded = F.pad(delta, (margin,) * 4, mode="replicate")

    def change(at: int, region: Region) -> Tensor:
        if at == level:
            return delta[:, :, region.y : region.bottom, region.x : region.right]
        times = 1 << (level - at)
        top, left = region.y // times, region.x // times  # of a part with `margin` spare pixels around it
        bottom, right = -(-region.bottom // times) + 2 * margin, -(-region.right // times) + 2 * margin
        large = F.interpolate(padded[:, :, top:bottom, left:right], scale_factor=times, mode="bilinear")
        y, x = region.y - (top - margin) * times, region.x - (left - margin) * times
        return large[:, :, y : y + region.height, x : x + region.width]

    return change
