"""A restoration with faces that a network restored as a file: each face with its consent in the provenance."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from engine.export import makers
from engine.export.making import Tools
from engine.export.orders import Order
from engine.export.single import export
from engine.rendering.canvas import Tally
from engine.rendering.faces import restore_faces
from engine.rendering.pipeline import Pipeline
from engine.types import FaceOrder, FacesRestored, ModelCard, Progress

if TYPE_CHECKING:
    from engine.rendering.foreign import Foreign  # with spandrel, which an installation may lack


@dataclass(frozen=True, slots=True)
class Job:
    """The network for faces with its card, and the faces that it is to restore."""

    network: Foreign
    card: ModelCard
    wish: FaceOrder


def export_faces(order: Order, tools: Tools, job: Job) -> Generator[Progress | None, None, FacesRestored]:
    """Steps that restore the subject of the order with its faces and write it as an export is. Closing them leaves
    nothing. Nothing is written, and no face told of, where a file exists that is to be kept."""
    restored = yield from export(order, tools, lambda: _make(order, tools.pipeline, job))
    faces = job.wish.faces if restored.output else ()
    return FacesRestored(restored, job.card.id, job.card.sha256, faces)


def facts(job: Job) -> list[dict[str, Any]]:
    """What is kept of each face: where it is, by which network and how far it was replaced, who consented and why."""
    by = {"model": job.card.id, "sha256": job.card.sha256, "strength": job.wish.strength}
    return [face.to_json() | by for face in job.wish.faces]


def _make(order: Order, pipeline: Pipeline, job: Job) -> Generator[Progress | None, None, tuple[NDArray[Any], Tally]]:
    regions = [face.region for face in job.wish.faces]
    change = yield from restore_faces(pipeline, order.subject, job.network, regions, job.wish.strength)
    order.notes["faces"] = json.dumps(facts(job))
    order.notes["faceModel"] = json.dumps(makers.facts(job.card), ensure_ascii=False)
    return (yield from pipeline.whole(order.subject, change=change))
