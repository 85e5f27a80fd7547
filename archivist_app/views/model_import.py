"""What is asked when a network of other people's comes in: above all its licence. Not modal; work goes on beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from archivist_app.async_tools import answer
from archivist_app.state.model_facts import UNKNOWN
from archivist_app.views.parts import beside, dressed, label
from archivist_app.views.theme import GRID
from engine.types import NewModel

WEIGHTS = "Weights (*.safetensors *.pth *.pt *.ckpt);;All files (*)"
LICENCES = (UNKNOWN, "MIT", "BSD-3-Clause", "Apache-2.0", "CC0-1.0", "CC-BY-4.0", "CC-BY-NC-SA-4.0")
_WHY = (
    "Archivist reads the weights and nothing else: whatever else the file holds is refused and never run. It then "
    "tries the network on a test picture, which may take a minute, and keeps it among your models."
)
_FACES = (
    "Such a network puts a plausible face in the place of the one photographed. It is used only on faces that you "
    "mark, each with a consent that the result keeps, and never on whole pictures."
)


async def ask_model(parent: QWidget, has_card: Callable[[str], bool]) -> NewModel | None:
    """The file of a network and what somebody knows of it; None when they change their mind.

    Of a tuned or trained one nothing is asked: its card is in the file.
    """
    files = QFileDialog(parent, "Add a model", "", WEIGHTS)
    files.setObjectName("addModelDialog")
    files.setFileMode(QFileDialog.FileMode.ExistingFile)
    if await answer(files) != QDialog.DialogCode.Accepted or not files.selectedFiles():
        return None
    file = files.selectedFiles()[0]
    if has_card(file):
        return NewModel(file)
    dialog = ImportDialog(parent, file)
    if await answer(dialog, modal=False) != QDialog.DialogCode.Accepted:
        return None
    return dialog.wish()


class ImportDialog(QDialog):
    """Cannot be accepted before somebody has answered for the licence, if only that it is unknown."""

    def __init__(self, parent: QWidget, file: str) -> None:
        super().__init__(parent)
        self.setObjectName("importModelDialog")
        self.setWindowTitle("Add a model")
        self.setMinimumWidth(480)
        self._file = file
        self.title = _field("importTitle", Path(file).stem)
        self.title.setText(Path(file).stem)
        self.licence = QComboBox()
        self.licence.setObjectName("importLicence")
        self.licence.setAccessibleName("Licence")
        self.licence.setEditable(True)
        self.licence.addItems(LICENCES)
        self.licence.setCurrentIndex(-1)
        self.licence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        field = self.licence.lineEdit()
        if field is not None:
            field.setPlaceholderText("as its authors state it, or “unknown”")
        self.source = _field("importSource", "a web address, a book, a colleague")
        self.training = _field("importTraining", "if that is known")
        self.restricted = QCheckBox("It may be of an architecture whose terms forbid some uses")
        self.restricted.setObjectName("importRestricted")
        self.faces = QCheckBox("It may be a network for faces, which may show another person")
        self.faces.setObjectName("importFaces")
        self.faces.setToolTip(_FACES)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = self._buttons.addButton("Add the model", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start.setObjectName("importStart")
        dressed(self.start, "primary")
        self.reason = label("", "hint")
        self.reason.setObjectName("importReason")
        self.reason.setWordWrap(True)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self.licence.currentTextChanged.connect(self._look)
        self._lay_out()
        self._look()

    def wish(self) -> NewModel:
        """What was answered."""
        return NewModel(
            self._file,
            title=self.title.text().strip() if self.title.isModified() else "",  # else weights here keep their name
            licence=self.licence.currentText().strip(),
            source=self.source.text().strip(),
            training_data=self.training.text().strip(),
            restricted=self.restricted.isChecked(),
            faces=self.faces.isChecked(),
        )

    def _lay_out(self) -> None:
        why = QLabel(_WHY)
        why.setWordWrap(True)
        rows = ("Name", self.title), ("Licence", self.licence), ("Source", self.source)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self.reason, 1)
        foot.addWidget(self._buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(12)
        column.addWidget(why)
        column.addLayout(beside(*rows, ("Training data", self.training)))
        column.addWidget(self.restricted)
        column.addWidget(self.faces)
        column.addStretch(1)
        column.addLayout(foot)

    def _look(self) -> None:
        named = bool(self.licence.currentText().strip())
        self.start.setEnabled(named)
        self.reason.setText("" if named else "Say under which licence it comes, or “unknown”.")


def _field(name: str, hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setPlaceholderText(hint)
    field.setProperty("role", "search")
    return field
