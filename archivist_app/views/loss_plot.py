"""A line of losses, small enough for a row of the jobs panel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

WIDTH, HEIGHT, INSET = 120, 24, 2.0


class LossPlot(QWidget):
    """Draws values from left to right, the largest at the top; hidden until there are two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("optimisePlot")
        self.setFixedSize(WIDTH, HEIGHT)
        self._values: tuple[float, ...] = ()
        self.hide()

    @property
    def values(self) -> tuple[float, ...]:
        """What is drawn."""
        return self._values

    def show_values(self, values: Sequence[float]) -> None:
        """Draw these; fewer than two make no line."""
        if tuple(values) == self._values:
            return
        self._values = tuple(values)
        self.setVisible(len(self._values) > 1)
        if self._values:
            text = f"Loss: {self._values[0]:.4f} at first, {self._values[-1]:.4f} now, pass {len(self._values) - 1}"
            self.setToolTip(text)
            self.setAccessibleName(text)
        self.update()

    def points(self) -> list[QPointF]:
        """Where the values lie, from left to right."""
        if len(self._values) < 2:
            return []
        area = QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)
        low, high = min(self._values), max(self._values)
        across, spread = area.width() / (len(self._values) - 1), (high - low) or 1.0
        return [
            QPointF(area.left() + across * number, area.bottom() - area.height() * (value - low) / spread)
            for number, value in enumerate(self._values)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line on its field."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1.5))
        painter.drawPolyline(QPolygonF(self.points()))
        painter.end()
