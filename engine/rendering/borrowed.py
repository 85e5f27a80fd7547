"""A network of other people's in the place of our own: the same tiles, the same equation of the output.

    x_n = net(x)    r = down(x_n) - x    t = Tone(x + r)    y = x + strength * m * (t - x)

down shrinks a picture that the network enlarged to the size the recipe asks for, by area where that divides evenly.
Where damage is, and how fading is undone, the shipped model says: a network of this kind knows neither.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.errors import RecipeError
from engine.imaging.tiles import Tile, tiles_touching
from engine.rendering import filling, stages
from engine.rendering.enlarging import Enlarging, Restored, cut, grown
from engine.rendering.foreign import Foreign
from engine.rendering.pipeline import Key, Pipeline
from engine.rendering.positions import POSITIONS, turned, turned_back
from engine.rendering.source import to_master
from engine.rendering.stages import CELL, Plan, Seen
from engine.rendering.subject import Subject, level_region, mask_part, within
from engine.rendering.tensors import pad_to_multiple
from engine.runtime.cache import ByteCache
from engine.types import Frame, ModelCard, Progress, Recipe, Region, RenderRequest

_ANSWERS = 256 << 20  # bytes of a network's own answers that are kept for the tiles beside, where tiles fade
Steps = Generator[Progress | None, None, Seen]
Answer = Generator[Progress | None, None, Tensor]


class Borrowed(Pipeline):
    """Another network; `helper` runs the shipped model, on the same device. Engine thread only."""

    def __init__(self, foreign: Foreign, card: ModelCard, helper: Pipeline, cache_bytes: int) -> None:
        super().__init__(helper.restorer, card, helper.device, cache_bytes)
        self._foreign = foreign
        self._helper = helper
        self._answers: ByteCache[Key, Tensor] = ByteCache(_ANSWERS)

    @property
    def faithful(self) -> Pipeline:
        """The shipped model's."""
        return self._helper

    def forget(self, sha256: str) -> None:
        """Drops what is cached of an image."""
        super().forget(sha256)
        self._answers.discard(lambda key: key[0] == sha256)

    def notes(self, recipe: Recipe) -> dict[str, str]:
        """Which model found the damage or undid the fading, where that was asked for, and what was filled in."""
        helped = _wants_damage(recipe) or not recipe.keep_tone
        card = self._helper.card
        return ({"helper": f"{card.id} sha256:{card.sha256}"} if helped else {}) | filling.notes(recipe)

    def plan(self, subject: Subject) -> Plan:
        """The subject's recipe made ready for its tiles."""
        with torch.inference_mode():
            return stages.prepare_plain(self.restorer, subject.recipe, self.thumbnails.of(subject))

    def enlarging(self, subject: Subject, factor: int) -> Enlarging:
        """The subject's recipe made ready to enlarge; RecipeError where the network does not go so far."""
        if factor > self.card.scale:
            raise RecipeError(
                f"The model “{self.card.id}” enlarges {self.card.scale} times at most; set the size to that."
            )
        plan = plain = self.plan(replace(subject, recipe=replace(subject.recipe, scale=factor)))
        if plan.recipe.grain > 0:
            plain = replace(plan, recipe=replace(plan.recipe, grain=0.0))
        return _BorrowedEnlarging(subject.source, plan, plain, factor, self.device)

    def draft(self, request: RenderRequest, subject: Subject) -> Frame:
        """The tiles that are known, and the scan where none is: such a network takes too long for an answer at once."""
        source, plan = subject.source, self.plan(subject)
        level = source.pyramid.level_for(request.view.scale)
        region = level_region(source, level, request.view.region)
        before = source.space.to_display(source.pixels(level, region))
        pixels = before.copy()
        for tile in tiles_touching(source.tiles(level, self.card), region):
            seen = self._seen.get(self._key(subject, level, tile))
            if seen is not None:
                part = tile.core.intersect(region)
                shown = self.display(subject, plan, level, seen, tile.core)
                pixels[within(part, region)] = shown[within(part, tile.core)]
        return Frame(request, pixels, before, to_master(region, level, source.master.info.bounds))

    def damage(self, subject: Subject) -> Generator[Progress | None, None, NDArray[np.uint8]]:
        """The damage that the shipped model finds."""
        return (yield from self._helper.damage(subject))

    def look(self, subject: Subject, level: int, tile: Tile, *, keep: bool = True, factor: int = 1) -> Steps:
        """The network's answer for a tile, from the cache or in short steps."""
        key = self._key(subject, level, tile, factor)
        known = self._seen.get(key)
        if known is not None:
            return known
        named = self.marks.of(subject, level, tile.padded)  # then what the network is shown hangs on the mask
        scope = subject.recipe.scope if named else "whole"
        bare = replace(subject, recipe=replace(subject.recipe, scope=scope, grain=0.0))
        seen = self._seen.get(self._key(bare, level, tile, factor))
        kept = stages.kept_around(tile.core, tile.padded)
        damage = (yield from self._damage_in(subject, level, kept)) if _wants_damage(subject.recipe) else None
        if seen is None and self._is_left_alone(subject, level, kept, damage):
            return _untouched(kept, self.device)  # the network takes long, and nothing of its answer would be used
        if seen is None:
            seen = yield from self._seen_anew(subject, level, tile, factor)
        if damage is not None:
            seen = replace(seen, damage=damage)
        if keep:
            self._seen.put(key, seen, seen.nbytes)
        yield None  # what is made of it is a step of its own
        return seen

    def understand(self, x: Tensor, padded: Region, core: Region, recipe: Recipe) -> Steps:
        """What the network makes of pixels that are a world of their own."""
        answer = yield from self._ask(x, 1, recipe)
        with torch.inference_mode():
            seen = _as_seen(x, answer, padded, stages.kept_around(core, padded), 1)
        if _wants_damage(recipe):
            helped = yield from self._helper.understand(x, padded, core, recipe)
            seen = replace(seen, damage=helped.damage)
        return seen

    def _key(self, subject: Subject, level: int, tile: Tile, factor: int = 1) -> Key:
        sha256, page, at, x, y, weights = super()._key(subject, level, tile)
        more = ", damage" if _wants_damage(subject.recipe) else ""
        return sha256, page, at, x, y, f"{weights} x{factor}{more}"

    def _send(self, subject: Subject, level: int, tile: Tile) -> None:
        """Nothing goes ahead: a pass takes far longer than its pixels."""

    def _seen_anew(self, subject: Subject, level: int, tile: Tile, factor: int) -> Steps:
        """One pass over the tile; where its edges would show, those beside it as well, fading into each other."""
        if not self.card.blend:
            shown = yield from self._shown(subject, level, tile.padded)
            answer = yield from self._ask(shown, factor, subject.recipe)
            x = self._pixels(subject, level, tile.padded)
            with torch.inference_mode():
                return _as_seen(x, answer, tile.padded, stages.kept_around(tile.core, tile.padded), factor)
        kept = stages.kept_around(tile.core, tile.padded)
        x = self._pixels(subject, level, kept)
        sides = (factor * kept.height, factor * kept.width)
        total, weight = torch.zeros(1, 3, *sides, device=self.device), torch.zeros(1, 1, *sides, device=self.device)
        bounds = Region(0, 0, *subject.source.size(level))
        for other in tiles_touching(_widened(subject.source.tiles(level, self.card), self.card.blend), kept):
            answer = yield from self._answer(subject, level, other, factor)
            with torch.inference_mode():
                part = other.core.intersect(kept)
                share = _fading(other.core, part, bounds, self.card.blend, factor, self.device)
                rows = (..., *_scaled(part, kept, factor))
                total[rows] += share * cut(answer, other.padded, part, factor)
                weight[rows] += share
        with torch.inference_mode():
            return _as_seen(x, total / weight, kept, kept, factor)

    def _answer(self, subject: Subject, level: int, tile: Tile, factor: int) -> Answer:
        """The network's own answer for a padded tile; kept for the tiles beside it."""
        key = super()._key(subject, level, tile)
        key = (*key[:-1], f"{key[-1]} x{factor}")
        known = self._answers.get(key)
        if known is None:
            shown = yield from self._shown(subject, level, tile.padded)
            known = yield from self._ask(shown, factor, subject.recipe)
            self._answers.put(key, known, known.nbytes)
        return known

    def _ask(self, x: Tensor, factor: int, recipe: Recipe) -> Answer:
        """The network's picture of x (1, 3, H, W) at `factor` times its size, in short steps; a thorough one is the
        mean over all positions."""
        total = yield from self._ask_once(x, factor)
        if recipe.thorough:
            for position in range(1, POSITIONS):
                with torch.inference_mode():
                    again = turned(x, position)
                answer = yield from self._ask_once(again, factor)
                with torch.inference_mode():
                    total = total + turned_back(answer, position)
            with torch.inference_mode():
                total = total / POSITIONS
        return total

    def _ask_once(self, x: Tensor, factor: int) -> Answer:
        steps = self._foreign.steps(x)
        try:
            while True:
                with torch.inference_mode():
                    answer = next(steps)
                    if answer is not None:
                        return shrunk(answer, x, factor)
                yield None
        finally:
            steps.close()

    def _pixels(self, subject: Subject, level: int, region: Region) -> Tensor:
        return self._transfers.send(subject.source.working(level, region))()

    def _shown(self, subject: Subject, level: int, region: Region) -> Answer:
        return self._transfers.send((yield from filling.shown(subject, level, region)))()

    def _is_left_alone(self, subject: Subject, level: int, region: Region, damage: Tensor | None) -> bool:
        """Whether nothing in a region is to be repaired, at scope “damage”."""
        if subject.recipe.scope != "damage":
            return False
        with torch.inference_mode():
            mask = mask_part(subject, level, region, self.device)
            if mask is not None:
                return not bool(mask.any())
            return damage is not None and not bool((damage > 0.5).any())

    def _damage_in(self, subject: Subject, level: int, region: Region) -> Answer:
        """The probability of damage (1, 1, h, w) that the shipped model finds in a region, on the head's grid."""
        source = subject.source
        height, width = (-(-side // CELL) * CELL for side in (region.height, region.width))
        out = torch.zeros(1, 1, height, width, device=self.device)
        for tile in tiles_touching(source.tiles(level, self._helper.card), region):
            found = yield from self._helper.look(subject, level, tile)
            part = tile.core.intersect(region)
            out[(..., *within(part, region))] = stages.damage(found, part).to(out.dtype)
        return out


@dataclass(frozen=True)
class _BorrowedEnlarging(Enlarging):
    """The picture that the network itself enlarged."""

    def restoring(self, seen: Seen, panel: Region) -> Generator[None, None, Restored]:
        """Nothing more to look at: r_s is the network's picture less the enlarged scan."""
        large = seen.large
        assert large is not None
        yield from ()
        return lambda region, x: cut(large, seen.region, region, self.factor) - x


def shrunk(answer: Tensor, x: Tensor, factor: int) -> Tensor:
    """A network's picture (1, 3, n * H, n * W) at `factor` times the size of x (1, 3, H, W)."""
    n = answer.shape[2] // x.shape[2]
    if n == factor:
        return answer
    if n % factor == 0:
        return F.avg_pool2d(answer, n // factor)
    size = (factor * x.shape[2], factor * x.shape[3])
    return F.interpolate(answer, size=size, mode="bilinear", align_corners=False, antialias=True)


def _as_seen(x: Tensor, answer: Tensor, region: Region, kept: Region, factor: int) -> Seen:
    """What is kept of an answer (1, 3, factor * H, factor * W) to x (1, 3, H, W), both of `region`."""
    small = F.avg_pool2d(answer, factor) if factor > 1 else answer
    residual = pad_to_multiple(cut(small - x, region, kept, 1), CELL).clone()
    height, width = residual.shape[2:]
    nothing = residual.new_zeros(1, 0, height // CELL, width // CELL)
    finer = residual.new_zeros(1, 0, 2 * height // CELL, 2 * width // CELL)
    one = residual.new_zeros(1, 1, 1, 1).expand(1, 1, height, width)
    large = cut(answer, region, kept, factor).clone() if factor > 1 else None
    return Seen(kept, residual, nothing, finer, room=one, damage=one, trust=one + 1, large=large)


def _untouched(region: Region, device: torch.device) -> Seen:
    """What is seen where nobody looked: the scan as it is, undamaged."""
    x = torch.zeros(1, 3, region.height, region.width, device=device)
    return _as_seen(x, x, region, region, 1)


def _wants_damage(recipe: Recipe) -> bool:
    """Whether the result depends on where damage is: it is not grain, and scope “damage” repairs nothing else."""
    return (recipe.scope == "damage" and recipe.mask is None) or recipe.grain > 0


def _widened(tiles: Sequence[Tile], by: int) -> tuple[Tile, ...]:
    """Tiles that answer for a little more than their cores, as far as they can see."""
    return tuple(Tile(grown(tile.core, by, tile.padded), tile.padded) for tile in tiles)


def _fading(core: Region, part: Region, bounds: Region, blend: int, factor: int, device: torch.device) -> Tensor:
    """The share (1, 1, factor * h, factor * w) that a widened tile has in a part of it: it falls towards its edges,
    but not at the picture's."""
    rows = _ramp(core.y, core.bottom, part.y, part.bottom, bounds.bottom, blend, factor)
    columns = _ramp(core.x, core.right, part.x, part.right, bounds.right, blend, factor)
    return (rows[:, None] * columns[None, :])[None, None].to(device)


def _ramp(start: int, end: int, first: int, last: int, size: int, blend: int, factor: int) -> Tensor:
    at = torch.arange(first * factor, last * factor, dtype=torch.float32) + 0.5
    wide = 2.0 * blend * factor
    rising = (at - start * factor) / wide if start > 0 else torch.ones_like(at)
    falling = (end * factor - at) / wide if end < size else torch.ones_like(at)
    return torch.minimum(rising, falling).clamp(1e-3, 1)


def _scaled(part: Region, whole: Region, factor: int) -> tuple[slice, slice]:
    top, left = factor * (part.y - whole.y), factor * (part.x - whole.x)
    return slice(top, top + factor * part.height), slice(left, left + factor * part.width)
