"""Are the masters what they were, and where they were? Asked of all, told of each, decided by a person."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QObject, Signal, Slot

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, JobHandle
from archivist_app.state.endings import endings
from archivist_app.state.filmstrip_model import name_of
from archivist_app.state.jobs_model import JobsModel, Ways
from archivist_app.state.offers import Choice, Offer
from archivist_app.state.session import Session
from engine.errors import Cancelled, EngineError
from engine.types import FixityReport, Project, ProjectItem, Relocation

Checking = JobHandle[tuple[tuple[str, FixityReport], ...]]
Searching = JobHandle[tuple[Project, tuple[Relocation, ...]]]
NAMED = 3  # images that a sentence names; of more it says how many


class Custody(QObject):
    """Checks masters, finds those that were moved, and lets a person accept those that changed."""

    offered = Signal(object)  # Offer
    noticed = Signal(str)
    failed = Signal(str)
    changed = Signal()  # another master is known to have changed, or no longer

    def __init__(self, session: Session, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks
        session.master_changed.connect(self.doubt)
        session.master_missing.connect(self.miss)

    def is_doubted(self, uuid: str) -> bool:
        """Whether the master of an image is known not to be the file that was added."""
        return bool(self._session.filmstrip.doubt(uuid))

    @Slot(object, str)
    def doubt(self, item: ProjectItem, text: str) -> None:
        """A master is not the file that was added: seen in the filmstrip, and somebody is asked."""
        self._mark(item.uuid, text)
        accept = Choice("acceptMasterButton", "Accept this file", lambda: self.accept(item.uuid))
        later = Choice("laterButton", "Decide later", lambda: None)
        self.offered.emit(Offer(text, (accept, later), about=item.uuid))

    @Slot(object, str)
    def miss(self, item: ProjectItem, text: str) -> None:
        """A master is not where it was: it may be near, or somebody knows where."""
        look = Choice("lookNearbyButton", "Look nearby", self.find_moved)
        later = Choice("laterButton", "Not now", lambda: None)
        self.offered.emit(Offer(text, (look, later), about="missing"))

    def check(self) -> None:
        """Read every master of the project, in the background."""
        project = self._session.project
        if project is not None and project.items:
            items = self._session.items(item.uuid for item in project.items)
            many = "one master" if len(items) == 1 else f"{len(items)} masters"
            ways = Ways(hold=lambda paused: handle.hold(paused))
            number = self._jobs.add(f"Check of {many}", lambda: handle.cancel(), ways)
            handle = self._bridge.check_masters(project, items, lambda step: self._jobs.advance(number, step))
            self._tasks.spawn(self._follow_check(number, handle))

    async def _follow_check(self, number: int, handle: Checking) -> None:
        with endings(self._jobs, number, stopped="Stopped before all were read.", several=True):
            self._tell(number, await handle.result())

    def _tell(self, number: int, reports: tuple[tuple[str, FixityReport], ...]) -> None:
        for uuid, report in reports:
            self._session.filmstrip.show_doubt(uuid, "" if report.intact else report.message)
        self.changed.emit()
        changed = [(uuid, report) for uuid, report in reports if report.state == "changed"]
        unread = [report for _, report in reports if report.state == "unreadable"]
        if not changed and not unread:
            self._jobs.finish(number, "done", f"All {len(reports)} are unchanged since they were added.")
            return
        told = [f"{len(changed)} changed" if changed else "", f"{len(unread)} could not be read" if unread else ""]
        bad = [*(report for _, report in changed), *unread]
        self._jobs.finish(number, "failed", f"{', '.join(filter(None, told))}: {_names(bad)}")
        for uuid, report in changed[:1]:
            for item in self._session.items((uuid,)):
                self.doubt(item, report.message)

    def accept(self, uuid: str) -> None:
        """Take the file that is there now for the master; the audit log says who decided so."""
        self._tasks.spawn(self._accept(uuid))

    async def _accept(self, uuid: str) -> None:
        project, items = self._session.project, self._session.items((uuid,))
        if project is None or not items:
            return
        try:
            await self._session.flush()
            changed = await self._bridge.acknowledge(project, items[0])
        except EngineError as error:
            self.failed.emit(str(error))
            return
        self._mark(uuid, "")
        await self._session.take_over(changed, uuid)
        self.noticed.emit(f"“{name_of(items[0])}” is accepted as it is now; the project’s log keeps what it was.")

    def find_moved(self, folder: str | None = None) -> None:
        """Look for masters that are not where they were, by their bytes; without a folder where they may well be."""
        project = self._session.project
        if project is not None:
            number = self._jobs.add("Search for moved masters", lambda: handle.cancel())
            handle = self._bridge.relocate(project, folder, lambda step: self._jobs.advance(number, step))
            self._tasks.spawn(self._follow_search(number, handle))

    async def _follow_search(self, number: int, handle: Searching) -> None:
        try:
            project, moved = await handle.result()
        except Cancelled:
            self._jobs.finish(number, "cancelled", "Stopped; nothing was changed.")
            return
        except EngineError as error:
            self._jobs.finish(number, "failed", str(error))
            return
        found = [one for one in moved if one.new]
        if not moved:
            self._jobs.finish(number, "done", "No master is missing.")
        elif not found:
            lost = "The missing master was" if len(moved) == 1 else f"None of the {len(moved)} missing masters was"
            nothing = f"{lost}{' not' if len(moved) == 1 else ''} found; choose a folder with “Find moved masters”."
            self._jobs.finish(number, "failed", nothing)
        else:
            state: Literal["done", "failed"] = "done" if len(found) == len(moved) else "failed"
            self._jobs.finish(number, state, f"{len(found)} of {len(moved)} found.")
            current = self._session.item
            await self._session.take_over(project, current.uuid if current else found[0].uuid)

    def _mark(self, uuid: str, text: str) -> None:
        self._session.filmstrip.show_doubt(uuid, text)
        self.changed.emit()


def _names(reports: list[FixityReport]) -> str:
    names = [report.path.name for report in reports[:NAMED]]
    more = len(reports) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
