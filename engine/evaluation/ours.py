"""Our own restoration as candidates of the benchmark."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from engine.evaluation.benchmark import Candidate, Pixels
from engine.imaging.color import WorkingSpace
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.rendering.pipeline import Subject
from engine.rendering.source import Source
from engine.rendering.studio import Studio
from engine.types import ImageInfo, Recipe

SETTINGS = {
    "archivist": Recipe(),
    "archivist, alpha 10": Recipe(alpha=10.0),
    "archivist, tone mended": Recipe(alpha=10.0, keep_tone=False),
}


def settings(studio: Studio) -> dict[str, Candidate]:
    """The settings worth comparing; every call starts from nothing, so that times are those of a full pass."""
    return {name: _candidate(studio, recipe) for name, recipe in SETTINGS.items()}


def _candidate(studio: Studio, recipe: Recipe) -> Candidate:
    def restore(aged: Pixels) -> Pixels:
        pipeline = studio.pipeline(recipe.model)
        subject = Subject(hashlib.sha256(aged.tobytes()).hexdigest(), in_memory(aged), recipe)
        pipeline.forget(subject.sha256)
        steps = pipeline.whole(subject)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                restored: Pixels = stop.value[0]
                return restored

    return restore


def in_memory(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Source:
    """A source for pixels (H, W, 3) uint8 sRGB that come from no file."""
    height, width, channels = pixels.shape
    info = ImageInfo("", width, height, channels, 8, "PNG")
    return Source(Path(), Master(pixels, info), WorkingSpace(None, channels, 8), Pyramid(pixels))
