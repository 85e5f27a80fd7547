"""Masters that were moved or renamed are found again by their bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from engine.errors import ImageError
from engine.runtime.io import sha256_of
from engine.types import ImageRef, Progress

NEAR = 2  # folders deep that are searched unasked


def find_moved(
    missing: Mapping[str, ImageRef],
    folders: Sequence[Path],
    report: Callable[[Progress], None],
    *,
    depth: int | None = None,
) -> dict[str, Path]:
    """Where the masters in `missing` are in or below these folders, by the same keys.

    Only files of the right length are read, all of each, those of the right name first. Links are not followed, folders
    that may not be read are passed over. `depth` limits how far below it looks. `report` gets masters found of masters
    missing; raising `Cancelled` there stops the search.
    """
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    for folder in folders:
        for path in _candidates(folder, missing, depth, seen):
            wanted = [key for key, source in missing.items() if key not in found and source.size == _size(path)]
            step = Progress(len(found), len(missing), path.name)
            report(step)
            if not wanted:
                continue
            try:
                sha256 = sha256_of(path, partial(_instead, report, step))
            except ImageError:  # not to be read, or gone meanwhile: so it is none of ours
                continue
            found |= {key: path for key in wanted if missing[key].sha256 == sha256}
            if len(found) == len(missing):
                return found
    return found


def _instead(report: Callable[[Progress], None], step: Progress, _bytes: Progress) -> None:
    report(step)


def _candidates(folder: Path, missing: Mapping[str, ImageRef], depth: int | None, seen: set[Path]) -> Iterator[Path]:
    sizes = {source.size for source in missing.values()}
    names = {Path(source.path).name for source in missing.values()}
    for path in sorted(_files(folder, depth, seen), key=lambda one: (one.name not in names, str(one))):
        if _size(path) in sizes:
            yield path


def _files(folder: Path, depth: int | None, seen: set[Path]) -> Iterator[Path]:
    if folder in seen:
        return
    seen.add(folder)
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return
    for entry in found:
        if entry.is_file(follow_symlinks=False):
            yield Path(entry.path)
        elif entry.is_dir(follow_symlinks=False) and depth != 0:
            yield from _files(Path(entry.path), None if depth is None else depth - 1, seen)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
