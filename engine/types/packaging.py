"""What a package for an archive tells besides its picture, and what checks of exported files answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.types.work import Restored


@dataclass(frozen=True, slots=True)
class Approval:
    """Who said that an image may leave the house, and when (ISO 8601, UTC)."""

    by: str
    when: str


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What stands in a package's bag-info.txt, and what goes into it. Empty fields are left out.

    `longest` is the longer side of the access copy in pixels at most; 0 leaves it as large as the result.
    """

    organization: str = ""
    contact: str = ""
    identifier: str = ""  # the archive's own for the original
    description: str = ""
    with_master: bool = False
    longest: int = 4096


@dataclass(frozen=True, slots=True)
class Packaged:
    """What was packed."""

    folder: str
    restored: Restored


CheckState = Literal["good", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check looked at: in a word, and what it found in a sentence."""

    what: str
    state: CheckState
    sentence: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of a file, package, web export or project found."""

    path: str
    kind: Literal["file", "package", "web", "project"]
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether its pictures can be read, and nothing contradicts what it says of itself."""
        return all(finding.state != "bad" for finding in self.findings)


Likeness = Literal["identical", "close", "different"]


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What came of running a file's recipe again. `close` is within 1/255 at every sample.

    `largest` is the largest difference in shares of the full range, `differing` the share of pixels that differ.
    """

    path: str
    master: str
    likeness: Likeness
    largest: float
    differing: float
    sentence: str
    notes: tuple[str, ...] = ()
