"""Renders views and whole images, beginning at the deepest cached stage.

The backbone's answer for a tile (`Seen`) depends on the master, the level and the weights alone; alpha, beta, style,
strength and tone come after it. So a slider tick over cached tiles runs the head only. Screen and export call the same
`_tile` with the same fixed grid: at 1:1 they show and write the same pixels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import RecipeError
from engine.imaging.tiles import Tile, tiles_touching
from engine.models.upscale import Interpolated, Upscaler
from engine.models.weights import Restorer
from engine.rendering import enlarging, filling, stages
from engine.rendering.canvas import Canvas, Sheet, Tally, changed
from engine.rendering.drafts import Drafts
from engine.rendering.enlarging import Enlarging
from engine.rendering.pieces import Frugal
from engine.rendering.source import to_master
from engine.rendering.stages import Plan, Seen
from engine.rendering.subject import Subject, level_region, mask_part, on_grid, within
from engine.rendering.tensors import inferred, to_array, to_rows, to_tensor
from engine.rendering.thumbnails import Thumbnails
from engine.rendering.transfers import Fetched, Sent, Transfers
from engine.runtime.cache import ByteCache
from engine.runtime.steps import at_once
from engine.types import Frame, MapKind, ModelCard, Progress, Recipe, Region, RenderRequest, StyleCard

Pixels = NDArray[Any]
_STRIP = 256  # rows of a mask that are made in one step
_MEASURED_BYTES = 128 << 20
Key = tuple[str, int, int, int, int, str]  # master's hash, page, level, tile corner, weights' hash
MeasuredKey = tuple[str, int, int, int, int, MapKind, Recipe, StyleCard | None]  # the same up to the corner

Change = Callable[[int, Region], Tensor]
"""What is added to r (1, 3, h, w) in a region of a level: how an optimised picture differs from the fast one."""


class Pipeline:
    """One model on one device, with the cache of what its backbone has seen. Engine thread only."""

    def __init__(
        self,
        restorer: Restorer,
        card: ModelCard,
        device: torch.device,
        cache_bytes: int,
        upscaler: Callable[[], Upscaler | Interpolated] | None = None,
    ) -> None:
        """`upscaler` loads the tail when something is first to be enlarged; None where the model has none."""
        self.restorer = restorer
        self._load_upscaler = upscaler
        self._upscaler: Upscaler | Interpolated | None = None
        self.card = card
        self.device = device
        self._transfers = Transfers(device)
        self._sent: dict[Key, Sent] = {}  # pixels on their way to the device
        self.frugal = Frugal(card.tile, card.halo)
        self._seen: ByteCache[Key, Seen] = ByteCache(cache_bytes)
        self.thumbnails = Thumbnails(restorer, device)
        self.marks = filling.Marks()
        self.drafts = Drafts(self)
        self.measured: ByteCache[MeasuredKey, NDArray[np.float16]] = ByteCache(_MEASURED_BYTES)
        """What maps have found out about tiles (`engine.rendering.maps`), kept here to go when the model goes."""

    def forget(self, sha256: str) -> None:
        """Drops what is cached of an image."""
        self._seen.discard(lambda key: key[0] == sha256)
        self.measured.discard(lambda key: key[0] == sha256)
        self.thumbnails.forget(sha256)
        self.drafts.forget()

    def draft(self, request: RenderRequest, subject: Subject) -> Frame:
        """What can be shown at once: cached tiles through the head, the rest from one coarse look at the whole."""
        return self.drafts.draw(request, subject)

    def refine(
        self, request: RenderRequest, subject: Subject, on_tile: Callable[[Frame], None], *, followed: bool = False
    ) -> Generator[Progress | None, None, Frame]:
        """The view at full quality; each finished tile goes to `on_tile`. At level 0 the pixels are exact; with a size
        in the recipe, those of the level that is enlarged as far. `followed` says that a hand may move over it next:
        its sketches are compared with it."""
        factor = enlarging.factor_for(request)
        if factor > 1:
            yield from self.thumbnails.steps(subject)
            tiles, look = subject.source.tiles(0, self.card), lambda tile: self.look(subject, 0, tile, factor=factor)
            return (yield from enlarging.refine(self.enlarging(subject, factor), request, tiles, look, on_tile))
        source, plan = subject.source, (yield from self.plan_steps(subject))
        level = source.pyramid.level_for(request.view.scale)
        region = level_region(source, level, request.view.region)
        bounds = source.master.info.bounds
        before = source.space.to_display(source.pixels(level, region))
        pixels = before.copy()
        exact = level == 0 and subject.recipe.scale == 1
        touching = tiles_touching(source.tiles(level, self.card), region)
        for number, tile in enumerate(touching):
            seen = yield from self.look(subject, level, tile)
            part = tile.core.intersect(region)
            delta = yield from self.delta_steps(subject, plan, level, seen, tile.core)
            yield None
            shown = source.space.to_display(self._over(subject, level, tile.core, delta))[within(part, tile.core)]
            where = within(part, region)
            pixels[where] = shown
            on_tile(Frame(request, shown, before[where], to_master(part, level, bounds), exact=exact))
            yield Progress(number + 1, len(touching), "refine")
        if followed:
            self.drafts.remember(subject, level, region, pixels)
        return Frame(request, pixels, before, to_master(region, level, bounds), exact=exact)

    def sample(self, subject: Subject, x: int, y: int) -> Pixels | None:
        """Y at a pixel of the master (C,), in its space and depth; None where the place has not been seen yet."""
        (tile,) = tiles_touching(subject.source.tiles(0, self.card), Region(x, y, 1, 1))
        seen = self.known(subject, 0, tile)
        if seen is None or subject.recipe.scale > 1:
            return None
        around = on_grid(Region(x, y, 1, 1), tile.core)
        pixel: Pixels = self._tile(subject, self.plan(subject), 0, seen, around)[y - around.y, x - around.x]
        return pixel

    def whole(
        self, subject: Subject, level: int = 0, change: Change | None = None
    ) -> Generator[Progress | None, None, tuple[Pixels, Tally]]:
        """The whole image in the master's own space and depth (H, W, C), in memory: what an export writes, in its size
        where no other level and no change of one's own is asked for."""
        factor = subject.recipe.scale if level == 0 and change is None else 1
        width, height = subject.source.size(level)
        sheet = Sheet((factor * height, factor * width, subject.source.shape[2]), subject.source.dtype)
        if factor > 1:
            tally = yield from self.paint(subject, sheet)
        else:
            tally = yield from self._paint(subject, sheet, level, change)
        return sheet.pixels, tally

    def paint(self, subject: Subject, canvas: Canvas) -> Generator[Progress | None, None, Tally]:
        """Puts the whole image onto a canvas, tile by tile, leaving out the tiles it knows."""
        if subject.recipe.scale > 1:
            return (yield from self._paint_enlarged(subject, canvas))
        return (yield from self._paint(subject, canvas, 0, None))

    def _paint(
        self, subject: Subject, canvas: Canvas, level: int, change: Change | None
    ) -> Generator[Progress | None, None, Tally]:
        source, plan = subject.source, (yield from self.plan_steps(subject))
        tally = Tally()
        tiles = source.tiles(level, self.card)
        wanted = []
        for number, tile in enumerate(tiles):
            known = canvas.known(number)
            if known is None:
                wanted.append((number, tile))
            else:
                tally = tally + known
        before = len(tiles) - len(wanted)
        begun: deque[_Begun] = deque()
        try:
            for turn, (number, tile) in enumerate(wanted):
                seen = yield from self.look(subject, level, tile, keep=len(tiles) <= 4)
                following = wanted[turn + 1 : turn + 1 + self._transfers.lag]
                for _, ahead in following:
                    self._send(subject, level, ahead)
                delta = yield from self.delta_steps(subject, plan, level, seen, tile.core, change)
                yield None
                begun.append(self._begin(seen, (number, tile.core), delta))
                yield None
                while len(begun) > len(following):
                    tally = tally + self._end(subject, level, begun.popleft(), canvas)
                yield Progress(before + turn + 1, len(tiles), "restoring")
        finally:
            self._sent.clear()
        return tally

    @torch.inference_mode()
    def _begin(self, seen: Seen, tile: tuple[int, Region], delta: Tensor) -> _Begun:
        """Sends a tile, its number and its core, on its way back from the device."""
        number, core = tile
        damaged = (_damage(seen, core) > 0.5).sum()
        return _Begun(number, core, self._transfers.fetch(to_rows(delta)), self._transfers.fetch(damaged))

    def _end(self, subject: Subject, level: int, begun: _Begun, canvas: Canvas) -> Tally:
        """Puts a tile that has come back into the picture."""
        core, source = begun.core, subject.source
        before = source.pixels(level, core)
        after = source.space.add_residual(before, begun.delta())
        tally = Tally(int(begun.damaged()), changed(before, after))
        canvas.put(core, after)
        canvas.finish(begun.number, tally)
        return tally

    def _paint_enlarged(self, subject: Subject, canvas: Canvas) -> Generator[Progress | None, None, Tally]:
        yield from self.thumbnails.steps(subject)
        tiles, factor = subject.source.tiles(0, self.card), subject.recipe.scale

        def look(tile: Tile) -> Generator[Progress | None, None, Seen]:
            return self.look(subject, 0, tile, keep=len(tiles) <= 4, factor=factor)

        return (yield from enlarging.paint(self.enlarging(subject, factor), tiles, look, canvas))

    def enlarging(self, subject: Subject, factor: int) -> Enlarging:
        """The recipe made ready to enlarge. RecipeError where the model has no tail, ModelError where it is bad."""
        if self._load_upscaler is None:
            raise RecipeError(f"The model “{self.card.id}” does not enlarge; set the size to 1.")
        if self._upscaler is None:
            self._upscaler = self._load_upscaler()
        recipe = replace(subject.recipe, scale=factor)
        thumbnail = self.thumbnails.of(subject)
        with torch.inference_mode():
            plan = stages.prepare(self.restorer, recipe, subject.style, thumbnail)
            return enlarging.prepare(self.restorer, self._upscaler, subject.source, plan, thumbnail)

    def bare(self, subject: Subject, level: int) -> Generator[Progress | None, None, Tensor]:
        """x + r of a whole level (1, 3, H, W): the picture before tone, texture and mask."""
        source, plan = subject.source, (yield from self.plan_steps(subject))
        width, height = source.size(level)
        out = torch.empty(1, 3, height, width, device=self.device)
        for tile in source.tiles(level, self.card):
            seen = yield from self.look(subject, level, tile)
            with torch.inference_mode():
                x = to_tensor(source.working(level, tile.core), self.device)
                mask = mask_part(subject, level, tile.core, self.device)
                out[(..., *_slices(tile.core))] = x + stages.residual(plan, seen, tile.core, mask=mask)
            yield None
        return out

    def damage(self, subject: Subject) -> Generator[Progress | None, None, NDArray[np.uint8]]:
        """The detected damage of the whole image as (H, W) uint8 probabilities, 255 for certain."""
        source = subject.source
        width, height = source.size(0)
        out = np.empty((height, width), np.uint8)
        tiles = source.tiles(0, self.card)
        for number, tile in enumerate(tiles):
            seen = yield from self.look(subject, 0, tile, keep=len(tiles) <= 4)
            core = tile.core
            out[core.y : core.bottom, core.x : core.right] = _probability(seen, core)
            yield Progress(number + 1, len(tiles), "looking for damage")
        return out

    def repairs(self, subject: Subject) -> Generator[Progress | None, None, NDArray[np.uint8]]:
        """Where scope “damage” repairs without a person's mask, (H, W) uint8: 255 or 0, before it is feathered."""
        probability = yield from self.damage(subject)
        out = np.empty_like(probability)
        for top in range(0, len(out), _STRIP):
            out[top : top + _STRIP] = stages.repaired(probability, top, min(top + _STRIP, len(out)))
            yield None
        return out

    def plan(self, subject: Subject) -> Plan:
        """The subject's recipe made ready for its tiles."""
        with torch.inference_mode():
            return stages.prepare(self.restorer, subject.recipe, subject.style, self.thumbnails.of(subject))

    def plan_steps(self, subject: Subject) -> Generator[None, None, Plan]:
        """The same in short steps, where a picture may be met for the first time."""
        yield from self.thumbnails.steps(subject)
        return self.plan(subject)

    def _key(self, subject: Subject, level: int, tile: Tile) -> Key:
        weights = f"{self.card.sha256}, thorough" if subject.recipe.thorough else self.card.sha256
        if marks := self.marks.of(subject, level, tile.padded):
            weights += f", filled in: {marks}"
        return (subject.sha256, subject.page, level, tile.core.x, tile.core.y, weights)

    def known(self, subject: Subject, level: int, tile: Tile) -> Seen | None:
        """What has been seen of a tile; None where nothing has."""
        return self._seen.get(self._key(subject, level, tile))

    def look(
        self, subject: Subject, level: int, tile: Tile, *, keep: bool = True, factor: int = 1
    ) -> Generator[Progress | None, None, Seen]:
        """The backbone's answer for a tile, from the cache or in short steps.

        `factor` is how far it is to be enlarged; this backbone's answer is the same for all.
        """
        key = self._key(subject, level, tile)
        known = self._seen.get(key)
        if known is not None:
            return known
        if self.marks.of(subject, level, tile.padded):
            seen = yield from self._look_at_filled(subject, level, tile)
        else:
            self._send(subject, level, tile)
            x = self._sent.pop(key)()
            seen = yield from self.understand(x, tile.padded, tile.core, subject.recipe)
        if keep:
            self._seen.put(key, seen, seen.nbytes)
        yield None  # what is made of it is a step of its own
        return seen

    def _look_at_filled(self, subject: Subject, level: int, tile: Tile) -> Generator[Progress | None, None, Seen]:
        x = self._transfers.send((yield from filling.shown(subject, level, tile.padded)))()
        seen = yield from self.understand(x, tile.padded, tile.core, subject.recipe)
        with torch.inference_mode():
            seen = filling.completed(seen, x, subject, level, tile)
        yield None
        return seen

    def understand(
        self, x: Tensor, padded: Region, core: Region, recipe: Recipe
    ) -> Generator[Progress | None, None, Seen]:
        """What is seen in x (1, 3, H, W), the pixels of `padded`, as far as `recipe` needs it, in short steps."""
        steps = self.frugal.understand(self.restorer, x, padded, core, thorough=recipe.thorough)
        return (yield from inferred(steps))

    @property
    def faithful(self) -> Pipeline:
        """The one whose alpha 10, beta 0 tells what in a result was invented."""
        return self

    def notes(self, recipe: Recipe) -> dict[str, str]:
        """What the provenance tells of a recipe's result besides the model itself."""
        return ({"upscaler": self.card.tail} if recipe.scale > 1 else {}) | filling.notes(recipe)

    def _send(self, subject: Subject, level: int, tile: Tile) -> None:
        """Begins to bring a tile's pixels to the device, unless they are on their way or are to be filled in first."""
        key = self._key(subject, level, tile)
        if key not in self._sent and not self.marks.of(subject, level, tile.padded):
            self._sent[key] = self._transfers.send(subject.source.working(level, tile.padded))

    def now(self, subject: Subject, level: int, tile: Tile) -> Seen:
        """The same without pause, for a draft that needs one small tile."""
        return at_once(self.look(subject, level, tile))

    def _tile(self, subject: Subject, plan: Plan, level: int, seen: Seen, region: Region) -> Pixels:
        """Y of a region within a tile's core, in the master's space and depth (h, w, C)."""
        return self._over(subject, level, region, self.delta(subject, plan, level, seen, region))

    def _over(self, subject: Subject, level: int, region: Region, delta: Tensor) -> Pixels:
        return subject.source.space.add_residual(subject.source.pixels(level, region), to_array(delta))

    def delta(self, subject: Subject, plan: Plan, level: int, seen: Seen, region: Region) -> Tensor:
        """y - x (1, 3, h, w) of a region within a tile's core or up to 4 px around it, on the device."""
        return at_once(self.delta_steps(subject, plan, level, seen, region))

    def delta_steps(
        self, subject: Subject, plan: Plan, level: int, seen: Seen, region: Region, change: Change | None = None
    ) -> Generator[None, None, Tensor]:
        """The same in steps: the head, tone, and what lies on the surface."""
        with torch.inference_mode():
            x = self._transfers.send(subject.source.working(level, region))()
            mask = mask_part(subject, level, region, self.device)
            r = stages.residual(plan, seen, region, mask=mask)
            if change is not None:
                r = r + change(level, region)
        yield None
        with torch.inference_mode():
            t = stages.toned(plan, x, r)
        if plan.style is not None:
            yield None
        with torch.inference_mode():
            return stages.finish(plan, seen, x, t, region, level=level, mask=mask)

    def display(self, subject: Subject, plan: Plan, level: int, seen: Seen, region: Region) -> NDArray[np.uint8]:
        return subject.source.space.to_display(self._tile(subject, plan, level, seen, region))


@dataclass(frozen=True, slots=True)
class _Begun:
    """A tile on its way back: its number, its core, y - x (h, w, 3), and how many of its pixels are damaged."""

    number: int
    core: Region
    delta: Fetched
    damaged: Fetched


def _damage(seen: Seen, core: Region) -> Tensor:
    """Probability of damage (h, w) of a tile's core."""
    top, left = core.y - seen.region.y, core.x - seen.region.x
    return seen.damage[0, 0, top : top + core.height, left : left + core.width]


def _probability(seen: Seen, core: Region) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = stages.in_bytes(_damage(seen, core)).cpu().numpy()
    return array


def _slices(region: Region) -> tuple[slice, slice]:
    return slice(region.y, region.bottom), slice(region.x, region.right)
