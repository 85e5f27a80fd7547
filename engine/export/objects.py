"""The pictures of a package beside the restoration: where it was changed, where it is unsure, what readers get."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.export.label import with_label
from engine.export.metadata import Origin, caption, label, software, statement
from engine.imaging.icc import srgb_profile
from engine.imaging.metadata import enlarged, restated
from engine.imaging.reader import read_preview
from engine.imaging.writer import check_format, write_image
from engine.rendering import maps
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source, open_source
from engine.rendering.subject import Subject
from engine.types import MAP_SCALES, Progress, Region

CHANGED = 255  # in the AI mask; 0 is the master's pixel, bit for bit
_ROWS = 256
_LARGEST_MAP = 16_000_000  # pixels: seven looks at each take longest of all that a package needs
_LARGEST_COPY = 60_000  # pixels of the longer side: a JPEG holds 65,500, and the label comes on top


def write_ai_mask(path: Path, restored: Path, source: Source, scale: int) -> float:
    """Where the result is not the master, (H, W) at the result's size, as PNG: 255 there, 0 elsewhere. Returns the
    share of 255. In an enlargement no pixel is the master's."""
    result = open_source(restored)
    width, height = result.size(0)
    mask = np.full((height, width), CHANGED, np.uint8)
    if scale == 1:
        for top in range(0, height, _ROWS):
            region = Region(0, top, width, min(_ROWS, height - top))
            before, after = source.pixels(0, region), result.pixels(0, region)
            mask[top : region.bottom] = CHANGED * _differs(before, after)
    path.write_bytes(imagecodecs.png_encode(mask, level=4))
    return float((mask == CHANGED).mean())


def _differs(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    """Which pixels (h, w) of (h, w, C) differ; 8 bits are compared with 16 at the same place of the range."""
    if before.dtype == np.uint8 and after.dtype == np.uint16:
        before = before.astype(np.uint16) * np.uint16(257)
    found: NDArray[np.bool_] = (before != after).any(axis=2)
    return found


def uncertainty(pipeline: Pipeline, subject: Subject) -> Generator[Progress | None, None, NDArray[np.uint8]]:
    """Where the network is unsure, (h, w) uint8: 255 stands for `MAP_SCALES`' full value. Of a large image it is
    measured on a halved copy, so that it ends within the hour."""
    level, source = 0, subject.source
    while math.prod(source.size(level)) > _LARGEST_MAP:
        level += 1
    width, height = source.size(level)
    out = np.zeros((height, width), np.uint8)
    if subject.recipe.strength == 0:
        return out
    mapped = maps.survey(pipeline, subject, "uncertainty", level)
    full = MAP_SCALES["uncertainty"][0].full
    for number, tile in enumerate(mapped.tiles):
        values = yield from mapped.measure(tile)
        share = np.minimum(values[..., 0].astype(np.float32) / full, 1)
        core = tile.core
        out[core.y : core.bottom, core.x : core.right] = np.rint(255 * share)
        yield Progress(number + 1, len(mapped.tiles), "finding where the model is unsure")
    return out


def write_grey(path: Path, pixels: NDArray[np.uint8]) -> None:
    """(H, W) as PNG."""
    path.write_bytes(imagecodecs.png_encode(pixels, level=4))


def write_access_copy(path: Path, restored: Path, made: Origin, source: Source, longest: int) -> None:
    """What readers get: JPEG in sRGB, its longer side at most `longest` (0: as it is), a label below the picture."""
    picture = read_preview(restored, min(longest or _LARGEST_COPY, _LARGEST_COPY))
    pixels = with_label(picture, label(made))
    check_format(pixels, "JPEG")
    metadata = enlarged(source.master.metadata, made.recipe.scale)
    full_width = source.size(0)[0] * made.recipe.scale
    share = picture.shape[1] / full_width
    dpi = (metadata.dpi[0] * share, metadata.dpi[1] * share) if metadata.dpi else None
    write_image(
        path,
        pixels,
        icc=srgb_profile(),
        metadata=restated(metadata, pixels.shape[1], pixels.shape[0], dpi),
        format="JPEG",
        description=caption(made),
        software=software(),
        statement=statement(made, ".jpg"),
        quality=92,
    )
