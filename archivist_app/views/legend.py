"""What the colours of a map or of a difference mean, in numbers. Lengths are device-independent pixels."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter

from engine.types import MAP_SCALES, MapKind

RAMP = 120  # length of a colour ramp
ROW = 32
PADDING = 10
BACK = QColor(20, 20, 20, 230)
TEXT = QColor(245, 245, 245)
MUTED = QColor(190, 190, 190)


@dataclass(frozen=True, slots=True)
class Ramp:
    """One quantity: from nothing to `full` levels of 255, in `colour`."""

    name: str
    colour: tuple[int, int, int]
    full: float
    over: bool = True  # whether values beyond are shown like the full ones
    none: tuple[int, int, int] = (46, 46, 46)  # the colour of nothing


@dataclass(frozen=True, slots=True)
class Legend:
    """One ramp a quantity, and the unit below."""

    ramps: tuple[Ramp, ...]
    note: str


_NOTES: dict[MapKind, str] = {
    "fidelity": "levels of 255; invented: not in α 10, β 0",
    "uncertainty": "levels of 255, standard deviation",
}


def map_legend(kind: MapKind) -> Legend:
    """The legend of a map."""
    ramps = tuple(Ramp(scale.name, scale.colour, scale.full) for scale in MAP_SCALES[kind])
    return Legend(ramps, _NOTES[kind])


def difference_legend(gain: int) -> Legend:
    """The legend of a difference that is shown `gain` times as bright."""
    return Legend(
        (Ramp("Difference", (255, 255, 255), 256 / gain if gain > 1 else 255, over=gain > 1, none=(0, 0, 0)),),
        "levels of 255, in each channel",
    )


def legend_height(legend: Legend) -> float:
    """How high it will be."""
    return 2 * PADDING + ROW * len(legend.ramps) + 14


def paint_legend(painter: QPainter, at: QPointF, legend: Legend) -> float:
    """Draw it with its top left corner there; returns how wide it is."""
    painter.save()
    small = painter.font()
    small.setPixelSize(11)
    painter.setFont(small)
    metrics = painter.fontMetrics()
    names = max(metrics.horizontalAdvance(ramp.name) for ramp in legend.ramps)
    width = 2 * PADDING + max(names + PADDING + RAMP + 14, metrics.horizontalAdvance(legend.note))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BACK)
    painter.drawRoundedRect(QRectF(at.x(), at.y(), width, legend_height(legend)), 4, 4)
    x, y = at.x() + PADDING, at.y() + PADDING
    for ramp in legend.ramps:
        _paint_ramp(painter, QPointF(x, y), names + PADDING, ramp)
        y += ROW
    painter.setPen(MUTED)
    painter.drawText(QRectF(x, y, width, 14), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, legend.note)
    painter.restore()
    return width


def _paint_ramp(painter: QPainter, at: QPointF, indent: float, ramp: Ramp) -> None:
    painter.setPen(TEXT)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(at.x(), at.y(), indent, 12), Qt.AlignmentFlag.AlignLeft | middle, ramp.name)
    bar = QRectF(at.x() + indent, at.y() + 1, RAMP, 10)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    gradient.setColorAt(0, QColor(*ramp.none))
    gradient.setColorAt(1, QColor(*ramp.colour))
    painter.fillRect(bar, gradient)
    painter.setPen(MUTED)
    for share in (0.0, 0.5, 1.0):
        number = f"{share * ramp.full:.3g}"
        text = f"≥ {number}" if share == 1 and ramp.over else number
        spot = QRectF(bar.left() + share * RAMP - 30, bar.bottom() + 2, 60, 13)
        if share == 0:
            spot.moveLeft(bar.left())
        painter.drawText(spot, (Qt.AlignmentFlag.AlignHCenter if share else Qt.AlignmentFlag.AlignLeft) | middle, text)
