"""The label of an access copy: a strip below the picture, never on it, that says what the picture is."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_FACES = (
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSans-Regular.ttf",
    "arial.ttf",
    "Arial.ttf",
    "Helvetica.ttc",
)
_SMALLEST = 11  # pixels: what can be read at 1:1
_SHARE = 1 / 80  # of the longer side: 11 pixels are left of it when the picture fills 900 pixels of a screen
_PAPER, _INK, _RULE = 0.96, 0.12, 0.55  # of white


@lru_cache(maxsize=8)
def _face(size: int) -> Any:
    """A scalable face: one with most of the world's letters where the system has it, else Pillow's own."""
    for name in _FACES:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def with_label(pixels: NDArray[Any], lines: tuple[str, ...]) -> NDArray[Any]:
    """(H, W, C) uint8 or uint16 with a strip of text below: (H + h, W, C) of the same kind, the picture untouched.

    The text is broken into as many rows as the width asks for. Alpha is opaque in the strip.
    """
    height, width, channels = pixels.shape
    strip = _strip(width, max(_SMALLEST, round(max(height, width) * _SHARE)), lines)
    peak = np.iinfo(pixels.dtype).max
    out = np.empty((height + len(strip), width, channels), pixels.dtype)
    out[:height] = pixels
    out[height:] = np.rint(strip[:, :, None] * peak).astype(pixels.dtype)
    if channels in (2, 4):
        out[height:, :, -1] = peak
    return out


def _strip(width: int, size: int, lines: tuple[str, ...]) -> NDArray[np.float64]:
    """(h, W) shares of white."""
    face, pad, leading = _face(size), max(3, round(0.6 * size)), round(1.35 * size)
    rows = [row for line in lines for row in _broken(line, face, max(1, width - 2 * pad))]
    picture = Image.new("L", (width, 2 * pad + leading * len(rows)), 0)
    draw = ImageDraw.Draw(picture)
    for number, row in enumerate(rows):
        draw.text((pad, pad + number * leading), row, fill=255, font=face)
    ink = np.asarray(picture, np.float64) / 255
    strip = _PAPER + ink * (_INK - _PAPER)
    strip[: max(1, size // 12)] = _RULE
    return strip


def _broken(text: str, face: Any, width: int) -> list[str]:
    """Rows no wider than `width`; a word that is wider by itself is cut."""
    rows: list[str] = []
    row = ""
    for word in text.split():
        if row and face.getlength(f"{row} {word}") > width:
            rows.append(row)
            row = ""
        row = f"{row} {word}".strip()
        while len(row) > 1 and face.getlength(row) > width:
            cut = next((n for n in range(len(row) - 1, 1, -1) if face.getlength(row[:n]) <= width), 1)
            rows.append(row[:cut])
            row = row[cut:]
    return [*rows, row] if row else rows
