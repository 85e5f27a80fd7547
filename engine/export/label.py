"""The label of an access copy: a strip below the picture, never on it, that says what the picture is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.imaging.rasters import Raster, Shape
from engine.types import Region

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


@dataclass(frozen=True, eq=False)
class Labelled:
    """A picture with a strip (h, W, C) below it."""

    picture: Raster
    strip: NDArray[Any]

    @property
    def shape(self) -> Shape:
        """The picture's, with the strip's rows."""
        height, width, channels = self.picture.shape
        return height + len(self.strip), width, channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """The picture's."""
        return self.picture.dtype

    @property
    def nbytes(self) -> int:
        """The picture's and the strip's."""
        return self.picture.nbytes + int(self.strip.nbytes)

    def read(self, region: Region) -> NDArray[Any]:
        """(h, w, C) of a region that may reach from the one into the other."""
        height, width, _ = self.picture.shape
        above = region.intersect(Region(0, 0, width, height))
        columns = slice(region.x, region.right)
        below = self.strip[max(0, region.y - height) : max(0, region.bottom - height), columns]
        if not above.height:
            return below
        return np.concatenate([self.picture.read(above), below]) if len(below) else self.picture.read(above)


def with_label(picture: Raster, lines: tuple[str, ...]) -> Raster:
    """(H, W, C) uint8 or uint16 with a strip of text below: (H + h, W, C) of the same kind, the picture untouched.

    The text is broken into as many rows as the width asks for. Alpha is opaque in the strip.
    """
    height, width, channels = picture.shape
    shares = _strip(width, max(_SMALLEST, round(max(height, width) * _SHARE)), lines)
    peak = np.iinfo(picture.dtype).max
    strip = np.repeat(np.rint(shares[:, :, None] * peak).astype(picture.dtype), channels, axis=2)
    if channels in (2, 4):
        strip[:, :, -1] = peak
    return Labelled(picture, strip)


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
