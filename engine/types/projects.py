"""What a project holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from engine.types.packaging import PackageFacts
from engine.types.pictures import ImageRef
from engine.types.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A recipe that somebody gave a name."""

    name: str
    recipe: Recipe
    created: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class ProjectItem:
    """One image in a project, with what was decided about it."""

    uuid: str
    source: ImageRef
    recipe: Recipe = Recipe()
    snapshots: tuple[Snapshot, ...] = ()
    decision: str = ""  # "", "approved", "rejected"
    stars: int = 0
    note: str = ""
    revision: int = 0  # grows with every edit, so that of two states the later one is known
    # Of the decision, known once it is saved: by whom, when (ISO 8601, UTC), and on which recipe.
    decided_by: str = field(default="", compare=False)
    decided_at: str = field(default="", compare=False)
    decided_recipe: Recipe | None = field(default=None, compare=False)

    def with_recipe(self, recipe: Recipe) -> ProjectItem:
        return replace(self, recipe=recipe, revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Project:
    """An open project folder, as a value."""

    folder: str  # absolute
    uuid: str
    name: str
    items: tuple[ProjectItem, ...] = ()
    writable: bool = True
    reason: str = ""  # why it is read-only, in a sentence
    schema_version: int = 1
    problems: tuple[str, ...] = ()  # a sentence for each file that could not be used, or that had to be mended
    recovered: tuple[ProjectItem, ...] = ()  # what a killed program's journal brought back: the items before that
    needs_approval: bool = False  # before an image of it may be exported
    package: PackageFacts = field(default_factory=PackageFacts)


@dataclass(frozen=True, slots=True)
class Relocation:
    """A master that is not where it was, and where the same bytes are now; "" where they were not found."""

    uuid: str
    old: str  # path as the project has it
    new: str = ""  # absolute


@dataclass(frozen=True, slots=True)
class Place:
    """Where a master is, found without reading it."""

    state: Literal["there", "other length", "missing"]
    path: str = ""  # absolute; "" where it is missing
