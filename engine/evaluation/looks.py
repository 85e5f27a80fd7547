"""Styles: do they do nothing at beta 0, more with every step of beta, and each something of its own?"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2lab

from engine.evaluation.benchmark import Pixels
from engine.evaluation.figures import Figure, at_least, at_most
from engine.evaluation.hall import Hall, Theme
from engine.types import Progress, Recipe

BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)
PICTURES = 3
VISIBLE = 2.3  # mean Lab distance that is just noticed (Mahy, Van Eycken & Oosterlinck 1994)
_BLUR = 2.0  # pixels: edges are compared at the scale of forms, not of a print's grain or screen


def looks(hall: Hall) -> Theme:
    """Every card on a few pictures, over all betas."""
    pictures = [damaged for _, damaged in hall.damaged[:PICTURES]]
    plain = [hall.restore(picture, Recipe()) for picture in pictures]
    edges = [_edges(picture) for picture in plain]
    changes, kept, silent = {}, {}, 0.0
    strongest: dict[str, list[NDArray[np.float64]]] = {}
    for number, style in enumerate(hall.styles):
        yield Progress(number, len(hall.styles), f"style {style}")
        for picture, unstyled in zip(pictures, plain, strict=True):
            off = hall.restore(picture, Recipe(style=style, beta=0.0))
            silent = max(silent, float(np.abs(off.astype(int) - unstyled).max()))
        rows = [[hall.restore(picture, Recipe(style=style, beta=beta)) for picture in pictures] for beta in BETAS]
        changes[style] = [_change(row, plain) for row in rows]
        strongest[style] = [rgb2lab(picture[::2, ::2]) for picture in rows[-1]]
        kept[style] = min(_correlation(_edges(p), e) for p, e in zip(rows[-1], edges, strict=True))
    nothing = at_most("styles", "beta 0: largest change", silent, 0.0, "255ths")
    return [nothing, *_growth(changes), *_apart(strongest), *_kept(kept)]


def _growth(changes: dict[str, list[float]]) -> list[Figure]:
    """Whether the mean change grows from each beta to the next, over all cards and card by card."""
    means = np.array(list(changes.values())).mean(0)
    least = float(min(b / a for a, b in pairwise(means)))
    stuck = [style for style, row in changes.items() if not all(b > a for a, b in pairwise(row))]
    words = " ".join(f"{value:.2f}" for value in means)
    return [
        Figure("styles", "mean change, least growth between betas", least, "above 1", least > 1, f"255ths: {words}"),
        Figure("styles", "cards whose change does not always grow", len(stuck), "0", not stuck, ", ".join(stuck[:6])),
    ]


def _apart(strongest: dict[str, list[NDArray[np.float64]]]) -> list[Figure]:
    """How far the two cards that are most alike lie apart at beta 10."""
    distances = {(a, b): _distance(strongest[a], strongest[b]) for a, b in combinations(strongest, 2)}
    if not distances:
        return []
    pair = min(distances, key=lambda key: distances[key])
    alike = sum(distance < VISIBLE for distance in distances.values())
    note = f"Lab; {' and '.join(pair)}; {alike} of {len(distances)} pairs lie nearer"
    return [at_least("styles", "beta 10: the two cards most alike", distances[pair], VISIBLE, note)]


def _distance(a: list[NDArray[np.float64]], b: list[NDArray[np.float64]]) -> float:
    return float(np.mean([np.linalg.norm(x - y, axis=2).mean() for x, y in zip(a, b, strict=True)]))


def _kept(kept: dict[str, float]) -> list[Figure]:
    if not kept:
        return []
    worst = min(kept, key=lambda style: kept[style])
    return [at_least("styles", "beta 10: edges kept, gradient correlation of the worst card", kept[worst], 0.5, worst)]


def _change(styled: list[Pixels], plain: list[Pixels]) -> float:
    return float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(styled, plain, strict=True)]))


def _edges(picture: Pixels) -> NDArray[np.float64]:
    grey = picture.astype(np.float64).mean(axis=2)
    slope: NDArray[np.float64] = ndimage.gaussian_gradient_magnitude(grey, _BLUR)
    return slope


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
