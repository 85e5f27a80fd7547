"""What is written into files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from engine.errors import EngineError, RecipeError, WriteError
from engine.runtime.worker import Lane, Steps, Work
from engine.service.core import OnPass, Report, Stoppable, decode, in_sentences, probe, settled, steps_in_sentences
from engine.service.packaging import Home, Packaging
from engine.types import (
    SHIPPED_MODEL,
    Event,
    EventObject,
    ExportBatch,
    ExportEstimate,
    ExportOptions,
    ExportOutcome,
    ExportReport,
    ImageRef,
    InterruptedExport,
    Optimisation,
    Optimised,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    Restored,
    UnfinishedExport,
)

if TYPE_CHECKING:
    from engine.export.register import Register
    from engine.export.renditions import Written


class Exports(Packaging):
    """Restorations and direct optimisations as files, in the queue."""

    def export(self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Report) -> Work[Restored]:
        """Restores the whole image into a file, in the queue."""
        homes = self._homes(image)
        return self._worker.submit(
            Lane.QUEUE,
            steps_in_sentences(self._enduring(lambda: self._export(image, recipe, options, homes.result()))),
            on_progress=on_progress,
        )

    def _export(
        self, image: ImageRef, recipe: Recipe, options: ExportOptions, homes: Iterable[Home] = ()
    ) -> Generator[Progress | None, None, Restored]:
        from engine.export.orders import Order
        from engine.export.single import export

        self._allowed(image, recipe, homes)
        source = yield from self._proven(image)
        yield from self._equipped(recipe)
        pen = (yield from self._pen("")) if options.sign else None
        pipeline = self._pipeline(recipe)
        subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
        notes = pipeline.notes(subject.recipe)
        place, ready = self._place(image), self._studio().ready
        order = Order(subject, place, options, ready, notes, pen=pen, card=pipeline.card)
        return (yield from export(order, self._tools(pipeline)))

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
        stop, homes = threading.Event(), self._homes(image)

        def steps() -> Generator[Progress | None, None, Optimised]:
            from engine.export.optimised import Job, export_optimised
            from engine.export.orders import Order

            if "alpha" not in self._studio().find(recipe.model)[1].controls:
                raise RecipeError(f"The model “{recipe.model}” knows no alpha to optimise for; choose {SHIPPED_MODEL}.")
            if recipe.scale > 1:
                raise RecipeError("An optimisation leaves the size as it is; set the size to 1 for it.")
            self._allowed(image, recipe, homes.result())
            source = yield from self._proven(image)
            reference = None
            if order.reference:
                picture = Path(order.reference)
                reference = yield from settled(self._io.submit(in_sentences(lambda: decode(picture))))
            studio, pipeline = self._studio(), self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            job = Job(image, order.passes, studio.objective(recipe.model), reference, on_pass, stop)
            export_order = Order(subject, self._place(image), order.export, studio.ready, card=pipeline.card)
            return (yield from export_optimised(export_order, self._tools(pipeline), job))

        return Stoppable(
            self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress),
            stop.set,
        )

    def export_batch(
        self, batch: ExportBatch, on_progress: Report, on_outcome: Callable[[ExportOutcome], None] = lambda _: None
    ) -> Work[ExportReport]:
        """Exports many images as one job, in the queue: what fails is told in the report and the rest go on.

        Both callbacks are called on the engine thread, `on_outcome` for every image when it is done.
        """

        def steps() -> Generator[Progress | None, None, ExportReport]:
            from engine.export.batch import Workshop, run

            shop = Workshop(
                make=lambda item, target: self._made(batch, item, target),
                resolve=self._resolved,
                is_taken=self._export_desk().is_taken,
                register=_register_of(batch.project),
                locate=lambda item: self._located(batch.project, item),
                tell=on_outcome,
            )
            return (yield from run(batch, shop))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def interrupted_exports(self, project: Project) -> Future[list[InterruptedExport]]:
        """Jobs of a project that a crash interrupted; `export_batch` goes on with them."""

        def look() -> list[InterruptedExport]:
            from engine.export.journal import interrupted

            return interrupted(project)

        return self._io.submit(in_sentences(look))

    def forget_export(self, job: str) -> None:
        """An interrupted job is not gone on with."""
        from engine.export.journal import forget
        from engine.export.ledger import discard_parts

        forget(job)
        discard_parts(self._ledgers())

    def export_name(self, batch: ExportBatch, number: int = 0) -> str:
        """What an image of a job will be called, below its folder; RecipeError where the template makes no name."""
        from engine.export.naming import Facts, name_for

        facts = Facts(batch.items[number], batch.project.name if batch.project else "", number + 1)
        return str(name_for(batch.settings, facts))

    def estimate_export(self, batch: ExportBatch) -> Future[ExportEstimate]:
        """What a job will come to, from the images' headers and what earlier exports took."""

        def look() -> ExportEstimate:
            from engine.export.estimate import estimate

            return estimate(batch, _register_of(batch.project), probe, lambda item: self._located(batch.project, item))

        return self._io.submit(in_sentences(look))

    def save_page(self, target: str, data: bytes) -> Future[None]:
        """Writes a document, whole or not at all. WriteError where it cannot be, or where the name is a master's."""

        def write() -> None:
            from engine.projects.atomic import replacing

            path = Path(target)
            if any(path.resolve() == Path(master).resolve() for master in self._known_masters()):
                raise WriteError(f"“{path.name}” is a master, which is never written over; choose another name.")
            with replacing(path) as temporary:
                temporary.write_bytes(data)

        return self._io.submit(in_sentences(write))

    def _made(self, batch: ExportBatch, item: ProjectItem, target: Path) -> Steps[Written]:
        """One image of a job; where the device fails, that image begins again on the processor."""

        def steps() -> Steps[Written]:
            from engine.export.orders import Order
            from engine.export.renditions import render

            self._allowed(item.source, item.recipe, [(batch.project, item)] if batch.project else ())
            source = yield from self._proven(item.source)
            is_package = batch.settings.preset == "package"
            archive = batch.project.package.organization if batch.project else ""
            pen = (yield from self._pen(archive)) if batch.settings.sign and not is_package else None
            pipeline = self._pipeline(item.recipe)
            subject = self._subject(item.source, item.recipe, source)
            notes = {"export": json.dumps(batch.settings.to_json(), sort_keys=True)}
            if item.recipe.scale > 1:
                notes["upscaler"] = pipeline.card.tail
            options = ExportOptions(str(target), "overwrite")
            place, ready = self._place(item.source), self._studio().ready
            order = Order(subject, place, options, ready, notes, pen=pen, card=pipeline.card)
            tools = self._tools(pipeline)
            if is_package:
                return (yield from self._packed(order, tools, batch.project, item, batch.package))[1]
            written = yield from render(order, batch.settings, tools)
            return (yield from self._logged(item, target, batch.settings.preset, written))

        return steps_in_sentences(self._enduring(steps))()

    def _logged(self, item: ProjectItem, target: Path, preset: str, written: Written) -> Generator[None, None, Written]:
        """Keeps an export in the project's audit log; where that cannot be written, the outcome says so."""
        master = self._place(item.source)
        about = (
            EventObject(master.name, item.source.sha256, item.source.size),
            EventObject(target.name, role="outcome"),
        )
        settings = {k: v for k, v in item.recipe.to_json().items() if k not in written.restored.ignored}
        details = {"preset": preset, "recipe": settings}
        event = Event("exporting", f"{master.name} was exported as {target.name}.", objects=about, details=details)
        try:
            yield from self._record(item.source, event)
        except EngineError as error:
            notices = (*written.restored.notices, f"The project’s log does not tell of it: {error}")
            return replace(written, restored=replace(written.restored, notices=notices))
        return written

    def _resolved(self, recipe: Recipe) -> tuple[Recipe, dict[str, str]]:
        """The recipe with the weights that it will be run with, and what else determines the result."""
        card = self._pipeline(recipe).card
        self._check(recipe)
        return replace(recipe, weights=card.sha256), {"tail": card.tail} if recipe.scale > 1 else {}

    def _located(self, project: Project | None, item: ProjectItem) -> str:
        """Where an image's master is; the engine knows it by its hash from then on."""
        path = self._desk.locate(project, item) if project is not None and item.uuid else item.source.path
        with self._lock:
            self._places[item.source.sha256] = path
        return path


def _register_of(project: Project | None) -> Register:
    """The project's own where it can be written, else one in the user's cache."""
    from engine.export.register import Register

    if project is not None and project.writable:
        return Register(Path(project.folder))
    return Register(
        user_cache_path("Archivist", appauthor=False) / "export-register" / (project.uuid if project else "files")
    )
