"""Where projects live, and where the masters they refer to are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from platformdirs import user_documents_path

from engine.errors import ProjectError
from engine.projects.backups import BACKUPS
from engine.projects.migrations import as_date
from engine.projects.schema import SourceRecord, portable

PROJECT = "project.json"
ITEMS = "items"
MASTERS = "masters"  # those imported by copy
EXTENSION = ".archivist"
VARIABLE = "ARCHIVIST_PROJECTS"

_LONGEST_NAME = 60  # characters: up to 240 bytes, which leaves room for the number and the extension
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # device names on Windows


def default_folder() -> Path:
    """Where new projects go, made or not: `$ARCHIVIST_PROJECTS`, else "Archivist" among the user's documents."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).absolute() if chosen else user_documents_path() / "Archivist"


def new_project_folder(name: str) -> Path:
    """A free path in the default folder for a project of that name; `_2`, `_3` ... where one is taken."""
    text = portable(name).encode(errors="replace").decode()
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "_", text)[:_LONGEST_NAME].strip(". ")
    if not plain or _RESERVED.fullmatch(plain):
        plain = f"Project {plain}".strip()
    parent = default_folder()
    number, folder = 1, parent / f"{plain}{EXTENSION}"
    while os.path.lexists(folder):
        number += 1
        folder = parent / f"{plain}_{number}{EXTENSION}"
    return folder


def is_project(folder: Path) -> bool:
    """Whether a folder is a project, be it a damaged one."""
    return os.path.isfile(folder / PROJECT) or os.path.isfile(folder / BACKUPS / PROJECT)


def find_project_for(source: Path, sha256: str) -> Path | None:
    """The project in the default folder that already holds an image with these bytes; None if none does.

    Among several, one that refers to this very file comes first, then the one changed last. Files that cannot be
    read hold nothing; opening their project tells about them.
    """
    matches: list[tuple[bool, float, Path]] = []
    wanted = in_its_folder(source)
    for folder in _projects():
        for path in item_files(folder):
            record = _holding(path, sha256)
            if record is not None:
                same = any(place == wanted for place in _candidates(folder, (), record))
                matches.append((same, _mtime(path) or 0.0, folder))
    return max(matches)[2] if matches else None


def item_files(folder: Path) -> list[Path]:
    """The items' files of a project, temporaries left out, in a steady order."""
    return sorted(path for path in (folder / ITEMS).glob("*.json") if not path.name.startswith("."))


def describe(source: Path, folder: Path) -> dict[str, Any]:
    """What an item records of where a master is: path, seen_at, modified.

    Raises `ProjectError` for a name that is no text: JSON could not hold it.
    """
    place = in_its_folder(source)
    try:
        str(place).encode()
    except UnicodeEncodeError as error:
        shown = source.name.encode(errors="replace").decode()
        raise ProjectError(
            f"The name {shown} has bytes that are not text; rename the file and add it again."
        ) from error
    try:
        path = Path(os.path.relpath(place, folder)).as_posix()
    except ValueError:  # another drive of Windows
        path = place.as_posix()
    return {"path": path, "seen_at": str(place), "modified": as_date(_mtime(place))}


def find_master(folder: Path, roots: Sequence[str], source: SourceRecord) -> Path | None:
    """The file an item refers to: relative to the project or a root, else where it was seen; None if at none of these.

    A file of the recorded length is preferred to one that has another, which may have been changed.
    """
    present = [found for place in _candidates(folder, roots, source) if (found := _as_spelled(place)) is not None]
    same_length = (path for path in present if _length(path) == source.size)
    return next(same_length, next(iter(present), None))


def in_its_folder(source: Path) -> Path:
    """An absolute path without links on the way, under the file's own name."""
    return source.parent.resolve() / source.name


def _candidates(folder: Path, roots: Sequence[str], source: SourceRecord) -> list[Path]:
    bases = [folder, *(folder / root for root in roots)]
    places = [base / source.path for base in bases]
    if source.seen_at:
        places.append(Path(source.seen_at))
    return [Path(os.path.normpath(place)) for place in places]


def _as_spelled(path: Path) -> Path | None:
    """The file under the spelling its disk uses: projects store accents composed, some disks keep them apart."""
    if os.path.isfile(path):
        return path
    if str(path).isascii():
        return None
    current = Path(path.anchor)
    for part in path.parts[1:]:
        step = current / part
        current = step if os.path.exists(step) else _sibling(step)
    return current if os.path.isfile(current) else None


def _sibling(path: Path) -> Path:
    try:
        names = os.listdir(path.parent)
    except OSError:
        return path
    return next((path.with_name(name) for name in names if portable(name) == portable(path.name)), path)


def _projects() -> Iterator[Path]:
    try:
        folders = sorted(default_folder().iterdir())
    except OSError:  # there is no such folder yet
        return
    yield from (folder.resolve() for folder in folders if is_project(folder))


def _holding(path: Path, sha256: str) -> SourceRecord | None:
    try:
        content = path.read_bytes()
        if sha256.encode() not in content:  # most files end here, unparsed
            return None
        record = SourceRecord.model_validate(json.loads(content)["source"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return record if record.sha256 == sha256 else None


def _mtime(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
