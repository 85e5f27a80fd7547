"""How far the fast network is from what direct optimisation of the pixels reaches (GENERATOR: judged by Gatys)."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from engine.evaluation.benchmark import Pixels
from engine.evaluation.figures import at_most, skipped, told
from engine.evaluation.hall import Hall, Theme
from engine.models.objective import SQUARE, Objective
from engine.rendering.optimise import Aim, Canvas, descend, print_of
from engine.rendering.tensors import to_tensor
from engine.styles.processes import BY_ID
from engine.types import Progress, Recipe

STYLES = ("photogravure", "halftone", "autochrome", "albumen")
PASSES, MANY = 50, 300


def optimum(hall: Hall) -> Theme:
    """alpha = beta = 1 on the middle square of a few pictures, a process each: the objective after the fast pass,
    after 50 passes of direct optimisation from the source, and after 300. The content target is our own alpha 10."""
    if hall.objective is None:
        return [skipped("optimum", "fast pass / 50 passes", "these weights carry no measure of content and style")]
    fast: list[float] = []
    few: list[float] = []
    many: list[float] = []
    source: list[float] = []
    for (_, damaged), style in zip(hall.damaged, STYLES, strict=False):
        square = _middle(damaged)
        target = hall.bare(square, Recipe(alpha=10.0))
        result = hall.bare(square, Recipe(style=style, beta=1.0))
        x = to_tensor(square.astype(np.float32) / np.float32(255), target.device)
        for values, start, passes in ((fast, result, 0), (source, x, 0), (few, x, PASSES), (many, x, MANY)):
            canvas = Canvas.begin(start, target, print_of(BY_ID[style]))
            values.append((yield from _reached(hall.objective, canvas, passes)))
    means = [float(np.mean(values)) for values in (fast, few, many, source)]
    return [
        told("optimum", "objective of the source", means[3]),
        told("optimum", "objective after the fast pass", means[0]),
        told("optimum", f"objective after {PASSES} passes from the source", means[1]),
        told("optimum", f"objective after {MANY} passes from the source", means[2]),
        at_most("optimum", f"fast pass / {PASSES} passes", means[0] / means[1], 1.0),
        told("optimum", f"fast pass / {MANY} passes", means[0] / means[2]),
    ]


def _reached(objective: Objective, canvas: Canvas, passes: int) -> Generator[Progress, None, float]:
    """The whole objective after so many passes; 0 only measures."""
    total = float("nan")
    for found in descend(objective, canvas, Aim(1.0, 1.0, passes)):
        if found is not None:
            total = found.total
            yield Progress(found.number, max(1, passes), "direct optimisation")
    return total


def _middle(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    top, left = max(0, height - SQUARE) // 2, max(0, width - SQUARE) // 2
    return np.ascontiguousarray(picture[top : top + SQUARE, left : left + SQUARE])
