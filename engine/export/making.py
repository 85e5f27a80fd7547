"""The pixels of an order: a small result in memory, a large one as tiles in a file of the user's cache.

Whatever is written is written from here, a band at a time: what a result takes in memory is bounded, whatever its size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from engine.errors import Cancelled
from engine.export.ledger import Errand, Ledger, place_for
from engine.export.metadata import software
from engine.export.orders import Desk, Order
from engine.imaging.rasters import Decoded, Raster
from engine.rendering.canvas import Tally
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject
from engine.runtime.io import IoPool
from engine.runtime.steps import retold
from engine.types import ImageRef, Progress

T = TypeVar("T")
Steps = Generator[Progress | None, None, T]
Making = Callable[[], Steps[tuple[NDArray[Any], Tally]]]
LEDGER_FROM = 12 << 20
"""Bytes of a result from which on its tiles are kept in a file, so that it can go on after an interruption."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What works on an image: the network, the threads that write, and who writes where."""

    pipeline: Pipeline
    io: IoPool
    desk: Desk


@dataclass(frozen=True, slots=True)
class Result:
    """A restored image, to be read while the steps that use it run.

    `room` is a folder for what is needed on the way, gone with the result; None where that fits into memory.
    """

    pixels: Raster
    tally: Tally
    tiles: int
    resumed: float = 0.0  # share of the tiles that an interrupted run had made, 0..1
    room: Path | None = None

    @property
    def changed(self) -> float:
        """Share of its pixels that differ from the (enlarged) master."""
        height, width, _ = self.pixels.shape
        return self.tally.changed / (width * height)


def restored(
    order: Order,
    subject: Subject,
    tools: Tools,
    use: Callable[[Result], Steps[T]],
    *,
    make: Making | None = None,
    alone: bool = True,
) -> Steps[T]:
    """Steps that restore `subject`, which may be the order's in another depth, and then run those of `use`.

    A large one that is cut off by the end of the program goes on where it was when it is ordered again; so does one
    whose file could not be written. Stopped by a person, it leaves nothing. `make` finds the pixels where that is not
    the pipeline's usual way. `alone` says that nobody but the order knows of it: then it is offered to go on by itself.
    """
    errand = _errand(order, subject, tools.pipeline, alone)
    if make is None and errand.nbytes >= LEDGER_FROM:
        return (yield from _by_ledger(subject, tools, errand, use))
    pixels, tally = yield from _leaving_room(make() if make else tools.pipeline.whole(subject))
    return (yield from use(Result(Decoded(pixels), tally, errand.tiles)))


def _by_ledger(subject: Subject, tools: Tools, errand: Errand, use: Callable[[Result], Steps[T]]) -> Steps[T]:
    desk, place = tools.desk, place_for(errand, tools.desk.ledgers)
    ledger = Ledger(errand, place)
    desk.ledgers.add(place)
    keep = False
    try:
        yield from in_steps(tools.io, lambda: ledger.prepare(subject.mask))
        if ledger.resumed:
            told = Progress(round(ledger.resumed * errand.tiles), errand.tiles, "going on where it was interrupted")
            yield _with_writing(told)
        tally = yield from _leaving_room(tools.pipeline.paint(subject, ledger))
        keep = True
        used = yield from use(Result(ledger.raster, tally, errand.tiles, ledger.resumed, place))
        keep = False
    except (GeneratorExit, Cancelled, CancelledError):
        keep = False
        raise
    finally:
        desk.ledgers.discard(place)
        if keep:
            ledger.close()
        else:
            ledger.remove()
    return used


def _errand(order: Order, subject: Subject, pipeline: Pipeline, alone: bool) -> Errand:
    engine, card, source, recipe = order.engine, pipeline.card, subject.source, subject.recipe
    height, width, channels = source.shape
    size = order.master.stat().st_size if order.master.exists() else 0
    pixels = {
        "master": subject.sha256,
        "page": subject.page,
        "recipe": recipe.to_json(),
        "style": asdict(subject.style) if subject.style else None,
        "engine": [engine.torch, engine.device, engine.dtype, engine.threads, software()],
        "grid": [card.sha256, card.tile, card.halo, card.multiple_of],
        "upscaler": order.notes.get("upscaler", ""),
        "bits": source.space.bits,
    }
    return Errand(
        pixels,
        ImageRef(str(order.master), order.subject.sha256, size, subject.page),
        recipe,
        order.options,
        (recipe.scale * height, recipe.scale * width, channels),
        source.dtype,
        len(source.tiles(0, card)),
        alone,
    )


@dataclass(slots=True)
class Writing:
    """What the engine thread and the one that writes tell each other."""

    abandoned: threading.Event = field(default_factory=threading.Event)
    share: float = 0.0  # of the file that is written, 0..1
    on_stop: Callable[[], None] = lambda: None  # what else stops the work, from another thread

    def watch(self, rows: int, height: int) -> None:
        """Called by whoever writes, with the rows done. Cancelled once nobody wants them any more."""
        self.go_on()
        self.share = rows / max(1, height)

    def go_on(self) -> None:
        """Cancelled once nobody wants it any more."""
        if self.abandoned.is_set():
            raise Cancelled

    def stop(self) -> None:
        """Nobody wants it any more. From any thread."""
        self.abandoned.set()
        self.on_stop()


def in_steps(
    io: IoPool, work: Callable[[], T], stop: Callable[[], None] = lambda: None, patience: float | None = None
) -> Generator[None, None, T]:
    """Work on another thread, in steps; closed before its end, it is asked to `stop` and waited for, or so many
    seconds."""
    running: Future[T] = io.submit(work)
    try:
        while not running.done():
            wait([running], timeout=0.01)
            yield None
        return running.result()
    finally:
        if not running.done():
            stop()
            if not running.cancel():
                wait([running], timeout=patience)


def written(
    io: IoPool, work: Callable[[Writing], T], tiles: int, patience: float | None = None
) -> Generator[Progress | None, None, T]:
    """The same for a file that is written after so many tiles; how far it is, is told behind them."""
    writing, share = Writing(), max(1, tiles // 10)

    def tell(_: None) -> Progress:
        return Progress(tiles + int(share * writing.share), tiles + share, "writing the file")

    result = yield from retold(in_steps(io, lambda: work(writing), writing.stop, patience), tell)
    yield Progress(tiles + share, tiles + share, "writing the file")
    return result


def _with_writing(step: Progress) -> Progress:
    """The same step of a job that also writes its file, which takes about a tenth of the time."""
    return Progress(step.done, step.total + max(1, step.total // 10), step.message)


def _leaving_room(steps: Steps[T]) -> Steps[T]:
    """The same steps, their progress ending where the writing begins."""
    return retold(steps, lambda step: _with_writing(step) if step else None)
