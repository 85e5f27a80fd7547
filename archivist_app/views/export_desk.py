"""Where the window's actions meet the export dialog and the project's rules for exports."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow

from archivist_app.state.export_choice import ExportChoice
from archivist_app.state.workspace import Workspace
from archivist_app.views import dialogs
from archivist_app.views.actions import Actions
from archivist_app.views.export_dialog import ExportDialog
from archivist_app.views.film_panel import FilmPanel
from archivist_app.views.project_dialog import ProjectDialog
from engine.types import ExportBatch


class ExportDesk(QObject):
    """Opens the dialog, asks before anything is replaced, and starts the jobs."""

    def __init__(self, window: QMainWindow, work: Workspace, film: FilmPanel, actions: Actions) -> None:
        super().__init__(window)
        self._window, self._work, self._film = window, work, film
        self._dialog: ExportDialog | None = None
        self._rules: ProjectDialog | None = None
        actions.export.triggered.connect(self.open)
        actions.export_again.triggered.connect(self.again)
        actions.export_as.triggered.connect(lambda: work.tasks.spawn(self._export_as()))
        actions.project_settings.triggered.connect(self.open_rules)
        work.session.item_changed.connect(lambda _: self._follow())
        work.session.project_changed.connect(lambda _: self._follow())

    @property
    def _choice(self) -> ExportChoice:
        return self._work.export_choice

    def open(self) -> None:
        """Show the dialog, or bring it to the front."""
        self._choice.begin(self._film.strip.selected)
        if self._dialog is None:
            self._dialog = ExportDialog(self._choice, self._window)
            self._dialog.start_requested.connect(self._begin)
        self._dialog.refresh()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def open_rules(self) -> None:
        """Show what the project tells of its archive and demands of exports, or bring it to the front."""
        if self._rules is None:
            self._rules = ProjectDialog(self._work.rules, self._window)
        self._rules.show()
        self._rules.raise_()
        self._rules.activateWindow()

    def again(self) -> None:
        """Export what is on screen, or selected, as it was done last time, without a dialog."""
        self._choice.begin(self._film.strip.selected)
        if self._choice.fault:
            self.open()
        else:
            self._begin()

    async def _export_as(self) -> None:
        """What is on screen, into a file somebody names."""
        exporter = self._work.exporter
        suggestion = exporter.suggestion()
        target = await dialogs.ask_target(self._window, suggestion) if suggestion else None
        if target is not None:
            exporter.export(target)

    def _begin(self) -> None:
        """Start at once, or after a question where something would be replaced."""
        batch = self._choice.batch()
        if batch is not None and batch.settings.conflict == "overwrite":
            self._work.tasks.spawn(self._ask_and_start(batch))
        elif batch is not None:
            self._start()

    async def _ask_and_start(self, batch: ExportBatch) -> None:
        existing = (await self._work.bridge.estimate_export(batch)).existing
        if not existing or await dialogs.ask_replace(self._window, existing, batch.folder):
            self._start()

    def _start(self) -> None:
        self._choice.remember()
        self._work.export_jobs.start(self._choice.batch)
        if self._dialog is not None:
            self._dialog.close()

    def _follow(self) -> None:
        """Another image is on screen: "this image" is that one."""
        if self._dialog is not None and self._dialog.isVisible():
            self._choice.begin(self._film.strip.selected)
