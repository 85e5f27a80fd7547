"""What can be shown at once: cached tiles through the head, the rest from one coarse look at the whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from engine.imaging.tiles import Tile, tiles_touching
from engine.rendering import sketches
from engine.rendering.sketches import Fine, Ground, Haste
from engine.rendering.source import to_master
from engine.rendering.stages import Plan, Seen
from engine.rendering.subject import Subject, level_region, mask_part, on_grid, within
from engine.rendering.tensors import to_tensor
from engine.types import Frame, Recipe, Region, RenderRequest

if TYPE_CHECKING:
    from engine.rendering.pipeline import Pipeline

_SHARP = 0.6  # screen pixels a pixel of the level, from which halves would look soft
_SHARP_PIXELS = 4 << 20  # of a view at most: its ground takes 32 bytes a pixel, what a whole draft had beside it 20


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """A view that was drawn whole, as `Drafts` remembers it: without its subject, which may hold a large scan."""

    way: tuple[object, ...]
    region: Region
    recipe: Recipe
    pixels: NDArray[np.uint8]


class Drafts:
    """Draws the drafts of one pipeline, and remembers how long they take. Engine thread only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.haste = Haste()
        self._ground: tuple[tuple[object, ...], Ground] | None = None
        self._last: _Whole | None = None
        self._fine: tuple[_Whole, Ground, Fine | None] | None = None
        self._before: tuple[tuple[object, ...], NDArray[np.uint8]] | None = None

    def forget(self) -> None:
        """Drops what is kept of the last view."""
        self._ground = self._before = self._last = self._fine = None

    def remember(self, subject: Subject, level: int, region: Region, pixels: NDArray[np.uint8]) -> None:
        """A view has been drawn whole, (h, w, 4): the sketches that follow of it take what is finest from there."""
        if region.width * region.height <= _SHARP_PIXELS:
            self._last = _Whole(_way(subject, level), region, subject.recipe, pixels)

    @torch.inference_mode()
    def draw(self, request: RenderRequest, subject: Subject) -> Frame:
        """A frame of any quality: a sketch where a hand moves and a whole draft would come too late."""
        pipeline, source, plan = self._pipeline, subject.source, self._pipeline.plan(subject)
        level = source.pyramid.level_for(request.view.scale)
        region = level_region(source, level, request.view.region)
        touching = tiles_touching(source.tiles(level, pipeline.card), region)
        seen = {tile: self._known(subject, level, tile) for tile in touching}
        if all(one is None for one in seen.values()) and level < source.coarse_level(pipeline.card.tile):
            return self._coarse(request, subject, plan)
        known = {tile: one for tile, one in seen.items() if one is not None}
        complete = len(known) == len(seen)
        if complete and request.moving and self.haste.sketches(region.width * region.height):
            return self._sketch(request, subject, plan, level, region)
        start = time.perf_counter()
        pixels = self._whole(subject, plan, level, region, seen)
        if complete:
            self.haste.note(time.perf_counter() - start, region.width * region.height)
            if self._last_of(subject, level, region) is None and self._settled(subject, level, region):
                self.remember(subject, level, region, pixels)
        before = self._untouched(subject, level, region)
        return Frame(request, pixels, before, to_master(region, level, source.master.info.bounds))

    def _known(self, subject: Subject, level: int, tile: Tile) -> Seen | None:
        """What has been seen of a tile, if need be at a single look where a thorough one is wanted, or without what has
        just been marked in it."""
        ways = (subject, _once(subject), _unmarked(subject))
        return next((seen for way in ways if (seen := self._pipeline.known(way, level, tile)) is not None), None)

    def _whole(
        self, subject: Subject, plan: Plan, level: int, region: Region, seen: Mapping[Tile, Seen | None]
    ) -> NDArray[np.uint8]:
        pipeline, coarse = self._pipeline, subject.source.coarse_level(self._pipeline.card.tile)
        if level >= coarse or None not in seen.values():
            pixels = np.empty((region.height, region.width, 4), np.uint8)
        else:
            pixels = self._enlarged(subject, plan, level, region)
        for tile, known in seen.items():
            part = tile.core.intersect(region)
            known = known or (pipeline.now(_once(subject), level, tile) if level >= coarse else None)
            if known is not None:
                aligned = on_grid(part, tile.core)
                shown = pipeline.display(subject, plan, level, known, aligned)
                pixels[within(part, region)] = shown[within(part, aligned)]
        return pixels

    def _settled(self, subject: Subject, level: int, region: Region) -> bool:
        """Whether everything there has been seen in the way that the subject asks for."""
        tiles = tiles_touching(subject.source.tiles(level, self._pipeline.card), region)
        return all(self._pipeline.known(subject, level, tile) is not None for tile in tiles)

    def _sketch(self, request: RenderRequest, subject: Subject, plan: Plan, level: int, view: Region) -> Frame:
        source, recipe = subject.source, subject.recipe
        region = sketches.around(view, Region(0, 0, *source.size(level)))
        settled = self._settled(subject, level, region)
        how = (recipe.scope, recipe.mask, recipe.thorough, settled)
        key = (subject.sha256, subject.page, level, region, how, request.view.scale)
        if self._ground is None or self._ground[0] != key:
            self._fine = None  # which would keep the ground of the view before
            sharp = request.view.scale * (1 << level) > _SHARP and region.width * region.height <= _SHARP_PIXELS
            self._ground = key, self._prepared(subject, plan, level, region, sharp)
        ground = self._ground[1]
        fine = self._finest(subject, level, view, ground) if settled else None
        pixels = sketches.draw(ground, plan, level, fine)
        before = self._untouched(subject, level, region)
        return Frame(request, pixels, before, to_master(region, level, source.master.info.bounds))

    def _last_of(self, subject: Subject, level: int, view: Region) -> _Whole | None:
        """What was last drawn whole, where that can be compared with sketches of the view and covers it."""
        last = self._last
        if last is None or last.way != _way(subject, level) or view.intersect(last.region) != view:
            return None
        return last if last.recipe.strength * sketches.MOST >= subject.recipe.strength else None

    def _finest(self, subject: Subject, level: int, view: Region, ground: Ground) -> Fine | None:
        """What a whole draft of the view had beside its sketch; None where there was none."""
        last = self._last_of(subject, level, view)
        if last is None:
            return None
        if self._fine is None or self._fine[0] is not last or self._fine[1] is not ground:
            plan = self._pipeline.plan(replace(subject, recipe=last.recipe))
            self._fine = last, ground, sketches.compare(ground, plan, level, last.region, last.pixels)
        return self._fine[2]

    def _prepared(self, subject: Subject, plan: Plan, level: int, region: Region, sharp: bool) -> Ground:
        pipeline, source = self._pipeline, subject.source
        seen = {}
        for tile in tiles_touching(source.tiles(level, pipeline.card), region):
            seen[tile] = self._known(subject, level, tile) or pipeline.now(_once(subject), level, tile)
        x = to_tensor(source.working(level, region), pipeline.device)
        own = mask_part(subject, level, region, pipeline.device)
        return sketches.prepare(x, seen, plan, region, own=own, sharp=sharp)

    def _untouched(self, subject: Subject, level: int, region: Region) -> NDArray[np.uint8]:
        """The scan of a region, not to be written to: the same array as long as the same is asked for."""
        key = (subject.sha256, subject.page, level, region)
        if self._before is None or self._before[0] != key:
            source = subject.source
            self._before = key, source.space.to_display(source.pixels(level, region))
        return self._before[1]

    def _coarse(self, request: RenderRequest, subject: Subject, plan: Plan) -> Frame:
        """A quick answer at the level that fits into one tile, for the part of it that covers the view."""
        pipeline, source = self._pipeline, subject.source
        level = source.coarse_level(pipeline.card.tile)
        region = level_region(source, level, request.view.region)
        tile = source.tiles(level, pipeline.card)[0]
        shown = pipeline.display(subject, plan, level, pipeline.now(_once(subject), level, tile), tile.core)
        before = source.space.to_display(source.pixels(level, region))
        pixels = shown[within(region, tile.core)]
        return Frame(request, pixels, before, to_master(region, level, source.master.info.bounds))

    def _enlarged(self, subject: Subject, plan: Plan, level: int, region: Region) -> NDArray[np.uint8]:
        """The coarse answer, enlarged to the pixels of a finer level: stands in for tiles not yet seen."""
        pipeline, source = self._pipeline, subject.source
        coarse = source.coarse_level(pipeline.card.tile)
        tile = source.tiles(coarse, pipeline.card)[0]
        shown = pipeline.display(subject, plan, coarse, pipeline.now(_once(subject), coarse, tile), tile.core)
        shift = coarse - level
        rows = np.minimum((np.arange(region.y, region.bottom) >> shift), shown.shape[0] - 1)
        columns = np.minimum((np.arange(region.x, region.right) >> shift), shown.shape[1] - 1)
        enlarged: NDArray[np.uint8] = shown[rows[:, None], columns[None, :]]
        return enlarged


def _way(subject: Subject, level: int) -> tuple[object, ...]:
    """What whole drafts and sketches have in common where they may be compared."""
    recipe = subject.recipe
    style = subject.style if recipe.beta > 0 else None  # the card: what has an id may be made anew
    how = (recipe.scope, recipe.mask, recipe.thorough, recipe.seed)
    return (subject.sha256, subject.page, level, style, how)


def _once(subject: Subject) -> Subject:
    """The same with a single look: a draft does not wait for eight."""
    return replace(subject, recipe=replace(subject.recipe, thorough=False)) if subject.recipe.thorough else subject


def _unmarked(subject: Subject) -> Subject:
    """The same with a single look at the scan as it is."""
    return replace(_once(subject), mask=None)
