"""Halved copies of an image, made when first needed, so that a zoomed-out view reads few pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.rasters import Decoded, Raster, Shape
from engine.types import Region

Array = NDArray[Any]

_ROWS = 256  # rows of the base that are halved at a time, which bounds the temporaries
_STRIP = 16  # result rows halved at a time: the sums stay in the processor's cache
_KEPT = 96 << 20  # bytes of the largest level that is kept where the base is not in memory


class Pyramid:
    """Levels of a base: level k is halved k times by 2 x 2 averages.

    The base is an array (H, W, C) of uint8, uint16 or float32, or a raster. Integers are rounded to the nearest level.
    Where a side is odd, the last row or column is repeated. Over a base that is not in memory, levels of at most 96 MB
    are kept and finer ones are made of the base, region by region, with the same values. Not locked: one thread uses
    it.
    """

    def __init__(self, base: Array | Raster) -> None:
        if len(base.shape) != 3 or not math.prod(base.shape) or base.dtype not in (np.uint8, np.uint16, np.float32):
            raise ValueError(f"no pyramid over {base.dtype} {base.shape}")
        raster = Decoded(base) if isinstance(base, np.ndarray) else base
        self.base = raster
        self.depth = (max(raster.shape[:2]) - 1).bit_length() + 1
        """How many levels there are, the base included; the last is a single pixel."""
        self._first = 1  # the finest level that is kept
        if not isinstance(raster, Decoded):
            while self._first < self.depth - 1 and self._nbytes(self._first) > _KEPT:
                self._first += 1
        self._kept: list[Array] = []  # from the first on

    @property
    def shape(self) -> Shape:
        """Height, width and channels of the base."""
        return self.base.shape

    @property
    def nbytes(self) -> int:
        """Bytes it takes in memory once every level has been made, the base included."""
        return self.base.nbytes + self._nbytes(self._first) * 4 // 3

    def size(self, index: int) -> tuple[int, int]:
        """Width and height of a level."""
        if not 0 <= index < self.depth:
            raise ValueError(f"level {index} of {self.depth}")
        height, width = (-(-side // (1 << index)) for side in self.base.shape[:2])
        return width, height

    def level(self, index: int) -> Array:
        """The image halved `index` times (0 is the base itself), made now if it was not yet."""
        return self.read(index, Region(0, 0, *self.size(index)))

    def read(self, index: int, region: Region) -> Array:
        """(h, w, C) of a region of a level, inside it; not to be written to."""
        self.size(index)
        if index == 0:
            return self.base.read(region)
        if index < self._first:
            return self._made(index, region)
        self.prepare(index)
        return self._kept[index - self._first][region.y : region.bottom, region.x : region.right]

    def prepare(self, index: int | None = None) -> None:
        """Makes the levels that are kept, up to `index` (None: all that take a pass over the base)."""
        if not self._kept and self.depth > self._first:
            self._kept.append(self._first_kept())
        while index is not None and len(self._kept) <= index - self._first:
            self._kept.append(halve(self._kept[-1]))

    def level_for(self, scale: float) -> int:
        """The smallest level that still has a pixel for every screen pixel at `scale` screen pixels a base pixel."""
        if scale <= 0:
            raise ValueError(f"scale {scale}")
        wanted = math.floor(-math.log2(scale) + 1e-9)  # the small term: 1/3 written as a decimal is still 1/3
        return min(max(0, wanted), self.depth - 1)

    def region_at(self, index: int, region: Region) -> Region:
        """The pixels of level `index` that cover `region` (base pixels), clipped to the level."""
        width, height = self.size(index)
        step = 1 << index
        left, top = region.x // step, region.y // step
        right, bottom = -(-region.right // step), -(-region.bottom // step)
        return Region(left, top, right - left, bottom - top).intersect(Region(0, 0, width, height))

    def region(self, index: int, region: Region) -> Array:
        """Those pixels: (h, w, C); empty where `region` lies outside."""
        return self.read(index, self.region_at(index, region))

    def _nbytes(self, index: int) -> int:
        width, height = self.size(min(index, self.depth - 1))
        return width * height * self.base.shape[2] * self.base.dtype.itemsize

    def _made(self, index: int, region: Region) -> Array:
        """A region of a level out of the base: its corner lies on the level's grid, so the averages are the same."""
        height, width, _ = self.base.shape
        wide = Region(*(side << index for side in (region.x, region.y, region.width, region.height)))
        part = self.base.read(wide.intersect(Region(0, 0, width, height)))
        for _ in range(index):
            part = halve(part)
        return part

    def _first_kept(self) -> Array:
        width, height = self.size(self._first)
        level = np.empty((height, width, self.base.shape[2]), self.base.dtype)
        for part in self._bands():
            level[part.y : part.bottom] = self._made(self._first, part)
        return level

    def _bands(self) -> Iterator[Region]:
        width, height = self.size(self._first)
        rows = max(1, _ROWS >> self._first)
        for top in range(0, height, rows):
            yield Region(0, top, width, min(rows, height - top))


def halve(image: Array) -> Array:
    """(H, W, C) to (ceil(H / 2), ceil(W / 2), C) by 2 x 2 averages, same dtype."""
    height, width = ((side + 1) // 2 for side in image.shape[:2])
    channels = image.shape[2]
    out = np.empty((height, width, channels), image.dtype)
    exact = image.dtype == np.float32
    sums: Any = np.float32 if exact else np.uint16 if image.dtype == np.uint8 else np.uint32
    for start in range(0, height, _STRIP):
        rows = image[2 * start : 2 * (start + _STRIP)]
        total = rows[0::2].astype(sums)
        total[: len(rows) // 2] += rows[1::2]
        if len(rows) % 2:
            total[-1] += rows[-1]
        left, right = total[:, 0::2], total[:, 1::2]
        for channel in range(channels):  # long strides cost less than an inner loop of three
            both = left[..., channel].copy()
            both[:, : right.shape[1]] += right[..., channel]
            if width > right.shape[1]:
                both[:, -1] *= 2
            out[start : start + len(both), :, channel] = both * np.float32(0.25) if exact else (both + 2) >> 2
    return out
