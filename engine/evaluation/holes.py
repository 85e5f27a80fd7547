"""Scratches, wide cracks and holes: are they found, and are they filled?"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from engine.evaluation.benchmark import Pixels
from engine.evaluation.fidelity import FAITHFUL
from engine.evaluation.figures import Figure, at_least, skipped, told
from engine.evaluation.hall import Hall, Theme
from engine.rendering.tensors import to_array, to_tensor
from engine.runtime.steps import at_once
from engine.training.aging import age
from engine.types import Progress

SEED = 41
WIDEST = 26  # pixels of a hole whose F1 is wanted: 24 and its ragged rim
KINDS = {
    "scratches and dust": "scratches and dust",
    "cracks": "cracks",
    "holes up to 24 px": "lost areas",
    "all aging together": None,
}
ROUNDS = {"lost areas": 8}  # with other seeds each, else one: few pictures get holes alone, and those few pixels


def holes(hall: Hall) -> Theme:
    """F1 of the detected against the drawn damage, and the error left inside it, by kind of damage."""
    figures = []
    for title, only in KINDS.items():
        figures += yield from _kind(hall, title, only)
    return figures


def _kind(hall: Hall, title: str, only: str | None) -> Generator[Progress, None, list[Figure]]:
    hits, claims, errors = 0.0, 0.0, np.zeros(3)
    cases = [(1_000 * k + number, c) for k in range(ROUNDS.get(only or "", 1)) for number, c in enumerate(hall.cleans)]
    for done, (number, clean) in enumerate(cases):
        yield Progress(done, len(cases), title)
        damaged, toned, mask = _aged(clean, SEED + number, only)
        if only == "lost areas" and not _holes_alone(mask):
            continue
        probability = at_once(hall.pipeline.damage(hall.subject(damaged, FAITHFUL)))
        found = probability > 127
        hits, claims = hits + 2 * float((found & mask).sum()), claims + float(found.sum() + mask.sum())
        restored, named = hall.restore(damaged, FAITHFUL), _named(hall, damaged, mask)
        errors += [((p[mask].astype(float) - toned[mask]) ** 2).sum() for p in (restored, named, damaged)]
    if not claims:
        return [skipped("holes", f"{title}: F1 of the mask", "no picture got such damage, and none was claimed")]
    left = np.sqrt(errors[:2] / errors[2]) if errors[2] else np.full(2, np.nan)
    inside = f"{title}: error inside the damage, restored / damaged"
    return [
        at_least("holes", f"{title}: F1 of the mask", hits / claims, 0.75),
        told("holes", inside, float(left[0]), "1: nothing was filled"),
        told("holes", f"{inside}, where a mask names it", float(left[1]), "a person's mask: nothing is held back"),
    ]


def _holes_alone(mask: NDArray[np.bool_]) -> bool:
    """Whether the mask shows holes of a size that can be filled, and no torn corner."""
    labels, _ = ndimage.label(mask)
    sides = [part.stop - part.start for found in ndimage.find_objects(labels) for part in found]
    return bool(sides) and max(sides) <= WIDEST


def _named(hall: Hall, damaged: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    """The picture repaired within a person's mask, as scope “damage” does it."""
    painted = np.where(mask, np.uint8(255), np.uint8(0))
    sha256 = hashlib.sha256(painted.tobytes()).hexdigest()
    recipe = replace(FAITHFUL, scope="damage", mask=sha256)
    return at_once(hall.pipeline.whole(replace(hall.subject(damaged, recipe), mask=painted)))[0]


def _aged(clean: Pixels, seed: int, only: str | None) -> tuple[Pixels, NDArray[np.float64], NDArray[np.bool_]]:
    """The damaged picture, what it should become (its tone kept), and where it is damaged (H, W)."""
    x = to_tensor(clean.astype(np.float32) / np.float32(255), torch.device("cpu"))
    batch = age(x, seed, keep_clean=0.0, only=only)
    damaged = np.rint(to_array(batch.aged) * 255).astype(np.uint8)
    return damaged, to_array(batch.toned).astype(np.float64) * 255, batch.mask[0, 0].numpy() > 0.5
