"""An open project folder: JSON files are the truth, a frozen `Project` is what the rest of the program sees."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from engine.errors import ProjectError
from engine.projects.atomic import write_error, write_json
from engine.projects.contents import Contents, Stored
from engine.projects.events import EventLog, program
from engine.projects.journal import Journal
from engine.projects.lock import FolderLock
from engine.projects.places import (
    ITEMS,
    PROJECT,
    default_folder,
    describe,
    find_project_for,
    is_project,
    new_project_folder,
)
from engine.projects.processes import user
from engine.projects.schema import EarlierRecord, ItemRecord, ProjectRecord, SourceRecord, checked, to_json
from engine.projects.settling import settle_in
from engine.types import ChainReport, Event, EventObject, ImageRef, LoggedEvent, PackageFacts, Project, ProjectItem

__all__ = ["ProjectFolder", "default_folder", "find_project_for", "is_project", "new_project_folder"]

NEWER = "This project was made by a newer Archivist, so it opens read-only; update this one to edit it."
LOOKING = "This project was opened to be looked at only; open it again to edit it."


class ProjectFolder:
    """A project folder, opened by `create` or `open`, until `close`. All methods may be called from any thread.

    Items that cannot be read are left as they are and told in `problems`; they do not hide the others.
    """

    def __init__(self, folder: Path, lock: FolderLock | None, reason: str) -> None:
        self._folder = folder
        self._lock = lock
        self._reason = reason
        self._guard = threading.RLock()
        self._log = EventLog(folder)
        self._journal = Journal(folder)
        self._contents = Contents(folder)
        self._recovered: tuple[ProjectItem, ...] = ()
        if lock is None:
            return
        if self._contents.is_newer:
            self.close()
            self._reason = NEWER
        else:
            self._recovered = settle_in(self._contents, self._log, lock)

    @classmethod
    def create(cls, folder: Path, name: str) -> ProjectFolder:
        """Makes a new project in a folder that does not exist yet, or is empty.

        Raises `ProjectError` if something is in the folder, `WriteError` if it cannot be written.
        """
        folder = folder.resolve()
        fields = {"uuid": str(uuid.uuid4()), "name": name, "app_version": program(), "created": _now()}
        record = checked(ProjectRecord, fields, "The new project")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise ProjectError(f"{folder} is not empty; choose another name for the new project.")
            (folder / ITEMS).mkdir()
        except OSError as error:
            raise write_error(error, folder) from error
        # Last, because a folder is a project once this file is there.
        write_json(folder / PROJECT, to_json(record))
        made = cls.open(folder)
        try:
            made.record(Event("creation", f"The project {name} was made.", details={"project": record.uuid}))
        except BaseException:
            made.close()
            raise
        return made

    @classmethod
    def open(cls, folder: Path, *, look_only: bool = False) -> ProjectFolder:
        """Opens a project folder, read-only if it cannot be written, is newer, or somebody else has it.

        With `look_only` nothing at all is written, not even a lock. Raises `ProjectError` if it is no project, or too
        damaged to be read.
        """
        folder = folder.resolve()
        if not is_project(folder):
            raise ProjectError(f"{folder} is not an Archivist project; choose a folder that holds a {PROJECT}.")
        if look_only:
            return cls(folder, None, LOOKING)
        lock, reason = None, ""
        try:
            lock = FolderLock.acquire(folder)
        except ProjectError as error:
            reason = str(error)
        try:
            return cls(folder, lock, reason)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def __enter__(self) -> ProjectFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def value(self) -> Project:
        """The project as it is on disk now, its items in the order in which they were added."""
        with self._guard:
            record = self._contents.project.record
            return Project(
                folder=str(self._folder),
                uuid=record.uuid,
                name=record.name,
                items=tuple(stored.value for stored in self._contents.ordered),
                writable=self._lock is not None,
                reason=self._reason,
                schema_version=record.schema_version,
                problems=self.problems,
                recovered=self._recovered,
                needs_approval=record.needs_approval,
                package=PackageFacts(**record.package.model_dump()),
            )

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each file that could not be used, or that had to be mended."""
        with self._guard:
            return tuple(self._contents.problems)

    # images

    def add(self, source: Path, sha256: str, size: int, page: int = 0, *, copied_from: Path | None = None) -> Project:
        """Adds one page of a master by reference; the same bytes and page are the same item and not added twice.

        An item whose master is no longer where it was gets the new place. `copied_from` is where a master was that now
        lies in the project. Raises `ProjectError`, `WriteError`.
        """
        with self._guard:
            self.must_be_writable()
            stored = self._contents.find(sha256, page)
            if stored is not None and copied_from is None and self._contents.place_of(stored.record.source) is not None:
                return self.value
            if stored is not None:
                self._move(stored, source, copied_from)
                return self.value
            fields = {"size": size, "sha256": sha256, "page": page, **_described(source, self._folder, copied_from)}
            where = checked(SourceRecord, fields, f"The file {source.name}")
            fields = {"uuid": str(uuid.uuid4()), "added": _now(), "source": where}
            record = checked(ItemRecord, fields, f"The file {source.name}")
            how = "copied into the project" if copied_from is not None else "added"
            # The event first, as everywhere: what stands in the log can be made good from it.
            self._log.append(Event("ingestion", f"{source.name} was {how}.", objects=(_object(record),)))
            self._contents.write(record)
            return self.value

    def relocate(self, found: Mapping[str, Path]) -> Project:
        """Writes where masters are now that were moved, by their items' uuids. Raises `ProjectError`, `WriteError`."""
        with self._guard:
            self.must_be_writable()
            for number, path in found.items():
                self._move(self._stored_under(number), path, None)
            return self.value

    def acknowledge(self, item: ProjectItem, sha256: str, size: int) -> Project:
        """Takes the file that is now at the master's place for the master; what it was before is kept.

        Somebody has decided so: the log tells who and when. Raises `ProjectError`, `WriteError`.
        """
        with self._guard:
            self.must_be_writable()
            stored = self._stored(item)
            old = stored.record.source
            if (old.sha256, old.size) == (sha256, size):
                return self.value
            who, when, path = user(), _now(), self.locate(item)
            before = EarlierRecord(sha256=old.sha256, size=old.size, until=when, acknowledged_by=who)
            fields = {"sha256": sha256, "size": size, **describe(path, self._folder), "earlier": (*old.earlier, before)}
            record = _with_source(stored, checked(SourceRecord, dict(old) | fields, f"The file {path.name}"))
            note = f"{who} acknowledged that {path.name} is another file than the one that was added."
            details = {"before": {"sha256": old.sha256, "size": old.size}, "acknowledged_by": who}
            self._log.append(Event("metadata modification", note, "warning", (_object(record),), details))
            self._contents.write(record)
            return self.value

    def locate(self, item: ProjectItem) -> Path:
        """Where the master is now, absolute. Raises `ProjectError` if it is at none of the known places."""
        source = self._stored(item).record.source  # no waiting for a write: the window asks while it draws
        found = self._contents.place_of(source)
        if found is None:
            name = Path(source.path).name
            raise ProjectError(
                f"{name} is not where it was ({source.path}); bring it back, or use “Find moved masters”."
            )
        return found

    def missing(self) -> tuple[ProjectItem, ...]:
        """The items whose masters are at none of the known places."""
        with self._guard:
            items = self._contents.ordered
            return tuple(one.value for one in items if self._contents.place_of(one.record.source) is None)

    def neighbours(self) -> tuple[Path, ...]:
        """Folders where a moved master may well be: beside the project, beside other masters, and where it was."""
        with self._guard:
            folders = [self._folder, self._folder.parent]
            folders += [self._folder / root for root in self._contents.project.record.roots]
            for stored in self._contents.ordered:
                place = self._contents.place_of(stored.record.source)
                was = Path(stored.record.source.seen_at or self._folder / stored.record.source.path)
                folders += [place.parent] if place is not None else [was.parent, was.parent.parent]
        unique = dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir())
        return tuple(folder for folder in unique if folder != Path(folder.anchor))

    # decisions

    def journal(self, items: Sequence[ProjectItem]) -> None:
        """Keeps edits on the disk until `save_item` has written them, in case this program is killed before.

        Items no newer than their files are left out. Raises `ProjectError`, `WriteError`.
        """
        with self._guard:
            self.must_be_writable()
            lines = []
            for item in items:
                stored = self._stored(item)
                if item.revision > stored.record.revision:
                    lines.append(to_json(stored.record.with_value(item, user(), _now()), stored.content.raw))
            if lines:
                self._journal.append(lines)

    def save_item(self, item: ProjectItem) -> Project:
        """Writes what a person decided about an image. `item.revision` must be newer than the saved one.

        An item equal to the saved one needs no writing. Raises `ProjectError` if the item is stale, of another
        source, or not of this project, or if the project is read-only; `WriteError` if writing fails.
        """
        with self._guard:
            self.must_be_writable()
            stored = self._stored(item)
            saved = stored.value
            if item == saved:
                return self.value
            if item.source != saved.source:
                raise ProjectError(f"{saved.source.path} cannot become another image; add the other image instead.")
            if item.revision <= saved.revision:
                raise ProjectError(f"{saved.source.path} was changed elsewhere meanwhile; open it again to see how.")
            record = stored.record.with_value(item, user(), _now())
            if item.decision != saved.decision:
                note = f"{Path(item.source.path).name} was {item.decision or 'put back among the undecided'}."
                details = {"decision": item.decision, "before": saved.decision, "note": item.note}
                self._log.append(Event("appraisal", note, objects=(_object(record),), details=details))
            self._contents.write(record)
            self._journal.settle(item.uuid, item.revision)
            return self.value

    def set_rules(self, package: PackageFacts, needs_approval: bool) -> Project:
        """Keeps what every package of the project tells, and whether a person must approve what is exported.

        Raises `ProjectError` for impossible values or a read-only project, `WriteError` if writing fails.
        """
        with self._guard:
            self.must_be_writable()
            before = self._contents.project.record
            known = dict(before) | {"package": asdict(package), "needs_approval": needs_approval}
            record = checked(ProjectRecord, known, "The rules of the project")
            if record == before:
                return self.value
            self._contents.write_project(record)
            if record.needs_approval != before.needs_approval:
                rule = "now must be" if needs_approval else "no longer has to be"
                self._log.append(Event("metadata modification", f"An image {rule} approved before it is exported."))
            return self.value

    # the audit log

    def record(self, event: Event) -> LoggedEvent:
        """Adds an event to the audit log. Raises `ProjectError` if the project is read-only, `WriteError`."""
        with self._guard:
            self.must_be_writable()
            return self._log.append(event)

    def events(self) -> tuple[LoggedEvent, ...]:
        """What happened to the project and its files, oldest first."""
        return tuple(self._log.read())

    def check_log(self) -> ChainReport:
        """Whether the audit log is the one that was written."""
        return self._log.verify()

    # holding the folder

    def beat(self) -> None:
        """Says that this program is alive; to be called twice a minute while the project is open."""
        with self._guard:
            if self._lock is not None:
                self._lock.beat()

    def close(self) -> None:
        """Lets others write in the folder; from now on this object is read-only. A second call does nothing."""
        with self._guard:
            if self._lock is not None:
                self._lock.release()
                self._lock = None
                self._reason = "This project was closed; open it again to edit it."

    def must_be_writable(self) -> None:
        """Raises `ProjectError` in a sentence if the project is read-only, or was taken over meanwhile."""
        if self._lock is None:
            raise ProjectError(self._reason)
        holder = self._lock.lost_to()
        if holder is not None:
            self.close()
            self._reason = (
                f"{holder.user} on {holder.host} took this project over while nothing was heard from here; "
                "open it again once it is closed there."
            )
            raise ProjectError(self._reason)
        self._lock.beat()

    def _stored(self, item: ProjectItem) -> Stored:
        stored = self._contents.items.get(item.uuid)
        if stored is None:
            name = self._contents.project.record.name
            raise ProjectError(f"{item.source.path} is not in the project {name}; add it first.")
        return stored

    def _stored_under(self, number: str) -> Stored:
        return self._stored(ProjectItem(number, ImageRef(number, "", 0)))

    def _move(self, stored: Stored, path: Path, copied_from: Path | None) -> None:
        """Gives an item's master its new place."""
        source = stored.record.source
        fields = _described(path, self._folder, copied_from)
        record = _with_source(stored, checked(SourceRecord, dict(source) | fields, f"The file {path.name}"))
        note = f"{path.name} is now at {record.source.path}, no longer at {source.path}."
        self._log.append(Event("metadata modification", note, objects=(_object(record),)))
        self._contents.write(record)


def _described(path: Path, folder: Path, copied_from: Path | None) -> dict[str, object]:
    where = describe(path, folder)
    return where if copied_from is None else where | {"seen_at": describe(copied_from, folder)["seen_at"]}


def _with_source(stored: Stored, source: SourceRecord) -> ItemRecord:
    return stored.record.model_copy(update={"source": source, "revision": stored.record.revision + 1})


def _object(record: ItemRecord) -> EventObject:
    source = record.source
    return EventObject(source.path, source.sha256, source.size, item=record.uuid)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
