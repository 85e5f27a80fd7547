"""One restored image in the form that a preset asks for: depth, profile, size, label, file or folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyvips
from numpy.typing import NDArray

from engine.errors import Cancelled
from engine.export.iiif import address_of, is_iiif, write_iiif
from engine.export.label import with_label
from engine.export.metadata import Origin, caption, label, software, statement
from engine.export.single import Desk, Order, export, origin
from engine.imaging.color import WorkingSpace, to_eight_bits
from engine.imaging.icc import srgb_profile
from engine.imaging.metadata import Metadata, enlarged, restated
from engine.imaging.pyramid import Pyramid
from engine.imaging.rasters import Converted
from engine.imaging.reader import Scan, read_preview
from engine.imaging.writer import Format, check_format, write_image
from engine.projects.atomic import replacing, replacing_folder
from engine.rendering.canvas import Tally
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.runtime.io import IoPool
from engine.types import ExportSettings, Progress, Restored

T = TypeVar("T")
_ROWS = 256  # converted at a time
_THUMBNAIL = 320  # pixels of the longer side, in reports
_FORMATS: dict[str, Format] = {"preservation": "TIFF", "access": "JPEG", "web": "JPEG"}


@dataclass(frozen=True, slots=True)
class Tools:
    """What works on an image: the network, the threads that write, and who writes where."""

    pipeline: Pipeline
    io: IoPool
    desk: Desk


@dataclass(frozen=True, slots=True)
class Written:
    """What was made of an image, and small JPEGs of it before and after for a report."""

    restored: Restored
    before: bytes
    after: bytes
    notices: tuple[str, ...] = ()  # sentences that a person has to read


def render(order: Order, settings: ExportSettings, tools: Tools) -> Generator[Progress | None, None, Written]:
    """Steps that restore the whole image and write it to `order.options.target` in the form of `settings`.

    The target is replaced where it exists; its folder is there. Closing the steps leaves nothing half-written.
    WriteError, before the work, where the target cannot be written or is a master.
    """
    start = time.monotonic()
    target = Path(order.options.target)
    if _is_plain(order, settings):
        restored = yield from export(order, tools.pipeline, tools.io, tools.desk)
        pictures = yield from in_steps(tools.io, lambda: _look(order, target), lambda: None)
        return Written(restored, *pictures)
    with tools.desk.hold(target, order.master):
        _check(order, settings)
        pixels, tally = yield from _pixels(order, settings, tools.pipeline)
        info = order.subject.source.master.info
        share = tally.changed / (info.width * info.height * order.subject.recipe.scale**2)
        writing = _Writing(target, order, settings, origin(order, share))
        size, pictures = yield from in_steps(tools.io, lambda: writing.write(pixels), writing.stop)
    return Written(_told(order, target, size, tally, time.monotonic() - start), *pictures)


def _is_plain(order: Order, settings: ExportSettings) -> bool:
    """Whether the file has the master's own depth, size and profile: then a large one is written band by band, and
    goes on after an interruption where it was."""
    bits = str(order.subject.source.space.bits)
    wanted = ExportSettings(depth="source", conflict=settings.conflict, template=settings.template)
    asked = replace(settings, depth="source" if settings.depth == bits else settings.depth)
    same = replace(asked, quality=wanted.quality, tile=wanted.tile, address=wanted.address) == wanted
    return settings.preset == "preservation" and same


def _look(order: Order, written: Path) -> tuple[bytes, bytes]:
    """Small pictures of the master and of a file that has been written."""
    after = pyvips.Image.new_from_array(read_preview(written, _THUMBNAIL), interpretation="srgb")
    return _before(order.subject.source), bytes(after.jpegsave_buffer(Q=75))


def _before(source: Source) -> bytes:
    return thumbnail(source.pyramid.level(_thumbnail_level(source)), source.master.icc)


def _told(order: Order, target: Path, size: tuple[int, int], tally: Tally, seconds: float) -> Restored:
    scale, info = order.subject.recipe.scale, order.subject.source.master.info
    pixels = info.width * info.height
    return Restored(
        source=str(order.master),
        output=str(target),
        width=size[0],
        height=size[1],
        seconds=seconds,
        recipe=order.subject.recipe,
        damage=tally.damaged / pixels,
        changed=tally.changed / (pixels * scale * scale),
        device=order.engine.device,
    )


def _check(order: Order, settings: ExportSettings) -> None:
    """WriteError, before the work, where the format cannot hold the picture."""
    info, scale = order.subject.source.master.info, order.subject.recipe.scale
    height, width = scale * info.height, scale * info.width
    share = min(1.0, settings.longest / max(height, width)) if settings.longest else 1.0
    to_come: Any = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (round(share * height), round(share * width), 3))
    check_format(to_come, _FORMATS[settings.preset])


def _pixels(
    order: Order, settings: ExportSettings, pipeline: Pipeline
) -> Generator[Progress | None, None, tuple[NDArray[Any], Tally]]:
    """The restored picture in the master's space, in the depth that is wanted or a finer one."""
    subject = order.subject
    if settings.depth == "16" and subject.source.space.bits == 8:
        deep = deepened(subject.source)
        # Another name for the caches: sixteen bits are the same picture, but for the last digit of a float.
        subject = replace(subject, source=deep, sha256=f"{subject.sha256}+16")
    return (yield from pipeline.whole(subject))


def deepened(source: Source) -> Source:
    """The same picture with 16 bits a sample: what is added to it is then not rounded to the master's coarse levels."""
    master, channels = source.master, source.shape[2]
    raster = Converted(source.pyramid.base, channels, np.dtype(np.uint16), _deeper)
    scan = Scan(raster, replace(master.info, bits=16), master.icc, master.metadata)
    return Source(source.path, scan, WorkingSpace(master.icc, channels, 16), Pyramid(raster))


def _deeper(part: NDArray[Any]) -> NDArray[Any]:
    return part.astype(np.uint16) * np.uint16(257)


def in_steps(io: IoPool, work: Callable[[], T], stop: Callable[[], None]) -> Generator[None, None, T]:
    """Work on another thread, in steps; closed before its end, it is asked to `stop` and waited for."""
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
                wait([running])


class _Writing:
    """From rendered pixels to a file or folder, on an io thread; `stop` may be called from any other."""

    def __init__(self, target: Path, order: Order, settings: ExportSettings, made: Origin) -> None:
        self._target, self._order, self._settings, self._made = target, order, settings, made
        self._abandoned = threading.Event()
        self._tiling: Any = None

    def stop(self) -> None:
        self._abandoned.set()
        if self._tiling is not None:
            self._tiling.set_kill(True)

    def write(self, pixels: NDArray[Any]) -> tuple[tuple[int, int], tuple[bytes, bytes]]:
        """Width and height as written, and the two small pictures."""
        source = self._order.subject.source
        master, settings = source.master, self._settings
        before = _before(source)
        after = thumbnail(pixels, master.icc)
        shaped, icc = self._shaped(pixels)
        height, width = shaped.shape[:2]
        metadata = _metadata(self._order, settings, pixels.shape, shaped.shape)
        self._go_on()
        if settings.preset == "web":
            self._write_web(shaped, metadata)
        else:
            with replacing(self._target) as temporary:
                self._write_picture(temporary, shaped, icc, metadata)
                self._go_on()
        return (width, height), (before, after)

    def _go_on(self) -> None:
        if self._abandoned.is_set():
            raise Cancelled

    def _shaped(self, pixels: NDArray[Any]) -> tuple[NDArray[Any], bytes | None]:
        """The pixels as the settings want them, and the profile they are in."""
        master, settings = self._order.subject.source.master, self._settings
        icc = master.icc
        if settings.preset in ("access", "web"):
            pixels = _without_alpha(pixels)
        if settings.profile == "srgb":
            pixels, icc = _to_srgb(pixels, icc), srgb_profile()
        self._go_on()
        if settings.depth == "8":
            pixels = to_eight_bits(pixels)
        if settings.longest:
            pixels = _at_most(pixels, settings.longest)
        self._go_on()
        return (with_label(pixels, label(self._made)) if settings.label else pixels), icc

    def _write_web(self, pixels: NDArray[Any], metadata: Metadata) -> None:
        settings = self._settings
        with replacing_folder(self._target, is_iiif) as folder:
            write_iiif(
                folder,
                pixels,
                address=address_of(settings.address, self._target.name),
                tile=settings.tile,
                quality=settings.quality,
                write_full=lambda path: self._write_picture(path, pixels, srgb_profile(), metadata),
                on_image=self._watch,
            )
            self._go_on()

    def _watch(self, image: Any) -> None:
        self._tiling = image
        self._go_on()

    def _write_picture(self, path: Path, pixels: NDArray[Any], icc: bytes | None, metadata: Metadata) -> None:
        write_image(
            path,
            pixels,
            icc=icc,
            metadata=metadata,
            format=_FORMATS[self._settings.preset],
            description=caption(self._made),
            software=software(),
            statement=statement(self._made, ".tif" if self._settings.preset == "preservation" else ".jpg"),
            quality=self._settings.quality,
            compression=self._settings.compression,
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


def _without_alpha(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 2 or 4) over white, as (H, W, 1 or 3); others as they are."""
    channels = pixels.shape[2]
    if channels in (1, 3):
        return pixels
    out = np.empty((*pixels.shape[:2], channels - 1), pixels.dtype)
    peak = np.float32(np.iinfo(pixels.dtype).max)
    for top in range(0, len(pixels), _ROWS):
        part = pixels[top : top + _ROWS].astype(np.float32)
        share = part[..., -1:] / peak
        out[top : top + _ROWS] = np.rint(part[..., :-1] * share + peak * (1 - share))
    return out


def _to_srgb(pixels: NDArray[Any], icc: bytes | None) -> NDArray[Any]:
    """(H, W, C) in a profile to sRGB (H, W, 3, or 4 with its alpha) of the same depth."""
    channels, peak = pixels.shape[2], np.iinfo(pixels.dtype).max
    space = WorkingSpace(icc, channels, 8 * pixels.dtype.itemsize)
    if space.is_identity and channels >= 3:
        return pixels
    out = np.empty((*pixels.shape[:2], 3 if channels in (1, 3) else 4), pixels.dtype)
    for top in range(0, len(pixels), _ROWS):
        part = pixels[top : top + _ROWS]
        out[top : top + _ROWS, :, :3] = np.rint(space.to_working(part) * peak)
        if channels in (2, 4):
            out[top : top + _ROWS, :, 3] = part[..., -1]
    return out


def _at_most(pixels: NDArray[Any], longest: int) -> NDArray[Any]:
    """The picture with its longer side at most `longest`, by libvips's Lanczos filter; never enlarged."""
    height, width, channels = pixels.shape
    if max(height, width) <= longest:
        return pixels
    share = longest / max(height, width)
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    small = image.resize(max(1, round(share * width)) / width, vscale=max(1, round(share * height)) / height)
    return np.asarray(small.numpy()).reshape(small.height, small.width, channels)


def _thumbnail_level(source: Source) -> int:
    """The coarsest level that is at least as large as a thumbnail."""
    return source.pyramid.level_for(min(1.0, _THUMBNAIL / max(source.shape[:2])))


def thumbnail(pixels: NDArray[Any], icc: bytes | None, size: int = _THUMBNAIL) -> bytes:
    """A small sRGB JPEG of (H, W, C) in a profile."""
    step = max(1, max(pixels.shape[:2]) // (2 * size))
    part = np.ascontiguousarray(pixels[::step, ::step])
    colours = WorkingSpace(icc, part.shape[2], 8 * part.dtype.itemsize).to_display(part)[..., 2::-1]
    image = pyvips.Image.new_from_array(np.ascontiguousarray(colours), interpretation="srgb")
    return bytes(image.thumbnail_image(size, height=size, size="down").jpegsave_buffer(Q=75))
