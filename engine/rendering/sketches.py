"""A draft at half the size, for a hand that moves faster than whole drafts come.

    y ~ z + up(y' - z')        z = x + k * R0        k = strength * gate * (1 - grain)

What is marked ' is computed on halves, with a quarter of the pixels: the head, tone, texture, all that bends. z is what
goes straight, at the full size and the same for every position of a slider but for k. So a sketch has the sharpness
of the scan and of the faithful restoration. What the head adds would be as coarse as two pixels; so the difference
between the last whole draft of the view and the sketch of the same recipe is laid over it, as much of it as there is of
that draft's own texture in these halves: a slider changes how much the head adds more than what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.imaging.tiles import Tile
from engine.models.blocks import luma
from engine.models.generator import FoldedHead
from engine.rendering import stages
from engine.rendering.stages import CELL, MARGIN, Plan, Seen
from engine.rendering.subject import within
from engine.rendering.tensors import halved, pad_to_multiple
from engine.types import Region

GRID = 2 * CELL  # pixels; the corner of what is halved lies on it, for the halves to lie on the head's grid
MOST = 2.0  # times what a whole draft had beside its sketch
TOO_LONG, SHORT = 0.050, 0.035  # seconds of a whole draft from which sketches begin, and at which they end


class Haste:
    """How long whole drafts take here, and whether a moving hand has to be answered with less.

    Two thresholds, so that what is shown does not change its kind with every tick.
    """

    def __init__(self) -> None:
        self._pace: float | None = None  # seconds a pixel
        self._sketching = False

    def note(self, seconds: float, pixels: int) -> None:
        """A whole draft of so many pixels took so long; the last ones count most."""
        pace = seconds / max(1, pixels)
        self._pace = pace if self._pace is None else (self._pace + pace) / 2

    def sketches(self, pixels: int) -> bool:
        """Whether a draft of so many pixels is to be a sketch."""
        if self._pace is not None:
            self._sketching = self._pace * pixels > (SHORT if self._sketching else TOO_LONG)
        return self._sketching


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """z's parts at the full size, (h, w, 4) float32 in BGRX order, in levels of 255: x, a half added, and R0."""

    scan: Tensor
    faithful: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What all sketches of a view stand on. Half as wide and high: what was seen, x, R0 and the mask of scope “damage”.

    `own` tells whether a person drew the mask.
    """

    region: Region  # pixels of the level, corner on the grid of 8
    seen: Seen
    half: Region  # the same in pixels of the next level
    x: Tensor  # (1, 3, h, w)
    faithful: Tensor  # (1, 3, h, w)
    mask: Tensor | None  # (1, 1, h, w)
    own: bool
    straight: Straight | None  # None where the screen has no room for more than halves


@dataclass(frozen=True, slots=True, eq=False)
class Fine:
    """What a whole draft has and the sketch of the same recipe lacks, (h, w, 4) float32 in levels of 255, and the
    slopes of that sketch's halves, by which another recipe's are compared with them."""

    detail: Tensor
    slopes: Tensor


def around(view: Region, bounds: Region) -> Region:
    """The region of a level that is sketched for a view of it: out to the grid."""
    left, top = view.x // GRID * GRID, view.y // GRID * GRID
    right, bottom = (-(-end // GRID) * GRID for end in (view.right, view.bottom))
    return Region(left, top, right - left, bottom - top).intersect(bounds)


def prepare(
    x: Tensor, seen: Mapping[Tile, Seen], plan: Plan, region: Region, *, own: Tensor | None, sharp: bool
) -> Ground:
    """x (1, 3, H, W) of `region`, what was seen of all tiles that touch it, and a person's own mask (1, 1, H, W).

    `sharp` keeps what a sketch at the full size needs.
    """
    faithful, found = x.new_empty(x.shape), own
    if plan.recipe.scope == "damage" and own is None:
        found = x.new_empty(1, 1, *x.shape[2:])
    for tile, known in seen.items():
        part = tile.core.intersect(region)
        where = (..., *within(part, region))
        faithful[where] = _faithful(plan, known, part, trusted=own is not None)
        if found is not None and own is None:
            found[where] = stages.soft_damage(known, part)
    if found is not None:
        faithful *= found
    straight = Straight(_bgrx(x).add_(0.5), _bgrx(faithful)) if sharp else None
    mask = halved(found) if found is not None else None
    half = _halved_region(region)
    return Ground(region, _stitched(seen, region), half, halved(x), halved(faithful), mask, own is not None, straight)


def draw(ground: Ground, plan: Plan, level: int, fine: Fine | None = None) -> NDArray[np.uint8]:
    """Pixels (h, w, 4) BGRX of the ground's region, or half as many a side where it is not sharp.

    `fine` is what a whole draft on the same ground had beside its sketch; it makes this one nearer to its own.
    """
    if ground.straight is None:
        return _packed(_levels(ground.x + _bent(ground, plan, level, 0.0)))
    share = _share(plan)
    bent = _levels(_bent(ground, plan, level, share))
    more = (fine.detail, _alike(bent, fine)) if fine is not None else None
    return _packed(_put_together(ground.straight, share, bent, more))


def compare(ground: Ground, plan: Plan, level: int, region: Region, pixels: NDArray[np.uint8]) -> Fine | None:
    """What the whole draft (h, w, 4) of a region has beside the sketch of the same plan, as far as both reach. None
    where the ground is not sharp: all that is shown are halves."""
    if ground.straight is None:
        return None
    share = _share(plan)
    bent = _levels(_bent(ground, plan, level, share))
    sketch = _put_together(ground.straight, share, bent)
    part = region.intersect(ground.region)
    here, whole = within(part, ground.region), pixels[within(part, region)].astype(np.float32)
    detail = torch.zeros_like(ground.straight.scan)
    detail[here] = torch.from_numpy(whole).to(detail.device) - sketch[here]
    return Fine(detail, _slopes(bent))


def _bent(ground: Ground, plan: Plan, level: int, share: float) -> Tensor:
    """y' - z' (1, 3, h / 2, w / 2): what is computed on halves, less the share of R0 that goes straight."""
    own = ground.mask if ground.own else None
    r = stages.residual(plan, ground.seen, ground.half, mask=own)
    delta = stages.complete(plan, ground.seen, ground.x, r, ground.half, level=level + 1, mask=ground.mask)
    return delta - share * ground.faithful if share else delta


def _alike(bent: Tensor, fine: Fine) -> float:
    """How much of a whole draft's texture there is in other halves, none to `MOST` times.

    By their slopes, which a change of tone makes steeper or flatter as it does the texture.
    """
    energy = float(torch.dot(fine.slopes, fine.slopes))
    share = float(torch.dot(_slopes(bent), fine.slopes)) / energy if energy else 0.0
    return min(MOST, max(0.0, share))


def _slopes(bent: Tensor) -> Tensor:
    """The differences of green between neighbours in rows and columns, float32: texture without what is even."""
    green = bent[..., 1].float()
    return torch.cat([green.diff(dim=1).flatten(), green.diff(dim=0).flatten()])


def _share(plan: Plan) -> float:
    """k: how much of R0 is in the result."""
    gate = float(plan.head.gate) if isinstance(plan.head, FoldedHead) else 1.0
    return plan.recipe.strength * gate * (1 - plan.recipe.grain)


def _faithful(plan: Plan, seen: Seen, part: Region, *, trusted: bool) -> Tensor:
    """R0 (1, 3, h, w) as far as it is believed."""
    residual = stages.crop(seen.residual, seen.region, part, 0)
    if plan.neutral:
        residual = luma(residual).expand_as(residual)
    return residual if trusted else residual * stages.crop(seen.trust, seen.region, part, 0)


def _put_together(straight: Straight, share: float, bent: Tensor, more: tuple[Tensor, float] | None = None) -> Tensor:
    """z + up(bent), (h, w, 4) int16 in levels; bent (h / 2, w / 2, 4) the same. `more` is further detail, and how much
    of it.

    In whole levels, for 16 bit are four times as fast as float32, and in few operations: for each the engine's thread
    may have to wait until the window lets Python go.
    """
    height, width, _ = straight.scan.shape
    z = torch.add(straight.scan, straight.faithful, alpha=share)
    y = (z if more is None else z.add_(more[0], alpha=more[1])).to(torch.int16)
    y += _doubled(_doubled(bent, 0)[:height], 1)[:, :width]
    return y


def _doubled(x: Tensor, axis: int) -> Tensor:
    """x (h, w, 4) int16 twice as long along an axis: each value a quarter of the way to the next but one pixel."""
    count = x.shape[axis]
    before = torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, count - 1)], axis)
    after = torch.cat([x.narrow(axis, 1, count - 1), x.narrow(axis, count - 1, 1)], axis)
    near = x * 3 + 2
    pixels = [((one + near) >> 2).view(torch.int64) for one in (before, after)]  # moved as a whole
    return torch.stack(pixels, axis + 1).flatten(axis, axis + 1).view(torch.int16)


def _bgrx(x: Tensor) -> Tensor:
    """(1, 3, H, W) in 0..1 -> (H, W, 4) float32 in levels of 255, in the order of the screen; its fourth is 0."""
    out = torch.zeros(*x.shape[2:], 4, device=x.device)
    torch.mul(x[0].permute(1, 2, 0).flip(2), 255.0, out=out[..., :3])
    return out


def _levels(x: Tensor) -> Tensor:
    """The same, rounded to int16."""
    return _bgrx(x).round_().to(torch.int16)


def _packed(levels: Tensor) -> NDArray[np.uint8]:
    """(H, W, 4) int16 -> uint8, its fourth 255."""
    pixels: NDArray[np.uint8] = levels.clamp_(0, 255).to(torch.uint8).cpu().numpy()
    pixels[..., 3] = 255
    return pixels


def _halved_region(region: Region) -> Region:
    return Region(region.x // 2, region.y // 2, -(-region.width // 2), -(-region.height // 2))


def _stitched(seen: Mapping[Tile, Seen], region: Region) -> Seen:
    """What was seen of a region and a margin around it, as one and half as wide and high."""
    left = min(known.region.x for known in seen.values())
    top = min(known.region.y for known in seen.values())
    right = max(known.region.right for known in seen.values())
    bottom = max(known.region.bottom for known in seen.values())
    wide = Region(region.x - MARGIN, region.y - MARGIN, region.width + 2 * MARGIN, region.height + 2 * MARGIN)
    wide = wide.intersect(Region(left, top, right - left, bottom - top))
    fields: list[Tensor] = []
    for number, (_, cell) in enumerate(next(iter(seen.values())).maps):
        field: Tensor | None = None
        for known in seen.values():
            part = known.region.intersect(wide)
            piece = _halved_piece(known.maps[number][0], cell, known.region, part)
            if field is None:
                rows, columns = (-(-side // GRID) * CELL // cell for side in (wide.height, wide.width))
                field = piece.new_zeros(1, piece.shape[1], rows, columns)
                field = field.contiguous(memory_format=torch.channels_last)
            y, x = (part.y - wide.y) // 2 // cell, (part.x - wide.x) // 2 // cell
            field[:, :, y : y + piece.shape[2], x : x + piece.shape[3]] = piece
        assert field is not None
        fields.append(field)
    return Seen(_halved_region(wide), *fields)


def _halved_piece(field: Tensor, cell: int, whole: Region, part: Region) -> Tensor:
    """`part` (corner on the grid of 8) of a map that holds a value for each `cell` pixels, half as wide and high."""
    top, left = (part.y - whole.y) // cell, (part.x - whole.x) // cell
    rows, columns = -(-part.height // cell), -(-part.width // cell)
    cut = field[:, :, top : top + rows, left : left + columns]
    return halved(pad_to_multiple(cut, GRID // cell))
