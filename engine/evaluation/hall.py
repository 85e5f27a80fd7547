"""Where a model is judged: its pipeline, its own measure, and the pictures, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import ImageError
from engine.evaluation.benchmark import Candidate, Pixels, pairs_of, pictures, read_truth
from engine.evaluation.figures import Figure
from engine.evaluation.ours import in_memory
from engine.models.objective import Objective
from engine.models.weights import Restorer
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.types import Progress, Recipe, StyleCard

Theme = Generator[Progress, None, list[Figure]]
"""Steps that find the figures of one theme; each is one picture or so."""

Pictures = list[tuple[Pixels, Pixels]]
_SOURCES = 8  # kept, so that a picture's tiles are found again from one recipe to the next


@dataclass
class Hall:
    """A model and what it is judged on. The folders hold pictures of the same names; an empty one is left out."""

    pipeline: Pipeline
    objective: Objective | None  # None where the weights carry no measure of content and style
    load: Callable[[torch.device, torch.dtype], Restorer]  # the same weights anew
    styles: Mapping[str, StyleCard]
    clean: Path
    aged: Path | None = None  # faded and toned as well: for the tone stage
    defects: Path | None = None  # damaged only: for faithfulness
    peer: tuple[str, Candidate] | None = None
    peer_net: tuple[str, Pipeline] | None = None  # the same, as it enlarges
    limit: int = 1_000  # pictures a folder
    thorough: bool = False  # whether every picture is looked at in all positions
    _sources: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def cleans(self) -> list[Pixels]:
        """The clean pictures. ImageError where there are none."""
        return [read_truth(path) for path in list(pictures(self.clean).values())[: self.limit]]

    def twins(self, folder: Path) -> Pictures:
        """(clean, damaged) pictures."""
        return [pair.read() for pair in pairs_of(self.clean, folder)[: self.limit]]

    @cached_property
    def damaged(self) -> Pictures:
        """The pictures of the defects folder with their truth."""
        if self.defects is None:
            raise ImageError("This figure needs pictures that are damaged but not faded; name them with --defects.")
        return self.twins(self.defects)

    def subject(self, picture: Pixels, recipe: Recipe) -> Subject:
        """A picture (H, W, 3) uint8 sRGB as the pipeline takes it."""
        sha256 = hashlib.sha256(picture.tobytes() + repr(picture.shape).encode()).hexdigest()
        if sha256 not in self._sources:
            if len(self._sources) >= _SOURCES:
                del self._sources[next(iter(self._sources))]
            self._sources[sha256] = in_memory(picture)
        recipe = replace(recipe, thorough=self.thorough)
        return Subject(sha256, self._sources[sha256], recipe, style=self.styles[recipe.style] if recipe.style else None)

    def restore(self, picture: Pixels, recipe: Recipe) -> Pixels:
        """What an export would write of a picture."""
        return at_once(self.pipeline.whole(self.subject(picture, recipe)))[0]

    def restorer(self, recipe: Recipe) -> Candidate:
        """A recipe as a rival."""
        return lambda picture: self.restore(picture, recipe)

    def bare(self, picture: Pixels, recipe: Recipe) -> Tensor:
        """The same before tone and texture (1, 3, H, W): what the objective was trained on."""
        return at_once(self.pipeline.bare(self.subject(picture, recipe), 0)).clamp(0, 1)


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
