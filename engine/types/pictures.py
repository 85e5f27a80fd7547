"""Masters, and places in them."""

from __future__ import annotations

from dataclasses import dataclass

PICTURE_SUFFIXES = (
    ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".jp2", ".j2k", ".avif", ".heif", ".heic",
)  # fmt: skip
"""Of the files that count as pictures in a folder, in small letters; what is in them says itself what it is."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in the pixels of the master, top-left origin."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def intersect(self, other: Region) -> Region:
        """The common part; width and height are 0 where there is none."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Region(left, top, max(0, right - left), max(0, bottom - top))


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One page of one master: where it is, and which bytes it was when it was added.

    `path` is relative to the project (POSIX, NFC) inside a project, absolute elsewhere.
    `size` is the file's length in bytes.
    """

    path: str
    sha256: str
    size: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a reader learns about an image before its pixels are needed (orientation already applied)."""

    path: str
    width: int
    height: int
    channels: int  # 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
    bits: int  # 8 or 16 a sample
    format: str  # "JPEG", "PNG", "TIFF", ...
    pages: int = 1
    profile: str = ""  # description of the embedded ICC profile, "" where there is none
    dpi: tuple[float, float] | None = None

    @property
    def bounds(self) -> Region:
        return Region(0, 0, self.width, self.height)


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """A master the engine knows from now on; `ref.path` is absolute."""

    ref: ImageRef
    info: ImageInfo
