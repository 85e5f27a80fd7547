"""A directly optimised image as a file: the slow way to the pixels, the usual way to the disk."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray

from engine.errors import RecipeError
from engine.export.making import Tools
from engine.export.orders import Order
from engine.export.single import export
from engine.models.objective import Objective
from engine.rendering import optimise
from engine.rendering.canvas import Tally
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.rendering.tensors import to_tensor
from engine.styles.processes import BY_ID
from engine.types import (
    Frame,
    ImageRef,
    Losses,
    Optimised,
    Progress,
    Region,
    RenderRequest,
    StyleCard,
    View,
    has_improved,
)

_LONGEST = 768  # pixels of a reference's longer side, as in training

Watch = Callable[[Losses, Frame | None], None]
"""Gets the losses of every pass and, now and then, the whole picture so far. Called on the engine thread."""


@dataclass(slots=True)
class Job:
    """One optimisation: the image, how many passes, what the style is read off, who watches; `stop` keeps what is."""

    image: ImageRef
    passes: int
    objective: Objective
    reference: Source | None  # the picture whose style is wanted; None: the style's simulated process
    watch: Watch
    stop: threading.Event
    losses: list[Losses] = field(default_factory=list)


def export_optimised(order: Order, tools: Tools, job: Job) -> Generator[Progress | None, None, Optimised]:
    """Steps that optimise the subject of the order and write it as an export is, with its passes and losses in the
    provenance. Closing them leaves nothing; `job.stop` ends the passes and writes what they have reached."""
    restored = yield from export(order, tools, lambda: _make(order, tools.pipeline, job))
    return Optimised(restored, tuple(job.losses), job.stop.is_set())


def _make(order: Order, pipeline: Pipeline, job: Job) -> Generator[Progress | None, None, tuple[NDArray[Any], Tally]]:
    subject, recipe = order.subject, order.subject.recipe
    styled = recipe.beta > 0 and (subject.style is not None or job.reference is not None)
    look = reference_for(subject.style, job.reference, pipeline.device) if styled else None
    aim = optimise.Aim(recipe.alpha, recipe.beta if styled else 0.0, job.passes, recipe.seed)

    def watch(losses: Losses, pixels: NDArray[Any] | None) -> None:
        job.losses.append(losses)
        job.watch(losses, None if pixels is None else _frame(job.image, subject, pixels))

    errand = optimise.Errand(aim, look, watch, job.stop.is_set)
    change = yield from optimise.optimise(pipeline, subject, job.objective, errand)
    order.notes["optimised"] = _told(job, aim)
    result = yield from pipeline.whole(subject, change=change)
    return result


def reference_for(style: StyleCard | None, picture: Source | None, device: torch.device) -> optimise.Reference:
    """Where the style term comes from: a picture somebody names, else the simulated process of the style card.

    A card of a painting keeps 64 numbers, and what the fast network makes of them is no measure of that network:
    RecipeError asks for the picture.
    """
    if picture is not None:
        level = picture.coarse_level(_LONGEST)
        whole = to_tensor(picture.working(level, Region(0, 0, *picture.size(level))), device)
        if min(whole.shape[2:]) < optimise.SMALLEST_SIDE:
            raise RecipeError("The picture whose style is wanted is too small; choose one of 16 pixels or more.")
        return optimise.picture_of(whole)
    if style is not None and style.id in BY_ID:
        return optimise.print_of(BY_ID[style.id])
    title = style.title if style is not None else "none"
    raise RecipeError(f"Of the style “{title}” only 64 numbers are kept; choose the picture itself as the reference.")


def _frame(image: ImageRef, subject: Subject, pixels: NDArray[Any]) -> Frame:
    """The picture so far, in answer to a request for all of it."""
    source = subject.source
    bounds = source.master.info.bounds
    level = next(k for k in range(source.pyramid.depth) if source.size(k) == (pixels.shape[1], pixels.shape[0]))
    before = source.space.to_display(source.pixels(level, Region(0, 0, pixels.shape[1], pixels.shape[0])))
    request = RenderRequest(image, subject.recipe, View(bounds, 1 / (1 << level)), "refine")
    return Frame(request, source.space.to_display(pixels), before, bounds)


def _told(job: Job, aim: optimise.Aim) -> str:
    """For the provenance: how far it was optimised, and how the losses stood at its beginning and end."""
    first, last = job.losses[0], job.losses[-1]
    facts = {
        "method": "direct optimisation of pixels (Gatys et al. 2016), Adam, from the fast result",
        "passes": last.number,
        "alpha": aim.alpha,
        "beta": aim.beta,
        "reference": job.reference.path.name if job.reference else "simulated process" if aim.beta else "",
        "before": {"content": first.content, "style": first.style, "total": first.total},
        "after": {"content": last.content, "style": last.style, "total": last.total},
        "kept": "optimised" if has_improved(job.losses) else "fast result, which was better",
    }
    return json.dumps(facts)
