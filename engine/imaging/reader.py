"""Masters from files: every sample as it was stored, upright, or one sentence why not.

Limits: an image may have `MAX_PIXELS` pixels and, where it can only be decoded as a whole, take `memory_limit()` bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging import glance, jpeg2000, tiff, vips
from engine.imaging.codestreams import JPEG2000_START
from engine.imaging.color import Pixels, WorkingSpace, cms
from engine.imaging.files import damaged, opened
from engine.imaging.icc import ProfileError, parse, srgb_profile
from engine.imaging.metadata import Header, Metadata
from engine.imaging.rasters import ROWS, Converted, Decoded, Raster, Turned, bands, spilled, upright
from engine.types import ImageInfo, Progress, Region

MAX_PIXELS = 2_000_000_000
MAX_BYTES = 6 << 30
WHOLE_BYTES = 256 << 20
"""Bytes of decoded pixels up to which a master is kept in memory as a whole."""

_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF_BRANDS = (b"heic", b"heix", b"mif1", b"avif")
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


@dataclass(frozen=True, eq=False)
class Scan:
    """One page of a file whose pixels, those of a `Master`, are read by regions."""

    raster: Raster
    info: ImageInfo
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)


def probe(path: Path, page: int = 0) -> ImageInfo:
    """What the header of a page says; no pixels are decoded. ImageError, one sentence, where it is no usable image."""
    with opened(path) as file:
        return _settle(path, _header(file, path.name, page))[0]


def open_scan(path: Path, page: int = 0) -> Scan:
    """One page to be read by regions: decoded at once where that takes at most `WHOLE_BYTES`, else where it lies.

    What can be decoded only from its first pixel to its last goes into a scratch file once. ImageError as for
    `read_master`, but damage between strips that can be found no sooner is told by the read that meets it.
    """
    with opened(path) as file:
        header = _header(file, path.name, page)
        info, icc, metadata = _settle(path, header)
    if header.nbytes <= WHOLE_BYTES:
        master = read_master(path, page)
        return Scan(Decoded(master.pixels), info, icc, metadata)
    return Scan(_prepared(_stored(path, page, header), header), info, icc, metadata)


def _stored(path: Path, page: int, header: Header) -> Raster:
    """The pixels as they are stored: not turned, CMYK still CMYK."""
    shape = (header.height, header.width, header.channels)
    dtype = np.dtype(np.uint8 if header.bits == 8 else np.uint16)
    if header.parts:
        found = tiff.raster(path, page)
        # Turned by a quarter, every column of tiles would unpack every strip.
        unpack = header.parts == "strips" and header.orientation >= 5
        return spilled(path.name, shape, dtype, bands(found)) if unpack else found
    _check_memory(path.name, header)
    with opened(path) as file:
        if header.format in vips.STREAMED:
            return vips.tolerant(lambda how: spilled(path.name, shape, dtype, vips.rows(file, ROWS, how)))
        return spilled(path.name, shape, dtype, iter([_decode(file, path.name, page, header)]))


def _prepared(stored: Raster, header: Header) -> Raster:
    """The same as a master's: CMYK converted, upright."""
    if header.space == "cmyk":
        icc = header.icc
        assert icc is not None  # _settle refuses CMYK without one
        stored = Converted(stored, 3, stored.dtype, lambda part: _cmyk_to_srgb(part, icc))
    return Turned(stored, header.orientation) if header.orientation != 1 else stored


def read_master(path: Path, page: int = 0) -> Master:
    """Decode one page (from 0). ImageError, one sentence, where any part of it is missing or not supported.

    CMYK becomes sRGB by its embedded profile, and `metadata.notes` says so; without a profile it is refused.
    """
    with opened(path) as file:
        header = _header(file, path.name, page)
        info, icc, metadata = _settle(path, header)
        _check_memory(path.name, header)
        pixels = _decode(file, path.name, page, header)
        if pixels.shape != (header.height, header.width, header.channels) or pixels.dtype.itemsize * 8 != header.bits:
            raise damaged(path.name)
        if header.space == "cmyk":
            assert header.icc is not None  # _settle refuses CMYK without one
            pixels = _cmyk_to_srgb(pixels, header.icc)
        pixels = np.ascontiguousarray(upright(pixels, header.orientation))
        pixels.flags.writeable = False
        return Master(pixels, info, icc, metadata)


def check_pixels(path: Path, page: int = 0, *, sparing: bool = False) -> Iterator[Progress]:
    """Decode one page, every pixel, and keep nothing of it; yields the rows done. ImageError as for `read_master`.

    Of more than `WHOLE_BYTES` a few rows are in memory at a time, where the format allows. `sparing` leaves the strips
    and tiles of such a TIFF packed and only looks whether the file holds all of them, which finds what was cut off.
    """
    with opened(path) as file:
        header = _header(file, path.name, page)
        _settle(path, header)
    if header.nbytes <= WHOLE_BYTES or not (header.parts or header.format in vips.STREAMED):
        read_master(path, page)
        return
    done = 0
    for part in _stored_rows(path, page, header, sparing):
        done += len(part)
        yield Progress(min(done, header.height), header.height, path.name)


def _stored_rows(path: Path, page: int, header: Header, sparing: bool) -> Iterator[NDArray[Any]]:
    """The pixels of a large image from top to bottom, as they are stored."""
    if header.parts:
        found = tiff.raster(path, page)
        yield from () if sparing else bands(found)
        return
    with opened(path) as file:
        yield from vips.tolerant_rows(file, ROWS)


def read_metadata(path: Path, page: int = 0) -> Metadata:
    """What a file carries beside its pixels, which are not decoded. ImageError as for `probe`."""
    with opened(path) as file:
        return _settle(path, _header(file, path.name, page))[2]


def read_preview(path: Path, size: int, page: int = 0) -> NDArray[np.uint8]:
    """An upright (h, w, 3) sRGB copy, longest side at most `size` pixels (never enlarged); alpha is left out.

    Decodes only what it needs where the format allows: of a large TIFF a reduced copy it brings along, else some of its
    rows. ImageError as for `read_master`, except that damage in parts that were not decoded goes unnoticed.
    """
    with opened(path) as file:
        header = _header(file, path.name, page)
        _settle(path, header)
        number = page
        if header.format == "TIFF":
            number = tiff.check_complete(file, path.name, page)
        if header.parts and header.nbytes > WHOLE_BYTES:
            found = tiff.decode_copy(file, path.name, page, size)
            pixels = found if found is not None else glance.sampled(tiff.raster(path, page), header, size)
            return _shown(_prepared(Decoded(pixels), header), header, size)
        if header.format != "JPEG2000" and max(header.width, header.height) <= _THUMBNAIL_SIDE:
            try:
                return vips.thumbnail(file, size, number if header.format == "TIFF" else None)
            except vips.Failure:
                pass  # a codec or profile libvips lacks: the master's own way decides
    return _shown(Decoded(read_master(path, page).pixels), header, size)


def _shown(raster: Raster, header: Header, size: int) -> NDArray[np.uint8]:
    """Upright pixels of a master as sRGB of the size of a preview."""
    height, width, channels = raster.shape
    step = max(1, max(height, width) // (2 * size))
    icc = srgb_profile() if header.space == "cmyk" else _profile("", header)[0]
    space = WorkingSpace(icc, channels, header.bits)
    strided: Pixels = raster.read(Region(0, 0, width, height))[::step, ::step]
    colours = space.to_display(strided)[..., 2::-1]
    return vips.shrink(colours, size)


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
    elif start[4:8] == b"ftyp" and start[8:] in _HEIF_BRANDS:
        header = vips.read_heif_header(file, name)
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
    if width * height > MAX_PIXELS:
        raise ImageError(f"“{name}” is too large ({width:,} x {height:,} pixels); split it into parts.")
    if not header.parts:
        _check_memory(name, header)
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


def _check_memory(name: str, header: Header) -> None:
    """ImageError where the whole image would not fit into the memory that one may take."""
    needed, limit = header.nbytes * header.copies, memory_limit()
    if needed > limit:
        raise ImageError(
            f"“{name}” is too large ({header.width:,} x {header.height:,} pixels, {needed / 1e9:.1f} GB in memory, of "
            f"which {limit / 1e9:.1f} GB may be used); split it into parts, or save it as a TIFF in strips or tiles."
        )


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
