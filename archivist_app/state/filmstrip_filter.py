"""Which images of the project the filmstrip shows, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot

from archivist_app.state.filmstrip_model import FilmRole, FilmstripModel, is_edited, name_of
from engine.types import ProjectItem

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

    def key(self, item: ProjectItem) -> str | int:
        """What images are sorted by; not asked for in the project's own order."""
        match self.order:
            case Order.NAME:
                return name_of(item).casefold()
            case Order.STARS:
                return -item.stars
        return ("", "approved", "rejected").index(item.decision)

    def shows(self, item: ProjectItem) -> bool:
        """Whether an image is among those wanted."""
        if item.stars < self.least_stars:
            return False
        if self.text and self.text.casefold() not in f"{name_of(item)}\n{item.note}".casefold():
            return False
        match self.which:
            case Which.OPEN:
                return item.decision == ""
            case Which.APPROVED | Which.REJECTED:
                return item.decision == str(self.which)
            case Which.EDITED | Which.UNEDITED:
                return is_edited(item) == (self.which is Which.EDITED)
        return True


class FilmstripFilter(QAbstractListModel):
    """The filmstrip's rows as they are wished for; `wish` is a value, replaced as a whole.

    Rows are chosen and sorted at once, by one key an image: a proxy of Qt’s would ask Python for every comparison, and
    with thousands of images stop the window for seconds while the engine’s thread runs beside it.
    """

    def __init__(self, model: FilmstripModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._wish = Wish()
        self._rows: list[int] = []  # of the model, in the order shown
        self._places: dict[int, int] = {}  # where each of them is
        model.modelAboutToBeReset.connect(self.beginResetModel)
        model.modelReset.connect(self._start_anew)
        model.dataChanged.connect(self._follow)

    @property
    def wish(self) -> Wish:
        """What is shown, and in which order."""
        return self._wish

    @wish.setter
    def wish(self, wish: Wish) -> None:
        """Show other images, or in another order."""
        if wish != self._wish:
            self._wish = wish
            self._arrange()

    def row_of(self, uuid: str) -> int:
        """The row of an item, -1 where it is hidden or not in the project."""
        return self._places.get(self._model.row_of(uuid), -1)

    def item(self, row: int) -> ProjectItem:
        """The item of a row that is shown."""
        return self._model.item(self._rows[row])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """How many images are shown."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What the filmstrip says of a row."""
        if not 0 <= index.row() < len(self._rows):
            return None
        return self._model.data(self._model.index(self._rows[index.row()]), role)

    def _wanted(self) -> list[int]:
        wish, items = self._wish, [self._model.item(row) for row in range(self._model.rowCount())]
        rows = [row for row, item in enumerate(items) if wish.shows(item)]
        if wish.order is not Order.PROJECT:
            rows.sort(key=lambda row: wish.key(items[row]))
        return rows

    def _put(self, rows: list[int]) -> None:
        self._rows, self._places = rows, {row: place for place, row in enumerate(rows)}

    @Slot()
    def _start_anew(self) -> None:
        self._put(self._wanted())
        self.endResetModel()

    def _arrange(self) -> None:
        """Other rows, or in another order; what is selected and still shown stays selected."""
        rows = self._wanted()
        if rows == self._rows:
            return
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        old = [self._rows[index.row()] for index in held]
        self._put(rows)
        places = [self._places.get(row, -1) for row in old]
        self.changePersistentIndexList(held, [self.index(at) if at >= 0 else QModelIndex() for at in places])
        self.layoutChanged.emit()

    @Slot(QModelIndex, QModelIndex, list)
    def _follow(self, first: QModelIndex, last: QModelIndex, roles: list[int]) -> None:
        """Items changed: they may have another place now, or none; not so where only a picture has come."""
        if list(roles) != [FilmRole.FRAME]:
            self._arrange()
        if first == last:
            place = self._places.get(first.row(), -1)
            if place >= 0:
                self.dataChanged.emit(self.index(place), self.index(place), roles)
        elif self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1), roles)
