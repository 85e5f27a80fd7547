"""How files of older projects become files of this version: one step a version, each a plain change of JSON data.

1 -> 2: `source.mtime`, seconds as a fraction that no clock ever had, became `source.modified`, a date people can read.
Version 2 also has journals and an audit log, which a program that knows only version 1 would leave behind: the new
number makes it open such projects read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

SCHEMA_VERSION = 2

Data = dict[str, Any]


def version_of(data: Data) -> int:
    """The version a file was written with; 0 where what stands there is no version."""
    version = data.get("schema_version", 1)
    return version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else 0


def migrate(data: Data) -> Data:
    """The same file as this version writes it. Keys that no step knows stay; newer files stay as they are."""
    while 0 < (version := version_of(data)) < SCHEMA_VERSION:
        data = STEPS[version](data) | {"schema_version": version + 1}
    return data


def _dates_for_people(data: Data) -> Data:
    source = data.get("source")
    if not isinstance(source, dict) or "mtime" not in source:
        return data
    rest = {key: value for key, value in source.items() if key != "mtime"}
    return data | {"source": {"modified": as_date(source["mtime"])} | rest}


def as_date(seconds: object) -> str | None:
    """ISO 8601, UTC, of seconds since 1970; None where they are no date."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC).isoformat()  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


STEPS: dict[int, Callable[[Data], Data]] = {1: _dates_for_people}
