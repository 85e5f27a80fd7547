"""What a curator decides about images: stars, approval, a note, and the same settings for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from archivist_app.state.session import Session
from engine.types import ProjectItem, Recipe

MOST_STARS = 5


class Assessing(QObject):
    """Every call is one undoable step, about the images named by their uuids."""

    copied = Signal(object)  # Recipe that can be pasted

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._copied: Recipe | None = None

    @property
    def can_paste(self) -> bool:
        """Whether settings were copied."""
        return self._copied is not None

    def rate(self, uuids: Sequence[str], stars: int) -> None:
        """Give stars, 0 to 5."""
        items = self._session.items(uuids)
        text = f"{stars} star{'s' if stars != 1 else ''}" if stars else "No stars"
        self._decide([replace(item, stars=min(max(stars, 0), MOST_STARS)) for item in items], text)

    def decide(self, uuids: Sequence[str], decision: str) -> None:
        """Approve ("approved"), reject ("rejected") or neither (""); what is so already goes back to neither."""
        items = self._session.items(uuids)
        if items and all(item.decision == decision for item in items):
            decision = ""
        text = {"approved": "Approved", "rejected": "Rejected"}.get(decision, "No decision")
        seen = [replace(item, decision=decision, decided_recipe=item.recipe if decision else None) for item in items]
        self._decide(seen, text)

    def note(self, uuid: str, note: str) -> None:
        """Write a note about one image."""
        self._decide([replace(item, note=note) for item in self._session.items([uuid])], "Note")

    def copy(self) -> None:
        """Remember the settings of the image on screen; its damage mask is its own and is left out."""
        item = self._session.item
        if item is not None:
            self._copied = replace(item.recipe, mask=None)
            self.copied.emit(self._copied)
            self._session.noticed.emit("The settings are copied; paste them onto the images you select.")

    def apply(self, uuids: Sequence[str]) -> None:
        """Give images the settings of the one on screen; each keeps its own damage mask."""
        item = self._session.item
        if item is not None:
            others = [uuid for uuid in uuids if uuid != item.uuid]
            self._give(others, item.recipe, "Settings applied")

    def paste(self, uuids: Sequence[str]) -> None:
        """Give images the settings that were copied; each keeps its own damage mask."""
        if self._copied is not None:
            self._give(uuids, self._copied, "Settings pasted")

    def _give(self, uuids: Sequence[str], recipe: Recipe, text: str) -> None:
        items = self._session.items(uuids)
        self._decide([replace(item, recipe=replace(recipe, mask=item.recipe.mask)) for item in items], text)

    def _decide(self, items: Sequence[ProjectItem], text: str) -> None:
        if len(items) > 1:
            text = f"{text} ({len(items)} images)"
        self._session.decide(items, text)
