"""One JPEG out of bands that are encoded one by one, so that a large one is never in memory as a whole.

Each band is one restart interval of the same scan (ITU-T T.81, B.2.4.4 and F.1.1.5): a decoder resets its predictions
there, so what a band's encoder wrote is right behind what the one above wrote. The pixels are those of one encoding of
the whole, since no block of 8 x 8 pixels knows of another.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

BLOCK = 8  # pixels a side; colour is not subsampled here
_ROWS = 256  # of a band, where the width allows
_LONGEST_INTERVAL = 65_535  # blocks
_SCAN, _FRAMES = 0xDA, (0xC0, 0xC1)  # start of the scan; of a baseline or extended frame
_RESTART, _END = 0xD0, b"\xff\xd9"

Encode = Callable[[NDArray[Any], bool], bytes]
"""A band (h, w, C) uint8, and whether it is the first, as a complete JPEG whose restart interval is a whole band."""


def band_rows(width: int) -> int:
    """Rows of a band of a picture of that width, a multiple of 8."""
    across = -(-width // BLOCK)
    return BLOCK * max(1, min(_ROWS // BLOCK, _LONGEST_INTERVAL // across))


def joined(bands: Iterable[NDArray[Any]], height: int, encode: Encode) -> Iterator[bytes]:
    """The file of a picture of `height` rows, piece by piece. All bands but the last have `band_rows` rows."""
    for number, band in enumerate(bands):
        head, scan = _split(encode(band, number == 0))
        if number == 0:
            yield _with_height(head, height)
        else:
            yield bytes((0xFF, _RESTART + (number - 1) % 8))
        yield scan
    yield _END


def _split(file: bytes) -> tuple[bytes, bytes]:
    """Everything up to the pixels, and the pixels' bits without the end's mark."""
    start = next(end for kind, _, end in _segments(file) if kind == _SCAN)
    return file[:start], file[start:].removesuffix(_END)


def _with_height(head: bytes, height: int) -> bytes:
    at = next(start for kind, start, _ in _segments(head) if kind in _FRAMES) + 5  # marker, length, precision
    return head[:at] + struct.pack(">H", height) + head[at + 2 :]


def _segments(file: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each segment behind the first two bytes, to the scan's header."""
    position = 2
    while position + 4 <= len(file):
        kind, size = file[position + 1], int.from_bytes(file[position + 2 : position + 4], "big")
        yield kind, position, position + 2 + size
        if kind == _SCAN:
            return
        position += 2 + size
