"""The viewer: before and after of one image, with one zoom and one pan."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from archivist_app.views.compare_painter import GAP, HANDLE, Scene, Side, handle_centre, paint
from archivist_app.views.layers import Layers
from archivist_app.views.pixels import Pixels, to_image
from archivist_app.views.viewport import MARGIN, Viewport
from engine.types import Frame, RenderRequest

Mode = Literal["split", "side"]

GRIP = 8  # how far from the divider it can still be taken, in device-independent pixels
CLICK = 4  # a press that moves less than this is a click
CYCLE = (None, 1.0, 2.0)  # middle click: fit, 1:1, 2:1


class CompareView(QWidget):
    """Shows frames; says which part of the image is looked at, and what is on screen."""

    view_changed = Signal(object)  # View: what is visible now
    frame_shown = Signal(object)  # RenderRequest whose pixels are now on screen
    painted = Signal()  # the first paint has happened
    zoom_changed = Signal(float)  # device pixels a master pixel
    mode_changed = Signal(str)
    step_requested = Signal(int)  # arrow keys: another image

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compareView")
        self.setAccessibleName("Comparison of before and after")
        self.setAccessibleDescription("Wheel zooms, drag moves, backslash held down shows the original.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._layers: Layers | None = None
        self._truth: Pixels | None = None
        self._viewport: Viewport | None = None
        self._last_viewport: Viewport | None = None  # of the image before, so that stepping keeps the zoom
        self._mode: Mode = "split"
        self._divider = 0.5
        self._upright = True
        self._swapped = False
        self._original = False
        self._busy = False
        self._notice = ""
        self._pressed: QPointF | None = None
        self._dragging: Literal["", "divider", "image"] = ""
        self._drawn: RenderRequest | None = None
        self._was_painted = False
        self._after_paint = QTimer(self, singleShot=True, interval=0)
        self._after_paint.timeout.connect(self._tell_shown)

    def sizeHint(self) -> QSize:
        """Room for a picture."""
        return QSize(640, 480)

    # what is shown

    @property
    def mode(self) -> Mode:
        """How before and after are laid out."""
        return self._mode

    @property
    def viewport(self) -> Viewport | None:
        """Where the image lies; None while there is none."""
        return self._viewport

    def clear(self) -> None:
        """Nothing to show: the surround alone."""
        self._last_viewport = self._viewport or self._last_viewport
        self._layers = self._viewport = self._drawn = None
        self.update()

    def show_overview(self, frame: Frame) -> None:
        """The whole untouched image, of a new image or sharper than before."""
        if self._layers is not None and self._layers.overview.request.image == frame.request.image:
            self._layers.show_overview(frame)
            self.update()
            return
        self._layers = Layers(frame)
        size = (frame.region.width, frame.region.height)
        last = self._viewport or self._last_viewport
        new = last.of(size) if last else Viewport(size, self._pane(), margin=self._margin()).fit()
        self._viewport = None
        self._move(new.resized(self._pane()))

    def show_frame(self, frame: Frame) -> None:
        """Restored pixels; the caller has dropped stale ones."""
        if self._layers is None or self._layers.overview.request.image != frame.request.image:
            return
        if self._layers.add(frame):
            self._drawn = frame.request
            if not self.isVisible():
                self._after_paint.start()  # no paint will come that could tell
        self.update()

    def show_truth(self, frame: Frame | None) -> None:
        """The whole truth of the image in place of what was before; None for the untouched image again."""
        self._truth = to_image(frame.pixels) if frame is not None else None
        self.update()

    def show_busy(self, busy: bool) -> None:
        """Whether better pixels are on their way."""
        self._busy = busy
        self.update()

    def show_notice(self, text: str) -> None:
        """What to wait for, in a word or two; "" for nothing."""
        self._notice = text
        self.update()

    def set_mode(self, mode: Mode) -> None:
        """Lay out before and after differently, with the same place in view."""
        if mode != self._mode:
            self._mode = mode
            self._resize()
            self.mode_changed.emit(mode)
            self.update()

    def rotate_divider(self) -> None:
        """Before and after beside each other, or above each other."""
        self._upright = not self._upright
        self.update()

    def swap(self) -> None:
        """Exchange the sides of before and after."""
        self._swapped = not self._swapped
        self.update()

    def hold_original(self, held: bool) -> None:
        """Show the original alone while `held`."""
        if held != self._original:
            self._original = held
            self.update()

    def fit(self) -> None:
        """Show the whole image."""
        if self._viewport is not None:
            self._move(self._viewport.fit())

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """`zoom` in device pixels a master pixel; `at` stays where it is."""
        if self._viewport is not None:
            self._move(self._viewport.zoomed(zoom, self._in_pane(at) if at is not None else None))

    # geometry

    def _ratio(self) -> float:
        return self.devicePixelRatioF()

    def _margin(self) -> int:
        return round(MARGIN * self._ratio())

    def _device_size(self) -> tuple[int, int]:
        return max(1, round(self.width() * self._ratio())), max(1, round(self.height() * self._ratio()))

    def _pane(self) -> tuple[int, int]:
        width, height = self._device_size()
        return (width, height) if self._mode == "split" else (max(1, (width - GAP) // 2), height)

    def _in_pane(self, position: QPointF) -> tuple[float, float]:
        x, y = position.x() * self._ratio(), position.y() * self._ratio()
        pane = self._pane()[0]
        return (x - pane - GAP if self._mode == "side" and x > pane else x), y

    def _move(self, viewport: Viewport) -> None:
        old, self._viewport = self._viewport, viewport
        if old is None or old.view != viewport.view:
            self.view_changed.emit(viewport.view)
        if old is None or old.zoom != viewport.zoom:
            self.zoom_changed.emit(viewport.zoom)
        self.update()

    def _resize(self) -> None:
        if self._viewport is not None:
            self._move(replace(self._viewport, margin=self._margin()).resized(self._pane()))

    def _handle_centre(self) -> QPointF:
        """In device-independent pixels."""
        return handle_centre(self.width(), self.height(), self._divider, self._upright)

    def _on_divider(self, position: QPointF) -> bool:
        if self._mode != "split" or self._layers is None or not self._layers.rendered:
            return False
        centre = self._handle_centre()
        distance = position.x() - centre.x() if self._upright else position.y() - centre.y()
        return abs(distance) <= GRIP or self._on_handle(position)

    def _on_handle(self, position: QPointF) -> bool:
        return (position - self._handle_centre()).manhattanLength() <= 1.5 * HANDLE

    # hands

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the place in view."""
        super().resizeEvent(event)
        self._resize()

    def hideEvent(self, event: QHideEvent) -> None:
        """Let go of the original."""
        self.hold_original(False)  # the key may come up elsewhere
        super().hideEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the cursor."""
        if self._viewport is not None:
            self.zoom_to(self._viewport.zoom * 1.25 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the divider or the image."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self._dragging = "divider" if self._on_divider(event.position()) else "image"
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._cycle_zoom(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what was taken."""
        position = event.position()
        if self._pressed is None:
            self._show_cursor(position)
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
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            return
        still = (event.position() - self._pressed).manhattanLength() < CLICK
        if still and self._dragging == "divider" and self._on_handle(event.position()):
            self.rotate_divider()
        self._pressed, self._dragging = None, ""
        self._show_cursor(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit or 1:1; on the divider: back to the middle."""
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
        """Step with the arrows, zoom with plus and minus."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if key in steps:
            self.step_requested.emit(steps[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal) and self._viewport:
            self.zoom_to(self._viewport.zoom * 1.25)
        elif key == Qt.Key.Key_Minus and self._viewport:
            self.zoom_to(self._viewport.zoom / 1.25)
        else:
            event.ignore()

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
        if self._viewport is None:
            self.unsetCursor()
        elif self._mode == "split" and self._on_divider(position):
            shape = Qt.CursorShape.SplitHCursor if self._upright else Qt.CursorShape.SplitVCursor
            self.setCursor(Qt.CursorShape.PointingHandCursor if self._on_handle(position) else shape)
        else:
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    # looks

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw both pictures, their labels and what they are."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Dark))
        if self._viewport is not None and self._layers is not None:
            if self._device_size()[1] != self._viewport.pane[1]:
                self._resize()  # moved to a screen of another density
            paint(painter, self._scene(self._viewport, self._layers))
        painter.end()
        if not self._was_painted or self._drawn is not None:
            self._after_paint.start()

    def _tell_shown(self) -> None:
        if not self._was_painted and self.isVisible():
            self._was_painted = True
            self.painted.emit()
        drawn, self._drawn = self._drawn, None
        if drawn is not None:
            self.frame_shown.emit(drawn)

    def _status(self, layers: Layers) -> str:
        """What the pixels are: a preview says so."""
        if self._notice:
            return self._notice
        if not layers.rendered:
            return "Restoring…" if self._busy else ""
        zoom = self._viewport.zoom if self._viewport else 1.0
        percent = f"{100 * zoom:.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %"
        if zoom < layers.scale or not (layers.exact or self._busy):
            return f"Preview at {percent}" + (" · refining…" if self._busy else "")
        return f"{percent} · refining…" if self._busy else f"{percent} · as exported"

    def _scene(self, viewport: Viewport, layers: Layers) -> Scene:
        reference: Side = "truth" if self._truth is not None else "before"
        sides: tuple[Side, Side] = ("after", reference) if self._swapped else (reference, "after")
        if self._original or not layers.rendered:
            sides = ("before", "before")
        return Scene(
            viewport=viewport,
            layers=layers,
            size=self._device_size(),
            ratio=self._ratio(),
            sides=sides,
            apart=self._mode == "side",
            divider=self._divider,
            upright=self._upright,
            status=self._status(layers),
            truth=self._truth,
        )
