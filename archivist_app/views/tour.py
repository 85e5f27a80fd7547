"""Four hints for whoever opens an image for the first time. They never come back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID

WIDTH = 280
ARROW = 10  # pixels that the bubble's point stands out
Hint = tuple[QWidget, str, str]
"""What is pointed at, a title, a sentence."""


class Tour(QWidget):
    """A bubble beside the widget it speaks of; the program works on behind it."""

    ended = Signal()

    def __init__(self, hints: Sequence[Hint], window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("tour")
        self.setAccessibleName("Hints")
        self._hints, self._at = tuple(hints), 0
        self._points_right, self._spot = False, 0  # where the bubble's point is
        self._title, self._text = label("", "heading"), QLabel(wordWrap=True)
        self._count = label("", "hint")
        self.next, self.skip = dressed(QPushButton("Next"), "primary"), dressed(QPushButton("No more hints"), "quiet")
        self.next.setObjectName("tourNext")
        self.skip.setObjectName("tourSkip")
        self.next.clicked.connect(self._go_on)
        self.skip.clicked.connect(self.end)
        buttons = QHBoxLayout()
        buttons.addWidget(self._count)
        buttons.addStretch()
        buttons.addWidget(self.skip)
        buttons.addWidget(self.next)
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID + ARROW, 2 * GRID, 2 * GRID + ARROW, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addLayout(buttons)
        window.installEventFilter(self)
        self.hide()

    def begin(self) -> None:
        """Show the first hint."""
        self._at = 0
        self._show()

    def end(self) -> None:
        """Send the hints away for good."""
        self.hide()
        self.ended.emit()

    def sizeHint(self) -> QSize:
        """As wide as a sentence of some lines."""
        return QSize(WIDTH + 2 * ARROW, self._layout.heightForWidth(WIDTH + 2 * ARROW))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside what is spoken of when the window changes its size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _go_on(self) -> None:
        self._at += 1
        if self._at < len(self._hints):
            self._show()
        else:
            self.end()

    def _show(self) -> None:
        target, title, text = self._hints[self._at]
        if not target.isVisible():
            return
        self._title.setText(title)
        self._text.setText(text)
        self._count.setText(f"{self._at + 1} of {len(self._hints)}")
        last = self._at == len(self._hints) - 1
        self.next.setText("Done" if last else "Next")
        self.skip.setVisible(not last)
        self.resize(self.sizeHint())
        self._place()
        self.show()
        self.raise_()

    def _place(self) -> None:
        """Beside the target, on the side where there is room, inside the window."""
        target, window = self._hints[self._at][0], self._window
        centre = target.mapTo(window, QPoint(target.width() // 2, target.height() // 2))
        left = centre.x() > window.width() / 2
        edge = target.mapTo(window, QPoint(0 if left else target.width(), 0)).x()
        x = edge - self.width() - 2 if left else edge + 2
        if target.width() > window.width() / 2:  # the viewer: below its middle, where it hides least
            x = centre.x() - self.width() // 2
            centre.setY(centre.y() + target.height() // 4)
        y = min(max(GRID, centre.y() - self.height() // 2), window.height() - self.height() - GRID)
        self.move(min(max(GRID, x), window.width() - self.width() - GRID), y)
        self._points_right = left
        self._spot = centre.y() - y
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A bubble with a point towards what it speaks of."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(ARROW, 1, -ARROW, -1)
        path = QPainterPath()
        path.addRoundedRect(box, 6, 6)
        if self._hints[self._at][0].width() <= self._window.width() / 2:
            at = min(max(self._spot, 3 * GRID), self.height() - 3 * GRID)
            edge, tip = (box.right(), box.right() + ARROW) if self._points_right else (box.left(), box.left() - ARROW)
            point = QPainterPath()
            point.moveTo(edge, at - ARROW)
            point.lineTo(tip, at)
            point.lineTo(edge, at + ARROW)
            point.closeSubpath()
            path = path.united(point)
        palette = self.palette()
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1.5))
        painter.setBrush(palette.color(QPalette.ColorRole.Window))
        painter.drawPath(path)
        painter.end()

    def keyPressEvent(self, event: object) -> None:
        """Esc sends the hints away."""
        if getattr(event, "key", lambda: None)() == Qt.Key.Key_Escape:
            self.end()
        else:
            super().keyPressEvent(event)  # type: ignore[arg-type]
