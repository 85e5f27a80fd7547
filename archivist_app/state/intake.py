"""What somebody dropped or named: projects, pictures, folders of pictures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.types import PICTURE_SUFFIXES

PROJECT_SUFFIX = ".archivist"
BREATH = 200  # directory entries between two turns of the event loop


@dataclass(frozen=True, slots=True)
class Intake:
    """Sorted by kind, each in the order given; a folder's pictures by name."""

    projects: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()  # one sentence each


def is_project(path: Path) -> bool:
    """Whether `path` is a project folder, or the project.json inside one."""
    if path.name == "project.json":
        return True
    return path.is_dir() and (path.suffix == PROJECT_SUFFIX or (path / "project.json").is_file())


async def sort_paths(paths: Iterable[str]) -> Intake:
    """Look into folders (not into projects inside them) without holding up the event loop.

    A file named by itself is passed on whatever its name is: only the reader knows what is in it.
    """
    projects: list[str] = []
    pictures: list[str] = []
    refused: list[str] = []
    for text in paths:
        path = Path(os.path.abspath(text))
        if is_project(path):
            projects.append(str(path.parent if path.name == "project.json" else path))
        elif path.is_dir():
            found = [entry async for entry in _pictures_below(path)]
            pictures.extend(found)
            if not found:
                refused.append(f"“{path.name}” holds no pictures that could be opened; drop TIFF, PNG or JPEG files.")
        else:
            pictures.append(str(path))
    return Intake(tuple(projects), tuple(dict.fromkeys(pictures)), tuple(refused))


async def _pictures_below(folder: Path) -> AsyncIterator[str]:
    for number, path in enumerate(_walk(folder)):
        if number % BREATH == BREATH - 1:
            await asyncio.sleep(0)
        if path.suffix.lower() in PICTURE_SUFFIXES:
            yield str(path)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, sorted, hidden entries and projects left out; unreadable folders are empty."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not f.endswith(PROJECT_SUFFIX))
        yield from (Path(root, name) for name in sorted(files) if not name.startswith("."))
