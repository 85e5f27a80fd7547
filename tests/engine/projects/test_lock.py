"""One program writes in a project at a time; the others are told who."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.errors import ProjectError
from engine.projects.lock import NAME, STALE, FolderLock
from engine.projects.processes import this_host

HOLD = """
import sys, time
from pathlib import Path
from engine.projects.lock import FolderLock
FolderLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def write_lock(folder: Path, **changes: object) -> None:
    holder = {"host": this_host(), "user": "ada", "pid": os.getpid(), "token": "0011223344556677"}
    (folder / NAME).write_text(json.dumps(holder | changes))


def test_second_lock_in_this_program_is_refused_until_release(tmp_path: Path) -> None:
    first = FolderLock.acquire(tmp_path)
    with pytest.raises(ProjectError, match="already open in this program"):
        FolderLock.acquire(tmp_path)
    first.release()
    first.release()
    assert os.listdir(tmp_path) == []
    FolderLock.acquire(tmp_path).release()


def test_living_program_keeps_its_lock_and_a_killed_one_loses_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ProjectError, match="has this project open on this computer"):
            FolderLock.acquire(tmp_path)
        other.kill()
    FolderLock.acquire(tmp_path).release()
    assert os.listdir(tmp_path) == []


def test_lock_of_another_machine_is_respected_and_named(tmp_path: Path) -> None:
    write_lock(tmp_path, host="reading_room", pid=1)
    with pytest.raises(ProjectError, match="ada has this project open on reading_room"):
        FolderLock.acquire(tmp_path)
    assert os.listdir(tmp_path) == [NAME]


def test_lock_left_by_an_earlier_program_with_our_number_is_taken_over(tmp_path: Path) -> None:
    write_lock(tmp_path)
    FolderLock.acquire(tmp_path).release()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": "a"}', '{"host":"a","user":"b","pid":"c","token":"d"}'])
def test_unreadable_lock_is_taken_over_once_nobody_can_be_writing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / NAME
    path.write_text(content)
    os.utime(path, (0, 0))
    FolderLock.acquire(tmp_path).release()
    assert os.listdir(tmp_path) == []


def test_lock_that_is_just_being_written_is_respected(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    with pytest.raises(ProjectError, match="Another program is just opening"):
        FolderLock.acquire(tmp_path)
    assert os.listdir(tmp_path) == [NAME]


def test_takeover_that_was_killed_half_way_does_not_block_the_next(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=2**40)
    (tmp_path / ".lock-takeover").touch()
    os.utime(tmp_path / ".lock-takeover", (0, 0))
    FolderLock.acquire(tmp_path).release()
    assert os.listdir(tmp_path) == []


def test_release_leaves_the_lock_of_somebody_who_took_it_by_force(tmp_path: Path) -> None:
    lock = FolderLock.acquire(tmp_path)
    write_lock(tmp_path, host="reading_room")
    lock.release()
    assert os.listdir(tmp_path) == [NAME]


def test_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="cannot be written"):
        FolderLock.acquire(tmp_path / "gone")


def test_of_many_who_find_a_dead_lock_one_gets_it(tmp_path: Path) -> None:
    for _ in range(5):
        write_lock(tmp_path, pid=2**40)
        together = threading.Barrier(4)
        won: list[FolderLock] = []

        def race(start: threading.Barrier = together, locks: list[FolderLock] = won) -> None:
            start.wait()
            try:
                locks.append(FolderLock.acquire(tmp_path))
            except ProjectError:
                return

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        won[0].release()
        assert os.listdir(tmp_path) == []


def aged(folder: Path, seconds: float) -> None:
    """Makes the lock's last heartbeat that old."""
    then = time.time() - seconds
    os.utime(folder / NAME, (then, then))


def test_lock_tells_host_user_number_and_heartbeat(tmp_path: Path) -> None:
    lock = FolderLock.acquire(tmp_path)
    data = json.loads((tmp_path / NAME).read_text())
    assert (data["host"], data["pid"]) == (this_host(), os.getpid())
    assert data["user"]
    assert data["heartbeat"].endswith("+00:00")
    lock.release()


def test_heartbeat_is_renewed_in_place_and_not_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = FolderLock.acquire(tmp_path)
    first = json.loads((tmp_path / NAME).read_text())
    lock.beat()
    assert json.loads((tmp_path / NAME).read_text()) == first
    monkeypatch.setattr("engine.projects.lock.BEAT", 0.0)
    inode = (tmp_path / NAME).stat().st_ino
    time.sleep(0.002)
    lock.beat()
    lock.beat()
    second = json.loads((tmp_path / NAME).read_text())
    assert second["heartbeat"] > first["heartbeat"]
    assert second["token"] == first["token"]
    assert (tmp_path / NAME).stat().st_ino == inode
    lock.release()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("holder", [{"host": "reading_room", "pid": 1}, {"pid": os.getppid()}])
def test_lock_whose_heartbeat_stopped_for_ten_minutes_is_taken_over(tmp_path: Path, holder: dict[str, object]) -> None:
    write_lock(tmp_path, **holder, heartbeat="2030-01-01T00:00:00.000+00:00")
    aged(tmp_path, STALE - 60)
    with pytest.raises(ProjectError, match="ada has this project open"):
        FolderLock.acquire(tmp_path)
    aged(tmp_path, STALE + 60)
    lock = FolderLock.acquire(tmp_path)
    assert lock.taken_from is not None
    assert lock.taken_from.user == "ada"
    lock.release()
    assert os.listdir(tmp_path) == []


def test_lock_of_a_dead_program_is_no_takeover_worth_telling(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=2**40)
    lock = FolderLock.acquire(tmp_path)
    assert lock.taken_from is None
    lock.release()


def test_lock_of_an_older_version_without_a_heartbeat_is_never_called_stale(tmp_path: Path) -> None:
    write_lock(tmp_path, host="reading_room", pid=1)
    aged(tmp_path, 10 * STALE)
    with pytest.raises(ProjectError, match="on reading_room"):
        FolderLock.acquire(tmp_path)


def test_our_own_lock_is_never_stale(tmp_path: Path) -> None:
    lock = FolderLock.acquire(tmp_path)
    aged(tmp_path, 10 * STALE)
    with pytest.raises(ProjectError, match="already open in this program"):
        FolderLock.acquire(tmp_path)
    lock.release()


def test_whoever_wakes_up_after_a_takeover_finds_out_and_leaves_the_new_lock_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FolderLock.acquire(tmp_path)
    assert lock.lost_to() is None
    (tmp_path / NAME).unlink()
    write_lock(tmp_path, host="reading_room", heartbeat="2030-01-01T00:00:00.000+00:00")
    before = (tmp_path / NAME).read_bytes()
    monkeypatch.setattr("engine.projects.lock.BEAT", 0.0)
    lock.beat()
    thief = lock.lost_to()
    assert thief is not None
    assert thief.host == "reading_room"
    lock.release()
    assert (tmp_path / NAME).read_bytes() == before
