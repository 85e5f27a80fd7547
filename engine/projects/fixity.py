"""Is a master still the file it was when it was added?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.errors import ImageError
from engine.runtime.io import sha256_of
from engine.types import Event, EventObject, FixityReport, ImageRef, Progress


def verify(source: ImageRef, path: Path, progress: Callable[[Progress], None] | None = None) -> FixityReport:
    """Compares the file at `path` with the size and SHA-256 that were recorded. Failures are reports, not exceptions.

    The time of the last change is not asked: a disk that loses a bit does not touch it. Another length is a change for
    certain; everything else is decided by reading every byte.
    `progress` gets bytes done of bytes in all; raising `Cancelled` there stops the reading and passes on.
    """
    expected = source.sha256
    changed = f"{path.name} is not the file that was added; bring the original back, or acknowledge this one."
    if _size_of(path) not in (None, source.size):
        return FixityReport(path, "changed", expected, "", changed)
    try:
        actual = sha256_of(path, progress)
    except ImageError as error:
        return FixityReport(path, "unreadable", expected, "", str(error))
    if actual != expected:
        return FixityReport(path, "changed", expected, actual, changed)
    return FixityReport(path, "intact", expected, actual, f"{path.name} is unchanged since it was added.")


def as_event(report: FixityReport, item: str = "") -> Event:
    """What the audit log keeps of a check; `item` is the uuid of the item whose master it is."""
    checked = EventObject(report.path.name, report.actual, item=item)
    details = {"expected": report.expected, "state": report.state}
    return Event("fixity check", report.message, "success" if report.intact else "failure", (checked,), details)


def _size_of(path: Path) -> int | None:
    """The length in bytes; None where there is no file, about which reading it has the better sentence."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
