"""Halved copies of an image, made when first needed, so that a zoomed-out view reads few pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.types import Region

Array = NDArray[Any]

_ROWS = 256  # result rows halved at a time, which bounds the temporaries


class Pyramid:
    """Levels of `base`, (H, W, C) of uint8, uint16 or float32: level k is halved k times by 2 x 2 averages.

    Integers are rounded to the nearest level. Where a side is odd, the last row or column is repeated. Not locked:
    one thread uses it.
    """

    def __init__(self, base: Array) -> None:
        if base.ndim != 3 or not base.size or base.dtype not in (np.uint8, np.uint16, np.float32):
            raise ValueError(f"no pyramid over {base.dtype} {base.shape}")
        self._levels = [base]
        self.depth = (int(max(base.shape[:2])) - 1).bit_length() + 1
        """How many levels there are, the base included; the last is a single pixel."""

    def level(self, index: int) -> Array:
        """The image halved `index` times (0 is the base itself), made now if it was not yet."""
        if not 0 <= index < self.depth:
            raise ValueError(f"level {index} of {self.depth}")
        while len(self._levels) <= index:
            self._levels.append(halve(self._levels[-1]))
        return self._levels[index]

    def level_for(self, scale: float) -> int:
        """The smallest level that still has a pixel for every screen pixel at `scale` screen pixels a base pixel."""
        if scale <= 0:
            raise ValueError(f"scale {scale}")
        wanted = math.floor(-math.log2(scale) + 1e-9)  # the small term: 1/3 written as a decimal is still 1/3
        return min(max(0, wanted), self.depth - 1)

    def region_at(self, index: int, region: Region) -> Region:
        """The pixels of level `index` that cover `region` (base pixels), clipped to the level."""
        height, width = self.level(index).shape[:2]
        step = 1 << index
        left, top = region.x // step, region.y // step
        right, bottom = -(-region.right // step), -(-region.bottom // step)
        return Region(left, top, right - left, bottom - top).intersect(Region(0, 0, width, height))

    def region(self, index: int, region: Region) -> Array:
        """A view of those pixels: (h, w, C); empty where `region` lies outside."""
        part = self.region_at(index, region)
        return self.level(index)[part.y : part.bottom, part.x : part.right]


def halve(image: Array) -> Array:
    """(H, W, C) to (ceil(H / 2), ceil(W / 2), C) by 2 x 2 averages, same dtype."""
    height, width = ((side + 1) // 2 for side in image.shape[:2])
    out = np.empty((height, width, image.shape[2]), image.dtype)
    exact = image.dtype == np.float32
    for start in range(0, height, _ROWS):
        rows = image[2 * start : 2 * (start + _ROWS)]
        odd = ((0, rows.shape[0] % 2), (0, rows.shape[1] % 2), (0, 0))
        even = np.pad(rows, odd, mode="edge").astype(np.float32 if exact else np.uint32)
        total: Array = even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]
        out[start : start + _ROWS] = total * np.float32(0.25) if exact else (total + 2) // 4
    return out
