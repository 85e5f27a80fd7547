"""Masters and projects that several tests make."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from engine.projects.project import ProjectFolder
from engine.types import ProjectItem


def master(folder: Path, name: str = "plate.tif", content: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(f"pixels of {name}".encode() if content is None else content)
    return path


def add(project: ProjectFolder, path: Path) -> ProjectItem:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return next(item for item in project.add(path, digest, len(content)).items if item.source.sha256 == digest)


def item_file(project: ProjectFolder, item: ProjectItem) -> Path:
    return Path(project.value.folder) / "items" / f"{item.uuid}.json"


def stored(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, the lock left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
