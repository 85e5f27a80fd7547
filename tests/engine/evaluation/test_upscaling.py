import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import ImageError
from engine.evaluation import benchmark, upscaling
from engine.evaluation.hall import Hall
from engine.models import catalog
from engine.models.upscale import Upscaler
from engine.models.weights import Restorer, load_restorer
from engine.rendering import foreign
from engine.rendering.borrowed import Borrowed
from engine.rendering.importing import CONTROLS
from engine.rendering.pipeline import Pipeline
from engine.runtime.steps import at_once
from engine.types import SHIPPED_MODEL, ModelCard, Recipe
from tests.engine.rendering import networks

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    rng = np.random.default_rng(0)
    for number in range(2):
        coarse = rng.integers(0, 255, (12, 14, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((91, 75), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    path, card = catalog.find(SHIPPED_MODEL)
    torch.manual_seed(0)
    card = dataclasses.replace(card, scale=1)
    yield Pipeline(load_restorer(path, CPU, torch.float32), card, CPU, 0, lambda: Upscaler().requires_grad_(False))
    torch.set_num_threads(threads)


@pytest.mark.parametrize("scale", [2, 4])
def test_photographs_are_cropped_and_shrunk_as_pillow_does(photos: Path, scale: int) -> None:
    for pair in upscaling.pairs(photos, scale):
        clean, small = pair.read()
        assert clean.shape == (75 - 75 % scale, 91 - 91 % scale, 3)
        assert small.shape == (75 // scale, 91 // scale, 3)
        size = (91 // scale, 75 // scale)
        assert np.array_equal(small, np.asarray(Image.fromarray(clean).resize(size, Image.Resampling.BICUBIC)))


def test_even_a_tiny_picture_can_be_shrunk() -> None:
    clean, small = upscaling.shrunk(np.full((3, 50, 3), 7, np.uint8), 4)
    assert clean.shape == (28, 48, 3)
    assert small.shape == (7, 12, 3)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        upscaling.pairs(tmp_path, 2)


def test_all_candidates_are_measured_at_one_size(photos: Path, pipeline: Pipeline) -> None:
    net = tiny_peer(pipeline)
    for scale in (2, 4):
        chosen = upscaling.candidates(pipeline, Recipe(scale=scale), [("peer", net)])
        found = at_once(benchmark.evaluate(upscaling.pairs(photos, scale), chosen)).candidates
        assert {"bicubic", "archivist, alpha 1", "archivist, alpha 10", "peer"} < found.keys()
        assert all(row["seconds_per_megapixel"] > 0 for row in found.values())
        assert found["bicubic"]["psnr"] > 25


def test_the_scoreboard_tells_gain_sharpness_and_time(
    photos: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upscaling, "_SIDE", 64)
    net = tiny_peer(pipeline)
    able = dataclasses.replace(pipeline.card, scale=4)
    model = Pipeline(pipeline.restorer, able, CPU, 0, lambda: Upscaler().requires_grad_(False))
    hall = Hall(model, None, load_nothing, {}, photos, peer_net=("peer", net), limit=1)
    found = {figure.name: figure for figure in at_once(upscaling.upscaling(hall))}
    assert found["x2, alpha 10: PSNR above that"].reached is False
    assert found["x4, alpha 10: PSNR above peer"].reached is True
    assert found["x4: share of peer's time"].value is not None
    without = Hall(pipeline, None, load_nothing, {}, photos)
    assert [figure.verdict for figure in at_once(upscaling.upscaling(without))] == ["skipped"]


def tiny_peer(helper: Pipeline) -> Pipeline:
    net = foreign.build(networks.state(networks.compact), "peer", CPU, torch.float32)
    card = ModelCard("peer", "Peer", origin="imported", scale=4, enlarges=4, tile=128, halo=8, controls=CONTROLS)
    return Borrowed(net, card, helper, 0)


def load_nothing(device: torch.device, dtype: torch.dtype) -> Restorer:
    raise AssertionError("nobody needs the weights anew")
