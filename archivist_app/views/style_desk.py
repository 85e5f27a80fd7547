"""What the window does with styles: tries them in the viewer, adds a person's own, asks before it removes one."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from archivist_app.state.document import styled
from archivist_app.state.workspace import Workspace
from archivist_app.views import dialogs
from archivist_app.views.actions import Actions
from archivist_app.views.compare_view import CompareView
from archivist_app.views.style_gallery import StyleGallery
from archivist_app.views.style_panel import StylePanel
from engine.types import StyleCard


class StyleDesk(QObject):
    """Carries what the gallery and its panel say to the viewer and to the workspace."""

    def __init__(self, window: QWidget, workspace: Workspace, compare: CompareView) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = workspace
        self._compare = compare

    def connect_parts(self, gallery: StyleGallery, panel: StylePanel, actions: Actions) -> None:
        """Listen to the parts of the window."""
        own, tasks = self._workspace.own_styles, self._workspace.tasks
        gallery.chosen.connect(self._workspace.session.choose_style)
        gallery.tried.connect(self._try)
        gallery.trial_ended.connect(self._end_trial)
        gallery.removal_wanted.connect(lambda card: tasks.spawn(self._remove(card)))
        panel.pictures_dropped.connect(own.add)
        panel.add_wanted.connect(actions.add_style.trigger)
        actions.add_style.triggered.connect(lambda: tasks.spawn(self._add()))
        actions.find_style.triggered.connect(panel.look_for)
        own.added.connect(panel.show_added)

    @Slot(object)
    def _try(self, card: StyleCard | None) -> None:
        """Show a style in the viewer for as long as somebody rests on it."""
        self._workspace.rendering.show_trial(styled(self._workspace.document.recipe, card))
        self._compare.show_notice(f"Trying “{card.title}”" if card else "Trying without a style")

    @Slot()
    def _end_trial(self) -> None:
        self._workspace.rendering.show_trial(None)
        self._compare.show_notice("")

    async def _add(self) -> None:
        pictures = await dialogs.ask_styles(self._window, self._workspace.preferences)
        if pictures:
            self._workspace.own_styles.add(pictures)

    async def _remove(self, card: StyleCard) -> None:
        if await dialogs.ask_remove_style(self._window, card.title):
            self._workspace.own_styles.remove(card)
