"""The values under the pointer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archivist_app.views.layers import picture_at
from archivist_app.views.modes import Mode
from archivist_app.views.scenes import Situation
from engine.types import MAP_SCALES, Sample


@dataclass(frozen=True, slots=True)
class Readout:
    """A master pixel, and what each picture shows there: red, green and blue, or what a map measured.

    `kind` says what sort of numbers they are.
    """

    x: int
    y: int
    values: tuple[tuple[str, tuple[float, ...]], ...]
    kind: str

    @property
    def text(self) -> str:
        """In one line."""
        told = [f"{name} {'  '.join(_number(value) for value in values)}" for name, values in self.values]
        return "   ·   ".join((f"x {self.x}, y {self.y}", *told, self.kind))

    def in_master(self, sample: Sample, profile: str) -> Readout:
        """The same with before and after in the master's own values, if these are of this place and complete."""
        if (sample.x, sample.y) != (self.x, self.y) or sample.after is None:
            return self
        known: dict[str, tuple[float, ...]] = {"Before": sample.before, "After": sample.after}
        if any(len(shown) == 3 and name not in known for name, shown in self.values):
            return self  # variants and truths have the screen's values, which are not to be mixed with others
        values = tuple((name, known.get(name, shown)) for name, shown in self.values)
        return replace(self, values=values, kind=" ".join(filter(None, (f"{sample.bits} bit", profile))))


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
    kind = "8 bit sRGB" if exact else "8 bit sRGB, preview"
    return Readout(x, y, (*values, *_measured(now, x, y)), kind)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.1f}"


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
