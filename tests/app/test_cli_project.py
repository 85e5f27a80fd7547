"""`archivist project`: what an archivist can do without a window, on real projects."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archivist_app import cli
from engine.projects.project import ProjectFolder
from tests.app.fake_service import save_picture

Run = Any


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(3):
        save_picture(folder / f"plate-{number}.png", 40, 30, seed=number)
    return folder


@pytest.fixture
def box(tmp_path: Path, scans: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "Box.archivist"
    assert cli.main(["project", "new", str(folder)]) == 0
    assert cli.main(["project", "add", str(folder), str(scans)]) == 0
    capsys.readouterr()
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = cli.main(["project", *map(str, words)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, out, err


def test_a_name_makes_a_project_among_the_documents_and_a_path_where_it_says(
    tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "new", "Harbour")[:2] == (0, f"{own_home}/projects/Harbour.archivist\n")
    status, out, _ = run(capsys, "new", tmp_path / "deep" / "Box.archivist", "--json")
    data = json.loads(out)
    assert (status, data["name"], data["project"]) == (0, "Box", str(tmp_path / "deep" / "Box.archivist"))
    status, out, err = run(capsys, "new", tmp_path / "deep" / "Box.archivist")
    assert (status, out) == (1, "")
    assert err.endswith("is not empty; choose another name for the new project.\n")


def test_images_are_added_once_and_a_bad_one_is_told_while_the_rest_go_on(
    box: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.png").write_text("Dear Sir")
    more = save_picture(tmp_path / "more.png", 30, 30, seed=9)
    status, out, err = run(capsys, "add", box, scans / "plate-0.png", tmp_path / "letter.png", more, "--json")
    assert status == 1
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in lines] == ["present", "failed", "added"]
    assert len(err.splitlines()) == 1
    assert "letter.png" in err
    with ProjectFolder.open(box) as project:
        assert len(project.value.items) == 4


@pytest.mark.parametrize("how", [[], ["--copy"]])
def test_a_picture_that_cannot_be_decoded_is_told_and_not_taken_in(
    box: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: list[str]
) -> None:
    clean = save_picture(tmp_path / "clean.png", 200, 150, seed=20)
    broken = save_picture(tmp_path / "broken.png", 200, 150, seed=21)
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    status, out, err = run(capsys, "add", box, broken, clean, *how)
    assert (status, out) == (1, f"{clean}: {'copied into the project' if how else 'added'}\n")
    assert err == "“broken.png” is damaged or incomplete; copy or scan it again.\n"
    with ProjectFolder.open(box) as project:
        assert len(project.value.items) == 4
        assert not any("broken" in item.source.path for item in project.value.items)
    assert "broken" not in (box / "events.jsonl").read_text("utf-8")


def test_copies_make_a_project_that_needs_nothing_else(
    tmp_path: Path, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "new", tmp_path / "Box.archivist")
    status, out, _ = run(capsys, "add", tmp_path / "Box.archivist", scans, "--copy")
    assert (status, out.count(": copied into the project")) == (0, 3)
    shutil.rmtree(scans)
    shutil.move(tmp_path / "Box.archivist", tmp_path / "elsewhere")
    assert run(capsys, "verify", tmp_path / "elsewhere")[0] == 0
    _, out, _ = run(capsys, "list", tmp_path / "elsewhere")
    assert out.splitlines()[1].split("\t") == ["masters/plate-0.png", "undecided", "", "there", ""]


def test_list_tells_decisions_and_where_masters_are_also_of_an_open_project(
    box: Path, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scans / "plate-1.png").unlink()
    with ProjectFolder.open(box) as project:
        item = project.value.items[0]
        project.save_item(type(item)(item.uuid, item.source, stars=3, decision="approved", revision=1))
        status, out, err = run(capsys, "list", box)
    assert (status, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[1] == ["../scans/plate-0.png", "approved", "★★★", "there", ""]
    assert rows[2][3] == "missing"
    data = json.loads(run(capsys, "list", box, "--json")[1])
    assert [image["master"]["state"] for image in data["images"]] == ["there", "missing", "there"]
    assert data["images"][0]["recipe"]["alpha"] == 1.0


def test_verify_says_what_is_amiss_and_fails_and_writes_only_if_asked(
    box: Path, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = box / "events.jsonl"
    before = log.read_bytes()
    status, out, err = run(capsys, "verify", box)
    assert (status, err) == (0, "")
    assert "3 of 3 masters unchanged since they were added" in out
    (scans / "plate-0.png").write_bytes(b"changed")
    (scans / "plate-1.png").unlink()
    status, out, err = run(capsys, "verify", box)
    assert status == 1
    assert len(err.splitlines()) == 2
    assert "1 of 3 masters" in out
    assert log.read_bytes() == before
    data = json.loads(run(capsys, "verify", box, "--json", "--log")[1])
    assert [master["state"] for master in data["masters"]] == ["changed", "unreadable", "intact"]
    assert (data["intact"], data["log"]["intact"]) == (False, True)
    events = [json.loads(line) for line in log.read_bytes().splitlines()][-3:]
    assert [(event["type"], event["outcome"]) for event in events] == [("fixity check", "failure")] * 3


def test_changed_master_is_acknowledged_by_its_name(box: Path, scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_picture(scans / "plate-0.png", 40, 30, seed=50)
    assert run(capsys, "verify", box)[0] == 1
    assert run(capsys, "acknowledge", box, "plate-9.png")[0] == 2
    status, out, _ = run(capsys, "acknowledge", box, "plate-0.png")
    assert (status, "acknowledged" in out) == (0, True)
    assert run(capsys, "verify", box)[0] == 0
    assert "is unchanged" in run(capsys, "acknowledge", box, "plate-0.png")[1]
    _, out, _ = run(capsys, "log", box)
    assert "acknowledged that plate-0.png is another file" in out.splitlines()[-1]
    last = json.loads(run(capsys, "log", box, "--json")[1].splitlines()[-1])
    assert last["event"]["details"]["before"]["sha256"]


def test_moved_masters_are_found_and_a_dry_run_writes_nothing(
    box: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "relocate", box)[:2] == (0, "No master is missing.\n")
    new = tmp_path / "store" / "a" / "b" / "c" / "renamed.png"
    new.parent.mkdir(parents=True)
    shutil.move(scans / "plate-2.png", new)
    status, _, err = run(capsys, "relocate", box, scans)
    assert status == 1
    assert err == "../scans/plate-2.png was not found; name another folder, or bring it back.\n"
    status, out, _ = run(capsys, "relocate", box, tmp_path / "store", "--dry-run")
    assert (status, out) == (0, f"../scans/plate-2.png -> {new}\n")
    assert run(capsys, "verify", box)[0] == 1
    data = json.loads(run(capsys, "relocate", box, tmp_path / "store", "--json")[1])
    assert data["images"][0]["new"] == str(new)
    assert run(capsys, "verify", box)[0] == 0
    assert run(capsys, "relocate", box, tmp_path / "nowhere")[0] == 2


def test_damaged_project_is_rescued_and_told_what_was_saved(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted((box / "items").glob("*.json"))[0]
    path.write_text("{")
    (box / "project.json").write_text("")
    assert run(capsys, "verify", box)[0] == 1
    status, out, _ = run(capsys, "rescue", box, "--dry-run")
    assert "It would have 3 images." in out
    assert path.read_text() == "{"
    status, out, err = run(capsys, "rescue", box)
    assert status == 1, "some settings are lost"
    assert "was brought back from" in out
    assert "cannot be read anywhere" in err
    assert run(capsys, "verify", box)[0] == 0
    status, out, _ = run(capsys, "rescue", box, "--json")
    data = json.loads(out)
    assert (status, data["images"], data["saved"], data["kept"]) == (0, 3, [], "")


def test_project_that_somebody_has_open_is_not_written_and_told_so(
    box: Path, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProjectFolder.open(box):
        for words in (("add", box, scans), ("relocate", box), ("acknowledge", box, "plate-0.png"), ("rescue", box)):
            status, _, err = run(capsys, *words)
            assert status == 1
            assert "already open in this program" in err
        assert run(capsys, "verify", box)[0] == 0
        assert run(capsys, "verify", box, "--log")[0] == 1


def test_edits_of_a_killed_program_are_brought_back_and_told(
    box: Path, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProjectFolder.open(box) as project:
        item = project.value.items[0]
        project.journal([replace(item, note="seen", revision=item.revision + 1)])
    status, _, err = run(capsys, "add", box, scans / "plate-0.png")
    assert (status, err) == (0, "Edits of one image that a program had no time to save were brought back.\n")
    assert run(capsys, "list", box)[1].splitlines()[1].endswith("\tseen")


def test_what_is_no_project_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("list",), ("verify",), ("relocate",), ("rescue",), ("log",), ("add",)):
        more = [tmp_path / "a.png"] if words == ("add",) else []
        status, out, err = run(capsys, *words, tmp_path, *more)
        assert (status, out) == (1, "")
        assert len(err.splitlines()) == 1
