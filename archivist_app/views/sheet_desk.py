"""Comparison sheets from the window: asked for, gathered in the background, drawn and saved."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMainWindow

from archivist_app.async_tools import answer
from archivist_app.state.export_choice import Which
from archivist_app.state.sheets import Gatherer
from archivist_app.state.workspace import Workspace
from archivist_app.views.actions import Actions
from archivist_app.views.film_panel import FilmPanel
from archivist_app.views.sheet import PIXELS, Layout, Paper, draw_sheet, program
from archivist_app.views.sheet_dialog import SheetDialog
from engine.errors import Cancelled, EngineError
from engine.types import Progress, Project, ProjectItem


class SheetDesk(QObject):
    """One job a sheet; what cannot be read is left out and told."""

    def __init__(self, window: QMainWindow, work: Workspace, film: FilmPanel, actions: Actions) -> None:
        super().__init__(window)
        self._window, self._work, self._film = window, work, film
        self._gatherer = Gatherer(work.bridge)
        actions.sheet.triggered.connect(self.open)

    def open(self) -> None:
        """Ask what the sheet is to show."""
        choice = self._work.export_choice
        choice.begin(self._film.strip.selected)
        dialog = SheetDialog({which: len(choice.items(which)) for which in Which}, self._window)
        dialog.create_requested.connect(lambda *wish: self._work.tasks.spawn(self._create(dialog, *wish)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()

    async def _create(self, dialog: SheetDialog, which: Which, page: str, layout: Layout) -> None:
        project, items = self._work.session.project, self._work.export_choice.items(which)
        if project is None or not items:
            return
        name = items[0].source.path.rsplit("/", 1)[-1].rsplit(".", 1)[0] if len(items) == 1 else project.name
        target = await self._ask_target(Path(project.folder, "exports"), f"{name}_sheet.pdf")
        if target is not None:
            dialog.close()
            self.make(project, items, target, page, layout)

    async def _ask_target(self, folder: Path, name: str) -> Path | None:
        place = folder if folder.is_dir() else folder.parent
        files = QFileDialog(self._window, "Save the comparison sheet", str(place), "PDF (*.pdf)")
        files.setObjectName("sheetTargetDialog")
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.setDefaultSuffix("pdf")
        files.selectFile(name)
        if await answer(files) != QFileDialog.DialogCode.Accepted or not files.selectedFiles():
            return None
        return Path(files.selectedFiles()[0])

    def make(self, project: Project, items: Sequence[ProjectItem], target: Path, page: str, layout: Layout) -> None:
        """Start the job that writes a sheet of these images."""
        paper = Paper(project.name, page, layout, _user(), program())

        def cancel() -> None:
            task.cancel()

        number = self._work.jobs.add(target.name, cancel)
        task: asyncio.Task[None] = self._work.tasks.spawn(self._make(number, project, items, target, paper))
        task.add_done_callback(lambda ended: self._note_stop(number, ended))

    def _note_stop(self, number: int, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step runs none of its own code."""
        if task.cancelled():
            self._work.jobs.finish(number, "cancelled", "Stopped; nothing was written.")

    async def _make(
        self, number: int, project: Project, items: Sequence[ProjectItem], target: Path, paper: Paper
    ) -> None:
        jobs, entries, missing = self._work.jobs, [], []
        try:
            for place, item in enumerate(items):
                name = item.source.path.rsplit("/", 1)[-1]
                jobs.advance(number, Progress(place, len(items) + 1, f"{place + 1} of {len(items)} · {name}"))
                try:
                    entries.append(await self._gatherer.entry(project, item, PIXELS[paper.layout]))
                except EngineError as error:
                    missing.append(f"{name}: {error}")
            if not entries:
                jobs.finish(number, "failed", " ".join(missing))
                return
            jobs.advance(number, Progress(len(items), len(items) + 1, "Drawing the sheet"))
            await self._work.bridge.save_page(str(target), draw_sheet(entries, paper))
        except Cancelled:
            jobs.finish(number, "cancelled", "Stopped; nothing was written.")
        except EngineError as error:
            jobs.finish(number, "failed", str(error))
        else:
            told = f"Saved in {target.parent.name}, {len(entries)} image{'s' if len(entries) > 1 else ''}"
            jobs.finish(number, "done", ". Left out: ".join([told, *missing][:2]), str(target))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
