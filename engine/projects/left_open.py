"""Which projects were open in programs that were killed: a small file a program, in the user's state folder."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from engine.errors import WriteError
from engine.projects.atomic import remove_leftovers, write_json
from engine.projects.processes import is_alive, this_host


class OpenNote:
    """What this program has open, written down until it ends in an orderly way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"open-{this_host()}-{os.getpid()}.json"
        self._is_ours = False  # until we have written it, it is from an earlier program with our number

    def note(self, project: Path | None) -> None:
        """`project` is open now, or none is. A state folder that cannot be written costs nobody their work."""
        self._is_ours = True
        with contextlib.suppress(OSError, WriteError):
            if project is None:
                self._path.unlink(missing_ok=True)
            else:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_json(self._path, {"project": str(project)})

    def take_left_open(self) -> tuple[Path, ...]:
        """The projects that killed programs of this machine had open and that are still there; told once."""
        from engine.projects.places import is_project  # with pydantic, which the window is built without

        found: dict[Path, None] = {}
        remove_leftovers(self._folder)
        for path in sorted(self._folder.glob(f"open-{this_host()}-*.json")):
            pid = path.stem.rpartition("-")[2]
            ours = path == self._path
            if not pid.isdigit() or (self._is_ours if ours else is_alive(int(pid))):
                continue
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
                from engine.projects.places import is_project  # with pydantic, which most starts do without

                project = Path(json.loads(path.read_bytes())["project"])
                if is_project(project):
                    found[project] = None
            with contextlib.suppress(OSError):
                path.unlink()
        return tuple(found)
