"""One restored image in the form that a preset asks for: depth, profile, size, label, signature, file or folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.export import signing
from engine.export.iiif import address_of, is_iiif, write_iiif
from engine.export.label import with_label
from engine.export.making import Result, Tools, Writing, restored, written
from engine.export.metadata import Origin, caption, label, software, statement
from engine.export.orders import Order, origin
from engine.export.shaping import THUMBNAIL, as_image, shaped, thumbnail
from engine.imaging.color import WorkingSpace
from engine.imaging.icc import srgb_profile
from engine.imaging.metadata import Metadata, enlarged, restated
from engine.imaging.pyramid import Pyramid
from engine.imaging.rasters import Converted, Decoded, Raster
from engine.imaging.reader import Scan
from engine.imaging.writer import Format, check_format, write_image
from engine.projects.atomic import replacing, replacing_folder
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.types import ExportSettings, Progress, Restored

_FORMATS: dict[str, Format] = {"preservation": "TIFF", "access": "JPEG", "web": "JPEG"}


@dataclass(frozen=True, slots=True)
class Written:
    """What was made of an image, and small JPEGs of it before and after for a report."""

    restored: Restored
    before: bytes
    after: bytes


def render(order: Order, settings: ExportSettings, tools: Tools) -> Generator[Progress | None, None, Written]:
    """Steps that restore the whole image and write it to `order.options.target` in the form of `settings`.

    The target is replaced where it exists; its folder is there. Closing the steps leaves nothing half-written. A large
    one that was cut off goes on where it was. WriteError, before the work, where the target cannot be written or is a
    master.
    """
    start = time.monotonic()
    target = Path(order.options.target)
    with tools.desk.hold(target, order.master):
        _check(order, settings)
        use = _into(target, order, settings, tools)
        made = yield from restored(order, _subject(order, settings), tools, use, alone=False)
    told = replace(made.restored, seconds=time.monotonic() - start)
    return replace(made, restored=told)


def _into(
    target: Path, order: Order, settings: ExportSettings, tools: Tools
) -> Callable[[Result], Generator[Progress | None, None, Written]]:
    """Steps that write a result to `target`."""

    def use(result: Result) -> Generator[Progress | None, None, Written]:
        def work(writing: Writing) -> Written:
            return _Rendition(target, order, settings, result, writing).write()

        return (yield from written(tools.io, work, result.tiles))

    return use


def _check(order: Order, settings: ExportSettings) -> None:
    """WriteError, before the work, where the format cannot hold the picture."""
    info, scale = order.subject.source.master.info, order.subject.recipe.scale
    height, width = scale * info.height, scale * info.width
    share = min(1.0, settings.longest / max(height, width)) if settings.longest else 1.0
    to_come: Any = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (round(share * height), round(share * width), 3))
    check_format(to_come, _FORMATS[settings.preset])


def _subject(order: Order, settings: ExportSettings) -> Subject:
    """What is rendered: the order's subject in the depth that is wanted, or a finer one."""
    subject = order.subject
    if settings.depth != "16" or subject.source.space.bits == 16:
        return subject
    # Another name for the caches: sixteen bits are the same picture, but for the last digit of a float.
    return replace(subject, source=deepened(subject.source), sha256=f"{subject.sha256}+16")


def deepened(source: Source) -> Source:
    """The same picture with 16 bits a sample: what is added to it is then not rounded to the master's coarse levels."""
    master, channels = source.master, source.shape[2]
    raster = Converted(source.pyramid.base, channels, np.dtype(np.uint16), _deeper)
    scan = Scan(raster, replace(master.info, bits=16), master.icc, master.metadata)
    return Source(source.path, scan, WorkingSpace(master.icc, channels, 16), Pyramid(raster))


def _deeper(part: NDArray[Any]) -> NDArray[Any]:
    return part.astype(np.uint16) * np.uint16(257)


@dataclass(frozen=True, slots=True)
class _Rendition:
    """From a result to a file or folder, on an io thread."""

    target: Path
    order: Order
    settings: ExportSettings
    result: Result
    writing: Writing

    @property
    def made(self) -> Origin:
        return origin(self.order, self.result.changed)

    def write(self) -> Written:
        """Writes it, and tells of it."""
        source, settings, result = self.order.subject.source, self.settings, self.result
        before, after = _before(source), thumbnail(result.pixels, source.master.icc)
        picture, icc = shaped(result.pixels, source.master.icc, settings, result.room)
        if settings.label:
            picture = with_label(picture, label(self.made))
        metadata = _metadata(self.order, settings, result.pixels.shape, picture.shape)
        self.writing.go_on()
        if settings.preset == "web":
            notices = self._write_web(picture, metadata)
        else:
            with replacing(self.target) as temporary:
                notices = self._write_picture(temporary, picture, icc, metadata)
                self.writing.go_on()
        return Written(self._told(picture, notices), before, after)

    def _write_web(self, picture: Raster, metadata: Metadata) -> tuple[str, ...]:
        settings = self.settings
        notices: list[str] = []

        def whole(path: Path) -> None:
            notices.extend(self._write_picture(path, picture, srgb_profile(), metadata))

        def on_image(image: Any) -> None:
            self.writing.on_stop = lambda: image.set_kill(True)
            self.writing.go_on()

        with replacing_folder(self.target, is_iiif) as folder:
            write_iiif(
                folder,
                as_image(picture, self.result.room),
                address=address_of(settings.address, self.target.name),
                tile=settings.tile,
                quality=settings.quality,
                write_full=whole,
                on_image=on_image,
            )
            self.writing.go_on()
        return tuple(notices)

    def _write_picture(self, path: Path, picture: Raster, icc: bytes | None, metadata: Metadata) -> tuple[str, ...]:
        """Writes and signs one file; what a person has to read about the signature."""
        settings, made = self.settings, self.made
        ending = ".tif" if settings.preset == "preservation" else ".jpg"
        write_image(
            path,
            picture,
            icc=icc,
            metadata=metadata,
            format=_FORMATS[settings.preset],
            description=caption(made),
            software=software(),
            statement=statement(made, ending),
            quality=settings.quality,
            compression=settings.compression,
            watch=self.writing.watch,
        )
        if self.order.pen is None:
            return ()
        name = self.target.name if settings.preset != "web" else f"{self.target.name}{ending}"
        return signing.sign(path, name, made, self.order.master, self.order.pen)

    def _told(self, picture: Raster, notices: tuple[str, ...]) -> Restored:
        order, result, info = self.order, self.result, self.order.subject.source.master.info
        return Restored(
            source=str(order.master),
            output=str(self.target),
            width=picture.shape[1],
            height=picture.shape[0],
            seconds=0.0,
            recipe=order.subject.recipe,
            damage=result.tally.damaged / (info.width * info.height),
            changed=result.changed,
            device=order.engine.device,
            resumed=result.resumed,
            notices=notices,
            ignored=order.ignored,
        )


def _metadata(order: Order, settings: ExportSettings, rendered: tuple[int, ...], written: tuple[int, ...]) -> Metadata:
    """The master's, true of the file that is written: its size, and the pixels in an inch of the same sheet."""
    metadata = enlarged(order.subject.source.master.metadata, order.subject.recipe.scale)
    dpi = metadata.dpi
    if settings.dpi:
        dpi = (settings.dpi, settings.dpi)
    elif dpi:
        dpi = (dpi[0] * written[1] / rendered[1], dpi[1] * written[1] / rendered[1])
    if dpi == metadata.dpi and written[:2] == rendered[:2]:
        return metadata
    return restated(metadata, written[1], written[0], dpi)


def _before(source: Source) -> bytes:
    """A small picture of the master, from the coarsest level that is at least as large."""
    level = source.pyramid.level_for(min(1.0, THUMBNAIL / max(source.shape[:2])))
    return thumbnail(Decoded(source.pyramid.level(level)), source.master.icc)
