"""The scoreboard: figures against bounds, and every theme on a tiny hall."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import RecipeError
from engine.evaluation import figures, flatness, holes, monotone, optimum, ours, reading, toning
from engine.evaluation.benchmark import Pixels
from engine.evaluation.hall import Hall
from engine.evaluation.judge import THEMES, judge
from engine.models.catalog import read_card
from engine.models.weights import load_objective, load_restorer, save_restorer
from engine.rendering.pipeline import Pipeline
from engine.rendering.studio import Studio
from engine.runtime.steps import at_once
from engine.styles.library import StyleLibrary
from engine.styles.processes import PROCESSES
from engine.training.run import Networks
from engine.types import SHIPPED_MODEL, StyleCard, Trial

CPU = torch.device("cpu")
SIDE = 72


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clean pictures and their noisy twins, and weights that have learned nothing."""
    root = tmp_path_factory.mktemp("hall")
    draw = np.random.default_rng(0)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    for number in range(2):
        scene = np.stack([x, y, 0.5 + 0.3 * np.sin((9 + number) * x * y)], axis=2) * 0.6 + 0.2
        for name, noise in (("clean", 0.0), ("defects", 0.05)):
            (root / name).mkdir(exist_ok=True)
            pixels = np.clip(scene + draw.normal(0, noise, scene.shape), 0, 1)
            Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(root / name / f"{number}.png")
    torch.manual_seed(0)
    card = {"id": SHIPPED_MODEL, "title": "Tiny", "scales": {"content": 0.03, "style": 0.3}}
    save_restorer(root / "tiny.safetensors", Networks().state_dict(), card)
    return root


@pytest.fixture(scope="module")
def hall(folders: Path) -> Hall:
    torch.set_num_threads(1)
    path = folders / "tiny.safetensors"
    cards = StyleLibrary(folders / "none.json").cards()
    chosen = [card for card in cards if card.id in ("sepia", "cyanotype", "halftone", "albumen")]
    return Hall(
        pipeline=Pipeline(load_restorer(path, CPU, torch.float32), read_card(path), CPU, 1 << 26),
        objective=load_objective(path, CPU),
        load=partial(load_restorer, path),
        styles={card.id: card for card in chosen},
        clean=folders / "clean",
        defects=folders / "defects",
    )


def test_a_bound_is_kept_or_missed_and_what_is_undefined_misses_it() -> None:
    assert figures.at_least("t", "n", 2.0, 1.0).verdict == "reached"
    assert figures.at_most("t", "n", 2.0, 1.0).verdict == "not reached"
    assert figures.between("t", "n", 0.5, 0.4, 0.6).verdict == "reached"
    for made in (figures.at_least, figures.at_most):
        missed = made("t", "n", float("nan"), 1.0)
        assert (missed.verdict, missed.value) == ("not reached", None)
    assert figures.told("t", "n", float("nan")).value is None
    assert figures.told("t", "n", float("inf")).value == 1e9
    assert figures.told("t", "n", 1.0).verdict == ""
    assert figures.skipped("t", "n", "why").verdict == "skipped"


@pytest.mark.parametrize("name", ["fidelity", "noise", "flatness", "styles", "sameness"])
def test_a_theme_measures_something_finite(hall: Hall, name: str) -> None:
    found = at_once(THEMES[name](hall))
    assert found
    assert all(figure.theme == name for figure in found)
    assert all(figure.value is not None and np.isfinite(figure.value) for figure in found)
    same = [figure for figure in found if figure.name in ("beta 0: largest change", "the same twice, largest")]
    assert all(figure.verdict == "reached" for figure in same)


@pytest.mark.parametrize("name", ["tone", "holes"])
def test_what_no_picture_has_is_skipped_and_no_miss(hall: Hall, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toning, "FADED", 1e6)
    monkeypatch.setattr(holes, "KINDS", {"holes": "lost areas"})
    monkeypatch.setattr(holes, "WIDEST", -1)
    assert at_once(THEMES[name](hall))[0].verdict == "skipped"


def test_the_feature_distance_is_taken_in_squares(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hall.objective is not None
    measure = ours.feature_distance(hall.objective.features)
    draw = np.random.default_rng(0)
    one, other = (draw.integers(0, 255, (SIDE, 2 * SIDE, 3), np.uint8) for _ in range(2))
    whole = measure(one, other)
    monkeypatch.setattr(ours, "_SQUARE", SIDE)
    halves = [measure(one[:, part], other[:, part]) for part in (slice(0, SIDE), slice(SIDE, 2 * SIDE))]
    assert measure(one, other) == pytest.approx(sum(halves) / 2)
    assert measure(one, other) == pytest.approx(whole, rel=0.05)
    assert measure(one, one) == 0


@pytest.mark.parametrize("side", [8, 255, 256, 257, 511, 513, 769, 1300])
def test_the_squares_cover_a_side_once_and_none_is_small(side: int) -> None:
    parts = ours._parts(side)
    assert [n for part in parts for n in range(side)[part]] == list(range(side))
    assert all(part.stop - part.start >= min(side, 256) for part in parts)


def test_flat_blocks_and_their_noise_are_seen() -> None:
    draw = np.random.default_rng(0)
    x = np.linspace(0, 8, 96)
    truth = 128 + np.outer(np.ones(96), np.where(x > 4, 60 * np.sin(30 * x), 0))[..., None].repeat(3, axis=2)
    blurred = truth * 0.5 + 64
    noisy = truth + draw.normal(0, 12, truth.shape)
    wanted, faithful, worse = (flatness.energies(_rounded(p)) for p in (truth, blurred, noisy))
    assert flatness.agreement(faithful, wanted) > 0.99 > flatness.agreement(worse, wanted)


def _rounded(picture: np.ndarray) -> Pixels:
    return np.asarray(np.clip(np.rint(picture), 0, 255), dtype=np.uint8)


def test_a_loss_that_rises_anywhere_is_told() -> None:
    falling = np.broadcast_to(np.array([5.0, 4, 3, 2, 1])[None, :, None], (3, 5, 2)).copy()
    assert [figure.reached for figure in monotone._falling("x", falling)] == [True, True, None]
    falling[1, 2, 0] = 4.01  # one picture, by a quarter of a percent
    assert [figure.reached for figure in monotone._falling("x", falling)] == [True, True, None]
    falling[1, 2, 0] = 4.1
    assert [figure.reached for figure in monotone._falling("x", falling)] == [True, False, None]
    falling[:, 4] = 2.0
    assert not monotone._falling("x", falling)[0].reached


def test_losses_of_the_grid_see_distance_and_style(hall: Hall) -> None:
    assert hall.objective is not None
    process = PROCESSES[2]
    clean, damaged = hall.damaged[0]
    tensors = [torch.from_numpy(p.astype(np.float32) / 255).permute(2, 0, 1)[None] for p in (clean, damaged)]
    squares = monotone.wanted(hall.objective, clean, process)
    near, far = (monotone.losses(hall.objective, tensor, squares) for tensor in tensors)
    assert near[0] < 0.2 * far[0]


def test_the_optimum_is_measured_or_skipped_in_words(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimum, "STYLES", ("sepia", "halftone"))
    monkeypatch.setattr(optimum, "PASSES", 2)
    monkeypatch.setattr(optimum, "MANY", 3)
    found = {figure.name: figure for figure in at_once(optimum.optimum(hall))}
    assert found["fast pass / 2 passes"].value
    blind = Hall(hall.pipeline, None, hall.load, hall.styles, hall.clean, defects=hall.defects)
    for theme in (optimum.optimum, monotone.monotone):
        (figure,) = at_once(theme(blind))
        assert figure.verdict == "skipped"
        assert "no measure" in figure.note or "carry no" in figure.note


def test_lettering_counts_right_characters_and_needs_a_reader(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.agreeing("The pl@tes were", "The plates were") == 12
    monkeypatch.setattr(reading, "PAGES", 1)
    monkeypatch.setattr(reading, "page", lambda height: np.full((SIDE, SIDE, 3), 200, np.uint8))
    found = at_once(reading.reading(hall, lambda picture: reading.TEXT[: int(picture[..., 0].mean())]))
    assert found[0].value == len("".join(reading.TEXT[:200].split()))
    (figure,) = at_once(reading.reading(hall, lambda _picture: None))
    assert figure.note == "the reader broke off on every page"
    (figure,) = at_once(reading.reading(hall, lambda _picture: ""))  # 0 characters are no fewer than 0
    assert figure.note == "the reader cannot read even the clean pages"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (figure,) = at_once(reading.reading(hall))
    assert figure.note == "tesseract is not installed"


def test_a_page_holds_its_text_within_its_borders() -> None:
    for height in (17, 26):
        sheet = reading.page(height)
        assert (sheet[:, :20] > 200).all()
        assert (sheet[:, -20:] > 200).all()
        assert (sheet < 100).any()


def test_the_judge_names_what_cannot_be_measured(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    studio = Studio("cpu", interactive=False, cache_bytes=1 << 26)
    weights = str(folders / "tiny.safetensors")
    cards: tuple[StyleCard, ...] = ()
    trial = Trial(str(folders / "clean"), weights=weights, only=("noise", "fidelity"), pictures=1)
    judgement = at_once(judge(studio, trial, cards))
    assert judgement.pictures == 1
    assert [figure.verdict for figure in judgement.figures if figure.theme == "fidelity"] == ["skipped"]
    assert judgement.weights == read_card(Path(weights)).sha256
    assert judgement.wanted == 1
    with pytest.raises(RecipeError, match="At least one picture"):
        Trial(str(folders / "clean"), pictures=0)
    with pytest.raises(RecipeError, match="no theme"):
        at_once(judge(studio, Trial(str(folders / "clean"), only=("beauty",)), cards))
