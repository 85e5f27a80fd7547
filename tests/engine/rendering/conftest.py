"""The shipped network, for tests of what is rendered with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from engine.models import catalog
from engine.models.weights import load_restorer
from engine.rendering.pipeline import Pipeline
from engine.types import SHIPPED_MODEL


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    """In tiles of 128 pixels: several for a small picture."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    path, card = catalog.find(SHIPPED_MODEL)
    small = dataclasses.replace(card, tile=128)
    yield Pipeline(load_restorer(path, torch.device("cpu"), torch.float32), small, torch.device("cpu"), 1 << 28)
    torch.set_num_threads(threads)
