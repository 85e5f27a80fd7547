"""Older projects are brought to this version after copies; nothing in them is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.projects.backups import KEPT, backups_of, keep_backup
from engine.projects.migrations import SCHEMA_VERSION, STEPS, migrate, version_of
from engine.projects.project import ProjectFolder
from engine.types import Recipe
from tests.engine.projects.helpers import add, everything, item_file, master, stored
from tests.engine.projects.test_schema import ITEMS, UNKNOWN, as_data


def as_version_1(path: Path) -> dict[str, Any]:
    """The file as the first version wrote it."""
    data = stored(path) | {"schema_version": 1}
    if "source" in data:
        rest = {key: data["source"][key] for key in data["source"] if key not in ("modified", "earlier")}
        data["source"] = rest | {"mtime": 1_700_000_000.25}
    path.write_text(json.dumps(data))
    return data


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project of the first version with two images; it had no audit log."""
    with ProjectFolder.create(tmp_path / "Old.archivist", "Old") as project:
        for name in ("a.tif", "b.tif"):
            item = add(project, master(tmp_path, name))
            project.save_item(item.with_recipe(Recipe(alpha=2.0)))
            as_version_1(item_file(project, item))
        folder = Path(project.value.folder)
    as_version_1(folder / "project.json")
    as_version_1(folder / "backups" / "project.json")
    (folder / "events.jsonl").unlink()
    return folder


def test_there_is_a_step_from_every_version() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_old_project_is_brought_to_this_version_after_copies(old: Path) -> None:
    before = everything(old)
    with ProjectFolder.open(old) as project:
        assert project.value.writable
        assert project.value.schema_version == SCHEMA_VERSION
        assert [item.recipe.alpha for item in project.value.items] == [2.0, 2.0]
        assert project.problems == ()
        events = [line.event for line in project.events()]
    assert [(event.type, event.details["from"], event.details["to"]) for event in events] == [("migration", 1, 2)]
    assert {one.sha256 for one in events[0].objects} == {item.source.sha256 for item in project.value.items}
    for path in [old / "project.json", *(old / "items").glob("*.json")]:
        assert stored(path)["schema_version"] == SCHEMA_VERSION
        (backup,) = backups_of(old, path)
        assert backup.read_bytes() == before[path.relative_to(old).as_posix()]
    for path in (old / "items").glob("*.json"):
        assert stored(path)["source"]["modified"] == "2023-11-14T22:13:20.250000+00:00"
        assert "mtime" not in stored(path)["source"]
    after = everything(old)
    with ProjectFolder.open(old) as again:
        assert len(again.events()) == 1
    assert everything(old) == after, "it is migrated once"


def test_old_project_that_is_only_looked_at_stays_as_it_is(old: Path) -> None:
    before = everything(old)
    with ProjectFolder.open(old, look_only=True) as project:
        assert [item.recipe.alpha for item in project.value.items] == [2.0, 2.0]
        assert not project.value.writable
    assert everything(old) == before


def test_migration_that_was_interrupted_is_finished_by_the_next_start(old: Path) -> None:
    first = sorted((old / "items").glob("*.json"))[0]
    first.write_text(json.dumps(migrate(stored(first))))
    with ProjectFolder.open(old) as project:
        assert project.problems == ()
        assert len(project.value.items) == 2
    assert {stored(path)["schema_version"] for path in (old / "items").glob("*.json")} == {SCHEMA_VERSION}


def test_newer_project_is_left_alone(old: Path) -> None:
    path = old / "project.json"
    path.write_text(json.dumps(stored(path) | {"schema_version": SCHEMA_VERSION + 1}))
    before = everything(old)
    with ProjectFolder.open(old) as project:
        assert "newer Archivist" in project.value.reason
    assert everything(old) == before


@settings(max_examples=60, deadline=None)
@given(ITEMS, UNKNOWN, UNKNOWN, st.none() | st.floats() | st.text(max_size=3) | st.integers())
def test_unknown_keys_and_decisions_survive_a_migration(item: Any, top: Any, inner: Any, mtime: Any) -> None:
    data = as_data(item) | top | {"schema_version": 1}
    data["source"] |= inner | {"mtime": mtime}
    migrated = migrate(data)
    assert migrated["schema_version"] == SCHEMA_VERSION
    assert top.items() <= migrated.items()
    assert inner.items() <= migrated["source"].items()
    same = {key: value for key, value in data.items() if key not in ("schema_version", "source")}
    assert same.items() <= migrated.items()
    assert migrate(migrated) == migrated, "a second time changes nothing"


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.0, [1]])
def test_nonsense_is_no_version_and_is_not_migrated(version: object) -> None:
    data = {"schema_version": version, "source": {"mtime": 1.0}}
    assert version_of(data) == 0
    assert migrate(data) == data


def test_the_last_ten_backups_of_each_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "items" / "a.json"
    path.parent.mkdir()
    for number in range(KEPT + 4):
        path.write_text(str(number))
        made = keep_backup(tmp_path, path)
        assert keep_backup(tmp_path, path) == made, "the same content is kept once"
    kept = [int(one.read_text()) for one in backups_of(tmp_path, path)]
    assert kept == list(range(KEPT + 3, 3, -1))
