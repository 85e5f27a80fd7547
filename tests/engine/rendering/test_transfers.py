"""Results that come back one tile later are the same results."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.evaluation.ours import in_memory
from engine.models import catalog
from engine.models.weights import load_restorer
from engine.rendering.canvas import Tally
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject
from engine.rendering.transfers import Transfers
from engine.runtime.device import choose
from engine.types import SHIPPED_MODEL, Progress, Recipe


class Lagging(Transfers):
    """Holds results back as a card does, and notes what was on its way at the same time."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))
        self.lag = 1
        self.sent = self.taken = 0
        self.ahead: list[int] = []

    def send(self, picture: Any) -> Any:
        take = super().send(picture)
        self.sent += 1

        def taking() -> torch.Tensor:
            self.taken += 1
            self.ahead.append(self.sent - self.taken)
            return take()

        return taking


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    path, card = catalog.find(SHIPPED_MODEL)
    small = dataclasses.replace(card, tile=64, halo=16)
    yield Pipeline(load_restorer(path, torch.device("cpu"), torch.float32), small, torch.device("cpu"), 0)
    torch.set_num_threads(threads)


def restore(pipeline: Pipeline, pixels: NDArray[np.uint8]) -> tuple[NDArray[Any], Tally, list[int]]:
    steps = pipeline.whole(Subject("p", in_memory(pixels), Recipe()))
    done: list[int] = []
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return (*stop.value, done)
        if isinstance(step, Progress):
            done.append(step.done)


@pytest.mark.parametrize("size", [(60, 50), (150, 200)])
def test_a_lag_changes_no_pixel_and_loses_none(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    expected = restore(pipeline, pixels)
    lagging = Lagging()
    monkeypatch.setattr(pipeline, "_transfers", lagging)
    found = restore(pipeline, pixels)
    assert np.array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]
    assert lagging.sent == lagging.taken
    assert not pipeline._sent
    if size == (150, 200):
        assert max(lagging.ahead) == 1  # the next tile's pixels travel while this one is computed


def test_a_closed_restoration_leaves_nothing_on_its_way(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_transfers", Lagging())
    steps = pipeline.whole(Subject("p", in_memory(np.zeros((150, 200, 3), np.uint8)), Recipe()))
    while not isinstance(next(steps), Progress):
        pass
    assert pipeline._sent
    steps.close()
    assert not pipeline._sent


@pytest.mark.gpu
def test_pictures_reach_a_card_and_come_back_unchanged() -> None:
    transfers = Transfers(torch.device("cuda"))
    pictures = [np.random.default_rng(n).random((700, 900, 3)).astype(np.float32) for n in range(4)]
    sent = [transfers.send(picture) for picture in pictures]
    fetched = [transfers.fetch(take()[0].permute(1, 2, 0).contiguous() * 2) for take in sent]
    for picture, take in zip(pictures, fetched, strict=True):
        assert np.array_equal(take(), picture * 2)


@pytest.mark.gpu
def test_a_card_agrees_with_the_processor_within_two_levels() -> None:
    path, card = catalog.find(SHIPPED_MODEL)
    pixels = np.random.default_rng(1).integers(0, 255, (700, 900, 3), np.uint8)
    chosen = choose("cuda")
    results = []
    for device, dtype in ((torch.device("cpu"), torch.float32), (chosen.device, chosen.dtype)):
        made = Pipeline(load_restorer(path, device, dtype), card, device, 0)
        results.append(restore(made, pixels)[0].astype(int))
    assert np.percentile(np.abs(results[0] - results[1]), 99) <= 2
