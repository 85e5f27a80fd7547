"""A calm line that tells what happened and what to do; it never stops anybody from working."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID, Theme

WIDEST = 560  # pixels
BESIDE = 185  # on each side, for what the viewer writes into its corners
BELOW = 52  # from the top of what it lies over: below the strip of tools
FADE_MS = 8000  # a notice goes by itself; a fault stays until it has been read


class MessageBar(QWidget):
    """Shows the newest message; earlier unread faults are counted and kept in the tool tip."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self.setAccessibleName("Messages")
        dressed(self, "bar")
        self._faults: list[str] = []
        self._over: QWidget | None = None
        self._icon = QToolButton()
        self._icon.setEnabled(False)
        self._theme = theme
        theme.dress(self._icon, "ph.info")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.count = label("", "muted")
        close = QToolButton()
        close.setToolTip("Dismiss")
        close.setAccessibleName("Dismiss the message")
        close.clicked.connect(self.dismiss)
        theme.dress(close, "ph.x")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID, 4, GRID, 4)
        layout.setSpacing(GRID)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.count)
        layout.addWidget(close)
        self._fade = QTimer(self, singleShot=True, interval=FADE_MS)
        self._fade.timeout.connect(self.dismiss)
        self.hide()

    def lie_over(self, place: QWidget) -> None:
        """Lie over the upper part of another widget, whose picture must not jump when something is told."""
        self._over = place
        self.setParent(place)
        place.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the middle of what it lies over."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        over, layout = self._over, self.layout()
        if over is not None and layout is not None:
            width = min(WIDEST, max(over.width() - 2 * BESIDE, 320))
            self.resize(width, layout.totalHeightForWidth(width))
            self.move(QPoint((over.width() - width) // 2, BELOW))
            self.raise_()

    @property
    def faults(self) -> tuple[str, ...]:
        """What went wrong since the bar was last dismissed, oldest first."""
        return tuple(self._faults)

    def tell_fault(self, sentence: str) -> None:
        """Something went wrong: shown until it is dismissed."""
        if sentence in self._faults:
            self._faults.remove(sentence)
        self._faults.append(sentence)
        self._fade.stop()
        self._show(sentence)

    def tell(self, sentence: str) -> None:
        """A notice; it does not push away a fault nobody has read."""
        if not self._faults:
            self._show(sentence)
            self._fade.start()

    def dismiss(self) -> None:
        """It has been read."""
        self._faults.clear()
        self._fade.stop()
        self.hide()

    def _show(self, sentence: str) -> None:
        self._theme.dress(self._icon, "ph.warning" if self._faults else "ph.info")
        self.text.setText(sentence)
        earlier = len(self._faults) - 1
        self.count.setText(f"and {earlier} more" if earlier > 0 else "")
        self.setToolTip("\n".join(self._faults))
        self.show()
        self._place()
