"""The only maker of QImages: uint8 (H, W, 4) in BGRX order becomes an image without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


def difference(before: Pixels, after: Pixels, gain: int) -> Pixels:
    """|after - before| times `gain`, channel by channel, of two images of one size; white is the most."""
    import numpy as np

    one, other = before.array, after.array
    apart = np.maximum(one, other)
    apart -= np.minimum(one, other)  # both stay bytes: a tenth of the time that signed numbers take
    if gain > 1:
        np.minimum(apart, 255 // gain, out=apart)
        apart *= np.uint8(gain)
        apart[apart == 255 // gain * gain] = 255
    apart[..., 3] = 255
    return to_image(apart)
