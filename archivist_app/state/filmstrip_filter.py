"""Which images of the project the filmstrip shows, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel

from archivist_app.state.filmstrip_model import FilmRole, FilmstripModel, name_of
from engine.types import ProjectItem, Recipe

Index = QModelIndex | QPersistentModelIndex


class Order(StrEnum):
    """What the filmstrip is sorted by; equal ones stay in the project's order."""

    PROJECT = "as added"
    NAME = "name"
    STARS = "stars, most first"
    DECISION = "decision, open ones first"


class Which(StrEnum):
    """Which images are shown by what was decided about them."""

    ALL = "all"
    OPEN = "not decided yet"
    APPROVED = "approved"
    REJECTED = "rejected"
    EDITED = "edited"
    UNEDITED = "not edited"


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything that hides or sorts images."""

    text: str = ""  # in the name or the note
    least_stars: int = 0
    which: Which = Which.ALL
    order: Order = Order.PROJECT

    @property
    def hides(self) -> bool:
        """Whether some image may be hidden."""
        return bool(self.text) or self.least_stars > 0 or self.which is not Which.ALL

    def shows(self, item: ProjectItem) -> bool:
        """Whether an image is among those wanted."""
        words = f"{name_of(item)}\n{item.note}".casefold()
        if self.text.casefold() not in words or item.stars < self.least_stars:
            return False
        match self.which:
            case Which.OPEN:
                return item.decision == ""
            case Which.APPROVED | Which.REJECTED:
                return item.decision == str(self.which)
            case Which.EDITED | Which.UNEDITED:
                return is_edited(item) == (self.which is Which.EDITED)
        return True


class FilmstripFilter(QSortFilterProxyModel):
    """The filmstrip's rows as they are wished for; `wish` is a value, replaced as a whole."""

    def __init__(self, model: FilmstripModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._wish = Wish()
        self.setSourceModel(model)
        self.setDynamicSortFilter(True)

    @property
    def wish(self) -> Wish:
        """What is shown, and in which order."""
        return self._wish

    @wish.setter
    def wish(self, wish: Wish) -> None:
        """Show other images, or in another order."""
        if wish != self._wish:
            self._wish = wish
            self.invalidate()
            self.sort(-1 if wish.order is Order.PROJECT else 0)

    def row_of(self, uuid: str) -> int:
        """The row of an item, -1 where it is hidden or not in the project."""
        source = self._model.index(self._model.row_of(uuid))
        return self.mapFromSource(source).row() if source.isValid() else -1

    def item(self, row: int) -> ProjectItem:
        """The item of a row that is shown."""
        item: ProjectItem = self.index(row, 0).data(FilmRole.ITEM)
        return item

    def filterAcceptsRow(self, row: int, _parent: Index) -> bool:
        """Whether a row of the project is shown."""
        return self._wish.shows(self._model.item(row))

    def lessThan(self, left: Index, right: Index) -> bool:
        """Whether one image comes before another."""
        one, other = self._model.item(left.row()), self._model.item(right.row())
        if self._wish.order is Order.NAME:
            return name_of(one).casefold() < name_of(other).casefold()
        if self._wish.order is Order.STARS:
            return one.stars > other.stars
        ranks = ("", "approved", "rejected")
        return ranks.index(one.decision) < ranks.index(other.decision)


def is_edited(item: ProjectItem) -> bool:
    """Whether somebody chose other settings than those every image begins with."""
    return item.recipe != Recipe() or bool(item.snapshots)
