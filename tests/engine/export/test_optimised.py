import json
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from engine.errors import ModelError, RecipeError
from engine.models import catalog
from engine.models.weights import save_restorer
from engine.service import EngineService
from engine.training.run import Networks
from engine.types import (
    SHIPPED_MODEL,
    ExportOptions,
    Frame,
    ImageRef,
    Losses,
    Optimisation,
    Optimised,
    Progress,
    Recipe,
)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Networks that have learned nothing in place of the shipped ones; they carry a measure."""
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    card = {"id": SHIPPED_MODEL, "title": "Tiny", "scales": {"content": 0.03, "style": 0.3}}
    save_restorer(path, Networks().state_dict(), card)
    monkeypatch.setattr(catalog, "shipped", lambda: (path,))
    return path


@pytest.fixture
def service(weights: Path) -> Iterator[EngineService]:
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


@pytest.fixture
def photo(service: EngineService, tmp_path: Path) -> ImageRef:
    path = tmp_path / "cat.png"
    Image.fromarray(getattr(skimage.data, "chelsea")()[:70, :90]).save(path)  # noqa: B009 (it has no annotations)
    return service.open_image(str(path)).result(20).ref


def nothing(_: Progress) -> None:
    return


def quiet(_: Losses, __: Frame | None) -> None:
    return


def optimise(service: EngineService, photo: ImageRef, recipe: Recipe, order: Optimisation) -> Optimised:
    return service.optimise(photo, recipe, order, nothing, quiet).work.future.result(60)


def test_an_optimised_image_is_an_export_that_says_so(service: EngineService, photo: ImageRef, tmp_path: Path) -> None:
    recipe = Recipe(alpha=0.5, style="halftone", beta=10.0)
    seen: list[Losses] = []
    steps: list[Progress] = []
    order = Optimisation(ExportOptions(str(tmp_path / "out.png")), passes=12)
    work = service.optimise(photo, recipe, order, steps.append, lambda losses, _: seen.append(losses)).work
    done = work.future.result(60)
    assert done.losses == tuple(seen)
    assert [losses.number for losses in seen] == list(range(13))
    assert steps[-1].done == steps[-1].total
    plain = service.export(photo, recipe, ExportOptions(str(tmp_path / "plain.png")), nothing).future.result(60)
    pictures = [np.asarray(Image.open(path)).astype(int) for path in (done.restored.output, plain.output)]
    assert pictures[0].shape == pictures[1].shape
    assert (pictures[0] != pictures[1]).any()
    packet = Path(done.restored.output).read_bytes().decode("utf-8", "ignore")
    told = json.loads(packet.split("archivist:optimised>")[1].removesuffix("</").replace("&quot;", '"'))
    assert told["passes"] == 12
    assert told["before"]["total"] == seen[0].total
    assert told["after"]["total"] == seen[-1].total
    assert told["after"]["total"] < told["before"]["total"]
    assert not done.stopped


def test_stop_keeps_and_cancel_leaves_nothing(service: EngineService, photo: ImageRef, tmp_path: Path) -> None:
    for name, keeps in (("kept.png", True), ("gone.png", False)):
        order = Optimisation(ExportOptions(str(tmp_path / name)), passes=10_000)
        begun: list[Losses] = []
        job = service.optimise(photo, Recipe(), order, nothing, lambda losses, _: begun.append(losses))  # noqa: B023
        while len(begun) < 3:
            assert not job.work.future.done()
        (job.stop if keeps else job.work.cancel)()
        if keeps:
            assert job.work.future.result(60).stopped
        else:
            with pytest.raises(CancelledError):
                job.work.future.result(60)
        assert (tmp_path / name).exists() == keeps


def test_a_painting_needs_its_picture(service: EngineService, photo: ImageRef, tmp_path: Path) -> None:
    order = Optimisation(ExportOptions(str(tmp_path / "out.png")), passes=1)
    painting = next(card for card in service.styles() if card.group == "painting")
    with pytest.raises(RecipeError, match="only 64 numbers"):
        optimise(service, photo, Recipe(style=painting.id, beta=1.0), order)
    towards = Optimisation(order.export, passes=1, reference=photo.path)
    done = optimise(service, photo, Recipe(style=painting.id, beta=1.0), towards)
    assert done.losses[0].style > 0
    assert optimise(service, photo, Recipe(), order).losses[0].style == 0


def test_weights_without_a_measure_refuse_in_words(
    service: EngineService, photo: ImageRef, weights: Path, tmp_path: Path
) -> None:
    save_restorer(weights, Networks().state_dict(), {"id": SHIPPED_MODEL, "title": "Tiny"})
    order = Optimisation(ExportOptions(str(tmp_path / "out.png")), passes=1)
    with pytest.raises(ModelError, match="no measure"):
        optimise(service, photo, Recipe(), order)


def test_a_picture_too_small_for_the_features_is_refused(
    service: EngineService, photo: ImageRef, tmp_path: Path
) -> None:
    Image.new("RGB", (12, 40), (90, 80, 70)).save(tmp_path / "small.png")
    small = service.open_image(str(tmp_path / "small.png")).result(20).ref
    with pytest.raises(RecipeError, match="too small"):
        optimise(service, small, Recipe(), Optimisation(ExportOptions(str(tmp_path / "out.png")), passes=1))


def test_an_enlargement_is_refused_in_words(service: EngineService, photo: ImageRef, tmp_path: Path) -> None:
    order = Optimisation(ExportOptions(str(tmp_path / "out.png")), passes=1)
    with pytest.raises(RecipeError, match="size"):
        optimise(service, photo, Recipe(scale=2), order)
