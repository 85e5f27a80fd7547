"""One restored image as one file: tiles on the engine thread, encoding on an io thread, replaced atomically."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import Cancelled, WriteError
from engine.export.ledger import Errand, Ledger, place_for
from engine.export.metadata import Origin, caption, software, statement
from engine.imaging.metadata import Metadata, enlarged
from engine.imaging.rasters import Decoded, Raster
from engine.imaging.writer import check_format
from engine.imaging.writer import write_image as write_image
from engine.projects.atomic import remove_leftovers, replacing
from engine.rendering.canvas import Tally
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject
from engine.runtime.io import IoPool
from engine.types import EngineReady, ExportOptions, ImageRef, Progress, Restored

T = TypeVar("T")
Making = Callable[[], Generator[Progress | None, None, tuple[NDArray[Any], Tally]]]
Format = Literal["TIFF", "PNG", "JPEG", "WEBP"]
FORMATS: dict[str, Format] = {
    ".tif": "TIFF", ".tiff": "TIFF", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP",
}  # fmt: skip
_PATIENCE = 0.7  # seconds for a codec that cannot be interrupted; its thread removes the file by itself afterwards
LEDGER_FROM = 12 << 20
"""Bytes of a result from which on its tiles are kept in a file, so that it can go on after an interruption."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to export: the subject as rendered, the master's path as a person knows it, where to, and what ran it."""

    subject: Subject
    master: Path
    options: ExportOptions
    engine: EngineReady
    notes: dict[str, str] = field(default_factory=dict)  # what else the provenance tells, known once it is made
    identifier: str = ""  # the archive's own for the original


class Desk:
    """What exports that run side by side must know of each other: names in use, and masters nobody may write.

    Engine thread only.
    """

    def __init__(self, masters: Callable[[], Iterable[str]]) -> None:
        self._masters = masters
        self._taken: set[Path] = set()
        self.ledgers: set[Path] = set()
        """Folders in which large results are coming about."""

    @contextmanager
    def claim(self, order: Order) -> Iterator[Path | None]:
        """The file this export may write until the block ends; None where one exists and is to be kept.

        WriteError for a name that cannot be used, and for any master.
        """
        try:
            target = _target_for(order, self._taken)
            masters = [order.master, *map(Path, self._masters())]
            refused = target is not None and any(_same(target, master) for master in masters)
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, a loop of links
            raise WriteError(f"“{order.options.target}” cannot be a file’s name; choose another.") from error
        if target is None:
            yield None
            return
        if refused:
            raise WriteError(f"“{target.name}” is a master, which is never written over; choose another name.")
        self._taken.add(target)
        try:
            yield target
        finally:
            self._taken.discard(target)

    def is_taken(self, target: Path) -> bool:
        """Whether an export writes a file or folder of that name now."""
        return target in self._taken

    @contextmanager
    def hold(self, target: Path, master: Path) -> Iterator[None]:
        """Keeps a name that was found elsewhere for one export until the block ends.

        WriteError for a name that cannot be used, for any master, and for a folder that holds one.
        """
        try:
            places = [place.resolve() for place in (master, *map(Path, self._masters()))]
            refused = any(_same(target, place) or target.resolve() in place.parents for place in places)
        except (OSError, ValueError, RuntimeError) as error:
            raise WriteError(f"“{target}” cannot be a file’s name; choose another.") from error
        if refused:
            raise WriteError(
                f"“{target.name}” is a master or holds one, which is never written over; choose another name."
            )
        self._taken.add(target)
        try:
            yield
        finally:
            self._taken.discard(target)


def _same(a: Path, b: Path) -> bool:
    """One file, also under another spelling of its name or through a link."""
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))


def _target_for(order: Order, taken: set[Path]) -> Path | None:
    """The file to write, None where one exists and `conflict` says skip. WriteError for a kind that is not written."""
    target = Path(order.options.target)
    if target.suffix.lower() in FORMATS and not target.is_dir():
        path = target
    elif target.suffix and not target.is_dir() and re.fullmatch(r"\.[A-Za-z0-9]{1,5}", target.suffix):
        raise WriteError(f"Archivist writes TIFF, PNG, JPEG and WebP, not “{target.suffix}”; choose another name.")
    else:
        path = target / f"{order.master.stem}_restored_v01.tif"
    if path not in taken and (order.options.conflict == "overwrite" or not path.exists()):
        return path
    return None if order.options.conflict == "skip" else _next_version(path, taken)


def _next_version(path: Path, taken: set[Path]) -> Path:
    stem = re.sub(r"_v\d+$", "", path.stem)
    number = 1
    while (candidate := path.with_name(f"{stem}_v{number:02d}{path.suffix}")).exists() or candidate in taken:
        number += 1
    return candidate


def export(
    order: Order, pipeline: Pipeline, io: IoPool, desk: Desk, make: Making | None = None
) -> Generator[Progress | None, None, Restored]:
    """Steps that restore the whole image and write it. Closing them leaves nothing half-written.

    A large one that is cut off by the end of the program goes on where it was when it is ordered again; so does one
    whose file could not be written. `make` finds the pixels where that is not the pipeline's usual way.
    Raises WriteError, before the work, where the target cannot be written or is a master.
    """
    start = time.monotonic()
    subject = order.subject
    scale, (rows, columns, channels) = subject.recipe.scale, subject.source.shape
    height, width = scale * rows, scale * columns
    done = _Done()
    with desk.claim(order) as target:
        if target is not None:
            to_come: Any = np.broadcast_to(np.zeros((), subject.source.dtype), (height, width, channels))  # no memory
            check_format(to_come, FORMATS[target.suffix.lower()])
            make_folder(target.parent)
            remove_leftovers(target.parent)
            done = yield from _make_file(target, order, pipeline, (io, desk), make)
    return Restored(
        source=str(order.master),
        output=str(target or ""),
        width=width,
        height=height,
        seconds=time.monotonic() - start,
        recipe=subject.recipe,
        damage=done.tally.damaged / (rows * columns),
        changed=done.tally.changed / (width * height),
        device=order.engine.device,
        resumed=done.resumed,
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What there is to tell of an export besides its file."""

    tally: Tally = field(default_factory=Tally)
    resumed: float = 0.0


def _make_file(
    target: Path, order: Order, pipeline: Pipeline, means: tuple[IoPool, Desk], make: Making | None
) -> Generator[Progress | None, None, _Done]:
    errand = _errand(order, pipeline)
    if make is None and errand.nbytes >= LEDGER_FROM:
        return (yield from _by_ledger(target, order, pipeline, means, errand))
    pixels, tally = yield from _leaving_room(make() if make else pipeline.whole(order.subject))
    yield from _encode(_Sheet(target, Decoded(pixels), order, tally), means[0], errand.tiles)
    return _Done(tally)


def _by_ledger(
    target: Path, order: Order, pipeline: Pipeline, means: tuple[IoPool, Desk], errand: Errand
) -> Generator[Progress | None, None, _Done]:
    """The same by way of a file in the cache, which a failure to write the target leaves for another try."""
    io, desk = means
    place = place_for(errand, desk.ledgers)
    ledger = Ledger(errand, place)
    desk.ledgers.add(place)
    keep = False
    try:
        yield from _settled(io.submit(ledger.prepare, order.subject.mask))
        if ledger.resumed:
            told = Progress(round(ledger.resumed * errand.tiles), errand.tiles, "going on where it was interrupted")
            yield _with_writing(told)
        tally = yield from _leaving_room(pipeline.paint(order.subject, ledger))
        keep = True
        yield from _encode(_Sheet(target, ledger.raster, order, tally), io, errand.tiles)
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
    return _Done(tally, ledger.resumed)


def _errand(order: Order, pipeline: Pipeline) -> Errand:
    subject, engine, card = order.subject, order.engine, pipeline.card
    source, recipe = subject.source, subject.recipe
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
    }
    return Errand(
        pixels,
        ImageRef(str(order.master), subject.sha256, size, subject.page),
        recipe,
        order.options,
        (recipe.scale * height, recipe.scale * width, channels),
        source.dtype,
        len(source.tiles(0, card)),
    )


def _settled(future: Future[T]) -> Generator[None, None, T]:
    """Waits for another thread in small steps; not left before that thread is done with it."""
    try:
        while not future.done():
            wait([future], timeout=0.01)
            yield None
    finally:
        if not future.cancel():
            wait([future])
    return future.result()


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder “{folder}” cannot be made ({error.strerror}); choose another.") from error


def _with_writing(step: Progress) -> Progress:
    """The same step of a job that also writes its file, which takes about a tenth of the time."""
    return Progress(step.done, step.total + max(1, step.total // 10), step.message)


def _leaving_room(steps: Generator[Progress | None, None, T]) -> Generator[Progress | None, None, T]:
    """The same steps, their progress ending where the writing begins."""
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            yield _with_writing(step) if step else None


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A result that is ready to be written: where to, its pixels, what was ordered, how much was changed."""

    target: Path
    pixels: Raster
    order: Order
    tally: Tally

    @property
    def made(self) -> Origin:
        height, width, _ = self.pixels.shape
        return origin(self.order, self.tally.changed / (width * height))


def _encode(sheet: _Sheet, io: IoPool, tiles: int) -> Generator[Progress | None, None, None]:
    """Writes on an io thread while the engine goes on. Closed before the end, it sees to it that nothing appears."""
    writing, share = _Writing(), max(1, tiles // 10)
    future: Future[None] = io.submit(_write, sheet, writing)
    try:
        while not future.done():
            wait([future], timeout=0.01)
            written = share * writing.rows // sheet.pixels.shape[0]
            yield Progress(tiles + written, tiles + share, "writing the file")
        future.result()
        yield Progress(tiles + share, tiles + share, "writing the file")
    finally:
        writing.abandoned.set()
        if not future.cancel():
            wait([future], timeout=_PATIENCE)


@dataclass(slots=True)
class _Writing:
    """What the engine thread and the one that writes tell each other."""

    abandoned: threading.Event = field(default_factory=threading.Event)
    rows: int = 0

    def watch(self, rows: int, _height: int) -> None:
        if self.abandoned.is_set():
            raise Cancelled
        self.rows = rows


def _write(sheet: _Sheet, writing: _Writing) -> None:
    target, order, made = sheet.target, sheet.order, sheet.made
    master = order.subject.source.master
    kind = FORMATS[target.suffix.lower()]
    if writing.abandoned.is_set():
        raise Cancelled
    with replacing(target) as temporary:
        write_image(
            temporary,
            sheet.pixels,
            icc=master.icc,
            metadata=enlarged(master.metadata, order.subject.recipe.scale),
            format=kind,
            description=caption(made),
            software=software(),
            statement=statement(made, target.suffix),
            watch=writing.watch,
        )
        if writing.abandoned.is_set():
            raise Cancelled


def origin(order: Order, changed: float) -> Origin:
    """How the result of an order came about; `changed` is the share of its pixels that differ from the master."""
    subject = order.subject
    return Origin(
        master=order.master.name,
        sha256=subject.sha256,
        recipe=subject.recipe,
        engine=order.engine,
        style=subject.style,
        page=subject.page,
        changed=changed,
        identifier=order.identifier,
        notes=order.notes,
    )


def write_plain(target: Path, pixels: NDArray[np.uint8], description: str) -> None:
    """A picture that is no restoration (an aged one, a mask): (H, W, C) uint8, the kind by the name's ending."""
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise WriteError(f"Archivist writes TIFF, PNG, JPEG and WebP, not “{target.suffix}”; choose another name.")
    with replacing(target) as temporary:
        write_image(
            temporary,
            pixels,
            icc=None,
            metadata=Metadata(),
            format=kind,
            description=description,
            software=software(),
        )
