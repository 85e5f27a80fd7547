"""The 5 x 5 grid of (alpha, beta): do the sliders mean what they say?"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from engine.evaluation.benchmark import Pixels
from engine.evaluation.figures import Figure, at_most, skipped, told
from engine.evaluation.hall import Hall, Theme
from engine.models.objective import Objective, Wanted, look
from engine.rendering.optimise import grid, print_of
from engine.rendering.tensors import to_tensor
from engine.styles.processes import PROCESSES, Process
from engine.types import Progress, Recipe, Region

STEPS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of both sliders
PICTURES = 20
TOLERANCE = 0.5  # percent that a single picture's loss may rise where it should fall

Grid = NDArray[np.float64]  # (pictures, alphas, betas)


def monotone(hall: Hall) -> Theme:
    """Content should fall as alpha rises and style as beta rises: strictly in the mean, within 0.5 % a picture.

    Content is measured against the truth, style against the print of that truth, a process a picture.
    """
    if hall.objective is None:
        return [skipped("monotone", "5 x 5 grid of alpha and beta", "these weights carry no measure of both")]
    content, style = yield from _grids(hall, hall.objective)
    return [
        *_falling("content with alpha", content),
        *_falling("style with beta", style.transpose(0, 2, 1)),
        told("monotone", "content at alpha 10 / at alpha 0.1", float(content[:, -1].mean() / content[:, 0].mean())),
        told("monotone", "style at beta 10 / at beta 0.1", float(style[..., -1].mean() / style[..., 0].mean())),
    ]


def _grids(hall: Hall, objective: Objective) -> Generator[Progress, None, tuple[Grid, Grid]]:
    pairs = hall.damaged[:PICTURES]
    content = np.zeros((len(pairs), len(STEPS), len(STEPS)))
    style = content.copy()
    for number, (clean, damaged) in enumerate(pairs):
        process = PROCESSES[number % len(PROCESSES)]
        squares = wanted(objective, clean, process)
        for i, alpha in enumerate(STEPS):
            yield Progress(number * len(STEPS) + i, len(pairs) * len(STEPS), "grid of alpha and beta")
            for j, beta in enumerate(STEPS):
                y = hall.bare(damaged, Recipe(alpha=alpha, beta=beta, style=process.id))
                content[number, i, j], style[number, i, j] = losses(objective, y, squares)
    return content, style


Squares = list[tuple[Region, Wanted]]


@torch.inference_mode()
def wanted(objective: Objective, truth: Pixels, process: Process) -> Squares:
    """What the squares of a picture are compared with, of the size of training: the truth, and its print."""
    device = next(objective.features.parameters()).device
    target, reference = to_tensor(truth.astype(np.float32) / np.float32(255), device), print_of(process)
    squares = []
    for square in grid(target.shape[2], target.shape[3]):
        part = target[:, :, square.y : square.bottom, square.x : square.right]
        squares.append((square, look(objective.features, part, reference(part, square))))
    return squares


@torch.inference_mode()
def losses(objective: Objective, y: torch.Tensor, squares: Squares) -> tuple[float, float]:
    """Content and style of y (1, 3, H, W), means over its squares, in units of their scales."""
    rows, areas = [], []
    for square, aim in squares:
        part = y[:, :, square.y : square.bottom, square.x : square.right]
        rows.append([float(value) for value in objective.compare(part, aim)])
        areas.append(square.width * square.height)
    content, style = np.average(rows, axis=0, weights=areas)
    return float(content), float(style)


def _falling(name: str, values: Grid) -> list[Figure]:
    """values (pictures, steps, rows): how far from falling along the steps, in the mean and in the worst picture."""
    means = values.mean(0)
    worst = 100 * float((means[1:] / means[:-1] - 1).max())
    single = 100 * float((values[:, 1:] / values[:, :-1] - 1).max())
    share = 100 * float((values[:, 1:] / values[:, :-1] - 1 <= TOLERANCE / 100).mean())
    return [
        Figure("monotone", f"{name}: worst step of the mean", worst, "below 0", worst < 0, "% (falls where negative)"),
        at_most("monotone", f"{name}: worst step of a picture", single, TOLERANCE, "%"),
        told("monotone", f"{name}: steps of pictures that keep to it", share, "%"),
    ]
