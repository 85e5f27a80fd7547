"""The tone stage: is fading undone?"""

from __future__ import annotations

import numpy as np
import torch

from engine.evaluation.benchmark import Pixels
from engine.evaluation.fidelity import scores
from engine.evaluation.figures import at_least, at_most, skipped, told
from engine.evaluation.hall import Hall, Theme, mean
from engine.evaluation.metrics import score
from engine.rendering.tensors import to_array, to_tensor
from engine.training.aging import age
from engine.types import Progress, Recipe

SEED = 97
FADED = 3.0  # mean Lab distance from which a picture counts as faded or toned
MENDED = Recipe(alpha=10.0, keep_tone=False)


def toning(hall: Hall) -> Theme:
    """Mean Lab distance on pictures that are faded and toned and nothing else; plain PSNR on fully aged ones."""
    before, after = [], []
    for number, clean in enumerate(hall.cleans):
        yield Progress(number, len(hall.cleans), "fading")
        faded = _faded(clean, SEED + number)
        distance = score(faded, clean).lab
        if distance >= FADED:
            before.append(distance)
            after.append(score(hall.restore(faded, MENDED), clean).lab)
    name = "faded pictures: mean Lab distance"
    figures = [skipped("tone", name, "no picture was faded enough to measure on")]
    if before:
        figures = [
            told("tone", f"{name} before", mean(before), f"{len(before)} pictures"),
            at_most("tone", f"{name}, after / before", mean(after) / mean(before), 0.5),
        ]
    if hall.aged is None:
        return [*figures, skipped("tone", "aged pictures: PSNR, plain", "no aged pictures were named with --aged")]
    aged = yield from scores(hall.twins(hall.aged), hall.restorer(MENDED))
    return [*figures, at_least("tone", "aged pictures: PSNR, plain", aged["psnr"], 22.5, "dB")]


def _faded(clean: Pixels, seed: int) -> Pixels:
    x = to_tensor(clean.astype(np.float32) / np.float32(255), torch.device("cpu"))
    return np.asarray(np.rint(to_array(age(x, seed, keep_clean=0.0).toned) * 255), dtype=np.uint8)
