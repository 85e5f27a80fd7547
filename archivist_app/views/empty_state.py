"""What the window shows before anything is open."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
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
        buttons = QHBoxLayout()
        buttons.setSpacing(2 * GRID)
        buttons.addStretch()
        buttons.addWidget(self.open)
        buttons.addWidget(self.demo)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.addStretch()
        layout.addSpacing(12 * GRID)  # room for the drawing
        for line in (self.title, self._hint):
            layout.addWidget(line, 0, Qt.AlignmentFlag.AlignHCenter)
            layout.addSpacing(GRID)
        layout.addSpacing(2 * GRID)
        layout.addLayout(buttons)
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
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Window))
        self._paint_prints(painter, palette)
        painter.end()
        self.painted.emit()

    def _paint_prints(self, painter: QPainter, palette: QPalette) -> None:
        """Two prints lying on each other."""
        painter.translate(self.width() / 2, self.title.y() - 7 * GRID)
        for angle, role in ((-9, QPalette.ColorRole.AlternateBase), (5, QPalette.ColorRole.Base)):
            painter.save()
            painter.rotate(angle)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1.2))
            painter.setBrush(palette.color(role))
            painter.drawRoundedRect(QRectF(-52, -38, 104, 76), 3, 3)
            painter.drawRect(QRectF(-44, -30, 88, 60))
            painter.restore()
