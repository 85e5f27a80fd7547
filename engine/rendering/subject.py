"""What is rendered, and where in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.rendering.claims import feather
from engine.rendering.source import Source
from engine.types import PROTECTED, Recipe, Region, StyleCard


@dataclass(frozen=True, slots=True)
class Subject:
    """What is rendered: the image by its hash, its source, the style card and a curator's mask (H, W) uint8."""

    sha256: str
    source: Source
    recipe: Recipe
    page: int = 0
    style: StyleCard | None = None
    mask: NDArray[np.uint8] | None = None


def mask_part(subject: Subject, level: int, region: Region, device: torch.device) -> Tensor | None:
    """A curator's own mask for a region of a level, feathered; None where the detected one serves.

    Exactly 0 on what is protected, however close the mask comes to it.
    """
    if subject.mask is None or subject.recipe.scope != "damage":
        return None
    around = 8
    step = 1 << level
    rows = np.arange(region.y - around, region.bottom + around) * step
    columns = np.arange(region.x - around, region.right + around) * step
    rows, columns = (np.clip(at, 0, size - 1) for at, size in zip((rows, columns), subject.mask.shape, strict=True))
    part = subject.mask[rows[:, None], columns[None, :]]
    free = part != PROTECTED
    values, unprotected = (torch.from_numpy(a).to(device)[None, None] for a in (part.astype(np.float32) / 255, free))
    soft = feather(values * unprotected) * unprotected
    return soft[:, :, around:-around, around:-around]


def level_region(source: Source, level: int, region: Region) -> Region:
    """A region of the master in the pixels of a level."""
    return source.pyramid.region_at(level, region.intersect(source.master.info.bounds))


def on_grid(part: Region, core: Region) -> Region:
    """`part` with its corner moved out to the head's grid of 4, inside the core."""
    x, y = part.x - (part.x - core.x) % 4, part.y - (part.y - core.y) % 4
    return Region(x, y, part.right - x, part.bottom - y)


def within(part: Region, whole: Region) -> tuple[slice, slice]:
    """Rows and columns of `part` in an array that covers `whole`."""
    top, left = part.y - whole.y, part.x - whole.x
    return slice(top, top + part.height), slice(left, left + part.width)
