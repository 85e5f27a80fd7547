"""Is a master still the file it was when it was added?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import ImageError
from engine.runtime.io import sha256_of
from engine.types import Progress, ProjectItem


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


def verify(item: ProjectItem, path: Path, progress: Callable[[Progress], None] | None = None) -> FixityReport:
    """Compares the file at `path` with the size and SHA-256 the item recorded. Failures are reports, not exceptions.

    `progress` gets bytes done of bytes in all; raising `Cancelled` there stops the reading and passes on.
    """
    expected = item.source.sha256
    changed = f"{path.name} is not the file that was added to the project; find the original or add this one anew."
    if _size_of(path) not in (None, item.source.size):
        return FixityReport(path, "changed", expected, "", changed)
    try:
        actual = sha256_of(path, progress)
    except ImageError as error:
        return FixityReport(path, "unreadable", expected, "", str(error))
    if actual != expected:
        return FixityReport(path, "changed", expected, actual, changed)
    return FixityReport(path, "intact", expected, actual, f"{path.name} is unchanged since it was added.")


def _size_of(path: Path) -> int | None:
    """The length in bytes; None where there is no file, about which reading it has the better sentence."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
