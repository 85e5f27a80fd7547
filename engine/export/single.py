"""One restored image as one file: tiles on the engine thread, encoding on an io thread, replaced atomically."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import Cancelled, WriteError
from engine.export.metadata import Origin, caption, software, statement
from engine.imaging.metadata import Metadata, enlarged
from engine.imaging.writer import check_format, write_image
from engine.projects.atomic import replacing
from engine.rendering.pipeline import Pipeline, Subject, Tally
from engine.runtime.io import IoPool
from engine.types import EngineReady, ExportOptions, Progress, Restored

Making = Callable[[], Generator[Progress | None, None, tuple[NDArray[Any], Tally]]]
Format = Literal["TIFF", "PNG", "JPEG", "WEBP"]
FORMATS: dict[str, Format] = {
    ".tif": "TIFF", ".tiff": "TIFF", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP",
}  # fmt: skip


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

    `make` finds the pixels where that is not the pipeline's usual way.
    Raises WriteError, before the work, where the target cannot be written or is a master.
    """
    start = time.monotonic()
    subject = order.subject
    master, scale = subject.source.master.pixels, subject.recipe.scale
    height, width, channels = scale * master.shape[0], scale * master.shape[1], master.shape[2]
    with desk.claim(order) as target:
        tally = Tally()
        if target is not None:
            to_come: Any = np.broadcast_to(master[:1, :1], (height, width, channels))  # takes no memory
            check_format(to_come, FORMATS[target.suffix.lower()])
            make_folder(target.parent)
            pixels, tally = yield from (make() if make else pipeline.whole(subject))
            yield from _encode(target, pixels, origin(order, tally.changed / (width * height)), order, io)
    return Restored(
        source=str(order.master),
        output=str(target or ""),
        width=width,
        height=height,
        seconds=time.monotonic() - start,
        recipe=subject.recipe,
        damage=tally.damaged / (master.shape[0] * master.shape[1]),
        changed=tally.changed / (width * height),
        device=order.engine.device,
    )


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder “{folder}” cannot be made ({error.strerror}); choose another.") from error


def _encode(target: Path, pixels: NDArray[Any], made: Origin, order: Order, io: IoPool) -> Generator[None, None, None]:
    """Writes on an io thread while the engine goes on. Closed before the end, it sees to it that nothing appears."""
    abandoned = threading.Event()
    writing: Future[None] = io.submit(_write, target, pixels, made, order, abandoned)
    try:
        while not writing.done():
            wait([writing], timeout=0.01)
            yield None
        writing.result()
    finally:
        abandoned.set()
        if not writing.cancel():
            wait([writing])


def _write(target: Path, pixels: NDArray[Any], made: Origin, order: Order, abandoned: threading.Event) -> None:
    master = order.subject.source.master
    kind = FORMATS[target.suffix.lower()]
    if abandoned.is_set():
        raise Cancelled
    with replacing(target) as temporary:
        write_image(
            temporary,
            pixels,
            icc=master.icc,
            metadata=enlarged(master.metadata, order.subject.recipe.scale),
            format=kind,
            description=caption(made),
            software=software(),
            statement=statement(made, target.suffix),
        )
        if abandoned.is_set():
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
