"""How fast masters are decoded and results encoded: megabytes of decoded pixels a second, from and to the disk."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.bench_timing import typical
from engine.imaging.color import Pixels
from engine.imaging.metadata import Metadata
from engine.imaging.reader import read_master
from engine.imaging.writer import Format, write_image

_PATTERN = 512  # pixels a side of what the picture is laid out with


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file to measure: its name in the report, its ending, and the bits of a sample."""

    name: str
    format: Format
    ending: str
    bits: int


KINDS = (
    Kind("TIFF, 16 bit", "TIFF", "tif", 16),
    Kind("TIFF, 8 bit", "TIFF", "tif", 8),
    Kind("PNG, 8 bit", "PNG", "png", 8),
    Kind("JPEG", "JPEG", "jpg", 8),
)


@dataclass(frozen=True, slots=True)
class Codec:
    """MB/s of decoded pixels, 1 MB being a million bytes."""

    decode_mb_s: float
    encode_mb_s: float


def photograph(width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) of soft shapes under grain: it compresses about as a scan of a photograph does."""
    return (_deep(width, height) >> 8).astype(np.uint8)


def _deep(width: int, height: int) -> NDArray[np.uint16]:
    """The same in 16 bit, the grain down to the last of them."""
    y, x = np.mgrid[0:_PATTERN, 0:_PATTERN].astype(np.float32) * (2 * np.pi / _PATTERN)
    soft = np.stack([np.sin(x + k) * np.cos(2 * y - k) + 0.5 * np.sin(5 * x * (k + 1)) for k in range(3)], axis=2)
    grain = np.random.default_rng(0).normal(0.0, 4.0, soft.shape)
    base = np.clip(256 * (128 + 55 * soft + grain), 0, 65535).astype(np.uint16)
    rows, columns = (-(-side // _PATTERN) for side in (height, width))
    return np.ascontiguousarray(np.tile(base, (rows, columns, 1))[:height, :width])


def codecs(folder: Path, size: tuple[int, int], repeat: int) -> Generator[None, None, dict[str, Codec]]:
    """Writes and reads every kind of file in `folder`; `size` is width and height. The disk's cache is warm."""
    eight, sixteen = photograph(*size), _deep(*size)
    found: dict[str, Codec] = {}
    for kind in KINDS:
        pixels: Pixels = sixteen if kind.bits == 16 else eight
        path = folder / f"measured.{kind.ending}"
        encoding, decoding = [], []
        for _ in range(repeat):
            encoding.append(write_measured(path, pixels, kind.format))
            yield None
            start = time.perf_counter()
            read_master(path)
            decoding.append(time.perf_counter() - start)
            yield None
        path.unlink()
        megabytes = pixels.nbytes / 1e6
        found[kind.name] = Codec(megabytes / typical(decoding), megabytes / typical(encoding))
    return found


def write_measured(path: Path, pixels: Pixels, format: Format) -> float:
    """Writes `pixels` (H, W, 3) as an export would; the seconds it took."""
    start = time.perf_counter()
    write_image(
        path, pixels, icc=None, metadata=Metadata(), format=format, description="A measurement.", software="Archivist"
    )
    return time.perf_counter() - start
