"""What the engine thread owns: the device, the networks, the pipeline. Made on that thread, used on no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from engine.errors import ModelError, RecipeError
from engine.models import catalog
from engine.models.objective import Objective
from engine.models.weights import Restorer, load_objective, load_restorer, load_upscaler
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.tensors import to_tensor
from engine.runtime.device import choose, processor, use_threads
from engine.runtime.failures import is_device_lost, is_out_of_memory, release_memory
from engine.styles.encode import encode
from engine.types import SHIPPED_MODEL, EngineReady, ModelCard, Region

if TYPE_CHECKING:
    from engine.rendering.foreign import Foreign

_log = logging.getLogger(__name__)


def community() -> ModuleType:
    """`engine.rendering.importing`. ModelError where this installation lacks what runs other people's networks.

    Any thread may ask; the first time takes seconds.
    """
    try:
        from engine.rendering import importing
    except (ImportError, OSError, RuntimeError) as error:  # how a torchvision that does not fit torch answers
        _log.warning("%s", error)
        raise ModelError(
            "This installation cannot run other people’s networks: spandrel or torchvision is missing or does not fit; "
            "install Archivist with its libraries again."
        ) from error
    return importing


class Studio:
    """Loads the shipped model when made; other models when a recipe asks for them."""

    def __init__(
        self, device: str, *, interactive: bool, cache_bytes: int, folders: Callable[[], Sequence[Path]] = tuple
    ) -> None:
        """`folders` says where imported models lie."""
        self._folders = folders
        self.device = choose(device)
        self._cache_bytes = cache_bytes
        self._pipelines: dict[str, Pipeline] = {}
        self._objectives: dict[str, Objective] = {}
        self.threads = use_threads(interactive)
        self.pipeline(SHIPPED_MODEL)
        self.ready = EngineReady(
            device=self.device.device.type,
            device_reason=self.device.reason,
            dtype=self.device.dtype_name,
            threads=self.threads,
            torch=torch.__version__,
            seconds=0.0,  # known to the caller, who imported torch
        )

    def pipeline(self, model: str) -> Pipeline:
        """The pipeline of a model; ModelError where there is no such model, RecipeError for one for faces."""
        if model not in self._pipelines:
            self._pipelines[model] = self._pipeline(*self.find_restorer(model))
        return self._pipelines[model]

    def find_restorer(self, model: str) -> tuple[Path, ModelCard]:
        """Weight file and card of a model that restores whole pictures; RecipeError for one for faces."""
        path, card = self.find(model)
        if card.faces:
            raise RecipeError(
                f"“{card.title}” restores single faces, never a whole picture; choose another model for the picture, "
                "and this one for faces that you mark (“archivist faces”, or Restore faces… in the window)."
            )
        return path, card

    def find_face_network(self, model: str) -> tuple[Path, ModelCard]:
        """Weight file and card of a network for faces; RecipeError for any other model."""
        path, card = self.find(model)
        if not card.faces:
            raise RecipeError(
                f"“{card.title}” is no network for faces; name one that was imported with --faces "
                "(“archivist models” lists the models there are)."
            )
        return path, card

    def find(self, model: str) -> tuple[Path, ModelCard]:
        """A model's weight file and card; ModelError where there is no such model."""
        return catalog.find(model, self._folders())

    def has(self, model: str) -> bool:
        """Whether a model is loaded."""
        return model in self._pipelines

    def adopt(self, model: str, card: ModelCard, foreign: Foreign) -> None:
        """Takes a network of other people's that was loaded elsewhere; recipes name it `model`."""
        self._pipelines[model] = self.borrow(foreign, card)

    def forget(self, model: str) -> None:
        """Lets go of a model under every name it was asked for by, so that its file can be removed."""
        names = {model, *(name for name, one in self._pipelines.items() if one.card.id == model)}
        for name in names:
            self._pipelines.pop(name, None)
            self._objectives.pop(name, None)  # another model of that name measures otherwise

    def forget_image(self, name: str) -> None:
        """Drops what any model has seen of an image that goes by that name."""
        for pipeline in self._pipelines.values():
            pipeline.forget(name)

    def leave_device(self, error: RuntimeError) -> str:
        """Moves to the processor where `error` means that the device is lost, or has no room even for little.

        A sentence for a person, or "" where the error is none of the device's. MemoryError where memory ran out on
        the processor itself. What was cached on the device is gone; weights are read from their files again.
        """
        no_room = is_out_of_memory(error)
        if self.device.device.type == "cpu":
            if no_room:
                raise MemoryError from error
            return ""
        if not no_room and not is_device_lost(error):
            return ""
        what = "has too little memory" if no_room else "stopped answering"
        _log.warning("Leaving the device %s: %s", self.device.device, error)
        left = self.device.device
        self.device = processor(f"the graphics card {what}")
        self._pipelines.clear()
        self._objectives.clear()
        if no_room:  # a lost device answers this with the same error once more
            release_memory(left)
        name, reason = self.device.dtype_name, self.device.reason
        self.ready = replace(self.ready, device="cpu", device_reason=reason, dtype=name)
        return f"The graphics card {what}; Archivist goes on with the processor, more slowly."

    def pipeline_of(self, path: Path) -> Pipeline:
        """The pipeline of a weight file that is not installed; ModelError where it is none. Not kept."""
        return self._pipeline(path, catalog.read_card(path))

    def _pipeline(self, path: Path, card: ModelCard) -> Pipeline:
        device = self.device.device
        if card.origin == "imported":
            return self._borrowed(path, card)
        restorer = load_restorer(path, device, self.device.dtype)
        tail = catalog.tail_of(path)
        upscaler = partial(load_upscaler, tail, catalog.base_of(path) or path, device) if tail else None
        return Pipeline(restorer, card, device, self._cache_bytes, upscaler)

    def _borrowed(self, path: Path, card: ModelCard) -> Pipeline:
        return self.borrow(community().load(path, card, self.device.device), card)

    def borrow(self, foreign: Foreign, card: ModelCard) -> Pipeline:
        """The pipeline of a network of other people's, on the studio's device. Not kept."""
        from engine.rendering.borrowed import Borrowed  # with spandrel, which is here already

        return Borrowed(foreign, card, self.pipeline(SHIPPED_MODEL), self._cache_bytes)

    def objective(self, model: str) -> Objective:
        """What the model was trained on; ModelError where its file carries no measure of it."""
        if model not in self._objectives:
            self._objectives[model] = load_objective(self.find(model)[0], self.device.device)
        return self._objectives[model]

    @property
    def card(self) -> ModelCard:
        """The shipped model's card."""
        return self.pipeline(SHIPPED_MODEL).card

    @property
    def restorer(self) -> Restorer:
        """The shipped networks."""
        return self.pipeline(SHIPPED_MODEL).restorer

    def style_code(self, source: Source) -> tuple[float, ...]:
        """The 64 numbers of a picture taken as a style reference."""
        level = source.pyramid.level_for(min(1.0, 512 / min(source.size(0))))
        width, height = source.size(level)
        whole = source.working(level, Region(0, 0, width, height))
        return encode(self.restorer.encoder, to_tensor(whole, self.device.device))
