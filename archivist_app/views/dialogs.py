"""The questions the window asks, each awaited without a nested event loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)

from archivist_app.async_tools import answer
from archivist_app.state.preferences import Preferences
from archivist_app.views.parts import dressed, indented
from archivist_app.views.theme import GRID
from engine.types import PICTURE_SUFFIXES

PICTURES = f"Pictures ({' '.join(f'*{suffix}' for suffix in PICTURE_SUFFIXES)});;All files (*)"
MASKS = "Masks (*.png *.tif *.tiff);;All files (*)"
TARGETS = "TIFF (*.tif);;PNG (*.png);;JPEG (*.jpg)"


async def ask_pictures(parent: QWidget, preferences: Preferences) -> list[str]:
    """The files somebody picks; empty when they change their mind."""
    dialog = QFileDialog(parent, "Open photographs", "", PICTURES)
    dialog.setObjectName("openDialog")
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    return await _pick(dialog, preferences, "open")


async def ask_folder(parent: QWidget, preferences: Preferences) -> list[str]:
    """A project, or a folder of photographs; empty when they change their mind."""
    dialog = QFileDialog(parent, "Open a project or a folder of photographs")
    dialog.setObjectName("openFolderDialog")
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    return await _pick(dialog, preferences, "open")


async def _pick(dialog: QFileDialog, preferences: Preferences, purpose: str) -> list[str]:
    """What is chosen, beginning in the folder where something was chosen for that purpose last."""
    if folder := preferences.folder(purpose):
        dialog.setDirectory(folder)
    if await answer(dialog) != QDialog.DialogCode.Accepted or not dialog.selectedFiles():
        return []
    chosen = dialog.selectedFiles()
    preferences.note_folder(purpose, str(Path(chosen[0]).parent))
    return chosen


async def ask_masters_folder(parent: QWidget) -> str | None:
    """Where masters were moved to; None when somebody changes their mind."""
    dialog = QFileDialog(parent, "Find moved masters in this folder and below")
    dialog.setObjectName("findMastersDialog")
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    accepted = await answer(dialog) == QDialog.DialogCode.Accepted
    return dialog.selectedFiles()[0] if accepted and dialog.selectedFiles() else None


async def ask_mask(parent: QWidget, preferences: Preferences) -> str | None:
    """The file of a damage mask; None when somebody changes their mind."""
    dialog = QFileDialog(parent, "Import a damage mask", "", MASKS)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return next(iter(await _pick(dialog, preferences, "masks")), None)


async def ask_profile(parent: QWidget) -> str | None:
    """The file with a monitor's colour profile; None when somebody changes their mind."""
    dialog = QFileDialog(parent, "The profile of this monitor", "", "Colour profiles (*.icc *.icm);;All files (*)")
    dialog.setObjectName("monitorProfileDialog")
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return dialog.selectedFiles()[0] if await answer(dialog) == QDialog.DialogCode.Accepted else None


async def ask_target(parent: QWidget, suggestion: Path) -> Path | None:
    """Where an export goes; the dialog itself asks before an existing file is replaced."""
    dialog = QFileDialog(parent, "Export as", str(suggestion.parent), TARGETS)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("tif")
    dialog.selectFile(suggestion.name)
    if await answer(dialog) != QDialog.DialogCode.Accepted or not dialog.selectedFiles():
        return None
    return Path(dialog.selectedFiles()[0])


async def ask_styles(parent: QWidget, preferences: Preferences) -> list[str]:
    """The pictures whose look somebody wants as styles; empty when they change their mind."""
    dialog = QFileDialog(parent, "Add pictures as styles", "", PICTURES)
    dialog.setObjectName("addStyleDialog")
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    return await _pick(dialog, preferences, "styles")


async def ask_optimisation(parent: QWidget, style: str, passes: int) -> tuple[int, str] | None:
    """How many passes, and the picture of `style` where one is needed; None when somebody changes their mind."""
    dialog = OptimiseDialog(parent, style, passes)
    if await answer(dialog) != QDialog.DialogCode.Accepted:
        return None
    return dialog.passes.value(), dialog.picture


class OptimiseDialog(QDialog):
    """Asks what an optimisation needs to know; cannot be accepted without a picture where one is needed."""

    def __init__(self, parent: QWidget, style: str, passes: int) -> None:
        super().__init__(parent)
        self.setObjectName("optimiseDialog")
        self.setWindowTitle("Optimise")
        self.picture = ""
        self.passes = indented(QSpinBox(minimum=1, maximum=10_000, value=passes))
        self.passes.setObjectName("optimisePasses")
        self.passes.setAccessibleName("Passes")
        self._choose = QPushButton("Choose…")
        self._choose.setObjectName("optimisePicture")
        self._choose.clicked.connect(self._ask_picture)
        cancel = dressed(QPushButton("Cancel"), "quiet")
        self._start = dressed(QPushButton("Optimise"), "primary")
        self._start.setDefault(True)
        self._start.setObjectName("optimiseStart")
        self._start.setEnabled(not style)
        self._start.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self._start)
        text = QLabel(
            "Improves every pixel towards the faithfulness and the style that are set, from the restoration on screen. "
            "It takes minutes; you can stop it at any time and keep what it has reached."
        )
        text.setWordWrap(True)
        text.setMinimumWidth(360)
        form = QFormLayout(self)
        form.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        form.setSpacing(12)
        form.addRow(text)
        form.addRow("Passes", self.passes)
        if style:
            form.addRow(f"Picture of “{style}”", self._choose)
        form.addRow(buttons)

    def take_picture(self, path: str) -> None:
        """The picture whose style is wanted."""
        self.picture = path
        self._choose.setText(Path(path).name)
        self._start.setEnabled(True)

    def _ask_picture(self) -> None:
        files = QFileDialog(self, "The picture whose style is wanted", "", PICTURES)
        files.setFileMode(QFileDialog.FileMode.ExistingFile)
        files.fileSelected.connect(self.take_picture)
        files.open()


@dataclass(frozen=True, slots=True)
class _Question:
    """A destructive step that is confirmed first; `yes` and `no` are (words, object name) of its buttons."""

    name: str
    text: str
    more: str
    yes: tuple[str, str]
    no: tuple[str, str]


async def _ask(parent: QWidget, question: _Question) -> bool:
    """Whether somebody said yes; closing the question, Esc and Return say no."""
    box = QMessageBox(parent)
    box.setObjectName(question.name)
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setText(question.text)
    box.setInformativeText(question.more)
    yes = box.addButton(question.yes[0], QMessageBox.ButtonRole.DestructiveRole)
    no = box.addButton(question.no[0], QMessageBox.ButtonRole.RejectRole)
    yes.setObjectName(question.yes[1])
    no.setObjectName(question.no[1])
    box.setDefaultButton(no)
    box.setEscapeButton(no)
    await answer(box)
    return box.clickedButton() is yes


async def ask_stop_jobs(parent: QWidget, running: int) -> bool:
    """Whether to close although something is still being written."""
    what, them = ("A job is", "it") if running == 1 else (f"{running} jobs are", "them")
    more = f"Closing stops {them} and removes what is half written. Your originals and settings are safe."
    buttons = ("Stop and close", "stopAndClose"), ("Keep working", "keepWorking")
    return await _ask(parent, _Question("stopJobsQuestion", f"{what} still running.", more, *buttons))


async def ask_replace(parent: QWidget, existing: int, folder: str) -> bool:
    """Whether an export may replace what is there; asked once a job."""
    what = "One file or folder exists and is" if existing == 1 else f"{existing} files or folders exist and are"
    more = f"They are in {folder}. Originals are never replaced."
    buttons = ("Replace", "replaceExisting"), ("Keep them", "keepExisting")
    return await _ask(parent, _Question("replaceQuestion", f"{what} replaced by this export.", more, *buttons))


async def ask_remove_model(parent: QWidget, title: str) -> bool:
    """Whether to forget an imported model, which only its file could bring back."""
    more = (
        "Images restored with it can no longer be shown with it. The file it was imported from stays where it is; "
        "adding that again brings the model back."
    )
    buttons = ("Remove the model", "removeModel"), ("Keep it", "keepModel")
    return await _ask(parent, _Question("removeModelQuestion", f"Remove “{title}” from your models?", more, *buttons))


async def ask_remove_style(parent: QWidget, title: str) -> bool:
    """Whether to forget a style of one's own, which only its picture could bring back."""
    more = (
        "Images restored in it can no longer be shown in it. The picture it was made from stays where it is; "
        "adding that again brings the style back."
    )
    buttons = ("Remove the style", "removeStyle"), ("Keep it", "keepStyle")
    return await _ask(parent, _Question("removeStyleQuestion", f"Remove “{title}” from your styles?", more, *buttons))
