"""Edits are on the disk before they are saved, and come back after a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProjectError
from engine.projects.journal import JOURNAL
from engine.projects.project import ProjectFolder
from engine.types import ProjectItem, Recipe, Snapshot
from tests.engine.projects.helpers import add, everything, item_file, master, stored


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    with ProjectFolder.create(tmp_path / "Box.archivist", "Box") as opened:
        yield opened


def journals(project: ProjectFolder) -> list[Path]:
    return sorted((Path(project.value.folder) / JOURNAL).glob("*.jsonl"))


def killed(project: ProjectFolder) -> ProjectFolder:
    """The project as the next program finds it: closing does nothing but let go of the lock."""
    project.close()
    return ProjectFolder.open(Path(project.value.folder))


def test_journaled_edits_come_back_and_what_was_before_is_told(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    first = item.with_recipe(Recipe(alpha=2.0))
    last = replace(first.with_recipe(Recipe(alpha=3.0)), snapshots=(Snapshot("a", Recipe(), "2030"),), stars=4)
    project.journal([first])
    project.journal([last])
    assert project.value.items == (item,), "a journal changes no item by itself"
    with killed(project) as again:
        assert again.value.items == (last,)
        assert again.value.recovered == (item,)
        assert again.problems == ()
        assert journals(again) == []
        assert "brought back" in again.events()[-1].event.note
    with ProjectFolder.open(Path(project.value.folder)) as later:
        assert later.value.items == (last,)
        assert later.value.recovered == ()


def test_journal_goes_once_everything_in_it_is_saved(project: ProjectFolder, tmp_path: Path) -> None:
    one, two = add(project, master(tmp_path, "a.tif")), add(project, master(tmp_path, "b.tif"))
    edits = [item.with_recipe(Recipe(alpha=2.0)) for item in (one, two)]
    project.journal(edits)
    project.save_item(edits[0])
    assert len(journals(project)) == 1
    newer = edits[1].with_recipe(Recipe(alpha=4.0))
    project.journal([newer])
    project.save_item(edits[1])
    assert len(journals(project)) == 1, "the journal has a newer edit than the file"
    project.save_item(newer)
    assert journals(project) == []
    with killed(project) as again:
        assert again.value.recovered == ()


def test_saved_edits_are_not_replayed_over_newer_ones(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    old, new = item.with_recipe(Recipe(alpha=2.0)), replace(item, stars=3, revision=2)
    project.journal([old])
    (journal,) = journals(project)
    kept = journal.read_bytes()
    project.save_item(new)
    journal.write_bytes(kept)
    with killed(project) as again:
        assert again.value.items == (new,)
        assert again.value.recovered == ()
        assert journals(again) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1))
def test_a_journal_cut_anywhere_loses_no_line_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    project = ProjectFolder.create(folder / "Box.archivist", "Box")
    item = add(project, master(folder))
    edits = [replace(item, stars=number, revision=number) for number in range(1, 6)]
    for edit in edits:
        project.journal([edit])
    (journal,) = journals(project)
    content = journal.read_bytes()
    cut = round(share * len(content))
    journal.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n") + (cut > 0 and content[cut : cut + 1] == b"\n")
    with killed(project) as again:
        assert again.value.items == ((item, *edits)[whole],)
        assert again.problems == ()
        assert journals(again) == []


def test_lines_that_cannot_be_used_are_kept_and_told(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    project.journal([item.with_recipe(Recipe(alpha=2.0))])
    (journal,) = journals(project)
    entry = json.loads(journal.read_text())
    stranger = entry | {"uuid": "5f0c3b1e-7f0e-4f62-9f43-5bb1a9c0d001"}
    content = "\n".join(["{garbled", json.dumps(stranger), json.dumps(entry), ""])
    journal.write_text(content)
    with killed(project) as again:
        assert again.value.items[0].recipe.alpha == 2.0
        (problem,) = again.problems
        assert problem.startswith("2 lines of ")
    kept = Path(project.value.folder) / "backups" / JOURNAL / journal.name
    assert kept.read_text() == content


def test_journal_of_another_machine_is_replayed_too(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    project.journal([item.with_recipe(Recipe(alpha=2.0))])
    (journal,) = journals(project)
    journal.rename(journal.with_name("reading_room-77.jsonl"))
    with killed(project) as again:
        assert again.value.items[0].recipe.alpha == 2.0


def test_keys_of_other_versions_survive_the_journal(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    path = item_file(project, item)
    project.close()
    path.write_text(json.dumps(stored(path) | {"faces": [1]}))
    again = ProjectFolder.open(Path(project.value.folder))
    again.journal([item.with_recipe(Recipe(alpha=2.0))])
    with killed(again) as last:
        assert stored(path)["faces"] == [1]
        assert stored(path)["source"] == {**stored(path)["source"], "sha256": item.source.sha256}
        assert last.value.items[0].recipe.alpha == 2.0


def test_read_only_project_takes_no_journal_and_replays_none(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    edit = item.with_recipe(Recipe(alpha=2.0))
    project.journal([edit])
    folder = Path(project.value.folder)
    before = everything(folder)
    with ProjectFolder.open(folder) as second:
        assert second.value.items == (item,)
        with pytest.raises(ProjectError, match="already open"):
            second.journal([edit])
    with ProjectFolder.open(folder, look_only=True) as looking:
        assert looking.value.items == (item,)
    assert everything(folder) == before


def test_edits_made_at_once_wait_for_the_disk_once(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [add(project, master(tmp_path, f"{number}.tif")) for number in range(5)]
    many: list[ProjectItem] = [item.with_recipe(Recipe(alpha=2.0)) for item in items]
    synced: list[int] = []
    system_sync = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(descriptor)
        system_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    project.journal(many)
    assert journals(project)[0].read_bytes().count(b"\n") == 5
    assert len(synced) <= 2, "the file, and its name in the folder"


STEPS = st.lists(st.tuples(st.sampled_from(["edit", "journal", "save", "kill"]), st.integers(0, 2)), max_size=25)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_happens_in_whatever_order_what_was_on_the_disk_comes_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Against a model that is three numbers an image: edited, on the disk, and what a restart has."""
    folder = tmp_path_factory.mktemp("model")
    project = ProjectFolder.create(folder / "Box.archivist", "Box")
    items = [add(project, master(folder, f"{number}.tif")) for number in range(3)]
    kept = list(items)
    for act, which in [*steps, ("kill", 0)]:
        item = items[which]
        match act:
            case "edit":
                items[which] = replace(item, note=f"edit {item.revision + 1}", revision=item.revision + 1)
            case "journal":
                project.journal([item])
                kept[which] = item
            case "save":
                project.save_item(item)
                kept[which] = item
            case "kill":
                before = project.value.items
                project = killed(project)
                assert project.value.items == tuple(kept)
                changed = {one.uuid for one, now in zip(before, kept, strict=True) if one != now}
                assert {one.uuid for one in project.value.recovered} == changed  # in the order of the journal
                assert len(project.value.recovered) == len(changed)
                items = list(kept)
    assert project.check_log().intact
    assert journals(project) == []
    project.close()
