"""How the viewer looks: two pictures, the divider between them, their labels. Lengths are device pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from archivist_app.views.layers import Layers
from archivist_app.views.pixels import Pixels
from archivist_app.views.viewport import Rect, Viewport
from engine.types import Region

Side = Literal["before", "after", "truth"]
Corner = Qt.AlignmentFlag

GAP = 2  # between the panes side by side
HANDLE = 14  # radius of the divider's handle, in device-independent pixels as all below
INSET = 12  # of labels from the image's edge
CHIP_HEIGHT = 24
CHIP_PADDING = 10

LIGHT = QColor(245, 245, 245)
SHADE = QColor(0, 0, 0, 90)
CHIP = QColor(20, 20, 20, 190)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that decides what the viewer looks like."""

    viewport: Viewport
    layers: Layers
    size: tuple[int, int]  # of the widget
    ratio: float  # device pixels a device-independent pixel
    sides: tuple[Side, Side]  # left or top, right or bottom
    apart: bool  # side by side instead of split
    divider: float  # 0..1 of the way across or down
    upright: bool
    status: str
    truth: Pixels | None = None  # of the whole image; there where a side shows it

    def pictures(self, side: Side) -> Iterator[tuple[Region, Pixels]]:
        """What to draw of a side, from the bottom up."""
        if side == "truth" and self.truth is not None:
            yield self.layers.bounds, self.truth
        elif side == "after":
            yield from self.layers.after()
        else:
            yield from self.layers.before()


def paint(painter: QPainter, scene: Scene) -> None:
    """Draw `scene` on a widget whose surround is already filled."""
    painter.scale(1 / scene.ratio, 1 / scene.ratio)
    width, height = scene.size
    whole = QRect(0, 0, width, height)
    first, second = scene.sides
    if scene.apart:
        pane = scene.viewport.pane[0]
        for side, left in zip(scene.sides, (0, pane + GAP), strict=True):
            _paint_side(painter, scene, side, QRect(left, 0, pane, height), QPoint(left, 0), Corner.AlignLeft)
    elif first == second:
        _paint_side(painter, scene, first, whole, QPoint(0, 0), Corner.AlignLeft)
    else:
        at = round(scene.divider * (width if scene.upright else height))
        near = QRect(0, 0, at, height) if scene.upright else QRect(0, 0, width, at)
        far = QRect(at, 0, width - at, height) if scene.upright else QRect(0, at, width, height - at)
        _paint_side(painter, scene, first, near, QPoint(0, 0), Corner.AlignLeft)
        _paint_side(
            painter, scene, second, far, QPoint(0, 0), Corner.AlignRight if scene.upright else Corner.AlignBottom
        )
        _paint_divider(painter, scene, at)
    painter.resetTransform()
    if scene.status:
        size = _chip_size(painter, scene.status)
        across, down = width / scene.ratio, height / scene.ratio
        corner = QPointF((across - size.width()) / 2, down - size.height() - INSET)
        _paint_chip(painter, QRectF(corner, size), scene.status)


def handle_centre(width: float, height: float, divider: float, upright: bool) -> QPointF:
    """Where the divider's handle lies on a widget of that size."""
    return QPointF(divider * width, height / 2) if upright else QPointF(width / 2, divider * height)


def _paint_side(painter: QPainter, scene: Scene, side: Side, clip: QRect, origin: QPoint, label: Corner) -> None:
    """One of the two pictures inside `clip`; its pane starts at `origin`."""
    if clip.isEmpty():
        return
    viewport = scene.viewport
    painter.save()
    painter.setClipRect(clip)
    for region, image in scene.pictures(side):
        part = region.intersect(viewport.visible)
        if part.width and part.height:
            source = _source(part, region, image)
            target = _moved(viewport.rect_of(part), origin)
            resampled = source.size() != QSizeF(target.size())
            fine = image.width() >= region.width  # of a coarse picture the pixels are not meant to be seen
            magnified = fine and viewport.zoom * region.width >= 2 * image.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, resampled and not magnified)
            painter.drawImage(QRectF(target), image, source)
    painter.restore()
    shown = _moved(viewport.image_rect, origin).intersected(clip)
    if not shown.isEmpty():
        _paint_label(painter, scene.ratio, side.capitalize(), shown, label)


def _paint_label(painter: QPainter, ratio: float, text: str, inside: QRect, at: Corner) -> None:
    painter.save()
    painter.setClipRect(inside)
    painter.translate(inside.topLeft())
    painter.scale(ratio, ratio)
    size = _chip_size(painter, text)
    x = y = float(INSET)
    if at == Corner.AlignRight:
        x = inside.width() / ratio - INSET - size.width()
    elif at == Corner.AlignBottom:
        y = inside.height() / ratio - INSET - size.height()
    _paint_chip(painter, QRectF(QPointF(x, y), size), text)
    painter.restore()


def _paint_divider(painter: QPainter, scene: Scene, at: int) -> None:
    width, height = scene.size
    painter.save()
    ends = (QPoint(at, 0), QPoint(at, height)) if scene.upright else (QPoint(0, at), QPoint(width, at))
    for colour, thickness in ((SHADE, 3), (LIGHT, 1)):
        painter.setPen(QPen(colour, thickness * scene.ratio))
        painter.drawLine(*ends)
    painter.translate(handle_centre(width, height, scene.divider, scene.upright))
    painter.scale(scene.ratio, scene.ratio)
    if not scene.upright:
        painter.rotate(90)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(SHADE, 1))
    painter.setBrush(LIGHT)
    painter.drawEllipse(QPointF(0, 0), HANDLE, HANDLE)
    painter.setPen(QPen(QColor(60, 60, 60), 1.5))
    for sign in (-1, 1):
        painter.drawPolyline([QPointF(sign * 4, -4), QPointF(sign * 8, 0), QPointF(sign * 4, 4)])
    painter.restore()


def _chip_size(painter: QPainter, text: str) -> QSizeF:
    return QSizeF(painter.fontMetrics().horizontalAdvance(text) + 2 * CHIP_PADDING, CHIP_HEIGHT)


def _paint_chip(painter: QPainter, box: QRectF, text: str) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(CHIP)
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(LIGHT)
    painter.drawText(box, Corner.AlignCenter, text)


def _source(part: Region, region: Region, image: QImage) -> QRectF:
    """Which pixels of `image`, which covers `region`, show `part` of it."""
    across, down = image.width() / region.width, image.height() / region.height
    return QRectF((part.x - region.x) * across, (part.y - region.y) * down, part.width * across, part.height * down)


def _moved(rect: Rect, by: QPoint) -> QRect:
    return QRect(rect.left + by.x(), rect.top + by.y(), rect.width, rect.height)
