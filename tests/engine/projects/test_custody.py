"""Masters: copied, moved, changed, acknowledged; and a project that somebody took over."""

from __future__ import annotations

import errno
import json
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import Cancelled, ImageError, ProjectError, WriteError
from engine.projects.desk import ProjectDesk
from engine.projects.importing import copy_master
from engine.projects.lock import NAME, STALE
from engine.projects.project import ProjectFolder
from engine.projects.relocation import find_moved
from engine.runtime.io import sha256_of
from engine.types import ImageRef, Progress, Recipe
from tests.engine.projects.helpers import add, everything, item_file, master, stored


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    with ProjectFolder.create(tmp_path / "projects" / "Box.archivist", "Box") as opened:
        yield opened


@pytest.fixture
def desk() -> Iterator[ProjectDesk]:
    made = ProjectDesk(lambda path: (sha256_of(path), path.stat().st_size))
    yield made
    made.close()


def nothing(_: Progress) -> None:
    return


def test_copied_master_lies_in_the_project_and_is_the_same_to_the_last_byte(desk: ProjectDesk, tmp_path: Path) -> None:
    path = master(tmp_path / "card")
    os.utime(path, (1e9, 1e9))
    made = desk.create(tmp_path / "Box.archivist", "Box")
    made, refused = desk.add(made, [path], copy=True)
    assert refused == ()
    (item,) = made.items
    assert item.source.path == "masters/plate.tif"
    copy = Path(made.folder) / "masters" / "plate.tif"
    assert copy.read_bytes() == path.read_bytes()
    assert copy.stat().st_mtime == 1e9
    assert desk.locate(made, item) == str(copy)
    assert "copied into the project" in desk.events(made)[-1].event.note
    desk.close()
    shutil.move(made.folder, tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "card")
    moved = desk.open(tmp_path / "elsewhere")
    assert moved.items == (item,)
    assert desk.locate(moved, item) == str(tmp_path / "elsewhere" / "masters" / "plate.tif")


def test_copies_of_one_name_are_kept_apart_and_of_one_content_made_once(desk: ProjectDesk, tmp_path: Path) -> None:
    paths = [master(tmp_path / "a"), master(tmp_path / "b", content=b"another"), master(tmp_path / "c")]
    made, _ = desk.add(desk.create(tmp_path / "Box.archivist", "Box"), paths, copy=True)
    assert [item.source.path for item in made.items] == ["masters/plate.tif", "masters/plate_2.tif"]
    assert sorted(os.listdir(tmp_path / "Box.archivist" / "masters")) == ["plate.tif", "plate_2.tif"]


def test_image_of_the_project_can_be_copied_into_it_later(desk: ProjectDesk, tmp_path: Path) -> None:
    path = master(tmp_path / "card")
    made, _ = desk.add(desk.create(tmp_path / "Box.archivist", "Box"), [path])
    made, _ = desk.add(made, [path], copy=True)
    (item,) = made.items
    assert item.source.path == "masters/plate.tif"


def test_copy_that_does_not_read_back_as_the_original_is_no_copy(tmp_path: Path) -> None:
    path = master(tmp_path / "card")
    with pytest.raises(WriteError, match=r"copy of plate\.tif is not the same as the original"):
        copy_master(path, "0" * 64, tmp_path)
    assert os.listdir(tmp_path / "masters") == []


def test_full_disk_and_lost_original_are_told_apart_while_copying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = master(tmp_path / "card")
    with pytest.raises(ImageError, match=r"gone\.tif cannot be read"):
        copy_master(path.with_name("gone.tif"), "0" * 64, tmp_path)

    def full(source: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(WriteError, match="disk is full"):
        copy_master(path, "0" * 64, tmp_path)
    assert os.listdir(tmp_path / "masters") == []


@pytest.mark.parametrize("where", ["share", "projects/deeper", "scans/renamed"])
def test_moved_masters_are_found_by_their_bytes(desk: ProjectDesk, tmp_path: Path, where: str) -> None:
    paths = [master(tmp_path / "scans", f"{number}.tif", bytes([number]) * 500) for number in range(3)]
    made, _ = desk.add(desk.create(tmp_path / "projects" / "Box.archivist", "Box"), paths)
    decoy = master(tmp_path / where, "1.tif", b"\x07" * 500)
    new = tmp_path / where / "another name.tif"
    shutil.move(paths[1], new)
    assert [item.source.path for item in desk.missing(made)] == ["../../scans/1.tif"]
    seen: list[Progress] = []
    before = everything(tmp_path)
    named = tmp_path / where if where == "share" else None
    same, moved = desk.relocate(made, named, nothing, only_look=True)
    assert [one.new for one in moved] == [str(new)]
    assert (same, everything(tmp_path)) == (made, before)
    changed, moved = desk.relocate(made, named, seen.append)
    assert seen[-1].total == 1
    assert [one.new for one in moved] == [str(new)]
    assert desk.locate(changed, changed.items[1]) == str(new)
    assert changed.items[1].revision == made.items[1].revision + 1
    assert desk.missing(changed) == ()
    assert decoy.exists()


def test_search_can_be_stopped_and_passes_over_what_it_cannot_read(tmp_path: Path) -> None:
    path = master(tmp_path / "deep" / "er", content=b"x" * 9)
    (tmp_path / "deep" / "loop").symlink_to(tmp_path / "deep")
    wanted = {"a": ImageRef("gone.tif", sha256_of(path), 9)}
    assert find_moved(wanted, [tmp_path / "nowhere", tmp_path], nothing) == {"a": path}
    assert find_moved(wanted, [tmp_path], nothing, depth=1) == {}

    def stop(_: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        find_moved(wanted, [tmp_path], stop)


def test_acknowledged_master_is_the_master_and_what_it_was_is_kept(desk: ProjectDesk, tmp_path: Path) -> None:
    path = master(tmp_path / "scans")
    made, _ = desk.add(desk.create(tmp_path / "Box.archivist", "Box"), [path])
    item = made.items[0].with_recipe(Recipe(alpha=3.0))
    made = desk.save(made, item)
    assert desk.check(made, item, nothing).intact
    path.write_bytes(b"scanned again")
    report = desk.check(made, item, nothing)
    assert (report.state, desk.events(made)[-1].event.outcome) == ("changed", "failure")
    changed = desk.acknowledge(made, item)
    (now,) = changed.items
    assert (now.source.sha256, now.source.size) == (sha256_of(path), 13)
    assert now.recipe.alpha == 3.0
    assert desk.check(changed, now, nothing).intact
    event = next(line for line in desk.events(changed) if line.event.type == "metadata modification")
    assert event.user in event.event.note
    assert event.event.details["before"]["sha256"] == item.source.sha256
    source = stored(Path(made.folder) / "items" / f"{now.uuid}.json")["source"]
    assert [(one["sha256"], one["acknowledged_by"]) for one in source["earlier"]] == [(item.source.sha256, event.user)]
    path.write_bytes(b"and again")
    third = desk.acknowledge(changed, now)
    source = stored(Path(made.folder) / "items" / f"{now.uuid}.json")["source"]
    assert [one["sha256"] for one in source["earlier"]] == [item.source.sha256, now.source.sha256]
    assert desk.acknowledge(third, third.items[0]) == third, "an unchanged one needs no acknowledgement"


def test_what_others_know_of_earlier_masters_survives(desk: ProjectDesk, tmp_path: Path) -> None:
    path = master(tmp_path / "scans")
    made, _ = desk.add(desk.create(tmp_path / "Box.archivist", "Box"), [path])
    for content in (b"second", b"third"):
        path.write_bytes(content)
        made = desk.acknowledge(made, made.items[0])
    desk.close()
    file = Path(made.folder) / "items" / f"{made.items[0].uuid}.json"
    data = stored(file)
    for number, entry in enumerate(data["source"]["earlier"]):
        entry["scanner"] = number
    file.write_text(json.dumps(data))
    again = desk.open(Path(made.folder))
    desk.save(again, again.items[0].with_recipe(Recipe(alpha=2.0)))
    assert [entry["scanner"] for entry in stored(file)["source"]["earlier"]] == [0, 1]


def test_approvals_are_in_the_log_and_mere_settings_are_not(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    count = len(project.events())
    project.save_item(item.with_recipe(Recipe(alpha=2.0)))
    assert len(project.events()) == count
    project.save_item(replace(item, decision="approved", note="for the exhibition", revision=5))
    event = project.events()[-1].event
    assert (event.type, event.note) == ("appraisal", "plate.tif was approved.")
    assert event.details == {"decision": "approved", "before": "", "note": "for the exhibition"}


def test_project_taken_over_from_another_machine_says_so_in_its_log(project: ProjectFolder, tmp_path: Path) -> None:
    folder = Path(project.value.folder)
    project.close()
    holder = {"host": "reading_room", "user": "ada", "pid": 7, "token": "00", "heartbeat": "2030-01-01T00:00:00+00:00"}
    (folder / NAME).write_text(json.dumps(holder))
    os.utime(folder / NAME, (0, 0))
    with ProjectFolder.open(folder) as again:
        assert again.value.writable
        assert "ada on reading_room" in again.problems[0]
        assert again.events()[-1].event.details["host"] == "reading_room"
    assert STALE == 600, "ten minutes, as the sentence and the documentation say"


def test_program_whose_project_was_taken_over_writes_no_more(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    folder = Path(project.value.folder)
    holder = {"host": "reading_room", "user": "ada", "pid": 7, "token": "00", "heartbeat": "2030-01-01T00:00:00+00:00"}
    (folder / NAME).write_text(json.dumps(holder))
    before = everything(folder)
    edit = item.with_recipe(Recipe(alpha=2.0))
    acts: list[Callable[[], object]] = [
        lambda: project.save_item(edit),
        lambda: project.journal([edit]),
        lambda: add(project, master(tmp_path, "other.tif")),
    ]
    for act in acts:
        with pytest.raises(ProjectError, match="ada on reading_room took this project over"):
            act()
    assert not project.value.writable
    assert everything(folder) == before
    assert json.loads((folder / NAME).read_text()) == holder
    (folder / NAME).unlink()


def test_paths_are_relative_posix_and_composed(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path / unicodedata.normalize("NFD", "Zürich"), "Brücke.tif")
    item = add(project, path)
    assert stored(item_file(project, item))["source"]["path"] == "../../Zürich/Brücke.tif"
    shutil.move(path, tmp_path / unicodedata.normalize("NFD", "Übergabe.tif"))
    moved = project.relocate({item.uuid: tmp_path / unicodedata.normalize("NFD", "Übergabe.tif")})
    assert moved.items[0].source.path == "../../Übergabe.tif"


def test_read_only_project_cannot_be_moved_or_acknowledged(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    with ProjectFolder.open(Path(project.value.folder), look_only=True) as looking:
        with pytest.raises(ProjectError, match="looked at only"):
            looking.acknowledge(item, "0" * 64, 1)
        with pytest.raises(ProjectError, match="looked at only"):
            looking.relocate({item.uuid: tmp_path})


def test_project_that_others_let_go_of_is_written_again_once_it_is_opened_again(
    desk: ProjectDesk, tmp_path: Path
) -> None:
    path = master(tmp_path / "card")
    made = desk.create(tmp_path / "Box.archivist", "Box")
    (item,) = desk.add(made, [path])[0].items
    lock = Path(made.folder) / NAME
    lock.write_text(json.dumps({"host": "reading_room", "user": "ada", "pid": 7, "token": "00", "heartbeat": ""}))
    assert not desk.open(Path(made.folder)).writable, "nobody had noticed yet that it was taken over"
    with pytest.raises(ProjectError, match="ada has this project open on reading_room"):
        desk.save(made, item.with_recipe(Recipe(alpha=2.0)))
    lock.unlink()
    again = desk.open(Path(made.folder))
    assert (again.writable, again.reason) == (True, "")
    assert desk.save(again, item.with_recipe(Recipe(alpha=2.0))).items[0].recipe.alpha == 2.0
    assert desk._folder(Path(made.folder)) is desk._folder(Path(made.folder))
    assert desk.open(Path(made.folder)) == desk.open(Path(made.folder)), "one that can be written is not opened anew"


def test_project_of_a_newer_version_is_not_opened_again_and_again(desk: ProjectDesk, tmp_path: Path) -> None:
    made = desk.create(tmp_path / "Box.archivist", "Box")
    desk.close()
    file = Path(made.folder) / "project.json"
    file.write_text(json.dumps(stored(file) | {"schema_version": 999}))
    assert not desk.open(Path(made.folder)).writable
    opened = desk._folder(Path(made.folder))
    assert not desk.open(Path(made.folder)).writable
    assert desk._folder(Path(made.folder)) is opened
