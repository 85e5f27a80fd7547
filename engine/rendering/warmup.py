"""The first tile, before anybody waits for it: a graphics card loads its kernels when they are first called for."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from engine.imaging.color import WorkingSpace
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.types import ImageInfo, Progress, Recipe

_NAME = "warm-up"


def is_worth_it(pipeline: Pipeline) -> bool:
    """On a processor the first tile takes hardly longer than the second."""
    return pipeline.device.type != "cpu"


def warm_up(pipeline: Pipeline) -> Generator[Progress | None, None, None]:
    """Restores a grey picture of one tile, in steps, and forgets it."""
    side = pipeline.card.tile
    pixels = np.full((side, side, 3), 128, np.uint8)
    master = Master(pixels, ImageInfo(_NAME, side, side, 3, 8, "PNG"))
    source = Source(Path(_NAME), master, WorkingSpace(None, 3, 8), Pyramid(pixels))
    try:
        yield from pipeline.whole(Subject(_NAME, source, Recipe()))
    finally:
        pipeline.forget(_NAME)
