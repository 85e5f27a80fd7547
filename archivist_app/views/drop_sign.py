"""What lies over the window while files are dragged over it: that they may be dropped, and what happens then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget

from archivist_app.views.theme import GRID

VEIL = 225  # of 255: what lies below is told, not read


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of what the sign covers, and what dropping there does. In a large one there is room for a hint."""

    rect: QRect
    title: str
    hint: str = ""


class DropSign(QWidget):
    """Takes no drops itself: whoever shows it does."""

    def __init__(self, parent: QWidget, name: str) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.zones: tuple[Zone, ...] = ()
        self.hide()

    def show_zones(self, zones: Sequence[Zone]) -> None:
        """Lie over the parent's zones; a later one lies over those before."""
        self.zones = tuple(zones)
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A veil over everything, and a frame and words in each zone."""
        painter = QPainter(self)
        veil = QColor(self.palette().color(QPalette.ColorRole.Window))
        veil.setAlpha(VEIL)
        painter.fillRect(self.rect(), veil)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for zone in self.zones:
            self._paint_zone(painter, zone)
        painter.end()

    def _paint_zone(self, painter: QPainter, zone: Zone) -> None:
        palette, rect = self.palette(), zone.rect
        margin = GRID if not zone.hint else 2 * GRID
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(rect).adjusted(margin, margin, -margin, -margin), 6, 6)
        if not zone.hint:
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, zone.title)
            return
        painter.save()
        font, line = painter.font(), QRect(rect.left(), rect.center().y() - 4 * GRID, rect.width(), 4 * GRID)
        role = QPalette.ColorRole
        for text, size, colour in ((zone.title, 20, role.WindowText), (zone.hint, 12, role.PlaceholderText)):
            font.setPixelSize(size)
            painter.setFont(font)
            painter.setPen(palette.color(colour))
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
            line.translate(0, 4 * GRID)
        painter.restore()
