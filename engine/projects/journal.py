"""`journal/<host>-<pid>.jsonl`: edits on their way to the items' files, each on the disk before the next is made.

A line is an item's whole file with `when` beside it. What a program that was killed leaves here is replayed by the
next one that opens the project; a last line it was killed in the middle of is passed over.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import ProjectError
from engine.projects.atomic import append_lines, write_error
from engine.projects.migrations import migrate
from engine.projects.processes import this_host
from engine.projects.schema import ItemRecord, checked

JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Left:
    """A journal that somebody left: each item's newest state in it, and how many lines cannot be used."""

    path: Path
    entries: tuple[tuple[ItemRecord, dict[str, Any]], ...]  # what we understand of a line, and all of it
    unusable: int


class Journal:
    """The journal of this program in one project folder. Whoever writes must hold the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL / f"{this_host()}-{os.getpid()}.jsonl"
        self._pending: dict[str, int] = {}

    @property
    def pending(self) -> dict[str, int]:
        """The revision of each item of which there is an edit here that its file may not have."""
        return dict(self._pending)

    def append(self, items: Sequence[dict[str, Any]]) -> None:
        """Writes items as their files would have them. Raises `WriteError`; the journal is as it was then."""
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        lines = [json.dumps({"when": when} | item, allow_nan=False).encode() for item in items]
        try:
            self._path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(error, self._path) from error
        append_lines(self._path, lines)
        self._pending |= {item["uuid"]: item["revision"] for item in items}

    def settle(self, uuid: str, revision: int) -> None:
        """An item's file has this revision: once no edit is newer than its file, the journal goes."""
        if self._pending.get(uuid, revision + 1) > revision:
            return
        del self._pending[uuid]
        if not self._pending:
            with contextlib.suppress(OSError):  # its lines are older than the files and do no harm
                self._path.unlink()


def left_behind(folder: Path) -> list[Left]:
    """What journals there are, whoever wrote them. Raises `ProjectError` for one that cannot be read."""
    return [_read(path) for path in sorted((folder / JOURNAL).glob("*.jsonl")) if not path.name.startswith(".")]


def _read(path: Path) -> Left:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise ProjectError(f"{path.name} cannot be read ({reason}); check the disk or the network.") from error
    newest: dict[str, tuple[ItemRecord, dict[str, Any]]] = {}
    unusable = 0
    for place, line in enumerate(lines):
        if not line:
            continue
        try:
            data = migrate(_object(line))
            record = checked(ItemRecord, data, path.name)
        except (ValueError, RecursionError, ProjectError):
            unusable += place < len(lines) - 1  # the last one has no end: its writer died in it
            continue
        if record.uuid not in newest or newest[record.uuid][0].revision <= record.revision:
            data.pop("when", None)
            newest[record.uuid] = (record, data)
    return Left(path, tuple(newest.values()), unusable)


def _object(line: bytes) -> dict[str, Any]:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("not an object")
    return data
