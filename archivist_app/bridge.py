"""Where engine threads meet Qt's thread: futures and callbacks go in, queued signals come out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from engine.errors import Cancelled, EngineError
from engine.types import (
    EngineReady,
    ExportBatch,
    ExportEstimate,
    ExportOptions,
    ExportReport,
    FixityReport,
    Frame,
    ImageRef,
    Losses,
    MapFrame,
    MapRequest,
    ModelCard,
    NewModel,
    OpenedImage,
    Optimisation,
    Optimised,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    Region,
    Relocation,
    RenderRequest,
    Restored,
    Sample,
    StyleCard,
    Tuned,
    Tuning,
    TuningCheck,
    UnfinishedExport,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.service import EngineService as EngineService  # the rest of the window names the type from here

log = logging.getLogger(__name__)
T = TypeVar("T")
Done = Callable[[Any], None]
Failed = Callable[[str], None]


def make_service() -> EngineService:
    """The engine of this program, not started; importing it stays free of torch."""
    from engine.service import EngineService

    return EngineService(interactive=True)


def sentence(error: BaseException) -> str:
    """What a person is told about `error`; the traceback of anything unforeseen goes to the log."""
    if isinstance(error, EngineError):
        return str(error)
    log.error("unforeseen failure", exc_info=error)
    return f"Something unforeseen went wrong ({type(error).__name__}: {error}); your originals are untouched."


async def _outcome(future: Future[T], cancel: Callable[[], object], loop: asyncio.AbstractEventLoop) -> T:
    """What comes of work that can be cancelled. Raises EngineError, or Cancelled once the engine has cleaned up."""
    try:
        return await asyncio.wrap_future(future, loop=loop)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            cancel()  # whoever waits was cancelled: the engine's steps must stop too
            raise
        raise Cancelled from None


class StyleHandle:
    """A style in the making: await `result()`, or `cancel()` it from Qt's thread."""

    def __init__(self, future: Future[StyleCard], loop: asyncio.AbstractEventLoop) -> None:
        self._future = future
        self._loop = loop

    def cancel(self) -> None:
        """Ask the engine to stop; no style is added."""
        self._future.cancel()

    async def result(self) -> StyleCard:
        """The new style's card. Raises EngineError, or Cancelled."""
        return await _outcome(self._future, self.cancel, self._loop)


class JobHandle(Generic[T]):
    """Running work of the engine: await `result()`, or `cancel()` it from Qt's thread."""

    def __init__(self, work: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._loop = loop

    def cancel(self) -> None:
        """Ask the engine to stop; it removes what it half wrote."""
        self._work.cancel()

    def hold(self, paused: bool) -> None:
        """Let it rest, or go on."""
        if paused:
            self._work.pause()
        else:
            self._work.resume()

    async def result(self) -> T:
        """What came of it. Raises EngineError, or Cancelled once the engine has cleaned up."""
        made: T = await _outcome(self._work.future, self.cancel, self._loop)
        return made


class ExportHandle(JobHandle[Restored]):
    """A running export."""


class OptimiseHandle(ExportHandle):
    """A running optimisation, which can also be stopped early."""

    def __init__(self, job: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job.work, loop)
        self._stop = job.stop

    def stop(self) -> None:
        """End the passes; what they have reached is written."""
        self._stop()

    async def optimised(self) -> Optimised:
        """What was written, and its losses. Raises as `result` does."""
        done: Any = await self.result()
        optimised: Optimised = done
        return optimised


class BatchHandle:
    """A running export of many images: await `result()`, `cancel()` it or let it rest from Qt's thread."""

    def __init__(self, work: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._loop = loop

    def cancel(self) -> None:
        """Ask the engine to stop; what was finished stays."""
        self._work.cancel()

    def hold(self, paused: bool) -> None:
        """Let it rest, or go on."""
        if paused:
            self._work.pause()
        else:
            self._work.resume()

    async def result(self) -> ExportReport:
        """What became of each image. Raises EngineError, or Cancelled once what was begun has been removed."""
        report: ExportReport = await _outcome(self._work.future, self.cancel, self._loop)
        return report


class TuningHandle(ExportHandle):
    """A running fine-tuning, which can also be stopped early."""

    def __init__(self, job: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job.work, loop)
        self._stop = job.stop

    def stop(self) -> None:
        """Learn no more; the best so far is written."""
        self._stop()

    async def tuned(self) -> Tuned:
        """What was learned. Raises as `result` does."""
        done: Any = await self.result()
        tuned: Tuned = done
        return tuned


class Bridge(QObject):
    """The engine as Qt sees it. Every signal is emitted, and every callback called, on Qt's thread."""

    awoken = Signal()  # the first window is on screen: rendering may be asked for
    engine_ready = Signal(object)  # EngineReady
    engine_failed = Signal(str)
    engine_moved = Signal(object, str)  # EngineReady, sentence: the engine had to leave its device
    frame_arrived = Signal(object)  # Frame: a draft, a refined tile, or the whole refined view
    refined = Signal(object)  # RenderRequest whose last tile has arrived
    render_failed = Signal(object, str)  # RenderRequest, sentence

    _posted = Signal(object, object)  # callback, its argument

    def __init__(self, service: EngineService, loop: asyncio.AbstractEventLoop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._loop = loop
        self._awake = False
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        service.watch(self._move)
        service.start()

    # the door between the threads

    @Slot(object, object)
    def _deliver(self, callback: Callable[[Any], None], value: Any) -> None:
        callback(value)

    def _watch(self, future: Future[T], done: Done, failed: Failed) -> None:
        """Call `done(result)` or `failed(sentence)` on Qt's thread; a cancelled future calls neither."""

        def settled(settled_future: Future[T]) -> None:
            if settled_future.cancelled():
                return
            error = settled_future.exception()
            if error is None:
                self._posted.emit(done, settled_future.result())
            elif not isinstance(error, Cancelled):
                self._posted.emit(failed, sentence(error))

        future.add_done_callback(settled)

    async def _result(self, future: Future[T]) -> T:
        return await asyncio.wrap_future(future, loop=self._loop)

    # waking and closing

    @property
    def awake(self) -> bool:
        """Whether the engine may import torch: false until the first window is on screen."""
        return self._awake

    def wake(self) -> None:
        """Let the engine load its model; call once, after the first paint."""
        if self._awake:
            return
        self._awake = True
        self._watch(self._service.warm(), self._warmed, self.engine_failed.emit)
        self.awoken.emit()

    def _warmed(self, ready: EngineReady) -> None:
        self.engine_ready.emit(ready)

    def _move(self, ready: EngineReady, text: str) -> None:  # called on the engine thread
        self._posted.emit(lambda moved: self.engine_moved.emit(*moved), (ready, text))

    def close(self) -> None:
        """Ends the engine's threads; blocks until they are gone."""
        self._service.close()

    # rendering

    def draft(self, request: RenderRequest) -> None:
        """Ask for a quick rendering; the answer comes as `frame_arrived`, unless a newer draft replaces this one."""
        self._watch(self._service.draft(request), self.frame_arrived.emit, self._failure_of(request))

    def refine(self, request: RenderRequest) -> None:
        """Ask for full quality, tile by tile; dropped when a newer draft is asked for."""

        def tile(frame: Frame) -> None:  # called on the engine thread
            self._posted.emit(self.frame_arrived.emit, frame)

        self._watch(self._service.refine(request, tile), self._refined, self._failure_of(request))

    def _refined(self, frame: Frame) -> None:
        self.frame_arrived.emit(frame)
        self.refined.emit(frame.request)

    def _failure_of(self, request: RenderRequest) -> Failed:
        def failed(text: str) -> None:
            self.render_failed.emit(request, text)

        return failed

    def beside(self, request: RenderRequest, arrived: Callable[[Frame], None], failed: Failed) -> Callable[[], None]:
        """A view at full quality beside the picture: each tile, then the whole. Call the result to be spared it."""

        def tile(frame: Frame) -> None:  # called on the engine thread
            self._posted.emit(arrived, frame)

        work = self._service.beside(request, tile)
        self._watch(work.future, arrived, failed)
        return work.cancel

    async def whole(self, request: RenderRequest) -> Frame:
        """A whole view at full quality, for paper. Raises EngineError, or Cancelled."""
        work = self._service.beside(request, lambda _: None)
        return await _outcome(work.future, work.cancel, self._loop)

    async def whole_map(self, request: MapRequest) -> MapFrame:
        """The map of a whole view. Raises EngineError, or Cancelled."""
        work = self._service.survey(request, lambda _: None, lambda _: None)
        return await _outcome(work.future, work.cancel, self._loop)

    async def save_page(self, target: str, data: bytes) -> None:
        """Write a document, whole or not at all. Raises EngineError."""
        await self._result(self._service.save_page(target, data))

    def sample(self, image: ImageRef, recipe: Recipe, x: int, y: int, done: Callable[[Sample], None]) -> None:
        """One pixel in the master's own values; where that fails nothing is said."""
        self._watch(self._service.sample(image, recipe, x, y), done, log.info)

    def survey(
        self,
        request: MapRequest,
        on_part: Callable[[MapFrame], None],
        on_progress: Callable[[Progress], None],
        done: Done,
        failed: Failed,
    ) -> Callable[[], None]:
        """A map of a view, part by part, then the whole. Call the result to be spared it."""

        def part(frame: MapFrame) -> None:  # called on the engine thread, as is the next
            self._posted.emit(on_part, frame)

        def progress(step: Progress) -> None:
            self._posted.emit(on_progress, step)

        work = self._service.survey(request, part, progress)
        self._watch(work.future, done, failed)
        return work.cancel

    def thumbnail(
        self, image: ImageRef, recipe: Recipe, size: int, done: Done, failed: Failed, region: Region | None = None
    ) -> None:
        """A small restored picture of the image or a region of it, made when nothing else waits."""
        self._watch(self._service.thumbnail(image, recipe, size, region), done, failed)

    def drop_background(self) -> None:
        """Forget the thumbnails that wait."""
        self._service.drop_background()

    def picture(self, image: ImageRef, size: int, done: Done, failed: Failed) -> None:
        """The untouched image, longest side at most `size` pixels."""
        self._watch(self._service.picture(image, size), done, failed)

    def export(
        self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Callable[[Progress], None]
    ) -> ExportHandle:
        """Start writing the restored image; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return ExportHandle(self._service.export(image, recipe, options, progress), self._loop)

    def export_batch(self, batch: ExportBatch, on_progress: Callable[[Progress], None]) -> BatchHandle:
        """Start writing many images as one job; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return BatchHandle(self._service.export_batch(batch, progress), self._loop)

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

    def resume_export(self, unfinished: UnfinishedExport, on_progress: Callable[[Progress], None]) -> ExportHandle:
        """Go on with one of them; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return ExportHandle(self._service.resume_export(unfinished, progress), self._loop)

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
    ) -> OptimiseHandle:
        """Start minimising the losses over the pixels; both callbacks are called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread, as is the next
            self._posted.emit(on_progress, step)

        def told(losses: Losses, frame: Frame | None) -> None:
            self._posted.emit(lambda _: on_pass(losses, frame), None)

        return OptimiseHandle(self._service.optimise(image, recipe, order, progress, told), self._loop)

    def finetune(
        self, wish: Tuning, on_progress: Callable[[Progress], None], on_check: Callable[[TuningCheck], None]
    ) -> TuningHandle:
        """Start to teach a model a collection's own; both callbacks are called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread, as is the next
            self._posted.emit(on_progress, step)

        def told(check: TuningCheck) -> None:
            self._posted.emit(on_check, check)

        return TuningHandle(self._service.finetune(wish, progress, told), self._loop)

    # masks

    async def find_damage(
        self, image: ImageRef, recipe: Recipe, on_progress: Callable[[Progress], None]
    ) -> NDArray[np.uint8]:
        """The mask (H, W) that the network itself would repair; cancelling it stops the engine. Raises EngineError."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        work = self._service.find_damage(image, recipe, progress)
        try:
            return await self._result(work.future)
        except asyncio.CancelledError:
            work.cancel()
            raise

    async def mask(self, mask: str) -> NDArray[np.uint8]:
        """The pixels (H, W) of a mask by its id, not to be written to. Raises EngineError."""
        return await self._result(self._service.mask(mask))

    async def keep_mask(self, pixels: NDArray[np.uint8], project: Project | None) -> str:
        """The id of a mask (H, W) once it is on disk; nobody may write to `pixels` any more. Raises EngineError."""
        return await self._result(self._service.keep_mask(pixels, project))

    async def add_mask(self, path: str, image: ImageRef) -> str:
        """The id of a mask in a file of the image's size. Raises EngineError."""
        return await self._result(self._service.add_mask(path, image))

    async def aside(self, compute: Callable[[], T]) -> T:
        """What takes longer than the event loop may stand still, on another thread. Raises EngineError."""
        return await self._result(self._service.aside(compute))

    # the catalogue

    def styles(self) -> tuple[StyleCard, ...]:
        """The styles there are."""
        return self._service.styles()

    def add_style(self, path: str) -> StyleHandle:
        """Start making a picture's look a style of one's own."""
        return StyleHandle(self._service.add_style(path), self._loop)

    def remove_style(self, style: str) -> None:
        """Forget one of a person's own styles. Raises EngineError."""
        self._service.remove_style(style)

    async def models(self) -> tuple[ModelCard, ...]:
        """The models there are, the shipped ones first; another thread hashes their files. Raises EngineError."""
        return await self.aside(self._service.models)

    def import_model(self, new: NewModel, on_progress: Callable[[Progress], None]) -> JobHandle[ModelCard]:
        """Start taking in a network of other people's; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle(self._service.import_model(new, progress), self._loop)

    async def remove_model(self, model: str) -> None:
        """Forget an imported model. Raises EngineError."""
        await self.aside(lambda: self._service.remove_model(model))

    # images and projects

    def truth(self, project: Project, item: ProjectItem) -> str | None:
        """The photograph that an artificially aged master was made from, where the project keeps it."""
        return self._service.truth(project, item)

    def register(self, project: Project, item: ProjectItem) -> str:
        """Tell the engine where the item's master lives, and return that path. Raises EngineError."""
        path = self._service.locate(project, item)
        self._service.register(item.source, path)
        return path

    async def open_image(self, path: str, page: int = 0) -> OpenedImage:
        """Read what a file is, and hash it. Raises EngineError."""
        return await self._result(self._service.open_image(path, page))

    async def open_project(self, folder: str) -> Project:
        """Open a project folder. Raises EngineError."""
        return await self._result(self._service.open_project(folder))

    async def project_for(self, paths: Sequence[str]) -> tuple[Project, tuple[str, ...]]:
        """The project the images belong to, new if need be, and one sentence per refused file."""
        return await self._result(self._service.project_for(paths))

    async def add_images(self, project: Project, paths: Sequence[str]) -> tuple[Project, tuple[str, ...]]:
        """The project with more images, and one sentence per refused file."""
        return await self._result(self._service.add_images(project, paths))

    async def save_item(self, project: Project, item: ProjectItem) -> Project:
        """Write one item; its revision must be newer than the saved one."""
        return await self._result(self._service.save_item(project, item))

    async def journal(self, project: Project, items: Sequence[ProjectItem]) -> None:
        """Keep edits on the disk in case the program is killed before they are saved. Raises EngineError."""
        await self._result(self._service.journal(project, items))

    def beat(self) -> None:
        """Say that the open project is in use."""
        self._service.beat()

    async def note_open(self, project: Project | None) -> None:
        """If the program is killed, the next one knows that this project was open."""
        await self._result(self._service.note_open(project))

    async def left_open(self) -> tuple[str, ...]:
        """Folders of the projects that were open in programs that were killed; told once."""
        return await self._result(self._service.left_open())

    def check_masters(
        self, project: Project, items: Sequence[ProjectItem], on_progress: Callable[[Progress], None]
    ) -> JobHandle[tuple[tuple[str, FixityReport], ...]]:
        """Start reading masters, every byte; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle(self._service.check_masters(project, items, progress), self._loop)

    def relocate(
        self, project: Project, folder: str | None, on_progress: Callable[[Progress], None]
    ) -> JobHandle[tuple[Project, tuple[Relocation, ...]]]:
        """Start looking for moved masters by their bytes; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle(self._service.relocate(project, folder, progress), self._loop)

    async def acknowledge(self, project: Project, item: ProjectItem) -> Project:
        """Take the file that is now at a master's place for the master. Raises EngineError."""
        return await self._result(self._service.acknowledge(project, item))

    async def demo_project(self) -> Project:
        """The project of the demo, made on first use."""
        return await self._result(self._service.demo_project())

    def close_project(self, project: Project) -> None:
        """Let go of a project, so that others may open it."""
        self._service.close_project(project)
