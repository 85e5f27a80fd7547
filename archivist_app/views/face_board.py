"""A picture on which faces are marked: rectangles drawn, moved, sized and taken away by mouse or by keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from archivist_app.state.face_marks import FaceMarks
from archivist_app.views.pixels import Pixels, monitor
from engine.types import Region

Way = Literal["draw", "move", "size"]
_HANDLE = 8.0  # device-independent pixels a side of the corner that sizes a rectangle, as all below
_GRAB = 12.0  # how near to that corner it can be taken
_CLICK = 4.0  # a drag that stays shorter marks nothing
_HELP = (
    "Drag to mark a face. Keys: Insert marks one in the middle, Page Up and Page Down go from face to face, arrows "
    "move it (ten times as far with Ctrl), Shift and arrows size it, Delete takes it away."
)
_ARROWS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
}  # fmt: skip
_INK, _SHADE = QColor(245, 245, 245), QColor(20, 20, 20, 190)


@dataclass(frozen=True, slots=True)
class _Drag:
    """What the mouse is doing: where it went down, with which rectangle, which was where then."""

    way: Way
    start: QPointF
    number: int  # -1: none
    before: Region


class FaceBoard(QWidget):
    """Shows the picture once it is there, and the marks over it; what hands do goes to the marks."""

    def __init__(self, marks: FaceMarks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("faceBoard")
        self.setAccessibleName("Faces on the picture")
        self.setAccessibleDescription(_HELP)
        self.setToolTip(_HELP)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 240)
        self._marks = marks
        self._picture: Pixels | None = None
        self._drag: _Drag | None = None
        self._drawn: QRectF | None = None  # a rectangle in the making, on the board
        marks.changed.connect(self.update)
        marks.chosen_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for a picture."""
        return QSize(640, 520)

    def show_picture(self, picture: Pixels) -> None:
        """The whole picture, of whatever size."""
        self._picture = picture
        self.update()

    def rectangle_of(self, region: Region) -> QRectF:
        """A region of the master on the board."""
        left, top, scale = self._place()
        return QRectF(left + region.x * scale, top + region.y * scale, region.width * scale, region.height * scale)

    # hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a rectangle, its corner, or begin another one."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at, marks = event.position(), self._marks
        way, number = self._under(at)
        marks.choose(number)
        before = marks.marks[number].region if number >= 0 else Region(0, 0, 0, 0)
        self._drag = _Drag(way, at, number, before)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with it."""
        at, drag = event.position(), self._drag
        if drag is None:
            shapes = {"size": Qt.CursorShape.SizeFDiagCursor, "move": Qt.CursorShape.SizeAllCursor}
            self.setCursor(shapes.get(self._under(at)[0], Qt.CursorShape.CrossCursor))
            return
        scale, moved = self._place()[2], at - drag.start
        x, y, before = round(moved.x() / scale), round(moved.y() / scale), drag.before
        if drag.way == "draw":
            self._drawn = QRectF(drag.start, at).normalized()
            self.update()
        elif drag.way == "move":
            self._marks.put(drag.number, Region(before.x + x, before.y + y, before.width, before.height))
        else:
            self._size(drag.number, before, before.width + x, before.height + y)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it; a rectangle that was drawn is one more face."""
        drawn, self._drawn, self._drag = self._drawn, None, None
        if event.button() == Qt.MouseButton.LeftButton and drawn is not None:
            if min(drawn.width(), drawn.height()) >= _CLICK:
                region = self._region_of(drawn)
                if region.width and region.height:
                    self._marks.add(region)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The same by keys: a step is a device-independent pixel, and no less than one of the master."""
        marks, key, chosen = self._marks, event.key(), self._marks.chosen
        step = max(1, round(1 / self._place()[2])) * (
            10 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1
        )
        if key == Qt.Key.Key_Insert:
            marks.add_in_the_middle()
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp) and marks.marks:
            marks.choose((chosen + (1 if key == Qt.Key.Key_PageDown else -1)) % len(marks.marks))
        elif chosen >= 0 and key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            marks.remove(chosen)
        elif chosen >= 0 and key in _ARROWS:
            x, y = (step * way for way in _ARROWS[key])
            at = marks.marks[chosen].region
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._size(chosen, at, at.width + x, at.height + y)
            else:
                marks.put(chosen, Region(at.x + x, at.y + y, at.width, at.height))
        else:
            super().keyPressEvent(event)

    def _size(self, number: int, at: Region, width: int, height: int) -> None:
        """Another size, its upper left corner where it was."""
        bounds = self._marks.bounds
        self._marks.put(number, Region(at.x, at.y, min(width, bounds.right - at.x), min(height, bounds.bottom - at.y)))

    def _under(self, at: QPointF) -> tuple[Way, int]:
        """What a press there would do, and to which face; the chosen one lies on top."""
        order = sorted(range(len(self._marks.marks)), key=lambda n: n != self._marks.chosen)
        for number in order:
            shown = self.rectangle_of(self._marks.marks[number].region)
            corner = shown.bottomRight() - at
            if max(abs(corner.x()), abs(corner.y())) <= _GRAB / 2 + 2:
                return "size", number
        for number in order:
            if self.rectangle_of(self._marks.marks[number].region).contains(at):
                return "move", number
        return "draw", -1

    # where things lie

    def _place(self) -> tuple[float, float, float]:
        """The picture's left and top on the board, and its scale: board pixels a pixel of the master."""
        bounds = self._marks.bounds
        scale = min(self.width() / bounds.width, self.height() / bounds.height)
        return (self.width() - bounds.width * scale) / 2, (self.height() - bounds.height * scale) / 2, scale

    def _region_of(self, shown: QRectF) -> Region:
        """What a rectangle on the board covers of the master."""
        left, top, scale = self._place()
        x, y = round((shown.left() - left) / scale), round((shown.top() - top) / scale)
        right, bottom = round((shown.right() - left) / scale), round((shown.bottom() - top) / scale)
        return Region(x, y, right - x, bottom - y).intersect(self._marks.bounds)

    # looks

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture, the rectangles with their numbers, and the one in the making."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Dark))
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        shown = self.rectangle_of(self._marks.bounds)
        if self._picture is None:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Preparing the picture…")
        else:
            painter.drawImage(shown, monitor.show(self._picture))
        for number, mark in enumerate(self._marks.marks):
            self._paint_mark(painter, self.rectangle_of(mark.region), number)
        if self._drawn is not None:
            self._outline(painter, self._drawn, chosen=True)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(self.palette().color(QPalette.ColorRole.Highlight))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_mark(self, painter: QPainter, shown: QRectF, number: int) -> None:
        chosen = number == self._marks.chosen
        self._outline(painter, shown, chosen=chosen)
        chip = QRectF(shown.left(), shown.top() - 20 if shown.top() >= 20 else shown.top(), 22, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_SHADE)
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(self._ink(chosen))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, str(number + 1))
        if chosen:
            corner = shown.bottomRight() - QPointF(_HANDLE / 2, _HANDLE / 2)
            painter.setBrush(self._ink(chosen))
            painter.setPen(QPen(_SHADE, 1))
            painter.drawRect(QRectF(corner.x(), corner.y(), _HANDLE, _HANDLE))

    def _outline(self, painter: QPainter, shown: QRectF, *, chosen: bool) -> None:
        """Light on dark, so that it is seen on any picture."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, colour in ((4.0, _SHADE), (1.6, self._ink(chosen))):
            painter.setPen(QPen(colour, width))
            painter.drawRect(shown)

    def _ink(self, chosen: bool) -> QColor:
        return QColor("#e0b068") if chosen else _INK
