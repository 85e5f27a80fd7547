"""What a graphics card must manage. Skipped where there is none; times are the best of a few runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch

from engine.evaluation.bench_files import photograph
from engine.evaluation.ours import in_memory
from engine.imaging.tiles import plan
from engine.models import catalog
from engine.models.weights import load_restorer
from engine.rendering import stages
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject
from engine.runtime.device import choose
from engine.types import SHIPPED_MODEL, Recipe

pytestmark = [pytest.mark.benchmark, pytest.mark.gpu]


@pytest.fixture(scope="module")
def card() -> Pipeline:
    chosen = choose("cuda")
    path, facts = catalog.find(SHIPPED_MODEL)
    return Pipeline(load_restorer(path, chosen.device, chosen.dtype), facts, chosen.device, 0)


def best(work: Callable[[], object], runs: int = 5) -> float:
    work()
    taken = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken)


def test_a_hundred_megapixels_take_less_than_a_second(card: Pipeline) -> None:
    subject = Subject("large", in_memory(photograph(12_247, 8_165)), Recipe())

    def restore() -> None:
        for _step in card.whole(subject):
            pass

    assert best(restore, 3) < 1.0


def test_the_head_s_tick_at_four_megapixels_takes_less_than_four_milliseconds(card: Pipeline) -> None:
    side = 2048
    (tile,) = plan(side, side, side, card.card.halo, card.card.multiple_of)
    x = torch.rand(1, 3, side, side, device=card.device).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        *_, seen = stages.understand(card.restorer, x, tile.padded, tile.core)
        ready = stages.prepare(card.restorer, Recipe(), None, stages.tone_thumbnail(x))
    assert seen is not None
    known = seen

    @torch.inference_mode()
    def tick() -> None:
        r = stages.residual(ready, known, tile.core)
        stages.complete(ready, known, x, r, tile.core)

    assert best(tick, 20) < 0.004
