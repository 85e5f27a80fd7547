"""A fixed grid of tiles, so that a tile's result never depends on what part of the image was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.types import Region


@dataclass(frozen=True, slots=True)
class Tile:
    """`core` is what the tile answers for; `padded` is what it must see, clipped to the image."""

    core: Region
    padded: Region

    @property
    def inner(self) -> Region:
        """Where the core lies inside the padded region."""
        return Region(self.core.x - self.padded.x, self.core.y - self.padded.y, self.core.width, self.core.height)


def plan(width: int, height: int, core: int, halo: int, multiple_of: int = 1) -> tuple[Tile, ...]:
    """Tiles of `core` x `core` pixels in reading order that cover every pixel exactly once.

    `core` and `halo` are rounded up to multiples of `multiple_of`: every padded region then starts on one. At the
    image's edges it is clipped, so its size may be no multiple; padding by reflection is the caller's.
    Raises ValueError for sizes that make no grid.
    """
    if width < 1 or height < 1 or core < 1 or halo < 0 or multiple_of < 1:
        raise ValueError(f"no tiles of {core} + {halo} (x {multiple_of}) over {width} x {height}")
    core, halo = (-(-value // multiple_of) * multiple_of for value in (core, halo))
    image = Region(0, 0, width, height)
    return tuple(
        Tile(
            Region(x, y, core, core).intersect(image),
            Region(x - halo, y - halo, core + 2 * halo, core + 2 * halo).intersect(image),
        )
        for y in range(0, height, core)
        for x in range(0, width, core)
    )


def tiles_touching(tiles: Iterable[Tile], region: Region) -> tuple[Tile, ...]:
    """Those tiles of a plan whose core shares a pixel with `region`, in the plan's order."""
    overlaps = ((tile, tile.core.intersect(region)) for tile in tiles)
    return tuple(tile for tile, part in overlaps if part.width and part.height)
