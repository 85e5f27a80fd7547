"""What the window remembers and offers beside the work: its place, recent projects, keys of one's own, first hints."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu

from archivist_app.state.workspace import Workspace
from archivist_app.views.shortcut_sheet import Groups, KeyRing, ShortcutSheet
from archivist_app.views.theme import Theme
from archivist_app.views.tour import Hint, Tour
from engine.types import Frame, Project


class Comfort(QObject):
    """Made once for a window; `groups` are its actions under the titles of their menus."""

    def __init__(self, window: QMainWindow, workspace: Workspace, theme: Theme, groups: Groups) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self._work, self._preferences = workspace, workspace.preferences
        self.keys = KeyRing(groups, self._preferences)
        self.sheet: ShortcutSheet | None = None  # made when it is first asked for
        self.tour: Tour | None = None
        self.recent = QMenu("Open &recent", window)
        self.recent.setObjectName("recentMenu")
        self.recent.aboutToShow.connect(self._list_recent)
        workspace.session.project_changed.connect(self._note_project)

    def show_keys(self) -> None:
        """The sheet of keys, or to its front."""
        if self.sheet is None:
            self.sheet = ShortcutSheet(self.keys, self._theme, self._window)
        self.sheet.show()
        self.sheet.raise_()

    def offer_tour(self, hints: list[Hint]) -> None:
        """Show the hints once there is something to point at, unless they were seen before."""
        if self._preferences.toured:
            return

        @Slot(object)
        def begin(_frame: Frame) -> None:
            self._work.rendering.frame_ready.disconnect(begin)
            self.tour = Tour(hints, self._window)
            self.tour.ended.connect(self._preferences.end_tour)
            self.tour.begin()

        self._work.rendering.frame_ready.connect(begin)

    @Slot(object)
    def _note_project(self, project: Project | None) -> None:
        if project is not None:
            self._preferences.note_project(project.folder)

    @Slot()
    def _list_recent(self) -> None:
        self.recent.clear()
        for folder in self._preferences.recent:
            path = Path(folder)
            action = QAction(path.stem.replace("&", "&&"), self.recent)
            action.setToolTip(folder)
            action.setEnabled(path.is_dir())
            action.triggered.connect(partial(self._work.session.open_paths, [folder]))
            self.recent.addAction(action)
        if self.recent.isEmpty():
            self.recent.addAction("No project yet").setEnabled(False)
