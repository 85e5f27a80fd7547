"""Alpha and beta as one plane: faithfulness across, the look of the style upwards, the open image at the corners."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from archivist_app.state.commands import Gesture
from archivist_app.state.corners import Corner, Corners
from archivist_app.views.pixels import monitor, to_image
from archivist_app.views.value_slider import STEPS, TICK, Scale
from engine.types import Recipe

HEIGHT = 196
AXIS = 16  # for the words along an axis
KNOB = 7.0  # radius of the handle
NEUTRAL = (1.0, 1.0)  # where a style starts


class Pad(QWidget):
    """Shows alpha and beta and asks for others. Without a style beta is off and there is only the way across."""

    edited = Signal(float, float, int)  # alpha, beta, gesture

    def __init__(self, alpha: Scale, beta: Scale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pad")
        self.setAccessibleName("Pad: faithfulness across, look of the style upwards")
        self.setToolTip(
            "Right: faithful to the scan. Up: more of the style.\n"
            "Arrows move, Shift ten times as far, Ctrl a tenth. Double-click goes back to the middle."
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFixedHeight(HEIGHT)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)  # the handle lights up
        self.gesture = Gesture()
        self._alpha = alpha
        self._beta = beta
        self._recipe = Recipe()
        self._corners: Corners | None = None
        self._dragged: tuple[QPointF, QPointF] | None = None  # mouse, and positions as they would be unrounded
        self.show_recipe(self._recipe)

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(288, HEIGHT)

    def show_corners(self, corners: Corners) -> None:
        """Take the pictures from there."""
        self._corners = corners
        corners.changed.connect(self.update)
        self._tell_size()

    @Slot(object)
    def show_recipe(self, recipe: Recipe) -> None:
        """Show what was decided elsewhere."""
        plane = self.plane
        self._recipe = recipe
        self.setAccessibleDescription(self._spoken())
        if plane != self.plane:
            self._tell_size()
        self.update()

    @property
    def plane(self) -> bool:
        """Whether there is a way up: a style is chosen."""
        return self._recipe.style is not None

    @property
    def position(self) -> tuple[int, int]:
        """Slider positions of alpha and beta, 0..STEPS each."""
        return self._alpha.to_position(self._recipe.alpha), self._beta.to_position(self._recipe.beta)

    def _spoken(self) -> str:
        alpha = f"Faithful to the scan {self._alpha.text(self._recipe.alpha)}"
        if not self.plane:
            return f"{alpha}. No style is chosen, so the look of the style is off."
        return f"{alpha}, look of the style {self._beta.text(self._recipe.beta)}."

    # asking

    def move_to(self, across: float, up: float) -> None:
        """Ask for the values at slider positions, moved into the range."""
        x, y = (min(max(round(value), 0), STEPS) for value in (across, up))
        now = self.position
        alpha = self._recipe.alpha if x == now[0] else self._alpha.to_value(x)  # a typed value may lie in between
        beta = self._recipe.beta if y == now[1] or not self.plane else self._beta.to_value(y)
        self._ask(alpha, beta)

    def reset(self) -> None:
        """Back to the middle, where a style starts."""
        alpha, beta = NEUTRAL
        self._ask(alpha, beta if self.plane else self._recipe.beta)

    def _ask(self, alpha: float, beta: float) -> None:
        if (alpha, beta) != (self._recipe.alpha, self._recipe.beta):
            self.edited.emit(alpha, beta, self.gesture.number())

    # geometry

    def field(self) -> QRectF:
        """The plane itself, in device-independent pixels."""
        left = AXIS if self.plane else 0
        return QRectF(left, 0, self.width() - left, self.height() - AXIS)

    def _place_of(self, position: tuple[int, int]) -> QPointF:
        way = self._way()
        y = way.bottom() - way.height() * position[1] / STEPS if self.plane else way.center().y()
        return QPointF(way.left() + way.width() * position[0] / STEPS, y)

    def _position_at(self, place: QPointF) -> QPointF:
        way = self._way()
        return QPointF(
            STEPS * (place.x() - way.left()) / max(1.0, way.width()),
            STEPS * (way.bottom() - place.y()) / max(1.0, way.height()),
        )

    def _way(self) -> QRectF:
        """Where the handle's middle may be."""
        return self.field().adjusted(KNOB + 2, KNOB + 2, -KNOB - 2, -KNOB - 2)

    def _cells(self) -> dict[Corner, QRectF]:
        field = self.field()
        width, middle = field.width() / 2, field.center().y()
        top, height = (middle, field.bottom() - middle) if self.plane else (field.top(), field.height())
        cells = {
            Corner.FREE: QRectF(field.left(), top, width, height),
            Corner.FAITHFUL: QRectF(field.left() + width, top, width, height),
        }
        if self.plane:
            cells[Corner.FREE_STYLED] = QRectF(field.left(), field.top(), width, height)
            cells[Corner.FAITHFUL_STYLED] = QRectF(field.left() + width, field.top(), width, height)
        return cells

    def _tell_size(self) -> None:
        """How large the corners are, or that nobody looks."""
        if self._corners is None:
            return
        cell, ratio = self._cells()[Corner.FREE], self.devicePixelRatioF()
        if self.isVisible():
            self._corners.show_in(math.ceil(cell.width() * ratio), math.ceil(cell.height() * ratio))
        else:
            self._corners.show_in(0, 0)

    # hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle, or set the values where the click is."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.gesture.begin()
            position, now = self._position_at(event.position()), self.position
            if _length(event.position() - self._place_of(now)) <= KNOB + 2:
                position = QPointF(*now) if self.plane else QPointF(now[0], position.y())  # taken, not moved
            self._dragged = (event.position(), position)
            self.move_to(position.x(), position.y())
            self.update()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand, a tenth as fast with Ctrl."""
        if self._dragged is not None:
            place, position = self._dragged
            slow = 0.1 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1.0
            position += (self._position_at(event.position()) - self._position_at(place)) * slow
            self._dragged = (event.position(), position)
            self.move_to(position.x(), position.y())
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The gesture is over."""
        if event.button() == Qt.MouseButton.LeftButton and self._dragged is not None:
            self._dragged = None
            self.gesture.end()
            self.update()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to the middle."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.gesture.resume()
            self.reset()
            self.gesture.end()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move; other keys are the window's."""
        ways = {
            Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1),
        }  # fmt: skip
        across, up = ways.get(Qt.Key(event.key()), (0, 0))
        if (across, up) == (0, 0):
            event.ignore()
            return
        step = TICK
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            step = 10 * TICK
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step = TICK // 10
        x, y = self.position
        self.move_to(x + step * across, y + step * up)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow."""
        super().resizeEvent(event)
        self._tell_size()

    def showEvent(self, event: QShowEvent) -> None:
        """The corners are wanted."""
        super().showEvent(event)
        self._tell_size()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks at the corners."""
        super().hideEvent(event)
        self._tell_size()

    # looks

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The corners, the axes, the handle."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_pictures(painter)
        self._paint_words(painter)
        self._paint_handle(painter)
        painter.end()

    def _paint_pictures(self, painter: QPainter) -> None:
        field, palette = self.field(), self.palette()
        outline = QPainterPath()
        outline.addRoundedRect(field, 4, 4)
        painter.fillPath(outline, palette.color(QPalette.ColorRole.Base))
        painter.save()
        painter.setClipPath(outline)
        for corner, cell in self._cells().items():
            frame = self._corners.frame(corner) if self._corners is not None else None
            if frame is not None:
                image = to_image(frame.pixels)
                painter.drawImage(cell, monitor.show(image), _filling(image.width(), image.height(), cell))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Window), 1))
        middle = field.center()
        painter.drawLine(QPointF(middle.x(), field.top()), QPointF(middle.x(), field.bottom()))
        if self.plane:
            painter.drawLine(QPointF(field.left(), middle.y()), QPointF(field.right(), middle.y()))
        painter.restore()
        if self.hasFocus():
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1))
            painter.drawRoundedRect(field.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_words(self, painter: QPainter) -> None:
        field = self.field()
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        below = QRect(round(field.left()), round(field.bottom()) + 2, round(field.width()), AXIS - 2)
        _paint_axis(painter, below, "freer", "α" if self.plane else "No style is chosen: β is off", "faithful")
        if self.plane:
            painter.save()
            painter.translate(0, field.bottom())
            painter.rotate(-90)
            _paint_axis(painter, QRect(0, 0, round(field.height()), AXIS - 2), "off", "β", "full style")
            painter.restore()

    def _paint_handle(self, painter: QPainter) -> None:
        field, place = self.field(), self._place_of(self.position)
        painter.setPen(QPen(QColor(255, 255, 255, 110), 1))
        painter.drawLine(QPointF(field.left(), place.y()), QPointF(field.right(), place.y()))
        if self.plane:
            painter.drawLine(QPointF(place.x(), field.top()), QPointF(place.x(), field.bottom()))
        strong = self.hasFocus() or self.underMouse() or self._dragged is not None
        painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight) if strong else QColor(255, 255, 255))
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1.5))
        painter.drawEllipse(place, KNOB - 0.5, KNOB - 0.5)


def _length(way: QPointF) -> float:
    return math.hypot(way.x(), way.y())


def _paint_axis(painter: QPainter, where: QRect, low: str, middle: str, high: str) -> None:
    centred = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(where, centred | Qt.AlignmentFlag.AlignLeft, low)
    painter.drawText(where, centred | Qt.AlignmentFlag.AlignHCenter, middle)
    painter.drawText(where, centred | Qt.AlignmentFlag.AlignRight, high)


def _filling(width: int, height: int, cell: QRectF) -> QRectF:
    """The middle of a picture that has the cell's shape."""
    factor = min(width / max(1.0, cell.width()), height / max(1.0, cell.height()))
    across, down = cell.width() * factor, cell.height() * factor
    return QRectF((width - across) / 2, (height - down) / 2, across, down)
