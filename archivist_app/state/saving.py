"""Every change of a project on disk within two seconds, and none dropped without a word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from engine.errors import EngineError, ProjectError, WriteError
from engine.types import PackageFacts, Project, ProjectItem

AUTOSAVE_MS = 1000  # after the first unsaved change; later changes do not postpone it
JOURNAL_MS = 200  # after the first edit that the journal has not: what a kill may cost
RETRY_MS = 10_000  # after a save that failed
HOPELESS = 3  # writes that fail one after the other: the disk is at fault, and each of the others would take its time
log = logging.getLogger(__name__)


class Saving(QObject):
    """The items of the open project as they stand, and how they come onto the disk."""

    saved = Signal()
    noticed = Signal(str)  # worth knowing
    failed = Signal(str)  # went wrong

    def __init__(self, bridge: Bridge, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._tasks = tasks
        self._project: Project | None = None
        self._items: dict[str, ProjectItem] = {}  # as they stand, saved or not
        self._saved: dict[str, ProjectItem] = {}  # as they were last known to stand on the disk
        self._unsaved: set[str] = set()
        self._unjournaled: set[str] = set()
        self._late: set[asyncio.Future[Any]] = set()  # what must end before everything is saved
        self._given_up: set[tuple[str, int]] = set()  # unsaved edits that somebody was told will be lost
        self._warned = False  # that edits of this project are not saved
        self._saving = asyncio.Lock()
        self._autosave = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._autosave.timeout.connect(lambda: tasks.spawn(self._autosave_once()))
        self._journaling = QTimer(self, singleShot=True, interval=JOURNAL_MS)
        self._journaling.timeout.connect(lambda: tasks.spawn(self._journal()))

    @property
    def project(self) -> Project | None:
        """The open project, as last saved."""
        return self._project

    def items(self, uuids: Iterable[str]) -> tuple[ProjectItem, ...]:
        """Those of these items that the project has, as they stand."""
        return tuple(self._items[uuid] for uuid in uuids if uuid in self._items)

    def hold(self, task: asyncio.Future[Any]) -> None:
        """Saving everything waits for this task, which will change something."""
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def when_settled(self, do: Callable[[], None]) -> None:
        """Do something that needs recipes as they stand: at once, or after the changes still on their way."""

        async def wait() -> None:
            await asyncio.wait(set(self._late))
            do()

        if self._late:
            self._tasks.spawn(wait())
        else:
            do()

    def save_soon(self, newer: Sequence[ProjectItem]) -> None:
        """Items were changed: soon in the journal, and in their files within two seconds."""
        self._items.update({item.uuid: item for item in newer})
        self._unsaved.update(item.uuid for item in newer)
        self._unjournaled.update(item.uuid for item in newer)
        if not self._autosave.isActive():
            self._autosave.start(AUTOSAVE_MS)
        if not self._journaling.isActive():
            self._journaling.start()
        project = self._project
        if project is not None and not project.writable and not self._warned:
            self._warned = True
            reason = project.reason or "This project is open read-only."
            self.failed.emit(f"What you change now is not saved. {reason}")

    async def _autosave_once(self) -> None:
        refused: dict[str, str] = {}
        await self._write(refused)  # once: what is changed meanwhile has started the next autosave
        self._tell_refused(refused)

    async def _journal(self) -> bool:
        """Keep in the journal what is not there yet; whether it is."""
        items = self.items(self._unjournaled)
        self._unjournaled = set()
        if self._project is not None and self._project.writable and items:
            try:
                await self._bridge.journal(self._project, items)
            except EngineError:  # saving meets the same, says so, and tries again
                self._unjournaled.update(item.uuid for item in items)
                return False
        return self._project is None or self._project.writable

    async def flush(self) -> bool:
        """Write what is not saved yet, and what is changed meanwhile; whether all of it is saved.

        What cannot be written is told, kept, and tried again later.
        """
        refused: dict[str, str] = {}
        while await self._write(refused) and (self._late or self._unsaved - refused.keys()):
            pass
        self._tell_refused(refused)
        return not self._unsaved

    async def _write(self, refused: dict[str, str]) -> bool:
        """Write what is unsaved now; whether this project can be written at all.

        `refused` gets a sentence for each item that could not be, by its uuid; those that it has already are passed
        over. One that cannot be written keeps no other from it, unless the disk takes nothing.
        """
        async with self._saving:
            if self._late:
                await asyncio.wait(self._late)
            if self._project is None or not self._project.writable:
                return False
            wanted, failures = self._unsaved - refused.keys(), 0
            for uuid in tuple(wanted):
                try:
                    await self._save(uuid)
                    failures = 0
                except EngineError as error:
                    if uuid in self._items:  # another project may be open by now
                        self._unsaved.add(uuid)
                    refused[uuid] = str(error)
                    failures += isinstance(error, WriteError)
                    if failures == HOPELESS:
                        refused |= dict.fromkeys(wanted & self._unsaved, str(error))
                        break
            if wanted and not refused:
                self.saved.emit()
            return True

    async def _save(self, uuid: str) -> None:
        assert self._project is not None
        item = self._items[uuid]
        self._unsaved.discard(uuid)  # before waiting: a change that comes meanwhile is unsaved again
        project = await self._bridge.save_item(self._project, item)
        if self._project is not None and self._project.uuid == project.uuid:
            self._project = project
            self._saved[uuid] = item

    def _tell_refused(self, refused: dict[str, str]) -> None:
        """Say once why items could not be saved, however many they are, and try again later."""
        if refused and self._project is not None:
            self._autosave.start(RETRY_MS)
            first, *others = refused.values()
            more = f" {many(len(others)).capitalize()} more could not be saved either." if others else ""
            self.failed.emit(first + more)

    async def leave(self) -> None:
        """Save everything, because another project is to be opened or the window closed.

        Raises ProjectError where that cannot be done, the first time; asked once more with the same edits, it gives
        them up. The journal keeps them where it can.
        """
        if await self.flush():
            return
        await self._journal()
        left = {(uuid, self._items[uuid].revision) for uuid in self._unsaved}
        if left and left != self._given_up:
            self._given_up = left
            raise ProjectError(
                f"The last edits of {many(len(left))} could not be saved, so this project stays open; "
                "do it once more to leave without them."
            )

    async def set_rules(self, package: PackageFacts, needs_approval: bool) -> None:
        """Keep what the open project tells of its archive and demands of exports. Raises EngineError."""
        async with self._saving:
            if self._project is not None:
                self._project = await self._bridge.set_rules(self._project, package, needs_approval)

    async def save_last(self) -> None:
        """Save everything before the end. What cannot be saved is kept in the journal; it tells which."""
        self._autosave.stop()
        if not await self.flush():
            kept = await self._journal()
            where = "are kept in the project's journal" if kept else "are lost"
            text = f"The last edits of {many(len(self._unsaved))} could not be saved and {where}."
            log.warning(text)
            self.failed.emit(text)
        self._autosave.stop()  # a failed save would try again
        self._journaling.stop()


def many(images: int) -> str:
    """So many images, in words."""
    return "one image" if images == 1 else f"{images} images"
