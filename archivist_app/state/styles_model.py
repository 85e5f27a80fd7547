"""The styles, each with the open image as it would look in it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.document import Document
from archivist_app.state.preferences import Preferences
from archivist_app.state.style_search import Group, matches
from archivist_app.state.thumbnails import Thumbnails, Wish
from engine.types import ImageRef, Recipe, StyleCard

THUMBNAIL = 192  # longest side in pixels
SETTLE_MS = 400  # stepping quickly through the filmstrip starts no thumbnails

Index = QModelIndex | QPersistentModelIndex


class StyleRole(IntEnum):
    """What a row holds beyond its name."""

    CARD = Qt.ItemDataRole.UserRole + 1  # StyleCard, or None for "No style"
    FRAME = Qt.ItemDataRole.UserRole + 2  # Frame, or None while it is being made
    FAVOURITE = Qt.ItemDataRole.UserRole + 3  # whether it has a star
    CHOSEN = Qt.ItemDataRole.UserRole + 4  # whether the image on screen is in this style


class StylesModel(QAbstractListModel):
    """Row 0 is "No style"; then the favourites, then the other style cards, both in the catalogue's order.

    While somebody searches there is no row for none. `show_only` narrows the rows down.
    """

    shown_changed = Signal()  # other rows than before, or in another order

    def __init__(
        self,
        document: Document,
        bridge: Bridge,
        thumbnails: Thumbnails,
        preferences: Preferences,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._bridge = bridge
        self._thumbnails = thumbnails
        self._preferences = preferences
        self._cards = bridge.styles()
        self._query = ""
        self._group: Group = "all"
        self._rows = self._matching()
        self._seen: tuple[StyleCard | None, ...] = ()  # those that are in view
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._want)
        document.image_changed.connect(self._start_anew)
        bridge.awoken.connect(self._settle.start)
        thumbnails.arrived.connect(self._show)
        preferences.favourites_changed.connect(self._arrange)

    def stop(self) -> None:
        """Ask for no more thumbnails."""
        self._settle.stop()

    # which

    @property
    def query(self) -> str:
        """What is looked for; "" for everything."""
        return self._query

    @property
    def group(self) -> Group:
        """Which styles are shown."""
        return self._group

    def show_only(self, query: str, group: Group) -> None:
        """Show the styles of a group that match."""
        if (query.strip(), group) != (self._query, self._group):
            self._query, self._group = query.strip(), group
            self._arrange()

    def matches_elsewhere(self) -> int:
        """How many styles of any group match what is looked for."""
        return sum(matches(card, self._query) for card in self._cards)

    def reload(self) -> None:
        """Read the catalogue anew: a style was added or removed."""
        self._cards = self._bridge.styles()
        self._arrange()

    def row_of(self, style: str | None) -> int:
        """The row of a style id; -1 for a style that is not shown or not in the catalogue."""
        ids = [card.id if card else None for card in self._rows]
        return ids.index(style) if style in ids else -1

    def set_favourite(self, style: str, starred: bool) -> None:
        """Give a style a star, or take it away."""
        self._preferences.set_favourite(style, starred)

    def is_favourite(self, style: str) -> bool:
        """Whether a style has a star."""
        return style in self._preferences.favourites

    def look_at(self, rows: Sequence[int]) -> None:
        """These rows are in view: their thumbnails are made before the others."""
        seen = tuple(self._rows[row] for row in rows if 0 <= row < len(self._rows))
        if seen != self._seen:
            self._seen = seen
            if not self._settle.isActive():
                self._want()

    @Slot()
    def _arrange(self) -> None:
        self.beginResetModel()
        self._rows = self._matching()
        self.endResetModel()
        self.shown_changed.emit()
        if not self._settle.isActive():
            self._want()

    def _matching(self) -> tuple[StyleCard | None, ...]:
        cards = [card for card in self._cards if self._belongs(card) and matches(card, self._query)]
        cards.sort(key=lambda card: not self.is_favourite(card.id))
        return tuple(cards) if self._query or (self._group != "all" and not cards) else (None, *cards)

    def _belongs(self, card: StyleCard) -> bool:
        if self._group == "favourite":
            return self.is_favourite(card.id)
        return self._group in ("all", card.group)

    # rows

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """The styles shown, and one row for none."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title, tool tip, or what a `StyleRole` says."""
        if not 0 <= index.row() < len(self._rows):
            return None
        card = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return card.title if card else "No style"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _spoken(card, starred=card is not None and self.is_favourite(card.id))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tool_tip(card)
        if role == StyleRole.CARD:
            return card
        if role == StyleRole.FRAME:
            image = self._document.image
            return self._thumbnails.frame(_wish(image, card)) if image is not None else None
        if role == StyleRole.FAVOURITE:
            return card is not None and self.is_favourite(card.id)
        if role == StyleRole.CHOSEN:
            return self._document.recipe.style == (card.id if card else None)
        return None

    # thumbnails

    @Slot(object)
    def _start_anew(self, image: ImageRef | None) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))
        if image is None:
            self._settle.stop()
        else:
            self._settle.start()

    @Slot()
    def _want(self) -> None:
        """What is in view first, then what is shown, then the rest."""
        image = self._document.image
        if image is not None:
            cards = dict.fromkeys((*self._seen, *self._rows, None, *self._cards))
            self._thumbnails.want("styles", (_wish(image, card) for card in cards))

    @Slot(object)
    def _show(self, wish: Wish) -> None:
        row = self.row_of(wish.recipe.style)
        image = self._document.image
        if row >= 0 and image is not None and wish == _wish(image, self._rows[row]):
            self.dataChanged.emit(self.index(row), self.index(row))


def _wish(image: ImageRef, card: StyleCard | None) -> Wish:
    return Wish(image, Recipe(style=card.id, beta=1.0) if card else Recipe(), THUMBNAIL)


def tool_tip(card: StyleCard | None) -> str:
    """What is known of a style, a line each."""
    if card is None:
        return "Only the restoration, without the look of a style"
    source = f"Source: {card.source}" if card.source else ""
    licence = f"Licence: {card.licence}" if card.licence else ""
    return "\n".join(part for part in (card.title, card.date, source, licence) if part)


def _spoken(card: StyleCard | None, *, starred: bool) -> str:
    title = card.title if card else "No style"
    return f"{title}, favourite" if starred else title
