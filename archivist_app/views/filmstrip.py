"""The images of the project, in a strip from top to bottom."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QWidget

from archivist_app.state.filmstrip_filter import FilmstripFilter
from archivist_app.state.filmstrip_model import FilmRole
from archivist_app.views.film_delegate import FilmDelegate
from archivist_app.views.lists import PictureList
from archivist_app.views.theme import GRID

CELL = QSize(176, 140)


class Filmstrip(PictureList):
    """Says which item somebody chose; several can be selected, one of them is on screen."""

    chosen = Signal(str)  # uuid

    def __init__(self, model: FilmstripFilter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmstrip")
        self.setAccessibleName("Images of the project")
        self.setModel(model)
        self.setItemDelegate(FilmDelegate(self, FilmRole.FRAME, CELL, fill=False))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setViewportMargins(GRID, 0, GRID, 0)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._choose)

    def show_chosen(self, uuid: str) -> None:
        """Mark the item on screen without choosing it again."""
        model = self.model()
        if isinstance(model, FilmstripFilter):
            index = model.index(model.row_of(uuid), 0)
            flags = QItemSelectionModel.SelectionFlag
            if not index.isValid():
                return  # hidden: what else is selected stays so
            among = index in self.selectedIndexes()  # those that are selected beside it stay so
            with QSignalBlocker(self.selectionModel()):
                self.selectionModel().setCurrentIndex(index, flags.NoUpdate if among else flags.ClearAndSelect)
            self.scrollTo(index)
            self.viewport().update()

    def selected(self) -> list[str]:
        """The uuids of the selected items, from top to bottom."""
        rows = sorted(self.selectedIndexes(), key=QModelIndex.row)
        return [index.data(FilmRole.ITEM).uuid for index in rows]

    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        item = current.data(FilmRole.ITEM)
        if item is not None:
            self.chosen.emit(item.uuid)
