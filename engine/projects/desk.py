"""The projects that are open now. Plain functions for io threads; each answers with the project's new value.

What reads project folders, and checks them with pydantic, is imported where one is first opened: the window starts
without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError, ImageError, ProjectError
from engine.types import (
    Event,
    FixityReport,
    LoggedEvent,
    PackageFacts,
    Progress,
    Project,
    ProjectItem,
    ProjectReport,
    Relocation,
)

if TYPE_CHECKING:
    from engine.projects.project import ProjectFolder

Admit = Callable[[Path], tuple[str, int]]
"""Looks at a file before it is added: its SHA-256 and length, or an EngineError."""

Inspect = Callable[[Path], None]
"""Looks closer at a file that is new; ImageError where its picture cannot be read."""

Admitted = tuple[Path, tuple[str, int]]


class ProjectDesk:
    """Keeps one `ProjectFolder` a folder. Usable from any thread."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._open: dict[Path, ProjectFolder] = {}
        self._lock = threading.RLock()

    def open(self, folder: Path) -> Project:
        """Opens a project folder, or gives the open one; one that cannot be written is tried anew.

        Whoever had it, or took it over while this machine slept, may have let go of it meanwhile.
        """
        known = self._open.get(_key(folder))
        if known is None or not _is_barred(known):
            return self._folder(folder).value
        from engine.projects.project import ProjectFolder

        with self._lock:
            known.close()
            made = self._open[_key(folder)] = ProjectFolder.open(folder)
            return made.value

    def create(self, folder: Path, name: str) -> Project:
        """Makes a project in a folder that is free."""
        from engine.projects.project import ProjectFolder

        with self._lock:
            made = ProjectFolder.create(folder, name)
            self._open[_key(folder)] = made
            return made.value

    def open_or_create(self, folder: Path) -> Project:
        """Opens the project in a folder, or makes one there, named after it."""
        from engine.projects.project import is_project

        return self.open(folder) if is_project(folder) else self.create(folder, folder.stem)

    def join(self, paths: Sequence[Path], folder: Path | None) -> tuple[Project, tuple[str, ...]]:
        """The project that holds the first readable image, or a new one, with all of them added.

        ProjectError, with the first reason, where none of the files is an image.
        """
        admitted, refused = self._look_at(paths)
        if not admitted:
            raise ProjectError(refused[0] if refused else "No image was given; choose at least one.")
        with self._lock:  # two windows' worth of the same new image are one project
            return self._join(admitted, folder), refused

    def _join(self, admitted: Sequence[Admitted], folder: Path | None) -> Project:
        from engine.projects.project import find_project_for, new_project_folder

        first, (sha256, _) = admitted[0]
        if folder is not None:
            project = self.open_or_create(folder)
        elif (existing := find_project_for(first, sha256)) is not None:
            project = self.open(existing)
        else:
            name = first.stem if len(admitted) == 1 else first.parent.name
            project = self.create(new_project_folder(name), name)
        return self._add_all(project, admitted)

    def add(
        self, project: Project, paths: Sequence[Path], *, copy: bool = False, inspect: Inspect | None = None
    ) -> tuple[Project, tuple[str, ...]]:
        """Adds images to an open project, or copies of them in it; the strings are one sentence a refused file."""
        admitted, refused = self._look_at(paths)
        if inspect is not None:
            admitted, damaged = self._inspected(project, admitted, inspect)
            refused += damaged
        if not copy:
            return self._add_all(project, admitted), refused
        from engine.projects.importing import copy_master

        folder, more = self._folder(Path(project.folder)), list(refused)
        for path, (sha256, size) in admitted:
            try:
                folder.must_be_writable()
                made = copy_master(path, sha256, Path(project.folder))
            except ImageError as error:
                more.append(str(error))
            else:
                folder.add(made, sha256, size, copied_from=path)
        return folder.value, tuple(more)

    def journal(self, project: Project, items: Sequence[ProjectItem]) -> None:
        """Keeps edits on the disk until they are saved; those of a project that was closed meanwhile are."""
        if (known := self._open.get(_key(Path(project.folder)))) is not None:
            known.journal(items)

    def beat(self) -> None:
        """Says of every open project that this program is alive."""
        with self._lock:
            folders = list(self._open.values())
        for folder in folders:
            folder.beat()

    def acknowledge(self, project: Project, item: ProjectItem) -> Project:
        """Takes the file that is now where an item's master was for the master; ImageError where it is no image."""
        folder = self._folder(Path(project.folder))
        return folder.acknowledge(item, *self._admit(folder.locate(item)))

    def missing(self, project: Project) -> tuple[ProjectItem, ...]:
        """The items of an open project whose masters are at none of the known places."""
        return self._folder(Path(project.folder)).missing()

    def relocate(
        self, project: Project, place: Path | None, report: Callable[[Progress], None], *, only_look: bool = False
    ) -> tuple[Project, tuple[Relocation, ...]]:
        """Looks for moved masters in and below a folder, or where they may well be; `only_look` writes nothing."""
        from engine.projects.relocation import NEAR, find_moved

        folder = self._folder(Path(project.folder))
        lost = {item.uuid: item.source for item in folder.missing()}
        places, depth = ((place,), None) if place is not None else (folder.neighbours(), NEAR)
        found = find_moved(lost, places, report, depth=depth) if lost else {}
        moved = tuple(Relocation(key, ref.path, str(found.get(key, ""))) for key, ref in lost.items())
        return (folder.value if only_look or not found else folder.relocate(found)), moved

    def check(self, project: Project, item: ProjectItem, report: Callable[[Progress], None]) -> FixityReport:
        """Reads a master of an open project, every byte; the audit log keeps the outcome where it may be written."""
        from engine.projects.checking import check_master
        from engine.projects.fixity import as_event

        folder = self._folder(Path(project.folder))
        outcome = check_master(folder, item, report)
        if folder.value.writable:
            folder.record(as_event(outcome, item.uuid))
        return outcome

    def save(self, project: Project, item: ProjectItem) -> Project:
        """Writes what was decided about an image, also if the project was closed meanwhile; it stays closed then."""
        if (known := self._open.get(_key(Path(project.folder)))) is not None:
            return known.save_item(item)
        with self._lock:
            was_open = _key(Path(project.folder)) in self._open
            saved = self._folder(Path(project.folder)).save_item(item)
            if not was_open:
                self.close(project)
            return saved

    def set_rules(self, project: Project, package: PackageFacts, needs_approval: bool) -> Project:
        """Keeps what packages of an open project tell, and whether exports need a person's approval."""
        return self._folder(Path(project.folder)).set_rules(package, needs_approval)

    def log_check(self, project: Project, report: ProjectReport) -> None:
        """Keeps the outcome of a whole check in the audit log: one event for what is well, one for each that is not."""
        from engine.projects.fixity import as_event

        folder = self._folder(Path(project.folder))
        good = sum(outcome.intact for _, outcome in report.masters)
        note = f"{good} of {len(report.masters)} masters are unchanged since they were added. {report.log.message}"
        faults = [*report.masks, *report.files]
        details = {"masters": len(report.masters), "unchanged": good, "log": report.log.head, "faults": faults}
        folder.record(Event("fixity check", note, "success" if report.intact else "failure", (), details))
        for uuid, outcome in report.masters:
            if not outcome.intact:
                folder.record(as_event(outcome, uuid))

    def record(self, project: Project, event: Event) -> LoggedEvent:
        """Adds an event to an open project's audit log."""
        return self._folder(Path(project.folder)).record(event)

    def record_for(self, sha256: str, make: Callable[[str], Event]) -> int:
        """Adds `make(uuid of the item)` to every open project with this master that may be written; says to how many.

        None of them is an answer too: an image may be restored without belonging to a project.
        """
        with self._lock:
            folders = list(self._open.values())
        homes = [(folder, item) for folder in folders for item in folder.value.items if folder.value.writable]
        items = {folder: item.uuid for folder, item in homes if item.source.sha256 == sha256}
        for folder, uuid in items.items():
            folder.record(make(uuid))
        return len(items)

    def homes_of(self, sha256: str) -> list[tuple[Project, ProjectItem]]:
        """Every open project with this master, and the items it is there."""
        with self._lock:
            values = [folder.value for folder in self._open.values()]
        return [(project, item) for project in values for item in project.items if item.source.sha256 == sha256]

    def events(self, project: Project) -> tuple[LoggedEvent, ...]:
        """What happened to a project and its files, oldest first."""
        return self._folder(Path(project.folder)).events()

    def locate(self, project: Project, item: ProjectItem) -> str:
        """Where the item's master is now, absolute."""
        return str(self._folder(Path(project.folder)).locate(item))

    def masters(self) -> list[str]:
        """Where the masters of all open projects were when they were added; no file is touched to say so."""
        with self._lock:
            values = [folder.value for folder in self._open.values()]
        return [str(Path(project.folder) / item.source.path) for project in values for item in project.items]

    def folders(self) -> list[Path]:
        """The folders of all open projects."""
        with self._lock:
            return list(self._open)

    def close(self, project: Project | None = None) -> None:
        """Closes one project, or all of them."""
        with self._lock:
            keys = list(self._open) if project is None else [_key(Path(project.folder))]
            for key in keys:
                if (folder := self._open.pop(key, None)) is not None:
                    folder.close()

    def _folder(self, folder: Path) -> ProjectFolder:
        from engine.projects.project import ProjectFolder

        key = _key(folder)
        if (known := self._open.get(key)) is not None:  # without waiting for one that is just being opened
            return known
        with self._lock:
            if key not in self._open:
                self._open[key] = ProjectFolder.open(folder)
            return self._open[key]

    def _look_at(self, paths: Sequence[Path]) -> tuple[list[Admitted], tuple[str, ...]]:
        admitted, refused = [], []
        for path in paths:
            try:
                admitted.append((path, self._admit(path)))
            except EngineError as error:
                refused.append(str(error))
        return admitted, tuple(refused)

    def _inspected(
        self, project: Project, admitted: Sequence[Admitted], inspect: Inspect
    ) -> tuple[list[Admitted], tuple[str, ...]]:
        """Looks closer at what the project does not have yet: what is sound, and one sentence a file that is not."""
        known = {item.source.sha256 for item in self._folder(Path(project.folder)).value.items}
        sound, refused = [], []
        for path, file in admitted:
            try:
                if file[0] not in known:
                    inspect(path)
                sound.append((path, file))
            except ImageError as error:
                refused.append(str(error))
        return sound, tuple(refused)

    def _add_all(self, project: Project, admitted: Sequence[Admitted]) -> Project:
        folder = self._folder(Path(project.folder))
        for path, (sha256, size) in admitted:
            folder.add(path, sha256, size)
        return folder.value


def _is_barred(folder: ProjectFolder) -> bool:
    """Whether an open project cannot be written, now that it is looked at, for a reason that may have passed."""
    from engine.projects.project import NEWER

    try:
        folder.journal(())  # writes nothing, and notices where somebody has taken the project over
    except ProjectError as error:
        return str(error) != NEWER
    return False


def _key(folder: Path) -> Path:
    return folder.resolve()
