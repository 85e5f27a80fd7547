"""What a project has exported already: the same image, recipe and way of writing are not exported twice.

One line of JSON an export, only ever added to. The register is a convenience: without it everything is exported anew,
and a line that cannot be read counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import UnionType
from typing import Any

from engine.errors import EngineError
from engine.projects.atomic import append_lines, make_folder_for
from engine.runtime.io import sha256_of
from engine.types import ExportSettings, ImageRef, Recipe, Restored

NAME = "exports.jsonl"
_KINDS: Mapping[str, type | UnionType] = {
    "nbytes": int, "total": int, "pixels": int, "mtime": int | float, "seconds": int | float, "thorough": bool,
}  # fmt: skip
_RECENT = 30  # exports that an estimate looks back on


@dataclass(frozen=True, slots=True)
class Entry:
    """One export: `key` stands for everything that determines it."""

    key: str
    output: str  # relative to the project where it lies in it
    nbytes: int  # of the file, or of the one that tells a folder's state, as are the next two
    mtime: float
    sha256: str
    total: int  # bytes in all
    seconds: float
    pixels: int
    preset: str
    when: str
    thorough: bool = False  # whether the recipe asked for a thorough look, which takes several times as long


class Register:
    """The register in a folder; paths inside that folder are kept relative, so that a project can be moved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._entries = {entry.key: entry for entry in self._read()}

    def unchanged(self, key: str) -> Path | None:
        """Where this very export lies already, as it was written; None where it must be made (again)."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        path = self._folder / entry.output
        told = witness(path)
        try:
            status = told.stat()
            if status.st_size != entry.nbytes:
                return None
            if status.st_mtime != entry.mtime and sha256_of(told) != entry.sha256:
                return None
        except (OSError, EngineError):
            return None
        return path

    def add(self, entry: Entry) -> None:
        """WriteError where the register cannot be written."""
        self._entries[entry.key] = entry
        make_folder_for(self._path)
        append_lines(self._path, [json.dumps({name: getattr(entry, name) for name in Entry.__slots__}).encode()])

    def entry_for(self, key: str, preset: str, restored: Restored) -> Entry:
        """What is to be kept of an export as it lies on the disk now."""
        output = Path(restored.output)
        told, place, home = witness(output), output.resolve(), self._folder.resolve()
        status = told.stat()
        files = [path for path in output.rglob("*") if path.is_file()] if output.is_dir() else [output]
        return Entry(
            key=key,
            output=place.relative_to(home).as_posix() if place.is_relative_to(home) else str(place),
            nbytes=status.st_size,
            mtime=status.st_mtime,
            sha256=sha256_of(told),
            total=sum(path.stat().st_size for path in files),
            seconds=restored.seconds,
            pixels=restored.width * restored.height,
            preset=preset,
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            thorough=restored.recipe.thorough,
        )

    def pace(self, preset: str, *, thorough: bool = False) -> float | None:
        """Seconds a pixel, the middle of a preset’s last exports of such recipes; None before the first."""
        recent = [one for one in self._of(preset) if one.thorough == thorough][-_RECENT:]
        return median(one.seconds / one.pixels for one in recent) if recent else None

    def density(self, preset: str) -> float | None:
        """Bytes a pixel, the middle of a preset’s last exports; None before the first."""
        recent = self._of(preset)[-_RECENT:]
        return median(one.total / one.pixels for one in recent) if recent else None

    def _of(self, preset: str) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.preset == preset and entry.pixels > 0]

    def _read(self) -> Iterator[Entry]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except OSError:
            return
        for line in lines:
            entry = _parsed(line)
            if entry is not None:
                yield entry


def _parsed(line: bytes) -> Entry | None:
    """None for what is no entry: half a line after a crash, or somebody's edit."""
    try:
        data: Any = json.loads(line)
        given = {one.name: data[one.name] for one in fields(Entry) if one.name in data or one.default is MISSING}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    sound = all(isinstance(value, _KINDS.get(name, str)) for name, value in given.items())
    return Entry(**given) if sound else None


def witness(output: Path) -> Path:
    """The file whose state stands for an export: itself, or what a folder is read by."""
    for name in ("info.json", "manifest-sha256.txt"):
        if (output / name).is_file():
            return output / name
    return output


def key_of(image: ImageRef, recipe: Recipe, settings: ExportSettings, facts: Mapping[str, str]) -> str:
    """What stands for an export: the master's bytes, the recipe with its weights, and how and where it is written.

    `facts` are what else counts: the folder, the tail that enlarges.
    """
    written = settings.to_json()
    del written["conflict"]
    wanted = recipe.to_json()
    if not recipe.thorough:
        del wanted["thorough"]  # what was exported before there was a choice is still the same export
    parts = {
        "master": [image.sha256, image.page],
        "recipe": wanted,
        "settings": written,
        "facts": dict(facts),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
