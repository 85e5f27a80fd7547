import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from engine.errors import EngineError, ModelError
from engine.models.catalog import read_card
from engine.models.upscale import Interpolated, Upscaler
from engine.models.weights import load_upscaler, save_restorer
from engine.runtime.steps import at_once
from engine.training.dataset import PhotoSet
from engine.training.phases import Lesson
from engine.training.presets import PRESETS
from engine.training.pretrain import Options, new_run, train
from engine.training.publish import publish_checkpoint, publish_crisp, publish_upscaler
from engine.training.upscaling import draw_alphas, pairs, shrink

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = PRESETS["upscale-tiny"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(3):
        coarse = rng.integers(0, 255, (18, 20, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((280, 260), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The checkpoint of a run whose backbone and head are to be built upon."""
    run = new_run(tmp_path / "finished", torch.device("cpu"), 5)
    run.average["backbone.out.bias"].fill_(0.01)
    run.save()
    return tmp_path / "finished" / "last.safetensors"


def test_a_run_teaches_the_tail_and_leaves_the_rest_alone(photos: Path, finished: Path, tmp_path: Path) -> None:
    run = at_once(train(TINY, photos, tmp_path / "run", Options(start=(finished,))))
    before = new_run(tmp_path / "other", torch.device("cpu"), TINY.seed)
    before.begin_from(finished)
    for key, value in run.average.items():
        learned = key.startswith(("upscaler.", "critic."))
        if not learned:
            assert torch.equal(value, before.average[key]), key
    assert not torch.equal(run.average["upscaler.outs.4.weight"], before.average["upscaler.outs.4.weight"])
    assert not torch.equal(run.average["upscaler.outs.2.weight"], before.average["upscaler.outs.2.weight"])
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    measured = [line for line in lines if line.get("event") == "validation"]
    assert [line["kind"] for line in measured] == [phase.kind for phase in TINY.phases]
    assert {"gain_2_10", "gain_4_10", "texture_4_1"} < measured[-1].keys()


def test_a_finished_tail_is_published_beside_its_model_alone(photos: Path, finished: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    publish_checkpoint(finished, model, {"id": "m", "title": "M"})
    at_once(train(replace(TINY, phases=TINY.phases[:1]), photos, tmp_path / "run", Options(start=(model,))))
    tail = publish_upscaler(tmp_path / "run" / "last.safetensors", model, {"title": "Tail"})
    assert read_card(model).scale == 4
    read = load_upscaler(tail, model, torch.device("cpu"))
    assert isinstance(read, Upscaler)
    assert read.outs["4"].weight.abs().max() > 0  # type: ignore[operator]
    other = tmp_path / "other.safetensors"
    publish_checkpoint(finished, other, {"id": "o", "title": "O"})
    state = load_file(other)
    state["backbone.out.bias"] += 1
    save_restorer(other, state, {"id": "o", "title": "O"})
    with pytest.raises(ValueError, match="not taught"):
        publish_upscaler(tmp_path / "run" / "last.safetensors", other, {})


def test_a_tail_for_a_low_alpha_goes_on_from_a_finished_one_and_leaves_it_as_it_is(
    photos: Path, finished: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m.safetensors"
    publish_checkpoint(finished, model, {"id": "m", "title": "M"})
    at_once(train(replace(TINY, phases=TINY.phases[:1]), photos, tmp_path / "run", Options(start=(model,))))
    tail = publish_upscaler(tmp_path / "run" / "last.safetensors", model, {"title": "Tail"})
    before = load_file(tail)
    against = replace(TINY, name="crisp", phases=TINY.phases[2:])
    at_once(train(against, photos, tmp_path / "crisp", Options(start=(model, tail))))
    publish_crisp(tmp_path / "crisp" / "last.safetensors", tail, {"crisp": "tiny"})
    read = load_upscaler(tail, model, torch.device("cpu"))
    assert isinstance(read, Interpolated)
    for key, value in read.faithful.state_dict().items():
        assert torch.equal(value, before[key].float()), key
    moved = (read.crisp.first.weight - read.faithful.first.weight).abs().max()
    assert 0 < float(moved) < 0.1


def test_without_a_finished_model_there_is_nothing_to_build_upon(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="name its weights"):
        next(train(TINY, photos, tmp_path / "run"))


def test_a_run_does_not_begin_from_any_file(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither"):
        next(train(TINY, photos, tmp_path / "run", Options(start=(photos / "0.png",))))


def test_pairs_are_of_both_sizes_and_most_pictures_only_shrunk(photos: Path) -> None:
    phase = TINY.phases[0]
    sizes, untouched = set(), 0
    for seed in range(24):
        pair = pairs(Lesson(PhotoSet(photos, pages=0), None, phase, torch.device("cpu"), seed))
        n, _, height, width = pair.small.shape
        assert pair.large.shape == (n, 3, pair.scale * height, pair.scale * width)
        assert (n, height, width) == (phase.batch, phase.size, phase.size)
        sizes.add(pair.scale)
        apart = [
            (pair.small - shrink(pair.large, pair.scale, area=area)).abs().amax((1, 2, 3)) for area in (False, True)
        ]
        untouched += int((torch.minimum(*apart) < 1e-6).sum())
    assert sizes == {2, 4}
    assert 0.3 < untouched / 48 < 0.9


def test_alpha_does_not_tell_which_pictures_are_clean(photos: Path) -> None:
    clean, alphas = [], []
    for seed in range(60):
        lesson = Lesson(PhotoSet(photos, pages=0, limit=1), None, TINY.phases[0], torch.device("cpu"), seed)
        pair = pairs(lesson)
        apart = [
            (pair.small - shrink(pair.large, pair.scale, area=area)).abs().amax((1, 2, 3)) for area in (False, True)
        ]
        clean.append((torch.minimum(*apart) < 1e-6).float())
        alphas.append(draw_alphas(lesson).log())
    together = torch.corrcoef(torch.stack([torch.cat(clean), torch.cat(alphas)]))[0, 1]
    assert together.abs() < 0.3


def test_shrinking_is_the_bicubic_one_of_the_yardstick() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (64, 48, 3), dtype=np.uint8)
    known = np.asarray(Image.fromarray(picture).resize((12, 16), Image.Resampling.BICUBIC))
    ours = shrink(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255, 4)
    assert np.abs(np.rint(ours[0].permute(1, 2, 0).numpy() * 255) - known).max() <= 1
