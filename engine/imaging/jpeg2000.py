"""JPEG 2000 through OpenJPEG (imagecodecs), with the container's boxes read here."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging import exif
from engine.imaging.codestreams import JPEG2000_START, jpeg2000_size
from engine.imaging.metadata import Header, Metadata, bare_iptc, plausible_dpi

MAGIC_BOX = b"\x00\x00\x00\x0cjP  \r\n\x87\n"

_SRGB, _GREY = 16, 17
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # names of "uuid" boxes
_EXIF = b"JpgTiffExif->JP2"
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_MAX_BOXES = 1000
_MAX_BOX_BYTES = 16 << 20


def read_header(file: BinaryIO, name: str) -> Header:
    """Size and colour from the boxes or the bare codestream; ImageError in words for what is not supported."""
    file.seek(0)
    if file.read(4) == JPEG2000_START:
        return _from_stream(file, name)
    file.seek(0, 2)
    boxes = dict(_boxes(file, 0, file.tell()))
    if b"ihdr" not in boxes or b"pclr" in boxes:
        raise ImageError(f"“{name}” is a kind of JPEG 2000 that is not supported; convert it to TIFF first.")
    height, width, channels, depth = struct.unpack_from(">IIHB", boxes[b"ihdr"])
    colour, icc = boxes.get(b"colr", b""), None
    if colour[:1] == b"\2":
        icc = colour[3:]
    elif colour[:1] == b"\1" and struct.unpack_from(">I", colour, 3)[0] not in (_SRGB, _GREY):
        raise ImageError(f"“{name}” is in a colour space that is not supported; convert it to RGB first.")
    header = _header(name, (width, height), channels, depth)
    metadata = Metadata(
        exif=exif.upright(boxes.get(_EXIF)),
        xmp=boxes.get(_XMP),
        iptc=bare_iptc(boxes.get(_IPTC)),
        dpi=_dpi(boxes.get(b"resc", b"")),
    )
    return replace(header, icc=icc, metadata=metadata)


def decode(file: BinaryIO, name: str, header: Header) -> NDArray[Any]:
    """(H, W, C) uint8 or uint16. ImageError where the codestream is not of the size its container names."""
    file.seek(0)
    data = file.read()
    if jpeg2000_size(data) != (header.width, header.height):
        raise ImageError(f"“{name}” contradicts itself about its size; copy or scan it again.")
    pixels = np.asarray(imagecodecs.jpeg2k_decode(data, numthreads=1))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _from_stream(file: BinaryIO, name: str) -> Header:
    file.seek(8)
    x1, y1, x0, y0 = struct.unpack(">4I", file.read(16))
    file.seek(40)
    channels, depth = struct.unpack(">HB", file.read(3))
    return _header(name, (x1 - x0, y1 - y0), channels, depth)


def _header(name: str, size: tuple[int, int], channels: int, depth: int) -> Header:
    if depth not in (7, 15):  # bits less one; the highest bit marks signed samples
        raise ImageError(f"“{name}” does not hold 8 or 16 bits a sample; convert it to one of these first.")
    if channels not in (1, 2, 3, 4):
        raise ImageError(f"“{name}” has {channels} channels, which is not supported; convert it to grey or RGB first.")
    return Header(
        width=size[0],
        height=size[1],
        channels=channels,
        bits=depth + 1,
        format="JPEG2000",
        space="grey" if channels < 3 else "rgb",
        copies=5 if depth == 7 else 3,  # OpenJPEG unpacks into numbers of four bytes
    )


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and contents of the header boxes; "jp2h" and "res " are opened, image data is skipped. The kind of a "uuid"
    box is its name."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            head = 16
        stop = end if size == 0 else min(end, start + size)
        if kind == b"uuid" and stop - start < _MAX_BOX_BYTES:
            file.seek(start + head)
            yield file.read(16), file.read(max(0, stop - start - head - 16))
        elif kind in (b"jp2h", b"res "):
            yield from _boxes(file, start + head, stop)
        elif kind in (b"ihdr", b"colr", b"pclr", b"resc") and stop - start < _MAX_BOX_BYTES:
            file.seek(start + head)
            yield kind, file.read(stop - start - head)
        if stop <= start:
            return
        start = stop


def _dpi(box: bytes) -> tuple[float, float] | None:
    """The capture resolution: fractions and powers of ten, in pixels a metre."""
    if len(box) < 10:
        return None
    y, y_by, x, x_by, y_power, x_power = struct.unpack_from(">4H2b", box)
    if not x_by or not y_by:
        return None
    return plausible_dpi(x / x_by * 10.0**x_power * 0.0254, y / y_by * 10.0**y_power * 0.0254)
