"""Which model restores the image on screen: its name as a button, the others in a menu."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QGridLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from archivist_app.state.model_facts import slowness
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID
from engine.types import ModelCard

_WIDEST = 30  # characters of a title on the button; the menu and the tool tip have all


class ModelChooser(QWidget):
    """Names the model, warns of a slow one, and says what somebody picks."""

    chosen = Signal(object)  # ModelCard
    about_wanted = Signal(object)  # ModelCard: somebody wants to read it
    add_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: tuple[ModelCard, ...] = ()
        self._card: ModelCard | None = None
        self._menu = QMenu(self)
        self._menu.setObjectName("modelMenu")
        self.button = dressed(QToolButton(), "worded")
        self.button.setObjectName("modelButton")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setMenu(self._menu)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.pace = label("", "hint")
        self.pace.setObjectName("modelPace")
        self.pace.setWordWrap(True)
        self.pace.hide()
        title = QLabel("Model")
        title.setBuddy(self.button)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self.button, 0, 1)
        grid.addWidget(self.pace, 1, 1)
        self.show_card(None)

    def show_cards(self, cards: tuple[ModelCard, ...]) -> None:
        """The models there are."""
        self._cards = cards
        self._fill()

    def show_card(self, card: ModelCard | None) -> None:
        """The model of the image on screen; None where it is not known or not here."""
        self._card = card
        text = card.title if card else "Not installed" if self._cards else "…"
        self.button.setText(text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…")
        self.button.setAccessibleName(f"Model: {text}")
        self.button.setToolTip(card.description if card else "This image’s model is not here; choose another.")
        self.pace.setText(slowness(card) if card else "")
        self.pace.setVisible(bool(self.pace.text()))
        self._fill()

    def _fill(self) -> None:
        self._menu.clear()
        for old in self._menu.findChildren(QObject, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if isinstance(old, QActionGroup):
                old.deleteLater()
        group = QActionGroup(self._menu)
        for card in (one for one in self._cards if not one.faces):
            action = self._menu.addAction(card.title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(self._card is not None and card.id == self._card.id)
            action.setData(card)
            group.addAction(action)
        group.triggered.connect(self._choose)
        self._menu.addSeparator()
        about = self._menu.addAction("About this model…")
        about.setObjectName("aboutModel")
        about.setEnabled(self._card is not None)
        about.triggered.connect(self._tell_about)
        for card in (one for one in self._cards if one.faces):  # restores no whole picture, so it can only be read of
            read = self._menu.addAction(f"About “{card.title.replace('&', '&&')}”, for faces…")
            read.triggered.connect(lambda _checked=False, one=card: self.about_wanted.emit(one))
        add = self._menu.addAction("Add a model…")
        add.setObjectName("addModel")
        add.triggered.connect(self.add_wanted)

    @Slot()
    def _tell_about(self) -> None:
        if self._card is not None:
            self.about_wanted.emit(self._card)

    @Slot(QAction)
    def _choose(self, action: QAction) -> None:
        self.chosen.emit(action.data())
