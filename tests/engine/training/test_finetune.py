"""Fine-tuning: small files, better on what it learned from, and back to the best when it goes wrong."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from itertools import chain, islice, repeat
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled, ModelError, WriteError
from engine.models import catalog, low_rank
from engine.models.weights import load_restorer, restorer_tensors
from engine.runtime.steps import at_once
from engine.training import finetune as module
from engine.training import phases, restraint
from engine.training.collection import LEAST, Collection
from engine.training.finetune import Order, finetune
from engine.training.held_out import ALLOWED_LOSS
from engine.training.rehearsal import towards
from engine.training.run import checkpoint_facts
from engine.training.tuned import CHECKS, earlier_checks, note_check
from engine.types import LEAST_PICTURES, Tuned, Tuning, TuningBegun, TuningCheck, TuningStep

pytestmark = pytest.mark.usefixtures("one_thread")

BASE, CPU = catalog.shipped()[0], torch.device("cpu")
CRITIC = BASE.with_name(f"{BASE.stem}-critic.safetensors")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK", 6)
    monkeypatch.setattr("engine.training.held_out.COUNT", 3)
    monkeypatch.setattr("engine.training.held_out.ORDINARY", 2)
    monkeypatch.setattr("engine.training.held_out.SIZE", 64)


@pytest.fixture
def any_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is written whatever was learned: a few steps on small pictures are not worth one."""
    monkeypatch.setattr("engine.types.tuning.NO_GAIN", -math.inf)


@pytest.fixture(scope="module")
def pairs() -> Collection:
    """Smooth pictures, and the same under stripes that no general aging has."""
    generator = torch.Generator().manual_seed(2)
    truth, scans = [], []
    for _ in range(6):
        coarse = torch.rand(1, 3, 6, 6, generator=generator)
        x = torch.nn.functional.interpolate(coarse, size=(176, 176), mode="bicubic").clamp(0.1, 0.9)[0]
        stripes = 0.1 * (torch.arange(176) % 4 < 2).float()[None, :, None] - 0.05
        truth.append((255 * x).to(torch.uint8))
        scans.append((255 * (x + stripes).clamp(0, 1)).to(torch.uint8))
    return Collection("pairs", tuple("abcdef"), tuple(truth), tuple(scans))


def order(folder: Path, steps: int = 12) -> Order:
    wish = Tuning("glass-plates", "pairs", (), str(folder / "models"))
    return Order(wish, BASE, CRITIC, folder, steps=steps, size=64)


def finish(collection: Collection, wanted: Order) -> Tuned:
    return at_once(finetune(collection, wanted))


@pytest.mark.usefixtures("any_gain")
def test_what_is_learned_is_small_and_knows_its_base(pairs: Collection, tmp_path: Path) -> None:
    tuned = finish(pairs, order(tmp_path))
    path = Path(tuned.path)
    assert path == tmp_path / "models" / "glass-plates.safetensors"
    assert path.stat().st_size < 3_000_000
    card = catalog.header(path)
    assert card["base"] == {"id": "archivist-1", "sha256": catalog.read_card(BASE).sha256}
    assert card["metrics"]["held_out_own_10"] >= card["metrics"]["before_own_10"] - 0.01
    base, tuned_card = catalog.read_card(BASE), catalog.read_card(path)
    assert tuned_card.licence == f"{base.licence} (base); the pictures are the archive’s own"
    assert base.sha256 in tuned_card.training_data
    assert base.title in tuned_card.training_data
    assert tuned_card.failures == base.failures
    restorer = load_restorer(path, CPU, torch.float32)
    with torch.no_grad():
        assert torch.isfinite(restorer.backbone(torch.rand(1, 3, 64, 64)).residual).all()


def test_a_collection_s_own_damage_is_learned(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE", 4e-3)
    monkeypatch.setattr(module, "CHECK", 20)
    tuned = finish(pairs, order(tmp_path, steps=60))
    assert tuned.after["own_10"] > tuned.before["own_10"] + 0.3
    assert tuned.after["general_10"] > tuned.before["general_10"] - 0.3
    # At such a rate too much would be forgotten: it is given back. Nothing else went wrong.
    assert all(said.startswith("Ordinary pictures would have lost") for said in tuned.told)


@pytest.mark.usefixtures("any_gain")
@pytest.mark.parametrize("killed_after", [3, 6, 9])  # 6 is a measurement
def test_a_killed_tuning_goes_on_to_the_same_weights(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    whole = finish(pairs, order(tmp_path / "whole"))
    monkeypatch.setattr(module, "KEEP", -1.0)  # seconds
    parts = finetune(pairs, order(tmp_path / "killed"))
    for _ in parts:
        if (tmp_path / "killed" / "last.safetensors").exists() and _steps(tmp_path / "killed") >= killed_after:
            break
    shutil.copytree(tmp_path / "killed", tmp_path / "again")  # as a kill leaves it
    parts.close()
    assert _steps(tmp_path / "again") == killed_after
    _assert_the_same(finish(pairs, order(tmp_path / "again")), whole)


@pytest.mark.usefixtures("any_gain")
@pytest.mark.parametrize("closed_in", [0, 1, 3])  # it mends, plays, rehearses
def test_a_closed_tuning_goes_on_from_the_step_it_was_in(pairs: Collection, tmp_path: Path, closed_in: int) -> None:
    whole = finish(pairs, order(tmp_path / "whole"))
    parts = finetune(pairs, order(tmp_path / "closed"))
    told = (p for p in parts if isinstance(p, TuningStep) and p.message == "learning" and p.step == closed_in)
    next(told), next(told)  # the end of the step before is told the same way
    parts.close()
    assert _steps(tmp_path / "closed") == closed_in + 1
    _assert_the_same(finish(pairs, order(tmp_path / "closed")), whole)


def _assert_the_same(again: Tuned, whole: Tuned) -> None:
    assert again.steps == whole.steps
    for key, value in restorer_tensors(Path(whole.path)).items():
        assert torch.equal(restorer_tensors(Path(again.path))[key], value), key


def _steps(folder: Path) -> int:
    return int(checkpoint_facts(folder / "last.safetensors")["counters"]["step"])


@pytest.mark.usefixtures("any_gain")
def test_a_file_whose_base_is_another_is_refused(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(finish(pairs, order(tmp_path, steps=1)).path)
    monkeypatch.setattr(catalog, "sha256_of", lambda _path: "0" * 64)
    with pytest.raises(ModelError, match="tune it again"):
        load_restorer(path, CPU, torch.float32)


def _negated(true: Callable[..., tuple[Tensor, dict[str, float]]]) -> Callable[..., tuple[Tensor, dict[str, float]]]:
    def sabotaged(*arguments: object) -> tuple[Tensor, dict[str, float]]:
        loss, figures = true(*arguments)
        return -loss, figures

    return sabotaged


def _no_number(true: Callable[..., tuple[Tensor, dict[str, float]]]) -> Callable[..., tuple[Tensor, dict[str, float]]]:
    def broken(*arguments: object) -> tuple[Tensor, dict[str, float]]:
        loss, figures = true(*arguments)
        return loss * float("nan"), figures | {"pixel": float("nan")}

    return broken


@pytest.mark.parametrize("sabotage", ["negated loss", "no number", "rate"])
def test_a_collapse_is_noticed_told_and_undone(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    if sabotage == "rate":
        monkeypatch.setattr(module, "RATE", 100 * module.RATE)
    else:
        change = _negated if sabotage == "negated loss" else _no_number
        monkeypatch.setattr(phases, "mending_loss", change(phases.mending_loss))
    tuned = finish(pairs, order(tmp_path, steps=60))
    assert tuned.told
    assert any("back to the best" in sentence for sentence in tuned.told)
    assert tuned.after["score"] >= tuned.before["score"]


def test_a_discriminator_that_always_wins_is_noticed_within_300_steps(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.WINS * 2.4 * len(module.TURNS) / module.TURNS.count("play") < 300  # until 0.5 has grown to 0.95
    monkeypatch.setattr(module, "TURNS", ("play",))
    monkeypatch.setattr(phases, "critic_parts", lambda *_: iter([{"critic": 0.0, "accuracy": 1.0}]))
    tuned = finish(pairs, order(tmp_path, steps=int(2.4 * module.WINS)))
    assert any("discriminator won" in sentence and "back to the best" in sentence for sentence in tuned.told)
    assert tuned.after["score"] >= tuned.before["score"]


def test_even_three_times_the_same_picture_ends_no_worse(pairs: Collection, tmp_path: Path) -> None:
    same = Collection("pairs", tuple("abc"), (pairs.truth[0],) * 3, (pairs.scans[0],) * 3)  # refused when asked for
    tuned = finish(same, order(tmp_path, steps=24))
    assert tuned.after["score"] >= tuned.before["score"]
    assert tuned.after["lost"] <= ALLOWED_LOSS


def test_what_ordinary_pictures_do_not_bear_is_not_kept(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE", 2e-2)
    monkeypatch.setattr(module, "REHEARSED", 0)
    monkeypatch.setattr(restraint, "ALLOWED_LOSS", -0.05)  # not even the start is good enough: all of it goes back
    tuned = finish(pairs, order(tmp_path, steps=12))
    assert any("of what was learned is kept" in sentence for sentence in tuned.told)
    assert tuned.after["lost"] <= 0.0
    assert tuned.after["score"] >= tuned.before["score"]


@pytest.mark.parametrize("part", ["backbone", "head"])
def test_rehearsing_weighs_more_the_more_ordinary_pictures_lose(part: str) -> None:
    scales: dict[str, float] = {}
    figure, _ = restraint.FOLLOWS[part]
    calm = {"lost": 0.1, "lost_faithful": 0.1}
    weights = [restraint.held(scales, part)]
    for lost in (1.0, 1.0, ALLOWED_LOSS, 0.05, 0.0, -0.2, math.nan):
        restraint.hold(scales, calm | {figure: lost})
        weights.append(restraint.held(scales, part))
    assert weights[0] < weights[1] < weights[2] < weights[3] > weights[4] > weights[5] > weights[6] == weights[7]
    for _ in range(40):
        restraint.hold(scales, calm | {figure: 5.0})
    assert restraint.held(scales, part) == restraint.BOUNDS[1]


def test_a_measurement_is_worth_what_remains_of_it() -> None:
    start = {"own_10": 20.0, "own_1": 20.0, "lost": 0.0}
    worth = [
        restraint.remaining({"own_10": own, "own_1": own, "lost": lost}, start)
        for own, lost in ((21.0, 0.0), (21.0, ALLOWED_LOSS), (21.5, 4 * ALLOWED_LOSS), (19.0, 4 * ALLOWED_LOSS))
    ]
    assert worth == pytest.approx([21.0, 21.0, 20.75, 19.0])  # half of the way loses a quarter


def test_what_is_held_on_to_is_the_former_model(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE", 4e-3)
    monkeypatch.setattr(module, "CHECK", 24)
    monkeypatch.setattr("engine.training.held_out.ORDINARY", 6)  # a few small squares tell too little
    monkeypatch.setattr("engine.training.held_out.SIZE", 128)
    lost = []
    for weight in (0.0, 20.0):
        monkeypatch.setattr(restraint, "FIRST", dict.fromkeys(restraint.FIRST, weight))
        monkeypatch.setattr(restraint, "hold", lambda *_: None)
        heard: list[TuningCheck] = []
        for _ in finetune(pairs, order(tmp_path / f"{weight:g}", steps=24), heard.append):
            pass
        lost.append(heard[-1].figures["lost"])
    assert lost[1] < 0.5 * lost[0], lost


def test_shares_of_what_was_learned_lie_between_the_networks() -> None:
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    low_rank.attach(network)
    start = {key: value.clone() for key, value in network.state_dict().items()}
    learned = {key: value + torch.rand_like(value) * key.endswith(("up", "down")) for key, value in start.items()}
    whole, half = (low_rank.detached(towards(learned, start, share))[0]["0.weight"] for share in (1.0, 0.5))
    origin = start["0.parametrizations.weight.original"]
    assert torch.allclose(half - origin, (whole - origin) / 2, atol=1e-6)
    assert not torch.allclose(whole, origin)


@pytest.mark.usefixtures("any_gain")
def test_the_collection_has_a_style_of_its_own(pairs: Collection, tmp_path: Path) -> None:
    tuned = finish(pairs, order(tmp_path, steps=1))
    assert len(tuned.style) == 64
    assert catalog.header(Path(tuned.path))["style_code"] == list(tuned.style)


def test_each_measurement_is_told_with_a_strip_to_look_at(pairs: Collection, tmp_path: Path) -> None:
    heard: list[TuningCheck] = []
    for _ in finetune(pairs, order(tmp_path, steps=6), heard.append):
        pass
    assert [check.step for check in heard] == [0, 6, 6]
    assert heard[0].best
    assert all(Path(check.strip).is_file() for check in heard)


def test_every_step_is_told_and_going_on_keeps_the_first_figures(pairs: Collection, tmp_path: Path) -> None:
    parts, heard = finetune(pairs, order(tmp_path, steps=14)), list[TuningStep]()
    for step in parts:
        if isinstance(step, TuningStep):
            heard.append(step)
            if step.step > 7:
                break
    parts.close()
    names = {name for step in heard for name in step.figures}
    assert {"pixel", "adversarial", "accuracy"} <= names
    assert {step.step for step in heard if step.message == "learning"} >= {0, 1, 2, 3, 4, 5, 6, 7}
    first = checkpoint_facts(tmp_path / "last.safetensors")["counters"]["first_figures"]
    checks: list[TuningCheck] = []
    again = list(finetune(pairs, order(tmp_path, steps=14), checks.append))
    learning = [step for step in again if isinstance(step, TuningStep) and step.message == "learning"]
    assert learning[0].step == 8  # the one it was closed in
    assert [check.step for check in checks if check.earlier] == [0, 6]  # of the earlier sitting, to look at
    assert all(Path(check.strip).is_file() for check in checks)
    assert next(check.step for check in checks if not check.earlier) > 6
    assert all(check.first == first for check in checks)


def test_measurements_that_a_run_makes_again_are_not_told_twice(tmp_path: Path) -> None:
    for step, score in ((0, 1.0), (6, 2.0), (6, 3.0), (12, 4.0)):
        note_check(tmp_path, TuningCheck(step, {"score": score}, f"/elsewhere/strip-{step}.png", best=True))
    with (tmp_path / CHECKS).open("a", encoding="utf-8") as file:
        file.write('{"step": 18, "fig')  # killed as it was written
    found = earlier_checks(tmp_path, 8)  # killed at step 13, whose checkpoint was of step 8
    assert [(check.step, check.figures["score"], check.earlier) for check in found] == [(0, 1.0, True), (6, 3.0, True)]
    assert found[0].strip == str(tmp_path / "strip-0.png")
    note_check(tmp_path, TuningCheck(12, {"score": 5.0}, "", best=True))
    assert [check.figures["score"] for check in earlier_checks(tmp_path, 20)] == [1.0, 3.0, 5.0]
    assert not earlier_checks(tmp_path, -1)  # a new run begins without them
    assert not earlier_checks(tmp_path, 20)


def test_what_is_to_be_known_of_the_pictures_is_told_before_anything_else(pairs: Collection, tmp_path: Path) -> None:
    parts = finetune(pairs, order(tmp_path, steps=6))
    first = next(parts)
    parts.close()
    assert isinstance(first, TuningBegun)
    assert "6 pictures are few" in first.warnings[0]


def test_as_many_pictures_are_asked_for_as_are_needed() -> None:
    assert LEAST_PICTURES == LEAST


@pytest.mark.usefixtures("any_gain")
def test_stopping_keeps_the_best_so_far_and_of_its_folder_what_a_window_shows(
    pairs: Collection, tmp_path: Path
) -> None:
    heard: list[TuningCheck] = []
    parts = finetune(pairs, order(tmp_path, steps=10_000), heard.append, stop=lambda: len(heard) > 1)
    for _ in islice(parts, 10_000):
        pass
    assert (tmp_path / "models" / "glass-plates.safetensors").is_file()
    assert all(Path(check.strip).is_file() for check in heard)
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.usefixtures("any_gain")
def test_a_folder_that_went_meanwhile_costs_nothing_that_was_learned(pairs: Collection, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.write_bytes(b"")
    with pytest.raises(WriteError, match="is a file and no folder"):
        finish(pairs, order(tmp_path, steps=2))
    models.unlink()
    again = finish(pairs, order(tmp_path, steps=2))
    assert again.steps == 2
    assert [path.name for path in models.iterdir()] == ["glass-plates.safetensors"]


def test_stopped_before_anything_was_learned_no_file_is_written_and_it_may_go_on(
    pairs: Collection, tmp_path: Path
) -> None:
    heard: list[TuningCheck] = []
    answers = chain((False,), repeat(True))  # the first is to the first measurement, as it ends
    parts = finetune(pairs, order(tmp_path, steps=10_000), heard.append, stop=lambda: bool(heard) and next(answers))
    tuned = at_once(parts)
    assert (tuned.path, tuned.style, tuned.learned) == ("", (), False)
    assert tuned.before == tuned.after
    assert not (tmp_path / "models").exists()
    assert (tmp_path / "last.safetensors").is_file()


def test_stopped_before_the_first_measurement_it_ends_at_once(pairs: Collection, tmp_path: Path) -> None:
    heard: list[TuningCheck] = []
    with pytest.raises(Cancelled):
        at_once(finetune(pairs, order(tmp_path), heard.append, stop=lambda: True))
    assert not heard
    assert not (tmp_path / "models").exists()


def test_where_nothing_better_was_found_no_file_is_written(
    pairs: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATE", 0.0)
    tuned = finish(pairs, order(tmp_path, steps=3))
    assert (tuned.path, tuned.steps, tuned.learned) == ("", 3, False)
    assert not (tmp_path / "models").exists()
    assert not list(tmp_path.glob("*.safetensors"))  # it has ended: only strips and the log stay


def test_parts_are_small_enough_to_take_turns(pairs: Collection, tmp_path: Path) -> None:
    parts = finetune(pairs, order(tmp_path, steps=2))
    assert len(list(islice(parts, 10_000))) > 2 * 4  # several rests a step, and some while measuring
