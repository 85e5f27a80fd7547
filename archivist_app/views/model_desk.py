"""What the window does with models: shows which is used and what it can do, adds others, asks before removing one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from archivist_app.state.tuning import Tuner
from archivist_app.state.workspace import Workspace
from archivist_app.views import dialogs
from archivist_app.views.adjust_panel import AdjustPanel
from archivist_app.views.finetune_panel import FinetunePanel
from archivist_app.views.model_card import ModelCardView
from archivist_app.views.model_import import ask_model
from archivist_app.views.style_panel import StylePanel
from engine.types import ModelCard


class ModelDesk(QObject):
    """Carries what the chooser says to the workspace, and what a model can do to the panels."""

    def __init__(self, window: QWidget, workspace: Workspace, adjust: AdjustPanel, styles: StylePanel) -> None:
        super().__init__(window)
        self._window = window
        self._models, self._tasks = workspace.models, workspace.tasks
        self._adjust, self._styles = adjust, styles
        self._view: ModelCardView | None = None
        self._finetuning: FinetunePanel | None = None
        chooser = adjust.models
        chooser.chosen.connect(self._models.choose)
        chooser.about_wanted.connect(self.show_card)
        chooser.add_wanted.connect(lambda: self._tasks.spawn(self._add()))
        self._models.cards_changed.connect(chooser.show_cards)
        self._models.card_changed.connect(self._show)
        self._models.added.connect(self._models.choose)
        self._models.added.connect(self.show_card)
        workspace.tuner.ended.connect(self._models.reload)
        workspace.tuner.ended.connect(workspace.styles.reload)  # the collection is a style now

    def show_finetuning(self, tuner: Tuner, selected: Callable[[], list[str]]) -> None:
        """Ask which pictures are to teach a model, or show how that goes; `selected` gives their uuids."""
        if self._finetuning is None:
            self._finetuning = FinetunePanel(self._window, tuner, selected)
            self._finetuning.use_requested.connect(self._models.choose_by_id)
        self._finetuning.show()
        self._finetuning.raise_()

    @Slot(object)
    def show_card(self, card: ModelCard) -> None:
        """Show a model's card beside the work."""
        if self._view is None:
            self._view = ModelCardView(self._window)
            self._view.removal_wanted.connect(lambda one: self._tasks.spawn(self._remove(one)))
        self._view.show_card(card)

    @Slot(object)
    def _show(self, card: ModelCard | None) -> None:
        self._adjust.models.show_card(card)
        if card is not None:
            self._adjust.show_model(card)
            self._styles.show_usable(
                "" if "beta" in card.controls else f"“{card.title}” knows no styles; choose a model that does."
            )

    async def _add(self) -> None:
        new = await ask_model(self._window, self._models.has_card)
        if new is not None:
            self._models.add(new)

    async def _remove(self, card: ModelCard) -> None:
        if await dialogs.ask_remove_model(self._window, card.title):
            if self._view is not None:
                self._view.close()
            self._models.remove(card)
