"""The only door to the engine. Cheap to import and to make: torch is loaded on the engine thread, by `warm()`, and
numpy and the codecs by the first image, so that the window is on screen before any of them.

Futures are `concurrent.futures.Future`; callbacks run on engine or io threads; failures are `EngineError`s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from platformdirs import user_data_path

from engine.errors import Cancelled, EngineError, RecipeError, in_words
from engine.models import catalog
from engine.projects.desk import ProjectDesk
from engine.projects.masks import MaskShelf
from engine.runtime.cache import ByteCache
from engine.runtime.io import IoPool, sha256_of
from engine.runtime.worker import Lane, Steps, Work, Worker
from engine.styles.library import StyleLibrary, own_card
from engine.types import (
    PROTECTED,
    Comparison,
    EngineReady,
    ExportOptions,
    Frame,
    ImageInfo,
    ImageRef,
    Losses,
    MapFrame,
    MapRequest,
    ModelCard,
    OpenedImage,
    Optimisation,
    Optimised,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    Region,
    RenderRequest,
    Restored,
    Sample,
    StyleCard,
    Trial,
    View,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.evaluation.bench import Measurements
    from engine.evaluation.benchmark import Evaluation
    from engine.evaluation.judge import Judgement
    from engine.export.single import Desk
    from engine.rendering.pipeline import Pipeline, Subject
    from engine.rendering.source import Source
    from engine.rendering.studio import Studio

T = TypeVar("T")
Report = Callable[[Progress], None]
Moved = Callable[[EngineReady, str], None]
OnPass = Callable[[Losses, Frame | None], None]
SEEN_BYTES = 1 << 30  # what the backbone said of tiles: about 13 MB a megapixel
SOURCE_BYTES = 3 << 30  # decoded masters
MASK_STRIP = 256  # rows of a mask's picture that are converted at a time


@dataclass(frozen=True, slots=True)
class Stoppable(Generic[T]):
    """Work that can also be ended early: `stop` keeps what it has reached, `work.cancel` leaves nothing."""

    work: Work[T]
    stop: Callable[[], None]


def _in_words(fn: Callable[[], T]) -> Callable[[], T]:
    """`fn`, failing in EngineErrors only."""

    def told() -> T:
        with in_words():
            return fn()

    return told


def _steps_in_words(make: Callable[[], Steps[T]]) -> Callable[[], Steps[T]]:
    """The same for steps."""

    def told() -> Steps[T]:
        with in_words():
            return (yield from make())

    return told


def _settled(future: Future[T]) -> Generator[None, None, T]:
    """Waits for another thread in small steps."""
    while not future.done():
        wait([future], timeout=0.01)
        yield None
    return future.result()


def _probe(path: Path) -> ImageInfo:
    from engine.imaging.reader import probe  # with numpy and every codec, as in the next two

    return probe(path)


def _preview(path: Path, size: int, page: int = 0) -> NDArray[np.uint8]:
    from engine.imaging.reader import read_preview

    return read_preview(path, size, page)


def _decode(path: Path, page: int = 0) -> Source:
    from engine.rendering.source import open_source

    return open_source(path, page)


class EngineService:
    """Everything the window and the command line may ask of the engine. Usable from any thread."""

    def __init__(self, *, device: str = "auto", cache_bytes: int | None = None, interactive: bool = False) -> None:
        self._device = device
        self._cache_bytes = SEEN_BYTES if cache_bytes is None else cache_bytes
        self._interactive = interactive
        self._worker = Worker()
        self._io = IoPool()
        self._sources: ByteCache[tuple[str, int], Source] = ByteCache(SOURCE_BYTES)
        self._loading: dict[tuple[str, int], Future[Source]] = {}
        self._places: dict[str, str] = {}
        self._lock = threading.Lock()
        self._library = StyleLibrary(user_data_path("Archivist", appauthor=False) / "styles.json")
        self._desk = ProjectDesk(self._admit)
        self._masks = MaskShelf(self._desk.folders)
        self._studio_made: Studio | None = None
        self._exports: Desk | None = None
        self._moved: Moved = lambda _ready, _sentence: None

    def watch(self, moved: Moved) -> None:
        """`moved(ready, sentence)` is called on the engine thread when the engine has to leave its device."""
        self._moved = moved

    def start(self) -> None:
        """Starts the engine thread. torch is not imported yet."""
        self._worker.start()

    def warm(self) -> Future[EngineReady]:
        """Imports torch and loads the shipped model; call it after the first paint."""
        return self._worker.call(self._ready)

    def close(self, timeout: float = 10.0) -> None:
        """Closes what runs (exports clean up after themselves), the threads and the open projects."""
        self._worker.close(timeout)
        self._io.close()
        self._desk.close()

    # Images

    def open_image(self, path: str, page: int = 0) -> Future[OpenedImage]:
        """Reads an image's header and hash, and begins to decode it."""

        def look() -> OpenedImage:
            info = _probe(Path(path))
            sha256, size = self._admit(Path(path))
            ref = ImageRef(str(Path(path).absolute()), sha256, size, page)
            self.register(ref, ref.path)
            self._load(ref)
            return OpenedImage(ref, info)

        return self._io.submit(_in_words(look))

    def register(self, ref: ImageRef, absolute: str) -> None:
        """Tells where an image that is known by its hash lies."""
        with self._lock:
            self._places[ref.sha256] = absolute

    def picture(self, image: ImageRef, size: int) -> Future[Frame]:
        """The untouched image with its longest side at most `size`, for the first paint and the filmstrip."""

        def read() -> Frame:
            import numpy as np

            path = self._place(image)
            info = _probe(path)
            rgb = _preview(path, size, image.page)
            bgrx = np.full((*rgb.shape[:2], 4), 255, np.uint8)
            bgrx[..., :3] = rgb[..., ::-1]
            bounds = info.bounds
            request = RenderRequest(image, Recipe(strength=0.0), View(bounds, rgb.shape[1] / max(1, info.width)))
            return Frame(request, bgrx, bgrx, bounds)

        return self._io.submit(_in_words(read))

    def add_mask(self, path: str, image: ImageRef) -> Future[str]:
        """Reads a damage mask (white repairs, black leaves) of the image's size; its id goes into `Recipe.mask`.

        It is kept until the program ends; `mask` and `keep_mask` put it into a project.
        """

        def read() -> str:
            import numpy as np

            source, master = _decode(Path(path)), _probe(self._place(image))
            pixels = source.master.pixels
            height, width = pixels.shape[:2]
            if (height, width) != (master.height, master.width):
                raise RecipeError(
                    f"The mask “{Path(path).name}” has {width} × {height} pixels; it must have the size of the image, "
                    f"{master.width} × {master.height}."
                )
            grey = np.empty((height, width), np.uint8)
            for top in range(0, height, MASK_STRIP):
                strip = source.space.to_working(pixels[top : top + MASK_STRIP]).mean(axis=2)
                grey[top : top + MASK_STRIP] = np.rint(strip * 255)
            grey[grey == PROTECTED] = 0  # a soft edge's darkest grey, which is not meant to protect anything
            return self._masks.keep(grey, None)

        return self._io.submit(_in_words(read))

    def keep_mask(self, pixels: NDArray[np.uint8], project: Project | None) -> Future[str]:
        """Keeps a mask (H, W) that was drawn, in the project if that can be written; its id goes into `Recipe.mask`.

        255 is repaired, 0 is not, PROTECTED never is. The array must not change afterwards.
        """
        folder = Path(project.folder) if project is not None and project.writable else None
        return self._io.submit(_in_words(lambda: self._masks.keep(pixels, folder)))

    def mask(self, mask: str) -> Future[NDArray[np.uint8]]:
        """The pixels (H, W) of a mask by its id, 255 where to repair."""
        return self._io.submit(_in_words(lambda: self._masks.get(mask)))

    def aside(self, compute: Callable[[], T]) -> Future[T]:
        """Whatever takes too long for the thread that asks, on one of the two that read files; no torch."""
        return self._io.submit(_in_words(compute))

    def find_damage(self, image: ImageRef, recipe: Recipe, on_progress: Report) -> Work[NDArray[np.uint8]]:
        """The mask (H, W) that the network itself would repair at scope “damage”, 255 or 0, to be edited."""

        def steps() -> Generator[Progress | None, None, NDArray[np.uint8]]:
            subject = self._subject(image, replace(recipe, mask=None), (yield from self._decoded(image)))
            return (yield from self._pipeline(recipe).repairs(subject))

        return self._worker.submit(Lane.BESIDE, _steps_in_words(self._enduring(steps)), on_progress=on_progress)

    # Rendering

    def draft(self, request: RenderRequest) -> Future[Frame]:
        """A frame at once; replaces a draft that still waits, whose future is then cancelled."""

        def steps() -> Generator[Progress | None, None, Frame]:
            frame = self._pipeline(request.recipe).draft(request, self._subject(request.image, request.recipe))
            yield None
            return frame

        return self._worker.submit(Lane.DRAFT, _steps_in_words(self._enduring(steps))).future

    def refine(self, request: RenderRequest, on_tile: Callable[[Frame], None]) -> Future[Frame]:
        """The view at full quality, tile by tile; dropped for a newer draft."""

        def steps() -> Generator[Progress | None, None, Frame]:
            subject = self._subject(request.image, request.recipe)
            return (yield from self._pipeline(request.recipe).refine(request, subject, on_tile))

        return self._worker.submit(Lane.REFINE, _steps_in_words(self._enduring(steps))).future

    def beside(self, request: RenderRequest, on_tile: Callable[[Frame], None]) -> Work[Frame]:
        """A view at full quality that is looked at beside the picture, as a variant is; no draft drops it."""

        def steps() -> Generator[Progress | None, None, Frame]:
            subject = self._subject(request.image, request.recipe, (yield from self._decoded(request.image)))
            return (yield from self._pipeline(request.recipe).refine(request, subject, on_tile))

        return self._worker.submit(Lane.BESIDE, _steps_in_words(self._enduring(steps)))

    def survey(self, request: MapRequest, on_part: Callable[[MapFrame], None], on_progress: Report) -> Work[MapFrame]:
        """A map of what the restoration did, tile by tile, in the same lane; what is known already comes at once."""

        def steps() -> Generator[Progress | None, None, MapFrame]:
            from engine.rendering import maps

            subject = self._subject(request.image, request.recipe, (yield from self._decoded(request.image)))
            return (yield from maps.view(self._pipeline(request.recipe), subject, request, on_part))

        return self._worker.submit(Lane.BESIDE, _steps_in_words(self._enduring(steps)), on_progress=on_progress)

    def sample(self, image: ImageRef, recipe: Recipe, x: int, y: int) -> Future[Sample]:
        """One pixel before and after; cancelled where the master has not been decoded, since nobody waits for that."""

        def look() -> Sample:
            with self._lock:
                source = self._sources.get((image.sha256, image.page))
            if source is None:
                raise Cancelled
            subject = self._subject(image, recipe, source)
            after = self._pipeline(recipe).sample(subject, x, y)
            before = tuple(source.master.pixels[y, x].tolist())
            return Sample(
                image, recipe, x, y, before, None if after is None else tuple(after.tolist()), source.space.bits
            )

        return self._worker.call(_in_words(look))

    def thumbnail(self, image: ImageRef, recipe: Recipe, size: int, region: Region | None = None) -> Future[Frame]:
        """The image, or a region of the master, in this recipe, longest side about `size`, when nothing waits."""

        def steps() -> Generator[Progress | None, None, Frame]:
            subject = self._subject(image, recipe, (yield from self._decoded(image)))
            info = subject.source.master.info
            part = info.bounds if region is None else region.intersect(info.bounds)
            view = View(part, min(1.0, size / max(1, part.width, part.height)))
            request = RenderRequest(image, recipe, view)
            return (yield from self._pipeline(recipe).refine(request, subject, lambda _: None))

        return self._worker.submit(Lane.BACKGROUND, _steps_in_words(self._enduring(steps))).future

    def drop_background(self) -> None:
        """Forgets thumbnails that are still waiting, as when another image is opened."""
        self._worker.drop_background()

    def export(self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Report) -> Work[Restored]:
        """Restores the whole image into a file, in the queue."""

        def steps() -> Generator[Progress | None, None, Restored]:
            from engine.export.single import Order, export

            source = yield from self._decoded(image)
            pipeline = self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            notes = {"upscaler": pipeline.card.tail} if recipe.scale > 1 else {}
            order = Order(subject, self._place(image), options, self._studio().ready, notes)
            return (yield from export(order, pipeline, self._io, self._export_desk()))

        return self._worker.submit(Lane.QUEUE, _steps_in_words(self._enduring(steps)), on_progress=on_progress)

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
            source = yield from self._decoded(image)
            reference = None
            if order.reference:
                picture = Path(order.reference)
                reference = yield from _settled(self._io.submit(_in_words(lambda: _decode(picture))))
            studio, pipeline = self._studio(), self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            job = Job(image, order.passes, studio.objective(recipe.model), reference, on_pass, stop)
            export_order = Order(subject, self._place(image), order.export, studio.ready)
            return (yield from export_optimised(export_order, pipeline, self._io, self._export_desk(), job))

        return Stoppable(
            self._worker.submit(Lane.QUEUE, _steps_in_words(self._enduring(steps)), on_progress=on_progress), stop.set
        )

    # Catalogue

    def styles(self) -> tuple[StyleCard, ...]:
        """All style cards, the shipped ones first."""
        return self._library.cards()

    def models(self) -> tuple[ModelCard, ...]:
        """The cards of the installed models."""
        return tuple(catalog.read_card(path) for path in catalog.shipped())

    def add_style(
        self, path: str, *, title: str = "", date: str = "", source: str = "", licence: str = ""
    ) -> Future[StyleCard]:
        """Makes any picture a style card among a person's own; title and source are the file's name if not given."""

        def steps() -> Generator[Progress | None, None, StyleCard]:
            picture = _decode(Path(path))
            yield None
            code = self._studio().style_code(picture)
            card = own_card(code, title or Path(path).stem, date, source or Path(path).name, licence)
            self._library.add(card)
            return card

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps)).future

    def remove_style(self, style: str) -> None:
        """Forgets one of a person's own styles; RecipeError for any other."""
        self._library.remove(style)

    # Projects

    def open_project(self, folder: str) -> Future[Project]:
        """Opens a project folder."""
        return self._io.submit(_in_words(lambda: self._desk.open(Path(folder))))

    def project_for(self, paths: Sequence[str], folder: str | None = None) -> Future[tuple[Project, tuple[str, ...]]]:
        """Joins the project that holds the first of these images, or makes one in the user's documents.

        The strings are one sentence a refused file.
        """
        files, where = [Path(path) for path in paths], Path(folder) if folder else None
        return self._io.submit(_in_words(lambda: self._desk.join(files, where)))

    def add_images(self, project: Project, paths: Sequence[str]) -> Future[tuple[Project, tuple[str, ...]]]:
        """Adds images to an open project."""
        return self._io.submit(_in_words(lambda: self._desk.add(project, [Path(path) for path in paths])))

    def save_item(self, project: Project, item: ProjectItem) -> Future[Project]:
        """Writes what was decided about an image; its revision must have grown."""
        return self._io.submit(_in_words(lambda: self._desk.save(project, item)))

    def locate(self, project: Project, item: ProjectItem) -> str:
        """Absolute path of the item's master; ProjectError where it is gone."""
        return self._desk.locate(project, item)

    def close_project(self, project: Project) -> None:
        """Lets others write in the project."""
        self._desk.close(project)

    def demo_project(self, folder: str | None = None) -> Future[Project]:
        """A project of well-known photographs, aged by our own pipeline; made on first use."""

        def steps() -> Generator[Progress | None, None, Project]:
            from engine.evaluation.demo import demo_pictures
            from engine.projects.project import default_folder

            where = Path(folder) if folder else default_folder() / "Demo.archivist"
            project = self._desk.open_or_create(where)
            pictures = yield from demo_pictures(where)
            return self._desk.add(project, pictures)[0]

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps)).future

    def truth(self, project: Project, item: ProjectItem) -> str | None:
        """The photograph that an artificially aged master was made from, where the project keeps it (the demo does)."""
        stem = Path(item.source.path).stem.removesuffix("_aged")
        path = Path(project.folder) / "truth" / f"{stem}.png"
        return str(path) if path.is_file() else None

    # Measuring and training

    def score(self, picture: str, truth: str) -> Future[float]:
        """PSNR in dB of a picture file against its truth, after the best gain and offset a channel."""

        def read() -> float:
            from engine.evaluation.metrics import score

            size = 1 << 20  # no smaller than they are
            return score(_preview(Path(picture), size), _preview(Path(truth), size)).fitted_psnr

        return self._io.submit(_in_words(read))

    def evaluate(self, comparison: Comparison, on_progress: Report) -> Work[Evaluation]:
        """Compares restorations with the truth: ours at three settings, the input, non-local means, the peers.

        Or enlargements: ours at five alphas, bicubic, the peers.
        """

        def steps() -> Generator[Progress | None, None, Evaluation]:
            from engine.evaluation import benchmark, ours, upscaling

            if comparison.scale > 1:
                return (yield from upscaling.compare(self._studio(), comparison))
            pairs = ours.pairs(comparison)
            candidates = ours.candidates(self._studio(), comparison.peers)
            return (yield from benchmark.evaluate(pairs, candidates, ours.measures(self._studio())))

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps), on_progress=on_progress)

    def judge(self, trial: Trial, on_progress: Report) -> Work[Judgement]:
        """Measures every figure wanted of a model, against its bounds. Takes minutes."""

        def steps() -> Generator[Progress | None, None, Judgement]:
            from engine.evaluation.judge import judge

            return (yield from judge(self._studio(), trial, self._library.cards()))

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps), on_progress=on_progress)

    def bench(self, on_progress: Report) -> Work[Measurements]:
        """Measures this machine and how well the engine uses it; takes a minute or two and wants a quiet machine."""

        def steps() -> Generator[Progress | None, None, Measurements]:
            from engine.evaluation.bench import bench

            return (yield from bench(self._studio(), self._device))

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps), on_progress=on_progress)

    def age(self, source: str, output: str, *, seed: int, severity: float, mask: str | None) -> Future[None]:
        """Ages a clean photograph; `mask` also gets a picture of where the damage is."""

        def steps() -> Generator[Progress | None, None, None]:
            from engine.evaluation.demo import age_file

            opened = _decode(Path(source))
            yield None
            age_file(opened, Path(output), seed=seed, severity=severity, mask=Path(mask) if mask else None)

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps)).future

    def train(self, preset: str, data: str, out: str, on_progress: Report) -> Work[str]:
        """Trains networks from a folder of clean photographs; the result is the path of the weight file."""

        def steps() -> Generator[Progress | None, None, str]:
            from engine.training.presets import PRESETS
            from engine.training.pretrain import Options, train
            from engine.training.publish import publish

            if preset not in PRESETS:
                raise RecipeError(f"There is no preset “{preset}”; these exist: {', '.join(PRESETS)}.")
            device = self._studio().ready.device
            run = yield from train(PRESETS[preset], Path(data), Path(out), Options(device=device))
            return str(publish(run, Path(out) / "model.safetensors", {"id": f"own-{Path(out).name}", "title": preset}))

        return self._worker.submit(Lane.QUEUE, _steps_in_words(steps), on_progress=on_progress)

    # Inside

    def _studio(self) -> Studio:
        """Engine thread only: this is where torch comes in."""
        if self._studio_made is None:
            start = time.monotonic()
            try:
                import torch  # noqa: F401 - alone, so that its own failures are known as such
            except (ImportError, OSError) as error:
                what = " ".join(str(error).split())[:150]
                raise EngineError(f"PyTorch cannot be loaded ({what}); install Archivist again.") from error
            from engine.rendering.studio import Studio

            self._studio_made = Studio(self._device, interactive=self._interactive, cache_bytes=self._cache_bytes)
            ready = self._studio_made.ready
            self._studio_made.ready = replace(ready, seconds=time.monotonic() - start)  # the import of torch counts
        return self._studio_made

    def _enduring(self, make: Callable[[], Steps[T]]) -> Callable[[], Steps[T]]:
        """The same steps, begun again on the processor where the device fails on the way.

        Again from the start, since a result comes from one device, as its provenance says.
        """

        def steps() -> Steps[T]:
            while True:
                try:
                    return (yield from make())
                except RuntimeError as error:
                    sentence = self._studio().leave_device(error)
                    if not sentence:
                        raise
                self._moved(self._studio().ready, sentence)

        return steps

    def _pipeline(self, recipe: Recipe) -> Pipeline:
        return self._studio().pipeline(recipe.model)

    def _admit(self, path: Path) -> tuple[str, int]:
        """SHA-256 and length of a file that is an image; ImageError where it is none."""
        _probe(path)
        return sha256_of(path, self._io.check), path.stat().st_size

    def _place(self, image: ImageRef) -> Path:
        with self._lock:
            return Path(self._places.get(image.sha256, image.path))

    def _load(self, image: ImageRef) -> Future[Source]:
        """The decoded master: at once from the cache, else from an io thread; asked twice it is read once."""
        key = (image.sha256, image.page)
        with self._lock:
            known = self._sources.get(key)
            if known is not None:
                ready: Future[Source] = Future()
                ready.set_result(known)
                return ready
            if key in self._loading:
                return self._loading[key]
            path = self._places.get(image.sha256, image.path)
            future = self._loading[key] = self._io.submit(_in_words(lambda: _decode(Path(path), image.page)))
        future.add_done_callback(lambda done: self._loaded(key, done))
        return future

    def _loaded(self, key: tuple[str, int], done: Future[Source]) -> None:
        with self._lock:
            self._loading.pop(key, None)
            if not done.cancelled() and done.exception() is None:
                self._sources.put(key, done.result(), done.result().nbytes)

    def _decoded(self, image: ImageRef) -> Generator[None, None, Source]:
        """Waits for a master in small steps, so that other lanes go on meanwhile."""
        return (yield from _settled(self._load(image)))

    def _subject(self, image: ImageRef, recipe: Recipe, source: Source | None = None) -> Subject:
        """What the pipeline renders; without a source it waits for the decoding, as only a draft or refine may."""
        from engine.rendering.pipeline import Subject

        self._check(recipe)
        style = self._library.card(recipe.style) if recipe.style is not None else None
        source = source or self._load(image).result()
        mask = None
        if recipe.mask is not None:
            mask = self._masks.get(recipe.mask)
            if mask.shape != source.master.pixels.shape[:2]:
                raise RecipeError("The damage mask of this recipe is not one of this image; choose or draw it again.")
        return Subject(image.sha256, source, recipe, image.page, style, mask)

    def _export_desk(self) -> Desk:
        from engine.export.single import Desk

        if self._exports is None:
            self._exports = Desk(self._known_masters)
        return self._exports

    def _known_masters(self) -> list[str]:
        with self._lock:
            return [*self._places.values(), *self._desk.masters()]

    def _ready(self) -> EngineReady:
        with in_words():
            studio = self._studio()
        if self._interactive:
            self._warm_up()
        return studio.ready

    def _warm_up(self) -> None:
        """When nothing else waits; on a processor not at all."""

        def steps() -> Generator[Progress | None, None, None]:
            from engine.rendering.warmup import is_worth_it, warm_up

            pipeline = self._pipeline(Recipe())
            if is_worth_it(pipeline):
                yield from warm_up(pipeline)

        self._worker.submit(Lane.BACKGROUND, _steps_in_words(self._enduring(steps)))

    def _check(self, recipe: Recipe) -> None:
        card = self._pipeline(recipe).card
        if recipe.scale > card.scale:
            raise RecipeError(f"The model “{recipe.model}” does not enlarge; set the enlargement to {card.scale}.")
        if recipe.weights not in ("", card.sha256):
            raise RecipeError(f"This recipe was made with other weights of “{recipe.model}” than are installed here.")
