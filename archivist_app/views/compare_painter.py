"""How the viewer looks: panes with pictures, the divider between them, their labels. Lengths are device pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QRegion

from archivist_app.views.layers import Picture
from archivist_app.views.legend import Legend, legend_height, paint_legend
from archivist_app.views.pixels import blank, monitor, show_difference
from archivist_app.views.viewport import Rect, Viewport
from engine.types import Region

Corner = Qt.AlignmentFlag

GAP = 2  # between panes beside each other
HANDLE = 14  # radius of the divider's handle, in device-independent pixels as all below
INSET = 12  # of labels from the image's edge
CHIP_HEIGHT = 24
CHIP_PADDING = 10

LIGHT = QColor(245, 245, 245)
SHADE = QColor(0, 0, 0, 90)
CHIP = QColor(20, 20, 20, 190)
VEIL = QColor(30, 30, 30, 170)  # over what a map has not measured yet


class Overlay(Protocol):
    """Something that lies over the pictures."""

    def paint(self, painter: QPainter, viewport: Viewport, origin: QPoint, shown: QRect, *, restored: bool) -> None:
        """Over a pane whose pictures are the scan's own, or restored."""


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """Pictures from the bottom up inside `clip`, with the viewport's corner at `origin`, and what they are."""

    clip: QRect
    origin: QPoint
    pictures: tuple[Picture, ...]
    label: str
    corner: Corner = Corner.AlignLeft  # left: top left; right: top right; bottom: bottom left
    veiled: tuple[Picture, ...] = ()  # below them, dimmed
    minus: tuple[Picture, ...] = ()  # shown is how far the pictures are from these, `gain` times
    gain: int = 1
    restored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that decides what the viewer looks like."""

    viewport: Viewport
    size: tuple[int, int]  # of the widget
    ratio: float  # device pixels a device-independent pixel
    panes: tuple[Pane, ...]
    divider: float | None  # 0..1 of the way across or down; None where there is none
    upright: bool
    status: str
    legend: Legend | None = None
    fast: bool = False  # while it moves, the pixels need not be smooth
    overlay: Overlay | None = None


def paint(painter: QPainter, scene: Scene) -> None:
    """Draw `scene` on a widget whose surround is already filled."""
    painter.scale(1 / scene.ratio, 1 / scene.ratio)
    width, height = scene.size
    for pane in scene.panes:
        _paint_pane(painter, scene, pane)
    if scene.divider is not None:
        _paint_divider(painter, scene, round(scene.divider * (width if scene.upright else height)))
    painter.resetTransform()
    _paint_notes(painter, scene, width / scene.ratio, height / scene.ratio)


def handle_centre(width: float, height: float, divider: float, upright: bool) -> QPointF:
    """Where the divider's handle lies on a widget of that size."""
    return QPointF(divider * width, height / 2) if upright else QPointF(width / 2, divider * height)


def _paint_notes(painter: QPainter, scene: Scene, width: float, height: float) -> None:
    """What the pixels are in the middle below, and what their colours mean in the corner."""
    bottom = height - INSET
    taken = 0.0
    if scene.legend is not None:
        at = QPointF(INSET, bottom - legend_height(scene.legend))
        taken = paint_legend(painter, at, scene.legend)
    if scene.status:
        size = _chip_size(painter, scene.status)
        left = (width - size.width()) / 2
        if scene.legend is not None and left < INSET + taken + INSET:
            bottom -= legend_height(scene.legend) + GAP + INSET / 2
        _paint_chip(painter, QRectF(QPointF(left, bottom - size.height()), size), scene.status)


def _paint_pane(painter: QPainter, scene: Scene, pane: Pane) -> None:
    if pane.clip.isEmpty():
        return
    painter.save()
    painter.setClipRect(pane.clip)
    _paint_pictures(painter, scene, pane, pane.veiled)
    shown = _moved(scene.viewport.image_rect, pane.origin).intersected(pane.clip)
    if pane.veiled:
        painter.setClipRect(pane.clip)
        painter.fillRect(shown, VEIL)
    if pane.minus:
        _paint_difference(painter, scene, pane, shown)
    else:
        _paint_pictures(painter, scene, pane, pane.pictures)
    if scene.overlay is not None:
        scene.overlay.paint(painter, scene.viewport, pane.origin, shown, restored=pane.restored)
    painter.restore()
    if not shown.isEmpty():
        _paint_label(painter, scene.ratio, pane.label, shown, pane.corner)


def _paint_difference(painter: QPainter, scene: Scene, pane: Pane, shown: QRect) -> None:
    """Of what is on the screen, pixel by pixel: as little work as there are pixels, whatever the zoom."""
    if shown.isEmpty():
        return
    drawn = []
    for pictures in (pane.minus, pane.pictures):
        image = blank(shown.width(), shown.height())
        into = QPainter(image)
        into.translate(-shown.topLeft())
        _paint_pictures(into, scene, replace(pane, clip=shown), pictures, measured=True)
        into.end()
        drawn.append(image)
    before, after = drawn
    show_difference(before, after, pane.gain)
    painter.drawImage(shown.topLeft(), after)


def _paint_pictures(
    painter: QPainter, scene: Scene, pane: Pane, pictures: Sequence[Picture], *, measured: bool = False
) -> None:
    """From the top down, each only where none above it lies: every pixel of the screen is drawn once.

    What is to be measured and not seen keeps its numbers, whatever the monitor.
    """
    viewport, bare = scene.viewport, QRegion(pane.clip)
    for region, image in reversed(pictures):
        part = region.intersect(viewport.visible)
        if bare.isEmpty() or not (part.width and part.height):
            continue
        target = _moved(viewport.rect_of(part), pane.origin)
        if not bare.intersects(target):
            continue
        source = _source(part, region, image)
        resampled = source.size() != QSizeF(target.size())
        fine = image.width() >= region.width  # of a coarse picture the pixels are not meant to be seen
        magnified = fine and viewport.zoom * region.width >= 2 * image.width()
        smooth = resampled and not magnified and not scene.fast
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setClipRegion(bare)
        painter.drawImage(QRectF(target), image if measured else monitor.show(image), source)
        bare -= QRegion(target)


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
    assert scene.divider is not None
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
