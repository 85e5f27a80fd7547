"""A program that works on a project until it is killed: `python unlucky.py PROJECT POOL SEED`.

It edits, saves, imports and exports as the window does, with the window's times, and says on standard output what it
has done, a line each, so that whoever kills it knows what must still be there.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from engine.projects.atomic import replacing
from engine.projects.importing import copy_master
from engine.projects.project import ProjectFolder
from engine.types import Event, ProjectItem, Recipe

JOURNAL_EVERY, SAVE_EVERY = 0.2, 1.0  # seconds, as in the window


def say(*words: object) -> None:
    print(*words, flush=True)


class Unlucky:
    """One life of the program. The window journals and saves on threads of their own; here they take turns."""

    def __init__(self, folder: Path, pool: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.pool = pool
        self.project = ProjectFolder.open(folder)
        assert self.project.value.writable, self.project.value.reason
        self.items = {item.uuid: item for item in self.project.value.items}
        self.unjournaled: set[str] = set()
        self.unsaved: list[str] = []
        self.journaled = self.saved = time.monotonic()

    def live(self) -> None:
        say("ready")
        while True:
            if self.items and self.chance.random() < 0.9:
                self.edit(self.chance.choice(sorted(self.items)))
            if time.monotonic() - self.journaled > JOURNAL_EVERY:
                self.journal()
            if self.unsaved and time.monotonic() - self.saved > SAVE_EVERY:
                self.save(self.unsaved.pop())
            if self.chance.random() < 0.03:
                self.items |= added(self.project, self.pool, self.chance)
            if self.chance.random() < 0.03:
                exported(self.project, self.chance)
            time.sleep(0.004)

    def edit(self, uuid: str) -> None:
        item = self.items[uuid] = edited(self.items[uuid], self.chance)
        self.unjournaled.add(uuid)
        if uuid not in self.unsaved:
            self.unsaved.append(uuid)
        say("edited", uuid, item.revision, time.time())

    def journal(self) -> None:
        entries = [self.items[uuid] for uuid in self.unjournaled]
        self.project.journal(entries)
        self.unjournaled.clear()
        self.journaled = time.monotonic()
        for item in entries:
            say("journaled", item.uuid, item.revision)

    def save(self, uuid: str) -> None:
        self.project.save_item(self.items[uuid])
        if not self.unsaved:
            self.saved = time.monotonic()


def edited(item: ProjectItem, chance: random.Random) -> ProjectItem:
    decision = chance.choice(["", "approved", "rejected"])
    changed = item.with_recipe(Recipe(alpha=round(chance.uniform(0.1, 10), 3)))
    return replace(changed, decision=decision, stars=chance.randint(0, 5))


def added(project: ProjectFolder, pool: Path, chance: random.Random) -> dict[str, ProjectItem]:
    path = chance.choice(sorted(pool.iterdir()))
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if chance.random() < 0.5:
        value = project.add(path, sha256, len(content))
    else:
        made = copy_master(path, sha256, Path(project.value.folder))
        value = project.add(made, sha256, len(content), copied_from=path)
    known = {item.uuid: item for item in value.items if item.source.sha256 == sha256}
    say("added", sha256)
    return known


def exported(project: ProjectFolder, chance: random.Random) -> None:
    target = Path(project.value.folder) / "exports" / f"picture_{chance.randint(0, 5)}.tif"
    target.parent.mkdir(exist_ok=True)
    content = os.urandom(1) * chance.randint(1, 300_000)
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    project.record(Event("exporting", f"{target.name} was written.", details={"bytes": len(content)}))
    say("exported", target.name)


if __name__ == "__main__":
    Unlucky(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])).live()
