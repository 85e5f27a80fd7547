"""A picture as files that answer a IIIF viewer: Image API 3, compliance level 0, from any web server.

libvips writes the tiles, by the rule of the specification; it leaves out what viewers ask for first: smaller sizes of
the whole picture and `full/max`, and the list of sizes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.errors import Cancelled, WriteError
from engine.imaging.libvips import pyvips

INFO = "info.json"
FULL = "full/max/0/default.jpg"
_SMALLEST = 64  # pixels of the longer side of the smallest size
_IN_MEMORY = 4096  # pixels of the longer side of what the smaller sizes are made of


def write_iiif(
    folder: Path,
    image: Any,
    *,
    address: str,
    tile: int,
    quality: int,
    write_full: Callable[[Path], None],
    on_image: Callable[[Any], None] = lambda _: None,
) -> None:
    """Tiles, sizes and `info.json` of an image of libvips's, (H, W, 3) uint8 sRGB, in an empty `folder`, to be served
    at `address`.

    `write_full` writes the whole picture, with all its metadata, to the path it gets. `on_image` gets the object
    whose `set_kill(True)` stops the tiling from another thread: then Cancelled. WriteError where writing fails.
    """
    image = image.copy(interpretation="srgb")
    image.set_progress(True)
    on_image(image)
    full = folder / FULL
    try:
        _write_tiles(folder, image, tile, quality)
        full.parent.mkdir(parents=True, exist_ok=True)
        write_full(full)
        _write_sizes(folder, image, quality)
    except pyvips.Error as error:
        if "killed" in str(error):
            raise Cancelled from error
        raise WriteError(
            f"The tiles could not be written in “{folder.parent}”; check the disk and try again."
        ) from error
    text = json.dumps(info(address, image.width, image.height, tile), indent=2)
    (folder / INFO).write_text(text + "\n", encoding="utf-8")


def info(address: str, width: int, height: int, tile: int) -> dict[str, Any]:
    """What a viewer reads first."""
    return {
        "@context": "http://iiif.io/api/image/3/context.json",
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level0",
        "width": width,
        "height": height,
        "sizes": [{"width": w, "height": h} for w, h in sizes(width, height)],
        "tiles": [{"width": tile, "height": tile, "scaleFactors": scale_factors(width, height, tile)}],
    }


def address_of(base: str, name: str) -> str:
    """Where an image of that folder name will answer."""
    return f"{base.rstrip('/')}/{quote(name)}"


def scale_factors(width: int, height: int, tile: int) -> list[int]:
    """1, 2, 4 … up to the one at which the whole picture is one tile."""
    factors = [1]
    while max(width, height) > tile * factors[-1]:
        factors.append(2 * factors[-1])
    return factors


def sizes(width: int, height: int) -> list[tuple[int, int]]:
    """The halved sizes of the whole picture, smallest first, the last the picture's own."""
    factors = [1]
    while max(width, height) / factors[-1] > 2 * _SMALLEST * 0.9:
        factors.append(2 * factors[-1])
    return [(-(-width // factor), -(-height // factor)) for factor in reversed(factors)]


def _write_tiles(folder: Path, image: Any, tile: int, quality: int) -> None:
    """Into a folder of libvips's own first, since it also writes a file about itself beside that."""
    inner = folder / "tiles"
    image.dzsave(str(inner), layout="iiif3", tile_size=tile, suffix=f".jpg[Q={quality}]", id="urn:x", overlap=0)
    (folder / "vips-properties.xml").unlink(missing_ok=True)
    for made in inner.iterdir():
        made.rename(folder / made.name)
    inner.rmdir()


def _write_sizes(folder: Path, image: Any, quality: int) -> None:
    """From the largest, which is the whole picture, to the smallest; the small ones are made of one in memory."""
    whole = (image.width, image.height)
    for size in reversed(sizes(*whole)):
        target = folder / f"full/{size[0]},{size[1]}/0/default.jpg"
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if size == whole:
            shutil.copyfile(folder / FULL, target)
            continue
        small = image.thumbnail_image(size[0], height=size[1], size="force")
        if max(size) <= _IN_MEMORY < max(image.width, image.height):
            small = image = small.copy_memory()
        small.jpegsave(str(target), Q=quality)


def is_iiif(folder: Path) -> bool:
    """Whether a folder is what `write_iiif` makes, and may thus be replaced by it."""
    try:
        text = (folder / INFO).read_bytes()[:4096].decode("utf-8", "replace")
    except OSError:
        return False
    return re.search(r'"type":\s*"ImageService3"', text) is not None
