"""What stands in a project folder's JSON files, read once and kept in step with what is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ProjectError
from engine.projects.atomic import write_json
from engine.projects.backups import BACKUPS, keep_backup
from engine.projects.places import ITEMS, PROJECT, find_master, item_files
from engine.projects.schema import Content, ItemRecord, ProjectRecord, SourceRecord, read_record, to_json
from engine.types import ProjectItem

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Stored:
    """An item's file, and what others see of it."""

    content: Content[ItemRecord]
    value: ProjectItem

    @property
    def record(self) -> ItemRecord:
        """What this version understands of the file."""
        return self.content.record


class Contents:
    """The files of one project. Items that cannot be read are left as they are, and told in `problems`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.project = self._read_project()
        self.items: dict[str, Stored] = {}
        self._read_items()
        self.problems.extend(_about_copy(path) for path in conflicted_copies(folder))

    @property
    def is_newer(self) -> bool:
        """Whether any file was written by a later version."""
        return self.project.record.is_newer or any(stored.record.is_newer for stored in self.items.values())

    @property
    def ordered(self) -> tuple[Stored, ...]:
        """The items in the order in which they were added."""
        return tuple(sorted(self.items.values(), key=lambda one: (one.record.added, one.record.uuid)))

    def find(self, sha256: str, page: int) -> Stored | None:
        """The item of a page of a master."""
        wanted = (sha256, page)
        return next(
            (one for one in self.items.values() if (one.value.source.sha256, one.value.source.page) == wanted), None
        )

    def place_of(self, source: SourceRecord) -> Path | None:
        """Where a master is now."""
        return find_master(self.folder, self.project.record.roots, source)

    def write(self, record: ItemRecord, raw: dict[str, Any] | None = None) -> Stored:
        """Writes an item with the keys of its file, or of `raw`, that this version does not know. WriteError.

        A file of an older version is copied into the backups first.
        """
        path = self.folder / ITEMS / f"{record.uuid}.json"
        stored = self.items.get(record.uuid)
        if stored is not None and stored.content.is_older:
            keep_backup(self.folder, path)
        if raw is None:
            raw = stored.content.raw if stored is not None else {}
        data = to_json(record, raw)
        write_json(path, data)
        made = self.items[record.uuid] = Stored(Content(record, data, record.schema_version), record.to_value())
        return made

    def write_project(self, record: ProjectRecord | None = None) -> None:
        """Writes the project's own file, or what has become of it, after a copy of an older version's."""
        path = self.folder / PROJECT
        if self.project.is_older and path.exists():
            keep_backup(self.folder, path)
        raw = self.project.raw if record is None else to_json(record, self.project.raw)
        write_json(path, raw)
        self.project = Content(record or self.project.record, raw, self.project.record.schema_version)

    def _read_project(self) -> Content[ProjectRecord]:
        try:
            return read_record(self.folder / PROJECT, ProjectRecord)
        except ProjectError as error:
            try:
                kept = read_record(self.folder / BACKUPS / PROJECT, ProjectRecord)
            except ProjectError:
                raise error from None
            self.problems.append(f"{PROJECT} was damaged or missing; the copy in {BACKUPS} is used in its place.")
            return kept

    def _read_items(self) -> None:
        for path in item_files(self.folder):
            if not _UUID.fullmatch(path.stem):
                continue
            try:
                content = read_record(path, ItemRecord)
                if content.record.uuid != path.stem:
                    raise ProjectError(f"{path.name} holds another item than its name says, so it is not used.")
                self.items[path.stem] = Stored(content, content.record.to_value())
            except ProjectError as error:
                self.problems.append(str(error))


def conflicted_copies(folder: Path) -> list[Path]:
    """Files that a sync program put beside ours because two places had written the same file."""
    found = [path for path in item_files(folder) if not _UUID.fullmatch(path.stem)]
    for stem, suffix in (("project", ".json"), ("events", ".jsonl")):
        found += [path for path in folder.glob(f"{stem}*{suffix}") if path.stem != stem]
    return sorted(found)


def _about_copy(path: Path) -> str:
    return (
        f"“{path.name}” is a copy that a sync program made because two places had changed the same file; "
        "it is not used, and `archivist project rescue` brings in what is only there."
    )
