"""A program at work on a project is killed at any moment: only the last moments are lost, and nothing is altered."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from engine.projects.atomic import SUFFIX
from engine.projects.checking import check_project
from engine.projects.project import ProjectFolder

WORKER = Path(__file__).parent / "unlucky.py"
ROOT = Path(__file__).parents[3]
LONGEST = 2.8  # seconds until the kill: longer than what may be lost
MAY_BE_LOST = 2.0  # seconds of edits
PATIENCE = 60.0


@dataclass
class Witness:
    """What the program said that it had done: edits in this life, images in all."""

    edited: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # revision and time of each edit
    journaled: dict[str, int] = field(default_factory=dict)
    added: set[str] = field(default_factory=set)

    def longest_wait(self, killed: float) -> float:
        """Seconds the program could do nothing, for a disk or a processor that others kept busy.

        It edits all the time, so these are the times without an edit. On a quiet machine they are hundredths.
        """
        times = sorted(when for edits in self.edited.values() for _, when in edits)
        return max((after - before for before, after in pairwise([*times, killed])), default=0.0)

    def hear(self, line: str) -> None:
        match line.split():
            case ["edited", uuid, revision, when]:
                self.edited.setdefault(uuid, []).append((int(revision), float(when)))
            case ["journaled", uuid, revision]:
                self.journaled[uuid] = int(revision)
            case ["added", sha256]:
                self.added.add(sha256)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(12):
        (folder / f"plate-{number}.tif").write_bytes(random.Random(number).randbytes(20_000 * (number + 1)))
    return folder


def checksums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def live_and_be_killed(folder: Path, pool: Path, seed: int, witness: Witness) -> float:
    """Runs the program for a random while; returns when it was killed."""
    command = [sys.executable, str(WORKER), str(folder), str(pool), str(seed)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        ready = threading.Event()

        def listen(lines: Iterator[str]) -> None:
            for line in lines:
                if line.endswith("\n"):
                    witness.hear(line)
                    ready.set()

        listener = threading.Thread(target=listen, args=(program.stdout,))
        listener.start()
        assert ready.wait(PATIENCE), program.stderr.read()
        time.sleep(LONGEST * random.Random(seed).random() ** 2)
        killed = time.time()
        program.send_signal(signal.SIGKILL)
        listener.join(PATIENCE)
        assert program.stderr.read() == "", "it was killed, and did not fail by itself"
    return killed


def reopened(folder: Path) -> ProjectFolder:
    """The project as the next start has it; a lock that was just being written is waited for."""
    deadline = time.monotonic() + 8
    while True:
        opened = ProjectFolder.open(folder)
        if opened.value.writable or time.monotonic() > deadline:
            return opened
        opened.close()
        time.sleep(0.2)


def nothing_is_lost(folder: Path, killed: float, witness: Witness) -> None:
    with reopened(folder) as opened:
        value = opened.value
        assert value.writable, value.reason
        assert value.problems == ()
        assert witness.added <= {item.source.sha256 for item in value.items}, "an image is lost"
        revisions = {item.uuid: item.revision for item in value.items}
        for uuid, revision in witness.journaled.items():
            assert revisions[uuid] >= revision, "an edit that was on the disk is lost"
        safe = killed - MAY_BE_LOST - witness.longest_wait(killed)
        for uuid, edits in witness.edited.items():
            due = [revision for revision, when in edits if when < safe]
            assert revisions[uuid] >= max(due, default=0), "more than two seconds are lost"
        assert opened.check_log().intact
        left = [path for path in folder.rglob("*") if path.name.endswith(SUFFIX) or "takeover" in path.name]
        assert left == []
    assert check_project(folder, lambda _: None).intact


def survives(tmp_path: Path, pool: Path, kills: int, seed: int) -> None:
    folder = tmp_path / "Box.archivist"
    ProjectFolder.create(folder, "Box").close()
    before = checksums(pool)
    witness = Witness()
    for number in range(kills):
        killed = live_and_be_killed(folder, pool, seed + number, witness)
        nothing_is_lost(folder, killed, witness)
        assert checksums(pool) == before, "a master was altered"
        witness.edited.clear()  # the next life goes on from what is there
        witness.journaled.clear()
    assert len(witness.added) > 5, "it did something"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_twenty_kills_lose_at_most_the_last_two_seconds_and_never_an_image(tmp_path: Path, pool: Path) -> None:
    survives(tmp_path, pool, 20, seed=1)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_two_hundred_kills_lose_at_most_the_last_two_seconds_and_never_an_image(tmp_path: Path, pool: Path) -> None:
    survives(tmp_path, pool, 200, seed=int(time.time()) // 86_400 * 1000)  # another course every day
