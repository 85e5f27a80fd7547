"""Models of other people's through the engine's door: in, used, told of in the export, out again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import ModelError, RecipeError
from engine.evaluation import peers
from engine.imaging.reader import read_master
from engine.models import catalog, weights
from engine.models.low_rank import RANK
from engine.rendering.studio import Studio
from engine.service import EngineService
from engine.types import SHIPPED_MODEL, AddedModel, ExportOptions, ModelCard, NewModel, Optimisation, Progress, Recipe
from tests.engine.rendering import networks

ROOT = Path(__file__).parents[2]


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    noise = np.random.default_rng(2).normal(120, 30, (60, 80, 3))
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(path)
    return path


def imported(service: EngineService, folder: Path, project: str = "") -> ModelCard:
    new = NewModel(str(networks.saved(folder)), title="Tiny", licence="MIT", folder=project)
    return service.import_model(new, lambda _step: None).future.result(120).card


def test_an_imported_model_restores_enlarges_and_is_told_of_in_the_file(
    service: EngineService, tmp_path: Path, master: Path
) -> None:
    steps: list[Progress] = []
    new = NewModel(str(networks.saved(tmp_path)), title="Tiny", licence="MIT")
    card = service.import_model(new, steps.append).future.result(120).card
    assert {"reading", "measuring"} <= {step.message for step in steps}
    assert [one.id for one in service.models()] == [SHIPPED_MODEL, card.id]
    image = service.open_image(str(master)).result(60).ref
    for scale in (1, 4):
        target = tmp_path / f"x{scale}.tif"
        recipe = Recipe(model=card.id, scale=scale, alpha=3.0)
        done = service.export(image, recipe, ExportOptions(str(target)), lambda _: None).future.result(120)
        assert (done.width, done.height) == (80 * scale, 60 * scale)
        assert done.recipe == Recipe(model=card.id, weights=card.sha256, scale=scale)  # alpha is nothing it knows
        assert card.sha256.encode() in target.read_bytes()
        assert not np.array_equal(read_master(target).pixels[:60, :80], read_master(master).pixels)


def test_a_new_engine_finds_what_was_imported_and_loads_it_when_asked(tmp_path: Path, master: Path) -> None:
    first = EngineService(device="cpu")
    first.start()
    card = imported(first, tmp_path)
    first.close()
    second = EngineService(device="cpu")
    second.start()
    try:
        image = second.open_image(str(master)).result(60).ref
        frame = second.thumbnail(image, Recipe(model=card.id), 60).result(120)
        assert not np.array_equal(frame.pixels, frame.before)
    finally:
        second.close()


def test_a_removed_model_is_gone_and_recipes_that_name_it_say_so(
    service: EngineService, tmp_path: Path, master: Path
) -> None:
    card = imported(service, tmp_path)
    image = service.open_image(str(master)).result(60).ref
    service.remove_model(card.id)
    assert [one.id for one in service.models()] == [SHIPPED_MODEL]
    work = service.export(image, Recipe(model=card.id), ExportOptions(str(tmp_path / "x.tif")), lambda _: None)
    with pytest.raises(ModelError, match="There is no model"):
        work.future.result(60)
    with pytest.raises(ModelError, match="belongs to Archivist"):
        service.remove_model(SHIPPED_MODEL)


def test_a_project_may_hold_models_which_are_there_while_it_is_open(
    service: EngineService, tmp_path: Path, master: Path
) -> None:
    folder = tmp_path / "box.archivist"
    project, _ = service.project_for([str(master)], str(folder)).result(60)
    card = imported(service, tmp_path, str(folder))
    assert (folder / "models" / f"{card.sha256}.safetensors").is_file()
    assert card.id in {one.id for one in service.models()}
    service.close_project(project)
    assert card.id not in {one.id for one in service.models()}


def test_weights_changed_since_their_import_are_not_used(
    service: EngineService, tmp_path: Path, own_home: Path
) -> None:
    card = imported(service, tmp_path)
    (path,) = own_home.rglob(f"{card.sha256}.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert [one.id for one in service.models()] == [SHIPPED_MODEL]


def test_a_model_without_alpha_is_not_optimised_for_it(service: EngineService, tmp_path: Path, master: Path) -> None:
    card = imported(service, tmp_path)
    image = service.open_image(str(master)).result(60).ref
    order = Optimisation(ExportOptions(str(tmp_path / "x.tif")), 1)
    job = service.optimise(image, Recipe(model=card.id), order, lambda _: None, lambda *_: None)
    with pytest.raises(RecipeError, match="knows no alpha"):
        job.work.future.result(60)


def test_a_refused_file_leaves_nothing(service: EngineService, tmp_path: Path, own_home: Path) -> None:
    torch.save({"fc.weight": torch.zeros(3, 3)}, tmp_path / "classifier.pth")
    work = service.import_model(NewModel(str(tmp_path / "classifier.pth")), lambda _: None)
    with pytest.raises(ModelError, match="no architecture"):
        work.future.result(120)
    assert not list(own_home.rglob("*.safetensors"))


def test_the_shipped_model_runs_without_what_other_people_s_need(master: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from engine.service import EngineService\n"
        "from engine.types import ExportOptions, Recipe\n"
        "service = EngineService(device='cpu'); service.start()\n"
        f"image = service.open_image({str(master)!r}).result(60).ref\n"
        f"options = ExportOptions({str(tmp_path / 'out.tif')!r})\n"
        "service.models()\n"
        "service.export(image, Recipe(), options, lambda _: None).future.result(120)\n"
        "service.close()\n"
        "print(*[n for n in ('spandrel', 'torchvision', 'greenlet') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_card_that_does_not_make_sense_is_left_out(service: EngineService, tmp_path: Path, own_home: Path) -> None:
    card = imported(service, tmp_path)
    (path,) = own_home.rglob(f"{card.sha256}.json")
    good = json.loads(path.read_text())
    lies = {"tile": 0, "halo": 10**9, "scale": 3, "controls": 5, "id": 7, "pace": "fast", "blend": 999}
    for change in ({name: value} for name, value in lies.items()):
        path.write_text(json.dumps(good | change))
        assert [one.id for one in service.models()] == [SHIPPED_MODEL], change
    path.write_text(json.dumps(good | {"id": SHIPPED_MODEL, "title": "An impostor"}))
    assert [one.title for one in service.models()] != ["An impostor"]
    path.write_text(json.dumps(good | {"from_the_future": 1}))
    assert [one.id for one in service.models()] == [SHIPPED_MODEL, card.id]


def added(service: EngineService, file: Path, **told: Any) -> AddedModel:
    return service.import_model(NewModel(str(file), **told), lambda _step: None).future.result(120)


def test_weights_imported_again_keep_their_id_and_what_is_not_told_anew(service: EngineService, tmp_path: Path) -> None:
    file = networks.saved(tmp_path)
    first = added(service, file, title="Tiny", licence="MIT", source="a colleague")
    assert first.told == ""
    again = added(service, file)
    assert (again.card.id, again.card.title, again.card.licence, again.card.source) == (
        first.card.id, "Tiny", "MIT", "a colleague",
    )  # fmt: skip
    assert "stays as it was" in again.told
    other = added(service, file, title="Other", licence="unknown", training_data="200 scans")
    assert (other.card.id, other.card.title, other.card.licence) == (first.card.id, "Other", "MIT")
    assert "its name is now “Other” (before: “Tiny”)" in other.told
    assert "training data" in other.told
    assert "licence" not in other.told
    assert service.models()[1] == other.card
    assert len(service.models()) == 2


def test_a_recipe_finds_its_weights_again_that_came_back_under_another_title(
    service: EngineService, tmp_path: Path, master: Path
) -> None:
    file = networks.saved(tmp_path)
    before = added(service, file, title="Tiny").card
    service.remove_model(before.id)
    now = added(service, file, title="Renamed").card
    assert now.id != before.id
    assert now.sha256 == before.sha256
    image = service.open_image(str(master)).result(60).ref
    recipe = Recipe(model=before.id, weights=before.sha256)
    options = ExportOptions(str(tmp_path / "x.tif"))
    done = service.export(image, recipe, options, lambda _: None).future.result(120)
    assert done.recipe == recipe
    service.remove_model(before.id)
    assert [one.id for one in service.models()] == [SHIPPED_MODEL]


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    """What a fine-tuning writes, of one update that changes a little."""
    base, card = catalog.find(SHIPPED_MODEL)
    whole = weights.restorer_tensors(base)
    stem = "backbone.stem."
    size = whole[f"{stem}weight"]
    generator = torch.Generator().manual_seed(1)
    up, down = (torch.randn(*shape, generator=generator) for shape in ((len(size), RANK), (RANK, size[0].numel())))
    updates = {f"{stem}low_rank_up": 0.01 * up, f"{stem}low_rank_down": down}
    path = tmp_path / "m" / "m1.safetensors"
    path.parent.mkdir()
    weights.save_tuned(path, whole, updates, card, {"id": "m1", "title": "m1", "licence": "CC0-1.0"})
    return path


def restored(service: EngineService, master: Path, recipe: Recipe) -> np.ndarray:
    image = service.open_image(str(master)).result(60).ref
    target = master.with_name(f"{recipe.model}-{recipe.scale}.tif")
    service.export(image, recipe, ExportOptions(str(target)), lambda _: None).future.result(120)
    return read_master(target).pixels


def test_a_tuned_model_is_taken_in_as_it_is_restores_and_goes_again(
    service: EngineService, tuned: Path, master: Path, own_home: Path
) -> None:
    assert service.has_card(str(tuned))
    assert not service.has_card(str(master))
    first = added(service, tuned)
    assert (first.card.id, first.card.origin, first.card.licence) == ("m1", "tuned", "CC0-1.0")
    assert first.told == ""
    (kept,) = own_home.rglob("m1.safetensors")
    assert kept.read_bytes() == tuned.read_bytes()
    assert not np.array_equal(restored(service, master, Recipe(model="m1")), restored(service, master, Recipe()))
    assert "was here already" in added(service, tuned).told
    assert "not taken over" in added(service, tuned, licence="MIT").told
    service.remove_model("m1")
    assert [one.id for one in service.models()] == [SHIPPED_MODEL]
    assert not kept.exists()


def test_a_trained_model_is_taken_in_as_it_is(service: EngineService, master: Path, own_home: Path) -> None:
    path = master.with_name("model.safetensors")
    base, _ = catalog.find(SHIPPED_MODEL)
    tensors = weights.restorer_tensors(base)
    weights.save_restorer(path, tensors, {**catalog.header(base), "id": "own-plates", "title": "plates (tiny)"})
    assert service.has_card(str(path))
    first = added(service, path)
    assert (first.card.id, first.card.origin, first.told) == ("own-plates", "trained", "")
    assert (own_home.rglob("own-plates.safetensors").__next__()).read_bytes() == path.read_bytes()
    assert np.array_equal(restored(service, master, Recipe(model="own-plates")), restored(service, master, Recipe()))
    assert "was here already" in added(service, path).told
    service.remove_model("own-plates")
    assert [one.id for one in service.models()] == [SHIPPED_MODEL]


def test_of_what_comes_with_archivist_no_copy_is_made(service: EngineService, own_home: Path) -> None:
    base, card = catalog.find(SHIPPED_MODEL)
    once_more = added(service, base)
    assert "comes with Archivist" in once_more.told
    assert once_more.card.id == card.id
    assert not list(own_home.rglob("*.safetensors"))
    tail = catalog.tail_of(base)
    assert tail is not None
    with pytest.raises(ModelError):
        added(service, tail)


def test_a_tuned_model_enlarges_with_its_base_s_tail(service: EngineService, tuned: Path, master: Path) -> None:
    card = added(service, tuned).card
    base = catalog.find(SHIPPED_MODEL)[1]
    assert (card.scale, card.tail) == (base.scale, base.tail)
    assert restored(service, master, Recipe(model="m1", scale=2)).shape == (120, 160, 3)


def test_a_tuned_model_whose_base_is_another_or_none_is_refused_in_a_sentence(
    service: EngineService, tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.warm().result(120)
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "shipped", tuple)
        with pytest.raises(ModelError, match="tuned from the model “archivist-1”, which is not installed"):
            added(service, tuned)
    card = catalog.header(tuned)
    base = ModelCard(SHIPPED_MODEL, "Archivist 1", sha256="0" * 64)
    weights.save_tuned(tuned, {}, {}, base, card)
    with pytest.raises(ModelError, match="tuned from other weights"):
        added(service, tuned)
    with pytest.raises(ModelError, match="tuned from other weights"):
        service.lend_model(str(tuned))


def test_two_tuned_models_of_one_name_are_not_confused(service: EngineService, tuned: Path) -> None:
    added(service, tuned)
    base, card = catalog.find(SHIPPED_MODEL)
    weights.save_tuned(tuned, weights.restorer_tensors(base), {}, card, {"id": "m1", "title": "m1"})
    with pytest.raises(ModelError, match="another model “m1” here"):
        added(service, tuned)
    weights.save_tuned(tuned, weights.restorer_tensors(base), {}, card, {"id": "../m1", "title": "m1"})
    with pytest.raises(ModelError, match="none a model can have"):
        added(service, tuned)


def test_a_model_is_used_where_it_lies(service: EngineService, tuned: Path, master: Path, tmp_path: Path) -> None:
    card = service.lend_model(str(tuned))
    assert card.id == "m1"
    assert not np.array_equal(restored(service, master, Recipe(model="m1")), restored(service, master, Recipe()))
    folder = tmp_path / "box.archivist"
    project, _ = service.project_for([str(master)], str(folder)).result(60)
    other = imported(service, tmp_path, str(folder))
    service.close_project(project)
    assert other.id not in {one.id for one in service.models()}
    assert service.lend_model(str(folder / "models" / f"{other.sha256}.safetensors")) == other
    restored(service, master, Recipe(model=other.id))
    with pytest.raises(ModelError, match="not a model of Archivist"):
        service.lend_model(str(master))


def test_a_tuned_model_is_measured_beside_others_from_its_file(tuned: Path, own_home: Path) -> None:
    pipeline = peers.load(tuned, Studio("cpu", interactive=False, cache_bytes=1 << 20))
    assert (pipeline.card.id, pipeline.card.scale) == ("m1", 4)


def test_a_tuned_file_may_be_read_by_whom_any_new_file_there_may_be(tuned: Path) -> None:
    plain = tuned.with_name("plain")
    plain.touch()
    assert tuned.stat().st_mode == plain.stat().st_mode


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """What a training writes, its weights those of the shipped model, so that the shipped tail belongs to it."""
    path = tmp_path / "run" / "model.safetensors"
    path.parent.mkdir()
    base, _ = catalog.find(SHIPPED_MODEL)
    weights.save_restorer(path, weights.restorer_tensors(base), {**catalog.header(base), "id": "own-x", "title": "X"})
    return path


def shipped_tail() -> bytes:
    tail = catalog.tail_of(catalog.find(SHIPPED_MODEL)[0])
    assert tail is not None
    return tail.read_bytes()


def test_a_trained_model_brings_its_tail_and_enlarges(
    service: EngineService, trained: Path, master: Path, own_home: Path
) -> None:
    assert added(service, trained).card.scale == 1
    catalog.tail_for(trained).write_bytes(shipped_tail())
    later = added(service, trained)  # taken in without it before
    (kept,) = own_home.rglob("own-x-upscale.safetensors")
    assert kept.read_bytes() == shipped_tail()
    assert later.card.scale == 4
    assert later.card == next(one for one in service.models() if one.id == "own-x")
    assert restored(service, master, Recipe(model="own-x", scale=2)).shape == (120, 160, 3)
    assert "was here already" in added(service, trained).told
    service.remove_model("own-x")
    assert not kept.exists()


def test_a_tail_of_other_weights_stays_behind_and_the_person_is_told(
    service: EngineService, trained: Path, own_home: Path
) -> None:
    tail = catalog.tail_for(trained)
    weights.save_reverse(tail, {}, {"sizes": [2, 4], "belongs_to": "another"})
    found = added(service, trained)
    assert (found.card.scale, found.card.tail) == (1, "")
    assert "does not enlarge" in found.told
    assert not list(own_home.rglob("*-upscale.safetensors"))


def test_a_file_renamed_by_hand_is_never_written_over(service: EngineService, trained: Path, own_home: Path) -> None:
    added(service, trained)
    (kept,) = own_home.rglob("own-x.safetensors")
    base, _ = catalog.find(SHIPPED_MODEL)
    tensors = weights.restorer_tensors(base)
    weights.save_restorer(kept, tensors, {**catalog.header(base), "id": "own-y", "title": "Y"})
    before = kept.read_bytes()
    with pytest.raises(ModelError, match=r"Another file is called “own-x\.safetensors”"):
        added(service, trained)
    assert kept.read_bytes() == before
    kept.unlink()
    in_the_way = catalog.tail_for(kept)
    in_the_way.write_bytes(b"somebody's")
    with pytest.raises(ModelError, match=r"Another file is called “own-x-upscale\.safetensors”"):
        added(service, trained)
    assert not kept.exists()


def test_a_trained_model_that_is_called_as_a_tail_is_cannot_be_taken_in(service: EngineService, trained: Path) -> None:
    base, _ = catalog.find(SHIPPED_MODEL)
    weights.save_restorer(trained, weights.restorer_tensors(base), {"id": "x-upscale", "title": "X"})
    with pytest.raises(ModelError, match="none a model can have"):
        added(service, trained)


def test_a_model_whose_weights_are_no_numbers_is_not_taken_in(
    service: EngineService, tuned: Path, own_home: Path
) -> None:
    base, card = catalog.find(SHIPPED_MODEL)
    whole = weights.restorer_tensors(base)
    whole["head.first.weight"] = torch.full_like(whole["head.first.weight"], torch.nan)
    weights.save_tuned(tuned, whole, {}, card, {"id": "m1", "title": "m1"})
    with pytest.raises(ModelError, match="some of its weights are no numbers"):
        added(service, tuned)
    assert not list(own_home.rglob("*.safetensors"))


def test_another_model_of_the_same_name_is_measured_by_itself(tmp_path: Path) -> None:
    base, _ = catalog.find(SHIPPED_MODEL)
    path, tensors = tmp_path / "x.safetensors", weights.restorer_tensors(base)
    studio = Studio("cpu", interactive=False, cache_bytes=1 << 20, folders=lambda: (tmp_path,))
    for content in (0.5, 0.25):
        scales = {"content": content, "style": 1.0}
        weights.save_restorer(path, tensors, {**catalog.header(base), "id": "x", "title": "X", "scales": scales})
        assert studio.objective("x").content == content
        studio.forget("x")
