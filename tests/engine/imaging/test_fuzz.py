"""Whatever a file holds, it is read or refused in one sentence, soon, and within a stated memory."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.engine.imaging import fuzzing
from tests.engine.imaging.fuzzing import MEMORY, Reader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="memory is measured as POSIX has it")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return fuzzing.seeds(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def child() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


def complaint(name: str, answer: dict[str, Any]) -> str:
    """What is wrong with how a file was taken; "" where nothing is."""
    if answer["outcome"] not in ("read", "refused"):
        return f"{name}: {answer}"
    sentence = answer.get("sentence", "A.")
    if not sentence.endswith(".") or "\n" in sentence or "Traceback" in sentence:
        return f"{name}: no sentence: {sentence}"
    return f"{name}: {answer['peak'] >> 20} MB" if answer["peak"] > MEMORY else ""


def run(child: Reader, sound: list[Path], folder: Path, count: int, seed: int) -> Counter[str]:
    """Damages files and has them looked at; fails with the seed and the name of those that were not taken well."""
    outcomes: Counter[str] = Counter()
    complaints = []
    for number in range(count):
        random = Random(f"{seed} {number}")
        source = sound[number % len(sound)]
        path = folder / f"{number}{source.suffix}"
        path.write_bytes(fuzzing.damaged(source.read_bytes(), random))
        answer = child.look(path)
        path.unlink()
        outcomes[answer["outcome"]] += 1
        if told := complaint(f"seed {seed} number {number} ({source.name})", answer):
            complaints.append(told)
    assert not complaints, "\n".join(complaints)
    return outcomes


def test_sound_files_are_read(child: Reader, sound: list[Path]) -> None:
    assert [path.name for path in sound if child.look(path)["outcome"] != "read"] == []


def test_200_damaged_files_are_read_or_refused(child: Reader, sound: list[Path], tmp_path: Path) -> None:
    outcomes = run(child, sound, tmp_path, 200, 0)
    assert outcomes["refused"] > 60
    assert outcomes["read"] > 10


def test_bombs_are_read_or_refused_in_time(child: Reader, tmp_path: Path) -> None:
    complaints = []
    for name, data in fuzzing.bombs():
        (tmp_path / name).write_bytes(data)
        complaints.append(complaint(name, child.look(tmp_path / name)))
    assert not any(complaints), "\n".join(filter(None, complaints))


def test_a_crash_and_a_hang_are_told_by_name(child: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    child._begin().kill()
    assert complaint("a.tif", child.look(tmp_path / "a.tif")).startswith("a.tif: {'outcome': 'crashed'")
    monkeypatch.setattr(fuzzing, "SECONDS", 0.0)
    assert child.look(tmp_path)["outcome"] == "hung"


@pytest.mark.long
def test_2000_more_are_read_or_refused(child: Reader, sound: list[Path], tmp_path: Path) -> None:
    run(child, sound, tmp_path, 2000, date.today().toordinal())
