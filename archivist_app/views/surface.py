"""The surface of the viewer: where its panes and its divider lie, and the hands on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Protocol

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from archivist_app.views.compare_painter import GAP, HANDLE, INSET, handle_centre
from archivist_app.views.navigator import Navigator
from archivist_app.views.viewport import MARGIN, Viewport
from engine.types import Region

GRIP = 8  # how far from the divider it can still be taken, in device-independent pixels
CLICK = 4  # a press that moves less than this is a click
CYCLE = (None, 1.0, 2.0)  # middle click: fit, 1:1, 2:1
STRIDE = 0.125  # of the pane, that a key moves the image
NUDGE = 0.02  # of the way across or down, that a key moves the divider


class Hand(Protocol):
    """Somebody who takes what the mouse does before the surface; each answer is whether it was taken."""

    def press(self, event: QMouseEvent) -> bool:
        """A button went down."""

    def move(self, event: QMouseEvent) -> bool:
        """The pointer moved."""

    def release(self, event: QMouseEvent) -> bool:
        """A button came up."""

    def wheel(self, event: QWheelEvent) -> bool:
        """The wheel turned."""

    def leave(self) -> None:
        """The pointer left."""

    def cursor(self, position: QPointF) -> Qt.CursorShape | None:
        """The cursor at a place; None for the surface's own."""

    def paint(self, painter: QPainter) -> None:
        """Draw what follows the pointer."""


class Surface(QWidget):
    """Zooms, pans, moves the divider, and says which part of the image is looked at. Draws nothing."""

    view_changed = Signal(object)  # View: what is visible now
    zoom_changed = Signal(float)  # device pixels a master pixel
    step_requested = Signal(int)  # arrow keys: another image

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.hand: Hand | None = None
        self._viewport: Viewport | None = None
        self._divider = 0.5
        self._upright = True
        self._pressed: QPointF | None = None
        self._dragging: Literal["", "divider", "image"] = ""
        self._space = False  # held: a drag moves the image, wherever it begins
        self._pointer: QPointF | None = None
        self._navigator_wanted = True
        self.navigator = Navigator(self)
        self.navigator.went.connect(self._look_at)

    def sizeHint(self) -> QSize:
        """Room for a picture."""
        return QSize(640, 480)

    @property
    def viewport(self) -> Viewport | None:
        """Where the image lies; None while there is none."""
        return self._viewport

    def rotate_divider(self) -> None:
        """Before and after beside each other, or above each other."""
        self._upright = not self._upright
        self.update()

    def show_navigator(self, wanted: bool) -> None:
        """Whether there is a small overview while only a part of the image is visible."""
        self._navigator_wanted = wanted
        self._place_navigator()

    def fit(self) -> None:
        """Show the whole image."""
        if self._viewport is not None:
            self._move(self._viewport.fit())

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """`zoom` in device pixels a master pixel; `at` stays where it is."""
        if self._viewport is not None:
            self._move(self._viewport.zoomed(zoom, self._in_pane(at) if at is not None else None))

    # for a hand

    def place_at(self, position: QPointF) -> tuple[float, float] | None:
        """The place on the master, between its pixels and beyond its edges too; None while there is no image."""
        if self._viewport is None:
            return None
        (x, y), (left, top) = self._in_pane(position), self._viewport.origin
        return (x - left) / self._viewport.zoom, (y - top) / self._viewport.zoom

    def rects_of(self, region: Region) -> list[QRect]:
        """Where a part of the master lies on each pane, in device-independent pixels, rounded outwards."""
        if self._viewport is None:
            return []
        rect, ratio = self._viewport.rect_of(region), self._ratio()
        one = QRectF(rect.left / ratio - 2, rect.top / ratio - 2, rect.width / ratio + 4, rect.height / ratio + 4)
        return [one.translated(corner).toAlignedRect() for corner in self._corners()]

    def twins(self, position: QPointF) -> list[QPointF]:
        """The same place on every pane."""
        at = QPointF(*self._in_pane(position)) / self._ratio()
        return [at + corner for corner in self._corners()]

    def points_per_pixel(self) -> float:
        """How long a master pixel is on the screen, in device-independent pixels."""
        return self._viewport.zoom / self._ratio() if self._viewport is not None else 1.0

    def grabs(self, position: QPointF) -> bool:
        """Whether a press there moves the image or the divider all the same, which then has only its handle."""
        return self._space or (self._has_divider() and self._on_handle(position))

    def _corners(self) -> list[QPointF]:
        (across, down), (columns, rows) = self._pane(), self._grid()
        places = ((column * (across + GAP), row * (down + GAP)) for row in range(rows) for column in range(columns))
        return [QPointF(x, y) / self._ratio() for x, y in places]

    # geometry

    def _ratio(self) -> float:
        return self.devicePixelRatioF()

    def _margin(self) -> int:
        return round(MARGIN * self._ratio())

    def _device_size(self) -> tuple[int, int]:
        return max(1, round(self.width() * self._ratio())), max(1, round(self.height() * self._ratio()))

    def _pane(self) -> tuple[int, int]:
        (width, height), (columns, rows) = self._device_size(), self._grid()
        return max(1, (width - (columns - 1) * GAP) // columns), max(1, (height - (rows - 1) * GAP) // rows)

    def _in_pane(self, position: QPointF) -> tuple[float, float]:
        """The place within the pane it lies on; all panes show the same."""
        across, down = self._pane()
        x, y = position.x() * self._ratio(), position.y() * self._ratio()
        columns, rows = self._grid()
        column, row = min(int(x // (across + GAP)), columns - 1), min(int(y // (down + GAP)), rows - 1)
        return x - column * (across + GAP), y - row * (down + GAP)

    def _move(self, viewport: Viewport) -> None:
        old, self._viewport = self._viewport, viewport
        if old is None or old.view != viewport.view:
            self.view_changed.emit(viewport.view)
        if old is None or old.zoom != viewport.zoom:
            self.zoom_changed.emit(viewport.zoom)
        self._place_navigator()
        self._point()
        self.update()

    def _look_at(self, place: QPointF) -> None:
        if self._viewport is not None:
            self._move(self._viewport.centred(place.x(), place.y()))

    def _place_navigator(self) -> None:
        """In the corner where neither labels nor legends are."""
        viewport, navigator = self._viewport, self.navigator
        if viewport is not None:
            navigator.show_viewport(viewport)
            navigator.move(self.width() - navigator.width() - INSET, self.height() - navigator.height() - INSET)
        navigator.setVisible(self._navigator_wanted and viewport is not None and not viewport.sees_all)

    def _resize(self) -> None:
        if self._viewport is not None:
            self._move(replace(self._viewport, margin=self._margin()).resized(self._pane()))

    def _handle_centre(self) -> QPointF:
        """In device-independent pixels."""
        return handle_centre(self.width(), self.height(), self._divider, self._upright)

    def _on_divider(self, position: QPointF) -> bool:
        if self._space or not self._has_divider():
            return False
        centre = self._handle_centre()
        distance = position.x() - centre.x() if self._upright else position.y() - centre.y()
        return abs(distance) <= GRIP or self._on_handle(position)

    def _on_handle(self, position: QPointF) -> bool:
        return (position - self._handle_centre()).manhattanLength() <= 1.5 * HANDLE

    # what whoever draws decides

    def _grid(self) -> tuple[int, int]:
        """Columns and rows of panes."""
        return 1, 1

    def _has_divider(self) -> bool:
        """Whether there is a divider to be taken."""
        return False

    def _point(self) -> None:
        """What is under the pointer may be another pixel now."""

    # hands

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the place in view."""
        super().resizeEvent(event)
        self._resize()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at."""
        self._pointer = None
        if self.hand is not None:
            self.hand.leave()
        self._point()
        super().leaveEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The key may come up elsewhere."""
        self._space = False
        super().focusOutEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the cursor."""
        if self.hand is not None and self.hand.wheel(event):
            event.accept()
            return
        if self._viewport is not None:
            self.zoom_to(self._viewport.zoom * 1.25 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the divider or the image."""
        if self.hand is not None and self.hand.press(event):
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self._dragging = "divider" if self._on_divider(event.position()) else "image"
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._cycle_zoom(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what was taken."""
        position = self._pointer = event.position()
        if self.hand is not None and self.hand.move(event):
            return
        if self._pressed is None:
            self._show_cursor(position)
            self._point()
        elif self._dragging == "divider":
            share = position.x() / max(1, self.width()) if self._upright else position.y() / max(1, self.height())
            if (position - self._pressed).manhattanLength() >= CLICK or self._divider != share:
                self._divider = min(max(share, 0.0), 1.0)
                self.update()
        elif self._viewport is not None:
            moved = (position - self._pressed) * self._ratio()
            self._pressed = position
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._move(self._viewport.panned(moved.x(), moved.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go; a click on the divider's handle turns it."""
        if self.hand is not None and self.hand.release(event):
            return
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            return
        still = (event.position() - self._pressed).manhattanLength() < CLICK
        if still and self._dragging == "divider" and self._on_handle(event.position()):
            self.rotate_divider()
        self._pressed, self._dragging = None, ""
        self._show_cursor(event.position())
        self._point()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit or 1:1; on the divider: back to the middle."""
        if self.hand is not None and self.hand.press(event):
            return
        if self._viewport is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._on_divider(event.position()):
            self._divider = 0.5
            self.update()
        elif self._viewport.fitted:
            self.zoom_to(1.0, event.position())
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrows, move with Shift and them, move the divider with Ctrl and them, zoom with + and -."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Space:
            self._hold_space(True, event)
        elif key in steps and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._stride(-steps[key], across=key in (Qt.Key.Key_Left, Qt.Key.Key_Right))
        elif key in steps and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._divider = min(max(self._divider + steps[key] * NUDGE, 0.0), 1.0)
            self.update()
        elif key in steps:
            self.step_requested.emit(steps[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal) and self._viewport:
            self.zoom_to(self._viewport.zoom * 1.25)
        elif key == Qt.Key.Key_Minus and self._viewport:
            self.zoom_to(self._viewport.zoom / 1.25)
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The space key let go: the divider can be taken again."""
        if event.key() == Qt.Key.Key_Space:
            self._hold_space(False, event)
        else:
            event.ignore()

    def _hold_space(self, held: bool, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._space = held
            if self._pointer is not None:
                self._show_cursor(self._pointer)

    def _stride(self, sign: int, *, across: bool) -> None:
        if self._viewport is not None:
            width, height = self._viewport.pane
            by = sign * STRIDE * (width if across else height)
            self._move(self._viewport.panned(by, 0) if across else self._viewport.panned(0, by))

    def _cycle_zoom(self, at: QPointF) -> None:
        viewport = self._viewport
        if viewport is None:
            return
        now = None if viewport.fitted else viewport.zoom
        following = CYCLE[(CYCLE.index(now) + 1) % len(CYCLE)] if now in CYCLE else None
        if following is None:
            self.fit()
        else:
            self.zoom_to(following, at)

    def _show_cursor(self, position: QPointF) -> None:
        own = self.hand.cursor(position) if self.hand is not None else None
        if self._viewport is None:
            self.unsetCursor()
        elif own is not None:
            self.setCursor(own)
        elif self._on_divider(position):
            shape = Qt.CursorShape.SplitHCursor if self._upright else Qt.CursorShape.SplitVCursor
            self.setCursor(Qt.CursorShape.PointingHandCursor if self._on_handle(position) else shape)
        else:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
