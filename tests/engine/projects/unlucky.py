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


def main(folder: Path, pool: Path, seed: int) -> None:
    chance = random.Random(seed)
    project = ProjectFolder.open(folder)
    assert project.value.writable, project.value.reason
    items = {item.uuid: item for item in project.value.items}
    unjournaled: set[str] = set()
    unsaved: set[str] = set()
    journaled = saved = time.monotonic()
    say("ready")
    while True:
        now = time.monotonic()
        if items and chance.random() < 0.9:
            item = edited(items[chance.choice(sorted(items))], chance)
            items[item.uuid] = item
            unjournaled.add(item.uuid)
            unsaved.add(item.uuid)
            say("edited", item.uuid, item.revision, time.time())
        if now - journaled > JOURNAL_EVERY:
            entries = [items[uuid] for uuid in unjournaled]
            project.journal(entries)
            unjournaled.clear()
            journaled = now
            for item in entries:
                say("journaled", item.uuid, item.revision)
        if now - saved > SAVE_EVERY:
            for uuid in sorted(unsaved):
                project.save_item(items[uuid])
            unsaved.clear()
            saved = now
        if chance.random() < 0.03:
            items |= added(project, pool, chance)
        if chance.random() < 0.03:
            exported(project, folder, chance)
        time.sleep(0.004)


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


def exported(project: ProjectFolder, folder: Path, chance: random.Random) -> None:
    target = folder / "exports" / f"picture_{chance.randint(0, 5)}.tif"
    target.parent.mkdir(exist_ok=True)
    content = os.urandom(1) * chance.randint(1, 300_000)
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    project.record(Event("exporting", f"{target.name} was written.", details={"bytes": len(content)}))
    say("exported", target.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
