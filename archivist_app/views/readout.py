"""The values under the pointer."""

from __future__ import annotations

from dataclasses import dataclass

from archivist_app.views.layers import picture_at
from archivist_app.views.modes import Mode
from archivist_app.views.scenes import Situation
from engine.types import MAP_SCALES


@dataclass(frozen=True, slots=True)
class Readout:
    """A master pixel, and what each picture shows there: red, green and blue as the screen has them, 8 bit sRGB."""

    x: int
    y: int
    values: tuple[tuple[str, tuple[float, ...]], ...]
    exact: bool  # whether they are those of an export, not of a preview

    @property
    def text(self) -> str:
        """In one line."""
        told = [f"{name} {'  '.join(f'{value:.3g}' for value in values)}" for name, values in self.values]
        return "   ·   ".join((f"x {self.x}, y {self.y}", *told, "8 bit sRGB" if self.exact else "8 bit sRGB, preview"))


def read(now: Situation, x: int, y: int) -> Readout:
    """What a situation shows at a master pixel."""
    layers, exact = now.layers, now.layers.is_exact_at(x, y)
    values: list[tuple[str, tuple[float, ...]]] = []
    before = picture_at(layers.before(), x, y)
    if before is not None:
        values.append(("Before", before))
    if now.mode is Mode.VARIANTS:
        for variant in now.variants:
            pieces = ((region, image) for region, (image, _) in variant.pieces)
            shown = picture_at(pieces, x, y)
            if shown is not None:
                values.append((variant.snapshot.name, shown))
        exact = now.viewport.zoom >= 1
    else:
        if now.truth is not None:
            shown = picture_at(iter(now.pictures("truth")), x, y)
            values += [("Truth", shown)] if shown is not None else []
        after = picture_at(layers.after(), x, y)
        if after is not None and layers.rendered:
            values.append(("After", after))
    return Readout(x, y, (*values, *_measured(now, x, y)), exact)


def _measured(now: Situation, x: int, y: int) -> list[tuple[str, tuple[float, ...]]]:
    """What the map on screen says of the place."""
    kind = now.mode.map_kind
    found = None
    for region, (_, frame) in now.map.pieces:
        if region.x <= x < region.right and region.y <= y < region.bottom:
            found = frame
    if kind is None or found is None:
        return []
    rows, columns = found.values.shape[:2]
    row = (y - found.region.y) * rows // found.region.height
    column = (x - found.region.x) * columns // found.region.width
    return [(scale.name, (float(found.values[row, column, i]),)) for i, scale in enumerate(MAP_SCALES[kind])]
