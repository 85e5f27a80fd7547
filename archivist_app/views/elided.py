"""A line of text that ends in "…" where there is no room for all of it; the tool tip has the rest."""

from __future__ import annotations

from PySide6 import QtCore
from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QStyle, QStyleOption


class ElidedLabel(QLabel):
    """As wide as its text where it may be, and narrower where it must; `middle` says where letters are left out.

    The window's first paint has one without text: until there is some, Qt's own names stay untouched.
    """

    def __init__(self, text: str = "", *, middle: bool = False) -> None:
        super().__init__(text)
        self._middle = middle

    def minimumSizeHint(self) -> QSize:
        """A few letters."""
        return QSize(self.fontMetrics().horizontalAdvance("MMM…"), super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw what there is room for, as the style sheet says."""
        if not self.text():
            return
        mode = QtCore.Qt.TextElideMode.ElideMiddle if self._middle else QtCore.Qt.TextElideMode.ElideRight
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), mode, room.width())
        self.setToolTip(self.text() if shown != self.text() else "")
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, self.alignment(), shown)
        painter.end()
