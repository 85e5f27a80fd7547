"""The curves of a fine-tuning: its losses, how the critic stands, and what was measured on held-out pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from archivist_app.state.tuning_course import Course
from archivist_app.views.theme import GRID
from engine.types import TuningCheck

HEIGHT, HEAD, FOOT = 124, 20, 16  # pixels; of the words above and below a curve
INSET, NUMBERS = 6.0, 48.0  # pixels around a curve, and right of it for its range
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """What a curve is called, how its numbers are written, and over which range it is drawn.

    `low` and `high` hold where they are given; `least` is the smallest range, so that noise is no steep rise.
    """

    title: str
    hint: str
    digits: int = 3
    unit: str = ""
    low: float | None = None
    high: float | None = None
    least: float = 0.0
    mark: float | None = None  # a value worth a line of its own
    note: str = ""  # what that value means

    def span(self, points: Points) -> tuple[float, float]:
        """The lowest and the highest value that are drawn."""
        values = [value for _, value in points] or [0.0]
        low = self.low if self.low is not None else min(values)
        high = self.high if self.high is not None else max(values)
        missing = max(0.0, self.least - (high - low))
        if self.low is None and self.high is None:
            return low - missing / 2, high + missing / 2
        return low, high + missing if self.high is None else high

    def text(self, value: float) -> str:
        """A value in words."""
        return f"{value:.{self.digits}f}{self.unit}"


AXES = {
    "pixel": Axis("Loss against the truth", "Its distance from the truth, a pixel; it should fall.", low=0, least=0.02),
    "adversarial": Axis("Adversarial loss", "The head's side of its game against the critic.", 2, low=0, least=1.0),
    "accuracy": Axis(
        "The critic is right", "How often the critic tells the restoration from the truth: 0.5 is balanced, at 1.0 it "
        "always wins and nothing is learned from it.", 2, low=0.0, high=1.0, mark=0.5, note="0.5 is balanced",
    ),
    "score": Axis("Held-out pictures", "What the best is chosen by, a point each measurement.", 2, " dB", least=1.0),
}  # fmt: skip


class Chart(QWidget):
    """One curve with its title, its present value and its range in numbers."""

    def __init__(self, axis: Axis, *, dots: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis = axis
        self._dots = dots
        self._points: tuple[tuple[int, float], ...] = ()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(axis.hint)
        self.show_points(())

    @property
    def points(self) -> tuple[tuple[int, float], ...]:
        """What is drawn: steps and values."""
        return self._points

    def show_points(self, points: Points) -> None:
        """Draw these."""
        self._points = tuple(points)
        told = "nothing yet"
        if self._points:
            (first, start), (last, now) = self._points[0], self._points[-1]
            told = f"{self.axis.text(now)} at step {last}, {self.axis.text(start)} at step {first}"
        self.setAccessibleName(f"{self.axis.title}: {told}")
        self.update()

    def field(self) -> QRectF:
        """Where the curve is drawn."""
        return QRectF(self.rect()).adjusted(0, HEAD, 0, -FOOT)

    def places(self) -> list[QPointF]:
        """Where the values lie, from left to right."""
        area = self.field().adjusted(INSET, INSET, -NUMBERS, -INSET)
        low, high = self.axis.span(self._points)
        steps = [step for step, _ in self._points]
        width = max(1, steps[-1] - steps[0]) if steps else 1
        return [
            QPointF(area.left() + area.width() * (step - steps[0]) / width, self._height_of(value, area, low, high))
            for step, value in self._points
        ]

    @staticmethod
    def _height_of(value: float, area: QRectF, low: float, high: float) -> float:
        share = (value - low) / ((high - low) or 1.0)
        return area.bottom() - area.height() * min(1.0, max(0.0, share))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Title and value, the field with its range, the curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = painter.font()
        small.setPixelSize(11)
        painter.setFont(small)
        palette, area = self.palette(), self.field()
        painter.fillRect(area, palette.color(QPalette.ColorRole.Base))
        self._write(painter, palette)
        if self.axis.mark is not None and self._points:
            low, high = self.axis.span(self._points)
            height = self._height_of(self.axis.mark, area.adjusted(0, INSET, 0, -INSET), low, high)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1.0, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left() + INSET, height), QPointF(area.right() - NUMBERS, height))
        places = self.places()
        accent = palette.color(QPalette.ColorRole.Highlight)
        painter.setPen(QPen(accent, 1.5))
        painter.drawPolyline(QPolygonF(places))
        if self._dots or len(places) == 1:
            painter.setBrush(accent)
            for place in places:
                painter.drawEllipse(place, 2.0, 2.0)
        painter.end()

    def _write(self, painter: QPainter, palette: QPalette) -> None:
        area, axis = self.field(), self.axis
        head, foot = QRectF(0, 0, area.width(), HEAD - 2), QRectF(0, area.bottom() + 2, area.width(), FOOT - 2)
        inside = area.adjusted(INSET, 2, -INSET, -2)
        left, right, top, bottom = (
            Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignTop,
            Qt.AlignmentFlag.AlignBottom,
        )  # fmt: skip
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(head, left | Qt.AlignmentFlag.AlignVCenter, axis.title)
        if self._points:
            painter.drawText(head, right | Qt.AlignmentFlag.AlignVCenter, axis.text(self._points[-1][1]))
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        if not self._points:
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "nothing yet")
            return
        low, high = axis.span(self._points)
        painter.drawText(inside, right | top, f"{high:.{axis.digits}f}")
        painter.drawText(inside, right | bottom, f"{low:.{axis.digits}f}")
        painter.drawText(foot, left | top, f"step {self._points[0][0]}")
        painter.drawText(foot, right | top, f"step {self._points[-1][0]}")
        words = sum(painter.fontMetrics().horizontalAdvance(f"step {self._points[end][0]}  ") for end in (0, -1))
        if foot.width() > words + painter.fontMetrics().horizontalAdvance(axis.note):
            painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter | top, axis.note)


class TuningCharts(QWidget):
    """All of them in a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.charts = {name: Chart(axis, dots=name == "score") for name, axis in AXES.items()}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        for name, chart in self.charts.items():
            chart.setObjectName(f"tuningChart-{name}")
            row.addWidget(chart, 1)

    def show_course(self, course: Course) -> None:
        """The steps so far."""
        for name in ("pixel", "adversarial", "accuracy"):
            self.charts[name].show_points(course.points.get(name, ()))

    def show_checks(self, checks: Sequence[TuningCheck]) -> None:
        """The measurements so far."""
        self.charts["score"].show_points([(check.step, check.figures["score"]) for check in checks])
