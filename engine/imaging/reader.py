"""Masters from files: every sample as it was stored, upright, or one sentence why not.

Limits: an image may have `MAX_PIXELS` pixels and, decoded, take `memory_limit()` bytes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging import jpeg2000, tiff, vips
from engine.imaging.codestreams import JPEG2000_START
from engine.imaging.color import Pixels, WorkingSpace, cms
from engine.imaging.icc import ProfileError, parse, srgb_profile
from engine.imaging.metadata import Header, Metadata
from engine.types import ImageInfo

MAX_PIXELS = 2_000_000_000
MAX_BYTES = 6 << 30

_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_THUMBNAIL_SIDE = 1 << 16  # libvips keeps many whole lines, which a header that lies makes gigabytes of
_CMYK_ROWS = 1 << 20  # pixels of a CMYK image converted at a time


@dataclass(frozen=True, eq=False)
class Master:
    """One page of a file, decoded once and never changed.

    `pixels` is (H, W, C) uint8 or uint16, read-only, upright; C is 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
    `icc` is the profile those pixels are in; None means sRGB.
    """

    pixels: Pixels
    info: ImageInfo
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)


def memory_limit() -> int:
    """The most bytes a decoded image may take: `MAX_BYTES`, or half of this machine's memory where that is less."""
    if not hasattr(os, "sysconf"):
        return MAX_BYTES
    try:
        return min(MAX_BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    except (OSError, ValueError):
        return MAX_BYTES


def probe(path: Path) -> ImageInfo:
    """What the header says; no pixels are decoded. ImageError, one sentence, where the file is no usable image."""
    with _opened(path) as file:
        return _settle(path, _header(file, path.name, 0))[0]


def read_master(path: Path, page: int = 0) -> Master:
    """Decode one page (from 0). ImageError, one sentence, where any part of it is missing or not supported.

    CMYK becomes sRGB by its embedded profile, and `metadata.notes` says so; without a profile it is refused.
    """
    with _opened(path) as file:
        header = _header(file, path.name, page)
        info, icc, metadata = _settle(path, header)
        pixels = _decode(file, path.name, page, header)
        if pixels.shape != (header.height, header.width, header.channels) or pixels.dtype.itemsize * 8 != header.bits:
            raise _damaged(path.name)
        if header.space == "cmyk":
            assert header.icc is not None  # _settle refuses CMYK without one
            pixels = _cmyk_to_srgb(pixels, header.icc)
        pixels = np.ascontiguousarray(upright(pixels, header.orientation))
        pixels.flags.writeable = False
        return Master(pixels, info, icc, metadata)


def read_metadata(path: Path, page: int = 0) -> Metadata:
    """What a file carries beside its pixels, which are not decoded. ImageError as for `probe`."""
    with _opened(path) as file:
        return _settle(path, _header(file, path.name, page))[2]


def read_preview(path: Path, size: int, page: int = 0) -> NDArray[np.uint8]:
    """An upright (h, w, 3) sRGB copy, longest side at most `size` pixels (never enlarged); alpha is left out.

    Decodes only what it needs where the format allows. ImageError as for `read_master`, except that damage in parts
    that were not decoded goes unnoticed.
    """
    with _opened(path) as file:
        header = _header(file, path.name, page)
        _settle(path, header)
        if header.format == "TIFF":
            tiff.check_complete(file, path.name, page)
        if header.format != "JPEG2000" and max(header.width, header.height) <= _THUMBNAIL_SIDE:
            try:
                return vips.thumbnail(file, size, page if header.format == "TIFF" else None)
            except vips.Failure:
                pass  # a codec or profile libvips lacks: the master's own way decides
    master = read_master(path, page)
    step = max(1, max(master.pixels.shape[:2]) // (2 * size))
    space = WorkingSpace(master.icc, master.info.channels, master.info.bits)
    strided: Pixels = master.pixels[::step, ::step]
    colours = space.to_display(strided)[..., 2::-1]
    return vips.shrink(colours, size)


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A view of (H, W, C) turned and mirrored as EXIF's Orientation 1..8 demands."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    vertical = -1 if orientation in (3, 4, 7, 8) else 1
    horizontal = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::vertical, ::horizontal]


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, and the only place where a library's exception becomes a sentence."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ImageError(f"“{path.name}” is a device, not an image file; choose another one.")
        with path.open("rb") as file:
            yield file
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"“{path.name}” does not exist; check the name and the folder.") from None
    except IsADirectoryError:
        raise ImageError(f"“{path.name}” is a folder; choose an image file.") from None
    except PermissionError as error:
        if path.is_dir():  # how Windows says it
            raise ImageError(f"“{path.name}” is a folder; choose an image file.") from None
        raise ImageError(f"“{path.name}” may not be read; ask for the right to open it.") from error
    except MemoryError as error:
        raise ImageError(f"“{path.name}” does not fit into memory; close other programs or split it.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise ImageError(f"“{path.name}” could not be read; check the disk or the network.") from error
        raise _damaged(path.name) from error


def _damaged(name: str) -> ImageError:
    return ImageError(f"“{name}” is damaged or incomplete; copy or scan it again.")


def _header(file: BinaryIO, name: str, page: int) -> Header:
    start = file.read(12)
    if not start:
        raise ImageError(f"“{name}” is empty; copy or scan it again.")
    if start[:4] in _TIFF_MAGICS:
        return tiff.read_header(file, name, page)
    if start == jpeg2000.MAGIC_BOX or start[:4] == JPEG2000_START:
        header = jpeg2000.read_header(file, name)
    elif start[:3] == b"\xff\xd8\xff" or start[:8] == b"\x89PNG\r\n\x1a\n" or start[8:] == b"WEBP":
        header = vips.read_header(file, name)
    else:
        raise ImageError(f"“{name}” is not a JPEG, PNG, TIFF, WebP or JPEG 2000 image; convert it to one of these.")
    if page != 0:
        raise ImageError(f"“{name}” has no page {page + 1}; it has only one.")
    return header


def _decode(file: BinaryIO, name: str, page: int, header: Header) -> NDArray[Any]:
    if header.format == "TIFF":
        return tiff.decode(file, name, page)
    if header.format == "JPEG2000":
        return jpeg2000.decode(file, name, header)
    return vips.decode(file)


def _settle(path: Path, header: Header) -> tuple[ImageInfo, bytes | None, Metadata]:
    """Check a header against the limits, and decide on its profile and turn."""
    name, width, height = path.name, header.width, header.height
    if width < 1 or height < 1:
        raise ImageError(f"“{name}” has no pixels ({width} x {height}); copy or scan it again.")
    needed, limit = width * height * header.channels * header.bits // 8 * header.copies, memory_limit()
    if width * height > MAX_PIXELS or needed > limit:
        raise ImageError(
            f"“{name}” is too large ({width:,} x {height:,} pixels, {needed / 1e9:.1f} GB in memory, of which "
            f"{limit / 1e9:.1f} GB may be used); split it into parts."
        )
    icc, notes = _profile(name, header)
    channels = 3 if header.space == "cmyk" else header.channels
    if channels not in (1, 2, 3, 4):
        raise ImageError(f"“{name}” has {channels} channels, which is not supported; convert it to grey or RGB first.")
    turned, dpi = header.orientation >= 5, header.metadata.dpi
    dpi = (dpi[1], dpi[0]) if dpi and turned else dpi
    info = ImageInfo(
        path=str(path),
        width=height if turned else width,
        height=width if turned else height,
        channels=channels,
        bits=header.bits,
        format=header.format,
        pages=header.pages,
        profile=parse(icc).description if icc else "",
        dpi=dpi,
    )
    return info, icc, replace(header.metadata, dpi=dpi, notes=notes)


def _profile(name: str, header: Header) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile of the pixels a master will have, and what a person should know about it."""
    if header.space == "cmyk":
        return srgb_profile(), (_cmyk_note(name, header),)
    if header.icc is None:
        return None, ()
    try:
        WorkingSpace(header.icc, header.channels, header.bits)
    except ImageError:
        return None, ("The embedded colour profile is damaged or does not fit the image; sRGB was assumed.",)
    return header.icc, ()


def _cmyk_note(name: str, header: Header) -> str:
    refusal = ImageError(
        f"“{name}” is CMYK without a usable colour profile; convert it to RGB in the program it is from."
    )
    if header.icc is None or header.channels != 4:
        raise refusal
    try:
        profile = parse(header.icc)
        if profile.space != "CMYK":
            raise refusal
        _cmyk_to_srgb(np.zeros((1, 1, 4), np.uint8), header.icc)
    except (ProfileError, imagecodecs.CmsError):
        raise refusal from None
    return f"Converted from CMYK ({profile.description}) to sRGB."


def _cmyk_to_srgb(pixels: NDArray[Any], icc: bytes) -> Pixels:
    """(H, W, 4) ink to (H, W, 3) sRGB of the same depth, in parts that keep the float copy small."""
    flat = pixels.reshape(-1, 4)
    out = np.empty((len(flat), 3), pixels.dtype)
    peak = np.iinfo(pixels.dtype).max
    for start in range(0, len(flat), _CMYK_ROWS):
        part = slice(start, start + _CMYK_ROWS)
        colours = np.clip(cms(flat[part], icc, srgb_profile(), "cmyk", "rgb"), 0.0, 1.0)
        out[part] = np.rint(colours * peak)
    return out.reshape(*pixels.shape[:2], 3)
