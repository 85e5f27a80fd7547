"""Where the image lies on a pane: zoom, pan and what is visible, as a value. Lengths are device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.types import Region, View

MARGIN = 24  # device-independent; around a fitted image
FIT_LIMIT = 4.0  # a fitted image is not enlarged beyond this
ZOOM_LIMIT = 32.0


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle on the pane, edges in whole device pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Device pixels across."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Device pixels down."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Viewport:
    """An image of `image` master pixels seen through a pane of `pane` device pixels.

    `zoom` is device pixels a master pixel, `centre` the master position in the pane's middle. A `fitted`
    viewport follows the pane's size.
    """

    image: tuple[int, int]
    pane: tuple[int, int]
    zoom: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)
    fitted: bool = True
    margin: int = MARGIN

    @property
    def fit_zoom(self) -> float:
        """The zoom at which the whole image is seen."""
        across = (max(1, self.pane[0] - 2 * self.margin)) / self.image[0]
        down = (max(1, self.pane[1] - 2 * self.margin)) / self.image[1]
        return min(across, down, FIT_LIMIT)

    @property
    def lowest_zoom(self) -> float:
        """No further out than this."""
        return min(self.fit_zoom, 1.0)

    @property
    def origin(self) -> tuple[int, int]:
        """The pane position of the image's top-left corner, whole so that 1:1 is not resampled."""
        return (
            round(self.pane[0] / 2 - self.centre[0] * self.zoom),
            round(self.pane[1] / 2 - self.centre[1] * self.zoom),
        )

    @property
    def view(self) -> View:
        """What to ask the engine for."""
        return View(self.visible, self.zoom)

    @property
    def visible(self) -> Region:
        """The master pixels on the pane; at least one."""
        (x0, y0), zoom = self.origin, self.zoom
        left = min(max(0, math.floor(-x0 / zoom)), self.image[0] - 1)
        top = min(max(0, math.floor(-y0 / zoom)), self.image[1] - 1)
        right = max(left + 1, min(self.image[0], math.ceil((self.pane[0] - x0) / zoom)))
        bottom = max(top + 1, min(self.image[1], math.ceil((self.pane[1] - y0) / zoom)))
        return Region(left, top, right - left, bottom - top)

    def rect_of(self, region: Region) -> Rect:
        """Where `region` lies on the pane; neighbouring regions share their edge."""
        x0, y0 = self.origin
        return Rect(
            x0 + round(region.x * self.zoom),
            y0 + round(region.y * self.zoom),
            x0 + max(round(region.right * self.zoom), round(region.x * self.zoom) + 1),
            y0 + max(round(region.bottom * self.zoom), round(region.y * self.zoom) + 1),
        )

    @property
    def image_rect(self) -> Rect:
        """Where the whole image lies on the pane."""
        return self.rect_of(Region(0, 0, *self.image))

    def resized(self, pane: tuple[int, int]) -> Viewport:
        """The same place on a pane of another size."""
        moved = replace(self, pane=(max(1, pane[0]), max(1, pane[1])))
        return moved.fit() if self.fitted else moved._kept_in()

    def fit(self) -> Viewport:
        """The whole image."""
        centre = (self.image[0] / 2, self.image[1] / 2)
        return replace(self, zoom=self.fit_zoom, centre=centre, fitted=True)

    def zoomed(self, zoom: float, at: tuple[float, float] | None = None) -> Viewport:
        """The same master position stays under `at` (pane pixels; default: the middle)."""
        zoom = min(max(zoom, self.lowest_zoom), ZOOM_LIMIT)
        px, py = at or (self.pane[0] / 2, self.pane[1] / 2)
        dx, dy = px - self.pane[0] / 2, py - self.pane[1] / 2
        fixed = (self.centre[0] + dx / self.zoom, self.centre[1] + dy / self.zoom)
        centre = (fixed[0] - dx / zoom, fixed[1] - dy / zoom)
        return replace(self, zoom=zoom, centre=centre, fitted=False)._kept_in()

    def panned(self, dx: float, dy: float) -> Viewport:
        """Moved by device pixels, as if the image were dragged."""
        centre = (self.centre[0] - dx / self.zoom, self.centre[1] - dy / self.zoom)
        return replace(self, centre=centre, fitted=False)._kept_in()

    def centred(self, across: float, down: float) -> Viewport:
        """With the place at these shares of the image's width and height in the middle, as far as its edges allow."""
        return replace(self, centre=(across * self.image[0], down * self.image[1]), fitted=False)._kept_in()

    @property
    def sees_all(self) -> bool:
        """Whether the whole image is visible."""
        return self.visible == Region(0, 0, *self.image)

    def master_at(self, x: float, y: float) -> tuple[int, int] | None:
        """The master pixel at a place of the pane; None beside the image."""
        left, top = self.origin
        column, row = math.floor((x - left) / self.zoom), math.floor((y - top) / self.zoom)
        return (column, row) if 0 <= column < self.image[0] and 0 <= row < self.image[1] else None

    def of(self, image: tuple[int, int]) -> Viewport:
        """The same zoom and relative place on another image; a fitted viewport stays fitted."""
        share = (self.centre[0] / self.image[0], self.centre[1] / self.image[1])
        moved = replace(self, image=image, centre=(share[0] * image[0], share[1] * image[1]))
        return moved.fit() if self.fitted else moved.zoomed(self.zoom)

    def _kept_in(self) -> Viewport:
        """No further out than the image's edge at the pane's edge; centred where the image is smaller."""
        centre = tuple(
            length / 2
            if length * self.zoom <= pane
            else min(max(c, pane / 2 / self.zoom), length - pane / 2 / self.zoom)
            for length, pane, c in zip(self.image, self.pane, self.centre, strict=True)
        )
        return replace(self, centre=(centre[0], centre[1]))
