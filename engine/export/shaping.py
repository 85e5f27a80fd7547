"""From a result's pixels to those of a file: depth, profile, size, label. Nothing of it holds the whole picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.imaging.color import WorkingSpace, to_eight_bits
from engine.imaging.icc import srgb_profile
from engine.imaging.libvips import pyvips
from engine.imaging.rasters import Converted, Raster
from engine.imaging.vips import Shown, spread
from engine.types import ExportSettings, Region

THUMBNAIL = 320  # pixels of the longer side, in reports


def shaped(
    picture: Raster, icc: bytes | None, settings: ExportSettings, room: Path | None
) -> tuple[Raster, bytes | None]:
    """The picture as the settings want it, but for the label, and the profile it is in.

    `room` is a folder for what is needed on the way; None: memory.
    """
    if settings.preset in ("access", "web"):
        picture = without_alpha(picture)
    if settings.profile == "srgb":
        picture, icc = to_srgb(picture, icc), srgb_profile()
    if settings.depth == "8" and picture.dtype != np.uint8:
        picture = Converted(picture, picture.shape[2], np.dtype(np.uint8), to_eight_bits)
    return (at_most(picture, settings.longest, room) if settings.longest else picture), icc


def without_alpha(picture: Raster) -> Raster:
    """(H, W, 2 or 4) over white, as (H, W, 1 or 3); others as they are."""
    channels = picture.shape[2]
    return picture if channels in (1, 3) else Converted(picture, channels - 1, picture.dtype, _on_white)


def _on_white(part: NDArray[Any]) -> NDArray[Any]:
    peak = np.float32(np.iinfo(part.dtype).max)
    values = part.astype(np.float32)
    share = values[..., -1:] / peak
    found: NDArray[Any] = np.rint(values[..., :-1] * share + peak * (1 - share)).astype(part.dtype)
    return found


def to_srgb(picture: Raster, icc: bytes | None) -> Raster:
    """(H, W, C) in a profile to sRGB (H, W, 3, or 4 with its alpha) of the same depth."""
    channels = picture.shape[2]
    space = WorkingSpace(icc, channels, 8 * picture.dtype.itemsize)
    if space.is_identity and channels >= 3:
        return picture
    return Converted(picture, 3 if channels in (1, 3) else 4, picture.dtype, partial(_in_srgb, space))


def _in_srgb(space: WorkingSpace, part: NDArray[Any]) -> NDArray[Any]:
    channels = part.shape[2]
    out = np.empty((*part.shape[:2], 3 if channels in (1, 3) else 4), part.dtype)
    out[..., :3] = np.rint(space.to_working(part) * np.iinfo(part.dtype).max)
    if channels in (2, 4):
        out[..., 3] = part[..., -1]
    return out


def at_most(picture: Raster, longest: int, room: Path | None) -> Raster:
    """The picture with its longer side at most `longest`, by libvips's Lanczos filter; never enlarged."""
    height, width, _ = picture.shape
    if max(height, width) <= longest:
        return picture
    share = longest / max(height, width)
    image = as_image(picture, room)
    return Shown(image.resize(max(1, round(share * width)) / width, vscale=max(1, round(share * height)) / height))


def as_image(picture: Raster, room: Path | None) -> Any:
    """The picture for libvips: in a file in `room`, which it reads a part at a time, or in memory."""
    if room is not None:
        return spread(picture, room)
    height, width, _ = picture.shape
    return pyvips.Image.new_from_array(np.ascontiguousarray(picture.read(Region(0, 0, width, height))))


def thumbnail(picture: Raster, icc: bytes | None, size: int = THUMBNAIL) -> bytes:
    """A small sRGB JPEG of (H, W, C) in a profile."""
    height, width, channels = picture.shape
    step = max(1, max(height, width) // (2 * size))
    rows = [picture.read(Region(0, top, width, 1))[:, ::step] for top in range(0, height, step)]
    part = np.ascontiguousarray(np.concatenate(rows))
    colours = WorkingSpace(icc, channels, 8 * part.dtype.itemsize).to_display(part)[..., 2::-1]
    image = pyvips.Image.new_from_array(np.ascontiguousarray(colours), interpretation="srgb")
    return bytes(image.thumbnail_image(size, height=size, size="down").jpegsave_buffer(Q=75))
