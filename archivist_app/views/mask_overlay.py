"""How a damage mask lies over the pictures: translucent, one colour for what is repaired and one for what is protected.

Tiles are drawn from the mask's own bytes through a colour table, on the level that is nearest to the screen: nothing is
scaled as a whole, and what a stroke writes is seen with the next paint.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from archivist_app.state.mask_raster import TILE, MaskRaster
from archivist_app.views.pixels import to_indexed
from archivist_app.views.viewport import Rect, Viewport
from engine.types import PROTECTED, Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

MARK = QColor(255, 32, 96)  # no photograph is: not grey, not brown, not blue
GUARD = QColor(0, 150, 255)
MARK_ALPHA = (10, 140)  # of the faintest mark and of a full one
GUARD_ALPHA = 110
KEPT = 4096  # wrapped tiles; they hold no bytes of their own


def colours(*, marks: bool) -> list[int]:
    """A colour (ARGB) by grey value; without marks only what is protected is seen."""
    table = [0] * 256
    if marks:
        low, high = MARK_ALPHA
        for value in range(1, 256):
            table[value] = _with_alpha(MARK, low + (high - low) * value // 255)
    table[PROTECTED] = _with_alpha(GUARD, GUARD_ALPHA if marks else GUARD_ALPHA // 2)
    return table


def level_of(zoom: float, levels: int) -> int:
    """The coarser copy whose pixels are about as large as the screen's."""
    return min(max(0, round(-math.log2(zoom))), levels - 1)


class MaskOverlay:
    """Draws a mask on a pane. `raster` None draws nothing."""

    def __init__(self) -> None:
        self.raster: MaskRaster | None = None
        self.visible = True
        self.stroking = False  # until its result is on screen, a stroke is seen on the restored side too
        self._tables = {marks: colours(marks=marks) for marks in (False, True)}
        self._wrapped: dict[tuple[bool, int, int], tuple[Grey, QImage]] = {}

    def paint(self, painter: QPainter, viewport: Viewport, origin: QPoint, shown: QRect, *, restored: bool) -> None:
        """Over the pictures inside `shown`; `restored` pictures are not hidden under marks they have answered."""
        raster = self.raster
        if raster is None or not self.visible or raster.bounds != Region(0, 0, *viewport.image):
            return
        painter.save()
        painter.setClipRect(shown)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        level = level_of(viewport.zoom, len(raster.sizes))
        marks = not restored or self.stroking
        for number, tile in _tiles(raster, viewport.visible, level):
            image = self._wrap(raster.tile(level, number), marks, level, number)
            if image is not None:
                source = QRectF(0, 0, tile.width / (1 << level), tile.height / (1 << level))
                painter.drawImage(QRectF(_moved(viewport.rect_of(tile), origin)), image, source)
        painter.restore()

    def _wrap(self, tile: Grey, marks: bool, level: int, number: int) -> QImage | None:
        if not tile.any():
            return None
        key = (marks, level, number)
        known = self._wrapped.get(key)
        if known is None or known[0] is not tile:
            if len(self._wrapped) > KEPT:
                self._wrapped.clear()
            known = self._wrapped[key] = (tile, to_indexed(tile, self._tables[marks]))
        return known[1]


def _tiles(raster: MaskRaster, visible: Region, level: int) -> list[tuple[int, Region]]:
    """Numbers and places, in master pixels, of the tiles of a level that show something of what is visible."""
    step, bounds = TILE << level, raster.bounds
    columns = -(-bounds.width // step)
    return [
        (row * columns + column, Region(column * step, row * step, step, step).intersect(bounds))
        for row in range(visible.y // step, -(-visible.bottom // step))
        for column in range(visible.x // step, -(-visible.right // step))
    ]


def _moved(rect: Rect, by: QPoint) -> QRect:
    return QRect(rect.left + by.x(), rect.top + by.y(), rect.width, rect.height)


def _with_alpha(colour: QColor, alpha: int) -> int:
    return QColor(colour.red(), colour.green(), colour.blue(), alpha).rgba()
