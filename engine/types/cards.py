"""Facts about networks and styles, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.types.recipe import SCALES, Recipe

Origin = Literal["shipped", "trained", "tuned", "imported"]


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
    origin: Origin = "shipped"
    version: str = ""
    architecture: str = ""
    training_data: str = ""
    failures: tuple[str, ...] = ()  # where it is known to fail, a sentence each
    base: Mapping[str, str] = field(default_factory=dict)  # "id" and "sha256" of the model that it was tuned from
    # What follows is of networks of other people's, which may be of any kind.
    enlarges: int = 1  # times as wide and high its own output is; shrunk back to what a recipe wants
    blend: int = 0  # pixels on both sides of a tile's edge over which it fades into the next; 0: its edges do not show
    seam: float = 0.0  # levels of 255 by which tiles without that differ from one pass over the whole, as measured
    channels: int = 3  # that it takes at once; 1: it is shown a picture's channels one by one
    least: int = 1  # pixels a side it needs at least
    half: bool = False  # whether it can be run in half precision
    memory: int = 0  # bytes one tile takes, as measured
    effort: float = 0.0  # thousands of multiplications for each pixel
    pace: float = 0.0  # seconds a megapixel took where it was imported
    pace_on: str = ""  # what that was measured on
    source: str = ""  # where it comes from, as a person told
    file: str = ""  # name of the file it was imported from
    file_sha256: str = ""
    imported: str = ""  # ISO 8601, UTC
    restricted: bool = False  # its architecture comes under terms that forbid some uses
    faces: bool = False  # it restores single faces of `least` pixels a side with a person's consent, no whole pictures

    @property
    def ignored(self) -> frozenset[str]:
        """The settings of a recipe that this model does not have."""
        missing = {"alpha", "beta", "strength", "keep_tone", "scope", "grain"} - set(self.controls)
        return frozenset(missing | {"style"} if "beta" in missing else missing)

    def heeded(self, recipe: Recipe) -> Recipe:
        """The recipe with everything at its neutral value that this model ignores: what its result depends on."""
        neutral = Recipe()
        return replace(recipe, **{name: getattr(neutral, name) for name in self.ignored})

    def answers_to(self, model: str) -> bool:
        """Whether a recipe that names `model` means this network.

        An imported one's id ends in the first digits of its weights' hash: by them it is the same network under
        whatever title it was imported.
        """
        return model == self.id or (self.origin == "imported" and model.endswith(f"-{self.sha256[:8]}"))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The enlargements a recipe may ask of it."""
        return tuple(scale for scale in SCALES if scale <= self.scale)


def named(cards: Iterable[ModelCard], model: str) -> ModelCard | None:
    """The card of the model that a recipe names, one of just that id before any other; None where it is not here."""
    found = [card for card in cards if card.answers_to(model)]
    return min(found, key=lambda card: card.id != model, default=None)


@dataclass(frozen=True, slots=True)
class AddedModel:
    """A model that was imported, and what a person should know of it beside its card."""

    card: ModelCard
    told: str = ""  # that it was here already, and what has changed of its card; else ""


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
