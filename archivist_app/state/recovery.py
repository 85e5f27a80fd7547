"""After a crash: edits that were brought back are kept or discarded, and the project that was open is offered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from archivist_app.state.offers import Choice, Offer
from archivist_app.state.session import Session
from engine.types import ProjectItem


class Recovery(QObject):
    """Offers; nothing is done unasked, and nothing that is done cannot be taken back."""

    offered = Signal(object)  # Offer

    def __init__(self, session: Session, bridge: Bridge, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._tasks = tasks
        session.recovered.connect(self._offer_edits)

    @Slot()
    def look_back(self) -> None:
        """Ask whether a program was killed with a project open, unless one is open by now."""
        self._tasks.spawn(self._look_back())

    async def _look_back(self) -> None:
        folders = await self._bridge.left_open()
        if not folders or self._session.project is not None:
            return
        folder = folders[-1]

        def again() -> None:
            self._session.open_paths([folder])

        text = f"Archivist was ended unexpectedly while “{Path(folder).stem}” was open."
        choices = (Choice("reopenButton", "Open it again", again), Choice("notNowButton", "Not now", _nothing))
        self.offered.emit(Offer(text, choices))

    @Slot(object)
    def _offer_edits(self, before: tuple[ProjectItem, ...]) -> None:
        many = "one image" if len(before) == 1 else f"{len(before)} images"
        text = f"Archivist was ended before everything was saved; the last edits of {many} were brought back."

        def discard() -> None:
            old = {item.uuid: item for item in before}
            items = [_as_before(item, old[item.uuid]) for item in self._session.items(old)]
            self._session.decide(items, "Without what was brought back")

        choices = (Choice("keepButton", "Keep them", _nothing), Choice("discardButton", "Discard them", discard))
        self.offered.emit(Offer(text, choices))


def _as_before(item: ProjectItem, old: ProjectItem) -> ProjectItem:
    return replace(
        item, recipe=old.recipe, snapshots=old.snapshots, decision=old.decision, stars=old.stars, note=old.note
    )


def _nothing() -> None:
    return
