"""What a master carries beside its pixels, in the neutral form every writer can use."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

_ORIENTATION = 274
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_DESCRIPTIVE = (271, 272, 315, 33432)  # make, model, artist, copyright
_SHORT = 3


@dataclass(frozen=True)
class Metadata:
    """Carried over into an export.

    `exif` is a TIFF structure without the "Exif" prefix, its Orientation set to 1 and its thumbnail unlinked; `xmp`
    a packet; `iptc` bare IIM records. `dpi` is (horizontal, vertical) after rotation. `notes` are sentences about
    what reading had to decide, for a person.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    alpha: Literal["straight", "premultiplied"] = "straight"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Header:
    """What a decoder finds before decoding: sizes and channels as stored, orientation not yet applied."""

    width: int
    height: int
    channels: int
    bits: int
    format: str
    space: Literal["grey", "rgb", "cmyk"]
    pages: int = 1
    orientation: int = 1
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)


def plausible_dpi(x: float, y: float) -> tuple[float, float] | None:
    """A resolution in dots an inch, None where the numbers cannot be one."""
    if not (0.01 < x < 1e6 and 0.01 < y < 1e6):
        return None
    return (round(x, 4), round(y, 4))


def exif_orientation(exif: bytes) -> int:
    """The Orientation of an EXIF block, 1..8; 1 where it says nothing sensible."""
    for entry, order in _first_directory(exif):
        tag, kind, count = struct.unpack_from(order + "HHI", exif, entry)
        if tag == _ORIENTATION and kind == _SHORT and count == 1:
            value = int(struct.unpack_from(order + "H", exif, entry + 8)[0])
            return value if 1 <= value <= 8 else 1
    return 1


def upright_exif(exif: bytes | None) -> bytes | None:
    """The same block for pixels that are upright: Orientation 1, no thumbnail (it would show the old state).

    Changed in place, so maker notes keep their offsets. None for bytes that are no EXIF.
    """
    if exif is None:
        return None
    block = bytearray(exif.removeprefix(b"Exif\0\0"))
    try:
        order, start, count = _directory(bytes(block))
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            if struct.unpack_from(order + "H", block, entry)[0] == _ORIENTATION:
                struct.pack_into(order + "HIHH", block, entry + 2, _SHORT, 1, 1, 0)
        struct.pack_into(order + "I", block, start + 2 + 12 * count, 0)
    except (struct.error, ValueError):
        return None
    return bytes(block)


def exif_from_tiff(exif: Image.Exif) -> bytes | None:
    """The descriptive part of a TIFF's own directory as an EXIF block; None where there is nothing to tell."""
    block = Image.Exif()
    for tag in _DESCRIPTIVE:
        if isinstance(exif.get(tag), str):
            block[tag] = exif[tag]
    for tag in (_EXIF_IFD, _GPS_IFD):
        if directory := exif.get_ifd(tag):
            block[tag] = dict(directory)
    return block.tobytes().removeprefix(b"Exif\0\0") if len(block) else None


def bare_iptc(block: bytes | None) -> bytes | None:
    """IIM records out of a Photoshop resource block (as JPEG carries them); bare records pass through."""
    if not block:
        return None
    if not block.startswith(b"Photoshop 3.0\0"):
        return block if block[0] == 0x1C else None
    position = 14
    while block[position : position + 4] == b"8BIM" and position + 12 <= len(block):
        kind = int.from_bytes(block[position + 4 : position + 6], "big")
        name = block[position + 6] + 1
        start = position + 6 + name + name % 2
        size = int.from_bytes(block[start : start + 4], "big")
        if kind == 0x0404:
            return block[start + 4 : start + 4 + size] or None
        position = start + 4 + size + size % 2
    return None


def photoshop_block(iptc: bytes) -> bytes:
    """The reverse: records wrapped as JPEG's APP13 wants them."""
    padding = b"\0" * (len(iptc) % 2)
    return b"Photoshop 3.0\08BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + padding


def _directory(exif: bytes) -> tuple[str, int, int]:
    """Byte order, offset and entry count of the first directory; ValueError or struct.error where there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        raise ValueError("no TIFF structure")
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    if start + 2 + 12 * count + 4 > len(exif):
        raise ValueError("directory beyond the end")
    return order, start, count


def _first_directory(exif: bytes) -> Iterator[tuple[int, str]]:
    try:
        order, start, count = _directory(exif.removeprefix(b"Exif\0\0"))
    except (struct.error, ValueError):
        return
    prefix = 6 if exif.startswith(b"Exif\0\0") else 0
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        yield entry + prefix, order
