"""What the viewer shows in each mode: which pictures in which panes, what they are called, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPoint, QRect

from archivist_app.views.compare_painter import GAP, Corner, Overlay, Pane, Scene
from archivist_app.views.layers import Layers, Mosaic, Picture
from archivist_app.views.legend import Legend, difference_legend, map_legend
from archivist_app.views.modes import Mode
from archivist_app.views.pixels import Pixels
from archivist_app.views.viewport import Viewport
from engine.types import Frame, MapFrame, Progress, Recipe, Snapshot

Side = Literal["before", "after", "truth"]
LABELS: dict[Side, str] = {"before": "Before · original", "after": "After", "truth": "Truth"}
GAINS = (4, 16, 1)  # how far a difference is amplified


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One snapshot and the pixels of it at hand."""

    snapshot: Snapshot
    pieces: Mosaic[tuple[Pixels, Frame]]

    @property
    def label(self) -> str:
        """Its name and its two dials."""
        return f"{self.snapshot.name} · {dials(self.snapshot.recipe)}"


@dataclass(frozen=True, slots=True, eq=False)
class MapPieces:
    """The parts of a map at hand, and how far it has been measured."""

    pieces: Mosaic[tuple[Pixels, MapFrame]]
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Everything that is known when a scene is to be drawn."""

    mode: Mode
    viewport: Viewport
    layers: Layers
    size: tuple[int, int]
    ratio: float
    truth: Pixels | None
    swapped: bool
    original: bool  # held: nothing but the original
    divider: float
    upright: bool
    blinked: bool  # the second half of a blink
    paused: bool
    gain: int
    map: MapPieces
    variants: tuple[Variant, ...]
    busy: bool
    notice: str
    fast: bool
    overlay: Overlay | None = None

    @property
    def alone(self) -> bool:
        """Whether there is only the original to show."""
        return self.original or (self.mode is not Mode.VARIANTS and not self.layers.rendered)

    @property
    def sides(self) -> tuple[Side, Side]:
        """First and second picture of the modes that show before and after."""
        if self.alone:
            return "before", "before"
        reference: Side = "truth" if self.truth is not None else "before"
        return ("after", reference) if self.swapped else (reference, "after")

    def pictures(self, side: Side) -> tuple[Picture, ...]:
        """What to draw of a side, from the bottom up."""
        if side == "truth" and self.truth is not None:
            return ((self.layers.bounds, self.truth),)
        return tuple(self.layers.after() if side == "after" else self.layers.before())


def grid_of(mode: Mode, variants: int, image: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of panes on a widget of `size`; an odd number of variants has the original beside them.

    Variants lie so that an image of `image` pixels is seen as large as possible.
    """
    if mode is Mode.SIDE:
        return 2, 1
    if mode is not Mode.VARIANTS or not variants:
        return 1, 1
    grids = ((2, 1), (1, 2)) if variants <= 2 else ((2, 2), (4, 1), (1, 4))
    return max(grids, key=lambda grid: min(size[0] / grid[0] / image[0], size[1] / grid[1] / image[1]))


def compose(now: Situation) -> Scene:
    """The scene of a situation."""
    whole = QRect(0, 0, *now.size)
    split = now.mode is Mode.SPLIT and not now.alone
    if now.mode in (Mode.SIDE, Mode.VARIANTS):
        panes = _grid(now)
    elif split:
        panes = _halves(now)
    else:
        panes = (_single(now, whole),)
    return Scene(
        viewport=now.viewport,
        size=now.size,
        ratio=now.ratio,
        panes=panes,
        divider=now.divider if split else None,
        upright=now.upright,
        status=status_of(now),
        legend=None if now.alone else _legend(now),
        fast=now.fast,
        overlay=None if now.original else now.overlay,
    )


def status_of(now: Situation) -> str:
    """What the pixels are: a preview says so."""
    if now.notice:
        return now.notice
    layers, zoom = now.layers, now.viewport.zoom
    if now.original:
        return f"Original at {percent(zoom)}"
    if now.mode is Mode.VARIANTS:
        return _status_of_variants(now)
    if not layers.rendered:
        return "Restoring…" if now.busy else ""
    if now.mode.map_kind:
        return _status_of_map(now)
    paused = " · paused" if now.mode is Mode.BLINK and now.paused else ""
    if zoom < layers.scale or not (layers.exact or now.busy):
        return f"Preview at {percent(zoom)}" + (" · refining…" if now.busy else "") + paused
    return (f"{percent(zoom)} · refining…" if now.busy else f"{percent(zoom)} · as exported") + paused


def percent(zoom: float) -> str:
    """Device pixels a master pixel, in words."""
    return f"{100 * zoom:.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %"


def dials(recipe: Recipe) -> str:
    """The two dials of a recipe, in short."""
    return f"α {recipe.alpha:.3g}  β {recipe.beta:.3g}"


def _status_of_map(now: Situation) -> str:
    progress = now.map.progress
    if progress is not None and progress.total:
        return f"Measuring · {100 * progress.done // progress.total} %"
    if not any(now.map.pieces):
        return "Waiting to be measured…"
    return _at(now.viewport.zoom)


def _at(zoom: float) -> str:
    return f"Preview at {percent(zoom)}" if zoom < 1 else percent(zoom)


def _status_of_variants(now: Situation) -> str:
    if not now.variants:
        return "No snapshots yet: Ctrl+S keeps the settings of this image as one"
    return _at(now.viewport.zoom)


def _legend(now: Situation) -> Legend | None:
    if now.mode is Mode.DIFFERENCE:
        return difference_legend(now.gain)
    return map_legend(now.mode.map_kind) if now.mode.map_kind else None


def _single(now: Situation, whole: QRect) -> Pane:
    origin, mode = QPoint(0, 0), now.mode
    if now.alone:
        return Pane(whole, origin, now.pictures("before"), LABELS["before"])
    if mode is Mode.DIFFERENCE:
        sides = sorted(now.sides, reverse=True)  # "truth", "before", "after"
        label = f"Difference of {sides[0]} and {sides[1]}" + (f" · × {now.gain}" if now.gain > 1 else "")
        pictures, minus = now.pictures("after"), now.pictures(sides[0])
        return Pane(whole, origin, pictures, label, minus=minus, gain=now.gain, restored=True)
    if mode.map_kind:
        pieces = tuple((region, image) for region, (image, _) in now.map.pieces)
        label = {Mode.FIDELITY: "Fidelity · changed and invented"}.get(mode, "Uncertainty · disagreement with itself")
        return Pane(whole, origin, pieces, label, veiled=now.pictures("before"), restored=True)
    side = now.sides[1 if now.blinked else 0]
    return Pane(whole, origin, now.pictures(side), LABELS[side], restored=side == "after")


def _halves(now: Situation) -> tuple[Pane, ...]:
    width, height = now.size
    at = round(now.divider * (width if now.upright else height))
    near = QRect(0, 0, at, height) if now.upright else QRect(0, 0, width, at)
    far = QRect(at, 0, width - at, height) if now.upright else QRect(0, at, width, height - at)
    corner = Corner.AlignRight if now.upright else Corner.AlignBottom
    first, second = now.sides
    return (
        Pane(near, QPoint(0, 0), now.pictures(first), LABELS[first], restored=first == "after"),
        Pane(far, QPoint(0, 0), now.pictures(second), LABELS[second], corner, restored=second == "after"),
    )


def _grid(now: Situation) -> tuple[Pane, ...]:
    across, down = now.viewport.pane
    columns, _ = grid_of(now.mode, len(now.variants), now.viewport.image, now.size)
    panes = []
    for number, (label, pictures) in enumerate(_contents(now)):
        corner = QPoint(number % columns * (across + GAP), number // columns * (down + GAP))
        clip, restored = QRect(corner.x(), corner.y(), across, down), label not in (LABELS["before"], LABELS["truth"])
        panes.append(Pane(clip, corner, pictures, label, restored=restored))
    return tuple(panes)


def _contents(now: Situation) -> list[tuple[str, tuple[Picture, ...]]]:
    original = (LABELS["before"], now.pictures("before"))
    if now.mode is Mode.SIDE:
        return [(LABELS[side], now.pictures(side)) for side in now.sides]
    shown = [
        (variant.label, (*original[1], *((region, image) for region, (image, _) in variant.pieces)))
        for variant in now.variants
    ]
    if now.original:
        return [original] * max(1, len(shown) + len(shown) % 2)
    return [original, *shown] if len(shown) % 2 or not shown else shown
