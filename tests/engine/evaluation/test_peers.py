"""Other people's networks as rivals: read as imported ones are, refused in words, run as they would be used."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import ModelError, RecipeError
from engine.evaluation import peers, upscaling
from engine.evaluation.ours import ager, candidate, candidates
from engine.rendering.studio import Studio
from engine.runtime.steps import at_once
from engine.types import Comparison, Recipe
from tests.engine.rendering import networks


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    threads = torch.get_num_threads()
    made = Studio("cpu", interactive=False, cache_bytes=0)
    torch.set_num_threads(1)
    yield made
    torch.set_num_threads(threads)


def test_a_peer_is_run_as_it_would_be_used(studio: Studio, tmp_path: Path) -> None:
    pipeline = peers.load(networks.saved(tmp_path), studio)
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    assert candidate(pipeline, Recipe())(pixels).shape == (20, 30, 3)
    assert candidate(pipeline, Recipe(scale=4))(pixels).shape == (80, 120, 3)
    assert pipeline.card.tile == 512


def test_peers_are_measured_beside_ours_by_the_names_of_their_files(studio: Studio, tmp_path: Path) -> None:
    found = candidates(studio, [str(networks.saved(tmp_path))])
    assert {"archivist", "input", "compact"} < found.keys()


def test_two_candidates_of_one_name_are_refused(studio: Studio, tmp_path: Path) -> None:
    for files in (["a/net.pth", "b/net.safetensors"], ["input.pth"], ["archivist.pth"]):
        with pytest.raises(RecipeError, match="Two candidates would be called"):
            candidates(studio, files)


def test_a_peer_that_enlarges_less_is_named(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = peers.load(networks.saved(tmp_path), studio)
    twice.card = replace(twice.card, scale=2)
    monkeypatch.setattr(peers, "load", lambda *_: twice)
    comparison = Comparison(str(tmp_path), peers=("twice.pth",), scale=4)
    with pytest.raises(ModelError, match="“twice” does not enlarge 4 times"):
        at_once(upscaling.compare(studio, comparison))


def test_any_number_ages_a_folder(tmp_path: Path) -> None:
    clean = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    aged = [ager(seed, 0.5)(clean, 0) for seed in (20261231120000, 20261231120000, 20261231120001)]
    assert np.array_equal(aged[0], aged[1])
    assert not np.array_equal(aged[0], aged[2])


class Trap:
    """A pickle that would make a file if it ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


def test_files_that_are_no_network_are_refused_and_run_nothing(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap(tmp_path / "ran"), protocol=2))
    torch.save({"params": {"conv.weight": torch.zeros(3, 3)}}, tmp_path / "other.pth")
    for name in ("trap", "other", "missing"):
        with pytest.raises(ModelError):
            peers.load(tmp_path / f"{name}.pth", studio)
    assert not (tmp_path / "ran").exists()
