"""The star of a favourite, as a shape."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath, QPolygonF

_INNER = 0.45  # of the outer radius


def star(centre: QPointF, radius: float) -> QPainterPath:
    """A star of five points, one of them up."""
    corners = []
    for number in range(10):
        angle = math.pi * number / 5
        length = radius * (_INNER if number % 2 else 1.0)
        corners.append(QPointF(centre.x() + length * math.sin(angle), centre.y() - length * math.cos(angle)))
    path = QPainterPath()
    path.addPolygon(QPolygonF(corners))
    path.closeSubpath()
    return path
