"""What compressed streams claim for themselves: their sizes, and whether they lose anything.

A container may name a small picture and hold a stream that unpacks into all of memory: the decoders believe the
stream, so both are compared first.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

JPEG2000_START = b"\xff\x4f\xff\x51"

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ANIMATION_FRAME = 16  # bytes before the chunks of a frame
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG stream by its frame header; None where there is none in `data`."""
    position = 0
    while position + 9 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker in _BARE:
            position += 2
        elif marker == 0xFF:  # a fill byte
            position += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def jpeg2000_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the first JPEG 2000 codestream in `data`; None where there is none."""
    start = data.find(JPEG2000_START)
    if start < 0 or start + 24 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    return right - left, bottom - top


def is_lossless_webp(file: BinaryIO) -> bool:
    """Whether the first picture in a WebP file is coded without loss."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8L")
        file.seek(_ANIMATION_FRAME if kind == b"ANMF" else size + size % 2, 1)
    return False
