"""Every style as a thumbnail of the open image."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSignalBlocker, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from archivist_app.state.styles_model import StyleRole, StylesModel
from archivist_app.views.lists import LINE, PictureDelegate, PictureList
from engine.types import Recipe

COLUMNS = 3
LINES = 2  # of a name; a longer one is cut, and whole in its tool tip
MARGIN = 10  # puts the pictures below the heading: each has 4 pixels around it, and a ring
SCROLL_BAR = 12


class StyleGallery(PictureList):
    """Says which style somebody chose."""

    chosen = Signal(object)  # StyleCard | None

    def __init__(self, model: StylesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("styleGallery")
        self.setAccessibleName("Styles")
        self.setModel(model)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setViewportMargins(MARGIN, 0, 0, 0)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._fit_cells(300)
        self.selectionModel().currentChanged.connect(self._choose)

    def show_recipe(self, recipe: Recipe) -> None:
        """Mark the recipe's style without choosing it again."""
        model = self.model()
        if isinstance(model, StylesModel):
            with QSignalBlocker(self.selectionModel()):
                self.setCurrentIndex(model.index(model.row_of(recipe.style)))
            self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep three columns."""
        self._fit_cells(self.width() - MARGIN - SCROLL_BAR - 2)
        super().resizeEvent(event)

    def _fit_cells(self, width: int) -> None:
        side = max(64, width // COLUMNS)
        cell = QSize(side, side + 6 + LINE * LINES)
        if cell != self.gridSize():
            self.setGridSize(cell)
            self.setItemDelegate(PictureDelegate(self, StyleRole.FRAME, cell, fill=True, lines=LINES))

    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(current.data(StyleRole.CARD))
