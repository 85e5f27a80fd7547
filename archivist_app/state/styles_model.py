"""The styles, each with the open image as it would look in it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.document import Document
from engine.types import Frame, ImageRef, Recipe, StyleCard

THUMBNAIL = 192  # longest side in pixels
SETTLE_MS = 400  # stepping quickly through the filmstrip starts no thumbnails

Index = QModelIndex | QPersistentModelIndex


class StyleRole(IntEnum):
    """What a row holds beyond its name."""

    CARD = Qt.ItemDataRole.UserRole + 1  # StyleCard, or None for "No style"
    FRAME = Qt.ItemDataRole.UserRole + 2  # Frame, or None while it is being made


class StylesModel(QAbstractListModel):
    """Row 0 is "No style"; the rows after it are the style cards in the catalogue's order."""

    def __init__(self, document: Document, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._bridge = bridge
        self._cards: tuple[StyleCard | None, ...] = (None, *bridge.styles())
        self._frames: dict[str | None, Frame] = {}
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._render)
        document.image_changed.connect(self._start_anew)
        bridge.awoken.connect(self._settle.start)

    def stop(self) -> None:
        """Ask for no more thumbnails."""
        self._settle.stop()

    def row_of(self, style: str | None) -> int:
        """The row of a style id; -1 for a style that is not in the catalogue."""
        ids = [card.id if card else None for card in self._cards]
        return ids.index(style) if style in ids else -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """The styles, and one row for none."""
        return 0 if parent.isValid() else len(self._cards)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title, tool tip, card or thumbnail of a row."""
        if not 0 <= index.row() < len(self._cards):
            return None
        card = self._cards[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return card.title if card else "No style"
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tool_tip(card)
        if role == StyleRole.CARD:
            return card
        if role == StyleRole.FRAME:
            return self._frames.get(card.id if card else None)
        return None

    @Slot(object)
    def _start_anew(self, image: ImageRef | None) -> None:
        self._bridge.drop_background()
        self._frames.clear()
        self.dataChanged.emit(self.index(0), self.index(len(self._cards) - 1))
        if image is None:
            self._settle.stop()
        else:
            self._settle.start()

    @Slot()
    def _render(self) -> None:
        image = self._document.image
        if image is None or not self._bridge.awake:
            return
        for row, card in enumerate(self._cards):
            self._request(image, row, card)

    def _request(self, image: ImageRef, row: int, card: StyleCard | None) -> None:
        recipe = Recipe(style=card.id, beta=1.0) if card else Recipe()

        def arrived(frame: Frame) -> None:
            if image == self._document.image:
                self._frames[card.id if card else None] = frame
                self.dataChanged.emit(self.index(row), self.index(row))

        self._bridge.thumbnail(image, recipe, THUMBNAIL, arrived, _keep_placeholder)


def _keep_placeholder(_sentence: str) -> None:
    """The viewer reports what is wrong with an image; twenty thumbnails need not repeat it."""


def _tool_tip(card: StyleCard | None) -> str:
    if card is None:
        return "Only the restoration, without the look of a style"
    return "\n".join(part for part in (card.title, card.date, card.source) if part)
