"""The brush for a damage mask: what a stroke covers, and what that makes of the mask. Lengths are master pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from archivist_app.state.mask_raster import MaskRaster, MaskTiles
from engine.types import PROTECTED, Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

SIZES = (2.0, 400.0)
PIECE = 48.0  # a stroke is covered in pieces of this length or of the brush's radius, whichever is longer
Point = tuple[float, float]


class Tool(StrEnum):
    """What a stroke does."""

    BRUSH = "brush"  # marks what is to be repaired, except where it is protected
    ERASER = "eraser"  # takes marks and protection away
    PROTECT = "protect"  # nothing is repaired there, also when damage is detected again


@dataclass(frozen=True, slots=True)
class Brush:
    """`size` across, of which the outer `feather` (0..1 of the radius) fades out."""

    tool: Tool = Tool.BRUSH
    size: float = 24.0
    feather: float = 0.25

    @property
    def radius(self) -> float:
        """Beyond this nothing is covered, but for half a pixel of a hard brush's edge."""
        return self.size / 2

    @property
    def solid(self) -> float:
        """The radius within which all is covered."""
        return self.radius * (1 - self.feather)


def pieces(start: Point, end: Point, brush: Brush) -> Iterator[tuple[Point, Point]]:
    """A straight line in pieces that are cheap to cover."""
    count = max(1, math.ceil(math.dist(start, end) / max(PIECE, brush.radius)))
    points = [
        (start[0] + (end[0] - start[0]) * n / count, start[1] + (end[1] - start[1]) * n / count)
        for n in range(count + 1)
    ]
    return pairwise(points)


def reach(start: Point, end: Point, brush: Brush) -> Region:
    """The pixels that a straight stroke may touch, beyond the image too."""
    around = brush.radius + 1
    left, top = math.floor(min(start[0], end[0]) - around), math.floor(min(start[1], end[1]) - around)
    right, bottom = math.ceil(max(start[0], end[0]) + around), math.ceil(max(start[1], end[1]) + around)
    return Region(left, top, right - left, bottom - top)


def covered(start: Point, end: Point, brush: Brush, region: Region) -> Grey:
    """How far a straight stroke covers each pixel of a region: (h, w), 255 for wholly, and never PROTECTED."""
    import numpy as np

    x = np.arange(region.width, dtype=np.float32) + np.float32(region.x + 0.5 - start[0])
    y = (np.arange(region.height, dtype=np.float32) + np.float32(region.y + 0.5 - start[1]))[:, None]
    dx, dy = np.float32(end[0] - start[0]), np.float32(end[1] - start[1])
    length = dx * dx + dy * dy
    along = (x * dx + y * dy) / max(length, np.float32(1e-6))
    np.clip(along, 0, 1, out=along)
    across, down = x - along * dx, y - along * dy
    across *= across
    down *= down
    across += down
    distance = np.sqrt(across, out=across)
    fade = max(1.0, brush.feather * brush.radius)
    distance -= np.float32(brush.radius + 0.5 * (1 - brush.feather))
    distance *= np.float32(-255 / fade)
    np.clip(distance, 0, 255, out=distance)
    values: Grey = distance.astype(np.uint8)
    values[values == PROTECTED] = 0
    return values


class Stroke:
    """From press to release. What it covers twice counts once, so a soft edge stays soft."""

    def __init__(self, raster: MaskRaster, brush: Brush) -> None:
        self.brush = brush
        self.before: MaskTiles = raster.freeze()
        self._raster = raster
        self._base = MaskRaster(self.before)
        self._covered = MaskRaster(MaskTiles.empty(*raster.sizes[0]))
        self._touched: set[int] = set()

    def paint(self, start: Point, end: Point) -> Region:
        """Go straight on; returns the part of the mask that may look different now."""
        import numpy as np

        region = reach(start, end, self.brush).intersect(self._raster.bounds)
        if not (region.width and region.height):
            return region
        cover = np.maximum(covered(start, end, self.brush, region), self._covered.read(region))
        self._covered.put(region, cover)
        self._raster.write(region, _mixed(self.brush.tool, self._base.read(region), cover))
        self._touched.update(number for number, _ in self._raster.parts(region))
        return region

    @property
    def changed(self) -> bool:
        """Whether the mask is another than before."""
        import numpy as np

        return any(
            not np.array_equal(self._raster.tile(0, number), self.before.levels[0][number]) for number in self._touched
        )


def _mixed(tool: Tool, base: Grey, cover: Grey) -> Grey:
    """What becomes of the mask (h, w) where a stroke covers it that far; hard-edged protection from half on."""
    import numpy as np

    guarded = base == PROTECTED
    if tool is Tool.BRUSH:
        mixed: Grey = np.maximum(base, cover)
    else:
        mixed = np.minimum(base, 255 - cover)
        mixed[mixed == PROTECTED] = 0
        half = cover >= 128
        guarded = guarded | half if tool is Tool.PROTECT else guarded & ~half
    mixed[guarded] = PROTECTED
    return mixed


def with_protection(pixels: Grey, of: MaskTiles) -> Grey:
    """Another mask (H, W) that leaves alone what is protected in a state; written into, and returned."""
    guarded = of.dense() == PROTECTED
    pixels[guarded] = PROTECTED
    return pixels


def inverted(state: MaskTiles) -> Grey:
    """What was repaired is not and the other way round (H, W); what is protected stays so."""
    import numpy as np

    table = 255 - np.arange(256, dtype=np.uint8)
    table[PROTECTED], table[255 - PROTECTED] = PROTECTED, 0
    pixels: Grey = state.dense()
    for row in pixels:
        np.take(table, row, out=row, mode="clip")
    return pixels


def protects(state: MaskTiles) -> bool:
    """Whether anything is protected."""
    return any((tile == PROTECTED).any() for tile in state.levels[0])
