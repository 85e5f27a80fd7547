"""JSON files of a project: both ways without loss, and sentences for what cannot be read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProjectError
from engine.projects.atomic import write_json
from engine.projects.schema import ItemRecord, ProjectRecord, checked, portable, read_record, to_json
from engine.types import ImageRef, PackageFacts, ProjectItem, Recipe, Snapshot

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
UNKNOWN = st.dictionaries(st.text(max_size=6).map(lambda key: f"x-{key}"), JSON, max_size=3)
SCOPES = (("whole", 1), ("whole", 2), ("whole", 4), ("damage", 1))  # with the sizes each allows
RECIPES = st.builds(
    lambda scope, **rest: Recipe(scope=scope[0], scale=scope[1], **rest),
    scope=st.sampled_from(SCOPES),
    weights=HEX | st.just(""),
    style=st.none() | TEXT,
    alpha=st.floats(0.1, 10.0),
    beta=st.just(0.0) | st.floats(0.01, 10.0),
    strength=st.floats(0.0, 1.0),
    mask=st.none() | HEX,
    keep_tone=st.booleans(),
    grain=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**63),
)
PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).map(portable)
ITEMS = st.builds(
    ProjectItem,
    uuid=st.uuids().map(str),
    source=st.builds(ImageRef, PATHS, HEX, st.integers(0, 2**40), st.integers(0, 99)),
    recipe=RECIPES,
    snapshots=st.lists(
        st.builds(Snapshot, TEXT, RECIPES, TEXT), max_size=3, unique_by=lambda s: (s.name, s.created)
    ).map(tuple),
    decision=st.sampled_from(["", "approved", "rejected"]),
    stars=st.integers(0, 5),
    note=TEXT,
    revision=st.integers(0, 2**31),
)
FIRST = "5f0c3b1e-7f0e-4f62-9f43-5bb1a9c0d001"


def minimal(**changes: object) -> dict[str, Any]:
    return {"uuid": FIRST, "source": {"path": "a.tif", "size": 3, "sha256": "0" * 64}} | changes


def as_data(item: ProjectItem) -> dict[str, Any]:
    """An item's file, spelled out by hand rather than by the code under test."""
    return {
        "schema_version": 2,
        "uuid": item.uuid,
        "source": {
            "path": item.source.path,
            "size": item.source.size,
            "sha256": item.source.sha256,
            "page": item.source.page,
        },
        "recipe": item.recipe.to_json(),
        "snapshots": [{"name": s.name, "recipe": s.recipe.to_json(), "created": s.created} for s in item.snapshots],
        "decision": item.decision,
        "stars": item.stars,
        "note": item.note,
        "revision": item.revision,
    }


@settings(max_examples=80, deadline=None)
@given(ITEMS, ITEMS)
def test_item_comes_back_from_its_file_as_it_was(first: ProjectItem, second: ProjectItem) -> None:
    record = checked(ItemRecord, as_data(first), "item")
    assert record.to_value() == first
    changed = record.with_value(second)
    again = checked(ItemRecord, json.loads(json.dumps(to_json(changed))), "item")
    assert again == changed
    assert (again.uuid, again.source) == (record.uuid, record.source)
    value = again.to_value()
    assert (value.recipe, value.snapshots, value.note) == (second.recipe, second.snapshots, second.note)
    assert (value.decision, value.stars, value.revision) == (second.decision, second.stars, second.revision)


@settings(max_examples=80, deadline=None)
@given(ITEMS, RECIPES, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
def test_unknown_keys_survive_an_edit_at_every_level(
    item: ProjectItem, edit: Recipe, top: Any, source: Any, recipe: Any, snapshot: Any, inner: Any
) -> None:
    data = as_data(item)
    data |= top
    data["source"] |= source
    data["recipe"] |= recipe
    for entry in data["snapshots"]:
        entry |= snapshot
        entry["recipe"] |= inner
    record = checked(ItemRecord, data, "item")
    new = Snapshot("another", edit, "2031-01-01T00:00:00+00:00")
    edited = ProjectItem(
        item.uuid, item.source, edit, (*item.snapshots[1:], new), item.decision, item.stars, "", item.revision
    )
    written = to_json(record.with_value(edited), data)
    assert top.items() <= written.items()
    assert source.items() <= written["source"].items()
    assert recipe.items() <= written["recipe"].items()
    for entry in written["snapshots"][:-1]:
        assert snapshot.items() <= entry.items()
        assert inner.items() <= entry["recipe"].items()
    assert written["snapshots"][-1] == {"name": new.name, "recipe": edit.to_json(), "created": new.created}
    assert len(written["snapshots"]) == len(edited.snapshots)
    assert Recipe.from_json(written["recipe"]) == edit


@settings(max_examples=30, deadline=None)
@given(st.uuids(), TEXT, st.lists(PATHS, max_size=3), UNKNOWN)
def test_project_file_survives_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, number: UUID, name: str, roots: list[str], unknown: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "project.json"
    data = {"schema_version": 2, "uuid": str(number), "name": name, "app_version": "9", "created": "", "roots": roots}
    write_json(path, data | unknown)
    read = read_record(path, ProjectRecord)
    new = {"needs_approval": False, "package": asdict(PackageFacts())}  # what files of before do not tell
    assert to_json(read.record, read.raw) == data | new | unknown


def test_paths_are_kept_in_one_spelling() -> None:
    data = minimal(source={"path": "Zu\u0308rich/a.tif", "size": 3, "sha256": "0" * 64})
    assert checked(ItemRecord, data, "item").source.path == "Zürich/a.tif"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uuid": "../../etc/passwd"}, "uuid"),
        ({"recipe": {"alpha": 99.0}}, "Alpha must lie between"),
        ({"recipe": {"alpha": "much"}}, "recipe.alpha"),
        ({"recipe": {"scope": "half"}}, "recipe.scope"),
        ({"stars": 6}, "stars"),
        ({"revision": -1}, "revision"),
        ({"source": {"path": "", "size": 3, "sha256": "0" * 64}}, "source.path"),
        ({"source": {"path": "a", "size": 3, "sha256": "short"}}, "source.sha256"),
        ({"source": None}, "source"),
        ({"snapshots": [{"name": "a"}]}, "snapshots.0.recipe"),
        ({"schema_version": 0}, "schema_version"),
        ({"schema_version": "one"}, "schema_version"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence_that_names_them(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProjectError) as caught:
        checked(ItemRecord, minimal(**changes), "a.json")
    assert words in str(caught.value)
    assert str(caught.value).startswith("a.json ")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"uuid": NaN}',
        b'{"note": 1e999}',
        b"[" * 100_000,
        b"\0" * 200,
        b"9" * 5000,
    ],
)
def test_damaged_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "project.json"
    path.write_bytes(content)
    with pytest.raises(
        ProjectError, match=r"^project\.json is damaged and cannot be read; restore it from a backup\.$"
    ):
        read_record(path, ProjectRecord)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_or_flipped_file_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(json.dumps(minimal(recipe=Recipe().to_json(), note="Zürich")).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(content)
    try:
        read = read_record(path, ItemRecord)
    except ProjectError:
        return
    write_json(path, to_json(read.record, read.raw))
    assert read_record(path, ItemRecord).record == read.record


def test_newer_file_of_another_shape_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    write_json(path, {"schema_version": 3, "id": 7})
    with pytest.raises(ProjectError, match="made by a newer Archivist; update"):
        read_record(path, ProjectRecord)


def test_missing_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"project\.json cannot be read \(No such file or directory\)"):
        read_record(tmp_path / "project.json", ProjectRecord)
