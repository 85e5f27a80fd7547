"""Pictures and profiles the tests of this folder share, all drawn from fixed seeds."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 37, 53

ADOBE = bytes(imagecodecs.cms_profile("adobergb"))
GREY_22 = bytes(imagecodecs.cms_profile("gray", gamma=2.2))


def noise(channels: int = 3, dtype: Any = np.uint8, seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Any:
    """(H, W, C) of every value there is."""
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, (*size, channels), dtype=dtype, endpoint=True)


def smooth(channels: int = 3) -> NDArray[np.uint8]:
    """(H, W, C) 8 bit of soft ramps, which lossy formats keep nearly as they are."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [x * 4, y * 6, (x + y) * 2, 255 - x * 2]
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


def icc(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"scnr", pcs: bytes = b"XYZ ") -> bytes:
    """A version 2 profile of the given tags."""
    tags = {b"desc": text("test profile"), b"wtpt": xyz(0.9642, 1.0, 0.8249), b"cprt": b"text\0\0\0\0none\0", **tags}
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"test", 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def text(words: str) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words.encode() + b"\0" + bytes(78)


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def sampled_curve(values: NDArray[Any]) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + bytes_of(values)


def lookup_table(grid: NDArray[Any]) -> bytes:
    """A lut16 tag: `grid` (n,) * inputs + (3,) in 0..1 of the connection space, linear curves around it."""
    inputs, points = grid.ndim - 1, grid.shape[0]
    data = b"mft2\0\0\0\0" + struct.pack(">3Bx", inputs, 3, points)
    data += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536) + struct.pack(">2H", 2, 2)
    ends = struct.pack(">2H", 0, 65535)
    return data + ends * inputs + bytes_of(grid) + ends * 3


def bytes_of(values: NDArray[Any]) -> bytes:
    """0..1 as 16-bit big-endian levels."""
    return bytes(np.rint(np.asarray(values) * 65535).astype(">u2").data)


def scanner_profile() -> bytes:
    """RGB with nothing but a table from device to Lab, as scanner software makes them: there is no way back in it."""
    axis = np.linspace(0.0, 1.0, 17)
    red, green, blue = np.meshgrid(axis, axis, axis, indexing="ij")
    mean = 0.3 * red + 0.5 * green + 0.2 * blue
    lab = np.stack([0.96 * mean, 0.502 + 0.25 * (red - green), 0.502 + 0.25 * (green - blue)], axis=-1)
    return icc(b"RGB ", {b"A2B0": lookup_table(lab)}, pcs=b"Lab ")


def press_profile() -> bytes:
    """CMYK whose inks darken and tint in proportion."""
    axis = np.linspace(0.0, 1.0, 5)
    c, m, y, k = np.meshgrid(axis, axis, axis, axis, indexing="ij")
    light = (1.0 - (c + m + y) / 4.0) * (1.0 - k)
    lab = np.stack([light, 0.502 + 0.2 * (m - c) * (1 - k), 0.502 + 0.2 * (y - (c + m) / 2) * (1 - k)], axis=-1)
    return icc(b"CMYK", {b"A2B0": lookup_table(lab)}, kind=b"prtr", pcs=b"Lab ")


def save_png16(path: Path, pixels: NDArray[Any]) -> Path:
    path.write_bytes(imagecodecs.png_encode(pixels))
    return path


def save_tiff(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    channels = pixels.shape[-1] if pixels.ndim == 3 else 1
    options.setdefault("photometric", "rgb" if channels > 2 else "minisblack")
    tifffile.imwrite(
        path, pixels[..., 0] if pixels.shape[-1] == 1 and pixels.ndim == 3 else pixels, metadata=None, **options
    )
    return path


def save_jpeg(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    Image.fromarray(pixels.squeeze()).save(path, quality=95, subsampling=0, **options)
    return path
