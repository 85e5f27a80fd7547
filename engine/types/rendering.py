"""What the screen asks of the engine, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.types.pictures import ImageRef, Region
from engine.types.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Quality = Literal["draft", "refine"]

MapKind = Literal["fidelity", "uncertainty"]


@dataclass(frozen=True, slots=True)
class View:
    """What part of the image is asked for, and at how many screen pixels a master pixel."""

    region: Region
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One question to the engine. `generation` grows with every change, so a stale answer is known as such.

    `moving` tells that a hand is still at it: a draft may then be less sharp, to come sooner.
    """

    image: ImageRef
    recipe: Recipe
    view: View
    quality: Quality = "draft"
    generation: int = 0
    moving: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The answer: `pixels` uint8 (H, W, 4) in BGRX order, covering `region` of the master.

    `before` holds the untouched pixels of the same region in the same layout. `exact` is true when the
    pixels are those an export would write (1:1, refined), false for a preview. Either may have fewer pixels than the
    other, and nobody writes to them.
    """

    request: RenderRequest
    pixels: NDArray[np.uint8]
    before: NDArray[np.uint8]
    region: Region
    exact: bool = False


@dataclass(frozen=True, slots=True)
class MapScale:
    """One quantity that a map shows, in levels of 255, and its colour: (R, G, B), reached at `full` levels."""

    name: str
    meaning: str
    colour: tuple[int, int, int]
    full: float


MAP_SCALES: Mapping[MapKind, tuple[MapScale, ...]] = {
    "fidelity": (
        MapScale("Changed", "how far the result is from the scan", (58, 141, 255), 16.0),
        MapScale("Invented", "detail that the most faithful setting does not have", (255, 138, 20), 8.0),
    ),
    "uncertainty": (
        MapScale("Disagreement", "standard deviation over flips and half-pixel shifts", (255, 214, 64), 8.0),
    ),
}


@dataclass(frozen=True, slots=True)
class MapRequest:
    """Asks what a map shows of a view; at less than 1:1 it is measured on the preview of that size.

    A map is measured at the master's own size, whatever the recipe's.
    """

    kind: MapKind
    image: ImageRef
    recipe: Recipe
    view: View


@dataclass(frozen=True, slots=True, eq=False)
class MapFrame:
    """The answer over `region` of the master: `pixels` uint8 (H, W, 4) in BGRX order, ready to be shown, and
    `values` float16 (H, W, N) in levels of 255, one for each of the kind's `MAP_SCALES`."""

    request: MapRequest
    pixels: NDArray[np.uint8]
    values: NDArray[np.float16]
    region: Region


@dataclass(frozen=True, slots=True)
class Sample:
    """One pixel in the master's own values, a number a channel: as scanned, and as an export writes it.

    `after` is None until the place has been rendered at its full size, and where the recipe enlarges.
    """

    image: ImageRef
    recipe: Recipe
    x: int
    y: int
    before: tuple[int, ...]
    after: tuple[int, ...] | None
    bits: int
