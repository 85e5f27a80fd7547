"""A quick look at a large TIFF: a reduced copy it brings along, else as many of its rows as are read in a moment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.metadata import Header
from engine.imaging.rasters import Chunked, Converted, Raster
from engine.types import Region

Array = NDArray[Any]
_BUDGET = 192 << 20  # bytes that are unpacked: about a second


def sampled(raster: Raster, header: Header, size: int) -> Array:
    """About every `step`-th pixel of an image, longest side 1 to 2 `size`, as it is stored.

    Where strips or tiles would take too long to unpack, only some of their rows are read and those between are blended.
    """
    height, width, _ = raster.shape
    step = max(1, max(height, width) // size)
    wanted = np.arange(0, height, step)
    known = np.unique(_near(wanted, height, _stride(raster, header), _chunk_rows(raster)))
    rows = [raster.read(Region(0, int(row), width, 1))[0, ::step] for row in known]
    return _between(np.stack(rows), known, wanted)


def _chunk_rows(raster: Raster) -> int:
    while isinstance(raster, Converted):
        raster = raster.base
    return raster.grid.rows if isinstance(raster, Chunked) else 1


def _stride(raster: Raster, header: Header) -> int:
    """One in so many rows of strips or tiles can be unpacked."""
    return 1 if header.parts == "pixels" else max(1, -(-header.nbytes // _BUDGET))


def _near(wanted: Array, height: int, stride: int, rows: int) -> Array:
    """For every row that is wanted the nearest one in a strip that is unpacked, as is one of `stride` strips."""
    last = (height - 1) // rows
    strips = np.minimum((wanted // rows + stride // 2) // stride * stride, last)
    return np.clip(wanted, strips * rows, np.minimum((strips + 1) * rows, height) - 1)


def _between(found: Array, known: Array, wanted: Array) -> Array:
    """Rows `wanted` out of `found` (n, w, C), the rows `known`: those that lie between are blended."""
    if len(known) == len(wanted):
        return found
    after = np.clip(np.searchsorted(known, wanted), 0, len(known) - 1)
    before = np.maximum(after - 1, 0)
    gap = np.maximum(known[after] - known[before], 1)
    share = np.clip((wanted - known[before]) / gap, 0.0, 1.0)
    rows = np.empty((len(wanted), *found.shape[1:]), found.dtype)
    for number, (first, second, part) in enumerate(zip(before, after, share, strict=True)):
        rows[number] = np.rint(found[first] + np.float32(part) * (found[second].astype(np.float32) - found[first]))
    return rows
