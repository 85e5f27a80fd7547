"""A tile too large for the memory there is, seen in pieces. The grid of tiles, and with it every cache, stays as it is.

A piece sees as far around it as a tile does, but no farther, where the whole tile would have; so results agree within
1/255 instead of bit for bit (`docs/semantics.md`, Sameness).
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from engine.models.generator import MULTIPLE_OF
from engine.models.weights import Restorer
from engine.rendering import stages
from engine.rendering.stages import CELL, Seen
from engine.runtime.failures import is_out_of_memory, release_memory
from engine.types import Region

SMALLEST = 128  # pixels a side of a piece's core: with the halo it is four times as large, and less gains little
_STEP = MULTIPLE_OF  # pieces begin on the backbone's grid
_log = logging.getLogger(__name__)


class Frugal:
    """Runs the backbone over tiles; halves what it looks at whenever memory runs out, and remembers the size."""

    def __init__(self, tile: int, halo: int) -> None:
        self.core, self._halo = (-(-side // _STEP) * _STEP for side in (tile, halo))

    def understand(
        self, restorer: Restorer, x: Tensor, padded: Region, core: Region, *, thorough: bool = False
    ) -> Iterator[Seen | None]:
        """As `stages.understand`. Goes on with the piece it had reached where memory runs out; raises what the device
        raised where not even the smallest piece fits."""
        whole: Seen | None = None
        waiting = [core]
        while waiting:
            piece = waiting.pop()
            if max(piece.width, piece.height) > self.core:
                waiting += _quarters(piece)
                continue
            try:
                seen = yield from self._see(restorer, x, padded, piece, thorough)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self.core <= SMALLEST:
                    raise
                waiting.append(piece)
            else:
                whole = seen if piece == core else _put(whole or _empty(seen, padded, core), seen, piece, core)
                continue
            self._shrink(x.device)  # out here the error no longer holds on to what was computed so far
        yield whole

    def _see(
        self, restorer: Restorer, x: Tensor, padded: Region, piece: Region, thorough: bool
    ) -> Generator[None, None, Seen]:
        halo = self._halo
        wished = Region(piece.x - halo, piece.y - halo, piece.width + 2 * halo, piece.height + 2 * halo)
        around = wished.intersect(padded)
        top, left = around.y - padded.y, around.x - padded.x
        part = x[:, :, top : top + around.height, left : left + around.width]
        for seen in stages.understand(restorer, part, around, piece, thorough=thorough):
            if seen is not None:
                return seen
            yield None
        raise AssertionError("the backbone ended without a result")

    def _shrink(self, device: torch.device) -> None:
        self.core = max(SMALLEST, self.core // 2 // _STEP * _STEP)
        _log.warning("Memory ran out; tiles are seen in pieces of %d pixels from now on.", self.core)
        release_memory(device)


def _quarters(piece: Region) -> list[Region]:
    """Four parts, or two of what is narrow, the first in reading order last."""
    width, height = (min(side, -(-side // 2 // _STEP) * _STEP) for side in (piece.width, piece.height))
    corners = [(x, y) for y in range(piece.y, piece.bottom, height) for x in range(piece.x, piece.right, width)]
    return [Region(x, y, width, height).intersect(piece) for x, y in reversed(corners)]


def _empty(like: Seen, padded: Region, core: Region) -> Seen:
    """Room for what the pieces of a tile see, on the device and in the format of `like`."""
    kept = stages.kept_around(core, padded)
    height, width = (-(-side // CELL) * CELL for side in (kept.height, kept.width))

    def room(part: Tensor, scale: int) -> Tensor:
        empty = part.new_empty(1, part.shape[1], height // scale, width // scale)
        return empty.contiguous(memory_format=torch.channels_last)

    return Seen(kept, *(room(part, cell) for part, cell in like.maps))


def _put(whole: Seen, seen: Seen, piece: Region, core: Region) -> Seen:
    """Copies a piece into the whole, with its margin only where the tile ends; returns the whole."""
    left = seen.region.x if piece.x == core.x else piece.x
    top = seen.region.y if piece.y == core.y else piece.y
    right = seen.region.x + seen.residual.shape[3] if piece.right == core.right else piece.right
    bottom = seen.region.y + seen.residual.shape[2] if piece.bottom == core.bottom else piece.bottom
    own = Region(left, top, right - left, bottom - top)
    for (into, cell), (part, _) in zip(whole.maps, seen.maps, strict=True):
        into[_window(own, whole.region, cell)] = part[_window(own, seen.region, cell)]
    return whole


def _window(own: Region, inside: Region, scale: int) -> tuple[slice, slice, slice, slice]:
    top, left = (own.y - inside.y) // scale, (own.x - inside.x) // scale
    every = slice(None)
    return every, every, slice(top, top + own.height // scale), slice(left, left + own.width // scale)
