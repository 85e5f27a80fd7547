"""What a restoration is put down on, tile by tile: an array, or whatever outlives the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.types import Region

Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """What an export's tiles add up to: pixels found damaged, pixels changed."""

    damaged: int = 0
    changed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.damaged + other.damaged, self.changed + other.changed)


class Canvas(Protocol):
    """Takes the tiles of one restored image, in the master's own space and depth."""

    def known(self, tile: int) -> Tally | None:
        """What a tile added up to that is there already, from before an interruption; None where it is still wanted."""

    def put(self, region: Region, pixels: Pixels) -> None:
        """A part of a tile, (h, w, C)."""

    def finish(self, tile: int, tally: Tally) -> None:
        """Everything of a tile has been put."""


class Sheet:
    """A canvas in memory; `pixels` is the picture."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.pixels: Pixels = np.empty(shape, dtype)

    def known(self, tile: int) -> Tally | None:
        return None

    def put(self, region: Region, pixels: Pixels) -> None:
        self.pixels[region.y : region.bottom, region.x : region.right] = pixels

    def finish(self, tile: int, tally: Tally) -> None:
        return None


def changed(before: Pixels, after: Pixels) -> int:
    """How many pixels of (H, W, C) differ."""
    differs = before[..., 0] != after[..., 0]
    for channel in range(1, before.shape[2]):  # `any` over an axis of three takes five times as long
        differs |= before[..., channel] != after[..., channel]
    return int(np.count_nonzero(differs))
