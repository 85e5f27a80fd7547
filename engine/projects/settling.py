"""What the new owner of a project folder does first: clears up after a crash, migrates, replays journals."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.errors import EngineError, ProjectError
from engine.projects.atomic import remove_leftovers, write_error, write_json
from engine.projects.backups import BACKUPS, keep_backup, set_aside
from engine.projects.contents import Contents
from engine.projects.events import EventLog
from engine.projects.journal import JOURNAL, Left, left_behind
from engine.projects.lock import FolderLock
from engine.projects.migrations import SCHEMA_VERSION
from engine.projects.places import ITEMS, MASTERS, PROJECT
from engine.projects.schema import ItemRecord, ProjectRecord, checked, read_record, to_json
from engine.types import Event, EventObject, ProjectItem

_CLEARED = (".", ITEMS, BACKUPS, f"{BACKUPS}/{ITEMS}", JOURNAL, MASTERS, "masks", "styles", "models", "exports")


def settle_in(contents: Contents, log: EventLog, lock: FolderLock) -> tuple[ProjectItem, ...]:
    """Puts the folder in order. What cannot be done is told in the contents' problems, and the project opens still.

    Returns the items that a journal changed, as they were before.
    """
    recovered: list[ProjectItem] = []
    try:
        for name in _CLEARED:
            remove_leftovers(contents.folder / name)
        for name in (ITEMS, BACKUPS):
            (contents.folder / name).mkdir(exist_ok=True)
        _tell_takeover(contents, log, lock)
        _migrate(contents, log, lock)
        _mend(contents)
        for left in left_behind(contents.folder):
            recovered.extend(_replay(contents, log, left))
    except OSError as error:
        contents.problems.append(str(write_error(error, contents.folder / PROJECT)))
    except EngineError as error:
        contents.problems.append(str(error))
    return tuple(recovered)


def _tell_takeover(contents: Contents, log: EventLog, lock: FolderLock) -> None:
    before = lock.taken_from
    if before is None:
        return
    note = f"Nothing was heard from {before.user} on {before.host} for ten minutes, so the project was taken over."
    log.append(Event("transfer", note, details={"host": before.host, "user": before.user, "pid": before.pid}))
    contents.problems.append(note)


def _migrate(contents: Contents, log: EventLog, lock: FolderLock) -> None:
    """Brings every file to this version, after a copy of it; the event comes first, since it tells what was there."""
    older = [stored for stored in contents.ordered if stored.content.is_older]
    versions = {stored.content.version for stored in older}
    if contents.project.is_older:
        versions.add(contents.project.version)
    if not versions:
        return
    sources = [(stored.value.uuid, stored.value.source) for stored in older]
    masters = tuple(EventObject(source.path, source.sha256, source.size, item=uuid) for uuid, source in sources)
    note = f"The project’s files were brought from version {min(versions)} to version {SCHEMA_VERSION}, after copies."
    log.append(Event("migration", note, objects=masters, details={"from": min(versions), "to": SCHEMA_VERSION}))
    for stored in older:
        lock.beat()
        contents.write(stored.record)
    if contents.project.is_older:
        contents.write_project()


def _mend(contents: Contents) -> None:
    """The project's own file from its copy, or the copy from the file."""
    if not _is_written_in(contents, contents.folder / PROJECT):
        contents.write_project()
    if not _is_written_in(contents, contents.folder / BACKUPS / PROJECT):
        write_json(contents.folder / BACKUPS / PROJECT, contents.project.raw)


def _is_written_in(contents: Contents, path: Path) -> bool:
    try:
        content = read_record(path, ProjectRecord)
    except ProjectError:
        return False
    return content.raw == contents.project.raw and not content.is_older


def _replay(contents: Contents, log: EventLog, left: Left) -> list[ProjectItem]:
    """Writes what a journal has and the items' files have not; the journal goes once nothing is only there."""
    before, unused = [], left.unusable
    for record, raw in left.entries:
        stored = contents.items.get(record.uuid)
        if stored is None or record.is_newer:
            unused += 1
        elif record.revision > stored.record.revision:
            merged = to_json(record, raw) | {"source": stored.content.raw["source"], "added": stored.record.added}
            before.append(stored.value)
            keep_backup(contents.folder, contents.folder / ITEMS / f"{record.uuid}.json")
            contents.write(checked(ItemRecord, merged, left.path.name), stored.content.raw | merged)
    if before:
        many = f"{len(before)} images" if len(before) > 1 else "one image"
        names = tuple(EventObject(item.source.path, item=item.uuid) for item in before)
        note = f"Edits of {many} that a program had no time to save were brought back from {left.path.name}."
        log.append(Event("recovery", note, objects=names))
    if unused:
        kept = set_aside(contents.folder, left.path, JOURNAL)
        lines = "1 line" if unused == 1 else f"{unused} lines"
        contents.problems.append(
            f"{lines} of {left.path.name} cannot be used; it is kept as {BACKUPS}/{JOURNAL}/{kept.name}."
        )
    else:
        with contextlib.suppress(OSError):  # what stands in it is in the items: replaying it again changes nothing
            left.path.unlink()
    return before
