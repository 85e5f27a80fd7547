"""What a master carries beside its pixels, in the neutral form every writer can use."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.imaging import exif


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
    copies: int = 1  # how many times its own size decoding takes in memory
    parts: Literal["", "pixels", "strips", "tiles"] = ""  # what can be read by itself; "": only the whole
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded pixels."""
        return self.width * self.height * self.channels * self.bits // 8


def enlarged(metadata: Metadata, scale: int) -> Metadata:
    """What holds of `scale` times the pixels on the same sheet of paper: the resolution grows with them."""
    if scale == 1:
        return metadata
    dpi = (metadata.dpi[0] * scale, metadata.dpi[1] * scale) if metadata.dpi else None
    return replace(metadata, dpi=dpi, exif=exif.enlarged(metadata.exif, scale))


def restated(metadata: Metadata, width: int, height: int, dpi: tuple[float, float] | None) -> Metadata:
    """What holds of a file of another size, or of another resolution on paper; `dpi` None leaves that unsaid."""
    return replace(metadata, dpi=dpi, exif=exif.restated(metadata.exif, width, height, dpi))


def plausible_dpi(x: float, y: float) -> tuple[float, float] | None:
    """A resolution in dots an inch, None where the numbers cannot be one."""
    if not (0.01 < x < 1e6 and 0.01 < y < 1e6):
        return None
    return (round(x, 4), round(y, 4))


def bare_iptc(block: bytes | None) -> bytes | None:
    """IIM records out of a Photoshop resource block (as JPEG carries them); bare records pass through."""
    if not block:
        return None
    if not block.startswith(b"Photoshop 3.0\0"):
        return block[: _end_of_records(block)] or None
    position = 14
    while block[position : position + 4] == b"8BIM" and position + 12 <= len(block):
        kind = int.from_bytes(block[position + 4 : position + 6], "big")
        name = block[position + 6] + 1
        start = position + 6 + name + name % 2
        size = int.from_bytes(block[start : start + 4], "big")
        if kind == 0x0404:
            records = block[start + 4 : start + 4 + size]
            return records[: _end_of_records(records)] or None
        position = start + 4 + size + size % 2
    return None


def _end_of_records(block: bytes) -> int:
    """Where IIM records end and padding begins; 0 where there are none. One that is cut off ends the reading."""
    end = 0
    while block[end : end + 1] == b"\x1c" and end + 5 <= len(block):
        size = int.from_bytes(block[end + 3 : end + 5], "big")
        head = 5
        if size & 0x8000:  # an extended one: so many bytes that tell the length
            digits = size & 0x7FFF
            size, head = int.from_bytes(block[end + 5 : end + 5 + digits], "big"), 5 + digits
        if end + head + size > len(block):
            break
        end += head + size
    return end


def photoshop_block(iptc: bytes) -> bytes:
    """The reverse: records wrapped as JPEG's APP13 wants them."""
    padding = b"\0" * (len(iptc) % 2)
    return b"Photoshop 3.0\08BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + padding
