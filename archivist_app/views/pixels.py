"""The only maker of QImages: uint8 (H, W, 4) in BGRX order becomes an image without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_ROWS = 16


class Pixels(QImage):
    """A QImage that keeps the array it looks into alive."""

    def __init__(self, array: NDArray[np.uint8]) -> None:
        height, width, _ = array.shape
        super().__init__(array.data, width, height, array.strides[0], QImage.Format.Format_RGB32)
        self.array = array


def to_image(array: NDArray[np.uint8]) -> Pixels:
    """`array` (H, W, 4) BGRX as an image. Raises ValueError for any other shape or type."""
    import numpy as np  # whoever made the array has loaded it; the window itself starts without

    if array.ndim != 3 or array.shape[2] != 4 or array.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8 (H, W, 4), not {array.dtype} {array.shape}")
    return Pixels(np.ascontiguousarray(array))


def to_indexed(array: NDArray[np.uint8], colours: list[int]) -> QImage:
    """`array` (H, W), contiguous, as an image of the colours (ARGB) of its values, without a copy.

    It shows what is written to the array later on; whoever keeps the image keeps the array.
    """
    height, width = array.shape
    image = QImage(array.data, width, height, array.strides[0], QImage.Format.Format_Indexed8)
    image.setColorTable(colours)
    return image


def blank(width: int, height: int) -> Pixels:
    """A black image to be painted on; its array then holds what was painted."""
    import numpy as np

    return to_image(np.zeros((height, width, 4), np.uint8))


def show_difference(before: Pixels, after: Pixels, gain: int) -> None:
    """Makes `after` |after - before| times `gain` (a power of two), channel by channel; both of one size.

    What would be brighter than white is the brightest level that `gain` makes.
    """
    import numpy as np

    bits = gain.bit_length() - 1
    most = np.full(
        (_ROWS, *before.array.shape[1:]), 255 >> bits, np.uint8
    )  # a lone number would cost ten times as much
    for start in range(0, len(before.array), _ROWS):  # in the processor's cache
        one, other = before.array[start : start + _ROWS], after.array[start : start + _ROWS]
        least = np.minimum(one, other)
        np.maximum(one, other, out=other)
        other -= least
        np.minimum(other, most[: len(other)], out=other)
        for _ in range(bits):
            other += other  # additions of bytes are done many at once, multiplications are not
        other[..., 3] = 255
