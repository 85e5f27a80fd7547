"""What a person's damage mask names is filled in from around it before the network looks.

A network repairs what it sees as damage. A mask that names what it does not see lifts what holds repairs back, and
nothing would come of it. Filled in, the place is free of damage, and the network has only to carry on there what
is around. The filling is smooth: the pull and push of Gortler et al. ("The Lumigraph", SIGGRAPH 1996), means of what is
known over ever larger cells, and on the way back, at each size, some relaxation towards the membrane whose values are
the mean of their neighbours. Its cells lie on one grid from the picture's corner, so that tiles agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.imaging.tiles import Tile
from engine.rendering.claims import grow
from engine.rendering.stages import Seen
from engine.rendering.subject import Subject
from engine.types import FILLED_IN, PROTECTED, Recipe, Region

_RIM = 2  # pixels around what is named that are not trusted to be sound either
_HALVINGS = 6  # of the grid: cells of 64 pixels reach across what is as wide as that
_AROUND = 1 << _HALVINGS
_RELAXED = 12  # times at each size
_AT_ONCE = 1 << 16  # pixels that are relaxed in one step: 6 to 16 ms of a core

Floats = NDArray[np.float32]


def notes(recipe: Recipe) -> dict[str, str]:
    """What the provenance tells of it."""
    if recipe.scope != "damage" or recipe.mask is None:
        return {}
    told = f"what the damage mask names, up to {FILLED_IN} pixels wide, from around it, before the model saw it"
    return {"filledIn": told}


class Marks:
    """What the mask of a subject names in parts of it, found out once as long as the mask is the same."""

    def __init__(self) -> None:
        self._mask: NDArray[np.uint8] | None = None
        self._found: dict[tuple[int, Region], str] = {}

    def of(self, subject: Subject, level: int, region: Region) -> str:
        """What tells the marks that count for a region of a level from others; "" where nothing in it is named. A
        stroke elsewhere changes nothing, so that what was seen of the region can be kept."""
        mask = subject.mask
        if mask is None or subject.recipe.scope != "damage":
            return ""
        if mask is not self._mask:
            self._mask, self._found = mask, {}
        key = (level, region)
        if key not in self._found:
            self._found[key] = self._look(mask, level, region, Region(0, 0, *subject.source.size(level)))
        return self._found[key]

    @staticmethod
    def _look(mask: NDArray[np.uint8], level: int, region: Region, bounds: Region) -> str:
        if not (_named(mask, level, region.intersect(bounds)) > 127).any():
            return ""
        return hashlib.sha256(_named(mask, level, _on_grid(region).intersect(bounds)).tobytes()).hexdigest()


def shown(subject: Subject, level: int, region: Region) -> Generator[None, None, Floats]:
    """What the network is shown of a region: working values (h, w, 3) with what is named filled in; in short steps."""
    if subject.mask is None or subject.recipe.scope != "damage":
        return subject.source.working(level, region)
    around = _on_grid(region).intersect(Region(0, 0, *subject.source.size(level)))
    x = torch.from_numpy(subject.source.working(level, around)).permute(2, 0, 1)[None]
    yield None
    hole = fillable(torch.from_numpy(_named(subject.mask, level, around))[None, None], level)
    yield None
    if (part := _box(hole)) is not None:
        x = x.contiguous()
        x[(..., *part)] = yield from fill(x[(..., *part)], hole[(..., *part)])
    top, left = region.y - around.y, region.x - around.x
    own = x[0, :, top : top + region.height, left : left + region.width]
    result: Floats = np.ascontiguousarray(own.permute(1, 2, 0).numpy())
    return result


def completed(seen: Seen, x: Tensor, subject: Subject, level: int, tile: Tile) -> Seen:
    """What was seen of a filled tile x (1, 3, h, w), told of the scan as it is: the residual takes the filling along,
    and what is named counts as damage."""
    region = seen.region
    scan = torch.from_numpy(subject.source.working(level, region)).permute(2, 0, 1)[None].to(x)
    top, left = region.y - tile.padded.y, region.x - tile.padded.x
    more = x[:, :, top : top + region.height, left : left + region.width] - scan
    pads = (0, seen.residual.shape[3] - region.width, 0, seen.residual.shape[2] - region.height)
    residual = seen.residual + F.pad(more, pads).to(seen.residual.dtype)
    changed = (F.pad(more, pads).abs().amax(1, keepdim=True) > 0).to(seen.damage.dtype)
    return replace(seen, residual=residual, damage=torch.maximum(seen.damage, changed))


def fillable(mask: Tensor, level: int = 0) -> Tensor:
    """Bool (1, 1, H, W): what is filled in of a mask in grey values 0..255, its rim included.

    What is wider than `FILLED_IN` pixels is left, and what lies around it: a person who paints a whole face wants it
    mended, not gone. What is protected stays as it is.
    """
    named = mask > 127
    reach = max(1, (FILLED_IN // 2) >> level)
    wide = grow(~grow(~named, reach), 2 * reach)
    return grow(named & ~wide, max(1, _RIM >> level)) & (mask != PROTECTED) & ~wide


def fill(x: Tensor, hole: Tensor) -> Generator[None, None, Tensor]:
    """x (1, 3, H, W) with what is in `hole`, bool (1, 1, H, W), filled in from around it, in short steps."""
    height, width = x.shape[2:]
    pads = (0, -width % _AROUND, 0, -height % _AROUND)
    known = F.pad((~hole).to(x.dtype), pads)
    steps = [(F.pad(x, pads) * known, known)]
    for _ in range(_HALVINGS):
        yield None
        steps.append(_pulled(*steps[-1]))
    total, weight = steps.pop()
    whole = total / weight.clamp(min=1e-6)
    for total, weight in reversed(steps):
        yield None
        coarse = F.interpolate(whole, scale_factor=2.0, mode="bilinear", align_corners=False)
        whole = total + (1 - weight) * coarse
        yield None
        yield from _relax(whole, weight == 0)
    return torch.where(hole, whole[:, :, :height, :width], x)


def _pulled(total: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Values times weights and weights in 0..1 on a grid of cells twice as wide: a quarter of one known is enough."""
    total, weight = _pooled(total), _pooled(weight)
    held = weight.clamp(max=1)
    return total * held / weight.clamp(min=1e-6), held


def _pooled(x: Tensor) -> Tensor:
    """A quarter of the sums of x (1, C, H, W) over squares of four pixels, two apart; nothing beyond the edges."""
    wide = F.pad(x, (1, 1, 1, 1))
    rows = wide[:, :, ::2] + wide[:, :, 1::2]
    rows = rows[:, :, :-1] + rows[:, :, 1:]
    columns = rows[..., ::2] + rows[..., 1::2]
    return (columns[..., :-1] + columns[..., 1:]) / 4


def _relax(x: Tensor, hole: Tensor) -> Generator[None, None, None]:
    """Makes each pixel in the hole of x (1, 3, H, W) the mean of its four neighbours, again and again; in place, in
    short steps, however much is marked."""
    height, width = x.shape[2:]
    values, marked, done = x[0].view(3, -1), hole.flatten().nonzero()[:, 0], 0
    parts = [marked[start : start + _AT_ONCE] for start in range(0, len(marked), _AT_ONCE)]
    beside = []
    for at in parts:
        row, column = at // width, at % width
        near = [(row + down).clamp(0, height - 1) * width + column for down in (-1, 1)]
        beside.append(near + [row * width + (column + right).clamp(0, width - 1) for right in (-1, 1)])
        if len(parts) > 1:
            yield None
    for _ in range(_RELAXED):
        means = []
        for at, near in zip(parts, beside, strict=True):
            means.append(sum(values[:, one] for one in near) / 4)
            done += len(at)
            if done >= _AT_ONCE:
                yield None
                done = 0
        for at, mean in zip(parts, means, strict=True):  # not before: all look at the values of the round before
            values[:, at] = mean


def _box(hole: Tensor) -> tuple[slice, slice] | None:
    """Rows and columns of the cells of the grid where anything is to be filled in, and as many around."""
    sides = []
    for axis in (3, 2):
        there = hole.any(axis).flatten().nonzero()
        if not len(there):
            return None
        first, last = int(there[0]), int(there[-1])
        sides.append(slice(max(0, first // _AROUND - 1) * _AROUND, (last // _AROUND + 2) * _AROUND))
    return sides[0], sides[1]


def _named(mask: NDArray[np.uint8], level: int, region: Region) -> NDArray[np.uint8]:
    """A mask's grey values over a region of a level (h, w), which lies within the picture."""
    step = 1 << level
    part = mask[region.y * step : region.bottom * step : step, region.x * step : region.right * step : step]
    missing = (region.height - part.shape[0], region.width - part.shape[1])
    return np.pad(part, ((0, missing[0]), (0, missing[1])), mode="edge") if any(missing) else part.copy()


def _on_grid(region: Region) -> Region:
    """A region and what is around it as far as the filling looks, on the grid of its largest cells."""
    left, top = ((at - _AROUND) // _AROUND * _AROUND for at in (region.x, region.y))
    right, bottom = (-(-(at + _AROUND) // _AROUND) * _AROUND for at in (region.right, region.bottom))
    left, top = max(0, left), max(0, top)
    return Region(left, top, right - left, bottom - top)
