"""Replacing files: whole or not at all, and nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Cancelled, WriteError
from engine.projects.atomic import SUFFIX, remove_leftovers, replacing, write_json
from engine.projects.processes import is_alive, this_host


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "plate.json"
    path.write_text("old")
    return path


def only(target: Path, text: str) -> bool:
    """The target holds `text`, and nothing else is in its folder."""
    return target.read_text() == text and os.listdir(target.parent) == [target.name]


def write_half_and_raise(target: Path, error: BaseException) -> None:
    with replacing(target) as temporary:
        temporary.write_text("half")
        raise error


def test_new_content_replaces_the_old_when_the_body_ends(target: Path) -> None:
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".")
        assert temporary.name.endswith(SUFFIX)
    assert only(target, "new")


@pytest.mark.parametrize("error", [ValueError("x"), Cancelled(), KeyboardInterrupt()])
def test_old_content_stays_when_the_body_raises(target: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_half_and_raise(target, error)
    assert only(target, "old")


def test_closed_generator_leaves_nothing_behind(target: Path) -> None:
    def steps() -> Iterator[None]:
        with replacing(target) as temporary:
            temporary.write_text("half")
            yield

    running = steps()
    next(running)
    assert len(os.listdir(target.parent)) == 2
    running.close()  # type: ignore[attr-defined]
    assert only(target, "old")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EFBIG, "larger than this disk allows"),
        (errno.EROFS, "write-protected"),
        (errno.EACCES, "may not write"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_failure_to_write_is_one_sentence_and_leaves_nothing_behind(target: Path, number: int, words: str) -> None:
    with pytest.raises(WriteError, match=words) as caught:
        write_half_and_raise(target, OSError(number, os.strerror(number)))
    sentence = str(caught.value)
    assert target.name in sentence
    assert sentence.endswith(".")
    assert only(target, "old")


def test_disk_that_is_full_only_when_synced_is_noticed(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="disk is full"):
        write_json(target, {"a": 1})
    monkeypatch.undo()
    assert only(target, "old")


def test_write_cut_short_by_the_system_is_noticed(target: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from engine.errors import WriteError\n"
        "from engine.projects.atomic import write_json\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
        "try: write_json(Path(sys.argv[1]), 'x' * (1 << 20))\n"
        "except WriteError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "larger than this disk allows" in done.stdout
    assert only(target, "old")


def test_missing_folder_and_folder_as_target_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"The folder .* is not there"):
        write_json(tmp_path / "gone" / "a.json", {})
    with pytest.raises(WriteError, match="is the name of a folder"):
        write_json(tmp_path, {})
    assert os.listdir(tmp_path) == []


def test_error_about_another_file_is_not_taken_for_a_write_error(target: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(target) as temporary:
        temporary.write_bytes((target.parent / "master.tif").read_bytes())
    assert only(target, "old")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_protected_file_and_folder_are_refused(target: Path) -> None:
    target.chmod(0o444)
    with pytest.raises(WriteError, match="may not write"):
        write_json(target, {})
    target.chmod(0o644)
    target.parent.chmod(0o555)
    try:
        with pytest.raises(WriteError, match="may not write"):
            write_json(target, {})
    finally:
        target.parent.chmod(0o755)
    assert only(target, "old")


def test_protected_file_is_refused_whoever_asks(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(WriteError, match="may not write"):
        write_json(target, {})
    assert only(target, "old")


def test_permissions_of_the_old_file_are_kept(target: Path) -> None:
    target.chmod(0o640)
    write_json(target, {})
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_file_held_for_a_moment_is_replaced_all_the_same(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []
    replace = os.replace

    def held(source: Path, destination: Path) -> None:
        attempts.append(source)
        if len(attempts) < 3:
            raise PermissionError(errno.EACCES, "held by a scanner", str(destination))
        replace(source, destination)

    monkeypatch.setattr(os, "replace", held)
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert len(attempts) == 3
    assert only(target, "new")


def test_long_names_leave_room_for_the_temporary(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 120 + ".json")
    write_json(target, {})
    assert os.listdir(tmp_path) == [target.name]


def test_json_is_readable_text_and_refuses_what_json_cannot_say(target: Path) -> None:
    write_json(target, {"name": "Zürich 1911", "odd": "\ud800"})
    assert json.loads(target.read_bytes()) == {"name": "Zürich 1911", "odd": "\ud800"}
    write_json(target, {"name": "Zürich 1911"})
    assert "Zürich" in target.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(target, float("nan"))


WRITER = """
import sys, time
from pathlib import Path
from engine.projects.atomic import replacing
number = 0
while True:
    number += 1
    with replacing(Path(sys.argv[1])) as temporary, temporary.open("w") as file:
        for _ in range(20):
            file.write(f"{number} " * 1000)
            file.flush()
            time.sleep(0.0005)
    if number == 1: print("ready", flush=True)
"""


def test_killed_writer_leaves_a_whole_file_and_its_temporary_is_cleared_away(target: Path) -> None:
    chance = random.Random(20)
    interrupted = 0
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.1))
            assert remove_leftovers(target.parent) == (), "a living writer keeps its temporary"
            writer.send_signal(signal.SIGKILL)
        words = target.read_text().split()
        assert len(words) == 20_000
        assert len(set(words)) == 1
        interrupted += len(os.listdir(target.parent)) - 1
        remove_leftovers(target.parent)
        assert os.listdir(target.parent) == [target.name]
    assert interrupted, "no kill hit a write: the test shows nothing"


def test_only_abandoned_temporaries_are_leftovers(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    day_and_more = time.time() - 25 * 3600
    names = {
        f".a.{this_host()}-{dead.pid}-0123abcd{SUFFIX}": False,
        f".a.{this_host()}-{os.getpid()}-0123abcd{SUFFIX}": True,
        f".a.elsewhere-{dead.pid}-0123abcd{SUFFIX}": True,
        f".old.elsewhere-{dead.pid}-0123abcd{SUFFIX}": False,
        f"somebody's own{SUFFIX}": True,
        "master.tif": True,
    }
    for name in names:
        (tmp_path / name).touch()
        if name.startswith(".old"):
            os.utime(tmp_path / name, (day_and_more, day_and_more))
    removed = remove_leftovers(tmp_path)
    assert {path.name for path in removed} == {name for name, kept in names.items() if not kept}
    assert set(os.listdir(tmp_path)) == {name for name, kept in names.items() if kept}
    assert remove_leftovers(tmp_path / "gone") == ()


def test_processes_are_known_to_be_alive_or_dead() -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    assert is_alive(os.getpid())
    assert is_alive(1), "a process of another user lives too"
    assert not is_alive(dead.pid)
    assert not is_alive(0)
    assert not is_alive(2**40)
