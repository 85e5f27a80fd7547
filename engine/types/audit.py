"""What a project's audit log keeps, and what checks of a project say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from engine.errors import ProjectError

EVENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "appraisal": "app",
        "creation": "cre",
        "deletion": "del",
        "digital signature generation": "dsg",
        "digital signature validation": "dig",
        "exporting": "exp",
        "filename change": "fil",
        "fixity check": "fix",
        "information package creation": "ipc",
        "ingestion": "ing",
        "message digest calculation": "mes",
        "metadata modification": "mem",
        "migration": "mig",
        "modification": "mod",
        "recovery": "rec",
        "replication": "rep",
        "transfer": "tra",
        "validation": "val",
    }
)
"""Terms of the PREMIS vocabulary that projects use, with their codes there."""

EVENT_VOCABULARY = "http://id.loc.gov/vocabulary/preservation/eventType/"

Outcome = Literal["success", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class EventObject:
    """A file that an event is about. `role` is "source" for what was read and "outcome" for what was made of it."""

    name: str  # path relative to the project (POSIX, NFC) where there is one, else the file's name
    sha256: str = ""
    size: int | None = None  # bytes
    role: Literal["source", "outcome"] = "source"
    item: str = ""  # uuid of the project's item it belongs to


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a project or to a file of it: what is recorded. Who and when is added by the log."""

    type: str  # one of EVENT_TYPES
    note: str  # a sentence for a reader in twenty years
    outcome: Outcome = "success"
    objects: tuple[EventObject, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)  # further facts, as JSON can hold them

    def __post_init__(self) -> None:
        if self.type not in EVENT_TYPES:
            raise ProjectError(f"“{self.type}” is no kind of event; the kinds are {', '.join(EVENT_TYPES)}.")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A line of the audit log that could be read."""

    number: int  # of its line, from 1
    when: str  # ISO 8601, UTC
    user: str
    host: str
    program: str  # name and version
    event: Event
    hash: str  # SHA-256 of the line, which the next line holds


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Whether the audit log is the one that was written."""

    events: int
    head: str  # SHA-256 of the last line; who keeps it elsewhere can prove later that no end was cut off
    broken: int = 0  # number of the first line that does not follow from the one before; 0: none
    torn: tuple[int, ...] = ()  # lines a program was killed in the middle of; the log says so itself
    message: str = ""  # one sentence

    @property
    def intact(self) -> bool:
        """Whether every line follows from the one before it."""
        return self.broken == 0


@dataclass(frozen=True, slots=True)
class FixityReport:
    """The outcome for one master. `actual` is "" where no checksum was needed or possible."""

    path: Path
    state: Literal["intact", "changed", "unreadable"]
    expected: str  # sha256
    actual: str
    message: str  # one sentence

    @property
    def intact(self) -> bool:
        """Whether every byte is as it was; false also where that could not be found out."""
        return self.state == "intact"


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """What a check of a whole project found."""

    folder: str
    name: str
    masters: tuple[tuple[str, FixityReport], ...]  # with their items' uuids
    log: ChainReport
    masks: tuple[str, ...] = ()  # a sentence a fault
    files: tuple[str, ...] = ()  # a sentence for each file that could not be used
    notes: tuple[str, ...] = ()  # worth knowing, and nothing amiss

    @property
    def intact(self) -> bool:
        """Whether nothing at all is amiss."""
        masters = all(report.intact for _, report in self.masters)
        return masters and self.log.intact and not self.masks and not self.files


@dataclass(frozen=True, slots=True)
class RescueReport:
    """What was made of a damaged project."""

    folder: str
    images: int  # in the project now
    saved: tuple[str, ...] = ()  # a sentence for each thing that was mended or brought in
    lost: tuple[str, ...] = ()  # a sentence for each thing that could not be
    kept: str = ""  # where everything that was replaced or moved lies, absolute; "" if nothing was
