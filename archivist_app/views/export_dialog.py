"""Where somebody says what is exported and how; a window beside the program's, not in its way."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.export_choice import ExportChoice, Which
from archivist_app.state.jobs_model import time_left
from archivist_app.views.export_options import HEIGHT, ExportOptions
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID
from engine.types import EXPORT_PRESETS, TEMPLATE_FIELDS, ExportEstimate, ExportPreset

LEFT = 300  # pixels
_RULES = (("Save a new version", "version"), ("Replace it (asked once)", "overwrite"), ("Leave it alone", "skip"))


class PresetCard(QPushButton):
    """A preset: its name, and what it is for."""

    def __init__(self, preset: ExportPreset) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setObjectName(f"exportPreset_{preset.id}")
        self.setAccessibleName(f"{preset.title}: {preset.explanation}")
        dressed(self, "card")
        title, text = label(preset.title, "heading"), label(preset.explanation, "hint")
        text.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 9, 12, 10)
        layout.setSpacing(2)
        for part in (title, text):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            layout.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.setFixedHeight(layout.heightForWidth(LEFT) if layout.hasHeightForWidth() else layout.sizeHint().height())


class ExportDialog(QDialog):
    """Edits an `ExportChoice`; emits that somebody wants to start."""

    start_requested = Signal()

    def __init__(self, choice: ExportChoice, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("exportDialog")
        self.setWindowTitle("Export — Archivist")
        self.setModal(False)
        self._choice = choice
        self._which = QButtonGroup(self)
        self._cards = QButtonGroup(self)
        self._make_fields()
        self._lay_out()
        self._connect()
        self.resize(840, 560)
        self.refresh()

    # building

    def _make_fields(self) -> None:
        self.options = ExportOptions()
        self.template = dressed(QLineEdit(), "search")
        self.template.setObjectName("exportTemplate")
        self.template.setAccessibleName("Template for names")
        fields = "\n".join(f"{{{name}}}  {text}" for name, text in TEMPLATE_FIELDS.items())
        self.template.setToolTip(f"Fields are filled for each image:\n{fields}")
        self.example = label("", "hint")
        self.example.setObjectName("exportExample")
        self.folder = dressed(QLineEdit(readOnly=True), "search")
        self.folder.setObjectName("exportFolder")
        self.folder.setAccessibleName("Folder")
        self.choose = QPushButton("Choose…")
        self.choose.setObjectName("exportChooseFolder")
        self.conflict = QComboBox()
        self.conflict.setObjectName("exportConflict")
        self.conflict.setAccessibleName("Where a name exists")
        for words, value in _RULES:
            self.conflict.addItem(words, value)
        self.report = QCheckBox("Report for several images (HTML and CSV)")
        self.report.setObjectName("exportReport")
        self.estimate = label("", "muted")
        self.estimate.setObjectName("exportEstimate")
        self.estimate.setWordWrap(True)
        for line in (self.template, self.folder):
            line.setMinimumHeight(HEIGHT)
        self.fault = label("", "fault")
        self.fault.setObjectName("exportFault")
        self.fault.setWordWrap(True)
        self.reset = dressed(QPushButton("Reset"), "quiet")
        self.reset.setObjectName("exportReset")
        self.reset.setToolTip("The settings this preset came with, and the project’s own folder")
        self.start = dressed(QPushButton("Export"), "primary")
        self.start.setObjectName("exportStart")
        self.start.setDefault(True)

    def _lay_out(self) -> None:
        left, right = QVBoxLayout(), QVBoxLayout()
        left.setSpacing(GRID)
        left.addWidget(label("What", "heading"))
        for which in Which:
            button = QRadioButton()
            button.setObjectName(f"exportWhich_{which}")
            self._which.addButton(button)
            button.setProperty("which", str(which))
            left.addWidget(button)
        left.addSpacing(GRID)
        left.addWidget(label("For", "heading"))
        for preset in EXPORT_PRESETS:
            card = PresetCard(preset)
            card.setProperty("preset", preset.id)
            self._cards.addButton(card)
            left.addWidget(card)
        left.addStretch()
        right.setSpacing(GRID)
        for title, parts in (
            ("How", (self.options,)),
            ("Names", (self.template, self.example)),
            ("Where", (self._folder_row(), self._rule_row(), self.report)),
        ):
            right.addWidget(label(title, "heading"))
            for part in parts:
                right.addWidget(part)
            right.addSpacing(GRID)
        right.addStretch()
        columns = QHBoxLayout()
        columns.setSpacing(4 * GRID)
        shell = QWidget()
        shell.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        shell.setFixedWidth(LEFT)
        columns.addWidget(shell)
        columns.addLayout(right, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        whole.setSpacing(2 * GRID)
        whole.addLayout(columns, 1)
        whole.addLayout(self._foot())

    def _folder_row(self) -> QWidget:
        return _row((self.folder, 1), (self.choose, 0))

    def _rule_row(self) -> QWidget:
        return _row((label("Where a name exists", "muted"), 0), (self.conflict, 1))

    def _foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        said = QVBoxLayout()
        said.addWidget(self.fault)
        said.addWidget(self.estimate)
        close = dressed(QPushButton("Close"), "quiet")
        close.setObjectName("exportClose")
        close.clicked.connect(self.close)
        foot.addLayout(said, 1)
        foot.addWidget(self.reset)
        foot.addWidget(close)
        foot.addWidget(self.start)
        return foot

    def _connect(self) -> None:
        choice = self._choice
        self._which.buttonClicked.connect(lambda button: choice.choose(which=Which(button.property("which"))))
        self._cards.buttonClicked.connect(lambda card: choice.choose(preset=card.property("preset")))
        self.options.edited.connect(lambda name, value: choice.edit(**{name: value}))
        self.template.textEdited.connect(lambda text: choice.edit(template=text))
        self.conflict.currentIndexChanged.connect(lambda _: choice.edit(conflict=self.conflict.currentData()))
        self.report.toggled.connect(lambda wanted: choice.choose(report=wanted))
        self.choose.clicked.connect(self._ask_folder)
        self.reset.clicked.connect(self._reset)
        self.start.clicked.connect(self.start_requested)
        choice.changed.connect(self.refresh)
        choice.estimated.connect(self._show_estimate)

    # showing

    @Slot()
    def refresh(self) -> None:
        """Show the choice as it stands."""
        choice, settings = self._choice, self._choice.settings
        for button in self._which.buttons():
            which = Which(button.property("which"))
            count = len(choice.items(which))
            button.setText(_words(which, count))
            button.setEnabled(count > 0 or which is choice.choice.which)
            button.setChecked(which is choice.choice.which)
        for card in self._cards.buttons():
            card.setChecked(card.property("preset") == choice.choice.preset)
        self.options.show_settings(choice.preset, settings)
        if not choice.fault and self.template.text() != settings.template:
            self.template.setText(settings.template)
        example = choice.example
        self.example.setText(f"for example  {example}" if example else "")
        self.folder.setText(choice.folder)
        self.folder.setToolTip(choice.folder)
        for widget, put in self._plain_fields():
            with QSignalBlocker(widget):
                put()
        count = len(choice.items(choice.choice.which))
        self.fault.setText(choice.fault)
        self.fault.setVisible(bool(choice.fault))
        self.start.setEnabled(not choice.fault and count > 0)
        self.start.setText("Export" if count <= 1 else f"Export {count} images")
        self._show_estimate()

    def _plain_fields(self) -> tuple[tuple[QWidget, Callable[[], None]], ...]:
        choice = self._choice
        rule = self.conflict.findData(choice.settings.conflict)
        return (
            (self.conflict, lambda: self.conflict.setCurrentIndex(rule)),
            (self.report, lambda: self.report.setChecked(choice.choice.report)),
        )

    @Slot()
    def _show_estimate(self) -> None:
        found = self._choice.estimate
        self.estimate.setText(in_words(found, self._choice.settings.conflict) if found else "")
        self.estimate.setVisible(not self._choice.fault)

    # hands

    def _reset(self) -> None:
        self._choice.reset()
        self.template.setText(self._choice.settings.template)

    def _ask_folder(self) -> None:
        files = QFileDialog(self, "Export into", self._choice.folder)
        files.setObjectName("exportFolderDialog")
        files.setFileMode(QFileDialog.FileMode.Directory)
        files.setOption(QFileDialog.Option.ShowDirsOnly)
        files.fileSelected.connect(lambda folder: self._choice.choose(folder=folder))
        files.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        files.open()

    def button_for(self, which: Which) -> QAbstractButton:
        """The button of a choice of images."""
        return next(button for button in self._which.buttons() if button.property("which") == str(which))


def _row(*parts: tuple[QWidget, int]) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GRID)
    for widget, stretch in parts:
        layout.addWidget(widget, stretch)
    return row


def _words(which: Which, count: int) -> str:
    match which:
        case Which.CURRENT:
            return "This image"
        case Which.SELECTED:
            return f"The selection ({count})"
        case Which.ALL:
            return f"The whole project ({count})"
        case Which.APPROVED:
            return f"What is approved ({count})"


def in_words(found: ExportEstimate, conflict: str) -> str:
    """What a job will come to."""
    size = f"about {_size(found.likely)}" if found.likely is not None else f"at most {_size(found.largest)}"
    time = time_left(found.seconds).removesuffix(" left") if found.seconds is not None else ""
    parts = [size, time or "the time is known after the first export"]
    if found.existing:
        one = found.existing == 1
        what = {
            "version": "gets a new version" if one else "get new versions",
            "overwrite": "is replaced" if one else "are replaced",
            "skip": "is left alone" if one else "are left alone",
        }[conflict]
        exist = "one of these names exists" if one else f"{found.existing} of these names exist"
        parts.append(f"{exist} and {what} where something has changed")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def _size(nbytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if nbytes >= size:
            return f"{nbytes / size:.1f} {unit}"
    return f"{max(1, round(nbytes / 1e3))} kB"
