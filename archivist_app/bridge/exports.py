"""What is written: exports, optimisations, fine-tuned models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.types import (
    ExportBatch,
    ExportEstimate,
    ExportOptions,
    ExportReport,
    FaceOrder,
    FacesRestored,
    Frame,
    ImageRef,
    Losses,
    Optimisation,
    Optimised,
    Progress,
    Project,
    Recipe,
    Restored,
    Tuned,
    Tuning,
    TuningCheck,
    UnfinishedExport,
)

if TYPE_CHECKING:
    from engine.service import EngineService as EngineService  # the rest of the window names the type from here

from archivist_app.bridge.base import BridgeBase, Done, Failed, log
from archivist_app.bridge.handles import JobHandle, StoppableHandle


class Exports(BridgeBase):
    """Jobs that write files."""

    def export(
        self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Callable[[Progress], None]
    ) -> JobHandle[Restored]:
        """Start writing the restored image; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle[Restored](self._service.export(image, recipe, options, progress), self._loop)

    def export_batch(self, batch: ExportBatch, on_progress: Callable[[Progress], None]) -> JobHandle[ExportReport]:
        """Start writing many images as one job; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle[ExportReport](self._service.export_batch(batch, progress), self._loop)

    def export_name(self, batch: ExportBatch) -> str:
        """What the first image of a job will be called. Raises RecipeError where the template makes no name."""
        return self._service.export_name(batch)

    async def estimate_export(self, batch: ExportBatch) -> ExportEstimate:
        """What a job will come to. Raises EngineError."""
        return await self._result(self._service.estimate_export(batch))

    def interrupted_exports(self, project: Project, done: Done, failed: Failed) -> None:
        """The jobs of a project that a crash interrupted, as InterruptedExports."""
        self._watch(self._service.interrupted_exports(project), done, failed)

    def forget_export(self, job: str) -> None:
        """An interrupted job is not gone on with."""
        self._service.forget_export(job)

    def unfinished_exports(self, done: Callable[[tuple[UnfinishedExport, ...]], None], failed: Failed) -> None:
        """Exports that an earlier run of the program did not end."""
        self._watch(self._service.unfinished_exports(), done, failed)

    def resume_export(
        self, unfinished: UnfinishedExport, on_progress: Callable[[Progress], None]
    ) -> JobHandle[Restored]:
        """Go on with one of them; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle[Restored](self._service.resume_export(unfinished, progress), self._loop)

    def discard_export(self, unfinished: UnfinishedExport) -> None:
        """Remove what is left of one of them."""
        self._watch(self._service.discard_export(unfinished), lambda _: None, log.warning)

    def optimise(
        self,
        image: ImageRef,
        recipe: Recipe,
        order: Optimisation,
        on_progress: Callable[[Progress], None],
        on_pass: Callable[[Losses, Frame | None], None],
    ) -> StoppableHandle[Optimised]:
        """Start minimising the losses over the pixels; both callbacks are called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread, as is the next
            self._posted.emit(on_progress, step)

        def told(losses: Losses, frame: Frame | None) -> None:
            self._posted.emit(lambda _: on_pass(losses, frame), None)

        return StoppableHandle[Optimised](self._service.optimise(image, recipe, order, progress, told), self._loop)

    def restore_faces(
        self, image: ImageRef, recipe: Recipe, wish: FaceOrder, on_progress: Callable[[Progress], None]
    ) -> JobHandle[FacesRestored]:
        """Start restoring an image with its marked faces; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle[FacesRestored](self._service.restore_faces(image, recipe, wish, progress), self._loop)

    def finetune(
        self, wish: Tuning, on_progress: Callable[[Progress], None], on_check: Callable[[TuningCheck], None]
    ) -> StoppableHandle[Tuned]:
        """Start to teach a model a collection's own; both callbacks are called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread, as is the next
            self._posted.emit(on_progress, step)

        def told(check: TuningCheck) -> None:
            self._posted.emit(on_check, check)

        return StoppableHandle[Tuned](self._service.finetune(wish, progress, told), self._loop)
