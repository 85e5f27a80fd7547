"""The pixels at hand for one image, coarse ones below and exact ones on top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archivist_app.views.pixels import Pixels, to_image
from engine.types import Frame, Region, RenderRequest


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One frame, ready to be drawn at `region` of the master."""

    region: Region
    before: Pixels
    after: Pixels
    request: RenderRequest
    exact: bool


class Layers:
    """What to draw, from the bottom: overview, last rendering of the whole image, newest frame, its refined tiles."""

    def __init__(self, overview: Frame) -> None:
        self.overview = overview
        self.bounds = overview.region
        self._overview = _layer(overview)
        self._backdrop: Layer | None = None
        self._current: Layer | None = None
        self._kept: Layer | None = None  # refined pixels of the same recipe and zoom, from before the last pan
        self._tiles: list[Layer] = []

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

    def show_overview(self, overview: Frame) -> None:
        """A sharper picture of the same untouched image."""
        self.overview = overview
        self._overview = _layer(overview)

    def add(self, frame: Frame) -> bool:
        """Take a frame; True if it answers its request as a whole, False for one refined tile of it."""
        layer = _layer(frame)
        if self._is_tile(frame):
            self._tiles.append(layer)
            return False
        self._keep_refined(frame)
        self._current = layer
        self._tiles.clear()
        if frame.region == self.bounds:
            self._backdrop = layer
        return True

    def before(self) -> Iterator[tuple[Region, Pixels]]:
        """Untouched pixels, from the bottom up."""
        yield self._overview.region, self._overview.before
        for layer in self._stack():
            yield layer.region, layer.before

    def after(self) -> Iterator[tuple[Region, Pixels]]:
        """Restored pixels, from the bottom up."""
        yield self._overview.region, self._overview.before  # under what is not rendered yet while panning
        for layer in self._stack():
            yield layer.region, layer.after

    def _stack(self) -> Iterator[Layer]:
        yield from (layer for layer in (self._backdrop, self._current, self._kept) if layer is not None)
        yield from self._tiles

    def _is_tile(self, frame: Frame) -> bool:
        current = self._current
        return (
            frame.request.quality == "refine"
            and current is not None
            and current.request.generation == frame.request.generation
            and frame.region != frame.request.view.region
            and _area(frame.region) < _area(current.region)
        )

    def _keep_refined(self, frame: Frame) -> None:
        """A pan must not blur what was sharp: refined pixels stay on top until the new view is refined."""
        if frame.request.quality == "refine":
            self._kept = None
            return
        refined = self._current if self._current and self._current.request.quality == "refine" else self._kept
        new = frame.request
        same = (
            refined is not None
            and refined.request.recipe == new.recipe
            and refined.request.view.scale == new.view.scale
        )
        self._kept = refined if same else None


def _layer(frame: Frame) -> Layer:
    return Layer(frame.region, to_image(frame.before), to_image(frame.pixels), frame.request, frame.exact)


def _area(region: Region) -> int:
    return region.width * region.height
