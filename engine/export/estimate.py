"""What a job will come to: read off the images' headers, and off what earlier exports took on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from engine.errors import EngineError
from engine.export.naming import Facts, name_for
from engine.export.register import Register
from engine.types import ExportBatch, ExportEstimate, ImageInfo, ProjectItem


def estimate(
    batch: ExportBatch, register: Register, probe: Callable[[Path], ImageInfo], locate: Callable[[ProjectItem], str]
) -> ExportEstimate:
    """Images that cannot be read count for nothing. RecipeError where the template makes no name."""
    images = existing = largest = pixels = 0
    seconds: float | None = 0.0
    now = datetime.now()
    project = batch.project.name if batch.project else ""
    for number, item in enumerate(batch.items):
        name = name_for(batch.settings, Facts(item, project, number + 1, now=now))
        existing += os.path.lexists(Path(batch.folder) / name)
        try:
            info = probe(Path(locate(item)))
        except EngineError:
            continue
        images += 1
        count, nbytes = _size(batch, item, info)
        pixels += count
        largest += nbytes
        pace = register.pace(batch.settings.preset, thorough=item.recipe.thorough)
        seconds = None if seconds is None or pace is None else seconds + count * pace
    nbytes_a_pixel = register.density(batch.settings.preset)
    return ExportEstimate(
        images=images,
        existing=existing,
        largest=largest,
        likely=round(pixels * nbytes_a_pixel) if nbytes_a_pixel is not None else None,
        seconds=seconds if images else None,
    )


def _size(batch: ExportBatch, item: ProjectItem, info: ImageInfo) -> tuple[int, int]:
    """Pixels, and bytes without compression, of one image as it will be written."""
    settings, scale = batch.settings, item.recipe.scale
    longer = scale * max(info.width, info.height)
    share = min(1.0, settings.longest / longer) if settings.longest else 1.0
    count = round(info.width * info.height * scale * scale * share * share)
    bits = info.bits if settings.depth == "source" else int(settings.depth)
    channels = 3 if settings.profile == "srgb" else info.channels
    pyramid = 4 / 3 + 1 if settings.preset == "web" else 1
    return count, round(count * channels * bits / 8 * pyramid)
