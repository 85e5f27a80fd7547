"""Damaged files by the hundred, each looked at in a process of its own that has limits.

A codec that crashes takes its process along: only from outside can that be told, and by which file. Run as a program,
this module is that process: it reads a path a line and answers with one JSON object a line.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from random import Random
from typing import Any

import numpy as np

SECONDS = 20.0  # for one file, on a busy machine
MEMORY = 1500 << 20  # bytes of resident memory, libraries included
_HUGE = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


def seeds(folder: Path) -> list[Path]:
    """Small sound files of every kind that is read, and of every way of packing them."""
    import imagecodecs
    import tifffile
    from PIL import Image

    from tests.engine.imaging.pictures import ADOBE, noise, press_profile, smooth

    def pillow(name: str, picture: Any, **options: Any) -> None:
        Image.fromarray(picture).save(folder / name, **options)

    size = (61, 83)
    deep, soft = noise(3, np.uint16, size=size), smooth()
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    for kind in ("none", "lzw", "zlib", "packbits", "zstd", "webp", "jpeg", "jpeg2000"):
        picture = soft if kind in ("webp", "jpeg") else deep
        compression = None if kind == "none" else kind
        tifffile.imwrite(folder / f"{kind}.tif", picture, photometric="rgb", compression=compression, rowsperstrip=16)
    tifffile.imwrite(folder / "tiles.tif", deep, photometric="rgb", tile=(32, 32), compression="lzw", predictor=True)
    tifffile.imwrite(folder / "jpeg_tiles.tif", soft, photometric="rgb", tile=(16, 16), compression="jpeg")
    tifffile.imwrite(folder / "big.tif", deep, photometric="rgb", bigtiff=True, byteorder=">", iccprofile=ADOBE)
    with tifffile.TiffWriter(folder / "pages.tif") as file:
        for number in range(3):
            file.write(noise(1, size=(20 + number, 31))[..., 0], photometric="minisblack", compression="zlib")
    tifffile.imwrite(
        folder / "cmyk.tif", noise(4, size=size), photometric="separated", iccprofile=press_profile(), compression="lzw"
    )
    Image.fromarray(noise(1, size=size)[..., 0] > 99).save(folder / "group4.tif", compression="group4")
    Image.fromarray(soft).quantize(16).save(folder / "palette.tif")
    pillow("plain.png", soft, icc_profile=ADOBE, exif=exif)
    Image.fromarray(soft).quantize(16).save(folder / "palette.png")
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    pillow("plain.jpg", soft, quality=90, exif=exif, icc_profile=ADOBE)
    pillow("progressive.jpg", soft, progressive=True)
    Image.frombytes("CMYK", (83, 61), noise(4, size=size).tobytes()).save(
        folder / "cmyk.jpg", icc_profile=press_profile()
    )
    pillow("lossy.webp", soft, exif=exif, icc_profile=ADOBE)
    pillow("plain.avif", soft, exif=exif)
    pillow("lossless.webp", noise(4, size=size), lossless=True)
    (folder / "box.jp2").write_bytes(imagecodecs.jpeg2k_encode(deep, level=0))
    (folder / "stream.j2k").write_bytes(imagecodecs.jpeg2k_encode(soft, level=60, codecformat="j2k"))
    return sorted(path for path in folder.iterdir() if path.suffix != ".json")


def damaged(sound: bytes, random: Random) -> bytes:
    """One of the ways in which a file goes wrong on its way, or is made to lie."""
    data = bytearray(sound)
    kind = random.randrange(7)
    if kind == 0:  # the copy was cut off
        return bytes(data[: random.randrange(len(data))])
    if kind == 1:  # bits flipped anywhere
        for _ in range(random.choice((1, 1, 2, 8, 40))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif kind == 2:  # and near the beginning, where the header is
        for _ in range(random.choice((1, 2, 4))):
            data[random.randrange(min(len(data), 200))] = random.randrange(256)
    elif kind == 3:  # a number that lies
        value, order = random.choice(_HUGE), random.choice("<>")
        code = random.choice("HI")
        place = random.randrange(min(len(data) - 4, random.choice((64, 600, len(data)))))
        struct.pack_into(order + code, data, place, value & (0xFFFF if code == "H" else 0xFFFFFFFF))
    elif kind == 4:  # a hole of zeros, as a sparse copy has
        start = random.randrange(len(data))
        end = min(len(data), start + random.randrange(1, 2000))
        data[start:end] = bytes(end - start)
    elif kind == 5:  # a piece that is there twice, or not at all
        start, end = sorted(random.randrange(len(data)) for _ in range(2))
        data[start:end] = data[start:end] * random.choice((0, 2))
    else:  # a TIFF entry's tag, type, count or value; elsewhere just more noise
        at = data.find(b"\x00\x01\x03\x00")
        place = max(0, at) + 12 * random.randrange(14) + random.choice((0, 2, 4, 8))
        if place + 4 < len(data):
            struct.pack_into("<I", data, place, random.choice((*_HUGE, random.randrange(1 << 32))))
    return bytes(data)


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that unpack, or claim to unpack, into more than a machine has."""
    import tifffile

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(width: int, height: int, rows: int, *more: bytes) -> bytes:
        packer = zlib.compressobj(1)
        row = bytes(1 + width)
        body = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
        head = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", body) + chunk(b"IEND", b"")

    gigabyte = zlib.compressobj(1)
    zeros = b"".join(gigabyte.compress(bytes(1 << 20)) for _ in range(1024)) + gigabyte.flush()
    yield "claims.png", png(60_000, 60_000, 10)
    yield "claims_line.png", png(2_000_000_000, 1, 0)
    yield "true.png", png(12_000, 12_000, 12_000)
    yield "profile.png", png(8, 8, 8, chunk(b"iCCP", b"a\0\0" + zeros))
    yield "text.png", png(8, 8, 8, chunk(b"zTXt", b"a\0\0" + zeros))
    yield "international.png", png(8, 8, 8, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros))
    for name, width, height in (
        ("claims.tif", 40_000, 40_000),
        ("thin.tif", 2_000_000_000, 1),
        ("tall.tif", 1, 1 << 31),
    ):
        file = io.BytesIO()
        tifffile.imwrite(file, np.zeros((8, 8), np.uint8), compression="zlib", photometric="minisblack")
        file.seek(0)
        with tifffile.TiffFile(file, mode="r+") as tif:
            tif.pages.first.tags[256].overwrite(width)
            tif.pages.first.tags[257].overwrite(height & 0xFFFFFFFF)
            tif.pages.first.tags[278].overwrite(height & 0xFFFFFFFF)
        yield name, file.getvalue()
    file = io.BytesIO()
    shape: dict[str, Any] = {"shape": (8, 8), "dtype": np.uint8, "rowsperstrip": 8}
    tifffile.imwrite(file, iter([zeros]), compression="zlib", photometric="minisblack", **shape)
    yield "strip.tif", file.getvalue()
    yield "claims.jpg", _claiming_jpeg()
    yield "claims.webp", _claiming_webp()


def _claiming_jpeg() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "JPEG")
    data = bytearray(file.getvalue())
    struct.pack_into(">2H", data, data.index(b"\xff\xc0") + 5, 65_500, 65_500)
    return bytes(data)


def _claiming_webp() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "WEBP")
    data = bytearray(file.getvalue())
    struct.pack_into("<2H", data, data.index(b"\x9d\x01\x2a") + 3, 16_383, 16_383)
    return bytes(data)


class Reader:
    """A child process that looks at files; begun anew after each one that it did not survive."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._answers: Queue[str] = Queue()

    def look(self, path: Path) -> dict[str, Any]:
        """`{"outcome": "read" | "refused" | "raised" | "crashed" | "hung", ...}`."""
        child = self._child or self._begin()
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already: its status is told below
            child.stdin.write(f"{path}\n")
            child.stdin.flush()
        try:
            answer = self._answers.get(timeout=SECONDS)
        except Empty:
            self.close()
            return {"outcome": "hung"}
        if answer:
            found: dict[str, Any] = json.loads(answer)
            return found
        status = child.wait()
        self.close()
        return {"outcome": "crashed", "status": status}

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            with contextlib.suppress(BrokenPipeError):  # what it was not told before it went
                self._child.communicate()
        self._child = None

    def _begin(self) -> subprocess.Popen[str]:
        answers = self._answers = Queue[str]()
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.imaging.fuzzing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[3],
        )

        def listen() -> None:
            assert child.stdout is not None
            for line in child.stdout:
                answers.put(line)
            answers.put("")

        threading.Thread(target=listen, daemon=True).start()
        self._child = child
        return child


def main() -> None:
    """The child."""
    from engine.errors import ImageError
    from engine.imaging import reader
    from engine.imaging.rasters import bands

    reader.WHOLE_BYTES = 100_000_000  # so that files of this test take both ways
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        answer: dict[str, Any] = {"outcome": "read"}
        try:
            reader.probe(path)
            reader.read_preview(path, 32)
            for part in bands(reader.open_scan(path).raster):
                assert part.dtype in (np.uint8, np.uint16)
        except ImageError as error:
            answer = {"outcome": "refused", "sentence": str(error)}
        except BaseException as error:
            answer = {"outcome": "raised", "error": repr(error)[:300]}
        answer["peak"] = _most_memory()
        print(json.dumps(answer), flush=True)


def _most_memory() -> int:
    """Bytes this program held at most. (`ru_maxrss` begins with what held the program that started this one.)"""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    main()
