"""Fine-tuning: which pictures teach, for how long, and how it goes. Stays beside the window, which goes on working."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.tuning import Tuner, Which
from archivist_app.views.parts import dressed, indented, label
from archivist_app.views.theme import GRID
from archivist_app.views.tuning_figures import TuningFigures
from engine.errors import EngineError
from engine.types import CollectionKind, Progress, Tuned, Tuning, TuningCheck

KINDS: dict[CollectionKind, tuple[str, str]] = {
    "damaged": (
        "Damaged scans",
        "Learns their grain and damage. It is judged on imitations, for their truth is unknown.",
    ),
    "clean": ("Clean pictures", "The wanted look. They are aged by the program, and learned from."),
    "pairs": ("Scans and their restorations", "What was done by hand is learned. The surest way, if you have both."),
    "unpaired": (
        "Scans, and other pictures as wanted",
        "Judged by a round trip: wanted pictures, made old as your scans are, and restored again.",
    ),
}
FOLDERS: dict[CollectionKind, tuple[str, str]] = {  # of a kind that needs a second folder: its row, and what it holds
    "pairs": ("Restorations", "The folder of the restorations"),
    "unpaired": ("Wanted", "The folder of the wanted pictures"),
}
WHICH: dict[Which, str] = {"selected": "The selected images", "approved": "All approved images", "all": "All images"}
SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".jp2")
LEFT = 260
INDENT = 19  # of words below a choice, so that they stand under its words


class FinetunePanel(QDialog):
    """Asks, starts, and shows how it goes; closing it stops nothing."""

    use_requested = Signal(str)  # a model's name

    def __init__(self, parent: QWidget, tuner: Tuner, selected: Callable[[], list[str]]) -> None:
        super().__init__(parent)
        self.setObjectName("finetunePanel")
        self.setWindowTitle("Fine-tune a model")
        self.setModal(False)
        self._tuner = tuner
        self._selected = selected
        self._folders: dict[CollectionKind, str] = {}
        self._tuned: Tuned | None = None
        self._kinds = QButtonGroup(self)
        self.figures = TuningFigures()
        self._make_fields()
        self._make_buttons()
        self._lay_out()
        tuner.progressed.connect(self._show_progress)
        tuner.checked.connect(self._show_check)
        tuner.ended.connect(self._show_end)
        self._show_running(tuner.running)

    def showEvent(self, event: QShowEvent) -> None:
        """Say how many images each choice means now."""
        super().showEvent(event)
        for number, (which, words) in enumerate(WHICH.items()):
            self.which.setItemText(number, f"{words} ({self._tuner.count(which, self._selected())})")

    def _make_fields(self) -> None:
        self.which = QComboBox()
        self.which.setObjectName("tuningWhich")
        self.which.setAccessibleName("Which images teach")
        for which, words in WHICH.items():
            self.which.addItem(words, which)
        self.name = dressed(QLineEdit("my-collection"), "search")
        self.name.setObjectName("tuningName")
        self.name.setAccessibleName("Name of the new model")
        self.minutes = indented(QSpinBox(minimum=1, maximum=24 * 60, value=15, suffix=" min"))
        self.minutes.setObjectName("tuningMinutes")
        self.minutes.setAccessibleName("How long it may learn")
        self.choose = QPushButton("Choose folder…")
        self.choose.setObjectName("tuningRestored")
        self.choose.clicked.connect(self._ask_folder)
        self._said = dressed(label("", "muted"), "muted")
        self._said.setWordWrap(True)
        self._said.setObjectName("tuningSaid")
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setObjectName("tuningBar")

    def _make_buttons(self) -> None:
        self.start = dressed(QPushButton("Start"), "primary")
        self.pause = QPushButton("Pause")
        self.pause.setCheckable(True)
        self.stop = QPushButton("Stop and keep the best")
        self.use = dressed(QPushButton("Use this model"), "primary")
        for button, name in (
            (self.start, "tuningStart"), (self.pause, "tuningPause"), (self.stop, "tuningStop"), (self.use, "tuningUse")
        ):  # fmt: skip
            button.setObjectName(name)
        self.start.clicked.connect(self._start)
        self.pause.toggled.connect(self._tuner.hold)
        self.stop.clicked.connect(self._tuner.stop)
        self.use.clicked.connect(self._use)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(GRID)
        left.addWidget(label("What the pictures are", "heading"))
        for number, (kind, (title, hint)) in enumerate(KINDS.items()):
            button = QRadioButton(title)
            button.setChecked(number == 0)
            button.setObjectName(f"tuningKind-{kind}")
            words = label(hint, "hint")
            words.setWordWrap(True)
            words.setContentsMargins(INDENT, 0, 0, 0)
            self._kinds.addButton(button, number)
            left.addWidget(button)
            left.addWidget(words)
        self._kinds.idClicked.connect(self._show_kind)
        form = QFormLayout()
        form.addRow("Images", self.which)
        self._folder_row = QLabel()
        form.addRow(self._folder_row, self.choose)
        form.addRow("Name", self.name)
        form.addRow("Time", self.minutes)
        self._form = form
        left.addSpacing(GRID)
        left.addLayout(form)
        left.addWidget(self._said)
        left.addStretch(1)
        left.addWidget(self._bar)
        buttons = QHBoxLayout()
        for push in (self.start, self.use, self.pause, self.stop):
            buttons.addWidget(push)
        left.addLayout(buttons)
        side = QWidget()
        side.setFixedWidth(LEFT)
        side.setLayout(left)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        row.setSpacing(3 * GRID)
        row.addWidget(side)
        row.addWidget(self.figures, 1)
        self._show_kind()

    @property
    def kind(self) -> CollectionKind:
        """What was said the pictures are."""
        return list(KINDS)[self._kinds.checkedId()]

    def take_folder(self, folder: str) -> None:
        """The second folder: restorations under the names of the scans, or the wanted pictures."""
        self._folders[self.kind] = folder
        self._show_kind()

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, FOLDERS[self.kind][1])
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.take_folder)
        dialog.open()

    def _inside(self) -> list[Path]:
        folder = self._folders.get(self.kind, "")
        return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in SUFFIXES) if folder else []

    @Slot()
    def _start(self) -> None:
        try:
            wish = self._wish()
        except EngineError as error:
            self._said.setText(str(error))
            return
        self._tuned = None
        self.figures.clear()
        self._said.setText("Looking at the pictures…")
        self._tuner.start(wish)
        self._show_running(True)

    def _wish(self) -> Tuning:
        pictures = self._tuner.pictures(self.which.currentData(), self._selected())
        restored: tuple[str, ...] = ()
        if self.kind == "pairs":
            partners = {file.stem: str(file) for file in self._inside()}
            missing = [Path(scan).name for scan in pictures if Path(scan).stem not in partners]
            if not partners:
                raise EngineError("Choose the folder that holds the restorations, under the names of the scans.")
            if missing:
                raise EngineError(f"“{missing[0]}” has no restoration of its name there; add it or leave it out.")
            restored = tuple(partners[Path(scan).stem] for scan in pictures)
        wanted = tuple(map(str, self._inside())) if self.kind == "unpaired" else ()
        if self.kind == "unpaired" and not wanted:
            raise EngineError("Choose the folder that holds the pictures that look as wanted.")
        name, minutes = self.name.text().strip(), float(self.minutes.value())
        return Tuning(name, self.kind, pictures, self._tuner.folder(), restored, minutes=minutes, wanted=wanted)

    @Slot()
    def _show_kind(self) -> None:
        row, what = FOLDERS.get(self.kind, ("", ""))
        self._folder_row.setText(row)
        self.choose.setAccessibleName(what)
        self.choose.setText(Path(self._folders.get(self.kind, "")).name or "Choose folder…")
        self._form.setRowVisible(self.choose, bool(row))

    def _show_running(self, running: bool) -> None:
        for widget in (self.start, self.which, self.name, self.minutes, self.choose, *self._kinds.buttons()):
            widget.setEnabled(not running)
        self.start.setVisible(not running and self._tuned is None)
        self.use.setVisible(not running and self._tuned is not None)
        for widget in (self.pause, self.stop, self._bar):
            widget.setVisible(running)
        if not running:
            self.pause.setChecked(False)

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        self._bar.setValue(progress.done)

    @Slot(object)
    def _show_check(self, check: TuningCheck) -> None:
        self.figures.add(check)
        self._said.setText(check.told or "It learns; the window can be used meanwhile.")

    @Slot(object, str)
    def _show_end(self, tuned: Tuned | None, text: str) -> None:
        gained = tuned is not None and tuned.after["own_10"] > tuned.before["own_10"] + 0.05
        self._tuned = tuned if gained else None
        self._said.setText("\n".join((text, *((*tuned.told, *tuned.warnings) if tuned else ()))))
        self._show_running(False)

    @Slot()
    def _use(self) -> None:
        if self._tuned is not None:
            self.use_requested.emit(Path(self._tuned.path).stem)
