"""The ways to compare a restoration with its scan, in one place: the viewer, the menus and the buttons follow this."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.types import MapKind


class Mode(StrEnum):
    """How the viewer compares. The order is that of the menu, and of the key that goes to the next."""

    SPLIT = "split"
    SIDE = "side"
    BLINK = "blink"
    DIFFERENCE = "difference"
    FIDELITY = "fidelity"
    UNCERTAINTY = "uncertainty"
    VARIANTS = "variants"

    @property
    def words(self) -> Words:
        """What people are told about it."""
        return _WORDS[self]

    @property
    def map_kind(self) -> MapKind | None:
        """The map it shows, if it shows one."""
        return _MAPS.get(self)

    @property
    def has_sides(self) -> bool:
        """Whether before and after can be swapped in it."""
        return self in (Mode.SPLIT, Mode.SIDE, Mode.BLINK)

    def following(self, *, variants: bool) -> Mode:
        """The next one; variants are passed over where there are none."""
        modes = [mode for mode in Mode if variants or mode is not Mode.VARIANTS]
        return modes[(modes.index(self) + 1) % len(modes)] if self in modes else modes[0]


@dataclass(frozen=True, slots=True)
class Words:
    """A mode's menu entry, its name on the button, its key and icon, and what is seen in a sentence."""

    entry: str
    name: str
    key: str
    icon: str
    seen: str


_WORDS = {
    Mode.SPLIT: Words(
        "&Split view", "Split", "Shift+Y", "ph.square-half",
        "The original on one side of a divider, the restoration on the other.",
    ),
    Mode.SIDE: Words(
        "Side &by side", "Side by side", "Y", "ph.columns",
        "The original and the restoration beside each other, with one zoom and pan.",
    ),
    Mode.BLINK: Words(
        "Blin&k", "Blink", "K", "ph.repeat", "The original and the restoration in turns, each for half a second.",
    ),
    Mode.DIFFERENCE: Words(
        "&Difference", "Difference", "D", "ph.intersect",
        "How far the restoration is from the original, channel by channel, amplified.",
    ),
    Mode.FIDELITY: Words(
        "&Fidelity map", "Fidelity", "F", "ph.fingerprint",
        "Blue: what was changed. Orange: what was invented, detail that the most faithful setting does not have.",
    ),
    Mode.UNCERTAINTY: Words(
        "&Uncertainty map", "Uncertainty", "U", "ph.question",
        "Yellow: where the result disagrees with itself when the scan is flipped or moved by half a pixel.",
    ),
    Mode.VARIANTS: Words(
        "&Variants", "Variants", "V", "ph.squares-four", "Up to four snapshots of this image, with one zoom and pan.",
    ),
}  # fmt: skip
_MAPS: dict[Mode, MapKind] = {Mode.FIDELITY: "fidelity", Mode.UNCERTAINTY: "uncertainty"}
