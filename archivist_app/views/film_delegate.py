"""A cell of the filmstrip: the picture, its name, and what was decided about it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QStyleOptionViewItem

from archivist_app.state.filmstrip_model import FilmRole, is_edited
from archivist_app.views.lists import Index, PictureDelegate
from engine.types import ProjectItem

BADGE = 16  # pixels across
_PLATE = QColor(20, 20, 20, 190)  # readable on any picture
_INK = QColor("#f2f2f2")
_DOUBTED = QColor("#ecc47c")
_APPROVED, _REJECTED = QColor("#8fcf8f"), QColor("#f0a090")


class FilmDelegate(PictureDelegate):
    """Approved and rejected images carry a mark, edited ones a half-filled circle, rated ones their stars.

    A triangle warns of a master that is not the file that was added.
    """

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        super().paint(painter, option, index)
        item: ProjectItem = index.data(FilmRole.ITEM)
        cell: QRect = option.rect
        palette: QPalette = option.palette
        box = self.shown_box(cell, index.data(FilmRole.FRAME))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if item.decision:
            self._paint_decision(painter, QRectF(box.right() - BADGE - 3, box.top() + 4, BADGE, BADGE), item.decision)
        if index.data(FilmRole.DOUBT):
            self._paint_doubt(painter, QRectF(box.right() - BADGE - 3, box.bottom() - BADGE - 3, BADGE, BADGE))
        if is_edited(item):
            self._paint_edited(painter, QRectF(box.left() + 4, box.top() + 4, BADGE, BADGE))
        if item.stars:
            self._paint_stars(painter, box, item.stars)
        if item.decision == "rejected":
            veil = QColor(palette.color(QPalette.ColorRole.Window))
            veil.setAlpha(110)
            painter.fillRect(box, veil)
        painter.restore()

    def _paint_decision(self, painter: QPainter, place: QRectF, decision: str) -> None:
        _plate(painter, place)
        approved = decision == "approved"
        painter.setPen(QPen(_APPROVED if approved else _REJECTED, 2, c=Qt.PenCapStyle.RoundCap))
        x, y, unit = place.left(), place.top(), BADGE / 16
        points = ((4.5, 8.5, 7, 11), (7, 11, 11.5, 5.5)) if approved else ((5, 5, 11, 11), (11, 5, 5, 11))
        for x1, y1, x2, y2 in points:
            painter.drawLine(QPointF(x + x1 * unit, y + y1 * unit), QPointF(x + x2 * unit, y + y2 * unit))

    def _paint_doubt(self, painter: QPainter, place: QRectF) -> None:
        """An exclamation mark in a triangle: the master is not the file that was added."""
        corners = [QPointF(place.center().x(), place.top() + 0.5), place.bottomRight(), place.bottomLeft()]
        painter.setPen(QPen(_PLATE, 2, j=Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(_DOUBTED)
        painter.drawPolygon(QPolygonF(corners))
        painter.setPen(QPen(QColor("#1a1a1a"), 2, c=Qt.PenCapStyle.RoundCap))
        middle = place.center().x()
        painter.drawLine(QPointF(middle, place.top() + 6), QPointF(middle, place.top() + 10))
        painter.drawPoint(QPointF(middle, place.top() + 13.2))

    def _paint_edited(self, painter: QPainter, place: QRectF) -> None:
        _plate(painter, place)
        inner = place.adjusted(4, 4, -4, -4)
        painter.setPen(QPen(_INK, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(inner)
        painter.setBrush(_INK)
        painter.drawPie(inner, -90 * 16, 180 * 16)

    def _paint_stars(self, painter: QPainter, box: QRect, stars: int) -> None:
        font = painter.font()
        font.setPixelSize(12)
        painter.setFont(font)
        text = "★" * stars
        width = painter.fontMetrics().horizontalAdvance(text) + 10
        plate = QRectF(box.left() + 4, box.bottom() - BADGE - 3, width, BADGE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(plate, BADGE / 2, BADGE / 2)
        painter.setPen(QColor("#ecc47c"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def _plate(painter: QPainter, place: QRectF) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PLATE)
    painter.drawEllipse(place)
