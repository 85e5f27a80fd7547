"""Two heaps without a common picture: a way back that learns a look, and a training that mends what it made old."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.errors import ModelError, TrainingError
from engine.models import catalog
from engine.models.reverse import Reverse, drawn
from engine.models.weights import load_reverse, save_reverse
from engine.runtime.steps import at_once
from engine.training import finetune as module
from engine.training import unpaired
from engine.training.collection import Collection, Squares, unpaired_collection, warnings_about
from engine.training.finetune import Order, finetune
from engine.types import Tuned, Tuning

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = catalog.shipped()[0]


def soft(seed: int) -> Tensor:
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    x = torch.nn.functional.interpolate(coarse, size=(176, 176), mode="bicubic").clamp(0.1, 0.9)[0]
    return (255 * x).to(torch.uint8)


def grainy(seed: int) -> Tensor:
    noise = torch.randn(3, 176, 176, generator=torch.Generator().manual_seed(seed)).mean(0)
    return (soft(seed).float() + 25 * noise).clamp(0, 255).to(torch.uint8)


@pytest.fixture
def heaps() -> Collection:
    old = [(f"old-{n}", grainy(n)) for n in range(5)]
    return unpaired_collection(old, [(f"wanted-{n}", soft(100 + n)) for n in range(6)])


def test_pictures_grow_old_by_noise_and_keep_their_tone() -> None:
    reverse, clean = Reverse(), torch.rand(2, 3, 64, 64)
    noises = [drawn(clean, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    one, again, other = (reverse(clean, torch.ones(2), noise) for noise in noises)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == clean.shape


def test_the_way_back_comes_nearer_to_the_look_of_a_heap(heaps: Collection) -> None:
    torch.manual_seed(1)
    way = unpaired.WayBack(Reverse())
    old, clean = Squares(heaps.scans), Squares(heaps.truth)
    wanted = unpaired.spectrum(old(8, unpaired.SIDE, 1))

    def away() -> float:
        made = unpaired.imitation(way.reverse, torch.device("cpu"))(clean(8, unpaired.SIDE, 2), 3)
        return float((unpaired.spectrum(made) - wanted).abs().mean())

    before = away()
    for number in range(40):
        for _ in way.step(clean(2, unpaired.SIDE, number), old(2, unpaired.SIDE, number), 0.8, wanted, number):
            pass
    assert away() < 0.7 * before


def test_a_way_back_is_read_as_it_was_written(tmp_path: Path) -> None:
    reverse = Reverse()
    save_reverse(tmp_path / "way.safetensors", reverse.state_dict(), {"id": "way"})
    assert (tmp_path / "way.safetensors").stat().st_size < 1_000_000
    again = load_reverse(tmp_path / "way.safetensors")
    assert torch.allclose(again.stem.weight, reverse.stem.weight, atol=1e-3)
    (tmp_path / "way.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError):
        load_reverse(tmp_path / "way.safetensors")


def test_a_damaged_way_back_is_learned_anew(heaps: Collection, tmp_path: Path) -> None:
    wish = Tuning("two-heaps", "unpaired", (), str(tmp_path / "models"))
    order = Order(wish, BASE, None, tmp_path, steps=2, size=64)
    (tmp_path / "reverse.safetensors").write_bytes(b"no weights")
    at_once(unpaired.with_a_way_back(heaps, order))
    learned = load_reverse(tmp_path / "reverse.safetensors").stem.weight
    at_once(unpaired.with_a_way_back(heaps, order))
    assert torch.equal(load_reverse(tmp_path / "reverse.safetensors").stem.weight, learned)


def test_two_heaps_end_no_worse_by_the_round_trip_they_are_judged_by(
    heaps: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK", 6)
    for name, value in (("COUNT", 2), ("ORDINARY", 2), ("SIZE", 64)):
        monkeypatch.setattr(f"engine.training.held_out.{name}", value)
    wish = Tuning("two-heaps", "unpaired", (), str(tmp_path / "models"))
    steps = finetune(heaps, Order(wish, BASE, None, tmp_path, steps=8, size=64))
    doing = set()
    while True:
        try:
            doing.add(next(steps).message)
        except StopIteration as end:
            tuned: Tuned = end.value
            break
    assert "learning how your scans have aged" in doing
    assert tuned.after["score"] >= tuned.before["score"]
    assert math.isfinite(tuned.after["own_10"])
    assert any("round trip" in sentence for sentence in tuned.warnings)


def test_the_wanted_heap_is_looked_at_before_anything_starts() -> None:
    old = [(f"old-{n}", grainy(n)) for n in range(5)]
    with pytest.raises(TrainingError, match="too few"):
        unpaired_collection(old, old[:2])


def test_a_picture_on_both_sides_is_refused_by_name() -> None:
    old, wanted = ([(f"{heap}-{n}", grainy(n + first)) for n in range(5)] for heap, first in (("old", 0), ("new", 9)))
    unpaired_collection(old, wanted)
    wanted[3] = ("renamed", old[1][1].clone())
    with pytest.raises(TrainingError, match="“old-1” of the scans and “renamed” of the wanted"):
        unpaired_collection(old, wanted)


def test_the_stand_in_measure_is_said_in_words(heaps: Collection) -> None:
    assert "round trip" in " ".join(warnings_about(heaps))
