"""EXIF as it is stored: directories of raw entries, moved between files without interpreting their values.

Pillow's EXIF warns on standard error and drops what it does not know; a curator's metadata deserves neither.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

ORIENTATION, EXIF_IFD, GPS_IFD = 274, 34665, 34853
DESCRIPTIVE = (271, 272, 315, 33432)  # make, model, artist, copyright
_INTEROPERABILITY_IFD = 40965

_SIDES = (256, 257, 40962, 40963)  # width and height, of the file and of what a camera took
_RESOLUTIONS = (282, 283)
_RESOLUTION_UNIT = 296

_SHORT, _LONG, _RATIONAL = 3, 4, 5
_POINTERS = (4, 13, 16, 18)  # long and directory, and BigTIFF's of 8 bytes
_UNITS = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 4,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    18: 8,
}  # bytes that swap together
_PAIRS = (5, 10)  # rationals
_ORDERS = {b"II": "<", b"MM": ">"}
_MAX_ENTRIES = 1000
_MAX_DATA = 1 << 20
_MARK = b"Exif\0\0"


@dataclass(frozen=True)
class Entry:
    """One field: its TIFF type, how many values, and their bytes in little-endian order."""

    tag: int
    kind: int
    count: int
    data: bytes

    @property
    def number(self) -> int:
        """The first value of a short or long."""
        return int.from_bytes(self.data[: _UNITS[self.kind]], "little")


Directory = dict[int, Entry]

_DEMANDED: Directory = {  # of every EXIF directory: its version, FlashPix's, a colour space (here none of EXIF's own)
    36864: Entry(36864, 7, 4, b"0232"),
    40960: Entry(40960, 7, 4, b"0100"),
    40961: Entry(40961, _SHORT, 1, b"\xff\xff"),
}
_OF_JPEG = (37121, 37122, 40962, 40963)  # components, bits a pixel, width and height, which a TIFF says elsewhere
_MAKER_NOTE = 37500


def read_directory(file: BinaryIO, offset: int, order: str, big: bool = False) -> Directory:
    """The entries at `offset` of a TIFF structure; entries that are damaged or huge are left out.

    `order` is "<" or ">", `big` means BigTIFF's layout. A damaged directory gives what could be read.
    """
    head, item, inline = ("Q", order + "HHQ8s", 8) if big else ("H", order + "HHI4s", 4)
    file.seek(offset)
    raw_count = file.read(struct.calcsize(order + head))
    if len(raw_count) < struct.calcsize(order + head):
        return {}
    count = min(struct.unpack(order + head, raw_count)[0], _MAX_ENTRIES)
    size = struct.calcsize(item)
    table = file.read(count * size)
    found: Directory = {}
    for position in range(0, len(table) - size + 1, size):
        tag, kind, values, field = struct.unpack_from(item, table, position)
        unit = _UNITS.get(kind)
        length = values * (unit or 0) * (2 if kind in _PAIRS else 1)
        if unit is None or not 0 < length <= _MAX_DATA:
            continue
        if length > inline:
            file.seek(struct.unpack(order + ("Q" if big else "I"), field)[0])
            field = file.read(length)
        if len(field) >= length:
            found[tag] = Entry(tag, kind, values, _swapped(field[:length], unit, order))
    return found


def read_block(block: bytes | None) -> tuple[Directory, Directory, Directory]:
    """The main, EXIF and GPS directories of an EXIF block; empty where there are none."""
    block = (block or b"").removeprefix(_MARK)
    order = _ORDERS.get(block[:2])
    if order is None or len(block) < 8:
        return {}, {}, {}
    file = io.BytesIO(block)
    main = read_directory(file, struct.unpack_from(order + "I", block, 4)[0], order)
    return main, _pointed(file, main, EXIF_IFD, order), _pointed(file, main, GPS_IFD, order)


def from_tiff(file: BinaryIO, offset: int, order: str, big: bool) -> bytes | None:
    """The descriptive fields, EXIF and GPS of a TIFF page as an EXIF block; None where there is nothing to tell."""
    page = read_directory(file, offset, order, big)
    main = {tag: page[tag] for tag in DESCRIPTIVE if tag in page}
    parts = {tag: _pointed(file, page, tag, order, big) for tag in (EXIF_IFD, GPS_IFD)}
    parts = {tag: part for tag, part in parts.items() if part}
    return _assembled(main, parts) if main or parts else None


def _assembled(main: Directory, parts: Mapping[int, Directory]) -> bytes:
    """A little-endian block of a main directory and what it points to."""
    pointers = {tag: Entry(tag, _LONG, 1, bytes(4)) for tag in parts}
    offset = 8 + len(write_directory((main | pointers).values(), 8))
    tail = b""
    for tag, part in parts.items():
        pointers[tag] = Entry(tag, _LONG, 1, struct.pack("<I", offset + len(tail)))
        tail += write_directory(part.values(), offset + len(tail))
    return b"II*\0\x08\0\0\0" + write_directory((main | pointers).values(), 8) + tail


def for_tiff(part: Directory) -> Directory:
    """An EXIF directory as a TIFF may have it: with what the standard demands of one and many programs leave out,
    without what tells of a JPEG's coding. An empty one stays so."""
    return {tag: entry for tag, entry in (_DEMANDED | part).items() if tag not in _OF_JPEG} if part else part


def completed_block(block: bytes | None, width: int, height: int, dpi: tuple[float, float] | None) -> bytes | None:
    """The same block for a JPEG of that size, with what the standard demands of one.

    One with maker notes stays as it is: they would lose their offsets, and cameras leave nothing out.
    """
    main, part, place = read_block(block)
    if not (main or part or place) or _MAKER_NOTE in part:
        return block
    resolution = [round(100 * value) for value in dpi or (72.0, 72.0)]
    sheet = {
        tag: Entry(tag, _RATIONAL, 1, struct.pack("<II", value, 100))
        for tag, value in zip(_RESOLUTIONS, resolution, strict=True)
    }
    sheet |= {tag: Entry(tag, _SHORT, 1, struct.pack("<H", value)) for tag, value in ((296, 2), (531, 1))}
    sides = {tag: Entry(tag, _LONG, 1, struct.pack("<I", side)) for tag, side in ((40962, width), (40963, height))}
    components = Entry(37121, 7, 4, b"\1\2\3\0")  # Y, Cb, Cr
    parts = {EXIF_IFD: _DEMANDED | {37121: components} | part | sides, GPS_IFD: place}
    return _assembled(sheet | main, {tag: one for tag, one in parts.items() if one})


def write_directory(entries: Iterable[Entry], offset: int, big: bool = False) -> bytes:
    """A little-endian directory for position `offset`, its values behind it; of even length."""
    entries = sorted(entries, key=lambda entry: entry.tag)
    head, item, pointer = ("<Q", "<HHQ8s", "<Q") if big else ("<H", "<HHI4s", "<I")
    inline = struct.calcsize(pointer)
    behind = offset + struct.calcsize(head) + len(entries) * struct.calcsize(item) + inline
    table, tail = struct.pack(head, len(entries)), b""
    for entry in entries:
        field = entry.data
        if len(field) > inline:
            field = struct.pack(pointer, behind + len(tail))
            tail += entry.data + b"\0" * (len(entry.data) % 2)
        table += struct.pack(item, entry.tag, entry.kind, entry.count, field)
    return table + bytes(inline) + tail


def orientation(block: bytes | None) -> int:
    """Orientation 1..8; 1 where the block says nothing sensible."""
    entry = read_block(block)[0].get(ORIENTATION)
    return entry.number if entry and entry.kind == _SHORT and 1 <= entry.number <= 8 else 1


def upright(block: bytes | None) -> bytes | None:
    """The same block for pixels that are upright: Orientation 1, no thumbnail (it would show the old state).

    Changed in place, so maker notes keep their offsets; without the "Exif" mark. None for bytes that are no EXIF.
    """
    changed = bytearray((block or b"").removeprefix(_MARK))
    order = _ORDERS.get(bytes(changed[:2]))
    try:
        (start,) = struct.unpack_from(f"{order or '<'}I", changed, 4)
        (count,) = struct.unpack_from(f"{order or '<'}H", changed, start)
        end = start + 2 + 12 * count
        if order is None or end + 4 > len(changed):
            return None
        for position in range(start + 2, end, 12):
            if struct.unpack_from(order + "H", changed, position)[0] == ORIENTATION:
                struct.pack_into(order + "HIHH", changed, position + 2, _SHORT, 1, 1, 0)
        struct.pack_into(order + "I", changed, end, 0)
    except struct.error:
        return None
    return bytes(changed)


def enlarged(block: bytes | None, scale: int) -> bytes | None:
    """The same block for `scale` times the pixels: what it says of their number and of how many go into an inch.

    Changed in place, so maker notes keep their offsets; what cannot be read stays as it is.
    """
    changed = bytearray((block or b"").removeprefix(_MARK))
    order = _ORDERS.get(bytes(changed[:2]))
    if order is None:
        return block
    try:
        (start,) = struct.unpack_from(order + "I", changed, 4)
        _enlarge_directory(changed, start, order, scale)
    except struct.error:
        return block
    return bytes(changed)


def _enlarge_directory(block: bytearray, start: int, order: str, scale: int, depth: int = 0) -> None:
    (count,) = struct.unpack_from(order + "H", block, start)
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values, field = struct.unpack_from(order + "HHII", block, position)
        if tag in _RESOLUTIONS and kind == _RATIONAL:
            (numerator,) = struct.unpack_from(order + "I", block, field)
            if numerator * scale < 1 << 32:
                struct.pack_into(order + "I", block, field, numerator * scale)
        elif tag in _SIDES and kind in (_SHORT, _LONG) and values == 1:
            (side,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), block, position + 8)
            struct.pack_into(order + "HII", block, position + 2, _LONG, 1, side * scale)
        elif tag == EXIF_IFD and kind in _POINTERS and not depth:
            _enlarge_directory(block, field, order, scale, 1)


def restated(block: bytes | None, width: int, height: int, dpi: tuple[float, float] | None) -> bytes | None:
    """The same block for a file of `width` x `height` pixels, `dpi` of which go into an inch, where it tells of them.

    Changed in place, as `enlarged` does; what cannot be read stays as it is.
    """
    changed = bytearray((block or b"").removeprefix(_MARK))
    order = _ORDERS.get(bytes(changed[:2]))
    if order is None:
        return block
    try:
        (start,) = struct.unpack_from(order + "I", changed, 4)
        _restate_directory(changed, start, order, {256: width, 40962: width, 257: height, 40963: height}, dpi)
    except struct.error:
        return block
    return bytes(changed)


def _restate_directory(
    block: bytearray,
    start: int,
    order: str,
    sides: Mapping[int, int],
    dpi: tuple[float, float] | None,
    depth: int = 0,
) -> None:
    (count,) = struct.unpack_from(order + "H", block, start)
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values, field = struct.unpack_from(order + "HHII", block, position)
        if tag in _RESOLUTIONS and kind == _RATIONAL and dpi:
            struct.pack_into(order + "II", block, field, round(100 * dpi[_RESOLUTIONS.index(tag)]), 100)
        elif tag == _RESOLUTION_UNIT and dpi:
            struct.pack_into(order + "HIHH", block, position + 2, _SHORT, 1, 2, 0)  # an inch
        elif tag in sides and kind in (_SHORT, _LONG) and values == 1:
            struct.pack_into(order + "HII", block, position + 2, _LONG, 1, sides[tag])
        elif tag == EXIF_IFD and kind in _POINTERS and not depth:
            _restate_directory(block, field, order, sides, dpi, 1)


def _pointed(file: BinaryIO, main: Directory, tag: int, order: str, big: bool = False) -> Directory:
    """The directory a tag points to, without what would point into the old file."""
    if tag not in main or main[tag].kind not in _POINTERS:
        return {}
    found = read_directory(file, main[tag].number, order, big)
    return {key: entry for key, entry in found.items() if key != _INTEROPERABILITY_IFD}


def _swapped(data: bytes, unit: int, order: str) -> bytes:
    if unit == 1 or order == "<":
        return data
    return np.frombuffer(data, f">u{unit}").astype(f"<u{unit}").tobytes()
