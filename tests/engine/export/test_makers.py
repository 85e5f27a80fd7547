"""The model that made a result is told of in everything that leaves, as its card tells it."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import c2pa
import pytest
import torch

from engine.export import makers, told
from engine.export.credentials import anchors, read
from engine.export.metadata import Origin, label, statement
from engine.export.premis import NAMESPACE as PREMIS
from engine.imaging.reader import read_metadata
from engine.imaging.xmp import build_packet, own_properties
from engine.models import catalog
from engine.models.weights import save_tuned
from engine.service import EngineService
from engine.service.packaging import credentials_folder
from engine.training.run import Networks
from engine.types import (
    EngineReady,
    ExportBatch,
    ExportOptions,
    ExportSettings,
    ModelCard,
    NewModel,
    PackageFacts,
    Progress,
    ProjectItem,
    Recipe,
    recipe_in_words,
)
from tests.engine.export.tools import exiftool_value, exiftool_warnings, schema_errors
from tests.engine.rendering import networks

ENGINE = EngineReady("cpu", "", "float32", 2, "2.13.0", 1.0)
TUNED = ModelCard(
    "m1",
    "Box 12",
    sha256="b" * 64,
    origin="tuned",
    version="3",
    licence="CC0-1.0",
    training_data="40 pictures\nof one collection",
    metrics={"own_10": 27.123, "texture": 0.5},
    failures=("It bends lettering.", "It loses grain."),
    base={"id": "archivist-1", "sha256": "c" * 64},
)
FOREIGN = ModelCard("net", "Net", sha256="d" * 64, origin="imported", controls=("strength", "keep_tone", "scope"))


def nothing(_: Progress) -> None:
    return


def origin(card: ModelCard, /, **changes: object) -> Origin:
    recipe = Recipe(model=card.id, weights=card.sha256)
    return replace(Origin("scan.tif", "a" * 64, recipe, ENGINE, changed=0.25, card=card), **changes)  # type: ignore[arg-type]


def test_a_card_is_told_whole_and_short() -> None:
    assert makers.facts(TUNED) == {
        "id": "m1",
        "title": "Box 12",
        "version": "3",
        "sha256": "b" * 64,
        "origin": "tuned",
        "licence": "CC0-1.0",
        "trainingData": "40 pictures of one collection",
        "figures": {"own_10": 27.123, "texture": 0.5},
        "knownFailures": ["It bends lettering.", "It loses grain."],
        "base": {"id": "archivist-1", "sha256": "c" * 64},
    }
    assert makers.notes(TUNED) == (
        "Model: Box 12 (m1), tuned",
        "Version: 3",
        f"SHA-256 of its weights: {'b' * 64}",
        "Licence: CC0-1.0",
        "Training data: 40 pictures of one collection",
        f"Tuned from: archivist-1, SHA-256 of its weights: {'c' * 64}",
        "Figures: own_10 27.123; texture 0.5",
        "Known failures: It bends lettering. It loses grain.",
    )


def test_what_nobody_knows_of_a_model_is_said_to_be_unknown() -> None:
    facts = makers.facts(FOREIGN)
    assert (facts["licence"], facts["trainingData"], facts["version"]) == ("unknown", "unknown", "unknown")
    assert "base" not in facts
    texts = makers.properties(FOREIGN)
    assert (texts["modelFigures"], texts["modelFailures"]) == ("none measured", "none written down")


def test_no_card_is_too_long_for_a_jpeg_or_no_json() -> None:
    endless = replace(
        TUNED,
        training_data="x" * 90_000,
        failures=("y" * 9_000,) * 900,
        metrics={f"figure {i}": math.nan for i in range(9_000)},
        base={"id": "z" * 9_000},
    )
    assert len(build_packet(statement(origin(endless), ".jpg"))) < 20_000
    assert "NaN" not in json.dumps(makers.facts(endless), allow_nan=False).replace("nan", "")
    assert makers.facts(replace(TUNED, base="nonsense")).get("base") is None  # type: ignore[arg-type]


def test_what_no_model_touched_tells_of_no_model() -> None:
    copied = statement(origin(TUNED, recipe=Recipe(model="m1", strength=0)), ".tif")
    assert not [name for name in copied.own if name.startswith("modelT")]
    found = own_properties(build_packet(copied))
    assert told._told(found).maker is None


def test_the_file_is_read_back_with_its_model() -> None:
    found = told._told(own_properties(build_packet(statement(origin(TUNED), ".tif"))))
    assert found.maker == makers.Maker("m1", "b" * 64, "Box 12", "3", "CC0-1.0", "archivist-1", "c" * 64)
    assert found.maker.sentence() == (
        f"Made by the model “Box 12” (m1); version 3; licence: CC0-1.0; SHA-256 of its weights: {'b' * 64}; tuned from "
        f"“archivist-1”, SHA-256: {'c' * 64}."
    )


def test_a_file_of_an_older_version_tells_what_it_knows() -> None:
    found = told._told(own_properties(build_packet(statement(origin(TUNED, card=None), ".tif"))))
    assert (found.ignored, found.recipe) == (frozenset(), origin(TUNED).recipe)
    assert found.maker is not None
    assert found.maker.sentence() == (
        f"Made by the model “m1”; its licence is not told; SHA-256 of its weights: {'b' * 64}."
    )


def test_a_card_in_json_is_read_back() -> None:
    again = makers.maker_from(json.loads(json.dumps(makers.facts(TUNED))))
    assert again == makers.Maker("m1", "b" * 64, "Box 12", "3", "CC0-1.0", "archivist-1", "c" * 64)
    lies: tuple[object, ...] = (None, [], {}, {"id": ""}, "x")
    assert [makers.maker_from(lie) for lie in lies] == [None] * 5


def test_settings_that_a_model_does_not_have_are_not_told() -> None:
    made = origin(FOREIGN)
    said = statement(made, ".tif")
    assert said.parameters == "model=net"
    assert not {"alpha", "beta"} & said.own.keys()
    assert not {"alpha", "beta", "style", "grain"} & json.loads(said.own["recipe"]).keys()
    found = told._told(own_properties(build_packet(said)))
    assert found.recipe == made.recipe  # they are as usual
    assert found.ignored == {"alpha", "beta", "style"}
    assert "alpha" not in " ".join(label(made))
    assert "(alpha 1, beta 0)" in " ".join(label(origin(TUNED)))


def test_words_leave_out_what_a_model_does_not_have() -> None:
    said = " ".join(recipe_in_words(Recipe(beta=1.0, style="albumen"), ignored=FOREIGN.ignored))
    assert "α" not in said
    assert "β" not in said
    assert "the whole picture" in said


@pytest.fixture
def tuned(brightening: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelCard:
    """A model tuned on the one that brightens."""
    base = catalog.read_card(brightening)
    torch.manual_seed(1)
    path = tmp_path / "m1.safetensors"
    told = {"id": "m1", "title": "Box 12", "licence": "CC0-1.0", "training_data": "40 pictures", "version": "3"}
    save_tuned(path, Networks().state_dict(), {}, base, told | {"metrics": {"own_10": 27.1}, "failures": ["It bends."]})
    monkeypatch.setattr(catalog, "shipped", lambda: (brightening, path))
    return catalog.read_card(path)


@pytest.fixture
def foreign(archivist: EngineService, tmp_path: Path) -> ModelCard:
    """A network of other people's, which has no alpha, beta or styles."""
    new = NewModel(str(networks.saved(tmp_path)), title="Tiny net", licence="BSD-3-Clause", training_data="DIV2K")
    return archivist.import_model(new, nothing).future.result(120).card


def claimed(path: Path) -> dict[str, object]:
    """The parameters of the action in a file's Content Credentials."""
    with c2pa.Reader(str(path)) as reader:
        store = json.loads(reader.json())
    manifest = store["manifests"][store["active_manifest"]]
    (actions,) = (one["data"]["actions"] for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))
    (found,) = (one["parameters"] for one in actions if one["action"] == "c2pa.edited")
    assert isinstance(found, dict)
    return found


def test_a_tuned_model_is_known_with_its_base(tuned: ModelCard, brightening: Path) -> None:
    assert tuned.origin == "tuned"
    assert tuned.base == {"id": "archivist-1", "sha256": catalog.sha256_of(brightening)}


@pytest.mark.parametrize("ending", [".tif", ".jpg", ".png", ".webp"])
def test_a_signed_picture_of_a_tuned_model_tells_of_it(
    tuned: ModelCard, archivist: EngineService, scan: Path, tmp_path: Path, ending: str
) -> None:
    image = archivist.open_image(str(scan)).result(20).ref
    path = tmp_path / f"out{ending}"
    options = ExportOptions(str(path), sign=True)
    archivist.export(image, Recipe(model="m1", alpha=2), options, nothing).future.result(60)
    own = own_properties(read_metadata(path).xmp)
    assert {name: own[name] for name in own if name.startswith("model")} == {
        "model": "m1",
        "modelTitle": "Box 12",
        "modelVersion": "3",
        "modelOrigin": "tuned",
        "modelLicence": "CC0-1.0",
        "modelTrainingData": "40 pictures",
        "modelBase": "archivist-1",
        "modelBaseSHA256": tuned.base["sha256"],
        "modelFigures": "own_10 27.1",
        "modelFailures": "It bends.",
    }
    assert own["weights"] == tuned.sha256
    assert claimed(path)["org.archivist.model"] == makers.facts(tuned)
    assert read(path, anchors(credentials_folder())).state == "trusted"
    assert exiftool_warnings(path) == []
    assert exiftool_value(path, "XMP-archivist:ModelBaseSHA256") == tuned.base["sha256"]
    (sentence,) = sentences(archivist, path, "model")
    assert sentence.startswith("Made by the model “Box 12” (m1); version 3; licence: CC0-1.0; ")
    assert tuned.sha256 in sentence
    assert tuned.base["sha256"] in sentence
    if ending in (".tif", ".png"):
        assert archivist.reproduce(str(path), None, nothing).future.result(60).likeness == "identical"


def sentences(archivist: EngineService, path: Path, what: str) -> list[str]:
    found = archivist.verify(str(path), [], nothing).future.result(60)
    assert found.good
    return [finding.sentence for finding in found.findings if finding.what == what]


def packed(archivist: EngineService, scan: Path, folder: Path, recipe: Recipe) -> Path:
    image = archivist.open_image(str(scan)).result(20).ref
    facts = PackageFacts("Stadtarchiv", with_master=True)
    return Path(archivist.package(image, recipe, str(folder), facts, nothing).future.result(120).folder)


def noted(folder: Path) -> tuple[str, ...]:
    """What premis.xml says of the model."""
    path = folder / "data/metadata/premis.xml"
    assert schema_errors(path) == ""
    space = f"{{{PREMIS}}}"
    for agent in ET.parse(path).getroot().iter(f"{space}agent"):
        if agent.findtext(f"{space}agentIdentifier/{space}agentIdentifierValue", "").startswith("model:"):
            return tuple(note.text or "" for note in agent.iter(f"{space}agentNote"))
    return ()


def test_a_package_tells_of_a_tuned_model_in_all_its_records(
    tuned: ModelCard, archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    folder = packed(archivist, scan, tmp_path / "box_bag", Recipe(model="m1"))
    assert noted(folder)[1:] == makers.notes(tuned)
    assert json.loads((folder / "data/metadata/recipe.json").read_text())["model"] == makers.facts(tuned)
    readme = " ".join((folder / "data/metadata/README.txt").read_text().split())
    assert "The model that made it" in readme
    assert all(note in readme for note in makers.notes(tuned))
    assert len(sentences(archivist, folder, "model")) == 2  # the restoration's and the access copy's


def test_a_package_of_an_imported_network_tells_of_it_and_of_no_alpha(
    foreign: ModelCard, archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    folder = packed(archivist, scan, tmp_path / "box_bag", Recipe(model=foreign.id, alpha=5, strength=0.5))
    assert "Licence: BSD-3-Clause" in noted(folder)
    assert "Training data: DIV2K" in noted(folder)
    data = json.loads((folder / "data/metadata/recipe.json").read_text())
    assert data["model"]["licence"] == "BSD-3-Clause"
    assert not {"alpha", "beta", "style"} & data["recipe"].keys()
    for record in ("premis.xml", "README.txt"):
        assert "alpha=" not in (folder / "data/metadata" / record).read_text()
        assert "beta=" not in (folder / "data/metadata" / record).read_text()
    restored = folder / "data/objects/box_restored.tif"
    assert exiftool_value(restored, "XMP-archivist:Alpha") == ""
    assert exiftool_value(restored, "XMP-xmpMM:HistoryParameters") == f"model={foreign.id}; strength=0.5"
    recipe = claimed(restored)["org.archivist.recipe"]
    assert isinstance(recipe, dict)
    assert not {"alpha", "beta", "style"} & recipe.keys()
    (sentence,) = sentences(archivist, restored, "recipe")
    assert sentence == f"Made from “Fräulein 12.tif” with model={foreign.id}; strength=0.5."
    again = archivist.reproduce(str(restored), None, nothing).future.result(120)
    assert again.likeness == "identical"


def test_a_report_leaves_alpha_empty_for_a_model_that_has_none(
    foreign: ModelCard, archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    image = archivist.open_image(str(scan)).result(20).ref
    item = ProjectItem("", image, Recipe(model=foreign.id))
    batch = ExportBatch((item,), ExportSettings(), str(tmp_path / "out"), None, True)
    done = archivist.export_batch(batch, nothing).future.result(120)
    (row,) = csv.DictReader(Path(done.csv).read_text(encoding="utf-8-sig").splitlines())
    assert (row["alpha"], row["beta"], row["style"], row["strength"]) == ("", "", "", "1.0")
    assert "α" not in Path(done.html).read_text(encoding="utf-8")
    assert done.outcomes[0].restored is not None
    assert done.outcomes[0].restored.ignored == ("alpha", "beta", "style")
