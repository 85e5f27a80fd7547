"""A slider for a number: logarithmic or linear, set by click, wheel, keys, or by typing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget

from archivist_app.state.commands import Gesture

STEPS = 1000
TICK = 10  # positions a wheel notch or an arrow key moves; Shift x 10, Ctrl / 10
KNOB = 7.0  # radius


class Scale(Protocol):
    """How a slider position 0..STEPS and a value belong together."""

    def to_value(self, position: int) -> float:
        """The value at a position."""

    def to_position(self, value: float) -> int:
        """The position nearest to a value."""

    def text(self, value: float) -> str:
        """The value as people read it."""

    def parse(self, text: str) -> float:
        """The value meant by `text`, moved into the range. Raises ValueError if it is no number."""


@dataclass(frozen=True, slots=True)
class LogScale:
    """From `low` to `high` in equal factors. With `off`, the lowest position is exactly 0 and reads "off"."""

    low: float
    high: float
    off: bool = False
    least: float = 0.0  # smallest value that may be typed, below what the slider reaches

    def to_value(self, position: int) -> float:
        """The value at a position."""
        if self.off and position <= 0:
            return 0.0
        return float(f"{self.low * (self.high / self.low) ** (position / STEPS):.4g}")

    def to_position(self, value: float) -> int:
        """The position nearest to a value."""
        if value <= 0:
            return 0
        position = round(STEPS * math.log(value / self.low) / math.log(self.high / self.low))
        return min(max(position, 1 if self.off else 0), STEPS)

    def text(self, value: float) -> str:
        """The value as people read it."""
        return "off" if self.off and value == 0 else f"{value:.2f}" if value < 9.995 else f"{value:.3g}"

    def parse(self, text: str) -> float:
        """The value meant by `text`, moved into the range. Raises ValueError if it is no number."""
        if self.off and text.strip().lower() in ("off", "0"):
            return 0.0
        value = _number(text)
        return 0.0 if self.off and value <= 0 else min(max(value, self.least or self.low), self.high)


@dataclass(frozen=True, slots=True)
class PercentScale:
    """0 to 1, shown in percent."""

    def to_value(self, position: int) -> float:
        """The value at a position."""
        return position / STEPS

    def to_position(self, value: float) -> int:
        """The position nearest to a value."""
        return round(value * STEPS)

    def text(self, value: float) -> str:
        """The value as people read it."""
        return f"{100 * value:.0f} %"

    def parse(self, text: str) -> float:
        """The value meant by `text`, moved into the range. Raises ValueError if it is no number."""
        return min(max(_number(text.replace("%", "")) / 100, 0.0), 1.0)


def _number(text: str) -> float:
    value = float(text.strip().replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


class ValueSlider(QSlider):
    """`edited` is told only of changes a person (or `setValue`) makes, never of `show_value`."""

    edited = Signal(float, int)  # value, gesture
    typing_wanted = Signal()  # right click: somebody wants to type a number

    def __init__(self, scale: Scale, neutral: float, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.scale = scale
        self.neutral = neutral
        self.gesture = Gesture()
        self._value = neutral
        self._showing = False
        self._dragged: tuple[float, float] | None = None  # mouse x, position as it would be unrounded
        self.setRange(0, STEPS)
        self.setSingleStep(TICK)
        self.setPageStep(10 * TICK)
        self.setMinimumHeight(24)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.show_value(neutral)
        self.valueChanged.connect(self._moved)

    @property
    def exact(self) -> float:
        """The value, which may lie between two positions."""
        return self._value

    def show_value(self, value: float) -> None:
        """Show what was decided elsewhere."""
        self._value = value
        self._showing = True
        try:
            self.setValue(self.scale.to_position(value))
        finally:
            self._showing = False

    def enter(self, value: float) -> None:
        """Set an exact value, as typed."""
        self.show_value(value)
        self.edited.emit(value, self.gesture.number())

    def _moved(self, position: int) -> None:
        if not self._showing:
            self._value = self.scale.to_value(position)
            self.edited.emit(self._value, self.gesture.number())

    # hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Set the value where the click is; the right button types."""
        if event.button() == Qt.MouseButton.RightButton:
            self.typing_wanted.emit()
        elif event.button() == Qt.MouseButton.LeftButton:
            self.gesture.begin()
            self.setSliderDown(True)
            position = self._position_at(event.position().x())
            self._dragged = (event.position().x(), position)
            self.setValue(round(position))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand, a tenth as fast with Ctrl."""
        if self._dragged is not None:
            x, position = self._dragged
            slow = 0.1 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1.0
            position += slow * (self._position_at(event.position().x()) - self._position_at(x))
            self._dragged = (event.position().x(), position)
            self.setValue(round(position))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The gesture is over."""
        if event.button() == Qt.MouseButton.LeftButton and self._dragged is not None:
            self._dragged = None
            self.setSliderDown(False)
            self.gesture.end()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to neutral."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.gesture.resume()
            self.enter(self.neutral)
            self.gesture.end()
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A notch is one per cent of the way; Shift ten, Ctrl a tenth."""
        turned = event.angleDelta().y() or event.angleDelta().x()  # Shift turns a vertical wheel sideways
        self._step(turned / 120, event.modifiers())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, Enter types; other keys are the window's."""
        up = event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Up)
        if up or event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Down):
            self._step(1 if up else -1, event.modifiers())
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End):
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.typing_wanted.emit()
        else:
            event.ignore()

    def _step(self, notches: float, modifiers: Qt.KeyboardModifier) -> None:
        factor = 1.0
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            factor = 10.0
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            factor = 0.1
        by = notches * TICK * factor
        self.setValue(self.value() + (round(by) or int(math.copysign(1, by))))

    def _position_at(self, x: float) -> float:
        return STEPS * (x - KNOB) / max(1.0, self.width() - 2 * KNOB)

    # looks

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A thin groove, filled from the neutral value to the knob."""
        palette = self.palette()
        span = self.width() - 2 * KNOB
        middle = self.height() / 2
        x = KNOB + span * self.value() / STEPS
        zero = KNOB + span * self.scale.to_position(self.neutral) / STEPS
        strong = self.hasFocus() or self.underMouse() or self.isSliderDown()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(QRectF(KNOB, middle - 2, span, 4), 2, 2)
        painter.setBrush(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawRect(QRectF(zero - 0.5, middle - 5, 1, 10))  # where a double click returns to
        fill = QRectF(min(x, zero), middle - 2, abs(x - zero), 4)
        painter.drawRoundedRect(fill, 2, 2)
        painter.setBrush(palette.color(QPalette.ColorRole.Highlight if strong else QPalette.ColorRole.Text))
        if not self.isEnabled():
            painter.setBrush(palette.color(QPalette.ColorRole.AlternateBase))
        painter.setPen(QColor(0, 0, 0, 60))
        painter.drawEllipse(QPointF(x, middle), KNOB - 1, KNOB - 1)
        painter.end()
