"""Is everything in a project what it was? Masters, audit log, masks and JSON files; nothing is written to find out."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.errors import ImageError, ProjectError
from engine.projects.fixity import verify
from engine.projects.journal import left_behind
from engine.projects.masks import MASKS
from engine.projects.project import ProjectFolder
from engine.runtime.io import sha256_of
from engine.types import ChainReport, FixityReport, Place, Progress, Project, ProjectItem, ProjectReport

Report = Callable[[Progress], None]
_MASK = re.compile(r"[0-9a-f]{64}\.png")


def check_project(folder: Path, report: Report) -> ProjectReport:
    """Checks a whole project, also one that somebody else has open. ProjectError where it is none.

    `report` gets masters done of masters in all; raising `Cancelled` there stops the check.
    """
    with ProjectFolder.open(folder, look_only=True) as opened:
        project = opened.value
        masters = []
        for number, item in enumerate(project.items):
            step = Progress(number, len(project.items), Path(item.source.path).name)
            report(step)
            masters.append((item.uuid, check_master(opened, item, partial(_instead, report, step))))
        try:
            log = opened.check_log()
        except ProjectError as error:
            log = ChainReport(0, "", 1, (), str(error))
    masks = check_masks(folder, project)
    notes = _journals(folder)
    return ProjectReport(str(folder), project.name, tuple(masters), log, masks, project.problems, notes)


def look_at(folder: Path) -> tuple[Project, tuple[Place, ...]]:
    """A project, and where the master of each of its items is; nothing is written, and no master is read."""
    with ProjectFolder.open(folder, look_only=True) as opened:
        project = opened.value
        return project, tuple(_look_at(opened, item) for item in project.items)


def _look_at(opened: ProjectFolder, item: ProjectItem) -> Place:
    try:
        path = opened.locate(item)
        same = path.stat().st_size == item.source.size
    except (ProjectError, OSError):
        return Place("missing")
    return Place("there" if same else "other length", str(path))


def check_master(opened: ProjectFolder, item: ProjectItem, report: Report) -> FixityReport:
    """Reads one master, every byte; a missing one is a report too."""
    try:
        path = opened.locate(item)
    except ProjectError as error:
        return FixityReport(Path(item.source.path), "unreadable", item.source.sha256, "", str(error))
    return verify(item.source, path, report)


def _instead(report: Report, step: Progress, _bytes: Progress) -> None:
    report(step)


def check_masks(folder: Path, project: Project) -> tuple[str, ...]:
    """A sentence for each damage mask that is missing or no longer what its name says."""
    faults = []
    kept = {path.name: path for path in (folder / MASKS).glob("*.png") if _MASK.fullmatch(path.name)}
    for name, path in sorted(kept.items()):
        try:
            same = sha256_of(path) == path.stem
        except ImageError as error:
            faults.append(str(error))
            continue
        if not same:
            faults.append(f"The damage mask {name} was changed; restore it from a backup, or draw it again.")
    for item in project.items:
        recipes = (item.recipe, *(snapshot.recipe for snapshot in item.snapshots))
        for mask in sorted({recipe.mask for recipe in recipes if recipe.mask} - {path.stem for path in kept.values()}):
            faults.append(f"The damage mask of {item.source.path} ({mask}.png) is missing; restore it from a backup.")
    return tuple(faults)


def _journals(folder: Path) -> tuple[str, ...]:
    """A sentence for each journal whose edits are not in the items yet."""
    try:
        left = left_behind(folder)
    except ProjectError as error:
        return (str(error),)
    return tuple(
        f"{one.path.name} holds edits of a program that runs, or was killed; opening the project brings them in."
        for one in left
        if one.entries
    )
