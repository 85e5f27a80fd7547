"""Texture is where it belongs: flat places stay flat, and detail comes where the truth has it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.benchmark import Pixels
from engine.evaluation.fidelity import DEFAULT, FAITHFUL
from engine.evaluation.figures import at_least, at_most, told
from engine.evaluation.hall import Hall, Theme, mean
from engine.types import Progress

BLOCK = 16  # pixels a side
_LEAST = 4  # blocks of a picture that is judged
_FLOOR = 1e-8  # energy under which a block counts as empty: a fortieth of a step of 8 bits, squared


def flatness(hall: Hall) -> Theme:
    """The flattest quarter of the truth's blocks at the default against alpha 10; correlation of log energies."""
    ratios, usual, faithful = [], [], []
    for number, (clean, damaged) in enumerate(hall.damaged):
        yield Progress(number, len(hall.damaged), "texture where it belongs")
        truth = energies(clean)
        if len(truth) < _LEAST:
            continue
        found = {recipe: energies(hall.restore(damaged, recipe)) for recipe in (DEFAULT, FAITHFUL)}
        flat = truth <= np.quantile(truth, 0.25)
        ratios.append(float(np.sqrt(found[DEFAULT][flat].mean() / found[FAITHFUL][flat].mean())))
        usual.append(agreement(found[DEFAULT], truth))
        faithful.append(agreement(found[FAITHFUL], truth))
    return [
        at_most("flatness", "flattest quarter, default / alpha 10", mean(ratios), 1.3),
        told("flatness", "log block energies, correlation with the truth at alpha 10", mean(faithful)),
        at_least("flatness", "the same at the default, less that at alpha 10", mean(usual) - mean(faithful), 0.0),
    ]


def energies(picture: Pixels) -> NDArray[np.float64]:
    """Mean energy of the 4-neighbour Laplacian of the grey picture in each block of 16 x 16 pixels, flattened."""
    grey = picture.astype(np.float64).mean(axis=2) / 255
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    height, width = (side // BLOCK * BLOCK for side in laplacian.shape)
    blocks = laplacian[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    energy: NDArray[np.float64] = np.maximum((blocks**2).mean(axis=(1, 3)), _FLOOR).ravel()
    return energy


def agreement(energy: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Correlation of log energies: added noise, which is the same everywhere, lowers it."""
    return float(np.corrcoef(np.log(energy), np.log(truth))[0, 1])
