"""What is needed to go on with a job after a crash: what was asked for, and what has been done of it.

A folder in the user's cache a job, gone when the job ends, in whatever way it does. What a killed program leaves is
offered to the next one that opens the project.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from engine.errors import EngineError
from engine.projects.atomic import append_lines, write_error, write_json
from engine.projects.processes import is_alive, this_host
from engine.types import (
    ExportBatch,
    ExportOutcome,
    ExportSettings,
    ImageRef,
    InterruptedExport,
    PackageFacts,
    Project,
    ProjectItem,
    Recipe,
    Restored,
)

_JOB, _DONE = "job.json", "done.jsonl"


def _folder() -> Path:
    return user_cache_path("Archivist", appauthor=False) / "export-jobs"


class Journal:
    """One job's. `outcomes` are those of the images that were done before it was interrupted, by their place."""

    def __init__(self, folder: Path, outcomes: dict[int, ExportOutcome]) -> None:
        self.folder = folder
        self.outcomes = outcomes

    @classmethod
    def begin(cls, batch: ExportBatch) -> Journal:
        """A new job, or the one that `batch.resumes`. WriteError where the cache cannot be written."""
        name = batch.resumes or uuid.uuid4().hex
        folder = _folder() / Path(name).name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, folder) from error
        write_json(folder / _JOB, _job(replace(batch, resumes=name)))
        return cls(folder, dict(_outcomes(folder)) if batch.resumes else {})

    def note(self, number: int, outcome: ExportOutcome, pictures: tuple[bytes, bytes] | None) -> None:
        """An image is done: after this returns a crash does not undo it. WriteError where that cannot be kept."""
        self.outcomes[number] = outcome
        try:
            for name, picture in zip(("before", "after"), pictures or (), strict=False):
                (self.folder / f"{number}_{name}.jpg").write_bytes(picture)
        except OSError as error:
            raise write_error(error, self.folder / _DONE) from error
        append_lines(self.folder / _DONE, [json.dumps({"number": number, **asdict(outcome)}).encode()])

    def picture(self, number: int, name: str) -> bytes:
        """A small picture of an image, "before" or "after"; empty where there is none."""
        try:
            return (self.folder / f"{number}_{name}.jpg").read_bytes()
        except OSError:
            return b""

    def end(self) -> None:
        """The job has ended: nothing of it is kept here."""
        shutil.rmtree(self.folder, ignore_errors=True)


def interrupted(project: Project) -> list[InterruptedExport]:
    """Jobs of a project whose program is gone. What cannot be read is removed."""
    found = []
    for folder in _abandoned():
        try:
            batch = _batch(json.loads((folder / _JOB).read_bytes()), project)
        except (OSError, ValueError, TypeError, KeyError, RecursionError, EngineError):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if batch is not None:
            found.append(InterruptedExport(batch, len(dict(_outcomes(folder)))))
    return found


def forget(job: str) -> None:
    """Somebody does not want to go on with it."""
    shutil.rmtree(_folder() / Path(job).name, ignore_errors=True)


def tidy() -> None:
    """Removes what was left of jobs without a project: nothing offers to go on with those."""
    for folder in _abandoned():
        try:
            orphan = not json.loads((folder / _JOB).read_bytes())["project"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue
        if orphan:
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned() -> Iterator[Path]:
    try:
        folders = sorted(path for path in _folder().iterdir() if (path / _JOB).is_file())
    except OSError:
        return
    for folder in folders:
        try:
            owner = json.loads((folder / _JOB).read_bytes())["owner"]
            gone = owner["host"] == this_host() and not is_alive(int(owner["pid"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            gone = True
        if gone:
            yield folder


def _job(batch: ExportBatch) -> dict[str, Any]:
    return {
        "owner": {"host": this_host(), "pid": os.getpid()},
        "job": batch.resumes,
        "project": batch.project.uuid if batch.project else "",
        "settings": batch.settings.to_json(),
        "folder": batch.folder,
        "report": batch.report,
        "package": asdict(batch.package) if batch.package else None,
        "items": [
            {"uuid": item.uuid, "source": asdict(item.source), "recipe": item.recipe.to_json()} for item in batch.items
        ],
    }


def _batch(data: dict[str, Any], project: Project) -> ExportBatch | None:
    """The job as it was asked for; None where it is another project's."""
    if data["project"] != project.uuid:
        return None
    items = tuple(
        ProjectItem(str(one["uuid"]), ImageRef(**one["source"]), Recipe.from_json(one["recipe"]))
        for one in data["items"]
    )
    settings = ExportSettings.from_json(data["settings"])
    facts = PackageFacts(**data["package"]) if data.get("package") else None
    return ExportBatch(items, settings, str(data["folder"]), project, bool(data["report"]), str(data["job"]), facts)


def _outcomes(folder: Path) -> Iterator[tuple[int, ExportOutcome]]:
    try:
        lines = (folder / _DONE).read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            data = json.loads(line)
            number, restored = int(data.pop("number")), data.pop("restored")
            if restored is not None:
                whole = {
                    "recipe": Recipe.from_json(restored["recipe"]),
                    "notices": tuple(restored.get("notices", ())),
                    "ignored": tuple(restored.get("ignored", ())),
                }
                restored = Restored(**{**restored, **whole})
            yield number, ExportOutcome(**data, restored=restored)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, EngineError):
            continue  # half a line: that image is exported again
