"""Held-out pictures at one or two measurements of a fine-tuning, one above the other, under headed columns."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from engine.types import CollectionKind

COLUMNS = 4
HEAD, SIDE, GAP, BETWEEN = 22, 72, 4, 14  # pixels: words above and beside; between squares; between pictures
SMALLEST, LARGEST = 96, 320  # pixels of a square: they hold 160
HEADS: dict[CollectionKind, tuple[str, str, str, str]] = {
    "damaged": ("Damage imitated", "Alpha 10", "Alpha 1", "Stand-in for the truth"),
    "clean": ("Aged by the program", "Alpha 10", "Alpha 1", "Your picture"),
    "pairs": ("Scan", "Alpha 10", "Alpha 1", "Your restoration"),
    "unpaired": ("Made old", "Alpha 10", "Alpha 1", "Wanted picture"),
}


@dataclass(frozen=True, slots=True)
class Strip:
    """The squares of one measurement and what is said of it, in two lines."""

    pixels: QPixmap
    title: str
    text: str


class StripCompare(QScrollArea):
    """As large as there is room for, both measurements of a picture in view together; the others are scrolled to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tuningStrips")
        self.setAccessibleName("Held-out pictures, compared")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setViewportMargins(0, HEAD, 0, 0)
        self._head = _Head(self)
        self.board = _Board()
        self.setWidget(self.board)

    def show_kind(self, kind: CollectionKind) -> None:
        """Name the columns by what they hold for such pictures."""
        self._head.titles = HEADS[kind]
        self._head.update()

    @property
    def titles(self) -> tuple[str, ...]:
        """What stands above the columns."""
        return self._head.titles

    def show_strips(self, strips: tuple[Strip, ...]) -> None:
        """One or two measurements."""
        self.board.strips = strips
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The squares follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        width, height = self.viewport().width(), self.viewport().height()
        count = max(1, len(self.board.strips))
        side = min(LARGEST, (width - SIDE - COLUMNS * GAP) // COLUMNS, (height - (count - 1) * GAP) // count)
        self.board.side = self._head.side = max(SMALLEST, side)
        self._head.setGeometry(0, 0, width, HEAD)
        self._head.update()
        self.board.setFixedSize(self.board.size_for(width))
        self.board.update()


class _Head(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.titles = HEADS["damaged"]
        self.side = SMALLEST

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        side = self.side
        for column, title in enumerate(self.titles):
            place = QRect(SIDE + column * (side + GAP), 0, side, HEAD - 4)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.end()


class _Board(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.strips: tuple[Strip, ...] = ()
        self.side = SMALLEST  # pixels of a square

    def size_for(self, width: int) -> QSize:
        """How high it is at this width."""
        side, count = self.side, len(self.strips)
        each = count * side + max(0, count - 1) * GAP
        return QSize(width, self._pictures() * (each + BETWEEN))

    def place(self, picture: int, number: int, column: int) -> QRect:
        """Where a square is: of which picture, of which measurement, in which column."""
        side, count = self.side, len(self.strips)
        top = picture * (count * side + (count - 1) * GAP + BETWEEN) + number * (side + GAP)
        return QRect(SIDE + column * (side + GAP), top, side, side)

    def _pictures(self) -> int:
        pixels = [strip.pixels for strip in self.strips if not strip.pixels.isNull()]
        return min((_rows(one) for one in pixels), default=0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        strong, muted = (
            self.palette().color(role) for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.PlaceholderText)
        )
        for picture in range(self._pictures()):
            for number, strip in enumerate(self.strips):
                edge = strip.pixels.width() // COLUMNS
                for column in range(COLUMNS):
                    place = self.place(picture, number, column)
                    if place.intersects(event.rect()):
                        painter.drawPixmap(place, strip.pixels, QRect(column * edge, picture * edge, edge, edge))
                words = self.place(picture, number, 0).adjusted(-SIDE, 0, 0, 0)
                words.setWidth(SIDE - GAP)
                painter.setPen(strong)
                painter.drawText(words, Qt.AlignmentFlag.AlignTop, strip.title)
                painter.setPen(muted)
                words.translate(0, 18)
                painter.drawText(words, Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap, strip.text)
        painter.end()


def _rows(pixels: QPixmap) -> int:
    return pixels.height() // max(1, pixels.width() // COLUMNS)
