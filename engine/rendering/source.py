"""One open master and what the engine derives from it: levels, tiles, its working pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging.color import WorkingSpace
from engine.imaging.pyramid import Pyramid
from engine.imaging.rasters import Decoded
from engine.imaging.reader import Master, Scan, open_scan
from engine.imaging.tiles import Tile, plan
from engine.runtime.io import Identity, identity_of
from engine.types import ModelCard, Region


@dataclass(frozen=True)
class Source:
    """An open master with its colour space and halved levels. Torch-free: it is made on an io thread.

    `master` tells of its profile and metadata; its pixels are read through `pyramid`, a region at a time.
    """

    path: Path
    master: Master | Scan
    space: WorkingSpace
    pyramid: Pyramid
    identity: Identity | None = None  # of the file its pixels are from; None where they are from none

    @property
    def nbytes(self) -> int:
        """Bytes of memory it takes."""
        return self.pyramid.nbytes

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the master."""
        return self.pyramid.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return self.pyramid.base.dtype

    def is_current(self, path: Path, identity: Identity | None) -> bool:
        """Whether it is what reading `path` again would give, which has that identity now; a file that cannot be asked
        for takes nothing from what was read of it."""
        return self.path == path and identity in (None, self.identity)

    def coarse_level(self, tile: int) -> int:
        """The first level that fits into one tile of `tile` pixels."""
        longest = max(self.shape[:2])
        return next(k for k in range(self.pyramid.depth + 1) if longest <= tile << k)

    def pixels(self, level: int, region: Region) -> NDArray[Any]:
        """The master's own values (h, w, C) of a region given in the level's pixels."""
        return self.pyramid.read(level, region)

    def working(self, level: int, region: Region) -> NDArray[np.float32]:
        """The same as working values (h, w, 3) in 0..1."""
        return self.space.to_working(self.pixels(level, region))

    def size(self, level: int) -> tuple[int, int]:
        """Width and height of a level."""
        return self.pyramid.size(level)

    def tiles(self, level: int, card: ModelCard) -> tuple[Tile, ...]:
        """The fixed grid of a level for this model."""
        return _grid(*self.size(level), card.tile, card.halo, card.multiple_of)


@lru_cache(maxsize=64)
def _grid(width: int, height: int, tile: int, halo: int, multiple_of: int) -> tuple[Tile, ...]:
    return plan(width, height, tile, halo, multiple_of)


def open_source(path: Path, page: int = 0) -> Source:
    """Opens a master, a large one without keeping its pixels; ImageError in a sentence where that fails.

    The halved copies that take a pass over a large master are made here, on the thread that reads files.
    """
    identity = identity_of(path)
    scan = open_scan(path, page)
    space = WorkingSpace(scan.icc, scan.info.channels, scan.info.bits)
    source = Source(path, scan, space, Pyramid(scan.raster), identity)
    if not isinstance(scan.raster, Decoded):
        source.pyramid.prepare()
    if identity_of(path) != identity:  # half of it may be from another file
        raise ImageError(f"“{path.name}” was changed while it was read; open it again.")
    return source


def to_master(region: Region, level: int, bounds: Region) -> Region:
    """A region of a level's pixels as the rectangle of the master it stands for."""
    return Region(region.x << level, region.y << level, region.width << level, region.height << level).intersect(bounds)
