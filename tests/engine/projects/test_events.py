"""The audit log: nothing that was written in it can be changed or taken out without being noticed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProjectError, WriteError
from engine.projects.atomic import lines_backwards
from engine.projects.events import BEGINNING, EVENTS, EventLog
from engine.types import EVENT_TYPES, Event, EventObject

PLATE = EventObject("scans/plate.tif", "ab" * 32, 7, item="5f0c3b1e-7f0e-4f62-9f43-5bb1a9c0d001")


def filled(folder: Path, count: int) -> EventLog:
    log = EventLog(folder)
    for number in range(count):
        log.append(Event("fixity check", f"Check {number}: Ørsted", objects=(PLATE,), details={"n": number}))
    return log


def cut(path: Path, count: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - count)


def test_events_come_back_as_they_were_recorded_with_who_and_when(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    event = Event("ingestion", "plate.tif was added.", "warning", (PLATE,), {"pages": [1, 2]})
    written = log.append(event)
    (read,) = log.read()
    assert read == written
    assert read.event == event
    assert read.number == 1
    assert read.user
    assert read.host
    assert read.program.startswith("Archivist")
    assert read.when.endswith("+00:00")


def test_each_line_holds_the_hash_of_the_one_before_for_anybody_to_check(tmp_path: Path) -> None:
    filled(tmp_path, 4)
    lines = (tmp_path / EVENTS).read_bytes().splitlines()
    assert json.loads(lines[0])["previous"] == BEGINNING
    for before, line in pairwise(lines):
        assert json.loads(line)["previous"] == hashlib.sha256(before).hexdigest()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3, 4]


def test_untouched_log_is_intact_and_names_its_last_line(tmp_path: Path) -> None:
    assert EventLog(tmp_path).verify().intact
    assert EventLog(tmp_path).verify().events == 0
    log = filled(tmp_path, 5)
    report = log.verify()
    assert (report.intact, report.events, report.torn) == (True, 5, ())
    assert report.head == hashlib.sha256((tmp_path / EVENTS).read_bytes().splitlines()[-1]).hexdigest()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_line_but_the_last_is_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = filled(folder, 5)
    path = folder / EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    which = data.draw(st.integers(0, 3))
    place = data.draw(st.integers(0, len(lines[which]) - 2))
    line = bytearray(lines[which])
    line[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (line[place], 10)))
    path.write_bytes(b"".join([*lines[:which], bytes(line), *lines[which + 1 :]]))
    report = log.verify()
    assert report.broken in (which + 1, which + 2)
    assert "does not follow" in report.message


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_line_that_was_taken_out_is_told(tmp_path: Path, gone: int) -> None:
    log = filled(tmp_path, 5)
    lines = (tmp_path / EVENTS).read_bytes().splitlines(keepends=True)
    (tmp_path / EVENTS).write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
    assert log.verify().broken == gone + 1


def test_lines_in_another_order_are_told(tmp_path: Path) -> None:
    log = filled(tmp_path, 4)
    first, second, third, fourth = (tmp_path / EVENTS).read_bytes().splitlines(keepends=True)
    (tmp_path / EVENTS).write_bytes(first + third + second + fourth)
    assert log.verify().broken == 2


@pytest.mark.parametrize("cuts", [(1,), (40,), (200, 30), (40, 1, 90)])
def test_line_a_program_died_in_stays_and_the_next_event_says_so(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    log = filled(tmp_path, 3)
    path = tmp_path / EVENTS
    for count in cuts:
        cut(path, count)
        kept = path.read_bytes()
        assert log.verify().intact, "a torn end is no tampering"
        log.append(Event("recovery", "Opened again."))
        assert path.read_bytes().startswith(kept), "nothing is ever taken out"
    report = log.verify()
    assert report.intact
    assert len(report.torn) == sum(count > 1 for count in cuts)
    log.append(Event("recovery", "And again."))
    assert log.verify().intact


def test_changed_torn_line_is_told_too(tmp_path: Path) -> None:
    log = filled(tmp_path, 2)
    path = tmp_path / EVENTS
    cut(path, 30)
    log.append(Event("recovery", "Opened again."))
    path.write_bytes(path.read_bytes().replace(b"Check 1", b"Check 7"))
    assert log.verify().broken == 3, "the line that does not follow"


def test_two_killed_writers_in_a_row_are_no_tampering(tmp_path: Path) -> None:
    log = filled(tmp_path, 2)
    path = tmp_path / EVENTS
    cut(path, 30)
    log.append(Event("recovery", "Opened again."))
    cut(path, 30)
    assert log.verify().intact
    last = log.append(Event("recovery", "Opened again."))
    assert last.number == 4
    report = log.verify()
    assert (report.intact, report.torn, report.events) == (True, (2, 3), 4)


def test_full_disk_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled(tmp_path, 2)
    before = (tmp_path / EVENTS).read_bytes()
    system_write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return system_write(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(WriteError, match="disk is full"):
            log.append(Event("recovery", "Opened again."))
    assert (tmp_path / EVENTS).read_bytes() == before
    log.append(Event("recovery", "Opened again."))
    assert log.verify().intact


def test_only_known_kinds_of_events_are_recorded(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no kind of event"):
        Event("tinkering", "Something was done.")
    with pytest.raises(ProjectError, match="plain values"):
        EventLog(tmp_path).append(Event("creation", "Made.", details={"path": Path("x")}))
    assert len(set(EVENT_TYPES.values())) == len(EVENT_TYPES)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.booleans())
def test_lines_backwards_are_the_lines_forwards(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], closed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines"
    content = b"\n".join(lines) + (b"\n" if closed and lines else b"")
    path.write_bytes(content)
    forwards = content.removesuffix(b"\n").split(b"\n") if content else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.projects.atomic._BLOCK", 7)
        assert list(lines_backwards(path))[::-1] == forwards


def test_the_check_that_the_documentation_prints_agrees_with_ours(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "projects.md").read_text(encoding="utf-8")
    script = page.split("<<'END'\n")[1].split("END\n")[0]
    log = filled(tmp_path, 3)
    cut(tmp_path / EVENTS, 40)
    log.append(Event("recovery", "Opened again."))
    log.append(Event("recovery", "And again."))
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30).stdout
    assert log.verify().head in told
    content = (tmp_path / EVENTS).read_bytes()
    (tmp_path / EVENTS).write_bytes(content.replace(b"Check 0", b"Check 9"))
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert failed.returncode == 1
    assert "line 2 does not follow" in failed.stderr
    assert log.verify().broken == 2
