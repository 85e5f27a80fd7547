"""Facts about networks and styles, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Facts about a network, as data: code asks the card, never the model's name."""

    id: str
    title: str
    sha256: str = ""
    scale: int = 1  # how many times it can enlarge
    tail: str = ""  # sha256 of the file it enlarges with
    multiple_of: int = 8
    halo: int = 64  # pixels around a tile that its result may depend on
    tile: int = 512
    controls: tuple[str, ...] = ("alpha", "beta", "strength", "keep_tone", "scope", "grain")
    licence: str = ""
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    slider: tuple[float, float] = (1.0, 0.0)  # slope and shift: its head hears slope * log alpha + shift


@dataclass(frozen=True, slots=True)
class StyleCard:
    """A style as 64 numbers, a name and a source; the reference picture is not needed."""

    id: str
    title: str
    group: str  # "process", "print", "painting", "own"
    code: tuple[float, ...]
    date: str = ""
    source: str = ""
    licence: str = ""
    grain: float = 0.0  # amplitude of the process's procedural texture at beta = 1, 0..1
    texture: str = ""  # "" or a name of engine/styles/textures.py

    @property
    def simulated(self) -> bool:
        """Whether it is a process that can be simulated on any picture, rather than 64 numbers of one picture."""
        return self.group == "process" and self.source.startswith("simulated")
