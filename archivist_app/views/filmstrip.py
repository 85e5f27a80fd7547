"""The images of the project, in a strip from top to bottom."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QWidget

from archivist_app.state.filmstrip_model import FilmRole, FilmstripModel
from archivist_app.views.lists import PictureDelegate, PictureList
from archivist_app.views.theme import GRID

CELL = QSize(176, 140)


class Filmstrip(PictureList):
    """Says which item somebody chose."""

    chosen = Signal(str)  # uuid

    def __init__(self, model: FilmstripModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmstrip")
        self.setAccessibleName("Images of the project")
        self.setModel(model)
        self.setItemDelegate(PictureDelegate(self, FilmRole.FRAME, CELL, fill=False))
        self.setUniformItemSizes(True)
        self.setViewportMargins(GRID, 0, GRID, 0)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._choose)

    def show_chosen(self, uuid: str) -> None:
        """Mark the item on screen without choosing it again."""
        model = self.model()
        if isinstance(model, FilmstripModel):
            with QSignalBlocker(self.selectionModel()):
                index = model.index(model.row_of(uuid))
                self.setCurrentIndex(index)
            self.scrollTo(index)
            self.viewport().update()

    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        item = current.data(FilmRole.ITEM)
        if item is not None:
            self.chosen.emit(item.uuid)
