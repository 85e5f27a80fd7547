"""What a fine-tuning asks first: what the pictures are, which of them teach, the new model's name, the time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.tuning import Tuner, Which
from archivist_app.views.parts import beside, dressed, indented, label
from archivist_app.views.theme import GRID
from engine.errors import EngineError
from engine.types import LEAST_PICTURES, PICTURE_SUFFIXES, CollectionKind, Tuning

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
ABOUT = (
    "Some of the pictures are held out and never learned from; all figures are measured on these. What is proposed at "
    "the end is the best measurement, not the last, and never anything worse than the model it began from.\n\n"
    "The new model is a small file in the project. Your originals are only read, and nothing leaves this computer."
)
LEFT, INDENT = 320, 19  # pixels; of words below a choice, so that they stand under its words


class TuningForm(QWidget):
    """Two columns: what the pictures are, and which of them, called what, for how long."""

    changed = Signal()  # somebody answered otherwise

    def __init__(self, tuner: Tuner, selected: Callable[[], list[str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tuner = tuner
        self._selected = selected
        self._picked = False  # whether somebody said which images teach
        self._folders: dict[CollectionKind, str] = {}
        self._kinds = QButtonGroup(self)
        self._make_fields()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4 * GRID)
        row.addWidget(self._make_kinds())
        row.addLayout(self._lay_out_fields(), 1)
        self._show_kind()

    def showEvent(self, event: QShowEvent) -> None:
        """Say how many images each choice means now."""
        super().showEvent(event)
        self.count()

    @Slot()
    def count(self) -> None:
        """Say how many images each choice means; propose one that has enough of them."""
        counts = {which: self._tuner.count(which, self._selected()) for which in WHICH}
        for number, (which, words) in enumerate(WHICH.items()):
            self.which.setItemText(number, f"{words} ({counts[which]})")
        if not self._picked:
            proposed: Which = "selected" if counts["selected"] >= LEAST_PICTURES else "all"
            self.which.setCurrentIndex(list(WHICH).index(proposed))
        self._look()

    @property
    def kind(self) -> CollectionKind:
        """What was said the pictures are."""
        return list(KINDS)[self._kinds.checkedId()]

    def take_folder(self, folder: str) -> None:
        """The second folder: restorations under the names of the scans, or the wanted pictures."""
        self._folders[self.kind] = folder
        self._show_kind()

    def wish(self) -> Tuning:
        """What was asked for. Raises EngineError where that cannot be learned from."""
        if lacking := self._lacking():
            raise EngineError(lacking)
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

    def _make_fields(self) -> None:
        self.which = QComboBox()
        self.which.setObjectName("tuningWhich")
        self.which.setAccessibleName("Which images teach")
        for which, words in WHICH.items():
            self.which.addItem(words, which)
        self.which.activated.connect(self._pick)
        self.which.currentIndexChanged.connect(self._look)
        self._few = label("", "hint")
        self._few.setObjectName("tuningFew")
        self._few.setWordWrap(True)
        self.name = dressed(QLineEdit("my-collection"), "search")
        self.name.setObjectName("tuningName")
        self.name.setAccessibleName("Name of the new model")
        self.name.textEdited.connect(self.changed)
        self.minutes = indented(QSpinBox(minimum=1, maximum=24 * 60, value=15, suffix=" min"))
        self.minutes.setObjectName("tuningMinutes")
        self.minutes.setAccessibleName("How long it may learn")
        self.choose = QPushButton("Choose folder…")
        self.choose.setObjectName("tuningRestored")
        self.choose.clicked.connect(self._ask_folder)

    def _make_kinds(self) -> QWidget:
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(label("What the pictures are", "heading"))
        for number, (kind, (title, hint)) in enumerate(KINDS.items()):
            button = QRadioButton(title)
            button.setChecked(number == 0)
            button.setObjectName(f"tuningKind-{kind}")
            words = label(hint, "hint")
            words.setWordWrap(True)
            words.setContentsMargins(INDENT, 0, 0, 0)
            self._kinds.addButton(button, number)
            column.addSpacing(GRID)
            column.addWidget(button)
            column.addWidget(words)
        column.addStretch(1)
        self._kinds.idClicked.connect(self._show_kind)
        side = QWidget()
        side.setFixedWidth(LEFT)
        side.setLayout(column)
        return side

    def _lay_out_fields(self) -> QVBoxLayout:
        self._folder_row = QLabel()
        rows = ("Images", self.which), ("", self._few), (self._folder_row, self.choose)
        about = label(ABOUT, "hint")
        about.setWordWrap(True)
        column = QVBoxLayout()
        column.setSpacing(2 * GRID)
        column.addWidget(label("Which of them, and for how long", "heading"))
        column.addLayout(beside(*rows, ("Name", self.name), ("Time", self.minutes)))
        column.addWidget(about)
        column.addStretch(1)
        return column

    @Slot()
    def _pick(self) -> None:
        self._picked = True
        self.changed.emit()

    def _lacking(self) -> str:
        """What is missing for anything to be learned; "" where nothing is."""
        count = self._tuner.count(self.which.currentData(), self._selected())
        if count < LEAST_PICTURES:
            few = f"{count} {'is' if count == 1 else 'are'} too few" if count else "There are none"
            return f"{few}: choose at least {LEAST_PICTURES} images, better 10 to 200 of one collection."
        inside = len(self._inside())
        if self.kind == "unpaired" and 0 < inside < LEAST_PICTURES:
            return f"Too few wanted pictures, {inside}: their folder should hold at least {LEAST_PICTURES}, better 10."
        return ""

    @Slot()
    def _look(self) -> None:
        lacking = self._lacking()
        self._few.setText(lacking or "10 to 200 of one collection teach its grain, its process and its damage.")
        dressed(self._few, "fault" if lacking else "hint")
        self._few.style().polish(self._few)

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, FOLDERS[self.kind][1])
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.take_folder)
        dialog.open()

    def _inside(self) -> list[Path]:
        folder = self._folders.get(self.kind, "")
        return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in PICTURE_SUFFIXES) if folder else []

    @Slot()
    def _show_kind(self) -> None:
        row, what = FOLDERS.get(self.kind, ("", ""))
        self._folder_row.setText(row)
        self.choose.setAccessibleName(what)
        name = Path(self._folders.get(self.kind, "")).name
        self.choose.setText(f"{name} ({len(self._inside())} pictures)" if name else "Choose folder…")
        for widget in (self._folder_row, self.choose):
            widget.setVisible(bool(row))
        self._look()
        self.changed.emit()
