"""Asks what a comparison sheet is to show, and on what paper; a window beside the program's, not in its way."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from archivist_app.state.export_choice import Which
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID

_PAGES = (("A4", "a4"), ("A3", "a3"), ("Letter", "letter"))
_LAYOUTS = (("A page an image", "page"), ("A wall: a row an image", "wall"))


class SheetDialog(QDialog):
    """Emits which images, the paper and the layout."""

    create_requested = Signal(object, str, str)  # Which, paper, layout

    def __init__(self, counts: dict[Which, int], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("sheetDialog")
        self.setWindowTitle("Comparison sheet — Archivist")
        self.setModal(False)
        self.which = self._box("sheetWhich", "Images", [(_words(which, n), which) for which, n in counts.items() if n])
        self.page = self._box("sheetPage", "Paper", _PAGES)
        self.layout_ = self._box("sheetLayout", "Layout", _LAYOUTS)
        self.which.currentIndexChanged.connect(self._suggest)
        text = label(
            "A PDF that shows images before and after, what was changed and what was invented, the settings in words, "
            "and where the pictures come from.",
            "muted",
        )
        text.setWordWrap(True)
        text.setMinimumWidth(360)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        for name, box in (("Images", self.which), ("Layout", self.layout_), ("Paper", self.page)):
            form.addRow(label(name, "muted"), box)
        close = dressed(QPushButton("Close"), "quiet")
        close.clicked.connect(self.close)
        create = dressed(QPushButton("Save as PDF…"), "primary")
        create.setObjectName("sheetCreate")
        create.setDefault(True)
        create.clicked.connect(self._create)
        foot = QHBoxLayout()
        foot.addStretch()
        foot.addWidget(close)
        foot.addWidget(create)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        whole.setSpacing(2 * GRID)
        whole.addWidget(text)
        whole.addLayout(form)
        whole.addLayout(foot)

    def _box(self, name: str, words: str, choices: Sequence[tuple[str, str]]) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(words)
        for text, value in choices:
            box.addItem(text, str(value))
        return box

    def _suggest(self) -> None:
        """Several images make a wall, unless somebody says otherwise."""
        wanted = "page" if self.which.currentData() == str(Which.CURRENT) else "wall"
        self.layout_.setCurrentIndex(self.layout_.findData(wanted))

    def _create(self) -> None:
        which = Which(self.which.currentData())
        self.create_requested.emit(which, self.page.currentData(), self.layout_.currentData())


def _words(which: Which, count: int) -> str:
    return {
        Which.CURRENT: "This image",
        Which.SELECTED: f"The selection ({count})",
        Which.ALL: f"The whole project ({count})",
        Which.APPROVED: f"What is approved ({count})",
    }[which]
