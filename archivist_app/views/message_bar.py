"""A calm line that tells what happened and what to do; it never stops anybody from working."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from archivist_app.state.offers import Choice, Offer
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID, Theme

WIDEST = 560  # pixels
BESIDE = 200  # on each side, for what the viewer writes into its corners
ABOVE = 48  # from the bottom of what it lies over, where the viewer says what its pixels are
FADE_MS = 8000  # a notice goes by itself; a fault stays until it has been read


class MessageBar(QWidget):
    """Shows the newest message; earlier unread faults are counted and kept in the tool tip.

    A question stays until it is answered or dismissed; what goes wrong meanwhile is shown first.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self.setAccessibleName("Messages")
        dressed(self, "bar")
        self._faults: list[str] = []
        self._over: QWidget | None = None
        self._offers: list[Offer] = []
        self._asking = False
        self._icon = QToolButton()
        self._icon.setEnabled(False)
        self._theme = theme
        theme.dress(self._icon, "ph.info")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.count = label("", "muted")
        self._answers = QHBoxLayout()
        self._answers.setSpacing(GRID)
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
        layout.addLayout(self._answers)
        layout.addWidget(close)
        self._fade = QTimer(self, singleShot=True, interval=FADE_MS)
        self._fade.timeout.connect(self.dismiss)
        self.hide()

    def lie_over(self, place: QWidget) -> None:
        """Lie over the lower part of another widget, whose picture must not jump when something is told."""
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
            beside = GRID if self._asking else BESIDE
            width = min(WIDEST, max(over.width() - 2 * beside, 320))
            self.resize(width, layout.totalHeightForWidth(width))
            self.move(QPoint((over.width() - width) // 2, over.height() - self.height() - ABOVE))
            self.raise_()

    @property
    def faults(self) -> tuple[str, ...]:
        """What went wrong since the bar was last dismissed, oldest first."""
        return tuple(self._faults)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The questions nobody has answered yet, oldest first."""
        return tuple(self._offers)

    def tell_fault(self, sentence: str) -> None:
        """Something went wrong: shown until it is dismissed."""
        if sentence in self._faults:
            self._faults.remove(sentence)
        self._faults.append(sentence)
        self._fade.stop()
        self._show(sentence)

    def tell(self, sentence: str) -> None:
        """A notice; it does not push away a fault nobody has read, nor a question."""
        if not self._faults and not self._offers:
            self._show(sentence)
            self._fade.start()

    def ask(self, offer: Offer) -> None:
        """A question with answers; it takes the place of an earlier one about the same."""
        about = offer.about or offer.text
        self._offers = [one for one in self._offers if (one.about or one.text) != about]
        self._offers.append(offer)
        self._fade.stop()
        self._show(offer.text, offer)

    def dismiss(self) -> None:
        """What is shown has been read; a question is answered by that too."""
        if self._asking and self._offers:
            self._offers.pop()
        else:
            self._faults.clear()
        self._show_next()

    def _answer(self, offer: Offer, choice: Choice, _checked: bool = False) -> None:
        self._offers = [one for one in self._offers if one is not offer]
        self._show_next()
        choice.do()

    def _show_next(self) -> None:
        self._fade.stop()
        if self._faults:
            self._show(self._faults[-1])
        elif self._offers:
            self._show(self._offers[-1].text, self._offers[-1])
        else:
            self._ask_with(None)
            self.hide()

    def _show(self, sentence: str, offer: Offer | None = None) -> None:
        self._theme.dress(self._icon, "ph.warning" if self._faults else "ph.info")
        self._ask_with(offer)
        self.text.setText(sentence)
        earlier = len(self._faults) + len(self._offers) - 1
        self.count.setText(f"and {earlier} more" if earlier > 0 else "")
        self.setToolTip("\n".join(self._faults))
        self.show()
        self._place()

    def _ask_with(self, offer: Offer | None) -> None:
        self._asking = offer is not None
        while (entry := self._answers.takeAt(0)) is not None:
            if (old := entry.widget()) is not None:
                old.hide()
                old.setParent(None)
                old.deleteLater()
        if offer is None:
            return
        for choice in offer.choices:
            button = dressed(QPushButton(choice.text), "quiet")
            button.setObjectName(choice.name)
            button.clicked.connect(partial(self._answer, offer, choice))
            self._answers.addWidget(button)
