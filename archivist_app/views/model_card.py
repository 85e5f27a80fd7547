"""A model's card: what it does, what it learned from, what was measured, where it fails. Stays open beside the work."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.model_facts import facts
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID
from engine.types import ModelCard

_WIDTH, _HEIGHT = 560, 560


class ModelCardView(QDialog):
    """Shows one card; not modal."""

    removal_wanted = Signal(object)  # ModelCard

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("modelCard")
        self.setModal(False)
        self.resize(_WIDTH, _HEIGHT)
        self._card: ModelCard | None = None
        self.title = label("", "title")
        self.title.setWordWrap(True)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.remove = QPushButton("Remove…")
        self.remove.setObjectName("removeModelButton")
        self.remove.setAutoDefault(False)
        self.remove.clicked.connect(self._want_removal)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addWidget(self.remove)
        buttons.addStretch()
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.title)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(buttons)

    def show_card(self, card: ModelCard) -> None:
        """Show another card, and come to the front."""
        self._card = card
        self.setWindowTitle(f"About “{card.title}”")
        self.title.setText(card.title)
        self.remove.setVisible(card.origin != "shipped")
        self._scroll.setWidget(_page(card))
        self.show()
        self.raise_()

    @Slot()
    def _want_removal(self) -> None:
        if self._card is not None:
            self.removal_wanted.emit(self._card)


def _page(card: ModelCard) -> QWidget:
    page = dressed(QWidget(), "panel")
    grid = QGridLayout(page)
    grid.setContentsMargins(0, 0, GRID, 0)
    grid.setHorizontalSpacing(2 * GRID)
    grid.setVerticalSpacing(GRID)
    grid.setColumnStretch(1, 1)
    rows = facts(card)
    for row, (name, text) in enumerate(rows):
        grid.addWidget(label(name, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(_text(text), row, 1)
    grid.setRowStretch(len(rows), 1)
    return page


def _text(text: str) -> QLabel:
    """Text that can be copied; a long hash may be broken anywhere."""
    broken = "\u200b".join(text[at : at + 16] for at in range(0, len(text), 16)) if " " not in text else text
    shown = QLabel(broken)
    shown.setTextFormat(Qt.TextFormat.PlainText)
    shown.setWordWrap(True)
    shown.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return shown
