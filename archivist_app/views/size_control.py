"""How large the result is: as the scan, twice or four times as wide and high."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QWidget

from archivist_app.views.parts import label
from archivist_app.views.theme import GRID
from engine.types import SCALES, Recipe

REASON = "Repairing damage only keeps the size of the scan."
_SHORT_REASON = "stays as scanned"
_HINTS = {
    1: "The result has the pixels of the scan.",
    2: "The result is twice as wide and high; detail finer than the scan’s is added.",
    4: "The result is four times as wide and high; detail finer than the scan’s is added.",
}


class SizeControl(QWidget):
    """A button a size, one of them pressed."""

    chosen = Signal(int)  # the scale somebody wants

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scaleControl")
        self.setAccessibleName("Size of the result")
        self._group = QButtonGroup(self)
        self.buttons = {scale: self._make_button(scale) for scale in SCALES}
        self._reason = label(_SHORT_REASON, "muted")
        self._reason.setToolTip(REASON)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(QLabel("Size"))
        row.addWidget(self._reason)
        row.addStretch()
        for button in self.buttons.values():
            row.addWidget(button)
        self.show_recipe(Recipe())

    def show_recipe(self, recipe: Recipe) -> None:
        """Show the size of a recipe, and why there is no choice where there is none."""
        kept = recipe.scope == "damage"
        self.buttons[recipe.scale].setChecked(True)
        self._reason.setVisible(kept)
        for scale, button in self.buttons.items():
            button.setEnabled(not kept)
            button.setToolTip(REASON if kept else _HINTS[scale])
            button.setAccessibleDescription(button.toolTip())

    def show_sizes(self, sizes: tuple[int, ...]) -> None:
        """Offer what the model can do; where that is the scan's own size alone, there is nothing to choose."""
        for scale, button in self.buttons.items():
            button.setVisible(scale in sizes)
        self.setVisible(len(sizes) > 1)

    def _make_button(self, scale: int) -> QPushButton:
        button = QPushButton(f"{scale}×")
        button.setCheckable(True)
        button.setAccessibleName(f"Size: {scale} times")
        button.clicked.connect(lambda _checked=False, s=scale: self.chosen.emit(s))
        self._group.addButton(button)
        return button
