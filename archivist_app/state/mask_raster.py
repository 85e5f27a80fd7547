"""A damage mask of any size as square tiles with coarser copies of them, so that a stroke costs what it touches.

A state of the mask is a `MaskTiles`, never written to; states of one mask share the tiles that are equal. A
`MaskRaster` copies a tile before it first writes to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.types import Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

TILE = 256  # pixels a side, on every level


@dataclass(frozen=True, slots=True, eq=False)
class MaskTiles:
    """One state of a mask. On level k a pixel is the largest value of 2^k x 2^k: a thin scratch is seen from afar."""

    sizes: tuple[tuple[int, int], ...]  # width and height by level
    levels: tuple[tuple[Grey, ...], ...]  # tiles row by row

    @classmethod
    def of(cls, pixels: Grey) -> MaskTiles:
        """The tiles of a whole mask (H, W), which must not change any more. A tenth of a second for 30 megapixels."""
        sizes, levels = [], []
        while True:
            height, width = pixels.shape
            sizes.append((width, height))
            levels.append(tuple(pixels[y : y + TILE, x : x + TILE] for y, x in _corners(width, height)))
            if max(width, height) <= TILE:
                return cls(tuple(sizes), tuple(levels))
            pixels = halved(pixels)

    @classmethod
    def empty(cls, width: int, height: int) -> MaskTiles:
        """Nothing marked. Its tiles are one array, whatever the size."""
        import numpy as np

        nothing = np.zeros((TILE, TILE), np.uint8)
        sizes = [(width, height)]
        while max(sizes[-1]) > TILE:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        return cls(tuple(sizes), tuple(tuple(nothing[: h - y, : w - x] for y, x in _corners(w, h)) for w, h in sizes))

    def dense(self) -> Grey:
        """All pixels (H, W), in an array of its own."""
        import numpy as np

        width, height = self.sizes[0]
        pixels = np.empty((height, width), np.uint8)
        for (y, x), tile in zip(_corners(width, height), self.levels[0], strict=True):
            pixels[y : y + TILE, x : x + TILE] = tile
        return pixels

    def fresh(self, before: MaskTiles | None) -> int:
        """Bytes that this state does not share with the one before it."""
        old = {id(tile) for level in before.levels for tile in level} if before is not None else set()
        return sum(tile.nbytes for level in self.levels for tile in level if id(tile) not in old)


class MaskRaster:
    """A mask that is written to."""

    def __init__(self, tiles: MaskTiles) -> None:
        self.show(tiles)

    def show(self, tiles: MaskTiles) -> None:
        """Go to another state."""
        self.sizes = tiles.sizes
        self._levels = [list(level) for level in tiles.levels]
        self._own: set[tuple[int, int]] = set()

    def freeze(self) -> MaskTiles:
        """The state it is in."""
        self._own.clear()
        return MaskTiles(self.sizes, tuple(map(tuple, self._levels)))

    @property
    def bounds(self) -> Region:
        """The whole mask."""
        return Region(0, 0, *self.sizes[0])

    def tile(self, level: int, number: int) -> Grey:
        """A tile (up to 256 x 256), contiguous; whoever keeps it sees what is written until the next state."""
        import numpy as np

        tile = self._levels[level][number]
        if not tile.flags.c_contiguous:
            tile = self._levels[level][number] = np.ascontiguousarray(tile)
        return tile

    def parts(self, region: Region, level: int = 0) -> Iterator[tuple[int, Region]]:
        """The tiles that meet a region of a level: their numbers, and the part of the region that lies on each."""
        width, height = self.sizes[level]
        columns = _count(width)
        region = region.intersect(Region(0, 0, width, height))
        for row in range(region.y // TILE, _count(region.bottom)):
            for column in range(region.x // TILE, _count(region.right)):
                part = region.intersect(Region(column * TILE, row * TILE, TILE, TILE))
                if part.width and part.height:
                    yield row * columns + column, part

    def read(self, region: Region, level: int = 0) -> Grey:
        """The pixels (h, w) of a region that lies on the mask."""
        import numpy as np

        out = np.empty((region.height, region.width), np.uint8)
        for number, part in self.parts(region, level):
            out[within(part, region)] = self._levels[level][number][self._inside(part)]
        return out

    def write(self, region: Region, values: Grey) -> None:
        """Put pixels (h, w) into a region that lies on the mask, and into the coarser copies."""
        self.put(region, values)
        for level in range(1, len(self.sizes)):
            left, top = region.x // 2, region.y // 2
            width, height = self.sizes[level]
            right, bottom = min(width, -(-region.right // 2)), min(height, -(-region.bottom // 2))
            finer = Region(0, 0, *self.sizes[level - 1])
            source = Region(2 * left, 2 * top, 2 * (right - left), 2 * (bottom - top)).intersect(finer)
            region = Region(left, top, right - left, bottom - top)
            self.put(region, halved(self.read(source, level - 1)), level)

    def put(self, region: Region, values: Grey, level: int = 0) -> None:
        """Put pixels (h, w) into a region of one level alone."""
        for number, part in self.parts(region, level):
            if (level, number) not in self._own:
                self._own.add((level, number))
                self._levels[level][number] = self._levels[level][number].copy()
            self._levels[level][number][self._inside(part)] = values[within(part, region)]

    @staticmethod
    def _inside(part: Region) -> tuple[slice, slice]:
        left, top = part.x % TILE, part.y % TILE
        return slice(top, top + part.height), slice(left, left + part.width)


def within(part: Region, whole: Region) -> tuple[slice, slice]:
    """The rows and columns of an array over `whole` that hold `part`."""
    top, left = part.y - whole.y, part.x - whole.x
    return slice(top, top + part.height), slice(left, left + part.width)


def halved(pixels: Grey) -> Grey:
    """Half as wide and high, rounded up: the largest of four."""
    import numpy as np

    rows = pixels[0::2].copy()
    odd = pixels[1::2]
    np.maximum(rows[: len(odd)], odd, out=rows[: len(odd)])
    out = np.ascontiguousarray(rows[:, 0::2])
    right = rows[:, 1::2]
    np.maximum(out[:, : right.shape[1]], right, out=out[:, : right.shape[1]])
    return out


def _count(length: int) -> int:
    return -(-length // TILE)


def _corners(width: int, height: int) -> Iterator[tuple[int, int]]:
    return ((y, x) for y in range(0, height, TILE) for x in range(0, width, TILE))
