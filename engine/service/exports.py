"""What is written into files."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_path

from engine.errors import RecipeError
from engine.runtime.worker import Lane, Work
from engine.service.core import OnPass, Report, Stoppable, decode, in_sentences, settled, steps_in_sentences
from engine.service.images import Images
from engine.types import (
    ExportOptions,
    ImageRef,
    Optimisation,
    Optimised,
    Progress,
    Recipe,
    Restored,
    UnfinishedExport,
)


class Exports(Images):
    """Restorations and direct optimisations as files, in the queue."""

    def export(self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Report) -> Work[Restored]:
        """Restores the whole image into a file, in the queue."""
        return self._worker.submit(
            Lane.QUEUE,
            steps_in_sentences(self._enduring(lambda: self._export(image, recipe, options))),
            on_progress=on_progress,
        )

    def _export(
        self, image: ImageRef, recipe: Recipe, options: ExportOptions
    ) -> Generator[Progress | None, None, Restored]:
        from engine.export.single import Order, export

        yield from self._unchanged(image)
        source = yield from self._decoded(image)
        pipeline = self._pipeline(recipe)
        subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
        notes = {"upscaler": pipeline.card.tail} if recipe.scale > 1 else {}
        order = Order(subject, self._place(image), options, self._studio().ready, notes)
        return (yield from export(order, pipeline, self._io, self._export_desk()))

    def unfinished_exports(self) -> Future[tuple[UnfinishedExport, ...]]:
        """Exports that were cut off by the end of a program and can go on where they were."""

        def look() -> tuple[UnfinishedExport, ...]:
            if not (user_cache_path("Archivist", appauthor=False) / "exports").is_dir():
                return ()  # as nearly always: nothing needs to be loaded for that
            from engine.export.ledger import unfinished

            return unfinished(self._ledgers())

        return self._io.submit(in_sentences(look))

    def resume_export(self, unfinished: UnfinishedExport, on_progress: Report) -> Work[Restored]:
        """Goes on with one of them, in the queue; RecipeError where its master is not the same any more."""

        def steps() -> Generator[Progress | None, None, Restored]:
            from engine.export.ledger import recall

            image, recipe, options = recall(unfinished.key)
            opened = yield from settled(self.open_image(image.path, image.page))
            if opened.ref.sha256 != image.sha256:
                name = Path(image.path).name
                raise RecipeError(f"“{name}” was changed since this export began; restore it anew.")
            return (yield from self._export(opened.ref, recipe, options))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def discard_export(self, unfinished: UnfinishedExport) -> Future[None]:
        """Removes what is left of one of them."""

        def remove() -> None:
            from engine.export.ledger import discard, home

            discard(home() / Path(unfinished.key).name)

        return self._io.submit(in_sentences(remove))

    def _ledgers(self) -> tuple[Path, ...]:
        return tuple(self._exports.ledgers) if self._exports is not None else ()

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
