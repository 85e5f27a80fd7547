"""A large restoration on its way: its tiles in a file of the user's cache, and a ledger of those that are whole.

Folder `exports/<key>` holds `order.json` (what is made, for whom, by which process), `pixels.raw` (rows from top to
bottom, uncompressed), `tiles.jsonl` (a line a finished tile with the checksums of its parts) and, where the recipe
names one, the damage mask. The key is the hash of everything that determines the pixels, the engine included: whoever
orders the same again goes on where the last one was cut off, bit for bit. No torch here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from engine.errors import RecipeError, WriteError
from engine.imaging.rasters import Plain, Shape
from engine.projects.atomic import write_error, write_json
from engine.projects.masks import MaskShelf
from engine.projects.processes import is_alive, this_host
from engine.rendering.canvas import Tally
from engine.types import ExportOptions, ImageRef, Recipe, Region, UnfinishedExport

ORDER, PIXELS, TILES = "order.json", "pixels.raw", "tiles.jsonl"
_KEPT = 30 * 86_400.0  # seconds after which nobody will go on with it
_FOREIGN = 86_400.0  # seconds without a new tile after which another machine has given it up
_SPARE = 256 << 20  # bytes that are left free on the disk


@dataclass(frozen=True, slots=True)
class Errand:
    """What is made for whom. `pixels` is all that determines the pixels, as JSON has it.

    `alone`: nobody but the ledger knows of it, and it can go on by itself; else it is a part of a job that is kept
    elsewhere, and goes on with that.
    """

    pixels: Mapping[str, Any]
    image: ImageRef
    recipe: Recipe
    options: ExportOptions
    shape: Shape
    dtype: np.dtype[Any]
    tiles: int
    alone: bool = True

    @property
    def key(self) -> str:
        """The name of its folder."""
        return hashlib.sha256(json.dumps(self.pixels, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def nbytes(self) -> int:
        """Bytes of the result's pixels."""
        height, width, channels = self.shape
        return height * width * channels * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle of a tile and the checksum of its pixels."""

    region: Region
    checksum: int


@dataclass
class _Line:
    """A finished tile."""

    tally: Tally
    parts: list[_Part] = field(default_factory=list)


class Ledger:
    """A canvas that outlives the program. One thread at a time; `prepare` first, then `close` or `remove`."""

    def __init__(self, errand: Errand, folder: Path) -> None:
        """WriteError where the cache cannot be written or lacks the room."""
        self._errand, self._folder = errand, folder
        self._lock = threading.Lock()
        self._parts: list[_Part] = []  # of the tile that is being put
        self._done: dict[int, _Line] = {}
        try:
            self._begin()
        except OSError as error:
            raise write_error(error, folder / PIXELS) from error

    def _begin(self) -> None:
        nbytes, again = self._errand.nbytes, (self._folder / PIXELS).exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if not again and free < nbytes + _SPARE:
            raise WriteError(
                f"The result needs {nbytes / 1e9:.1f} GB in “{self._folder.parent}” on its way; make room there."
            )
        write_json(self._folder / ORDER, _described(self._errand))
        self._pixels = open(self._folder / PIXELS, "r+b" if again else "w+b", buffering=0)  # noqa: SIM115
        self._pixels.truncate(nbytes)
        self._lines = open(self._folder / TILES, "ab", buffering=0)  # noqa: SIM115

    def prepare(self, mask: NDArray[np.uint8] | None) -> None:
        """Reads what an interrupted run left, and keeps only the tiles whose every byte is as it was written."""
        if mask is not None:
            MaskShelf(lambda: ()).keep(mask, self._folder)
        found = _read_lines(self._folder / TILES)
        self._done = {tile: line for tile, line in found.items() if self._is_whole(tile, line)}

    @property
    def resumed(self) -> float:
        """The share of the tiles that were there before, 0..1."""
        return len(self._done) / self._errand.tiles

    def known(self, tile: int) -> Tally | None:
        line = self._done.get(tile)
        return line.tally if line else None

    def put(self, region: Region, pixels: NDArray[Any]) -> None:
        rows = np.ascontiguousarray(pixels)
        try:
            for number, row in enumerate(rows):
                self._write(self._offset(region.x, region.y + number), row)
        except OSError as error:
            raise write_error(error, self._folder / PIXELS) from error
        self._parts.append(_Part(region, zlib.crc32(rows.data)))

    def finish(self, tile: int, tally: Tally) -> None:
        parts = [[p.region.x, p.region.y, p.region.width, p.region.height, p.checksum] for p in self._parts]
        line = {"tile": tile, "damaged": tally.damaged, "changed": tally.changed, "parts": parts}
        self._parts = []
        try:
            self._lines.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise write_error(error, self._folder / TILES) from error

    @property
    def raster(self) -> Plain:
        """The picture once every tile is there."""
        return Plain(self, self._errand.shape, self._errand.dtype)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file of pixels, for one reader at a time."""
        with self._lock:
            yield self._pixels

    def close(self) -> None:
        """Leaves everything for the next time."""
        self._pixels.close()
        self._lines.close()

    def remove(self) -> None:
        """Leaves nothing."""
        self.close()
        discard(self._folder)

    def _is_whole(self, tile: int, line: _Line) -> bool:
        height, width, _ = self._errand.shape
        if not 0 <= tile < self._errand.tiles or not line.parts:
            return False
        for part in line.parts:
            inside = part.region.intersect(Region(0, 0, width, height)) == part.region
            if not inside or zlib.crc32(np.ascontiguousarray(self.raster.read(part.region)).data) != part.checksum:
                return False
        return True

    def _offset(self, x: int, y: int) -> int:
        _, width, channels = self._errand.shape
        return (y * width + x) * channels * self._errand.dtype.itemsize

    def _write(self, offset: int, row: NDArray[Any]) -> None:
        view = row.data.cast("B")
        self._pixels.seek(offset)
        while len(view):
            view = view[self._pixels.write(view) :]


def home() -> Path:
    """Where unfinished exports lie."""
    return user_cache_path("Archivist", appauthor=False) / "exports"


def place_for(errand: Errand, ours: Collection[Path]) -> Path:
    """The folder of an errand: the one it was left in, or one of its own where somebody makes the same just now.

    `ours` are the folders this process is at work in.
    """
    _remove_stale(ours)
    folder = home() / errand.key
    return folder if not _is_in_use(folder, ours) else home() / f"{errand.key}-{os.getpid()}-{time.monotonic_ns()}"


def unfinished(ours: Collection[Path] = ()) -> tuple[UnfinishedExport, ...]:
    """What was cut off and can go on by itself."""
    found = []
    for folder in _folders():
        order = _order(folder)
        if order is not None and order["alone"] and not _is_in_use(folder, ours):
            done = len(_read_lines(folder / TILES))
            found.append(UnfinishedExport(folder.name, order["image"]["path"], order["target"], done, order["tiles"]))
    return tuple(found)


def recall(key: str) -> tuple[ImageRef, Recipe, ExportOptions]:
    """What an unfinished export was to be. RecipeError where it is gone."""
    order = _order(home() / Path(key).name)
    try:
        assert order is not None
        options = ExportOptions(order["target"], order["conflict"], order["sign"])
        return ImageRef(**order["image"]), Recipe.from_json(order["recipe"]), options
    except (AssertionError, KeyError, TypeError) as error:
        raise RecipeError("What was left of this export is gone; restore the image again.") from error


def discard_parts(ours: Collection[Path]) -> None:
    """Removes what is left of images of jobs that nobody goes on with."""
    for folder in _folders():
        order = _order(folder)
        if order is not None and not order["alone"] and not _is_in_use(folder, ours):
            discard(folder)


def mask_folders() -> list[Path]:
    """Where damage masks of unfinished exports are."""
    return _folders()


def discard(folder: Path) -> None:
    """Removes what is left of an export."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()  # only where it is empty


def _folders() -> list[Path]:
    try:
        return sorted(path for path in home().iterdir() if path.is_dir())
    except OSError:
        return []


def _described(errand: Errand) -> dict[str, Any]:
    image, options = errand.image, errand.options
    return {
        "schema": 1,
        "image": {"path": image.path, "sha256": image.sha256, "size": image.size, "page": image.page},
        "recipe": errand.recipe.to_json(),
        "target": options.target,
        "conflict": options.conflict,
        "sign": options.sign,
        "tiles": errand.tiles,
        "alone": errand.alone,
        "pixels": dict(errand.pixels),
        "host": this_host(),
        "pid": os.getpid(),
    }


def _order(folder: Path) -> dict[str, Any] | None:
    try:
        order = json.loads((folder / ORDER).read_bytes())
        known = {
            "image": dict, "recipe": dict, "target": str, "conflict": str, "sign": bool, "tiles": int, "alone": bool,
            "host": str, "pid": int,
        }  # fmt: skip
        return order if all(isinstance(order[name], kind) for name, kind in known.items()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_in_use(folder: Path, ours: Collection[Path]) -> bool:
    order = _order(folder)
    if order is None or folder in ours:
        return folder in ours
    if order["host"] != this_host():  # its processes cannot be seen from here
        return _age(folder) < _FOREIGN
    return order["pid"] != os.getpid() and is_alive(order["pid"])


def _age(folder: Path) -> float:
    """Seconds since a tile was added."""
    try:
        return time.time() - (folder / TILES).stat().st_mtime
    except OSError:
        return 0.0


def _read_lines(path: Path) -> dict[int, _Line]:
    """Every tile that was finished; what is no whole line is passed over."""
    found: dict[int, _Line] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return found
    for text in lines:
        try:
            line = json.loads(text)
            parts = [_Part(Region(*map(int, part[:4])), int(part[4])) for part in line["parts"]]
            found[int(line["tile"])] = _Line(Tally(int(line["damaged"]), int(line["changed"])), parts)
        except (ValueError, LookupError, TypeError):
            continue
    return found


def _remove_stale(ours: Collection[Path]) -> None:
    """Forgets what nobody has gone on with for a month."""
    for folder in _folders():
        if _age(folder) > _KEPT and not _is_in_use(folder, ours):
            discard(folder)
