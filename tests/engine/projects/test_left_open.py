"""What was open in a program that was killed is known to the next one, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.projects.left_open import OpenNote
from engine.projects.project import ProjectFolder

HOLD = """
import sys, time
from pathlib import Path
from engine.projects.left_open import OpenNote
OpenNote(Path(sys.argv[1])).note(Path(sys.argv[2]))
print("noted", flush=True)
time.sleep(60)
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    ProjectFolder.create(tmp_path / "Box.archivist", "Box").close()
    return tmp_path / "Box.archivist"


def test_project_of_a_living_program_is_its_own_and_of_a_killed_one_is_offered_once(tmp_path: Path, box: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-c", HOLD, str(state), str(box)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"noted\n"
        assert OpenNote(state).take_left_open() == ()
        other.kill()
    assert OpenNote(state).take_left_open() == (box,)
    assert OpenNote(state).take_left_open() == ()
    assert list(state.iterdir()) == []


def test_note_of_an_earlier_program_with_our_number_is_not_ours(tmp_path: Path, box: Path) -> None:
    OpenNote(tmp_path).note(box)
    assert OpenNote(tmp_path).take_left_open() == (box,)
    ours = OpenNote(tmp_path)
    ours.note(box)
    assert ours.take_left_open() == ()
    ours.note(None)
    assert not list(tmp_path.glob("open-*.json"))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"project": 7}', '{"project": "/nowhere"}'])
def test_note_that_says_nothing_useful_is_cleared_away(tmp_path: Path, content: str) -> None:
    note = OpenNote(tmp_path)
    note._path.write_text(content)
    assert note.take_left_open() == ()
    assert not note._path.exists()


def test_state_folder_that_cannot_be_written_costs_nobody_their_work(tmp_path: Path, box: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    note = OpenNote(tmp_path / "state")
    note.note(box)
    note.note(None)
    assert note.take_left_open() == ()
