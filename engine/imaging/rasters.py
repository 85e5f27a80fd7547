"""The pixels of a master by regions: in memory, in a file, or decoded a strip or a tile at a time.

What is kept in memory is bounded by bytes, whatever the size of the master. Every raster may be read from any thread.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from engine.errors import ImageError
from engine.imaging.files import damaged, opened
from engine.runtime.cache import ByteCache
from engine.types import Region

Array = NDArray[Any]
Shape = tuple[int, int, int]  # height, width, channels
ROWS = 256
"""Rows that are read, halved or written at a time where a whole image is gone through."""


class Raster(Protocol):
    """An image of uint8 or uint16 that is read region by region."""

    @property
    def shape(self) -> Shape:
        """Height, width, channels."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory it holds at most."""

    def read(self, region: Region) -> Array:
        """(h, w, C) of a region inside the image, not to be written to. ImageError where the file fails."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture in memory, (H, W, C)."""

    pixels: Array

    @property
    def shape(self) -> Shape:
        height, width, channels = self.pixels.shape
        return height, width, channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels.dtype

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes)

    def read(self, region: Region) -> Array:
        part: Array = self.pixels[region.y : region.bottom, region.x : region.right]
        return part


class Openable(Protocol):
    """A file that is open while somebody reads."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """The file, at any position."""


class MasterFile:
    """A master that is opened for every read: nothing keeps a person from moving it, and a change is noticed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with opened(path) as file:
            self._identity = _identity(file)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file. ImageError in a sentence where it cannot be read, or is no longer what it was."""
        with opened(self.path) as file:
            if _identity(file) != self._identity:
                raise ImageError(f"“{self.path.name}” was changed while it was in use; open it again.")
            yield file


class Scratch:
    """A nameless file in the user's cache folder, gone with the program however that ends."""

    def __init__(self, name: str, nbytes: int) -> None:
        folder = user_cache_path("Archivist", appauthor=False) / "scratch"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if nbytes > shutil.disk_usage(folder).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it lives as long as the raster over it
        except OSError as error:
            room = f"{nbytes / 1e9:.1f} GB of room in “{folder}”"
            raise ImageError(f"“{name}” needs {room} while it is open; free some there.") from error
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file, for one thread at a time."""
        with self._lock:
            yield self._file


@dataclass(frozen=True, eq=False)
class Plain:
    """Uncompressed samples in a file, from `offset` on: interleaved, or channel after channel where `planar`."""

    file: Openable
    shape: Shape
    stored: np.dtype[Any]  # with its byte order
    offset: int = 0
    planar: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.stored.newbyteorder("=")

    @property
    def nbytes(self) -> int:
        return 0

    def read(self, region: Region) -> Array:
        height, width, channels = self.shape
        planes, samples = (channels, 1) if self.planar else (1, channels)
        out = np.empty((planes, region.height, region.width * samples), self.stored)
        row = width * samples * self.stored.itemsize
        with self.file.open() as file:
            for plane in range(planes):
                start = self.offset + plane * height * row + region.y * row
                if region.width == width:
                    _fill(file, start, out[plane])
                    continue
                for number in range(region.height):
                    at = start + number * row + region.x * samples * self.stored.itemsize
                    _fill(file, at, out[plane, number])
        found = out.reshape(planes, region.height, region.width, samples)
        part = np.moveaxis(found[..., 0], 0, -1) if self.planar else found[0]
        return np.ascontiguousarray(part, self.dtype)


def _fill(file: BinaryIO, offset: int, out: Array) -> None:
    """Reads `out`, contiguous, at `offset`."""
    view = out.data.cast("B")
    file.seek(offset)
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count


@dataclass(frozen=True, slots=True)
class Grid:
    """How an image is cut into strips or tiles, each numbered in reading order and by plane."""

    height: int
    width: int
    rows: int  # of a strip or tile
    columns: int
    planes: int = 1

    def chunks(self, region: Region) -> Iterator[tuple[int, Region]]:
        """Numbers (of the first plane) and places of what touches a region."""
        across = -(-self.width // self.columns)
        for down in range(region.y // self.rows, -(-region.bottom // self.rows)):
            for right in range(region.x // self.columns, -(-region.right // self.columns)):
                place = Region(right * self.columns, down * self.rows, self.columns, self.rows)
                yield down * across + right, place.intersect(Region(0, 0, self.width, self.height))

    @property
    def of_a_plane(self) -> int:
        """How many there are, planes apart."""
        return -(-self.width // self.columns) * -(-self.height // self.rows)


Decode = Callable[[BinaryIO, int], Array]
"""A strip or tile by its number, (h, w, samples), at the image's end perhaps with padding; what it raises is damage."""


class Chunked:
    """Strips or tiles, decoded when they are needed and kept as long as there is room."""

    def __init__(self, file: MasterFile, shape: Shape, dtype: np.dtype[Any], grid: Grid, decode: Decode) -> None:
        self.shape, self.dtype = shape, dtype
        self._file, self.grid, self._decode = file, grid, decode
        self._limit = _worth_keeping(shape, dtype, grid)
        self._known: ByteCache[int, Array] = ByteCache(self._limit)

    @property
    def nbytes(self) -> int:
        return self._limit

    def read(self, region: Region) -> Array:
        planes = self.grid.planes
        out = np.empty((region.height, region.width, self.shape[2]), self.dtype)
        with self._file.open() as file:
            for number, place in self.grid.chunks(region):
                part = place.intersect(region)
                into = out[_within(part, region)]
                for plane in range(planes):
                    decoded = self._chunk(file, number + plane * self.grid.of_a_plane)
                    if decoded.shape[0] < place.height or decoded.shape[1] < place.width:
                        raise damaged(self._file.path.name)
                    target = into[..., plane : plane + 1] if planes > 1 else into
                    target[...] = decoded[_within(part, place)]
        return out

    def _chunk(self, file: BinaryIO, number: int) -> Array:
        known = self._known.get(number)
        if known is None:
            known = self._decode(file, number)
            self._known.put(number, known, known.nbytes)
        return known


_LEAST, _MOST = 64 << 20, 512 << 20  # bytes of decoded strips and tiles
_BAND = 768  # rows: what a row of tiles sees, with some to spare


def _worth_keeping(shape: Shape, dtype: np.dtype[Any], grid: Grid) -> int:
    """Bytes that let a row of an export's tiles decode every strip once."""
    row = shape[1] * shape[2] * dtype.itemsize
    return min(max(_LEAST, (_BAND + 2 * grid.rows) * row), _MOST)


@dataclass(frozen=True, eq=False)
class Turned:
    """Another raster, turned and mirrored as EXIF's Orientation 1..8 demands."""

    base: Raster
    orientation: int

    @property
    def shape(self) -> Shape:
        height, width, channels = self.base.shape
        return (width, height, channels) if self.orientation >= 5 else (height, width, channels)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype

    @property
    def nbytes(self) -> int:
        return self.base.nbytes

    def read(self, region: Region) -> Array:
        height, width, _ = self.shape
        x, y = region.x, region.y
        if self.orientation in (2, 3, 6, 7):
            x = width - region.right
        if self.orientation in (3, 4, 7, 8):
            y = height - region.bottom
        stored = Region(x, y, region.width, region.height)
        if self.orientation >= 5:
            stored = Region(y, x, region.height, region.width)
        return np.ascontiguousarray(upright(self.base.read(stored), self.orientation))


@dataclass(frozen=True, eq=False)
class Converted:
    """Another raster, each region passed through `convert` ((h, w, C) to (h, w, channels)), pixel by pixel."""

    base: Raster
    channels: int
    dtype: np.dtype[Any]
    convert: Callable[[Array], Array]

    @property
    def shape(self) -> Shape:
        return (*self.base.shape[:2], self.channels)

    @property
    def nbytes(self) -> int:
        return self.base.nbytes

    def read(self, region: Region) -> Array:
        return self.convert(self.base.read(region))


def upright(pixels: Array, orientation: int) -> Array:
    """A view of (H, W, C) turned and mirrored as EXIF's Orientation 1..8 demands."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    vertical = -1 if orientation in (3, 4, 7, 8) else 1
    horizontal = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::vertical, ::horizontal]


def bands(raster: Raster, rows: int = ROWS) -> Iterator[Array]:
    """All rows from top to bottom, `rows` at a time."""
    height, width, _ = raster.shape
    for top in range(0, height, rows):
        yield raster.read(Region(0, top, width, min(rows, height - top)))


def spilled(name: str, shape: Shape, dtype: np.dtype[Any], rows: Iterator[Array]) -> Plain:
    """What `rows` gives from top to bottom, laid down uncompressed in a scratch file."""
    height, width, channels = shape
    scratch = Scratch(name, height * width * channels * dtype.itemsize)
    done = 0
    with scratch.open() as file:
        for part in rows:
            try:
                file.write(np.ascontiguousarray(part, dtype).data)
            except OSError as error:
                raise ImageError(f"“{name}” cannot be unpacked: the disk of your cache folder is full.") from error
            done += len(part)
    if done != height:
        raise damaged(name)
    return Plain(scratch, shape, dtype)


def _within(part: Region, whole: Region) -> tuple[slice, slice]:
    top, left = part.y - whole.y, part.x - whole.x
    return slice(top, top + part.height), slice(left, left + part.width)


def _identity(file: BinaryIO) -> tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns
