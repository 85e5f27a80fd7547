"""How photographs and projects come into the window: by dialogs, by the demo, and by being dropped on it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, QRect
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMainWindow

from archivist_app.state.intake import is_project
from archivist_app.state.workspace import Workspace
from archivist_app.views import dialogs
from archivist_app.views.actions import Actions
from archivist_app.views.drop_sign import DropSign, Zone
from archivist_app.views.style_panel import DROP_WORDS, StylePanel


class OpenDesk(QObject):
    """Asks what to open, and takes what is dropped anywhere but on `styles`, where pictures mean something else."""

    def __init__(self, window: QMainWindow, work: Workspace, actions: Actions, styles: StylePanel) -> None:
        super().__init__(window)
        self._window, self._work, self._styles = window, work, styles
        self._sign = DropSign(window, "dropSign")
        tasks = work.tasks
        actions.open.triggered.connect(lambda: tasks.spawn(self._ask_pictures()))
        actions.open_folder.triggered.connect(lambda: tasks.spawn(self._ask_folder()))
        actions.demo.triggered.connect(work.session.open_demo)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Files over the window, gone again, or dropped."""
        kind = event.type()
        if kind in (QEvent.Type.DragLeave, QEvent.Type.Drop):
            self._sign.hide()
        if isinstance(event, QDropEvent) and kind in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
            if paths:
                event.acceptProposedAction()
                if kind == QEvent.Type.Drop:
                    self._open(paths)
                else:
                    self._sign.show_zones(self._zones(paths))
                return True
        if kind == QEvent.Type.Resize and self._sign.isVisible():
            self._sign.setGeometry(self._window.rect())
        return super().eventFilter(watched, event)

    def _project(self) -> str:
        project = self._work.session.project
        return project.name if project is not None and project.writable else ""

    def _zones(self, paths: list[str]) -> list[Zone]:
        """The whole window; but a picture that is dropped on the styles becomes one."""
        title, hint = what_dropping_does(paths, self._project())
        whole, styles = self._window.rect(), self._styles
        if not styles.isVisible() or not all(Path(path).is_file() for path in paths):
            return [Zone(whole, title, hint)]
        corner = styles.mapTo(self._window, QPoint(0, 0))
        return [
            Zone(QRect(0, 0, corner.x(), whole.height()), title, hint),
            Zone(QRect(corner, styles.size()), DROP_WORDS),
        ]

    async def _ask_pictures(self) -> None:
        self._open(await dialogs.ask_pictures(self._window, self._work.preferences))

    async def _ask_folder(self) -> None:
        self._open(await dialogs.ask_folder(self._window, self._work.preferences))

    def _open(self, paths: list[str]) -> None:
        if paths:
            self._work.session.open_paths(paths)


def what_dropping_does(paths: list[str], project: str) -> tuple[str, str]:
    """In a few words, and a word beside it; `project` is the name of one that is open for writing, "" where none is."""
    if any(is_project(Path(path)) for path in paths):
        return "Drop to open the project", "What is open is saved first."
    if any(Path(path).is_dir() for path in paths):
        what = "the photographs of this folder" if len(paths) == 1 else "these photographs and folders"
    else:
        what = "this photograph" if len(paths) == 1 else f"these {len(paths)} photographs"
    to = f"Drop to add {what} to “{project}”" if project else f"Drop to open {what}"
    return to, "Your originals stay where they are and are never changed."
