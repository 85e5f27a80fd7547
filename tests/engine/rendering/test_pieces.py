"""Memory that runs out is answered by smaller pieces, not by a failure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.evaluation.ours import in_memory
from engine.models import catalog
from engine.models.generator import Understanding
from engine.models.weights import load_restorer
from engine.rendering.pieces import SMALLEST
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject
from engine.types import SHIPPED_MODEL, Recipe

HEIGHT, WIDTH = 461, 717  # a tile in one piece, and neither side a multiple of anything
Steps = Callable[[Tensor], Iterator[Understanding | None]]


class Memory:
    """A backbone on a device with room for pictures of so many pixels, which fails as the device would."""

    def __init__(self, steps: Steps, room: int, error: Exception, late: bool) -> None:
        self.room, self.failures, self.seen = room, 0, 0
        self._steps, self._error, self._late = steps, error, late

    def steps(self, x: Tensor) -> Iterator[Understanding | None]:
        pixels = x.shape[2] * x.shape[3]
        for number, result in enumerate(self._steps(x)):
            if pixels > self.room and (number > 1 or not self._late):
                self.failures += 1
                raise self._error
            yield result
        self.seen += 1


@pytest.fixture
def pipeline(one_thread: None) -> Pipeline:
    path, card = catalog.find(SHIPPED_MODEL)
    large = dataclasses.replace(card, tile=736)
    return Pipeline(load_restorer(path, torch.device("cpu"), torch.float32), large, torch.device("cpu"), 1 << 28)


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    rng = np.random.default_rng(5)
    coarse = rng.integers(30, 220, (24, 36, 3)).astype(np.float32)
    soft = torch.nn.functional.interpolate(
        torch.from_numpy(coarse).permute(2, 0, 1)[None], size=(HEIGHT, WIDTH), mode="bicubic"
    )[0].permute(1, 2, 0)
    noisy = soft.numpy() + rng.normal(0, 9, (HEIGHT, WIDTH, 3))
    noisy[:, 200:203] = 250  # a scratch, across pieces
    return np.clip(noisy, 0, 255).astype(np.uint8)


def restore(pipeline: Pipeline, picture: NDArray[np.uint8]) -> NDArray[Any]:
    pipeline.forget("p")
    steps = pipeline.whole(Subject("p", in_memory(picture), Recipe()))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: NDArray[Any] = stop.value[0]
            return result


def test_memory_that_runs_out_twice_is_answered_by_quarters_of_quarters(
    pipeline: Pipeline, picture: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    expected = restore(pipeline, picture).astype(int)
    memory = Memory(pipeline.restorer.backbone.steps, (163 + 2 * pipeline.card.halo) ** 2, error, late=True)
    monkeypatch.setattr(pipeline.restorer.backbone, "steps", memory.steps)
    found = restore(pipeline, picture).astype(int)
    assert memory.failures == 2
    assert np.abs(found - expected).max() <= 1
    assert memory.seen >= 12
    again = restore(pipeline, picture)
    assert memory.failures == 2  # the size is remembered
    assert np.array_equal(found, again)


def test_with_enough_memory_every_bit_is_as_without_the_care(
    pipeline: Pipeline, picture: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = restore(pipeline, picture)
    memory = Memory(pipeline.restorer.backbone.steps, 10**9, MemoryError(), late=False)
    monkeypatch.setattr(pipeline.restorer.backbone, "steps", memory.steps)
    assert np.array_equal(restore(pipeline, picture), expected)
    assert memory.seen == 1


def test_where_not_even_the_smallest_piece_fits_the_device_s_own_error_comes_out(
    pipeline: Pipeline, picture: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(pipeline.restorer.backbone.steps, 100, torch.OutOfMemoryError("CUDA out of memory"), late=False)
    monkeypatch.setattr(pipeline.restorer.backbone, "steps", memory.steps)
    with pytest.raises(torch.OutOfMemoryError):
        restore(pipeline, picture)
    assert pipeline.frugal.core == SMALLEST


def test_other_failures_are_no_matter_of_memory(
    pipeline: Pipeline, picture: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(
        pipeline.restorer.backbone.steps, 100, RuntimeError("CUDA error: unspecified launch failure"), False
    )
    monkeypatch.setattr(pipeline.restorer.backbone, "steps", memory.steps)
    with pytest.raises(RuntimeError, match="CUDA error"):
        restore(pipeline, picture)
    assert memory.failures == 1
