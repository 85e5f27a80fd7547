"""Faces that a network is to restore: each marked by a person, each with a consent that the result keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import RecipeError
from engine.types.pictures import Region
from engine.types.recipe import Recipe
from engine.types.work import ExportOptions, Restored

FACE_STRENGTH = 0.8  # of the network's face, unless somebody says otherwise: a fifth of the photographed one remains
SMALLEST_FACE = 16  # pixels a side; in less there is nothing to tell a face by
_SAME = 0.5  # share of the smaller of two rectangles from which they mark the same face
_LONGEST = 2_000  # characters of a name or a ground


@dataclass(frozen=True, slots=True)
class Consent:
    """Who decides that a face may be replaced by a plausible one, and on what ground. RecipeError without either."""

    who: str
    ground: str  # as "portrait sitter's family agreed, letter of 12 May 2026"
    when: str  # ISO 8601, UTC

    def __post_init__(self) -> None:
        for what, text in (("who decides", self.who), ("on what ground", self.ground), ("when", self.when)):
            if not text.strip():
                raise RecipeError(f"The consent for a face does not say {what}; a face is restored only with that.")
            if len(text) > _LONGEST:
                raise RecipeError(f"The consent for a face says {what} in more than {_LONGEST} characters; shorten it.")


@dataclass(frozen=True, slots=True)
class Face:
    """A face as somebody marked it, in pixels of the master, and the consent to restore it."""

    region: Region
    consent: Consent

    def to_json(self) -> dict[str, Any]:
        """Rectangle and consent, as the provenance and a project's log keep them."""
        at = self.region
        rectangle = {"x": at.x, "y": at.y, "width": at.width, "height": at.height}
        return {**rectangle, "who": self.consent.who, "ground": self.consent.ground, "when": self.consent.when}


@dataclass(frozen=True, slots=True)
class FaceOrder:
    """What a restoration of faces is asked for besides a recipe: by which network, which faces, and where to."""

    export: ExportOptions
    model: str
    faces: tuple[Face, ...]
    strength: float = FACE_STRENGTH  # share of the network's face, 0..1

    def __post_init__(self) -> None:
        if not self.faces:
            raise RecipeError("No face is marked; mark each face that is to be restored, with who consents to it.")
        if not 0.0 <= self.strength <= 1.0:  # also refuses NaN
            raise RecipeError(f"The strength of the faces must lie between 0 and 1, not {self.strength:g}.")


@dataclass(frozen=True, slots=True)
class FacesRestored:
    """What came of it: the file, the network, and the faces with their consents."""

    restored: Restored
    model: str
    sha256: str  # of the network's weights
    faces: tuple[Face, ...]


def face_recipe_fault(recipe: Recipe) -> str:
    """Why no face can be restored beside what this recipe does, in a sentence; "" where it can."""
    if recipe.scale != 1:
        return "Faces are restored at the size of the scan; set the size to 1 for them."
    if recipe.scope != "whole":
        return "Faces need the whole picture restored around them; choose “whole” instead of damage only."
    if recipe.strength == 0:
        return "At strength 0 nothing is restored, and no face; set the picture’s strength higher."
    return ""


def face_fault(regions: Sequence[Region], width: int, height: int) -> str:
    """What is wrong with rectangles marked in a picture of that size, in a sentence; "" where nothing is."""
    bounds = Region(0, 0, width, height)
    for number, at in enumerate(regions, start=1):
        where = f"Face {number} ({at.x}, {at.y}, {at.width} × {at.height})"
        if at.width <= 0 or at.height <= 0:
            return f"{where} is empty; give it a width and a height."
        if at.intersect(bounds) != at:
            return f"{where} does not lie within the picture of {width} × {height} pixels; mark it inside."
        if min(at.width, at.height) < SMALLEST_FACE:
            return f"{where} is smaller than {SMALLEST_FACE} pixels; a face that small cannot be restored."
        for before, other in enumerate(regions[: number - 1], start=1):
            common = at.intersect(other)
            if common.width * common.height > _SAME * min(at.width * at.height, other.width * other.height):
                return f"Faces {before} and {number} mark the same place; keep one of them."
    return ""
