"""What a result says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from engine.errors import RecipeError
from engine.export import told
from engine.export.metadata import MIME, Origin, caption, in_words, preset_of, share, statement
from engine.imaging.metadata import Metadata
from engine.imaging.writer import Format, write_image
from engine.imaging.xmp import COMPOSITE, ENHANCED, NAMESPACE, build_packet, own_properties
from engine.types import CONSERVATOR, MODERN, EngineReady, Recipe, StyleCard

ENGINE = EngineReady("cpu", "", "float32", 2, "2.13.0", 1.0)
ORIGIN = Origin("scan.tif", "a" * 64, Recipe(weights="b" * 64), ENGINE, changed=0.25)
STYLE = StyleCard("own-1", "Mine", "own", tuple(i / 64 for i in range(64)))
FORMATS: dict[str, Format] = {".tif": "TIFF", ".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def packet(origin: Origin, master: bytes | None = None) -> bytes:
    return build_packet(statement(origin, ".tif", WHEN), master)


@pytest.mark.parametrize(
    ("origin", "source_type"),
    [
        (ORIGIN, COMPOSITE),
        (replace(ORIGIN, recipe=Recipe(scope="damage")), COMPOSITE),
        (replace(ORIGIN, recipe=Recipe(scale=2)), COMPOSITE),
        (replace(ORIGIN, changed=None), COMPOSITE),
        (replace(ORIGIN, recipe=Recipe(strength=0)), ENHANCED),
        (replace(ORIGIN, recipe=Recipe(strength=0, scale=4)), ENHANCED),
        (replace(ORIGIN, changed=0.0), ENHANCED),
    ],
)
def test_the_digital_source_type_is_what_was_really_done(origin: Origin, source_type: str) -> None:
    text = packet(origin).decode()
    assert source_type in text
    assert ("AISystemUsed" in text) == (source_type == COMPOSITE)
    assert caption(origin).startswith("AI-restored derivative of" if source_type == COMPOSITE else "Derivative of")


def test_a_file_alone_holds_all_that_running_its_recipe_takes(tmp_path: Path) -> None:
    origin = replace(ORIGIN, recipe=Recipe(style="own-1", beta=0.5, weights="b" * 64), style=STYLE, page=3)
    for ending in FORMATS:
        path = write(tmp_path / f"x{ending}", origin)
        said = told.read(path)
        assert said is not None
        assert (said.recipe, said.style, said.page) == (origin.recipe, STYLE, 3)
        assert (said.master_name, said.master_sha256, said.changed) == ("scan.tif", "a" * 64, 0.25)
        assert said.engine == {"device": "cpu", "dtype": "float32", "threads": 2, "torch": "2.13.0"}


def write(path: Path, origin: Origin, own: Mapping[str, str] = MappingProxyType({})) -> Path:
    made = statement(origin, path.suffix, WHEN)
    write_image(
        path,
        np.zeros((8, 9, 3), np.uint8),
        icc=None,
        metadata=Metadata(),
        format=FORMATS[path.suffix],
        description=caption(origin),
        software="Archivist",
        statement=replace(made, own={**made.own, **own}),
    )
    return path


@pytest.mark.parametrize(
    "lie",
    [
        {"recipe": "{"},
        {"recipe": "[]"},
        {"recipe": '{"alpha": "1"}'},
        {"recipe": '{"alpha": 1e9}'},
        {"recipe": '{"scale": 3}'},
        {"recipe": '{"mask": 7}'},
        {"masterSHA256": "../../etc"},
        {"masterPage": "x"},
        {"style": '{"id": "a", "title": "b", "group": "own", "code": [1]}'},
        {"style": "[" * 5000},
        {"changedPixelFraction": "much"},
    ],
)
def test_what_a_file_tells_is_not_believed_blindly(tmp_path: Path, lie: dict[str, str]) -> None:
    with pytest.raises(RecipeError):
        told.read(write(tmp_path / "x.tif", ORIGIN, lie))


def test_a_name_in_a_file_is_never_a_path(tmp_path: Path) -> None:
    said = told.read(write(tmp_path / "x.tif", ORIGIN, {"masterName": "../../../etc/passwd"}))
    assert said is not None
    assert said.master_name == "passwd"


def test_a_picture_of_somebody_elses_tells_nothing(tmp_path: Path) -> None:
    write_image(
        tmp_path / "x.png",
        np.zeros((8, 9, 3), np.uint8),
        icc=None,
        metadata=Metadata(),
        format="PNG",
        description="",
        software="",
    )
    assert told.read(tmp_path / "x.png") is None
    assert own_properties(b"<x/>") == {}
    assert own_properties(None) == {}


def test_a_derivative_of_a_derivative_speaks_for_itself_alone() -> None:
    first = packet(replace(ORIGIN, recipe=Recipe(alpha=0.5)))
    again = packet(replace(ORIGIN, sha256="c" * 64), first)
    found = own_properties(again)
    assert json.loads(found["recipe"])["alpha"] == 1
    assert found["masterSHA256"] == "c" * 64
    assert again.count(b"archivist:recipe>") == 2  # it opens and it closes
    tree = ET.fromstring(again)
    events = tree.findall(".//{http://ns.adobe.com/xap/1.0/mm/}History/*/*")
    assert len(events) == 2  # the first one's history goes on
    assert again.count(b"[AI-restored access copy]") == 1


def test_ids_follow_from_what_was_made_of_what() -> None:
    def document(origin: Origin) -> str | None:
        return ET.fromstring(packet(origin)).findtext(".//{http://ns.adobe.com/xap/1.0/mm/}DocumentID")

    assert document(ORIGIN) == document(ORIGIN)
    assert document(ORIGIN) != document(replace(ORIGIN, recipe=Recipe(alpha=2)))
    assert document(ORIGIN) != document(replace(ORIGIN, sha256="c" * 64))


def test_a_share_is_always_as_long() -> None:
    assert {len(share(value)) for value in (0.0, 1e-9, 0.333333333, 1.0)} == {8}
    assert f"{NAMESPACE}" in packet(ORIGIN).decode()


def test_presets_are_known_by_what_they_do() -> None:
    assert preset_of(replace(CONSERVATOR, weights="b" * 64, mask="c" * 64)) == "Conservator"
    assert preset_of(MODERN) == "Modern"
    assert preset_of(Recipe(alpha=3)) == ""
    assert in_words(Recipe()) == "alpha=1.0; beta=0.0"


def test_every_kind_of_file_that_is_written_has_a_media_type() -> None:
    assert {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp"} <= set(MIME)
