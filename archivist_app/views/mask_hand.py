"""The hand that paints on the viewer: mouse and stylus become strokes, and the brush's outline follows the pointer."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPointingDevice, QWheelEvent

from archivist_app.state.brush import Tool
from archivist_app.state.mask_editing import MaskEditor
from archivist_app.views.mask_overlay import GUARD, MARK
from archivist_app.views.surface import Surface
from engine.types import Region

FEATHER_STEP = 0.05  # a notch of the wheel
SMALL = 5.0  # radius in device-independent pixels below which a cross shows the place better than a ring
RINGS = {Tool.BRUSH: MARK.lighter(150), Tool.ERASER: QColor(255, 255, 255), Tool.PROTECT: GUARD.lighter(140)}


class MaskHand:
    """Takes the left button on the image while a mask is edited; everything else stays the viewer's."""

    def __init__(self, editor: MaskEditor, surface: Surface) -> None:
        self._editor = editor
        self._surface = surface
        self._at: QPointF | None = None  # of the pointer, on the surface
        self._erasing = False  # Alt is held, or the stylus is turned round
        self._down = False

    # what the surface asks

    def press(self, event: QMouseEvent) -> bool:
        """Begin a stroke; whether it was one."""
        if event.button() != Qt.MouseButton.LeftButton or self._surface.grabs(event.position()):
            return False
        place = self._surface.place_at(event.position())
        if place is None:
            return False
        self._follow(event)
        self._down = True
        self._editor.press(place, Tool.ERASER if self._erasing else None)
        return True

    def move(self, event: QMouseEvent) -> bool:
        """Go on with it, or only follow the pointer; whether it was a stroke."""
        self._follow(event)
        place = self._surface.place_at(event.position())
        if self._down and place is not None:
            self._editor.move(place)
        return self._down

    def release(self, event: QMouseEvent) -> bool:
        """End it; whether there was one."""
        if not self._down or event.button() != Qt.MouseButton.LeftButton:
            return False
        self._down = False
        self._follow(event)
        self._editor.release()
        return True

    def wheel(self, event: QWheelEvent) -> bool:
        """Shift and the wheel feather; whether it was that."""
        if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return False
        turned = event.angleDelta().y() or event.angleDelta().x()  # Shift turns a vertical wheel sideways
        brush = self._editor.brush
        self._editor.choose(replace(brush, feather=round(brush.feather + FEATHER_STEP * turned / 120, 3)))
        return True

    def let_go(self) -> None:
        """Whatever stroke there was is no more."""
        self._down = False

    def leave(self) -> None:
        """The pointer is elsewhere."""
        self._go(None)

    def cursor(self, position: QPointF) -> Qt.CursorShape | None:
        """What the system shows at a place; None where the surface decides."""
        if self._surface.grabs(position) or self._surface.place_at(position) is None:
            return None
        if self._editor.busy:
            return Qt.CursorShape.BusyCursor if self._editor.waiting else Qt.CursorShape.ForbiddenCursor
        return Qt.CursorShape.CrossCursor if self._radius() < SMALL else Qt.CursorShape.BlankCursor

    # the outline

    def refresh(self) -> None:
        """The brush is another one now."""
        self._go(self._at)

    def paint(self, painter: QPainter) -> None:
        """The brush's outline on every pane: where it ends, and where it begins to fade."""
        if self._at is None or self._editor.busy or self.cursor(self._at) is not Qt.CursorShape.BlankCursor:
            return
        brush = self._editor.brush
        tool = Tool.ERASER if self._erasing else brush.tool
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = self._radius()
        for centre in self._surface.twins(self._at):
            _ring(painter, centre, radius, RINGS[tool], Qt.PenStyle.SolidLine)
            inner = radius * (1 - brush.feather)
            if SMALL < inner < radius - 2:
                _ring(painter, centre, inner, RINGS[tool], Qt.PenStyle.DotLine)
            if tool is Tool.ERASER:
                _line(painter, centre)
        painter.restore()

    def _radius(self) -> float:
        return self._editor.brush.radius * self._surface.points_per_pixel()

    def _follow(self, event: QMouseEvent) -> None:
        if not self._down:
            turned = event.pointingDevice().pointerType() == QPointingDevice.PointerType.Eraser
            self._erasing = turned or bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        self._go(event.position())

    def _go(self, position: QPointF | None) -> None:
        for place in (self._at, position):
            if place is not None:
                for centre in self._surface.twins(place):
                    self._surface.update(_around(centre, max(self._radius(), 40.0)))
        self._at = position

    def show_region(self, region: Region | None) -> None:
        """A part of the master, or all of it, looks different: paint it."""
        if region is None:
            self._surface.update()
            return
        for rect in self._surface.rects_of(region):
            self._surface.update(rect)


def _ring(painter: QPainter, centre: QPointF, radius: float, colour: QColor, style: Qt.PenStyle) -> None:
    for shade, width in ((QColor(0, 0, 0, 150), 3.0), (colour, 1.4)):
        if style is Qt.PenStyle.SolidLine or width < 2:
            painter.setPen(QPen(shade, width, style))
            painter.drawEllipse(centre, radius, radius)


def _line(painter: QPainter, centre: QPointF) -> None:
    """A minus in the middle of an eraser."""
    for shade, width in ((QColor(0, 0, 0, 150), 3.0), (QColor(255, 255, 255), 1.4)):
        painter.setPen(QPen(shade, width))
        painter.drawLine(centre - QPointF(3, 0), centre + QPointF(3, 0))


def _around(centre: QPointF, radius: float) -> QRect:
    reach = radius + 4
    return QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach).toAlignedRect()
