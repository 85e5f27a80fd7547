"""The threads, caches and lookups that every part of the service stands on; torch enters here, on the engine thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from platformdirs import user_data_path, user_state_path

from engine.errors import Cancelled, EngineError, ImageError, MasterChangedError, RecipeError, in_words
from engine.projects.desk import ProjectDesk
from engine.projects.left_open import OpenNote
from engine.projects.masks import MaskShelf
from engine.runtime.cache import ByteCache, CacheNames
from engine.runtime.io import IoPool, identity_of, import_whole, sha256_of
from engine.runtime.worker import Lane, Steps, Work, Worker
from engine.styles.library import StyleLibrary
from engine.types import (
    EngineReady,
    Event,
    FixityReport,
    Frame,
    ImageInfo,
    ImageRef,
    Losses,
    ModelCard,
    Progress,
    Recipe,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.export.orders import Desk
    from engine.rendering.foreign import Foreign
    from engine.rendering.pipeline import Pipeline
    from engine.rendering.source import Source
    from engine.rendering.studio import Studio
    from engine.rendering.subject import Subject


T = TypeVar("T")
Report = Callable[[Progress], None]
Moved = Callable[[EngineReady, str], None]
OnPass = Callable[[Losses, Frame | None], None]
SEEN_BYTES = 1 << 30  # what the backbone said of tiles: 22 to 26 MB a megapixel
PROOFS = 3  # times a master is read to find that it stays the same meanwhile
SOURCE_BYTES = 1 << 30  # decoded masters; of those larger than 256 MB only the halved copies, strips and tiles


def _bring_in_readers() -> None:
    """Imports what project folders are read with, pydantic among it, before two threads do so at once: of a package
    whose parts need each other, one of them would see half."""
    import_whole("engine.projects.schema", "pydantic")


@dataclass(frozen=True, slots=True)
class Stoppable(Generic[T]):
    """Work that can also be ended early: `stop` keeps what it has reached, `work.cancel` leaves nothing."""

    work: Work[T]
    stop: Callable[[], None]


def in_sentences(fn: Callable[[], T]) -> Callable[[], T]:
    """`fn`, failing in EngineErrors only."""

    def told() -> T:
        with in_words():
            return fn()

    return told


def steps_in_sentences(make: Callable[[], Steps[T]]) -> Callable[[], Steps[T]]:
    """The same for steps."""

    def told() -> Steps[T]:
        with in_words():
            return (yield from make())

    return told


def settled(future: Future[T]) -> Generator[None, None, T]:
    """Waits for another thread in small steps."""
    while not future.done():
        wait([future], timeout=0.01)
        yield None
    return future.result()


def probe(path: Path, page: int = 0) -> ImageInfo:
    """The header of a page."""
    from engine.imaging import reader  # with numpy and every codec, as in the next two

    return reader.probe(path, page)


def preview(path: Path, size: int, page: int = 0) -> NDArray[np.uint8]:
    """The picture in sRGB (H, W, 3), longest side at most `size`."""
    from engine.imaging.reader import read_preview

    return read_preview(path, size, page)


def decode(path: Path, page: int = 0) -> Source:
    """A page of a master, ready to be read by regions."""
    from engine.rendering.source import open_source

    return open_source(path, page)


class EngineCore:
    """What every part of the service stands on."""

    def __init__(self, *, device: str = "auto", cache_bytes: int | None = None, interactive: bool = False) -> None:
        self._device = device
        self._cache_bytes = SEEN_BYTES if cache_bytes is None else cache_bytes
        self._interactive = interactive
        self._worker = Worker()
        self._io = IoPool(_bring_in_readers)
        self._sources: ByteCache[tuple[str, int], Source] = ByteCache(SOURCE_BYTES)
        self._loading: dict[tuple[str, int], Future[Source]] = {}
        self._names = CacheNames(self._forget)  # engine thread only
        self._places: dict[str, str] = {}
        self._lock = threading.Lock()
        own = user_data_path("Archivist", appauthor=False)
        self._library = StyleLibrary(own / "styles.json")
        self._own_models = own / "models"
        self._lent: tuple[Path, ...] = ()  # models' files that a person named
        self._desk = ProjectDesk(self._admit)
        self._masks = MaskShelf(self._mask_folders)
        self._note = OpenNote(user_state_path("Archivist", appauthor=False))
        self._studio_made: Studio | None = None
        self._foreign: dict[str, Future[Foreign]] = {}  # networks that are being loaded; engine thread only
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
        """Closes what runs (exports clean up after themselves), the open projects and the threads; one that is still
        held after so many seconds, as by a server that does not answer, ends by itself."""
        until = time.monotonic() + timeout
        self._worker.close(timeout)
        self._io.stop()
        self._desk.close()  # first: others may write in them, whatever a thread still waits for
        self._io.close(max(0.0, until - time.monotonic()))
        self._desk.close()  # what was just ending may have opened one

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

            self._studio_made = Studio(
                self._device,
                interactive=self._interactive,
                cache_bytes=self._cache_bytes,
                folders=self._model_folders,
            )
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

    def _model_folders(self) -> tuple[Path, ...]:
        """Where models lie: files that were named, a person's own models, and those of the open projects."""
        return (*self._lent, self._own_models, *(folder / "models" for folder in self._desk.folders()))

    def _equipped(self, recipe: Recipe) -> Generator[None, None, None]:
        """Waits in small steps until the recipe's model is loaded: what runs other people's takes seconds to import."""
        studio, model = self._studio(), recipe.model
        if studio.has(model):
            return
        path, card = studio.find_restorer(model)
        if card.origin != "imported":
            return
        from engine.rendering.studio import community

        device = studio.device.device
        if model not in self._foreign:  # goes on where whoever asked first was dropped
            load: Callable[[], Foreign] = in_sentences(lambda: community().load(path, card, device))
            self._foreign[model] = self._io.submit(load)
        loading = self._foreign[model]
        try:
            foreign = yield from settled(loading)
        finally:
            if loading.done():
                self._foreign.pop(model, None)
        if not studio.has(model):
            studio.adopt(model, card, foreign)

    def _admit(self, path: Path) -> tuple[str, int]:
        """SHA-256 and length of a file that is an image; ImageError where it is none."""
        probe(path)
        return sha256_of(path, self._io.check), path.stat().st_size

    def _place(self, image: ImageRef) -> Path:
        with self._lock:
            return Path(self._places.get(image.sha256, image.path))

    def _load(self, image: ImageRef) -> Future[Source]:
        """The decoded master: at once from the cache while its file is the same, else from an io thread; asked twice
        it is read once. Whether it is the file that was recorded, only `_proven` knows."""
        key, path = (image.sha256, image.page), self._place(image)
        identity = identity_of(path)
        with self._lock:
            known = self._sources.get(key)
            if known is not None and known.is_current(path, identity):
                ready: Future[Source] = Future()
                ready.set_result(known)
                return ready
            if key in self._loading:
                return self._loading[key]
            future = self._loading[key] = self._io.submit(in_sentences(lambda: decode(path, image.page)))
        future.add_done_callback(lambda done: self._loaded(key, done))
        return future

    def _loaded(self, key: tuple[str, int], done: Future[Source]) -> None:
        with self._lock:
            self._loading.pop(key, None)
            if not done.cancelled() and done.exception() is None:
                self._sources.put(key, done.result(), done.result().nbytes)

    def _decoded(self, image: ImageRef) -> Generator[None, None, Source]:
        """Waits for a master in small steps, so that other lanes go on meanwhile."""
        return (yield from settled(self._load(image)))

    def _proven(self, image: ImageRef) -> Generator[None, None, Source]:
        """The master with every byte read again, and the picture that is in those very bytes. In the queue only, where
        nothing that is shown is under way. MasterChangedError, ImageError in a sentence where it is not what it was."""
        for _ in range(PROOFS):
            path = self._place(image)
            identity = identity_of(path)
            yield from self._unchanged(image)
            source = yield from self._decoded(image)
            if identity is not None and source.identity == identity == identity_of(path):
                self._names.prove(image.sha256, identity)
                return source
        raise ImageError(f"“{path.name}” is being changed while it is read; wait until that is over and try again.")

    def _forget(self, name: str) -> None:
        if self._studio_made is not None:
            self._studio_made.forget_image(name)

    def _told(self, read: Callable[[Report], T]) -> Generator[Progress | None, None, T]:
        """Runs `read` on an io thread and yields what it reports; closed early, stops it at its next report."""
        unwanted = threading.Event()
        last: list[Progress | None] = [None]

        def report(progress: Progress) -> None:
            self._io.check()
            if unwanted.is_set():
                raise Cancelled
            last[0] = progress

        future = self._io.submit(in_sentences(lambda: read(report)))
        try:
            while not future.done():
                wait([future], timeout=0.01)
                yield last[0]
            return future.result()
        finally:
            unwanted.set()
            future.cancel()

    def _unchanged(self, image: ImageRef) -> Generator[None, None, FixityReport]:
        """Reads the master again, every byte; ImageError in a sentence where it is no longer what it was.

        The audit logs of the open projects that hold it keep the outcome, also a bad one.
        """

        def check() -> FixityReport:
            from engine.projects.fixity import as_event, verify

            report = verify(image, self._place(image), self._io.check)
            self._desk.record_for(image.sha256, lambda uuid: as_event(report, uuid))
            return report

        report = yield from settled(self._io.submit(in_sentences(check)))
        if report.state == "changed":
            raise MasterChangedError(report.message)
        if not report.intact:
            raise ImageError(report.message)
        return report

    def _record(self, image: ImageRef, event: Event) -> Generator[None, None, int]:
        """Keeps an event about this master in the audit logs of the open projects that hold it; says in how many."""

        def home(uuid: str) -> Event:
            return replace(event, objects=tuple(replace(one, item=one.item or uuid) for one in event.objects))

        return (yield from settled(self._io.submit(in_sentences(lambda: self._desk.record_for(image.sha256, home)))))

    def _subject(self, image: ImageRef, recipe: Recipe, source: Source | None = None) -> Subject:
        """What the pipeline renders; without a source it waits for the decoding, as only a draft or refine may."""
        from engine.rendering.subject import Subject

        recipe = self._check(recipe).heeded(recipe)
        style = self._library.card(recipe.style) if recipe.style is not None else None
        source = source or self._load(image).result()
        mask = None
        if recipe.mask is not None:
            mask = self._masks.get(recipe.mask)
            if mask.shape != source.shape[:2]:
                raise RecipeError("The damage mask of this recipe is not one of this image; choose or draw it again.")
        name = self._names.name(image.sha256, source.identity)
        return Subject(name, source, recipe, image.page, style, mask)

    def _export_desk(self) -> Desk:
        from engine.export.orders import Desk

        if self._exports is None:
            self._exports = Desk(self._known_masters)
        return self._exports

    def _mask_folders(self) -> list[Path]:
        """Where masks are looked for: in the open projects, and beside exports that were cut off."""
        from engine.export.ledger import mask_folders

        return [*self._desk.folders(), *mask_folders()]

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

        self._worker.submit(Lane.BACKGROUND, steps_in_sentences(self._enduring(steps)))

    def _check(self, recipe: Recipe) -> ModelCard:
        """The card of the recipe's model. RecipeError where it cannot do what is asked, or is not the same any more."""
        card = self._pipeline(recipe).card
        if recipe.scale > card.scale:
            able = f"enlarges {card.scale} times at most" if card.scale > 1 else "does not enlarge"
            raise RecipeError(f"The model “{recipe.model}” {able}; set the enlargement to {card.scale}.")
        if recipe.weights not in ("", card.sha256):
            raise RecipeError(f"This recipe was made with other weights of “{recipe.model}” than are installed here.")
        return card
