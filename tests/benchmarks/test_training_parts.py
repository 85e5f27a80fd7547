"""What a fine-tuning does between two rests, as against its own steps of learning: the window waits for no longer."""

from __future__ import annotations

import gc
import time
from itertools import dropwhile
from pathlib import Path

import pytest
import torch

from engine.models import catalog
from engine.training import finetune as module
from engine.training.collection import Collection
from engine.training.finetune import Order, finetune
from engine.types import Tuning

pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("one_thread")]


def test_no_part_of_measuring_takes_longer_than_one_of_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK", 8)
    generator = torch.Generator().manual_seed(3)
    truth = tuple(torch.randint(0, 256, (3, 320, 320), generator=generator, dtype=torch.uint8) for _ in range(6))
    base = catalog.shipped()[0]
    wish = Tuning("plates", "clean", (), str(tmp_path))
    order = Order(wish, base, base.with_name(f"{base.stem}-critic{base.suffix}"), tmp_path, steps=8)
    parts = finetune(Collection("clean", tuple("abcdef"), truth), order)
    taken: list[tuple[str, float]] = []
    gc.disable()  # when it comes, and how long it takes, depends on what else was loaded
    try:
        start = time.thread_time()
        for progress in parts:
            taken.append((progress.message, time.thread_time() - start))
            start = time.thread_time()
    finally:
        gc.enable()
    warm = list(dropwhile(lambda part: part[0] != "learning", taken))
    learning, measuring = (max(t for what, t in warm if what == name) for name in ("learning", "measuring"))
    assert measuring < 1.5 * learning, f"{1000 * measuring:.0f} ms of measuring, {1000 * learning:.0f} ms of learning"
