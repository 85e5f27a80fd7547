"""`events.jsonl`: what happened to a project, a line an event, never changed, each line holding the hash of the last.

A program that is killed while it writes leaves half a line. That half stays: the next event closes it, says that it
is torn, and holds its hash like any other line's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from engine.errors import ProjectError
from engine.projects.atomic import append_lines, lines_backwards, write_error
from engine.projects.processes import this_host, user
from engine.types import ChainReport, Event, EventObject, LoggedEvent

EVENTS = "events.jsonl"
BEGINNING = "0" * 64  # what the first line holds in place of a hash


class EventLog:
    """The audit log of one project folder. Whoever appends must hold the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS

    def append(self, event: Event) -> LoggedEvent:
        """Writes the event, with who and when, to the disk. WriteError where that fails; nothing else changes then."""
        number, previous, torn = self._tail()
        data = {
            "number": number,
            "when": datetime.now(UTC).isoformat(timespec="microseconds"),
            "type": event.type,
            "note": event.note,
            "outcome": event.outcome,
            "user": user(),
            "host": this_host(),
            "program": program(),
            "objects": [_object_data(one) for one in event.objects],
            "details": dict(event.details),
        }
        if torn:
            data["torn"] = torn  # so many lines before this one were never finished
        data["previous"] = previous
        try:
            line = _encoded(data)
        except (TypeError, ValueError) as error:
            raise ProjectError(f"This event cannot be recorded ({error}); its details must be plain values.") from error
        append_lines(self._path, [line])
        return _logged(number, data, _hash(line))

    def _tail(self) -> tuple[int, str, int]:
        """The next line's number, the hash it must hold, and how many torn lines come before it."""
        half: list[bytes] = []
        try:
            for line in lines_backwards(self._path):
                data = _parsed(line)
                if data is None:
                    half.append(line)
                    continue
                known = data.get("number")
                last = known if isinstance(known, int) else sum(1 for _ in self._lines()) - len(half)
                return last + len(half) + 1, _hash(_joined(half) if half else line), len(half)
        except OSError as error:
            raise write_error(error, self._path) from error
        return len(half) + 1, _hash(_joined(half)) if half else BEGINNING, len(half)

    def read(self) -> Iterator[LoggedEvent]:
        """The events in the order in which they happened; lines that cannot be read are left out."""
        for number, line in enumerate(self._lines(), start=1):
            data = _parsed(line)
            if data is not None:
                try:
                    yield _logged(number, data, _hash(line))
                except (ProjectError, TypeError, ValueError, KeyError):  # of a later version: `verify` counts it
                    continue

    def verify(self) -> ChainReport:
        """Whether each line holds the hash of the one before. ProjectError where the file cannot be read."""
        previous, number = BEGINNING, 0
        half: list[bytes] = []  # torn lines that no later one has owned up to yet
        torn: list[int] = []
        for number, line in enumerate(self._lines(), start=1):
            data = _parsed(line)
            if data is None:
                half.append(line)
                continue
            if data.get("torn", 0) != len(half):
                return _report(number, _hash(line), number - len(half), torn)
            torn.extend(range(number - len(half), number))
            if data.get("previous") != (_hash(b"\n".join(half)) if half else previous):
                return _report(number, _hash(line), number, torn)
            half = []
            previous = _hash(line)
        if half and self._is_closed():
            return _report(number, previous, number - len(half) + 1, torn)
        torn.extend(range(number - len(half) + 1, number + 1))
        return ChainReport(number, previous, 0, tuple(torn), _sentence(number, torn))

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                for line in file:
                    yield line.removesuffix(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise ProjectError(f"{EVENTS} cannot be read ({reason}); check the disk or the network.") from error

    def _is_closed(self) -> bool:
        """Whether the last line has its end: then nobody was interrupted while writing it."""
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def program() -> str:
    """Name and version of this program."""
    try:
        return f"Archivist {metadata.version('archivist')}"
    except metadata.PackageNotFoundError:  # run from a source folder that was never installed
        return "Archivist"


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _joined(half: list[bytes]) -> bytes:
    """Torn lines, last first, as they stand in the file."""
    return b"\n".join(reversed(half))


def _encoded(data: dict[str, Any]) -> bytes:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair can only be written escaped
        return json.dumps(data, allow_nan=False).encode()


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The line's content; None for one that is no whole JSON object."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _object_data(one: EventObject) -> dict[str, Any]:
    return {key: value for key, value in asdict(one).items() if value not in ("", None)}


def _logged(number: int, data: dict[str, Any], digest: str) -> LoggedEvent:
    names = EventObject.__dataclass_fields__
    objects = (EventObject(**{key: one[key] for key in one if key in names}) for one in data.get("objects", ()))
    event = Event(data["type"], data["note"], data.get("outcome", "success"), tuple(objects), data.get("details", {}))
    when, who, host, what = (str(data.get(key, "")) for key in ("when", "user", "host", "program"))
    return LoggedEvent(number, when, who, host, what, event, digest)


def _report(count: int, head: str, broken: int, torn: list[int]) -> ChainReport:
    sentence = (
        f"Line {broken} of {EVENTS} does not follow from what stands before it: something there was changed, damaged "
        "or taken out; compare the log with an older copy of the project."
    )
    return ChainReport(count, head, broken, tuple(torn), sentence)


def _sentence(count: int, torn: list[int]) -> str:
    if not count:
        return "The audit log is empty."
    told = "The audit log has one line" if count == 1 else f"The {count} lines of the audit log follow from one another"
    if torn:
        told += f"; {len(torn)} of them {'was' if len(torn) == 1 else 'were'} cut off when a program was killed"
    return f"{told}."
