"""Sameness: again, in tiles, and in half precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.evaluation.fidelity import DEFAULT
from engine.evaluation.figures import at_most, told
from engine.evaluation.hall import Hall, Theme
from engine.rendering.pipeline import Pipeline
from engine.runtime.steps import at_once
from engine.types import Progress

PICTURES = 6
TILE = 128
_CACHE = 1 << 28


def sameness(hall: Hall) -> Theme:
    """Half against full precision on the processor, tiles against the whole, and the same thing twice."""
    cpu, card = torch.device("cpu"), hall.pipeline.card
    full = Pipeline(hall.load(cpu, torch.float32), card, cpu, _CACHE)
    half = Pipeline(hall.load(cpu, torch.bfloat16), card, cpu, _CACHE)
    tiled = Pipeline(full.restorer, replace(card, tile=TILE, sha256="tiled"), cpu, _CACHE)
    differences, seams, again = [], 0.0, 0.0
    pictures = [damaged for _, damaged in hall.damaged[:PICTURES]]
    for number, picture in enumerate(pictures):
        yield Progress(number, len(pictures), "sameness")
        subject = hall.subject(picture, DEFAULT)
        whole = _exact(full, hall, number)
        seams = max(seams, float((_exact(tiled, hall, number) - whole).abs().max()))
        differences.append((_exact(half, hall, number) - whole).abs().flatten())
        first = at_once(half.whole(subject))[0]
        half.forget(subject.sha256)
        again = max(again, float(np.abs(first.astype(int) - at_once(half.whole(subject))[0]).max()))
    spread = torch.cat(differences) * 255
    largest = spread.kthvalue(max(1, int(0.99 * spread.numel()))).values
    return [
        at_most("sameness", "bfloat16 against float32, 99th percentile", float(largest), 2.0, "255ths"),
        told("sameness", "bfloat16 against float32, largest", float(spread.max()), "255ths"),
        at_most("sameness", f"tiles of {TILE} against the whole, largest", 255 * seams, 1.0, "255ths"),
        at_most("sameness", "the same twice, largest", again, 0.0, "255ths"),
    ]


def _exact(pipeline: Pipeline, hall: Hall, number: int) -> Tensor:
    """The default's picture before it is rounded."""
    return at_once(pipeline.bare(hall.subject(hall.damaged[number][1], DEFAULT), 0)).clamp(0, 1)
