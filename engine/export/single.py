"""One restored image as one file: tiles on the engine thread, encoding on an io thread, replaced atomically."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import WriteError
from engine.export import signing
from engine.export.making import Making, Result, Tools, Writing, restored, written
from engine.export.metadata import caption, software, statement
from engine.export.orders import FORMATS, Order, make_folder, origin
from engine.imaging.metadata import Metadata, enlarged
from engine.imaging.writer import check_format, write_image
from engine.projects.atomic import remove_leftovers, replacing
from engine.rendering.canvas import Tally
from engine.types import Progress, Restored

_PATIENCE = 0.7  # seconds for a codec that cannot be interrupted; its thread removes the file by itself afterwards


def export(order: Order, tools: Tools, make: Making | None = None) -> Generator[Progress | None, None, Restored]:
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
    with tools.desk.claim(order) as target:
        if target is not None:
            to_come: Any = np.broadcast_to(np.zeros((), subject.source.dtype), (height, width, channels))  # no memory
            check_format(to_come, FORMATS[target.suffix.lower()])
            make_folder(target.parent)
            remove_leftovers(target.parent)
            done = yield from restored(order, subject, tools, _into(target, order, tools), make=make)
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
        notices=done.notices,
        ignored=order.ignored,
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What there is to tell of an export besides its file."""

    tally: Tally = field(default_factory=Tally)
    resumed: float = 0.0
    notices: tuple[str, ...] = ()


def _into(target: Path, order: Order, tools: Tools) -> Callable[[Result], Generator[Progress | None, None, _Done]]:
    """Steps that write a result to `target`."""

    def use(result: Result) -> Generator[Progress | None, None, _Done]:
        def work(writing: Writing) -> tuple[str, ...]:
            return _write(target, order, result, writing)

        notices = yield from written(tools.io, work, result.tiles, _PATIENCE)
        return _Done(result.tally, result.resumed, notices)

    return use


def _write(target: Path, order: Order, result: Result, writing: Writing) -> tuple[str, ...]:
    """Writes and signs the file; what a person has to read about the signature."""
    master, made = order.subject.source.master, origin(order, result.changed)
    writing.go_on()
    with replacing(target) as temporary:
        write_image(
            temporary,
            result.pixels,
            icc=master.icc,
            metadata=enlarged(master.metadata, order.subject.recipe.scale),
            format=FORMATS[target.suffix.lower()],
            description=caption(made),
            software=software(),
            statement=statement(made, target.suffix),
            watch=writing.watch,
        )
        writing.go_on()
        return signing.sign(temporary, target.name, made, order.master, order.pen) if order.pen else ()


def write_plain(target: Path, pixels: NDArray[np.uint8], description: str) -> None:
    """A picture that is no restoration (an aged one, a mask): (H, W, C) uint8, the kind by the name's ending."""
    if target.is_dir():
        raise WriteError(f"“{target.name}” is a folder; name a file in it, such as “{target.name}/aged.png”.")
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
