"""Copies of a project's JSON files, made before something other than a person's edit changes them."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from engine.projects.atomic import make_folder_for, replacing, write_error

BACKUPS = "backups"
KEPT = 10  # of each file


def keep_backup(folder: Path, path: Path) -> Path:
    """Copies `path`, a file in the project `folder`, into its backups, where the last ten of it stay.

    Nothing is copied if the newest backup is the same. Raises `WriteError`; an `OSError` if `path` cannot be read.
    """
    content = path.read_bytes()
    earlier = backups_of(folder, path)
    if earlier and earlier[0].read_bytes() == content:
        return earlier[0]
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    where = _place_of(folder, path)
    target = where / f"{path.stem}.{stamp}{path.suffix}"
    make_folder_for(target)
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    for old in earlier[KEPT - 1 :]:
        with contextlib.suppress(OSError):
            old.unlink()
    return target


def set_aside(folder: Path, path: Path, below: str) -> Path:
    """Moves `path` into the folder `below` of the backups, under a name that is free. Raises `WriteError`."""
    where = folder / BACKUPS / below
    number, target = 1, where / path.name
    try:
        where.mkdir(parents=True, exist_ok=True)
        while os.path.lexists(target):
            number += 1
            target = where / f"{path.stem}_{number}{path.suffix}"
        os.rename(path, target)
    except OSError as error:
        raise write_error(error, target) from error
    return target


def backups_of(folder: Path, path: Path) -> list[Path]:
    """The backups of a file, newest first."""
    found = _place_of(folder, path).glob(f"{path.stem}.*{path.suffix}")
    return sorted((one for one in found if not one.name.startswith(".")), reverse=True)


def _place_of(folder: Path, path: Path) -> Path:
    return folder / BACKUPS / path.parent.relative_to(folder)
