"""The scoreboard: every figure wanted of a model, with its bound and whether it is reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.errors import ModelError, RecipeError
from engine.evaluation import peers
from engine.evaluation.fidelity import fidelity, noise, speed
from engine.evaluation.figures import Figure, skipped
from engine.evaluation.flatness import flatness
from engine.evaluation.hall import Hall, Theme
from engine.evaluation.holes import holes
from engine.evaluation.looks import looks
from engine.evaluation.monotone import monotone
from engine.evaluation.optimum import optimum
from engine.evaluation.ours import candidate
from engine.evaluation.reading import reading
from engine.evaluation.sameness import sameness
from engine.evaluation.toning import toning
from engine.evaluation.upscaling import upscaling
from engine.models import catalog
from engine.models.weights import load_objective, load_restorer
from engine.rendering.studio import Studio
from engine.runtime.steps import retold
from engine.types import SHIPPED_MODEL, Progress, Recipe, StyleCard, Trial

THEMES: dict[str, Callable[[Hall], Theme]] = {
    "fidelity": fidelity,
    "speed": speed,
    "noise": noise,
    "upscaling": upscaling,
    "tone": toning,
    "holes": holes,
    "flatness": flatness,
    "monotone": monotone,
    "styles": looks,
    "sameness": sameness,
    "lettering": reading,
    "optimum": optimum,
}
"""In the order they are judged; what is quick comes first."""
_ON_DAMAGED = ("fidelity", "speed", "flatness", "monotone", "styles", "sameness", "optimum")


@dataclass(frozen=True, slots=True)
class Judgement:
    """All figures of one model on one set of pictures, and on what they were measured."""

    model: str
    weights: str  # sha256
    device: str
    dtype: str
    threads: int
    pictures: int
    seconds: float
    figures: tuple[Figure, ...]

    @property
    def reached(self) -> int:
        return sum(figure.reached is True for figure in self.figures)

    @property
    def wanted(self) -> int:
        return sum(figure.reached is not None for figure in self.figures)


def judge(studio: Studio, trial: Trial, styles: Sequence[StyleCard]) -> Generator[Progress, None, Judgement]:
    """Steps that measure the wanted themes in turn; `Progress.message` says what is measured.

    Raises RecipeError for a theme that does not exist, ImageError and ModelError for folders and files that do not
    serve.
    """
    unknown = sorted(set(trial.only) - set(THEMES))
    if unknown:
        raise RecipeError(f"There is no theme “{unknown[0]}”; these exist: {', '.join(THEMES)}.")
    start, hall = time.monotonic(), _hall(studio, trial, styles)
    wanted = [name for name in THEMES if not trial.only or name in trial.only]
    figures: list[Figure] = []
    for number, name in enumerate(wanted):
        if hall.defects is None and name in _ON_DAMAGED:
            figures.append(skipped(name, "everything", "no damaged pictures were named with --defects"))
        else:
            figures += yield from _within(THEMES[name](hall), number, len(wanted))
    card, ready = hall.pipeline.card, studio.ready
    return Judgement(
        model=card.id,
        weights=card.sha256,
        device=ready.device,
        dtype=ready.dtype,
        threads=ready.threads,
        pictures=len(hall.cleans),
        seconds=time.monotonic() - start,
        figures=tuple(figures),
    )


def _within(theme: Theme, number: int, count: int) -> Theme:
    """A theme's steps as its share of the whole, in thousandths."""

    def tell(step: Progress) -> Progress:
        done = (number + step.done / max(1, step.total)) / count
        return Progress(int(1000 * done), 1000, step.message)

    return retold(theme, tell)


def _hall(studio: Studio, trial: Trial, styles: Sequence[StyleCard]) -> Hall:
    path = Path(trial.weights) if trial.weights else catalog.find(SHIPPED_MODEL)[0]
    device = studio.device
    try:
        objective = load_objective(path, device.device)
    except ModelError:
        objective = None  # themes that need it say so
    net = (Path(trial.peer).stem, peers.load(Path(trial.peer), studio)) if trial.peer else None
    return Hall(
        pipeline=studio.pipeline_of(path),
        objective=objective,
        load=partial(load_restorer, path),
        styles={card.id: card for card in styles},
        clean=Path(trial.clean),
        aged=Path(trial.aged) if trial.aged else None,
        defects=Path(trial.defects) if trial.defects else None,
        peer=(net[0], candidate(net[1], Recipe())) if net else None,
        peer_net=net,
        limit=trial.pictures,
        thorough=trial.thorough,
    )
