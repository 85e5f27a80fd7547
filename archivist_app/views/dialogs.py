"""The questions the window asks, each awaited without a nested event loop."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QWidget

from archivist_app.async_tools import answer

PICTURES = "Pictures (*.tif *.tiff *.png *.jpg *.jpeg *.webp *.jp2);;All files (*)"
TARGETS = "TIFF (*.tif);;PNG (*.png);;JPEG (*.jpg)"


async def ask_pictures(parent: QWidget) -> list[str]:
    """The files somebody picks; empty when they change their mind."""
    dialog = QFileDialog(parent, "Open photographs", "", PICTURES)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    return dialog.selectedFiles() if await answer(dialog) == QDialog.DialogCode.Accepted else []


async def ask_folder(parent: QWidget) -> list[str]:
    """A project, or a folder of photographs; empty when they change their mind."""
    dialog = QFileDialog(parent, "Open a project or a folder of photographs")
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    return dialog.selectedFiles() if await answer(dialog) == QDialog.DialogCode.Accepted else []


async def ask_target(parent: QWidget, suggestion: Path) -> Path | None:
    """Where an export goes; the dialog itself asks before an existing file is replaced."""
    dialog = QFileDialog(parent, "Export as", str(suggestion.parent), TARGETS)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("tif")
    dialog.selectFile(suggestion.name)
    if await answer(dialog) != QDialog.DialogCode.Accepted or not dialog.selectedFiles():
        return None
    return Path(dialog.selectedFiles()[0])


async def ask_stop_jobs(parent: QWidget, running: int) -> bool:
    """Whether to close although something is still being written."""
    box = QMessageBox(parent)
    box.setObjectName("stopJobsQuestion")
    box.setIcon(QMessageBox.Icon.NoIcon)
    what = "An export is" if running == 1 else f"{running} exports are"
    box.setText(f"{what} still running.")
    box.setInformativeText("Closing stops it and removes what is half written. Your originals and settings are safe.")
    stop = box.addButton("Stop and close", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton("Keep working", QMessageBox.ButtonRole.RejectRole)
    stop.setObjectName("stopAndClose")
    stay.setObjectName("keepWorking")
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    await answer(box)
    return box.clickedButton() is stop
