"""The only maker of QImages: uint8 (H, W, 4) in BGRX order becomes an image without a copy.

What an image holds are the pixels of an export, in sRGB. Only when it is painted is it converted to the colours of the
monitor, once for every image, and not at all where the monitor is sRGB or unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QColorSpace, QColorTransform, QImage

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
        self.converted: tuple[QColorTransform, QImage] | None = None


class Monitor:
    """The colours of the monitor that pictures are painted for."""

    def __init__(self) -> None:
        self._transform: QColorTransform | None = None

    @property
    def converts(self) -> bool:
        """Whether pictures look other on it than their numbers say."""
        return self._transform is not None

    def use(self, profile: bytes | None) -> bool:
        """Paint for a monitor of this ICC profile from now on; None: sRGB. False, and sRGB, where it cannot be used."""
        self._transform = None
        if profile is None:
            return True
        srgb, own = QColorSpace(QColorSpace.NamedColorSpace.SRgb), QColorSpace.fromIccProfile(profile)
        transform = srgb.transformationToColorSpace(own) if own.isValidTarget() else None
        if transform is not None and own != srgb and not transform.isIdentity():
            self._transform = transform
        return transform is not None

    def show(self, image: Pixels) -> QImage:
        """The same picture in the monitor's colours: 6 ms a megapixel the first time, nothing after that."""
        if self._transform is None:
            image.converted = None
            return image
        if image.converted is None or image.converted[0] is not self._transform:
            image.converted = self._transform, image.colorTransformed(self._transform)
        return image.converted[1]


monitor = Monitor()
"""The one the window is on."""


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
