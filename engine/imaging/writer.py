"""Derivatives to files: complete, with the master's profile and metadata, and honest about what they are."""

from __future__ import annotations

import errno
import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
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
from engine.imaging import exif, jpeg
from engine.imaging.color import Pixels, WorkingSpace, to_eight_bits
from engine.imaging.metadata import Metadata, photoshop_block
from engine.imaging.rasters import ROWS, Decoded, Raster, bands
from engine.imaging.xmp import Statement, build_packet, plain_packet

Format = Literal["TIFF", "PNG", "JPEG", "WEBP"]
Compression = Literal["lzw", "deflate", "none"]  # of TIFF; exiftool warns of deflate
Watch = Callable[[int, int], None]
"""Told the rows done of the rows in all."""

_STRIP_BYTES = 1 << 20
_CLASSIC_LIMIT = (4 << 30) // 3 * 2  # a classic TIFF ends at 4 GB, and LZW lets noise grow by nearly half
_ASCII, _LONG, _LONG8 = 2, 4, 16
_JPEG_SEGMENT = 65_000  # a JPEG segment ends at 65,533 bytes, its label included
_PNG_LEVEL = 2  # higher ones take up to three times as long and gain next to nothing on scans
_SCHEMES = {"lzw": "lzw", "deflate": "adobe_deflate", "none": None}  # as tifffile names them
_MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_Tag = tuple[int, int, int, Any, bool]  # as tifffile takes them: number, type, count, value, once


@dataclass(frozen=True)
class _Derivative:
    """All that goes into the file."""

    pixels: Raster
    icc: bytes | None
    metadata: Metadata
    description: str
    software: str
    packet: bytes
    watch: Watch
    when: datetime | None = None

    def bands(self, rows: int) -> Iterator[NDArray[Any]]:
        """The pixels from top to bottom, telling whoever watches how far the file is."""
        height = self.pixels.shape[0]
        for number, part in enumerate(bands(self.pixels, rows)):
            self.watch(number * rows, height)
            yield part


def write_image(
    path: Path,
    pixels: Pixels | Raster,
    *,
    icc: bytes | None,
    metadata: Metadata,
    format: Format,
    description: str,
    software: str,
    statement: Statement | None = None,
    quality: int = 95,
    compression: Compression = "lzw",
    watch: Watch = lambda rows, height: None,
) -> None:
    """Write `pixels`, (H, W, C) uint8 or uint16 as in a `Master`, as one complete file at `path`.

    TIFF (under `compression`) and PNG keep every bit; JPEG and WebP hold 8 bits (16 are rounded) at `quality` 1..100.
    All but WebP, which holds no large picture, take a raster a few rows at a time. `statement` is what the XMP packet
    of a derivative says; a picture that is none has none. `watch` is told the rows done; what it raises ends the
    writing.
    WriteError, one sentence, where the format cannot hold the picture or the disk refuses; then nothing is left at
    `path`.
    """
    raster = Decoded(pixels) if isinstance(pixels, np.ndarray) else pixels
    check_format(raster, format)
    packet = build_packet(statement, metadata.xmp) if statement else plain_packet(description, software)
    if statement and format == "JPEG" and len(packet) > _JPEG_SEGMENT:
        packet = build_packet(statement)  # what this derivative is comes before what the master said
    when = datetime.fromisoformat(statement.when) if statement else None
    derivative = _Derivative(raster, icc, metadata, description, software, packet, watch, when)
    try:
        if format == "TIFF":
            _write_tiff(path, derivative, compression)
        elif format == "PNG":
            _write_png(path, derivative)
        elif format == "JPEG":
            _write_jpeg(path, derivative, quality)
        else:
            _write_webp(path, derivative, quality)
    except BaseException as error:
        _discard(path, error)
        if isinstance(error, (OSError, RuntimeError, MemoryError)):  # the codecs' errors are RuntimeErrors
            raise WriteError(_reason(path, error)) from error
        raise


def check_format(pixels: Pixels | Raster, format: Format) -> None:
    """Whether `format` can hold a picture of this shape and depth; WriteError, one sentence, where it cannot."""
    if len(pixels.shape) != 3 or pixels.shape[2] not in (1, 2, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
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
    height, width, channels = pixels.shape
    row = width * channels * pixels.dtype.itemsize
    rows = min(height, max(1, _STRIP_BYTES // row))
    alpha = "assocalpha" if metadata.alpha == "premultiplied" else "unassalpha"
    main, inner, place = exif.read_block(metadata.exif)
    directories = (exif.for_tiff(inner), place)
    behind = {tag: part for tag, part in zip((exif.EXIF_IFD, exif.GPS_IFD), directories, strict=True) if part}
    big = height * row > _CLASSIC_LIMIT  # the compressed size is not known yet
    # tifffile refuses these two tags, so their places are held by the numbers before them, which nobody uses here.
    places: list[_Tag] = [(tag - 1, _LONG8 if big else _LONG, 1, 0, True) for tag in behind]
    tifffile.imwrite(
        path,
        (_packed(part, compression) for part in derivative.bands(rows)),
        shape=(height, width, channels) if channels > 1 else (height, width),
        dtype=pixels.dtype,
        bigtiff=big,
        byteorder="<",
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=[alpha] if channels in (2, 4) else None,
        compression=_SCHEMES[compression],
        predictor=compression != "none",
        rowsperstrip=rows,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        description=derivative.description.encode(),
        software=derivative.software.encode(),
        datetime=derivative.when.astimezone() if derivative.when else None,  # the tag knows no time zone
        iccprofile=derivative.icc,
        metadata=None,
        extratags=_plain_tags(derivative, main) + places,
    )
    _append_directories(path, behind, big)


def _packed(strip: NDArray[Any], compression: Compression) -> bytes:
    """Rows of a TIFF, with predictor 2 where they are compressed."""
    if compression == "none":
        return np.ascontiguousarray(strip).tobytes()
    differences = imagecodecs.delta_encode(np.ascontiguousarray(strip), axis=1).tobytes()
    return bytes((imagecodecs.lzw_encode if compression == "lzw" else imagecodecs.zlib_encode)(differences))


def _plain_tags(derivative: _Derivative, main: exif.Directory) -> list[_Tag]:
    packet, iptc = derivative.packet, derivative.metadata.iptc
    tags: list[_Tag] = [
        (254, _LONG, 1, 0, True),
        (exif.ORIENTATION, 3, 1, 1, True),
        (700, 1, len(packet), packet, True),
    ]
    if iptc:
        longs = iptc + bytes(-len(iptc) % 4)  # how readers expect it; what is behind the last record is nothing
        tags.append((33723, _LONG, len(longs) // 4, longs, True))
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


def _write_png(path: Path, derivative: _Derivative) -> None:
    """The pixels as one stream, each row less the mean of what is left of it and above it."""
    height, width, channels = derivative.pixels.shape
    depth = derivative.pixels.dtype.itemsize
    row = width * channels * depth
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    stream = zlib.compressobj(_PNG_LEVEL)
    above = np.zeros((1, row), np.uint8)
    with path.open("wb") as file:
        head = struct.pack(">2I5B", width, height, 8 * depth, kind, 0, 0, 0)
        file.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + b"".join(_png_metadata(derivative)))
        for part in derivative.bands(max(1, _STRIP_BYTES // row)):
            flat = np.ascontiguousarray(part, f">u{depth}").view(np.uint8).reshape(len(part), row)
            packed = stream.compress(_averaged(flat, above, channels * depth))
            above = flat[-1:]
            if packed:
                file.write(_chunk(b"IDAT", packed))
        file.write(_chunk(b"IDAT", stream.flush()) + _chunk(b"IEND", b""))


def _averaged(rows: NDArray[np.uint8], above: NDArray[np.uint8], pixel: int) -> bytes:
    """PNG's filter 3 over (n, bytes a row) beneath the row `above`, with `pixel` bytes a pixel."""
    mean = np.concatenate([above, rows[:-1]]).astype(np.uint16)
    mean[:, pixel:] += rows[:, :-pixel]
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 3
    filtered[:, 1:] = rows - (mean >> 1).astype(np.uint8)
    return filtered.tobytes()


def _png_metadata(derivative: _Derivative) -> Iterator[bytes]:
    """The chunks between the header and the pixels."""
    icc, metadata = derivative.icc, derivative.metadata
    if icc:
        yield _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))
    if metadata.dpi:
        x, y = (round(value / 0.0254) for value in metadata.dpi)
        yield _chunk(b"pHYs", struct.pack(">IIB", x, y, 1))
    yield _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + derivative.packet)
    if metadata.exif:
        yield _chunk(b"eXIf", metadata.exif)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _write_jpeg(path: Path, derivative: _Derivative, quality: int) -> None:
    """Band by band."""
    height, width, _ = derivative.pixels.shape
    rows, options = jpeg.band_rows(width), _jpeg_metadata(derivative)

    def encode(band: NDArray[Any], first: bool) -> bytes:
        image = Image.fromarray(band[:, :, 0] if band.shape[2] == 1 else band)
        encoded = io.BytesIO()
        more = options if first else {}
        interval = rows // jpeg.BLOCK
        image.save(encoded, "JPEG", quality=quality, subsampling=0, restart_marker_rows=interval, **more)
        return encoded.getvalue()

    bands = (to_eight_bits(part) for part in derivative.bands(rows))
    with path.open("wb") as file:
        for piece in jpeg.joined(bands, height, encode):
            file.write(piece)


def _jpeg_metadata(derivative: _Derivative) -> dict[str, Any]:
    """As Pillow takes it, for the segments before the pixels."""
    metadata, packet = derivative.metadata, derivative.packet
    if len(packet) > _JPEG_SEGMENT:
        raise WriteError("The description does not fit into a JPEG file; choose PNG or TIFF.")
    options: dict[str, Any] = {"icc_profile": derivative.icc, "xmp": packet}
    height, width, _ = derivative.pixels.shape
    block = exif.completed_block(metadata.exif, width, height, metadata.dpi)
    if block and len(block) < _JPEG_SEGMENT:
        options["exif"] = b"Exif\0\0" + block
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    if metadata.iptc and len(metadata.iptc) < _JPEG_SEGMENT:
        block = photoshop_block(metadata.iptc)
        options["extra"] = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    return options


def _write_webp(path: Path, derivative: _Derivative, quality: int) -> None:
    icc, block = derivative.icc, derivative.metadata.exif
    eight = np.empty(derivative.pixels.shape, np.uint8)
    for number, part in enumerate(derivative.bands(ROWS)):
        eight[number * ROWS : number * ROWS + len(part)] = to_eight_bits(part)
    if eight.shape[2] < 3:
        eight, icc = _grey_as_rgb(eight, icc), None
    options: dict[str, Any] = {"exif": b"Exif\0\0" + block} if block else {}
    encoded = io.BytesIO()
    Image.fromarray(eight).save(encoded, "WEBP", quality=quality, icc_profile=icc, xmp=derivative.packet, **options)
    path.write_bytes(encoded.getbuffer())  # Pillow takes a short write into a real file for a whole one


def _grey_as_rgb(pixels: NDArray[np.uint8], icc: bytes | None) -> NDArray[np.uint8]:
    """WebP knows no grey: (H, W, 1 or 2) through its profile to sRGB, alpha kept."""
    space = WorkingSpace(icc, pixels.shape[2], 8)
    colours = space.to_display(pixels)[..., 2::-1]
    return np.concatenate([colours, pixels[..., 1:]], axis=2)
