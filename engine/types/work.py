"""What jobs are asked for, how far they are, and what they made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import RecipeError
from engine.types.recipe import SCALES, Recipe


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` steps, and what it is doing."""

    done: int
    total: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class EngineReady:
    """What the engine runs on, once torch is loaded."""

    device: str
    device_reason: str
    dtype: str
    threads: int
    torch: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Where an export goes: `target` is a file or a folder. `sign` adds Content Credentials."""

    target: str
    conflict: Literal["version", "overwrite", "skip"] = "version"
    sign: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What an export wrote."""

    source: str
    output: str
    width: int
    height: int
    seconds: float
    recipe: Recipe
    damage: float = 0.0  # share of the area found damaged, 0..1
    changed: float = 0.0  # share of the pixels that differ from the master, 0..1
    device: str = ""
    resumed: float = 0.0  # share of the work that an interrupted run had done before, 0..1
    notices: tuple[str, ...] = ()  # sentences that a person has to read
    ignored: tuple[str, ...] = ()  # settings of the recipe that its model does not have


@dataclass(frozen=True, slots=True)
class UnfinishedExport:
    """An export that was cut off, as by a power failure: `done` of `total` tiles are still there."""

    key: str
    source: str
    target: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Losses:
    """How a direct optimisation stood when pass `number` began: both distances in units of their frozen scales."""

    number: int
    content: float
    style: float
    total: float  # alpha * content + beta * style


@dataclass(frozen=True, slots=True)
class Optimisation:
    """What a direct optimisation is asked for besides a recipe: how long, towards which picture, and where to."""

    export: ExportOptions
    passes: int = 100
    reference: str = ""  # path of the picture whose style is wanted; "": the style's simulated process

    def __post_init__(self) -> None:
        if not 1 <= self.passes <= 10_000:
            raise RecipeError(f"An optimisation takes between 1 and 10000 passes, not {self.passes}.")


def has_improved(losses: Sequence[Losses]) -> bool:
    """Whether the last pass is no worse than the fast result that the first one began from."""
    return not losses or losses[-1].total <= losses[0].total


@dataclass(frozen=True, slots=True)
class Optimised:
    """What a direct optimisation wrote, and its losses from pass to pass; it is never worse than the fast result."""

    restored: Restored
    losses: tuple[Losses, ...]
    stopped: bool  # somebody asked for what there was

    @property
    def is_better(self) -> bool:
        """Whether what was written is what the passes reached, and not the fast result, which was no worse."""
        return has_improved(self.losses)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What restorations are measured on: a folder of clean photographs, and one of the same aged, or how to age them.

    With a `scale` of 2 or 4 the clean ones are shrunk as far, and what is measured is how they are enlarged again.
    `peers` are files of other people's networks to be measured beside ours.
    """

    clean: str
    aged: str = ""  # "": made from the clean ones with `seed` and `severity`
    seed: int = 0
    severity: float = 0.8
    peers: tuple[str, ...] = ()
    scale: int = 1

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise RecipeError(f"The enlargement is 1, 2 or 4, not {self.scale}.")
        if not 0.0 <= self.severity <= 1.0:
            raise RecipeError(f"Severity must lie between 0 and 1, not {self.severity:g}.")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model is judged on: folders of clean pictures, of the same aged, and of the same damaged but not faded."""

    clean: str
    aged: str = ""
    defects: str = ""
    peer: str = ""  # file of another network, for its time
    weights: str = ""  # a weight file that is not installed; "": the shipped model
    only: tuple[str, ...] = ()  # themes; none named: all
    pictures: int = 1_000  # at most so many of each folder
    thorough: bool = False  # whether every picture is looked at in all positions (`Recipe.thorough`)

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise RecipeError(f"At least one picture of each folder is judged, not {self.pictures}.")


@dataclass(frozen=True, slots=True)
class NewModel:
    """A network's file that is to be imported, and what a person knows of it; "" is what nobody told."""

    file: str
    title: str = ""  # "": the file's name
    licence: str = ""
    source: str = ""
    training_data: str = ""
    restricted: bool = False  # may be of an architecture whose licence forbids some uses
    folder: str = ""  # of a project that is to hold it; "": a person's own models
    faces: bool = False  # may be a network for faces: a person knows that it puts plausible ones in their place
