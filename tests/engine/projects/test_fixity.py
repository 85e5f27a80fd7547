"""Whether a master is still what it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.errors import Cancelled
from engine.projects.fixity import verify
from engine.types import ImageRef, Progress

CONTENT = b"silver gelatin"
PLATE = ImageRef("plate.tif", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "plate.tif"
    path.write_bytes(CONTENT)
    return path


def test_unchanged_master_is_intact(master: Path) -> None:
    seen: list[Progress] = []
    report = verify(PLATE, master, seen.append)
    assert report.intact
    assert report.actual == report.expected == PLATE.sha256
    assert seen[-1].done == len(CONTENT)


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"!", CONTENT[:-1] + b"!", b""])
def test_any_changed_byte_is_noticed(master: Path, content: bytes) -> None:
    master.write_bytes(content)
    report = verify(PLATE, master)
    assert report.state == "changed"
    assert not report.intact
    assert report.message.startswith("plate.tif is not the file that was added")


def test_missing_master_is_a_report_in_a_sentence(tmp_path: Path) -> None:
    report = verify(PLATE, tmp_path / "plate.tif")
    assert report.state == "unreadable"
    assert "not there any more" in report.message
    assert verify(PLATE, tmp_path).state == "unreadable"


def test_verification_can_be_stopped(master: Path) -> None:
    def stop(_: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        verify(PLATE, master, stop)
