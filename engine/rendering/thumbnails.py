"""What the tone stage sees of whole pictures, kept."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from engine.models.weights import Restorer
from engine.rendering import stages
from engine.rendering.subject import Subject
from engine.rendering.tensors import inferred, to_tensor
from engine.runtime.steps import at_once
from engine.types import Region

_FROM = 512  # pixels a side at most: the same level for every model and view
_KEPT = 256


class Thumbnails:
    """One model's thumbnails (1, 3, 64, 64), restored where fading is to be undone. Engine thread only."""

    def __init__(self, restorer: Restorer, device: torch.device) -> None:
        self._restorer = restorer
        self._device = device
        self._kept: dict[tuple[str, int, bool], Tensor] = {}

    def forget(self, sha256: str) -> None:
        """Drops those of an image."""
        for key in [key for key in self._kept if key[0] == sha256]:
            del self._kept[key]

    def of(self, subject: Subject) -> Tensor:
        """The subject's thumbnail."""
        return at_once(self.steps(subject))

    def steps(self, subject: Subject) -> Generator[None, None, Tensor]:
        """The same in short steps. It is kept, so what goes through them first has its plan at once."""
        unfades = stages.unfades(subject.recipe)
        key = (subject.sha256, subject.page, unfades)
        if key not in self._kept:
            source = subject.source
            level = source.coarse_level(_FROM)
            x = to_tensor(source.working(level, Region(0, 0, *source.size(level))), self._device)
            if unfades:
                yield None
                x = yield from inferred(stages.mended(self._restorer, x))
            if len(self._kept) > _KEPT:
                self._kept.clear()
            self._kept[key] = stages.tone_thumbnail(x)
        return self._kept[key]
