"""The whole image, small, with a frame around what is visible; drag the frame to go elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from archivist_app.views.pixels import Pixels, monitor
from archivist_app.views.viewport import Viewport

LONGEST = 168  # pixels of its longer side, in device-independent pixels as all below
SHORTEST = 24
EDGE = QColor(20, 20, 20)
VEIL = QColor(0, 0, 0, 120)
FRAME = QColor(245, 245, 245)


class Navigator(QWidget):
    """Lies on the viewer; shows a viewport and emits where somebody wants to look."""

    went = Signal(QPointF)  # the place wanted in the middle, in shares of the image's width and height

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("navigator")
        self.setAccessibleName("Navigator")
        self.setAccessibleDescription("The whole image with what is visible; drag to move.")
        self.setToolTip("Drag to look elsewhere (N hides this)")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._picture: Pixels | None = None
        self._small: QPixmap | None = None
        self._viewport: Viewport | None = None
        self._grip: QPointF | None = None  # from the frame's middle to the hand, in shares
        self.hide()

    def show_picture(self, picture: Pixels | None) -> None:
        """The whole untouched image."""
        self._picture, self._small = picture, None
        self.update()

    def show_anew(self) -> None:
        """The monitor's colours are other ones."""
        self.show_picture(self._picture)

    def show_viewport(self, viewport: Viewport) -> None:
        """What is visible of it."""
        if viewport != self._viewport:
            self._viewport = viewport
            self.setFixedSize(size_for(viewport.image))
            self.update()

    @property
    def frame(self) -> QRectF:
        """Where what is visible lies."""
        if self._viewport is None:
            return QRectF()
        seen, (width, height) = self._viewport.visible, self._viewport.image
        across, down = self.width() / width, self.height() / height
        box = QRectF(seen.x * across, seen.y * down, seen.width * across, seen.height * down)
        grow = (max(0.0, 6 - box.width()) / 2, max(0.0, 6 - box.height()) / 2)  # of a large scan a speck is visible
        return box.adjusted(-grow[0], -grow[1], grow[0], grow[1])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the frame where it is, or put it under the hand."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.accept()
            return
        middle = self.frame.center()
        self._grip = event.position() - middle if self.frame.contains(event.position()) else QPointF()
        self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move it."""
        if self._grip is not None:
            self._go(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None
        event.accept()

    def _go(self, position: QPointF) -> None:
        middle = position - (self._grip or QPointF())
        self.went.emit(QPointF(middle.x() / max(1, self.width()), middle.y() / max(1, self.height())))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the image, what is not visible of it darker."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), EDGE)
        if self._picture is not None:
            painter.drawPixmap(self.rect(), self._scaled(self._picture))
        frame = self.frame
        outside = QRectF(self.rect())
        for part in (
            QRectF(outside.topLeft(), QPointF(outside.right(), frame.top())),
            QRectF(QPointF(0, frame.bottom()), outside.bottomRight()),
            QRectF(0, frame.top(), frame.left(), frame.height()),
            QRectF(QPointF(frame.right(), frame.top()), QPointF(outside.right(), frame.bottom())),
        ):
            painter.fillRect(part.intersected(outside), VEIL)
        painter.setPen(QPen(FRAME, 1))
        painter.drawRect(frame.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QPen(EDGE, 1))
        painter.drawRect(outside.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _scaled(self, picture: Pixels) -> QPixmap:
        ratio = self.devicePixelRatioF()
        size = self.size() * ratio
        if self._small is None or self._small.size() != size:
            smooth = Qt.TransformationMode.SmoothTransformation
            shown = monitor.show(picture)
            self._small = QPixmap.fromImage(shown.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth))
        return self._small


def size_for(image: tuple[int, int]) -> QSize:
    """How large it is for an image of `image` pixels."""
    longest = max(image)
    return QSize(*(max(SHORTEST, round(LONGEST * side / longest)) for side in image))
