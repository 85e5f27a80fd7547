"""JPEG, PNG and WebP through libvips: 16 bit stays 16 bit, and damage is an error."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging import exif
from engine.imaging.libvips import pyvips
from engine.imaging.metadata import Header, Metadata, bare_iptc, plausible_dpi
from engine.imaging.rasters import Raster, Shape, bands
from engine.types import Region

T = TypeVar("T")

_FORMATS = {"jpegload_source": "JPEG", "pngload_source": "PNG", "webpload_source": "WEBP", "heifload_source": "HEIF"}
_SPACES: dict[str, Literal["grey", "rgb", "cmyk"]] = {
    "b-w": "grey", "grey16": "grey", "srgb": "rgb", "rgb16": "rgb", "rgb": "rgb", "cmyk": "cmyk",
}  # fmt: skip
_MM = 25.4
STREAMED = ("JPEG", "PNG")
"""Formats that are decoded row by row."""
_LOST = ("premature end", "bad Huffman code", "instead of RST")

Failure = pyvips.Error
"""What libvips raises when it cannot read something."""


def read_header(file: BinaryIO, name: str) -> Header:
    """The header of the first frame; ImageError in words for kinds of samples that are not supported."""
    image = _open(file)
    space = _SPACES.get(image.interpretation)
    bits = {"uchar": 8, "ushort": 16}.get(image.format)
    if space is None or bits is None:
        raise ImageError(f"“{name}” holds pixels of a kind that is not supported; convert it to grey or RGB first.")
    block = _blob(image, "exif-data")
    metadata = Metadata(
        exif=exif.upright(block),
        xmp=_blob(image, "xmp-data"),
        iptc=bare_iptc(_blob(image, "iptc-data")),
        dpi=_dpi(image, file),
    )
    return Header(
        width=image.width,
        height=image.height,
        channels=image.bands,
        bits=bits,
        format=_FORMATS.get(image.get("vips-loader"), "PNG"),
        space=space,
        orientation=exif.orientation(block),
        copies=_copies(image),
        icc=_blob(image, "icc-profile-data"),
        metadata=metadata,
    )


def read_heif_header(file: BinaryIO, name: str) -> Header:
    """The same of a HEIF container: AVIF, and others where libheif has their codec; it turns pictures by itself."""
    try:
        header = read_header(file, name)
        _open(file).crop(0, 0, 1, 1).write_to_memory()  # only now it is known whether the codec is there
    except pyvips.Error as error:
        raise ImageError(
            f"“{name}” is a HEIF image that cannot be decoded here; convert it to TIFF in the program it is from."
        ) from error
    return replace(header, orientation=1, copies=3)


def decode(file: BinaryIO) -> NDArray[Any]:
    """(H, W, C) uint8 or uint16 as stored: not rotated, CMYK still CMYK (255 is full ink)."""
    return tolerant(lambda fail_on: _pixels(_open(file, fail_on)))


def tolerant(read: Callable[[str], T]) -> T:
    """What `read("warning")` gives; libjpeg only warns when pixels are lost, as it does about stray bytes that harm
    nothing, and after one of those it is `read("error")`."""
    try:
        return read("warning")
    except pyvips.Error as error:
        if not _is_harmless(error):
            raise
    return read("error")


def _is_harmless(error: Exception) -> bool:
    return "JPEG" in str(error) and not any(words in str(error) for words in _LOST)


def tolerant_rows(file: BinaryIO, count: int) -> Iterator[NDArray[Any]]:
    """`rows`, as tolerant as `tolerant`: after a warning that harms nothing they come again, from the top."""
    try:
        yield from rows(file, count, "warning")
        return
    except pyvips.Error as error:
        if not _is_harmless(error):
            raise
    yield from rows(file, count, "error")


def rows(file: BinaryIO, count: int, fail_on: str) -> Iterator[NDArray[Any]]:
    """The pixels from top to bottom, `count` rows at a time, without the whole in memory."""
    image = _open(file, fail_on)
    region = pyvips.Region.new(image)
    dtype = np.uint16 if image.format == "ushort" else np.uint8
    for top in range(0, image.height, count):
        height = min(count, image.height - top)
        data = region.fetch(0, top, image.width, height)
        yield np.frombuffer(data, dtype).reshape(height, image.width, image.bands)


def _pixels(image: Any) -> NDArray[Any]:
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def thumbnail(file: BinaryIO, size: int, page: int | None = None) -> NDArray[np.uint8]:
    """An upright (h, w, 3) sRGB copy, longest side at most `size`, read with as little decoding as the file allows."""
    file.seek(0)
    options = "fail_on=error" if page is None else f"page={page},fail_on=error"
    image = pyvips.Image.thumbnail_source(
        _source(file), size, height=size, size="down", export_profile="srgb", option_string=f"[{options}]"
    )
    return _rgb8(image)


def shrink(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB to (h, w, 3) with the longest side at most `size`."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="srgb")
    return _rgb8(image.thumbnail_image(size, height=size, size="down"))


@dataclass(frozen=True, eq=False)
class Shown:
    """A raster of what libvips makes of an image, computed for the regions that are read."""

    image: Any

    @property
    def shape(self) -> Shape:
        """Height, width, channels."""
        return self.image.height, self.image.width, self.image.bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return np.dtype(np.uint16 if self.image.format == "ushort" else np.uint8)

    @property
    def nbytes(self) -> int:
        """What libvips keeps is little."""
        return 0

    def read(self, region: Region) -> NDArray[Any]:
        """(h, w, C) of a region."""
        data = pyvips.Region.new(self.image).fetch(region.x, region.y, region.width, region.height)
        return np.frombuffer(data, self.dtype).reshape(region.height, region.width, self.image.bands)


def spread(picture: Raster, folder: Path) -> Any:
    """A raster as an image of libvips's that lies in a file of that folder, of which a part at a time is in memory.

    OSError where it cannot be written. The file is the folder's owner's to remove.
    """
    height, width, channels = picture.shape
    path = folder / f"spread-{secrets.token_hex(4)}.raw"
    with path.open("wb") as file:
        for part in bands(picture):
            file.write(np.ascontiguousarray(part).data)
    deep = picture.dtype == np.uint16
    kind = {1: "grey16" if deep else "b-w", 2: "grey16" if deep else "b-w"}.get(channels, "rgb16" if deep else "srgb")
    return pyvips.Image.rawload(
        str(path), width, height, channels, format="ushort" if deep else "uchar", interpretation=kind
    )


def _rgb8(image: Any) -> NDArray[np.uint8]:
    if image.format != "uchar":
        image = image.colourspace("srgb").cast("uchar")
    pixels = np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)
    return np.repeat(pixels[..., :1], 3, axis=2) if image.bands < 3 else np.ascontiguousarray(pixels[..., :3])


def _source(file: BinaryIO) -> Any:
    # By descriptor: libvips would take "a[1].jpg" for a file with options, and cannot name every file.
    return pyvips.Source.new_from_descriptor(file.fileno())


def _open(file: BinaryIO, fail_on: str = "error") -> Any:
    file.seek(0)
    return pyvips.Image.new_from_source(_source(file), "", access="sequential", fail_on=fail_on)


def _copies(image: Any) -> int:
    """Streams that come in passes are collected first: JPEG as 16-bit coefficients, PNG as pixels."""
    fields = image.get_fields()
    if "jpeg-multiscan" in fields and image.get("jpeg-multiscan"):
        return 3
    return 2 if "interlaced" in fields and image.get("interlaced") else 1


def _blob(image: Any, field: str) -> bytes | None:
    return (bytes(image.get(field)) or None) if field in image.get_fields() else None


def _dpi(image: Any, file: BinaryIO) -> tuple[float, float] | None:
    """libvips invents a resolution where a file has none; what the file itself says decides."""
    if image.get("vips-loader") == "pngload_source":
        return _png_dpi(file)
    if "resolution-unit" not in image.get_fields():
        return None
    return plausible_dpi(image.xres * _MM, image.yres * _MM)


def _png_dpi(file: BinaryIO) -> tuple[float, float] | None:
    """The pHYs chunk, which stands before the pixels."""
    file.seek(8)
    while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        size = int.from_bytes(head[:4], "big")
        if head[4:] == b"pHYs" and size == 9:
            x, y, unit = struct.unpack(">IIB", file.read(9).ljust(9, b"\0"))
            return plausible_dpi(x * _MM / 1000, y * _MM / 1000) if unit == 1 else None
        file.seek(size + 4, 1)
    return None
