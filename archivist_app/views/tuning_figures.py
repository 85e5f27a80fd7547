"""How a fine-tuning stands: the measurements as a line and a list, the figures as a table, the strips to compare."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QAbstractItemView, QGridLayout, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from archivist_app.views.loss_plot import LossPlot
from archivist_app.views.parts import label
from archivist_app.views.theme import GRID
from engine.types import TuningCheck

ROWS = {
    "own_10": "Your pictures, alpha 10",
    "own_1": "Your pictures, alpha 1",
    "general_10": "Ordinary damage, alpha 10",
    "texture_1": "Texture, 1 = as in the truth",
}
COLUMNS = ("", "at first", "best", "last")
STRIP_WIDTH, ROW_HEIGHT = 440, 104
ABOUT = (
    "10 to 200 pictures of one collection teach the model its grain, its process and its damage.\n\n"
    "Some of them are held out and never learned from; all figures are measured on these. What is proposed at the end "
    "is the best measurement, not the last, and never anything worse than the model it began from.\n\n"
    "The new model is a small file in the project. Your originals are only read, and nothing leaves this computer."
)


class TuningFigures(QWidget):
    """Grows with every measurement; two of them can be looked at one above the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checks: list[TuningCheck] = []
        self._plot = LossPlot()
        self._cells = {(row, column): label("", "muted") for row in ROWS for column in COLUMNS[1:]}
        self.list = QListWidget()
        self.list.setObjectName("tuningChecks")
        self.list.setAccessibleName("Measurements")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        self.list.setFixedHeight(ROW_HEIGHT)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.itemSelectionChanged.connect(self._show_strips)
        self._strips = (QLabel(), QLabel())
        self._captions = (label("", "hint"), label("", "hint"))
        self._about = label(ABOUT, "muted")
        self._about.setWordWrap(True)
        self._about.setFixedWidth(STRIP_WIDTH)
        self._told = QWidget()
        self._lay_out()
        self.clear()

    def _lay_out(self) -> None:
        table = QGridLayout()
        table.setHorizontalSpacing(2 * GRID)
        for number, title in enumerate(COLUMNS):
            table.addWidget(label(title, "hint"), 0, number, Qt.AlignmentFlag.AlignRight)
        for place, (row, words) in enumerate(ROWS.items(), start=1):
            table.addWidget(label(words, "muted"), place, 0)
            for number, column in enumerate(COLUMNS[1:], start=1):
                table.addWidget(self._cells[row, column], place, number, Qt.AlignmentFlag.AlignRight)
        table.setColumnStretch(0, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._about, 0, Qt.AlignmentFlag.AlignTop)
        whole.addWidget(self._told, 1)
        layout = QVBoxLayout(self._told)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(table)
        layout.addWidget(label("PSNR in dB after gain and offset, on pictures it does not learn from", "hint"))
        layout.addWidget(self._plot)
        layout.addWidget(self.list)
        for caption, strip in zip(self._captions, self._strips, strict=True):
            layout.addWidget(caption)
            layout.addWidget(strip)
        layout.addStretch(1)

    @property
    def checks(self) -> tuple[TuningCheck, ...]:
        """All measurements so far."""
        return tuple(self._checks)

    def clear(self) -> None:
        """Nothing has been measured yet."""
        self._checks = []
        self.list.clear()
        self._plot.show_values(())
        for cell in self._cells.values():
            cell.setText("")
        self._about.show()
        self._told.hide()

    def add(self, check: TuningCheck) -> None:
        """Another measurement; the newest and the first are shown until somebody chooses others."""
        self._checks.append(check)
        self._about.hide()
        self._told.show()
        words = f"Step {check.step}: {check.figures['own_10']:.2f} dB"
        words += ", the best so far" if check.best else ""
        item = QListWidgetItem(f"{words} \u2014 {check.told}" if check.told else words)
        item.setData(Qt.ItemDataRole.UserRole, len(self._checks) - 1)
        item.setToolTip(check.told)
        self.list.addItem(item)
        self._plot.show_values([-c.figures["score"] for c in self._checks])
        best = max(self._checks, key=lambda c: c.figures["score"])
        for column, shown in zip(COLUMNS[1:], (self._checks[0], best, check), strict=True):
            for row in ROWS:
                self._cells[row, column].setText(f"{shown.figures[row]:.2f}")
        self.list.scrollToBottom()
        self._show_strips()

    @Slot()
    def _show_strips(self) -> None:
        chosen = [self._checks[item.data(Qt.ItemDataRole.UserRole)] for item in self.list.selectedItems()][-2:]
        best = max(self._checks, key=lambda c: c.figures["score"], default=None)
        shown = chosen or ([self._checks[0], best] if best is not None and len(self._checks) > 1 else self._checks)
        for place, (caption, strip) in enumerate(zip(self._captions, self._strips, strict=True)):
            check = shown[place] if place < len(shown) else None
            strip.setVisible(check is not None)
            caption.setVisible(check is not None)
            if check is not None:
                strip.setPixmap(_upper_half(QPixmap(check.strip)))
                strip.setAccessibleName(f"Strip of step {check.step}")
                caption.setText(f"Step {check.step}: as it is, alpha 10, alpha 1, the truth")


def _upper_half(strip: QPixmap) -> QPixmap:
    """Two of the four rows, as wide as there is room for."""
    if strip.isNull():
        return strip
    upper = strip.copy(0, 0, strip.width(), strip.height() // 2)
    return upper.scaledToWidth(STRIP_WIDTH, Qt.TransformationMode.SmoothTransformation)
