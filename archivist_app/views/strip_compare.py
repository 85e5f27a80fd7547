"""Held-out pictures at one or two measurements of a fine-tuning, one above the other, under headed columns."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from engine.types import CollectionKind

COLUMNS = 4
HEAD, SIDE, GAP, BETWEEN = 4, 72, 4, 14  # pixels: under the heads; words beside; between squares; between pictures
SMALLEST, LARGEST = 96, 320  # pixels of a square: they hold 160; smaller only where the width asks for it
NARROWEST = 48
WRAPPED = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
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
        self.head = _Head(self)
        self.board = _Board()
        self.setWidget(self.board)

    def show_kind(self, kind: CollectionKind) -> None:
        """Name the columns by what they hold for such pictures."""
        self.head.titles = HEADS[kind]
        self._fit()

    @property
    def titles(self) -> tuple[str, ...]:
        """What stands above the columns."""
        return self.head.titles

    def show_strips(self, strips: tuple[Strip, ...]) -> None:
        """One or two measurements."""
        self.board.strips = strips
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The squares follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        width = self.viewport().width()
        count, across = max(1, len(self.board.strips)), (width - SIDE - COLUMNS * GAP) // COLUMNS
        self.head.side = min(LARGEST, across)
        height = self.height() - self.head.height_for()
        side = max(SMALLEST, min(LARGEST, (height - (count - 1) * GAP) // count))
        self.board.side = self.head.side = max(NARROWEST, min(side, across))
        head = self.head.height_for()
        self.setViewportMargins(0, head, 0, 0)
        self.head.setGeometry(0, 0, width, head)
        self.head.update()
        self.board.setFixedSize(self.board.size_for(width))
        self.board.update()


class _Head(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.titles = HEADS["damaged"]
        self.side = SMALLEST

    def height_for(self) -> int:
        """How high the heads are, in as many lines as their squares are narrow, with what is left free below."""
        room, metrics = QRect(0, 0, self.side, 10_000), self.fontMetrics()
        return HEAD + max(metrics.boundingRect(room, WRAPPED.value, title).height() for title in self.titles)

    def places(self) -> list[QRect]:
        """Where each title is written."""
        height = self.height_for() - HEAD
        return [QRect(SIDE + column * (self.side + GAP), 0, self.side, height) for column in range(len(self.titles))]

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        for title, place in zip(self.titles, self.places(), strict=True):
            painter.drawText(place, WRAPPED.value, title)
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
