"""What can be shown at once: cached tiles through the head, the rest from one coarse look at the whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from engine.imaging.tiles import Tile, tiles_touching
from engine.rendering import sketches
from engine.rendering.sketches import Ground, Haste
from engine.rendering.source import to_master
from engine.rendering.stages import Plan, Seen
from engine.rendering.subject import Subject, level_region, mask_part, on_grid, within
from engine.rendering.tensors import to_tensor
from engine.types import Frame, Region, RenderRequest

if TYPE_CHECKING:
    from engine.rendering.pipeline import Pipeline

_SHARP = 0.6  # screen pixels a pixel of the level, from which halves would look soft
_SHARP_PIXELS = 4 << 20  # of a view at most: its ground takes 32 bytes a pixel


class Drafts:
    """Draws the drafts of one pipeline, and remembers how long they take. Engine thread only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.haste = Haste()
        self._ground: tuple[tuple[object, ...], Ground] | None = None
        self._before: tuple[tuple[object, ...], NDArray[np.uint8]] | None = None

    def forget(self) -> None:
        """Drops what is kept of the last view."""
        self._ground = self._before = None

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

    def _sketch(self, request: RenderRequest, subject: Subject, plan: Plan, level: int, region: Region) -> Frame:
        source, recipe = subject.source, subject.recipe
        region = sketches.around(region, Region(0, 0, *source.size(level)))
        settled = all(
            self._pipeline.known(subject, level, tile) is not None
            for tile in tiles_touching(source.tiles(level, self._pipeline.card), region)
        )
        how = (recipe.scope, recipe.mask, recipe.thorough, settled)
        key = (subject.sha256, subject.page, level, region, how, request.view.scale)
        if self._ground is None or self._ground[0] != key:
            sharp = request.view.scale * (1 << level) > _SHARP and region.width * region.height <= _SHARP_PIXELS
            self._ground = key, self._prepared(subject, plan, level, region, sharp)
        pixels = sketches.draw(self._ground[1], plan, level)
        before = self._untouched(subject, level, region)
        return Frame(request, pixels, before, to_master(region, level, source.master.info.bounds))

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


def _once(subject: Subject) -> Subject:
    """The same with a single look: a draft does not wait for eight."""
    return replace(subject, recipe=replace(subject.recipe, thorough=False)) if subject.recipe.thorough else subject


def _unmarked(subject: Subject) -> Subject:
    """The same with a single look at the scan as it is."""
    return replace(_once(subject), mask=None)
