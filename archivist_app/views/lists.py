"""What the filmstrip and the style gallery share: a list of pictures that leaves letter keys to the window."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QApplication, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from archivist_app.views.pixels import monitor, to_image
from engine.types import Frame

Index = QModelIndex | QPersistentModelIndex

LINE = 14  # height of a line of a name
_TOP = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


@cache
def _navigation() -> frozenset[Qt.Key]:
    """The keys that move about; asked for at the first key, since naming one key makes Python's names of all 460."""
    return frozenset(
        {
            Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End,
            Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space,
            Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
        }
    )  # fmt: skip


class PictureList(QListView):
    """Other keys than those that move about (the held `\\`, shortcuts) pass through to the window."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move about, and nothing else."""
        if event.key() in _navigation():
            super().keyPressEvent(event)
        else:
            event.ignore()


def wrapped(text: str, metrics: QFontMetrics, width: int, lines: int) -> list[str]:
    """`text` in at most so many lines of `width` pixels, broken between words; what is too long ends in "…"."""
    words = text.split()
    broken: list[str] = []
    while words and len(broken) < lines - 1:
        count = 1
        while count < len(words) and metrics.horizontalAdvance(" ".join(words[: count + 1])) <= width:
            count += 1
        broken.append(" ".join(words[:count]))
        del words[:count]
    return [metrics.elidedText(line, Qt.TextElideMode.ElideRight, width) for line in (*broken, " ".join(words)) if line]


class PictureDelegate(QStyledItemDelegate):
    """A picture with its name below; the chosen one has a ring in the accent colour."""

    def __init__(self, view: QListView, frame_role: int, cell: QSize, *, fill: bool, lines: int = 1) -> None:
        super().__init__(view)
        self._frame_role = frame_role
        self._cell = cell
        self._fill = fill  # crop to a square cell instead of fitting the whole picture
        self._lines = lines  # of the name
        self._name_height = 6 + LINE * lines

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """The cell."""
        return self._cell

    def picture_box(self, cell: QRect) -> QRect:
        """Where in a cell the picture lies."""
        return cell.adjusted(4, 4, -4, -4 - self._name_height)

    def shown_box(self, cell: QRect, frame: Frame | None) -> QRect:
        """What of the box the picture covers; all of it while there is none."""
        box = self.picture_box(cell)
        return box if frame is None else box.intersected(self._target(box, frame).toAlignedRect())

    def _target(self, box: QRect, frame: Frame) -> QRectF:
        high, wide = frame.pixels.shape[:2]
        across, down = box.width() / wide, box.height() / high
        factor = max(across, down) if self._fill else min(across, down)
        width, height = wide * factor, high * factor
        return QRectF(box.center().x() + 0.5 - width / 2, box.center().y() + 0.5 - height / 2, width, height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        palette: QPalette = option.palette
        chosen = self.is_chosen(option, index)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        box = self.picture_box(rect)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_picture(painter, box, index.data(self._frame_role))
        if chosen or hovered:
            role = QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.PlaceholderText
            painter.setPen(QPen(palette.color(role), 2 if chosen else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(box).adjusted(-2, -2, 2, 2), 4, 4)
        role = QPalette.ColorRole.Text if chosen or hovered else QPalette.ColorRole.PlaceholderText
        painter.setPen(palette.color(role))
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        line = QRect(box.left(), box.bottom() + 4, box.width(), self._name_height - 2)
        if self._lines == 1:
            text = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideMiddle, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
        else:
            for number, text in enumerate(wrapped(index.data(), painter.fontMetrics(), line.width(), self._lines)):
                painter.drawText(line.translated(0, number * LINE), _TOP, text)
        painter.restore()

    def is_chosen(self, option: QStyleOptionViewItem, _index: Index) -> bool:
        """Whether it has the ring: the selected one."""
        state: QStyle.StateFlag = option.state
        return bool(state & QStyle.StateFlag.State_Selected)

    def _paint_picture(self, painter: QPainter, box: QRect, frame: Frame | None) -> None:
        path = QPainterPath()
        path.addRoundedRect(QRectF(box), 3, 3)
        if frame is None:  # the view's own palette is changed by the style sheet
            painter.fillPath(path, QApplication.palette().color(QPalette.ColorRole.Base))
            return
        painter.setClipPath(path)
        painter.drawImage(self._target(box, frame), monitor.show(to_image(frame.pixels)))
        painter.setClipping(False)
