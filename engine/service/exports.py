"""What is written into files."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import RecipeError
from engine.runtime.worker import Lane, Work
from engine.types import (
    SHIPPED_MODEL,
    ExportOptions,
    ImageRef,
    Optimisation,
    Optimised,
    Progress,
    Recipe,
    Restored,
)

if TYPE_CHECKING:
    pass

from engine.service.core import EngineCore, OnPass, Report, Stoppable, decode, in_sentences, settled, steps_in_sentences


class Exports(EngineCore):
    """Restorations and direct optimisations as files, in the queue."""

    def export(self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Report) -> Work[Restored]:
        """Restores the whole image into a file, in the queue."""

        def steps() -> Generator[Progress | None, None, Restored]:
            from engine.export.single import Order, export

            yield from self._unchanged(image)
            yield from self._equipped(recipe)
            source = yield from self._decoded(image)
            pipeline = self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            notes = pipeline.notes(subject.recipe)
            order = Order(subject, self._place(image), options, self._studio().ready, notes)
            return (yield from export(order, pipeline, self._io, self._export_desk()))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def optimise(
        self, image: ImageRef, recipe: Recipe, order: Optimisation, on_progress: Report, on_pass: OnPass
    ) -> Stoppable[Optimised]:
        """Minimises alpha * content + beta * style over the pixels, in the queue, and exports the result.

        `on_pass` is called on the engine thread with the losses of each pass and now and then the picture so far.
        """
        stop = threading.Event()

        def steps() -> Generator[Progress | None, None, Optimised]:
            from engine.export.optimised import Job, export_optimised
            from engine.export.single import Order

            if "alpha" not in self._studio().find(recipe.model)[1].controls:
                raise RecipeError(f"The model “{recipe.model}” knows no alpha to optimise for; choose {SHIPPED_MODEL}.")
            if recipe.scale > 1:
                raise RecipeError("An optimisation leaves the size as it is; set the size to 1 for it.")
            yield from self._unchanged(image)
            source = yield from self._decoded(image)
            reference = None
            if order.reference:
                picture = Path(order.reference)
                reference = yield from settled(self._io.submit(in_sentences(lambda: decode(picture))))
            studio, pipeline = self._studio(), self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            job = Job(image, order.passes, studio.objective(recipe.model), reference, on_pass, stop)
            export_order = Order(subject, self._place(image), order.export, studio.ready)
            return (yield from export_optimised(export_order, pipeline, self._io, self._export_desk(), job))

        return Stoppable(
            self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress),
            stop.set,
        )
