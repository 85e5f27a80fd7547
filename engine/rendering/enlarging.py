"""The same output equation at twice or four times the size (`docs/semantics.md`).

X_s = up(X) in the master's own space and depth    x_s = T(X_s)
r_s = up(m * r0) + U(x, r0, d, n; alpha, s) + up(r - r0)
t_s = Tone(x_s + r_s)    y_s = x_s + strength * (t_s - x_s)    Y_s = X_s + [T^-1(T(X_s) + (y_s - x_s)) - T^-1(T(X_s))]

r0 is the residual without style and without grain: what those two add is not for the tail to judge, it is enlarged.
It is 0 where what looks like damage is 3 px thick or more: in a small picture that may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.imaging.tiles import Tile, tiles_touching
from engine.models.blocks import hash_noise, luma
from engine.models.upscale import CELL, NOISE, REACH, FoldedUpscaler, Given, Interpolated, Upscaler, condition, enlarge
from engine.models.weights import Restorer
from engine.rendering import stages
from engine.rendering.canvas import Canvas, Tally, changed
from engine.rendering.source import Source
from engine.rendering.stages import Plan, Seen
from engine.rendering.tensors import inferred, pad_to_multiple, to_array, to_tensor
from engine.types import Frame, Progress, Region, RenderRequest

Pixels = NDArray[Any]
Look = Callable[[Tile], Generator[Progress | None, None, Seen]]
Restored = Callable[[Region, Tensor], Tensor]
"""r_s (1, 3, factor * h, factor * w) without what style and grain add, of a region whose pixels are x_s."""

BLOCK = 128  # pixels a side that are enlarged in one step of the engine
PANEL = 2 * BLOCK  # and that a tail looks at together, with what is around; in several steps
_NEAR = 4  # pixels around a block that enlarging a residual looks at; a multiple of the head's grid


@dataclass(frozen=True, slots=True)
class Enlarged:
    """A block and its X_s and Y_s (factor * h, factor * w, C)."""

    block: Region
    before: Pixels
    after: Pixels


@dataclass(frozen=True)
class Enlarging:
    """A recipe made ready to enlarge one image `factor` times."""

    source: Source
    plan: Plan
    plain: Plan  # without style and grain
    factor: int
    device: torch.device

    def tile(self, seen: Seen, core: Region, wanted: Region) -> Iterator[Enlarged | None]:
        """The blocks that touch `wanted` of a tile that the backbone has seen, one after another; None are rests."""
        for panel in blocks(core, PANEL):
            if not _touch(panel, wanted):
                continue
            restored = yield from self.restoring(seen, panel)
            yield None
            for block in blocks(panel):
                if _touch(block, wanted):
                    yield self._block(seen, block, restored)

    def restoring(self, seen: Seen, panel: Region) -> Generator[None, None, Restored]:
        """Steps to what restores the blocks of a panel."""
        raise NotImplementedError

    @torch.inference_mode()
    def _block(self, seen: Seen, region: Region, restored: Restored) -> Enlarged:
        before = self._master(region)
        x = to_tensor(self.source.space.to_working(before), self.device)
        r = self._residual(seen, region, restored(region, x))
        delta = stages.complete(self.plan, seen, x, r, _times(region, self.factor))
        return Enlarged(region, before, self.source.space.add_residual(before, to_array(delta)))

    def _master(self, region: Region) -> Pixels:
        """X_s of a region: all channels enlarged, rounded to the nearest level of the master's depth."""
        around = grown(region, CELL, self.source.master.info.bounds)
        pixels = self.source.pixels(0, around)
        x = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
        large = cut(enlarge(x, self.factor), around, region, self.factor)
        levels = large.round_().clamp_(0, np.iinfo(pixels.dtype).max)
        return np.ascontiguousarray(levels[0].permute(1, 2, 0).numpy().astype(pixels.dtype))

    def _residual(self, seen: Seen, region: Region, r: Tensor) -> Tensor:
        """r_s with what style and grain add, grey where the picture is."""
        if self.plan is not self.plain:
            near = grown(region, _NEAR, seen.region)
            more = stages.residual(self.plan, seen, near) - stages.residual(self.plain, seen, near)
            r = r + cut(enlarge(more, self.factor), near, region, self.factor)
        return luma(r).expand_as(r) if self.plan.neutral else r


@dataclass(frozen=True)
class TailEnlarging(Enlarging):
    """What the tail of our own network makes of what its backbone saw."""

    tail: FoldedUpscaler

    def restoring(self, seen: Seen, panel: Region) -> Generator[None, None, Restored]:
        """Looks at the residual, the damage and the pixels of a panel and around it."""
        around = grown(panel, REACH, seen.region)
        with torch.inference_mode():
            given = self._given(seen, around)
        yield None
        hidden = yield from inferred(self.tail.steps(given))

        def restored(region: Region, _x: Tensor) -> Tensor:
            part = grown(region, _NEAR, around)
            r = self.tail.result(*_cells(hidden, given, around, part))
            return cut(r.float(), part, region, self.factor)

        return restored

    def _given(self, seen: Seen, region: Region) -> Given:
        """What the tail sees of a region, a row or a column more where a side is odd."""
        r = stages.residual(self.plain, seen, region) * stages.fine_trust(seen, region)
        x, damage = to_tensor(self.source.working(0, region), self.device), stages.damage(seen, region)
        x, r, damage = (pad_to_multiple(part, CELL) for part in (x, r, damage))
        height, width = x.shape[2] // CELL, x.shape[3] // CELL
        seed = self.plan.recipe.seed + 1  # not the noise the head drew with
        noise = hash_noise(
            region.y // CELL, region.x // CELL, height, width, planes=NOISE, seed=seed, device=self.device
        )
        return Given(x, r, damage, noise)


def _cells(hidden: Tensor, given: Given, whole: Region, part: Region) -> tuple[Tensor, Given]:
    """What the tail has found out and was given, of a part of the region it looked at."""
    top, left = (part.y - whole.y) // CELL, (part.x - whole.x) // CELL
    bottom, right = -(-(part.bottom - whole.y) // CELL), -(-(part.right - whole.x) // CELL)

    def own(field: Tensor, cell: int) -> Tensor:
        return field[:, :, cell * top : cell * bottom, cell * left : cell * right]

    x, r, damage = (own(field, CELL) for field in (given.x, given.r, given.damage))
    return own(hidden, 1), Given(x, r, damage, own(given.noise, 1))


def prepare(
    restorer: Restorer, upscaler: Upscaler | Interpolated, source: Source, plan: Plan, thumbnail: Tensor
) -> Enlarging:
    """Folds the sliders and the size into the tail, for the recipe of `plan`."""
    recipe = plan.recipe
    weight = restorer.backbone.stem.weight
    plain = plan
    if recipe.grain > 0 or plan.style is not None:
        plain = stages.prepare(restorer, replace(recipe, beta=0.0, grain=0.0), None, thumbnail)
    with torch.inference_mode():
        z = condition(torch.tensor([recipe.alpha], device=weight.device), recipe.scale)
        tail = upscaler.fold(z, recipe.scale).to(weight.device, weight.dtype)
    return TailEnlarging(source, plan, plain, tail.scale, weight.device, tail)


def factor_for(request: RenderRequest) -> int:
    """How far a refined view is enlarged: no further than the recipe wants, and than the screen has pixels to show."""
    factor = 1
    while factor < request.recipe.scale and factor < request.view.scale:
        factor *= 2
    return factor


def refine(
    enlarging: Enlarging, request: RenderRequest, tiles: Sequence[Tile], look: Look, on_block: Callable[[Frame], None]
) -> Generator[Progress | None, None, Frame]:
    """The view enlarged, block by block; exact where the enlargement is the recipe's own. `before` is X_s."""
    factor, space = enlarging.factor, enlarging.source.space
    region = request.view.region.intersect(enlarging.source.master.info.bounds)
    pixels = np.empty((factor * region.height, factor * region.width, 4), np.uint8)
    before, exact = np.empty_like(pixels), factor == request.recipe.scale
    touching = tiles_touching(tiles, region)
    for number, tile in enumerate(touching):
        seen = yield from look(tile)
        for done in enlarging.tile(seen, tile.core, region):
            if done is not None:
                part = done.block.intersect(region)
                offset, where = _slices(part, done.block, factor), _slices(part, region, factor)
                before[where], pixels[where] = (space.to_display(p)[offset] for p in (done.before, done.after))
                on_block(Frame(request, pixels[where].copy(), before[where].copy(), part, exact=exact))
            yield Progress(number, len(touching), "refine")
        yield Progress(number + 1, len(touching), "refine")
    return Frame(request, pixels, before, region, exact=exact)


def paint(
    enlarging: Enlarging, tiles: Sequence[Tile], look: Look, canvas: Canvas
) -> Generator[Progress | None, None, Tally]:
    """Puts the whole image (factor * H, factor * W, C) onto a canvas, block by block, but for the tiles it knows."""
    factor, total = enlarging.factor, Tally()
    for number, tile in enumerate(tiles):
        tally = canvas.known(number)
        if tally is None:
            tally = Tally()
            seen = yield from look(tile)
            for done in enlarging.tile(seen, tile.core, tile.core):
                if done is not None:
                    canvas.put(_times(done.block, factor), done.after)
                    damaged = int((stages.damage(seen, done.block) > 0.5).sum())
                    tally = tally + Tally(damaged, changed(done.before, done.after))
                yield None
            canvas.finish(number, tally)
        total = total + tally
        yield Progress(number + 1, len(tiles), "restoring")
    return total


def blocks(core: Region, side: int = BLOCK) -> Iterator[Region]:
    """A tile's core in parts of at most 128 x 128 pixels, the same ones on the screen and in an export."""
    for y in range(core.y, core.bottom, side):
        for x in range(core.x, core.right, side):
            yield Region(x, y, side, side).intersect(core)


def _touch(part: Region, other: Region) -> bool:
    shared = part.intersect(other)
    return bool(shared.width and shared.height)


def _slices(part: Region, whole: Region, factor: int) -> tuple[slice, slice]:
    top, left = factor * (part.y - whole.y), factor * (part.x - whole.x)
    return slice(top, top + factor * part.height), slice(left, left + factor * part.width)


def _times(region: Region, factor: int) -> Region:
    return Region(*(factor * side for side in (region.x, region.y, region.width, region.height)))


def grown(region: Region, by: int, within: Region) -> Region:
    """A region and so many pixels around it, where there are any."""
    return Region(region.x - by, region.y - by, region.width + 2 * by, region.height + 2 * by).intersect(within)


def cut(field: Tensor, whole: Region, part: Region, factor: int) -> Tensor:
    """The pixels of `part` out of a field that covers `whole` at `factor` times the size, and perhaps a little more."""
    rows, columns = _slices(part, whole, factor)
    return field[:, :, rows, columns]
