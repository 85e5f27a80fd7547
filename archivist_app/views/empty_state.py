"""What the window shows before anything is open."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID


class EmptyState(QWidget):
    """Says what to do first."""

    open_requested = Signal()
    demo_requested = Signal()
    painted = Signal()  # each time it has been drawn

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(False)  # the window takes drops, wherever they fall
        self.title = label("Drop photographs here", "title")
        self._hint = label("TIFF, PNG or JPEG, or a folder of them. Your originals are never changed.", "muted")
        self.open = dressed(QPushButton("Open…"), "primary")
        self.open.setAccessibleName("Open photographs")
        self.demo = dressed(QPushButton("Try the demo"), "quiet")
        self.demo.setAccessibleName("Try the demo project")
        self.open.clicked.connect(self.open_requested)
        self.demo.clicked.connect(self.demo_requested)
        layout = QVBoxLayout(self)
        layout.addStretch()
        layout.addSpacing(12 * GRID)  # room for the drawing
        for line in (self.title, self._hint):
            layout.addLayout(_centred(line))
            layout.addSpacing(GRID)
        layout.addSpacing(2 * GRID)
        layout.addLayout(_centred(self.open, self.demo))
        layout.addStretch()

    def show_busy(self, text: str) -> None:
        """While something is being opened: `text` instead of the invitation; "" ends it."""
        self.title.setText(text or "Drop photographs here")
        self.open.setEnabled(not text)
        self.demo.setEnabled(not text)

    def sizeHint(self) -> QSize:
        """Room for the invitation."""
        return QSize(640, 480)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw two prints above the title."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.eraseRect(self.rect())
        self._paint_prints(painter, self.palette())
        painter.end()
        self.painted.emit()

    def _paint_prints(self, painter: QPainter, palette: QPalette) -> None:
        """Two prints lying on each other."""
        outside, inside = QPainterPath(), QPainterPath()
        outside.addRoundedRect(QRectF(-52, -38, 104, 76), 3, 3)
        inside.addRect(QRectF(-44, -30, 88, 60))
        pen = QPen(palette.brush(QPalette.ColorRole.PlaceholderText), 1.2)
        painter.translate(self.width() / 2, self.title.y() - 7 * GRID)
        for angle, role in ((-9, QPalette.ColorRole.AlternateBase), (5, QPalette.ColorRole.Base)):
            painter.save()
            painter.rotate(angle)
            for path in (outside, inside):  # not by setPen and setBrush: see `theme.ink`
                painter.fillPath(path, palette.brush(role))
                painter.strokePath(path, pen)
            painter.restore()


def _centred(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(2 * GRID)
    row.addStretch()
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return row
