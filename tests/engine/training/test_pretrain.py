import json
import math
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.errors import EngineError, ModelError
from engine.models.catalog import read_card, shipped
from engine.models.weights import load_restorer
from engine.runtime.steps import at_once
from engine.training import phases, pretrain
from engine.training.presets import PRESETS
from engine.training.pretrain import Options, new_run, train
from engine.training.publish import publish, publish_checkpoint, publish_critic
from engine.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = PRESETS["tiny"]
SHIPPED = shipped()[0]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(3):
        coarse = rng.integers(0, 255, (8, 10, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def test_a_run_goes_through_all_phases_and_logs_each(photos: Path, tmp_path: Path) -> None:
    run = at_once(train(TINY, photos, tmp_path / "run", Options(styles=photos)))
    assert run.counters["phase"] == len(TINY.phases)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines if line.get("event") == "validation"] == [p.kind for p in TINY.phases]
    assert {"content", "style", "measured"} <= set(run.scales)
    with Image.open(tmp_path / "run" / "preview.png") as preview:
        assert preview.size == (3 * 96, 2 * 96)  # aged, restored, clean


@pytest.mark.parametrize("kind", ["content", "tone", "unfade"])
def test_a_killed_run_goes_on_to_the_same_weights(kind: str, photos: Path, tmp_path: Path) -> None:
    phase = next(phase for phase in TINY.phases if phase.kind == kind)
    preset = replace(TINY, phases=(replace(phase, steps=6),), checkpoint_minutes=0.0)
    whole = at_once(train(preset, photos, tmp_path / "whole"))
    list(islice(train(preset, photos, tmp_path / "killed"), 3))
    resumed = at_once(train(preset, photos, tmp_path / "killed"))
    assert resumed.counters["total"] == whole.counters["total"]
    for key, value in whole.average.items():
        assert torch.allclose(resumed.average[key], value, atol=1e-6), key


def test_what_the_critic_learned_alone_it_brings_into_the_joint_phase(photos: Path, tmp_path: Path) -> None:
    preset = replace(TINY, phases=(replace(TINY.phases[3], steps=8, rate=1e-2),))
    run = at_once(train(preset, photos, tmp_path / "run"))
    learned = {k: v.clone() for k, v in run.nets.critic.state_dict().items()}
    fresh = new_run(tmp_path / "other", torch.device("cpu"), preset.seed).nets.critic.state_dict()
    run.adopt_average()
    moved = sum(float((run.nets.critic.state_dict()[k] - fresh[k]).abs().sum()) for k in learned)
    assert moved > 0


def test_a_run_that_starts_from_another_keeps_its_measure_of_content_and_style(photos: Path, tmp_path: Path) -> None:
    first = at_once(train(TINY, photos, tmp_path / "a", Options(styles=photos)))
    head = replace(PRESETS["head-short"], phases=TINY.phases[3:5], validation_pictures=2, validation_size=96)
    start = (tmp_path / "a" / "last.safetensors",)
    second = at_once(train(head, photos, tmp_path / "b", Options(styles=photos, start=start)))
    assert {n: second.scales[n] for n in ("content", "style")} == {n: first.scales[n] for n in ("content", "style")}
    third = at_once(train(TINY, photos, tmp_path / "c", Options(styles=photos, start=start)))
    assert third.scales["content"] != first.scales["content"]  # it trained other features


def test_a_folder_of_another_preset_is_refused(photos: Path, tmp_path: Path) -> None:
    list(islice(train(replace(TINY, checkpoint_minutes=0.0), photos, tmp_path / "run"), 2))
    with pytest.raises(EngineError, match="another folder"):
        next(train(replace(TINY, name="other"), photos, tmp_path / "run"))


@pytest.mark.parametrize("name", ["backbone", "head", "unfade", "upscale", "backbone-kept"])
def test_what_goes_on_with_a_finished_model_asks_for_one(name: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="name its weights"):
        next(train(PRESETS[name], photos, tmp_path / "run"))


def test_a_file_without_networks_is_nothing_to_start_from(tmp_path: Path) -> None:
    run, other = new_run(tmp_path / "run", torch.device("cpu"), 1), tmp_path / "other.safetensors"
    save_file({"something": torch.ones(3)}, other)
    with pytest.raises(ModelError, match="holds no networks"):
        run.begin_from(other)
    other.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="neither a model nor a checkpoint"):
        run.begin_from(other)


def test_a_damaged_checkpoint_is_told_and_the_run_begins_anew(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", torch.device("cpu"), 1)
    run.save()
    assert run.load()
    file = tmp_path / "run" / "last.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    assert not run.load()
    assert "last.safetensors cannot be read" in (tmp_path / "run" / "log.jsonl").read_text()


def test_what_an_optimiser_kept_of_other_networks_is_left(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", torch.device("cpu"), 1)
    parameter = run.nets.backbone.stem.weight
    run.optimisers["content"].state[parameter] = {
        "step": torch.tensor(3.0), "exp_avg": torch.ones(2, 2), "exp_avg_sq": torch.ones(2, 2)
    }  # fmt: skip
    run.save()
    again = new_run(tmp_path / "run", torch.device("cpu"), 1)
    assert again.load()
    assert not again.optimisers["content"].state


def test_the_log_tells_means_over_the_steps_that_have_a_figure(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = count()

    def step(_run: Run, _lesson: phases.Lesson) -> dict[str, float]:
        number = next(steps)
        return {"always": 1.0, "odd": 3.0} if number % 2 else {"always": 1.0, "broken": math.nan}

    monkeypatch.setitem(pretrain.STEPS, "content", step)
    preset = replace(TINY, phases=(replace(TINY.phases[0], steps=50),))
    at_once(train(preset, photos, tmp_path / "run"))
    lines = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    (line,) = [line for line in lines if "always" in line]
    assert (line["always"], line["odd"]) == (1.0, 3.0)
    assert "broken" not in line


def test_a_run_learns(photos: Path, tmp_path: Path) -> None:
    phase = replace(TINY.phases[0], steps=30, batch=4)
    at_once(train(replace(TINY, phases=(phase,)), photos, tmp_path / "run"))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    final = next(line for line in lines if line.get("event") == "validation")
    assert final["psnr"] > final["input"]


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path, torch.device("cpu"), 1)
    before = run.nets.head.first.weight.detach().clone()
    loss = run.nets.head.first.weight.sum() * float("nan")
    norm = phases.take(run, "joint", loss)
    assert norm != norm
    assert torch.equal(run.nets.head.first.weight, before)


def test_a_folder_without_photographs_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not a folder"):
        next(train(TINY, tmp_path / "data", tmp_path / "run"))
    (tmp_path / "data").mkdir()
    with pytest.raises(EngineError, match="no photographs"):
        next(train(TINY, tmp_path / "data", tmp_path / "run"))


def test_a_run_that_cannot_be_kept_where_it_should_is_told_in_a_sentence(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EngineError, match="cannot be kept"):
        next(train(TINY, photos, tmp_path / "file"))
    (photos_with_a_broken_one := tmp_path / "data").mkdir()
    (photos_with_a_broken_one / "broken.png").write_bytes((photos / "0.png").read_bytes()[:500])
    with pytest.raises(EngineError, match=r"“broken\.png” cannot be read"):
        next(train(TINY, photos_with_a_broken_one, tmp_path / "run"))


def test_a_published_run_is_a_model_with_a_card(photos: Path, tmp_path: Path) -> None:
    run = at_once(train(replace(TINY, phases=TINY.phases[:1]), photos, tmp_path / "run"))
    file = publish(run, tmp_path / "model.safetensors", {"id": "mine", "title": "Mine"})
    assert (read_card(file).title, read_card(file).origin) == ("Mine", "trained")
    assert read_card(SHIPPED).origin == "shipped"
    restorer = load_restorer(file, torch.device("cpu"), torch.float32)
    expected = run.average["backbone.stem.weight"]
    assert torch.allclose(restorer.backbone.stem.weight, expected, atol=1e-3)


def test_weights_part_of_the_way_from_those_a_run_began_from_are_published(photos: Path, tmp_path: Path) -> None:
    preset = replace(TINY, phases=(replace(TINY.phases[0], steps=8, rate=1e-2),))
    at_once(train(preset, photos, tmp_path / "run", Options(start=(SHIPPED,))))
    checkpoint, card = tmp_path / "run" / "last.safetensors", {"id": "m", "title": "M"}
    publish_checkpoint(checkpoint, tmp_path / "part.safetensors", card, start=SHIPPED, share=0.25)
    start, end, part = (
        load_file(path)[name].float()
        for path, name in (
            (SHIPPED, "backbone.out.weight"),
            (checkpoint, "average.backbone.out.weight"),
            (tmp_path / "part.safetensors", "backbone.out.weight"),
        )
    )
    with pytest.raises(ValueError, match="name the weights that this run began from"):
        publish_checkpoint(checkpoint, tmp_path / "other.safetensors", card, start=checkpoint, share=0.25)
    assert (end - start).abs().max() > 1e-3
    torch.testing.assert_close(part, start + 0.25 * (end - start), atol=1e-6, rtol=1e-3)  # it is kept as float16


def test_a_published_discriminator_is_no_model_of_its_own_and_training_starts_from_it(
    photos: Path, tmp_path: Path
) -> None:
    preset = replace(TINY, phases=(replace(TINY.phases[3], steps=4, rate=1e-2),))
    run = at_once(train(preset, photos, tmp_path / "run"))
    model = publish(run, tmp_path / "model.safetensors", {"id": "mine", "title": "Mine", "licence": "MIT"})
    file = publish_critic(tmp_path / "run" / "last.safetensors", model)
    assert file.name == "model-critic.safetensors"
    other = new_run(tmp_path / "other", torch.device("cpu"), 2)
    other.begin_from(file)
    for key, value in run.average.items():
        if key.startswith("critic."):
            assert torch.allclose(other.average[key], value, atol=1e-3), key
    assert not torch.allclose(other.average["head.first.weight"], run.average["head.first.weight"])


def test_a_finished_model_learns_on_and_its_head_is_held_to_what_it_added(photos: Path, tmp_path: Path) -> None:
    again = replace(PRESETS["backbone-kept"].phases[0], batch=3, size=64, steps=50, rate=1e-6)
    preset = replace(TINY, name="kept", phases=(again,))
    with pytest.raises(EngineError, match="name its weights"):
        next(train(preset, photos, tmp_path / "nothing"))
    steps = train(preset, photos, tmp_path / "run", Options(start=(SHIPPED,)))
    run = at_once(steps)
    lines = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    (line,) = [line for line in lines if "kept" in line]
    assert line["kept"] < 1e-3  # it has hardly moved: what it adds is what its teacher adds
    begun = new_run(tmp_path / "other", torch.device("cpu"), 1)
    begun.begin_from(SHIPPED)
    moved = {key.split(".")[0] for key, value in run.average.items() if not torch.equal(value, begun.average[key])}
    assert moved == {"backbone", "head"}
