import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.models.catalog import read_card
from engine.models.weights import load_restorer
from engine.training import detection, look_alikes
from engine.training.dataset import PhotoSet
from engine.training.phases import Lesson
from engine.training.presets import PRESETS
from engine.training.pretrain import new_run, train
from engine.training.publish import publish, publish_detector
from engine.training.sheet import Dice

TINY = PRESETS["detector-tiny"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(3):
        coarse = rng.integers(60, 200, (8, 10, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_run_teaches_the_detector_alone_and_goes_on_after_a_kill(photos: Path, tmp_path: Path) -> None:
    preset = replace(TINY, checkpoint_minutes=0.0)
    list(islice(train(preset, photos, tmp_path / "run"), 3))
    *_, _ = train(preset, photos, tmp_path / "run")
    run = new_run(tmp_path / "run", torch.device("cpu"), TINY.seed)
    assert run.load()
    fresh = new_run(tmp_path / "other", torch.device("cpu"), TINY.seed)
    moved = {key.split(".")[0] for key, value in run.average.items() if not torch.equal(value, fresh.average[key])}
    assert moved == {"detector"}
    assert run.counters["total"] == TINY.phases[0].steps
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    measured = [line for line in lines if line.get("event") == "validation"]
    assert {"f1_all", "f1_holes", "f1_cracks", "claims", "score"} < measured[-1].keys()


def test_batches_differ_in_size_and_hold_about_as_many_pixels(photos: Path) -> None:
    phase = replace(TINY.phases[0], batch=8)
    pictures = PhotoSet(photos, pages=0)
    shapes = {detection.aged(Lesson(pictures, None, phase, torch.device("cpu"), seed)).aged.shape for seed in range(12)}
    assert len(shapes) > 1
    assert all(0.6 < n * height * width / (8 * 64 * 64) < 1.6 for n, _, height, width in shapes)


@pytest.mark.parametrize("draw", [look_alikes.mount, look_alikes.pale_parts, look_alikes.caption])
def test_what_looks_like_damage_is_drawn_from_its_seed_and_leaves_some_of_the_picture(
    draw: Callable[[torch.Tensor, Dice], torch.Tensor],
) -> None:
    picture = torch.linspace(0.3, 0.6, 90)[None, :, None].expand(3, 90, 110).contiguous()
    first, again = (draw(picture, Dice(torch.Generator().manual_seed(4))) for _ in range(2))
    assert torch.equal(first, again)
    changed = ((first - picture).abs().amax(0) > 0.05).float().mean()
    assert 0 < changed < 0.95


def test_f1_counts_what_is_right_against_what_is_claimed_and_what_is_there() -> None:
    logit = torch.tensor([[[[3.0, 3.0, -3.0, -3.0]]]])
    mask = torch.tensor([[[[1.0, 0.0, 1.0, 0.0]]]])
    assert detection.f1(detection.counts(logit, mask)) == 0.5
    assert detection.f1(detection.counts(-logit.abs(), 0 * mask)) == 0.0


def test_a_finished_detector_goes_into_a_model_whose_other_parts_stay(tmp_path: Path) -> None:
    runs = [new_run(tmp_path / name, torch.device("cpu"), seed) for name, seed in (("a", 1), ("b", 2))]
    for run in runs:
        run.save()
    model = publish(runs[0], tmp_path / "m.safetensors", {"id": "m", "title": "M"})
    publish_detector(tmp_path / "b" / "last.safetensors", model, threshold=0.75)
    read = load_restorer(model, torch.device("cpu"), torch.float32)
    assert torch.allclose(read.detector.stem.weight, runs[1].average["detector.stem.weight"], atol=1e-3)
    assert torch.allclose(read.backbone.stem.weight, runs[0].average["backbone.stem.weight"], atol=1e-3)
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        likely, before = (net(x, 0 * x, x[:, :1]) for net in (read.detector, runs[1].nets.detector))
    assert torch.allclose(likely + np.log(3.0), before, atol=2e-2)  # 0.5 where it was 0.75
    assert read_card(model).title == "M"
