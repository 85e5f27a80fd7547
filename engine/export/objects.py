"""The pictures of a package beside the restoration: where it was changed, where it is unsure, what readers get."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.export.label import with_label
from engine.export.metadata import Origin, caption, label, software, statement
from engine.export.shaping import shaped
from engine.imaging.metadata import Metadata, enlarged, restated
from engine.imaging.rasters import Decoded, Raster, Shape
from engine.imaging.writer import Watch, write_image
from engine.rendering import maps
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source, open_source
from engine.rendering.subject import Subject
from engine.types import MAP_SCALES, Progress, Region, export_preset

CHANGED = 255  # in the AI mask; 0 is the master's pixel, bit for bit
_QUALITY = 92  # of the access copy
_LARGEST_MAP = 16_000_000  # pixels: seven looks at each take longest of all that a package needs
_LARGEST_COPY = 60_000  # pixels of the longer side: a JPEG holds 65,500, and the label comes on top


@dataclass(frozen=True, eq=False)
class _Differing:
    """Where a result is not the master, as a grey picture: 255 there, 0 elsewhere."""

    source: Source
    result: Source
    marked: list[int] = field(default_factory=list)  # pixels of 255 in what was read

    @property
    def shape(self) -> Shape:
        width, height = self.result.size(0)
        return height, width, 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def nbytes(self) -> int:
        return 0

    def read(self, region: Region) -> NDArray[Any]:
        part = np.full((region.height, region.width, 1), CHANGED, np.uint8)
        if self.source.size(0) == self.result.size(0):  # in an enlargement no pixel is the master's
            before, after = self.source.pixels(0, region), self.result.pixels(0, region)
            part[..., 0] = CHANGED * _differs(before, after)
        self.marked.append(int(np.count_nonzero(part)))
        return part


def write_ai_mask(path: Path, restored: Path, source: Source, watch: Watch) -> float:
    """Where the file `restored` is not the master, (H, W) at its size, as PNG: 255 there, 0 elsewhere. Returns the
    share of 255. In an enlargement no pixel is the master's."""
    picture = _Differing(source, open_source(restored))
    _write_map(path, picture, "White where the restoration is not the original, black where it is, bit for bit.", watch)
    height, width, _ = picture.shape
    return sum(picture.marked) / (height * width)


def write_uncertainty(path: Path, pixels: NDArray[np.uint8], watch: Watch) -> None:
    """(H, W) as `uncertainty` finds it, as PNG."""
    _write_map(path, Decoded(pixels[..., None]), "How unsure the model is; brighter is less sure.", watch)


def _write_map(path: Path, picture: Raster, description: str, watch: Watch) -> None:
    write_image(
        path,
        picture,
        icc=None,
        metadata=Metadata(),
        format="PNG",
        description=description,
        software=software(),
        watch=watch,
    )


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


def write_access_copy(path: Path, restored: Path, made: Origin, source: Source, longest: int, watch: Watch) -> None:
    """What readers get of the file `restored`: JPEG in sRGB, its longer side at most `longest` (0: as it is), a label
    below the picture."""
    settings = replace(export_preset("access").settings, longest=min(longest or _LARGEST_COPY, _LARGEST_COPY))
    result = open_source(restored)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as room:
        picture, icc = shaped(result.pyramid.base, result.master.icc, settings, Path(room))
        labelled = with_label(picture, label(made))
        metadata = enlarged(source.master.metadata, made.recipe.scale)
        share = picture.shape[1] / result.shape[1]
        dpi = (metadata.dpi[0] * share, metadata.dpi[1] * share) if metadata.dpi else None
        write_image(
            path,
            labelled,
            icc=icc,
            metadata=restated(metadata, labelled.shape[1], labelled.shape[0], dpi),
            format="JPEG",
            description=caption(made),
            software=software(),
            statement=statement(made, ".jpg"),
            quality=_QUALITY,
            watch=watch,
        )
