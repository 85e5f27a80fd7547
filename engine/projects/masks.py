"""Damage masks that a person made: grey PNG files named after their own SHA-256, in the `masks` folder of a project.

255 is repaired, 0 is not, what lies between in part. The grey value PROTECTED (1) is kept for what a person never wants
repaired: it counts as 0, also where the mask next to it fades out, and stays when damage is detected again.
"""

from __future__ import annotations

import hashlib
import re
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import RecipeError
from engine.projects.atomic import make_folder_for, replacing
from engine.runtime.cache import ByteCache

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MASKS = "masks"
_KEPT = 512 << 20  # bytes of decoded masks in memory
_LARGEST = 1 << 32  # pixels; a header that tells of more lies
_PNG = b"\x89PNG\r\n\x1a\n"
_ID = re.compile(r"[0-9a-f]{64}")


class MaskShelf:
    """Masks by their ids: those in use in memory, all of a project's in its folder. Usable from any thread.

    `folders` names the open projects, where a mask that is not in memory is looked for.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]]) -> None:
        self._folders = folders
        self._decoded: ByteCache[str, NDArray[np.uint8]] = ByteCache(_KEPT)
        self._loose: dict[str, bytes] = {}  # those of no project, as files; small, and nowhere else
        self._lock = threading.Lock()

    def keep(self, pixels: NDArray[np.uint8], project: Path | None) -> str:
        """Keeps a mask (H, W), 255 where to repair, in a project's folder; without one, until the program ends.

        Returns its id. WriteError where the folder cannot be written.
        """
        encoded = _encode(pixels)
        mask = hashlib.sha256(encoded).hexdigest()
        if project is None:
            with self._lock:
                self._loose[mask] = encoded
        else:
            self._write(project / MASKS / f"{mask}.png", encoded)
        self._decoded.put(mask, pixels, pixels.nbytes)
        return mask

    def get(self, mask: str) -> NDArray[np.uint8]:
        """The pixels (H, W) of a mask. RecipeError where it is in no open project, or no longer what it was."""
        if (known := self._decoded.get(mask)) is not None:
            return known
        pixels = _decode(self.file(mask))
        self._decoded.put(mask, pixels, pixels.nbytes)
        return pixels

    @staticmethod
    def decode(encoded: bytes) -> NDArray[np.uint8]:
        """The pixels (H, W) of a mask's file. RecipeError where it is damaged."""
        return _decode(encoded)

    def file(self, mask: str) -> bytes:
        """The mask as the PNG file whose hash is its id. RecipeError as for `get`."""
        with self._lock:
            encoded = self._loose.get(mask)
        return encoded if encoded is not None else self._read(mask)

    def _read(self, mask: str) -> bytes:
        if not _ID.fullmatch(mask):
            raise RecipeError("The recipe names a damage mask that cannot exist; choose or draw it again.")
        for folder in self._folders():
            try:
                encoded = (folder / MASKS / f"{mask}.png").read_bytes()
            except OSError:
                continue
            if hashlib.sha256(encoded).hexdigest() == mask:
                return encoded
        raise RecipeError("The damage mask of this recipe is missing or was changed; choose or draw it again.")

    def _write(self, path: Path, encoded: bytes) -> None:
        if path.exists():  # named after its content: it is there already
            return
        make_folder_for(path)
        with replacing(path) as temporary:
            temporary.write_bytes(encoded)


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    """Run lengths alone: a mask is mostly flat, and 100 megapixels take 0.2 s with the interpreter's lock released."""
    import imagecodecs
    import numpy as np

    png = imagecodecs.PNG
    grey = np.ascontiguousarray(pixels)
    return bytes(imagecodecs.png_encode(grey, level=1, strategy=png.STRATEGY.RLE, filter=png.FILTER.NO))


def _decode(encoded: bytes) -> NDArray[np.uint8]:
    import imagecodecs
    import numpy as np

    damaged = "The damage mask of this recipe is damaged; choose or draw it again."
    try:
        width, height, depth, colour = struct.unpack(">IIBB", encoded[16:26])
        if not encoded.startswith(_PNG) or (depth, colour) != (8, 0) or not 0 < width * height <= _LARGEST:
            raise RecipeError(damaged)
        pixels: NDArray[np.uint8] = np.asarray(imagecodecs.png_decode(encoded))
    except (struct.error, ValueError, RuntimeError, MemoryError) as error:  # of them is what the codec raises
        raise RecipeError(damaged) from error
    return pixels
