from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.training import phases, trials
from engine.training.adversary import ADVERSARIES
from engine.training.dataset import PhotoSet
from engine.training.presets import PRESETS, Phase
from engine.training.pretrain import Options, new_run

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = replace(
    PRESETS["head-short"],
    phases=(Phase("critic", 1, 5e-4, batch=3, size=64, steps=2), Phase("joint", 1, 5e-4, batch=3, size=64, steps=3)),
    validation_pictures=2,
    validation_size=96,
    needs_start=False,
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    coarse = np.random.default_rng(0).integers(0, 255, (8, 10, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC).save(folder / "a.png")
    return folder


def test_all_games_are_played_equally_long_and_measured(photos: Path, tmp_path: Path) -> None:
    found = dict(trials.games(SHORT, photos, tmp_path, Options()))
    assert list(found) == list(ADVERSARIES)
    assert all({"psnr_1", "texture_1"} <= set(figures) for figures in found.values())


def test_corners_are_measured_by_the_same_objective(photos: Path, tmp_path: Path) -> None:
    found = dict(trials.corners(SHORT, photos, tmp_path, Options()))
    assert len(found) == len(trials.CORNERS)
    for figures in found.values():
        assert figures["ratio"] == pytest.approx(figures["all"] / figures["own"])
        assert 0.5 < figures["ratio"] < 2.0  # three steps from the same start


def test_a_network_is_as_good_as_itself_whatever_it_took_for_the_scales(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path / "run", torch.device("cpu"), 1)
    trained = iter([replace(run, scales={"content": 1.0 + n, "style": 2.0 - n / 8}) for n in range(4)])
    monkeypatch.setattr(trials, "_trained", lambda *_: next(trained))
    ratios = [figures["ratio"] for _, figures in trials.corners(SHORT, photos, tmp_path, Options())]
    assert ratios == [pytest.approx(1.0)] * 3


@pytest.mark.parametrize(("corner", "styled"), [((10.0, 0.0), 0), ((0.1, 10.0), 5)])
def test_a_phase_for_a_corner_draws_nothing_else(
    photos: Path, tmp_path: Path, corner: tuple[float, float], styled: int
) -> None:
    run = new_run(tmp_path / "run", torch.device("cpu"), 1)
    phase = Phase("joint", 1, 5e-4, batch=6, size=64, corner=corner)
    weights = phases.draw_weights(run, phases.Lesson(PhotoSet(photos), None, phase, torch.device("cpu"), 3))
    assert torch.equal(weights.alpha, torch.full((6,), corner[0]))
    assert weights.beta.count_nonzero() == styled
    assert set(weights.beta.tolist()) <= {0.0, corner[1]}
