"""Models of other people's through the engine's door: in, used, told of in the export, out again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import ModelError, RecipeError
from engine.imaging.reader import read_master
from engine.service import EngineService
from engine.types import SHIPPED_MODEL, ExportOptions, ModelCard, NewModel, Optimisation, Progress, Recipe
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
    return service.import_model(new, lambda _step: None).future.result(120)


def test_an_imported_model_restores_enlarges_and_is_told_of_in_the_file(
    service: EngineService, tmp_path: Path, master: Path
) -> None:
    steps: list[Progress] = []
    new = NewModel(str(networks.saved(tmp_path)), title="Tiny", licence="MIT")
    card = service.import_model(new, steps.append).future.result(120)
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
