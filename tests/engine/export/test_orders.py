"""No export is written over a master, however the name is spelled, and asking costs little among thousands."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WriteError
from engine.export.orders import Desk, Order
from engine.types import EngineReady, ExportOptions, Recipe
from tests.engine.rendering.test_pipeline import subject


def order(master: Path, target: Path) -> Order:
    ready = EngineReady("cpu", "", "float32", 1, "", 0.0)
    return Order(
        subject(np.zeros((8, 8, 3), np.uint8), Recipe()), master, ExportOptions(str(target), "overwrite"), ready
    )


def refused(desk: Desk, target: Path, own: Path) -> bool:
    """Whether both ways of asking refuse it, with their sentences."""
    sentences = set()
    for taken in (desk.claim(order(own, target)), desk.hold(target, own)):
        try:
            with taken:
                sentences.add("")
        except WriteError as error:
            sentences.add(str(error).rpartition(", which is ")[2])
    (sentence,) = sentences
    return sentence == "never written over; choose another name."


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "scans" / "a.png"
    path.parent.mkdir()
    path.write_bytes(b"master")
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The master that is exported: another one."""
    path = tmp_path / "own.png"
    path.write_bytes(b"own")
    return path


def linked(tmp_path: Path, master: Path) -> Path:
    (tmp_path / "link.png").symlink_to(master)
    return tmp_path / "link.png"


def hard(tmp_path: Path, master: Path) -> Path:
    os.link(master, tmp_path / "hard.png")
    return tmp_path / "hard.png"


def through_folder(tmp_path: Path, master: Path) -> Path:
    (tmp_path / "elsewhere").symlink_to(master.parent)
    return tmp_path / "elsewhere" / master.name


def dotted(_tmp_path: Path, master: Path) -> Path:
    return master.parent / ".." / master.parent.name / "." / master.name


WAYS: list[Callable[[Path, Path], Path]] = [lambda _, master: master, linked, hard, through_folder, dotted]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_master_is_refused_under_every_spelling_of_its_name(
    tmp_path: Path, master: Path, own: Path, way: Callable[[Path, Path], Path], turned: bool
) -> None:
    other = way(tmp_path, master)
    known, target = (other, master) if turned else (master, other)
    assert refused(Desk(lambda: [str(known)]), target, own)
    assert refused(Desk(lambda: []), target, known), "the master that is exported needs no project"
    assert not refused(Desk(lambda: [str(known)]), tmp_path / "free.png", own)


@pytest.mark.parametrize("way", [dotted, through_folder, linked])
def test_the_place_of_a_master_that_is_missing_now_is_kept_free(
    tmp_path: Path, master: Path, own: Path, way: Callable[[Path, Path], Path]
) -> None:
    other = way(tmp_path, master)
    master.unlink()
    assert refused(Desk(lambda: [str(other)]), master, own)
    assert refused(Desk(lambda: [str(master)]), other, own)


def test_what_was_added_removed_or_linked_meanwhile_counts(tmp_path: Path, master: Path, own: Path) -> None:
    masters = [str(own)]
    desk = Desk(lambda: masters)
    free = tmp_path / "free.png"
    assert not refused(desk, free, own)
    masters = [str(own), str(free)]
    assert refused(desk, free, own)
    masters = [str(own), str(tmp_path / "moved" / "a.png")]
    assert not refused(desk, free, own)
    (tmp_path / "moved").symlink_to(master.parent)
    assert refused(desk, master, own), "the folder of a known master leads to this one since"


def test_a_folder_that_holds_a_master_is_not_replaced(tmp_path: Path, master: Path, own: Path) -> None:
    desk = Desk(lambda: [str(master)])
    (tmp_path / "door").symlink_to(master.parent)
    for folder in (master.parent, tmp_path, tmp_path / "door"):
        with pytest.raises(WriteError, match="is a master or holds one"), desk.hold(folder, own):
            pass
    (tmp_path / "scans 2").mkdir()
    with desk.hold(tmp_path / "scans 2", own):
        assert desk.is_taken(tmp_path / "scans 2")


def test_a_name_that_is_none_is_told(tmp_path: Path, own: Path) -> None:
    desk = Desk(lambda: [str(own)])
    for name in ("a\0b.png", "x" * 5000 + ".png"):
        with pytest.raises(WriteError, match="cannot be a file’s name"), desk.claim(order(own, tmp_path / name)):
            pass


def test_asking_among_thousands_of_masters_takes_a_moment(tmp_path: Path, own: Path) -> None:
    folder = tmp_path / "scans" / "1954"
    folder.mkdir(parents=True)
    names = [str(folder / f"{number:05d}.tif") for number in range(4001)]
    for name in names:
        Path(name).touch()
    desk, there = Desk(lambda: names), tmp_path / "there.png"
    there.touch()
    for target, most in ((there, 0.5), (tmp_path / "free.png", 0.05)):
        assert not refused(desk, target, own)
        start = time.process_time()
        with desk.hold(target, own):
            assert time.process_time() - start < most
