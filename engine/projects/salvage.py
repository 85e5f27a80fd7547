"""What can still be read of an item: from damaged files, copies, backups, journals and the audit log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ProjectError
from engine.projects.atomic import SUFFIX
from engine.projects.backups import BACKUPS, backups_of
from engine.projects.events import EventLog
from engine.projects.journal import left_behind
from engine.projects.migrations import SCHEMA_VERSION, migrate, version_of
from engine.projects.places import ITEMS, item_files
from engine.projects.schema import ItemRecord, checked, to_json

_FIELDS = ("added", "revision", "recipe", "snapshots", "decision", "stars", "note")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A state of an item that was found somewhere."""

    record: ItemRecord
    raw: dict[str, Any]
    origin: Path  # the file it stands in
    kind: str  # "file", "copy", "backup", "journal", "temporary", "log"
    lost: tuple[str, ...] = ()  # what of it cannot be read
    whole: bool = True  # whether its file can be read as it is, whatever is in it


def candidates(folder: Path) -> Iterator[Candidate]:
    """Every state of every item of a project that can be read in any way, the items' own files first."""
    for path in item_files(folder):
        kind = "file" if _UUID.fullmatch(path.stem) else "copy"
        yield from _of_file(path, kind)
        if kind == "file":
            for backup in backups_of(folder, path):
                yield from _of_file(backup, "backup")
    for backup in sorted((folder / BACKUPS / ITEMS).glob("*.json")):
        if not (folder / ITEMS / f"{backup.name.split('.')[0]}.json").exists():
            yield from _of_file(backup, "backup")
    for path in sorted((folder / ITEMS).glob(f".*{SUFFIX}")):
        yield from _of_file(path, "temporary")
    for where in (folder, folder / BACKUPS):
        for left in left_behind(where):
            yield from (Candidate(record, raw, left.path, "journal") for record, raw in left.entries)
    yield from _of_log(folder)


def fitting(data: dict[str, Any], number: str) -> tuple[ItemRecord, dict[str, Any], tuple[str, ...]] | None:
    """The item in data of which parts may be nonsense: those are left out and named. None without a usable source."""
    if version_of(data) > SCHEMA_VERSION:
        raise ProjectError("This project was made by a newer Archivist; update this one to rescue it.")
    data = migrate(data)
    kept = {"uuid": number, "source": data.get("source")}
    if not _is_usable(kept):
        return None
    lost = []
    for key in _FIELDS:
        if key in data:
            if _is_usable(kept | {key: data[key]}):
                kept[key] = data[key]
            else:
                lost.append(key)
    record = checked(ItemRecord, kept, "The item")
    unknown = {key: value for key, value in data.items() if key not in ItemRecord.model_fields}
    return record, to_json(record, unknown | kept), tuple(lost)


def _of_file(path: Path, kind: str) -> Iterator[Candidate]:
    try:
        content = path.read_bytes()
    except OSError:
        return
    missing: tuple[str, ...] = ()
    whole = True
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data, whole = _pieces(content.decode(errors="replace")), False
        missing = tuple(key for key in ("recipe", "snapshots", "decision", "stars", "note") if key not in data)
    if not isinstance(data, dict):
        return
    named = _UUID.search(path.name)
    inside = data.get("uuid")
    number = inside if isinstance(inside, str) and _UUID.fullmatch(inside) else named[0] if named else ""
    if kind == "file":
        number = path.stem
    found = fitting(data, number)
    if found is not None:
        record, raw, lost = found
        yield Candidate(record, raw, path, kind, tuple(dict.fromkeys((*missing, *lost))), whole)


def _pieces(text: str) -> dict[str, Any]:
    """The values of a JSON object that is cut off or garbled: those that are whole."""
    decoder, found = json.JSONDecoder(), {}
    for key in ("schema_version", "uuid", "source", *_FIELDS):
        place = re.search(rf'^  "{key}":\s*', text, re.MULTILINE) or re.search(rf'"{key}":\s*', text)
        if place is None:
            continue
        try:
            found[key] = decoder.raw_decode(text, place.end())[0]
        except (ValueError, RecursionError):
            continue
    return found


def _of_log(folder: Path) -> Iterator[Candidate]:
    """The images that the audit log says were added."""
    log = EventLog(folder)
    try:
        events = [line for line in log.read() if line.event.type in ("ingestion", "migration")]
    except ProjectError:
        return
    for line in events:
        for one in line.event.objects:
            source = {"path": one.name, "sha256": one.sha256, "size": one.size}
            found = fitting({"schema_version": 2, "source": source, "added": line.when}, one.item)
            if found is not None:
                settings = ("recipe", "snapshots", "decision", "stars", "note")
                yield Candidate(found[0], found[1], folder / "events.jsonl", "log", settings)


def _is_usable(data: dict[str, Any]) -> bool:
    try:
        checked(ItemRecord, data, "The item")
    except ProjectError:
        return False
    return True
