"""A damaged project is made usable again, nothing of it is deleted, and a check tells what is amiss."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.errors import Cancelled, ProjectError
from engine.projects.checking import check_project, look_at
from engine.projects.project import ProjectFolder
from engine.projects.rescue import rescue
from engine.types import Progress, ProjectItem, Recipe
from tests.engine.projects.helpers import add, everything, master, stored


def nothing(_: Progress) -> None:
    return


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with three images, of which decisions were made."""
    with ProjectFolder.create(tmp_path / "Box.archivist", "Box twelve") as project:
        for number in range(3):
            item = add(project, master(tmp_path / "scans", f"{number}.tif"))
            project.save_item(replace(item.with_recipe(Recipe(alpha=2.0 + number)), stars=number, note="Ørsted"))
    return tmp_path / "Box.archivist"


def items(folder: Path) -> list[ProjectItem]:
    with ProjectFolder.open(folder) as project:
        assert project.problems == ()
        return list(project.value.items)


def files(folder: Path) -> list[Path]:
    return [folder / "items" / f"{item.uuid}.json" for item in items(folder)]


def test_sound_project_needs_no_rescue_and_stays_as_it_is(folder: Path) -> None:
    before = everything(folder)
    report = rescue(folder, nothing)
    assert (report.images, report.saved, report.lost, report.kept) == (3, (), (), "")
    assert everything(folder) == before


def damage_cut(path: Path) -> None:
    """Half of it is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])


def damage_range(path: Path) -> None:
    """A value that cannot be."""
    path.write_text(json.dumps(stored(path) | {"stars": 77}))


def damage_zeros(path: Path) -> None:
    """What is left after a power failure on some disks."""
    path.write_bytes(b"\0" * path.stat().st_size)


def damage_gone(path: Path) -> None:
    """Somebody deleted it."""
    path.unlink()


@pytest.mark.parametrize("damage", [damage_cut, damage_range, damage_zeros, damage_gone])
def test_damaged_item_comes_back_with_what_can_still_be_read(folder: Path, damage: Callable[[Path], None]) -> None:
    before = items(folder)
    path = files(folder)[1]
    damage(path)
    left = everything(folder)
    report = rescue(folder, nothing)
    assert report.images == 3
    assert any("1.tif" in sentence for sentence in report.saved)
    after = items(folder)
    assert [item.source for item in after] == [item.source for item in before]
    assert (after[0], after[2]) == (before[0], before[2])
    if damage is damage_range:
        assert (after[1].recipe, after[1].note, after[1].stars) == (before[1].recipe, "Ørsted", 0)
    kept = {path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "events.jsonl"}
    assert {content for name, content in left.items() if name != "events.jsonl"} <= kept, "something was deleted"
    assert (folder / "events.jsonl").read_bytes().startswith(left["events.jsonl"])


def test_item_is_taken_from_its_backup_where_there_is_one(folder: Path) -> None:
    before = items(folder)
    path = files(folder)[0]
    shutil.copytree(folder / "items", folder / "backups" / "items")
    backup = folder / "backups" / "items" / f"{path.stem}.20300101T000000000000Z.json"
    (folder / "backups" / "items" / path.name).rename(backup)
    path.write_text("{")
    report = rescue(folder, nothing)
    assert report.lost == ()
    assert any("backups/items" in sentence for sentence in report.saved)
    assert items(folder)[0] == before[0]


def test_journal_with_a_damaged_item_brings_it_back_whole(folder: Path) -> None:
    with ProjectFolder.open(folder) as project:
        item = project.value.items[0]
        edit = replace(item, recipe=Recipe(alpha=9.0), revision=item.revision + 1)
        project.journal([edit])
    path = folder / "items" / f"{item.uuid}.json"
    path.write_text("")
    with ProjectFolder.open(folder) as damaged:
        assert len(damaged.value.items) == 2
        assert any("cannot be used" in problem for problem in damaged.problems)
    report = rescue(folder, nothing)
    assert report.lost == ()
    assert items(folder)[0] == edit


def test_conflicted_copies_are_brought_in_as_snapshots_and_put_away(folder: Path) -> None:
    before = items(folder)[0]
    path = files(folder)[0]
    copy = path.with_name(f"{path.stem} (ada's conflicted copy 2030-01-01).json")
    other = stored(path)
    other["recipe"] |= {"alpha": 8.0}
    other["revision"] -= 1
    copy.write_text(json.dumps(other))
    with ProjectFolder.open(folder) as opened:
        assert "sync program" in opened.problems[0]
        assert opened.value.items[0] == before
    report = rescue(folder, nothing)
    after = items(folder)[0]
    assert after.recipe == before.recipe
    assert [(one.name, one.recipe.alpha) for one in after.snapshots] == [(f"From {copy.name}", 8.0)]
    assert after.revision == before.revision + 1
    assert any("as snapshots" in sentence for sentence in report.saved)
    assert list(Path(report.kept).rglob(copy.name))
    again = rescue(folder, nothing)
    assert again.saved == ()


def test_newer_conflicted_copy_wins_and_the_other_becomes_a_snapshot(folder: Path) -> None:
    before = items(folder)[0]
    path = files(folder)[0]
    other = stored(path)
    other["recipe"] |= {"alpha": 8.0}
    other["revision"] += 4
    path.with_name(f"{path.stem}.sync-conflict-20300101.json").write_text(json.dumps(other))
    rescue(folder, nothing)
    after = items(folder)[0]
    assert after.recipe.alpha == 8.0
    assert [one.recipe for one in after.snapshots] == [before.recipe]
    assert after.revision > other["revision"]


@pytest.mark.parametrize("with_backup", [True, False])
def test_lost_project_file_is_made_again(folder: Path, with_backup: bool) -> None:
    with ProjectFolder.open(folder) as opened:
        known = opened.value
    (folder / "project.json").write_text("{")
    if not with_backup:
        shutil.rmtree(folder / "backups")
    report = rescue(folder, nothing)
    assert report.images == 3
    with ProjectFolder.open(folder) as opened:
        assert opened.value.uuid == known.uuid, "also without a backup: the audit log tells it"
        assert opened.value.name == ("Box twelve" if with_backup else "Box")
        assert opened.value.items == known.items


def test_project_of_which_only_the_audit_log_is_left_has_its_images(folder: Path) -> None:
    before = items(folder)
    for name in ("items", "backups"):
        shutil.rmtree(folder / name)
    (folder / "project.json").unlink()
    report = rescue(folder, nothing)
    assert report.images == 3
    assert len(report.lost) == 3, "their settings"
    assert [item.source for item in items(folder)] == [item.source for item in before]
    assert check_project(folder, nothing).intact


def test_events_that_only_a_copy_of_the_log_has_are_told_in_ours(folder: Path) -> None:
    path = folder / "events.jsonl"
    copy = folder / "events (conflicted copy).jsonl"
    copy.write_bytes(path.read_bytes() + b'{"type": "appraisal", "note": "elsewhere"}\n')
    rescue(folder, nothing)
    assert not copy.exists()
    with ProjectFolder.open(folder) as opened:
        assert opened.check_log().intact
        told = [line.event for line in opened.events() if line.event.details.get("copy") == copy.name]
        assert told[0].details["lines"] == ['{"type": "appraisal", "note": "elsewhere"}']


def test_dry_run_says_the_same_and_writes_nothing(folder: Path) -> None:
    damage_cut(files(folder)[1])
    (folder / "project (1).json").write_text("{}")
    before = everything(folder)
    would = rescue(folder, nothing, only_look=True)
    assert everything(folder) == before
    assert not (folder / ".lock").exists()
    done = rescue(folder, nothing)
    assert (would.saved, would.lost, would.images) == (done.saved, done.lost, done.images)
    assert would.kept == ""


def test_open_project_newer_project_and_empty_folder_are_not_rescued(folder: Path, tmp_path: Path) -> None:
    with ProjectFolder.open(folder), pytest.raises(ProjectError, match="already open"):
        rescue(folder, nothing)
    with pytest.raises(ProjectError, match="holds nothing of an Archivist project"):
        rescue(tmp_path / "scans", nothing)
    for path in (files(folder)[0], folder / "project.json"):
        good = path.read_bytes()
        path.write_text(json.dumps(stored(path) | {"schema_version": 9}))
        before = everything(folder)
        with pytest.raises(ProjectError, match="newer Archivist"):
            rescue(folder, nothing)
        assert everything(folder) == before
        path.write_bytes(good)


def test_rescue_can_be_stopped_and_begun_anew(folder: Path) -> None:
    before = items(folder)
    for path in files(folder):
        damage_range(path)

    def stop(step: Progress) -> None:
        if step.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        rescue(folder, stop)
    rescue(folder, nothing)
    assert [item.source for item in items(folder)] == [item.source for item in before]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["project.json", "events.jsonl", "item", "backups/project.json"]),
    st.integers(0, 3),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
@example(which="item", also=0, flips=[], keep=0.984375)  # cut off within the name of its last value
def test_whatever_is_damaged_no_image_is_lost_and_no_master_touched(
    tmp_path_factory: pytest.TempPathFactory,
    folder: Path,
    which: str,
    also: int,
    flips: list[tuple[float, int]],
    keep: float,
) -> None:
    copy = tmp_path_factory.mktemp("damaged") / "Box.archivist"
    shutil.copytree(folder, copy)
    shutil.copytree(folder.parent / "scans", copy.parent / "scans", dirs_exist_ok=True)
    targets = [sorted((copy / "items").glob("*.json"))[also % 3] if which == "item" else copy / which]
    for path in targets:
        content = bytearray(path.read_bytes())
        for place, value in flips:
            content[int(place * (len(content) - 1))] = value
        path.write_bytes(content[: round(keep * len(content))])
    masters = {path: path.read_bytes() for path in (copy.parent / "scans").iterdir()}
    try:
        rescue(copy, nothing)
    except ProjectError as error:
        if "newer Archivist" in str(error):  # a flipped bit may say so
            return
        raise
    with ProjectFolder.open(copy) as opened:
        assert {item.source.sha256 for item in opened.value.items} >= {
            item.source.sha256 for item in ProjectFolder.open(folder, look_only=True).value.items
        }
    assert {path: path.read_bytes() for path in masters} == masters


def test_check_of_a_sound_project_writes_nothing(folder: Path) -> None:
    before = everything(folder)
    seen: list[Progress] = []
    report = check_project(folder, seen.append)
    assert report.intact
    assert [outcome.state for _, outcome in report.masters] == ["intact"] * 3
    assert report.log.events == 4
    assert {step.total for step in seen} == {3}
    assert everything(folder) == before
    assert not (folder / ".lock").exists()


def test_check_names_everything_that_is_amiss(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scans" / "0.tif").write_bytes(b"changed")
    (tmp_path / "scans" / "1.tif").unlink()
    (folder / "masks").mkdir()
    (folder / "masks" / f"{'a' * 64}.png").write_bytes(b"not what its name says")
    with ProjectFolder.open(folder) as opened:
        item = opened.value.items[2]
        opened.save_item(item.with_recipe(Recipe(mask="b" * 64)))
        opened.journal([item.with_recipe(Recipe(mask="b" * 64)).with_recipe(Recipe())])
    (folder / "project (conflicted copy).json").write_text("{}")
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines[:1] + lines[2:]))
    report = check_project(folder, nothing)
    assert not report.intact
    assert [outcome.state for _, outcome in report.masters] == ["changed", "unreadable", "intact"]
    assert report.log.broken == 2
    assert ["was changed" in report.masks[0], "is missing" in report.masks[1]] == [True, True]
    assert "conflicted copy" in report.files[0]
    assert "opening the project brings them in" in report.notes[0]


def test_look_tells_where_masters_are_without_reading_them(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scans" / "0.tif").write_bytes(b"longer than it was before")
    (tmp_path / "scans" / "1.tif").unlink()
    project, places = look_at(folder)
    assert project.name == "Box twelve"
    assert [place.state for place in places] == ["other length", "missing", "there"]
    assert places[2].path == str(tmp_path / "scans" / "2.tif")
