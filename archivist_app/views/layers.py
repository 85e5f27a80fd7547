"""The pixels at hand for one image, coarse ones below and exact ones on top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from archivist_app.views.pixels import Pixels, to_image
from engine.types import Frame, Recipe, Region, RenderRequest

T = TypeVar("T")
KEPT_BYTES = 256 << 20  # of refined pixels that are not asked for again while somebody pans
Picture = tuple[Region, Pixels]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One frame, ready to be drawn at `region` of the master."""

    region: Region
    before: Pixels
    after: Pixels
    request: RenderRequest
    exact: bool

    @property
    def nbytes(self) -> int:
        """Bytes of both pictures."""
        return int(self.before.array.nbytes + self.after.array.nbytes)


class Mosaic(Generic[T]):
    """Pieces of one picture as they arrive, newest on top, the oldest forgotten beyond `limit` bytes."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._pieces: list[tuple[Region, T, int]] = []
        self.nbytes = 0

    def add(self, region: Region, piece: T, nbytes: int) -> None:
        """Lay a piece over the others; those that it hides are forgotten."""
        self._pieces = [old for old in self._pieces if old[0].intersect(region) != old[0]]
        self._pieces.append((region, piece, nbytes))
        self.nbytes = sum(old[2] for old in self._pieces)
        while self.nbytes > self._limit and len(self._pieces) > 1:
            self.nbytes -= self._pieces.pop(0)[2]

    def clear(self) -> None:
        """Forget them all."""
        self._pieces.clear()
        self.nbytes = 0

    def __iter__(self) -> Iterator[tuple[Region, T]]:
        """From the bottom up."""
        return ((region, piece) for region, piece, _ in self._pieces)


class Layers:
    """What to draw, from the bottom: overview, last rendering of the whole image, newest frame, refined pixels.

    Refined pixels of one recipe and zoom stay while somebody pans: what was sharp must not blur.
    """

    def __init__(self, overview: Frame) -> None:
        self.overview = overview
        self.bounds = overview.region
        self._overview = _layer(overview)
        self._backdrop: Layer | None = None
        self._current: Layer | None = None
        self._refined: Mosaic[Layer] = Mosaic()
        self._refined_of: tuple[Recipe, float] | None = None

    @property
    def rendered(self) -> bool:
        """Whether there is anything restored to show."""
        return self._current is not None

    @property
    def exact(self) -> bool:
        """Whether the newest frame is what an export would write."""
        return self._current is not None and self._current.exact

    @property
    def scale(self) -> int:
        """How many times as wide and high as the master the newest frame's recipe makes it."""
        return self._current.request.recipe.scale if self._current is not None else 1

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels held."""
        pictures = {layer for layer in (self._overview, self._backdrop, self._current) if layer is not None}
        return self._refined.nbytes + sum(layer.nbytes for layer in pictures)

    def show_overview(self, overview: Frame) -> None:
        """A sharper picture of the same untouched image."""
        self.overview = overview
        self._overview = _layer(overview)

    def add(self, frame: Frame) -> bool:
        """Take a frame; True if it answers its request as a whole, False for one refined tile of it."""
        layer = _layer(frame)
        of = (frame.request.recipe, frame.request.view.scale)
        if of != self._refined_of:
            self._refined.clear()
            self._refined_of = of
        if frame.request.quality == "refine":
            self._refined.add(frame.region, layer, layer.nbytes)
        if self._is_tile(frame):
            return False
        self._current = layer
        if frame.region == self.bounds:
            self._backdrop = layer
        return True

    def before(self) -> Iterator[Picture]:
        """Untouched pixels, from the bottom up."""
        yield self._overview.region, self._overview.before
        for layer in self._stack():
            yield layer.region, layer.before

    def after(self) -> Iterator[Picture]:
        """Restored pixels, from the bottom up."""
        yield self._overview.region, self._overview.before  # under what is not rendered yet while panning
        for layer in self._stack():
            yield layer.region, layer.after

    def is_exact_at(self, x: int, y: int) -> bool:
        """Whether the restored pixel drawn at a place of the master is what an export writes."""
        here = Region(x, y, 1, 1)
        at = [layer for layer in self._stack() if here.intersect(layer.region) == here]
        return bool(at) and at[-1].exact

    def _stack(self) -> Iterator[Layer]:
        yield from (layer for layer in (self._backdrop, self._current) if layer is not None)
        yield from (layer for _, layer in self._refined if layer is not self._current)

    def _is_tile(self, frame: Frame) -> bool:
        current = self._current
        return (
            frame.request.quality == "refine"
            and current is not None
            and current.request.generation == frame.request.generation
            and frame.region != frame.request.view.region
            and _area(frame.region) < _area(current.region)
        )


def picture_at(pictures: Iterator[Picture], x: int, y: int) -> tuple[int, int, int] | None:
    """Red, green and blue of the topmost picture at a place of the master."""
    here, found = Region(x, y, 1, 1), None
    for region, image in pictures:
        if here.intersect(region) == here:
            found = (region, image)
    if found is None:
        return None
    region, image = found
    column = (2 * (x - region.x) + 1) * image.width() // (2 * region.width)
    row = (2 * (y - region.y) + 1) * image.height() // (2 * region.height)
    colour = image.pixelColor(column, row)
    return colour.red(), colour.green(), colour.blue()


def _layer(frame: Frame) -> Layer:
    return Layer(frame.region, to_image(frame.before), to_image(frame.pixels), frame.request, frame.exact)


def _area(region: Region) -> int:
    return region.width * region.height
