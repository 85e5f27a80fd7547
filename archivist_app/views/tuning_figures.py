"""How a fine-tuning stands: its curves, the figures as a table, the measurements as a list, two of them compared."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.tuning_course import Course
from archivist_app.views.parts import label
from archivist_app.views.strip_compare import Strip, StripCompare
from archivist_app.views.theme import GRID
from archivist_app.views.tuning_charts import TuningCharts
from engine.types import CollectionKind, TuningCheck, TuningStep

ROWS = {
    "own_10": "Your pictures, alpha 10",
    "own_1": "Your pictures, alpha 1",
    "general_10": "Ordinary damage, alpha 10",
    "texture_1": "Texture, 1 is right",
}
COLUMNS = ("at first", "best", "last")
AGAINST: dict[CollectionKind, tuple[str, str]] = {  # what is measured against, short and in full
    "damaged": (
        "PSNR to a stand-in, dB",
        "The truth of your scans is not known: its stand-in is what the shipped model makes of them at half their "
        "size, with imitations of their damage laid on.",
    ),
    "clean": ("PSNR, dB", "Your own pictures are the truth; the damage is the program's."),
    "pairs": ("PSNR, dB", "Your restorations are the truth."),
    "unpaired": (
        "PSNR of a round trip, dB",
        "The truth of your scans is not known: wanted pictures stand in for it, made old as your scans are.",
    ),
}
SIDE_WIDTH = 324
TOGETHER = 2  # measurements that can be compared


class TuningFigures(QWidget):
    """Grows with every step and every measurement; two of these can be looked at one above the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checks: list[TuningCheck] = []
        self._chosen: list[int] = []  # measurements that a person picked, in that order
        self.course = Course()
        self.charts = TuningCharts()
        self.against = label("", "hint")
        self.against.setObjectName("tuningAgainst")
        self.caption = label("", "hint")
        self.caption.setObjectName("tuningCaption")
        self.caption.setWordWrap(True)
        self._cells = {(row, column): label("", "muted") for row in ROWS for column in COLUMNS}
        self.list = QListWidget()
        self.list.setObjectName("tuningChecks")
        self.list.setAccessibleName("Measurements")
        self.list.setToolTip("Two of them can be compared below.")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.itemSelectionChanged.connect(self._note_choice)
        self.strips = StripCompare()
        self._lay_out()
        self.begin("damaged")

    def _lay_out(self) -> None:
        table = QGridLayout()
        table.setContentsMargins(0, 0, 0, 0)
        table.setHorizontalSpacing(12)
        table.setVerticalSpacing(4)
        table.addWidget(self.against, 0, 0)
        for number, title in enumerate(COLUMNS, start=1):
            table.addWidget(label(title, "hint"), 0, number, Qt.AlignmentFlag.AlignRight)
        for place, (row, words) in enumerate(ROWS.items(), start=1):
            table.addWidget(label(words, "muted"), place, 0)
            for number, column in enumerate(COLUMNS, start=1):
                table.addWidget(self._cells[row, column], place, number, Qt.AlignmentFlag.AlignRight)
        table.setColumnStretch(0, 1)
        side = QWidget()
        side.setFixedWidth(SIDE_WIDTH)
        left = QVBoxLayout(side)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(GRID)
        left.addLayout(table)
        left.addSpacing(GRID)
        left.addWidget(label("Mean of both alphas; choose two to compare", "hint"))
        left.addWidget(self.list, 1)
        left.addWidget(self.caption)
        below = QHBoxLayout()
        below.setSpacing(3 * GRID)
        below.addWidget(side)
        below.addWidget(self.strips, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.charts)
        layout.addLayout(below, 1)

    @property
    def checks(self) -> tuple[TuningCheck, ...]:
        """All measurements so far."""
        return tuple(self._checks)

    @property
    def shown(self) -> tuple[int, ...]:
        """The steps of the measurements whose pictures are shown."""
        return tuple(self._checks[number].step for number in self._compared())

    def begin(self, kind: CollectionKind) -> None:
        """A run on such pictures: nothing has been measured yet."""
        self._checks, self._chosen, self.course = [], [], Course()
        with QSignalBlocker(self.list):
            self.list.clear()
        self.charts.show_course(self.course)
        self.charts.show_checks(())
        for cell in self._cells.values():
            cell.setText("\u2013")
        short, full = AGAINST[kind]
        self.against.setText(short)
        self.against.setToolTip(f"PSNR in dB after gain and offset, on pictures it does not learn from. {full}")
        self.caption.setText(full)
        self.strips.show_kind(kind)
        self.strips.show_strips(())

    def note(self, step: TuningStep) -> None:
        """How the last step went; drawn about once a second."""
        if self.course.note(step, time.monotonic()):
            self.charts.show_course(self.course)

    def add(self, check: TuningCheck) -> None:
        """Another measurement; the first and the best are compared until somebody chooses others."""
        self._checks.append(check)
        with QSignalBlocker(self.list):
            self.list.addItem(QListWidgetItem())
            for number, one in enumerate(self._checks):
                self.list.item(number).setText(self._words(one, best=number == self._best()))
                self.list.item(number).setToolTip(one.told)
        self.charts.show_checks(self._checks)
        first = check.first or self._checks[0].figures
        best = self._checks[self._best()].figures
        for column, figures in zip(COLUMNS, (first, best, check.figures), strict=True):
            for row in ROWS:
                self._cells[row, column].setText(f"{figures[row]:.2f}")
        self.list.scrollToBottom()
        self._show_compared()

    @staticmethod
    def _words(check: TuningCheck, *, best: bool) -> str:
        words = f"Step {check.step}: {check.figures['score']:.2f} dB{', the best' if best else ''}"
        return f"{words} \u2014 {check.told}" if check.told else words

    def _best(self) -> int:
        return max(range(len(self._checks)), key=lambda number: self._checks[number].figures["score"])

    def _compared(self) -> list[int]:
        if self._chosen or not self._checks:
            return sorted(self._chosen)
        best = self._best()
        return sorted({0, best or len(self._checks) - 1})

    @Slot()
    def _note_choice(self) -> None:
        """At most two: what was picked longest ago makes room."""
        rows = [self.list.row(item) for item in self.list.selectedItems()]
        kept = [row for row in (self._chosen or self._compared()) if row in rows]
        self._chosen = [*kept, *(row for row in rows if row not in kept)][-TOGETHER:]
        self._show_compared()

    def _show_compared(self) -> None:
        compared = self._compared()
        with QSignalBlocker(self.list):
            for row in range(self.list.count()):
                self.list.item(row).setSelected(row in compared)
        self.list.viewport().update()
        self.strips.show_strips(tuple(self._strip(self._checks[row], row) for row in compared))

    def _strip(self, check: TuningCheck, row: int) -> Strip:
        what = "the best" if row == self._best() else "the first" if row == 0 else ""
        pixels = QPixmap(check.strip) if Path(check.strip).is_file() else QPixmap()
        return Strip(pixels, f"Step {check.step}", "\n".join(filter(None, (f"{check.figures['score']:.2f} dB", what))))
