"""Maps of what a restoration did to a picture, measured tile by tile, for a view as for a whole image.

*Fidelity*: how far y is from x ("changed"), and how much detail y has that the most faithful setting, alpha 10 and
beta 0 with everything else as it is, does not have ("invented"). What was not changed is never called invented.

*Uncertainty*: how much y - x disagrees between a tile as it is, flipped, and shifted by half a pixel. A network that
knows what it sees says the same each time. A style's texture is left out: it is drawn, not found.

Both are in levels of 255 of the working values, and their meaning does not depend on the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.imaging.color import luminance
from engine.imaging.tiles import Tile, plan, tiles_touching
from engine.rendering import filling, stages
from engine.rendering.enlarging import blocks
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import to_master
from engine.rendering.stages import Plan
from engine.rendering.subject import Subject, mask_part
from engine.rendering.tensors import to_tensor
from engine.runtime.steps import retold
from engine.types import ALPHA_RANGE, MAP_SCALES, MapFrame, MapKind, MapRequest, Progress, Recipe, Region

Values = NDArray[np.float16]
Steps = Generator[Progress | None, None, Values]

_DETAIL = 4  # pixels around a pixel that its detail is told from, as those of `stages.lowpass`
_STRIP = 128  # rows, or pixels a side, that the head works on in one step
_TAPS = 4  # on each side, of the filter that moves a picture by half a pixel
_DIM = 0.4  # how bright the picture lies under its map


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """One kind of map of one image at one of its levels; its tiles are the same for every view."""

    pipeline: Pipeline
    subject: Subject
    kind: MapKind
    level: int

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The fixed grid. For an uncertainty it is narrower, so that a tile with its halo is one look's size."""
        source, card = self.subject.source, self.pipeline.card
        if self.kind == "fidelity":
            return source.tiles(self.level, card)
        core = max(card.tile - 2 * card.halo, card.halo)
        return plan(*source.size(self.level), core, card.halo, card.multiple_of)

    def measure(self, tile: Tile) -> Steps:
        """The map's values (h, w, N) of a tile's core, in short steps; from the cache where they are known."""
        subject, core = self.subject, tile.core
        key = (subject.sha256, subject.page, self.level, core.x, core.y, self.kind, subject.recipe, subject.style)
        known = self.pipeline.measured.get(key)
        if known is None:
            known = yield from (_fidelity if self.kind == "fidelity" else _uncertainty)(self, tile)
            self.pipeline.measured.put(key, known, known.nbytes)
        return known

    def draw(self, values: Values, region: Region) -> NDArray[np.uint8]:
        """The values of a region of the level as uint8 (h, w, 4) in BGRX order: colours over the picture, dimmed."""
        source = self.subject.source
        shown = source.space.to_display(source.pixels(self.level, region))
        out = _DIM * np.repeat(luminance(shown[..., 2::-1].astype(np.float32))[..., None], 3, axis=2)
        for i, scale in enumerate(MAP_SCALES[self.kind]):
            share = np.minimum(values[..., i : i + 1].astype(np.float32) / scale.full, 1)
            out += share * (np.array(scale.colour, np.float32) - out)
        drawn = np.full((*out.shape[:2], 4), 255, np.uint8)
        drawn[..., 2::-1] = np.rint(out)
        return drawn


def survey(pipeline: Pipeline, subject: Subject, kind: MapKind, level: int) -> Survey:
    """Prepares a map; it is of the scan's own size, so recipes that differ in size alone share it."""
    return Survey(pipeline, replace(subject, recipe=replace(subject.recipe, scale=1)), kind, level)


def view(
    pipeline: Pipeline, subject: Subject, request: MapRequest, on_part: Callable[[MapFrame], None]
) -> Generator[Progress | None, None, MapFrame]:
    """A map of what is in view, at the size of the screen. Each finished tile goes to `on_part`."""
    source = subject.source
    level = source.pyramid.level_for(request.view.scale)
    bounds = source.master.info.bounds
    region = source.pyramid.region_at(level, request.view.region.intersect(bounds))
    mapped = survey(pipeline, subject, request.kind, level)
    pixels = np.empty((region.height, region.width, 4), np.uint8)
    values = np.empty((region.height, region.width, len(MAP_SCALES[request.kind])), np.float16)
    touching = tiles_touching(mapped.tiles, region)
    yield Progress(0, len(touching), request.kind)
    for number, tile in enumerate(touching):
        measured = yield from _counted(mapped.measure(tile), number, len(touching))
        part = tile.core.intersect(region)
        found = measured[_within(part, tile.core)]
        where = _within(part, region)
        values[where], pixels[where] = found, mapped.draw(found, part)
        on_part(MapFrame(request, pixels[where].copy(), found, to_master(part, level, bounds)))
        yield Progress(number + 1, len(touching), request.kind)
    return MapFrame(request, pixels, values, to_master(region, level, bounds))


def _counted(steps: Steps, number: int, total: int) -> Steps:
    """The steps of one tile, with their progress as that of all tiles."""

    def tell(step: Progress | None) -> Progress | None:
        return Progress(number * step.total + step.done, total * step.total, step.message) if step else None

    return retold(steps, tell)


# Fidelity


def faithful(recipe: Recipe) -> Recipe:
    """The most faithful setting beside a recipe: alpha 10, beta 0, the rest as it is."""
    return replace(recipe, alpha=ALPHA_RANGE[1], beta=0.0, style=None)


def _fidelity(mapped: Survey, tile: Tile) -> Steps:
    pipeline, subject, level = mapped.pipeline, mapped.subject, mapped.level
    bounds = Region(0, 0, *subject.source.size(level))
    most = replace(subject, recipe=faithful(subject.recipe), style=None)
    seen = seen_most = yield from pipeline.look(subject, level, tile)
    if pipeline.faithful is not pipeline:  # a network without alpha: beside ours, whose tiles are multiples of its own
        (around_it,) = tiles_touching(subject.source.tiles(level, pipeline.faithful.card), tile.core)
        seen_most = yield from pipeline.faithful.look(most, level, around_it)
    answers = ((pipeline, subject, seen), (pipeline.faithful, most, seen_most))
    made_ready = []
    for one, which, known in answers:
        made_ready.append((one, which, (yield from one.plan_steps(which)), known))
    out = np.empty((tile.core.height, tile.core.width, 2), np.float16)
    parts = list(blocks(tile.core, _STRIP))
    for number, block in enumerate(parts):
        around = _grown(block, _DETAIL, bounds)
        deltas = []
        for one, which, its_plan, known in made_ready:
            with torch.inference_mode():
                deltas.append(one.delta(which, its_plan, level, known, around))
            yield None
        with torch.inference_mode():
            x = to_tensor(subject.source.working(level, around), pipeline.device)
            found = _told_apart(x, *deltas)[(..., *_within(block, around))]
            out[_within(block, tile.core)] = (255 * found[0]).permute(1, 2, 0).cpu().numpy()
        yield Progress(number + 1, len(parts), "fidelity")
    return out


def _told_apart(x: Tensor, delta: Tensor, most_faithful: Tensor) -> Tensor:
    """Changed and invented (1, 2, H, W) in 0..1 from x and both results' y - x (1, 3, H, W)."""
    changed = delta.abs().amax(1, keepdim=True)
    ours, theirs = _detail(x + delta), _detail(x + most_faithful)
    shared = (theirs * ours.sign()).clamp_min(0)  # 0 where it points the other way
    more = (ours.abs() - shared).clamp_min(0).amax(1, keepdim=True)
    return torch.cat((changed, torch.minimum(more, changed)), 1)


def _detail(y: Tensor) -> Tensor:
    return y - stages.lowpass(y)


# Uncertainty


@dataclass(frozen=True, slots=True)
class _Guise:
    """A way to show the network the same tile differently: mirrored axes (2 down, 3 across), then half a pixel on."""

    flips: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()

    def put_on(self, x: Tensor) -> Tensor:
        for axis in self.shifts:
            x = _shifted(x, axis, forward=True)
        return x.flip(self.flips) if self.flips else x

    def take_off(self, y: Tensor) -> Tensor:
        y = y.flip(self.flips) if self.flips else y
        for axis in self.shifts:
            y = _shifted(y, axis, forward=False)
        return y


GUISES = (
    _Guise(), _Guise(flips=(3,)), _Guise(flips=(2,)), _Guise(flips=(2, 3)),
    _Guise(shifts=(3,)), _Guise(shifts=(2,)), _Guise(shifts=(2, 3)),
)  # fmt: skip


def _uncertainty(mapped: Survey, tile: Tile) -> Steps:
    pipeline, subject, level = mapped.pipeline, mapped.subject, mapped.level
    once = replace(subject, recipe=replace(subject.recipe, thorough=False))  # the guises are positions themselves
    plan = yield from pipeline.plan_steps(once)
    bare = replace(plan, style=None)  # without the texture; the head has the style folded in
    x = to_tensor((yield from filling.shown(subject, level, tile.padded)), pipeline.device)
    mask = mask_part(subject, level, tile.padded, pipeline.device)
    inner = tile.inner
    mean = torch.zeros(1, 3, inner.height, inner.width, device=pipeline.device)
    spread = torch.zeros_like(mean)
    for number, guise in enumerate(GUISES):
        with torch.inference_mode():
            disguised = guise.put_on(x)
            own = guise.put_on(mask).clamp(0, 1) if mask is not None else None
        yield None
        delta = yield from _answer(pipeline, bare, disguised, own, level)
        with torch.inference_mode():  # Welford's running mean and sum of squares
            answer = guise.take_off(delta)[(..., *_within(inner, Region(0, 0, x.shape[3], x.shape[2])))]
            step = answer - mean
            mean += step / (number + 1)
            spread += step * (answer - mean)
        yield Progress(number + 1, len(GUISES), "uncertainty")
    with torch.inference_mode():
        deviation = (spread / (len(GUISES) - 1)).mean(1).sqrt()
        found: NDArray[Any] = (255 * deviation[0]).cpu().numpy().astype(np.float16)
    return found[..., None]


def _answer(
    pipeline: Pipeline, made_ready: Plan, x: Tensor, mask: Tensor | None, level: int
) -> Generator[Progress | None, None, Tensor]:
    """y - x (1, 3, H, W) of a picture that is a world of its own."""
    height, width = x.shape[2:]
    whole = Region(0, 0, width, height)
    seen = yield from pipeline.understand(x, whole, whole, made_ready.recipe)
    yield None
    delta = torch.empty_like(x)
    for top in range(0, height, _STRIP):
        strip = Region(0, top, width, min(_STRIP, height - top))
        rows = (..., *_within(strip, whole))
        with torch.inference_mode():
            own = mask[rows] if mask is not None else None
            r = stages.residual(made_ready, seen, strip, mask=own)
            delta[rows] = stages.complete(made_ready, seen, x[rows], r, strip, level=level, mask=own)
        yield None
    return delta


def _shifted(x: Tensor, axis: int, *, forward: bool) -> Tensor:
    """x (1, C, H, W) read half a pixel further down (axis 2) or across (3), or back; Lanczos with 8 taps."""
    weights = _half_pixel_taps()
    before = _TAPS - 1 if forward else _TAPS
    pads = (before, len(weights) - 1 - before)
    padded = F.pad(x, (*pads, 0, 0) if axis == 3 else (0, 0, *pads), mode="replicate")
    out = torch.zeros_like(x)
    for at, weight in enumerate(weights):
        out += weight * padded.narrow(axis, at, x.shape[axis])
    return out


def _half_pixel_taps() -> Sequence[float]:
    at = [k + 0.5 for k in range(-_TAPS, _TAPS)]
    weights = [math.sin(math.pi * t) * math.sin(math.pi * t / _TAPS) * _TAPS / (math.pi * t) ** 2 for t in at]
    return [weight / sum(weights) for weight in weights]


def _grown(region: Region, by: int, within: Region) -> Region:
    return Region(region.x - by, region.y - by, region.width + 2 * by, region.height + 2 * by).intersect(within)


def _within(part: Region, whole: Region) -> tuple[slice, slice]:
    top, left = part.y - whole.y, part.x - whole.x
    return slice(top, top + part.height), slice(left, left + part.width)
