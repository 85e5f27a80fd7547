"""A damaged project is made usable again. Nothing is deleted: what is replaced or used up is moved to the backups."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import ProjectError
from engine.projects.atomic import SUFFIX, write_error, write_json
from engine.projects.backups import BACKUPS, set_aside
from engine.projects.contents import conflicted_copies
from engine.projects.events import EVENTS, EventLog, program
from engine.projects.journal import JOURNAL
from engine.projects.lock import FolderLock
from engine.projects.migrations import SCHEMA_VERSION, version_of
from engine.projects.places import ITEMS, PROJECT
from engine.projects.salvage import Candidate, candidates
from engine.projects.schema import ItemRecord, ProjectRecord, SnapshotRecord, checked, read_record, to_json
from engine.types import Event, Progress, RescueReport

_WORTH = ("log", "backup", "temporary", "journal", "copy", "file")  # of two states of one revision the later is taken


@dataclass
class _Rescue:
    """One rescue on its way."""

    folder: Path
    only_look: bool
    stamp: str = field(default_factory=lambda: datetime.now(UTC).strftime("rescue-%Y%m%dT%H%M%SZ"))
    saved: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)

    def set_aside(self, path: Path) -> None:
        """Moves a file of the project out of the way, if it is still there."""
        if path.exists():
            self.moved.append(path.name)
            if not self.only_look:
                below = path.parent.relative_to(self.folder)
                set_aside(self.folder, path, f"{self.stamp}/{below}" if below.parts else self.stamp)

    def write(self, path: Path, data: dict[str, Any]) -> None:
        """Writes a file of the project; what was there is moved out of the way first."""
        self.set_aside(path)
        if not self.only_look:
            write_json(path, data)


def rescue(folder: Path, report: Callable[[Progress], None], *, only_look: bool = False) -> RescueReport:
    """Rebuilds what can be rebuilt from files, copies, backups, journals and the audit log, and tells what was saved.

    `only_look` says what would happen, and writes nothing. `report` gets images done of images in all; raising
    `Cancelled` there stops between two images. ProjectError where there is nothing of a project, or it is in use.
    """
    folder = folder.resolve()
    if not any((folder / name).exists() for name in (PROJECT, ITEMS, BACKUPS, EVENTS)):
        raise ProjectError(f"{folder} holds nothing of an Archivist project; choose another folder.")
    _must_not_be_newer(folder / PROJECT)
    lock = None if only_look else FolderLock.acquire(folder)
    try:
        work = _Rescue(folder, only_look)
        if not only_look:
            _make_folders(folder)
        images = _rescue_items(work, report)
        name = _rescue_project(work)
        _bring_in_logs(work)
        _clear(work)
        if (work.saved or work.moved) and not only_look:
            note = f"The project {name} was rescued: {len(work.saved)} things were mended or brought in."
            details = {"saved": work.saved, "lost": work.lost, "kept": f"{BACKUPS}/{work.stamp}", "moved": work.moved}
            EventLog(folder).append(Event("recovery", note, "warning" if work.lost else "success", (), details))
    finally:
        if lock is not None:
            lock.release()
    kept = str(folder / BACKUPS / work.stamp) if work.moved and not only_look else ""
    return RescueReport(str(folder), images, tuple(work.saved), tuple(work.lost), kept)


def _must_not_be_newer(path: Path) -> None:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(data, dict) and version_of(data) > SCHEMA_VERSION:
        raise ProjectError("This project was made by a newer Archivist; update this one to rescue it.")


def _make_folders(folder: Path) -> None:
    for name in (ITEMS, BACKUPS):
        try:
            (folder / name).mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(error, folder / name) from error


def _rescue_items(work: _Rescue, report: Callable[[Progress], None]) -> int:
    """Brings every item's file in order; returns how many items there are."""
    states: dict[str, list[Candidate]] = {}
    for candidate in candidates(work.folder):
        states.setdefault(candidate.record.uuid, []).append(candidate)
    known = {_bytes_of(one.record) for found in states.values() for one in found if one.kind != "log"}
    for number, (key, found) in enumerate(list(states.items())):
        report(Progress(number, len(states), Path(found[0].record.source.path).name))
        if all(one.kind == "log" for one in found) and _bytes_of(found[0].record) in known:
            del states[key]  # the same image under another number
            continue
        known.add(_bytes_of(found[0].record))
        _rescue_item(work, found)
    for path in sorted((work.folder / ITEMS).glob("*.json")):
        if not path.name.startswith(".") and path.stem not in states and path not in conflicted_copies(work.folder):
            work.lost.append(f"Nothing can be read of {path.name}, and there is no copy of it.")
            work.set_aside(path)
    return len(states)


def _bytes_of(record: ItemRecord) -> tuple[str, int]:
    return record.source.sha256, record.source.page


def _rescue_item(work: _Rescue, found: list[Candidate]) -> None:
    """Writes the best state of an item, with what only its copies have as snapshots."""
    best = max(found, key=lambda one: (not one.lost, one.record.revision, _WORTH.index(one.kind)))
    own = next((one for one in found if one.kind == "file"), None)
    rivals = [one for one in found if one.kind == "copy" or one is own]
    record = _with_rivals(best, [one for one in rivals if one is not best])
    name = Path(record.source.path).name
    if best is own and record == best.record and best.whole and not best.lost:
        return
    where = best.origin.relative_to(work.folder).as_posix()
    if record.snapshots != best.record.snapshots:
        work.saved.append(f"{name} has the settings of each of its copies now, as snapshots.")
    elif best is not own:
        work.saved.append(f"{name} was brought back from {where}.")
    else:
        work.saved.append(f"{name} was mended.")
    if best.lost:
        work.lost.append(f"Of {name} these cannot be read anywhere: {', '.join(best.lost)}.")
    revision = max(one.record.revision for one in found) + (record != best.record)
    record = record.model_copy(update={"revision": revision})
    work.write(work.folder / ITEMS / f"{record.uuid}.json", to_json(record, best.raw))


def _with_rivals(best: Candidate, rivals: list[Candidate]) -> ItemRecord:
    """The best state, with the settings and snapshots that others have and it has not."""
    snapshots = list(best.record.snapshots)
    recipes = {best.record.recipe, *(one.recipe for one in snapshots)}
    for rival in rivals:
        for one in rival.record.snapshots:
            if one not in snapshots:
                snapshots.append(one)
                recipes.add(one.recipe)
        if rival.record.recipe not in recipes and "recipe" not in rival.lost:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            snapshots.append(SnapshotRecord(name=f"From {rival.origin.name}", recipe=rival.record.recipe, created=now))
            recipes.add(rival.record.recipe)
    return best.record.model_copy(update={"snapshots": tuple(snapshots)})


def _rescue_project(work: _Rescue) -> str:
    """Makes the project's own file usable; returns the project's name."""
    own = work.folder / PROJECT
    others = sorted((work.folder / BACKUPS).glob("project*.json"), reverse=True)
    others += sorted(work.folder.glob("project?*.json")) + sorted(work.folder.glob(f".project*{SUFFIX}"))
    for path in (own, *others):
        try:
            content = read_record(path, ProjectRecord)
        except ProjectError:
            continue
        if content.record.is_newer:
            continue
        if path != own:
            work.saved.append(f"{PROJECT} was brought back from {path.relative_to(work.folder).as_posix()}.")
            work.write(own, content.raw)
        return content.record.name
    name = work.folder.stem
    record = checked(ProjectRecord, {"uuid": _number(work.folder), "name": name, "app_version": program()}, PROJECT)
    work.saved.append(f"{PROJECT} was made anew; the project is called {name} now.")
    work.write(own, to_json(record))
    return name


def _number(folder: Path) -> str:
    """The project's uuid as the audit log has it, or a new one."""
    try:
        for line in EventLog(folder).read():
            known = line.event.details.get("project")
            if line.event.type == "creation" and isinstance(known, str):
                return str(uuid.UUID(known))
    except (ProjectError, ValueError):
        pass
    return str(uuid.uuid4())


def _bring_in_logs(work: _Rescue) -> None:
    """Lines of the audit log that only a copy of it has are written into ours, as they were."""
    ours = set(_lines(work.folder / EVENTS))
    for path in conflicted_copies(work.folder):
        if path.suffix != ".jsonl":
            continue
        more = [line for line in _lines(path) if line not in ours]
        ours.update(more)
        if more:
            work.saved.append(f"{len(more)} events that only “{path.name}” has are told in the audit log.")
            if not work.only_look:
                note = f"These {len(more)} events were only in a copy of the log that a sync program made."
                EventLog(work.folder).append(Event("recovery", note, details={"copy": path.name, "lines": more}))
        work.set_aside(path)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(errors="replace").split("\n") if line]
    except OSError:
        return []


def _clear(work: _Rescue) -> None:
    """Moves away what is brought in by now: copies, half-written files and journals."""
    for path in conflicted_copies(work.folder):
        work.set_aside(path)
    for path in sorted((work.folder / JOURNAL).glob("*.jsonl")):
        work.set_aside(path)
    for where in (work.folder, work.folder / ITEMS):
        for path in sorted(where.glob(f".*{SUFFIX}")):
            work.set_aside(path)
