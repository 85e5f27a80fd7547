"""Our own restoration as candidates of the benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import ModelError
from engine.evaluation import peers
from engine.evaluation.benchmark import RIVALS, Candidate, Measure, Pair, Pixels, aged_from, pairs_of
from engine.evaluation.demo import age_picture
from engine.imaging.color import WorkingSpace
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.models import losses
from engine.models.features import TextureFeatures
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.studio import Studio
from engine.rendering.subject import Subject
from engine.rendering.tensors import to_tensor
from engine.runtime.steps import at_once
from engine.types import SHIPPED_MODEL, Comparison, ImageInfo, Recipe

SETTINGS = {
    "archivist": Recipe(),
    "archivist, alpha 10": Recipe(alpha=10.0),
    "archivist, tone mended": Recipe(alpha=10.0, keep_tone=False),
}


TRIAL = np.full((64, 64, 3), 128, np.uint8)
_SQUARE = 512  # pixels a side


def pairs(comparison: Comparison) -> tuple[Pair, ...]:
    """The pictures to measure on. Raises ImageError where the folders do not serve."""
    clean = Path(comparison.clean)
    if comparison.aged:
        return pairs_of(clean, Path(comparison.aged))
    return aged_from(clean, ager(comparison.seed, comparison.severity))


def candidates(studio: Studio, peer_files: Sequence[str] = ()) -> dict[str, Candidate]:
    """Our settings, the simple rivals, and the networks in `peer_files`; ModelError where one cannot be read.

    Every call looks at its picture anew, so that times are those of a full pass; each has had a small one before, for
    what is only done once.
    """
    found = {name: candidate(studio.pipeline(recipe.model), recipe) for name, recipe in SETTINGS.items()}
    files = peers.named(peer_files, (*found, *RIVALS))
    found |= {name: candidate(peers.load(file, studio), Recipe()) for name, file in files.items()}
    for restore in found.values():
        restore(TRIAL)
    return {**found, **RIVALS}


def measures(studio: Studio) -> dict[str, Measure]:
    """The feature distance, where the shipped weights carry the features it looks through."""
    try:
        return {"features": feature_distance(studio.objective(SHIPPED_MODEL).features)}
    except ModelError:
        return {}


def candidate(pipeline: Pipeline, recipe: Recipe) -> Candidate:
    """A recipe as a rival."""

    def restore(aged: Pixels) -> Pixels:
        subject = Subject(hashlib.sha256(aged.tobytes()).hexdigest(), in_memory(aged), recipe)
        pipeline.forget(subject.sha256)
        return at_once(pipeline.whole(subject))[0]

    return restore


def feature_distance(features: TextureFeatures) -> Measure:
    """How far the networks' own texture features see two pictures apart (Johnson, Alahi & Fei-Fei 2016)."""
    device = next(features.parameters()).device

    @torch.inference_mode()
    def of_square(output: Pixels, clean: Pixels) -> float:
        maps = [features(to_tensor(p.astype(np.float32) / np.float32(255), device)) for p in (output, clean)]
        return float(losses.feature_distance(*maps))

    def measure(output: Pixels, clean: Pixels) -> float:
        height, width = clean.shape[:2]
        found = 0.0  # in squares: a megapixel of these maps takes half a gigabyte
        for rows, columns in product(_parts(height), _parts(width)):
            part = clean[rows, columns]
            found += part.shape[0] * part.shape[1] * of_square(output[rows, columns], part)
        return float(found / (height * width))

    return measure


def _parts(side: int) -> list[slice]:
    """A side in parts of `_SQUARE` pixels; what is left over goes with the last."""
    cuts = [*range(0, max(1, side - _SQUARE // 2), _SQUARE), side]
    return [slice(start, stop) for start, stop in pairwise(cuts)]


def ager(seed: int, severity: float) -> Callable[[Pixels, int], Pixels]:
    """Ages the pictures of a folder, each in its own way; the same seed ages them as before."""

    def make(clean: Pixels, number: int) -> Pixels:
        return age_picture(clean, (seed * 1_000_003 + number) % (1 << 63), severity)[0]

    return make


def in_memory(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Source:
    """A source for pixels (H, W, 3) uint8 sRGB that come from no file."""
    height, width, channels = pixels.shape
    info = ImageInfo("", width, height, channels, 8, "PNG")
    return Source(Path(), Master(pixels, info), WorkingSpace(None, channels, 8), Pyramid(pixels))
