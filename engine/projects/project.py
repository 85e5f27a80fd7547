"""An open project folder: JSON files are the truth, a frozen `Project` is what the rest of the program sees."""

from __future__ import annotations

import threading
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.errors import EngineError, ProjectError
from engine.projects.atomic import remove_leftovers, write_error, write_json
from engine.projects.events import EventLog, program, user
from engine.projects.lock import FolderLock
from engine.projects.places import (
    BACKUPS,
    ITEMS,
    PROJECT,
    default_folder,
    describe,
    find_master,
    find_project_for,
    is_project,
    item_files,
    new_project_folder,
)
from engine.projects.schema import ItemRecord, ProjectRecord, SourceRecord, checked, read_record, to_json
from engine.types import ChainReport, Event, EventObject, LoggedEvent, PackageFacts, Project, ProjectItem

__all__ = ["ProjectFolder", "default_folder", "find_project_for", "is_project", "new_project_folder"]

NEWER = "This project was made by a newer Archivist, so it opens read-only; update this one to edit it."


@dataclass(frozen=True, slots=True)
class _Stored:
    """An item's file: what we understand of it, all of it, and what others see of it."""

    record: ItemRecord
    raw: dict[str, Any]
    value: ProjectItem


class ProjectFolder:
    """A project folder, opened by `create` or `open`, until `close`. All methods may be called from any thread.

    Items that cannot be read are left as they are and told in `problems`; they do not hide the others.
    """

    def __init__(self, folder: Path, lock: FolderLock | None, reason: str) -> None:
        self._folder = folder
        self._lock = lock
        self._reason = reason
        self._log = EventLog(folder)
        self._guard = threading.RLock()
        self._items: dict[str, _Stored] = {}
        self._problems: list[str] = []
        self._record, self._raw = self._read_project()
        self._read_items()

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
        made.record(Event("creation", f"The project {name} was made.", details={"project": record.uuid}))
        return made

    @classmethod
    def open(cls, folder: Path) -> ProjectFolder:
        """Opens a project folder, read-only if it cannot be written, is newer, or somebody else has it.

        Raises `ProjectError` if it is no project, or too damaged to be read.
        """
        folder = folder.resolve()
        if not is_project(folder):
            raise ProjectError(f"{folder} is not an Archivist project; choose a folder that holds a {PROJECT}.")
        lock, reason = None, ""
        try:
            lock = FolderLock.acquire(folder)
        except ProjectError as error:
            reason = str(error)
        try:
            opened = cls(folder, lock, reason)
            opened._settle_in()
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return opened

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
            stored = sorted(self._items.values(), key=lambda entry: (entry.record.added, entry.record.uuid))
            return Project(
                folder=str(self._folder),
                uuid=self._record.uuid,
                name=self._record.name,
                items=tuple(entry.value for entry in stored),
                writable=self._lock is not None,
                reason=self._reason,
                schema_version=self._record.schema_version,
                needs_approval=self._record.needs_approval,
                package=PackageFacts(**self._record.package.model_dump()),
            )

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each file that could not be used, or that had to be mended."""
        with self._guard:
            return tuple(self._problems)

    def add(self, source: Path, sha256: str, size: int, page: int = 0) -> Project:
        """Adds one page of a master by reference; the same bytes and page are the same item and not added twice.

        An item whose master is no longer where it was gets the new place. Raises `ProjectError`, `WriteError`.
        """
        with self._guard:
            self._must_be_writable()
            stored = self._find(sha256, page)
            if stored is not None and self._place_of(stored.record.source) is not None:
                return self.value
            fields = {"size": size, "sha256": sha256, "page": page, **describe(source, self._folder)}
            where = checked(SourceRecord, fields, f"The file {source.name}")
            if stored is not None:
                found = {"source": where, "revision": stored.record.revision + 1}
                self._write(stored.record.model_copy(update=found), stored.raw)
                event = Event("metadata modification", f"{source.name} was found again at {where.path}.")
            else:
                fields = {"uuid": str(uuid.uuid4()), "added": _now(), "source": where}
                stored = self._write(checked(ItemRecord, fields, f"The file {source.name}"), {})
                event = Event("ingestion", f"{source.name} was added.")
            master = EventObject(where.path, sha256, size, item=stored.record.uuid)
            self._log.append(replace(event, objects=(master,)))
            return self.value

    def save_item(self, item: ProjectItem) -> Project:
        """Writes what a person decided about an image. `item.revision` must be newer than the saved one.

        An item equal to the saved one needs no writing. Raises `ProjectError` if the item is stale, of another
        source, or not of this project, or if the project is read-only; `WriteError` if writing fails.
        """
        with self._guard:
            self._must_be_writable()
            stored = self._stored(item)
            saved = stored.value
            if item == saved:
                return self.value
            if item.source != saved.source:
                raise ProjectError(f"{saved.source.path} cannot become another image; add the other image instead.")
            if item.revision <= saved.revision:
                raise ProjectError(f"{saved.source.path} was changed elsewhere meanwhile; open it again to see how.")
            self._write(stored.record.with_value(item, user(), _now()), stored.raw)
            return self.value

    def set_rules(self, package: PackageFacts, needs_approval: bool) -> Project:
        """Keeps what every package of the project tells, and whether a person must approve what is exported.

        Raises `ProjectError` for impossible values or a read-only project, `WriteError` if writing fails.
        """
        with self._guard:
            self._must_be_writable()
            known = dict(self._record) | {"package": asdict(package), "needs_approval": needs_approval}
            record = checked(ProjectRecord, known, "The rules of the project")
            if record == self._record:
                return self.value
            raw = to_json(record, self._raw)
            write_json(self._folder / PROJECT, raw)
            changed = record.needs_approval != self._record.needs_approval
            self._record, self._raw = record, raw
            if changed:
                rule = "now must be" if needs_approval else "no longer has to be"
                self._log.append(Event("metadata modification", f"An image {rule} approved before it is exported."))
            return self.value

    def record(self, event: Event) -> LoggedEvent:
        """Adds an event to the audit log. Raises `ProjectError` if the project is read-only, `WriteError`."""
        with self._guard:
            self._must_be_writable()
            return self._log.append(event)

    def events(self) -> tuple[LoggedEvent, ...]:
        """What happened to the project and its files, oldest first."""
        return tuple(self._log.read())

    def check_log(self) -> ChainReport:
        """Whether the audit log is the one that was written."""
        return self._log.verify()

    def locate(self, item: ProjectItem) -> Path:
        """Where the master is now, absolute. Raises `ProjectError` if it is at none of the known places."""
        with self._guard:
            source = self._stored(item).record.source
            found = self._place_of(source)
        if found is None:
            name = Path(source.path).name
            raise ProjectError(
                f"{name} is not where it was ({source.path}); bring it back, or add it from its new place."
            )
        return found

    def close(self) -> None:
        """Lets others write in the folder; from now on this object is read-only. A second call does nothing."""
        with self._guard:
            if self._lock is not None:
                self._lock.release()
                self._lock = None
                self._reason = "This project was closed; open it again to edit it."

    def _read_project(self) -> tuple[ProjectRecord, dict[str, Any]]:
        try:
            return read_record(self._folder / PROJECT, ProjectRecord)
        except ProjectError as error:
            try:
                kept = read_record(self._folder / BACKUPS / PROJECT, ProjectRecord)
            except ProjectError:
                raise error from None
            self._problems.append(f"{PROJECT} was damaged or missing; the copy in {BACKUPS} is used in its place.")
            return kept

    def _read_items(self) -> None:
        for path in item_files(self._folder):
            try:
                record, raw = read_record(path, ItemRecord)
            except ProjectError as error:
                self._problems.append(str(error))
                continue
            if record.uuid != path.stem:
                self._problems.append(
                    f"{path.name} is a copy of another item that something else made; it is not used."
                )
                continue
            self._items[record.uuid] = _Stored(record, raw, record.to_value())

    def _settle_in(self) -> None:
        """What a new owner of the folder does first: clear up after a crash, and leave newer projects alone."""
        if self._lock is None:
            return
        if self._record.is_newer or any(stored.record.is_newer for stored in self._items.values()):
            self.close()
            self._reason = NEWER
            return
        try:
            for folder in (self._folder, self._folder / ITEMS, self._folder / BACKUPS):
                folder.mkdir(exist_ok=True)
                remove_leftovers(folder)
            # The first of these mends a damaged project from its backup, the second makes the backup.
            for path in (self._folder / PROJECT, self._folder / BACKUPS / PROJECT):
                if not self._is_written_in(path):
                    write_json(path, self._raw)
        except OSError as error:
            self._problems.append(str(write_error(error, self._folder / PROJECT)))
        except EngineError as error:
            self._problems.append(str(error))

    def _is_written_in(self, path: Path) -> bool:
        try:
            return read_record(path, ProjectRecord)[1] == self._raw
        except ProjectError:
            return False

    def _must_be_writable(self) -> None:
        if self._lock is None:
            raise ProjectError(self._reason)

    def _stored(self, item: ProjectItem) -> _Stored:
        stored = self._items.get(item.uuid)
        if stored is None:
            raise ProjectError(f"{item.source.path} is not in the project {self._record.name}; add it first.")
        return stored

    def _find(self, sha256: str, page: int) -> _Stored | None:
        sources = ((stored.value.source, stored) for stored in self._items.values())
        return next((stored for ref, stored in sources if (ref.sha256, ref.page) == (sha256, page)), None)

    def _place_of(self, source: SourceRecord) -> Path | None:
        return find_master(self._folder, self._record.roots, source)

    def _write(self, record: ItemRecord, raw: dict[str, Any]) -> _Stored:
        data = to_json(record, raw)
        write_json(self._folder / ITEMS / f"{record.uuid}.json", data)
        stored = self._items[record.uuid] = _Stored(record, data, record.to_value())
        return stored


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
