"""Derivatives to files: complete, with the master's profile and metadata, and honest about what they are."""

from __future__ import annotations

import errno
import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from engine.errors import WriteError
from engine.imaging import exif
from engine.imaging.color import Pixels, WorkingSpace, to_eight_bits
from engine.imaging.metadata import Metadata, photoshop_block
from engine.imaging.xmp import Statement, build_packet, plain_packet

Format = Literal["TIFF", "PNG", "JPEG", "WEBP"]
Compression = Literal["lzw", "deflate", "none"]  # of TIFF; exiftool warns of deflate

_STRIP_BYTES = 1 << 20
_CLASSIC_LIMIT = (4 << 30) // 3 * 2  # a classic TIFF ends at 4 GB, and LZW lets noise grow by nearly half
_ASCII, _LONG, _LONG8 = 2, 4, 16
_JPEG_SEGMENT = 65_000  # a JPEG segment ends at 65,533 bytes, its label included
_PNG_LEVEL = 2  # 6 takes three times as long and gains nothing on scans
_MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_Tag = tuple[int, int, int, Any, bool]  # as tifffile takes them: number, type, count, value, once


@dataclass(frozen=True)
class _Derivative:
    """All that goes into the file."""

    pixels: Pixels
    icc: bytes | None
    metadata: Metadata
    description: str
    software: str
    packet: bytes
    when: datetime | None = None


def write_image(
    path: Path,
    pixels: Pixels,
    *,
    icc: bytes | None,
    metadata: Metadata,
    format: Format,
    description: str,
    software: str,
    statement: Statement | None = None,
    quality: int = 95,
    compression: Compression = "lzw",
) -> None:
    """Write `pixels`, (H, W, C) uint8 or uint16 as in a `Master`, as one complete file at `path`.

    TIFF (under `compression`) and PNG keep every bit; JPEG and WebP hold 8 bits (16 are rounded) at `quality` 1..100.
    `statement` is what the XMP packet of a derivative says; a picture that is none has none. WriteError, one sentence,
    where the format cannot hold the picture or the disk refuses; then nothing is left at `path`.
    """
    check_format(pixels, format)
    packet = build_packet(statement, metadata.xmp) if statement else plain_packet(description, software)
    if statement and format == "JPEG" and len(packet) > _JPEG_SEGMENT:
        packet = build_packet(statement)  # what this derivative is comes before what the master said
    when = datetime.fromisoformat(statement.when) if statement else None
    derivative = _Derivative(pixels, icc, metadata, description, software, packet, when)
    try:
        if format == "TIFF":
            _write_tiff(path, derivative, compression)
        elif format == "PNG":
            path.write_bytes(_png(derivative))
        else:
            _write_eight_bit(path, derivative, format, quality)
    except BaseException as error:
        _discard(path, error)
        if isinstance(error, (OSError, RuntimeError, MemoryError)):  # the codecs' errors are RuntimeErrors
            raise WriteError(_reason(path, error)) from error
        raise


def check_format(pixels: Pixels, format: Format) -> None:
    """Whether `format` can hold a picture of this shape and depth; WriteError, one sentence, where it cannot."""
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{pixels.dtype} {pixels.shape} is no picture")
    height, width, channels = pixels.shape
    limit = _MAX_SIDE.get(format)
    if limit and max(height, width) > limit:
        raise WriteError(f"{format} holds at most {limit:,} pixels a side, not {max(height, width):,}; choose TIFF.")
    if format == "JPEG" and channels in (2, 4):
        raise WriteError("JPEG cannot hold transparency; choose PNG or TIFF.")


def _discard(path: Path, error: BaseException) -> None:
    """Remove what was begun, but never something that was in the way."""
    if not isinstance(error, (IsADirectoryError, PermissionError)):
        try:
            path.unlink(missing_ok=True)
        except OSError as failure:
            error.add_note(f"and the partial file stayed: {failure}")


def _reason(path: Path, error: Exception) -> str:
    folder = path.parent.name or str(path.parent)
    if not isinstance(error, OSError):
        return "The picture could not be encoded; choose another format or close other programs to free memory."
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return f"The disk with “{folder}” is full; free some space or choose another folder."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"“{folder}” may not be written to; choose another folder."
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"The folder “{folder}” does not exist; choose another one."
    return f"Writing to “{folder}” failed; check the disk or choose another folder."


def _write_tiff(path: Path, derivative: _Derivative, compression: Compression) -> None:
    pixels, metadata = derivative.pixels, derivative.metadata
    channels = pixels.shape[2]
    alpha = "assocalpha" if metadata.alpha == "premultiplied" else "unassalpha"
    main, *directories = exif.read_block(metadata.exif)
    behind = {tag: part for tag, part in zip((exif.EXIF_IFD, exif.GPS_IFD), directories, strict=True) if part}
    big = pixels.nbytes > _CLASSIC_LIMIT  # the compressed size is not known yet
    # tifffile refuses these two tags, so their places are held by the numbers before them, which nobody uses here.
    places: list[_Tag] = [(tag - 1, _LONG8 if big else _LONG, 1, 0, True) for tag in behind]
    tifffile.imwrite(
        path,
        pixels if channels > 1 else pixels[:, :, 0],
        bigtiff=big,
        byteorder="<",
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=[alpha] if channels in (2, 4) else None,
        compression=None if compression == "none" else compression,
        predictor=compression != "none",
        rowsperstrip=max(1, _STRIP_BYTES // pixels[0].nbytes),
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        description=derivative.description.encode(),
        software=derivative.software.encode(),
        datetime=derivative.when.astimezone() if derivative.when else None,  # the tag knows no time zone
        iccprofile=derivative.icc,
        metadata=None,
        extratags=_plain_tags(derivative, main) + places,
        maxworkers=1,
    )
    _append_directories(path, behind, big)


def _plain_tags(derivative: _Derivative, main: exif.Directory) -> list[_Tag]:
    packet, iptc = derivative.packet, derivative.metadata.iptc
    tags: list[_Tag] = [
        (254, _LONG, 1, 0, True),
        (exif.ORIENTATION, 3, 1, 1, True),
        (700, 1, len(packet), packet, True),
    ]
    if iptc:
        padded = iptc + b"\0" * (-len(iptc) % 4)  # readers look for LONGs here
        tags.append((33723, _LONG, len(padded) // 4, padded, True))
    texts = [main[tag] for tag in exif.DESCRIPTIVE if tag in main and main[tag].kind == _ASCII]
    return tags + [(entry.tag, _ASCII, entry.count, entry.data, True) for entry in texts]


def _append_directories(path: Path, behind: Mapping[int, exif.Directory], big: bool) -> None:
    """Put EXIF and GPS behind the pixels, and let the tags that held their places point there."""
    for tag, directory in behind.items():
        with tifffile.TiffFile(path, mode="r+") as tif:
            file = tif.filehandle
            file.seek(0, 2)
            end = file.tell()
            offset = end + end % 2
            file.write(b"\0" * (offset - end) + exif.write_directory(directory.values(), offset, big))
            place = tif.pages.first.tags[tag - 1]
            place.overwrite(offset)
            file.seek(place.offset)
            file.write(struct.pack("<H", tag))


def _png(derivative: _Derivative) -> bytes:
    """The encoded image with its chunks put behind IHDR."""
    icc, metadata = derivative.icc, derivative.metadata
    chunks = []
    if icc:
        chunks.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if metadata.dpi:
        x, y = (round(value / 0.0254) for value in metadata.dpi)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + derivative.packet))
    if metadata.exif:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    encoded = bytes(imagecodecs.png_encode(np.ascontiguousarray(derivative.pixels), level=_PNG_LEVEL))
    after_header = 8 + 25
    return encoded[:after_header] + b"".join(chunks) + encoded[after_header:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _write_eight_bit(path: Path, derivative: _Derivative, format: Format, quality: int) -> None:
    icc, metadata, packet = derivative.icc, derivative.metadata, derivative.packet
    eight = to_eight_bits(derivative.pixels)
    if format == "WEBP" and eight.shape[2] < 3:
        eight, icc = _grey_as_rgb(eight, icc), None
    options: dict[str, Any] = {"quality": quality, "icc_profile": icc, "xmp": packet}
    if metadata.exif and (format == "WEBP" or len(metadata.exif) < _JPEG_SEGMENT):
        options["exif"] = b"Exif\0\0" + metadata.exif
    if format == "JPEG":
        if len(packet) > _JPEG_SEGMENT:
            raise WriteError("The description does not fit into a JPEG file; choose PNG or TIFF.")
        options["subsampling"] = 0
        if metadata.dpi:
            options["dpi"] = metadata.dpi
        if metadata.iptc and len(metadata.iptc) < _JPEG_SEGMENT:
            block = photoshop_block(metadata.iptc)
            options["extra"] = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    image = Image.fromarray(eight[:, :, 0] if eight.shape[2] == 1 else eight)
    encoded = io.BytesIO()
    image.save(encoded, format, **options)
    path.write_bytes(encoded.getbuffer())  # Pillow takes a short write into a real file for a whole one


def _grey_as_rgb(pixels: NDArray[np.uint8], icc: bytes | None) -> NDArray[np.uint8]:
    """WebP knows no grey: (H, W, 1 or 2) through its profile to sRGB, alpha kept."""
    space = WorkingSpace(icc, pixels.shape[2], 8)
    colours = space.to_display(pixels)[..., 2::-1]
    return np.concatenate([colours, pixels[..., 1:]], axis=2)
