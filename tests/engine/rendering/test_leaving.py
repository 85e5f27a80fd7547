"""A device that fails is left for the processor, and what was begun is finished there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.errors import EngineError
from engine.models import catalog
from engine.models.generator import Backbone, Understanding
from engine.models.weights import load_restorer
from engine.rendering.studio import Studio
from engine.rendering.thumbnails import Thumbnails
from engine.rendering.transfers import Transfers
from engine.runtime.device import Device
from engine.service import EngineService
from engine.types import EngineReady, ExportOptions, ModelCard, Progress, Recipe


class Card(torch.nn.Module):
    """Stands where a backbone on a card would, and fails in the third tile as the card would."""

    def __init__(self, inner: Backbone, error: Exception) -> None:
        super().__init__()
        self.inner, self.error, self.tiles = inner, error, 0
        self.stem = inner.stem

    def steps(self, x: Tensor) -> Iterator[Understanding | None]:
        self.tiles += 1
        if self.tiles == 3:
            raise self.error
        yield from self.inner.steps(x)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(2).integers(0, 255, (150, 260, 3), np.uint8)
    path = tmp_path / "master.png"
    Image.fromarray(pixels).save(path)
    return path


def fail(service: EngineService, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Studio:
    """Lets the engine believe that it is on a card, one that fails with `error`: everything is computed here, only the
    device's name is another. The studio it works in."""
    find_installed = catalog.find

    def find(model: str, folders: Sequence[Path] = ()) -> tuple[Path, ModelCard]:
        path, card = find_installed(model, folders)
        return path, replace(card, tile=64, halo=16)

    def load_on_card(path: Path, device: torch.device, dtype: torch.dtype) -> object:
        restorer = load_restorer(path, torch.device("cpu"), torch.float32)
        if device.type == "cpu":
            return restorer
        object.__setattr__(restorer, "backbone", Card(restorer.backbone, error))
        return restorer

    def choose(_wish: str) -> Device:
        return Device(torch.device("meta"), torch.float32, "a card is pretended")

    monkeypatch.setattr("engine.rendering.studio.load_restorer", load_on_card)
    monkeypatch.setattr(catalog, "find", find)
    monkeypatch.setattr("engine.rendering.studio.choose", choose)
    service.warm().result(60)
    studio = service._studio_made
    assert studio is not None
    for pipeline in studio._pipelines.values():
        pipeline.device = torch.device("cpu")  # where its tensors really are
        pipeline._transfers = Transfers(pipeline.device)
        pipeline.thumbnails = Thumbnails(pipeline.restorer, pipeline.device)
    return studio


LOST = RuntimeError("CUDA error: unspecified launch failure")


@pytest.mark.parametrize(
    ("error", "words"),
    [(LOST, "stopped answering"), (torch.OutOfMemoryError("CUDA out of memory"), "too little memory")],
)
def test_an_export_goes_on_with_the_processor_and_a_person_is_told_once(
    service: EngineService, master: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    monkeypatch.setattr("engine.rendering.pieces.SMALLEST", 1024)  # no smaller pieces: the card is left at once
    told: list[tuple[EngineReady, str]] = []
    service.watch(lambda ready, sentence: told.append((ready, sentence)))
    studio = fail(service, monkeypatch, error)
    image = service.open_image(str(master)).result(60).ref
    steps: list[Progress] = []
    target = master.with_name("restored.png")
    work = service.export(image, Recipe(), ExportOptions(str(target)), steps.append)
    restored = work.future.result(120)
    assert restored.device == "cpu"
    assert np.asarray(Image.open(target)).shape == (150, 260, 3)
    ((ready, sentence),) = told
    assert words in sentence
    assert "\n" not in sentence
    assert ready.device == "cpu"
    assert words in ready.device_reason
    assert [step.done for step in steps if step.message == "restoring"][:3] == [1, 2, 1]  # begun again
    assert studio.device.device.type == "cpu"


def test_a_mistake_of_our_own_leaves_the_device_alone(
    service: EngineService, master: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = fail(service, monkeypatch, RuntimeError("shapes do not match"))
    image = service.open_image(str(master)).result(60).ref
    work = service.export(image, Recipe(), ExportOptions(str(master.with_name("r.png"))), lambda _step: None)
    wait([work.future], 60)
    with pytest.raises(EngineError, match="nobody foresaw"):
        work.future.result()
    assert studio.device.device.type == "meta"


def test_memory_that_runs_out_on_the_processor_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    studio = Studio("cpu", interactive=False, cache_bytes=0)
    with pytest.raises(MemoryError):
        studio.leave_device(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert studio.leave_device(RuntimeError("anything else")) == ""
