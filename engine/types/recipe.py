"""Everything that determines a result. SEMANTICS: `docs/semantics.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from engine.errors import RecipeError

Scope = Literal["whole", "damage"]

ALPHA_RANGE = (0.1, 10.0)

BETA_RANGE = (0.01, 10.0)  # or exactly 0, which switches the style off

SCALES = (1, 2, 4)

SHIPPED_MODEL = "archivist-1"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines the output for a given master. SEMANTICS: `docs/semantics.md`."""

    model: str = SHIPPED_MODEL
    weights: str = ""  # sha256 of the weight file; "" until an engine has resolved it
    style: str | None = None  # id of a style card
    alpha: float = 1.0
    beta: float = 0.0
    strength: float = 1.0
    scope: Scope = "whole"
    mask: str | None = None  # sha256 of an edited damage mask; None: the detected one
    keep_tone: bool = True
    grain: float = 0.0
    scale: int = 1
    thorough: bool = False  # seen in eight positions, turned and mirrored, and averaged: eight times the work
    seed: int = 0

    def __post_init__(self) -> None:
        _within("alpha", self.alpha, *ALPHA_RANGE)
        if self.beta != 0.0:
            _within("beta", self.beta, *BETA_RANGE)
        _within("strength", self.strength, 0.0, 1.0)
        _within("grain", self.grain, 0.0, 1.0)
        if self.scope not in ("whole", "damage"):
            raise RecipeError(f"Scope is either “whole” or “damage”, not “{self.scope}”.")
        if self.scale not in SCALES:
            raise RecipeError(f"The enlargement is 1, 2 or 4, not {self.scale}.")
        if self.scale != 1 and self.scope == "damage":
            raise RecipeError("Repairing damage only leaves the size as it is; choose the whole picture or size 1.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Keys this version does not know are left to the caller to keep."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in data.items() if k in known})


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise RecipeError(f"{name.capitalize()} must lie between {low:g} and {high:g}, not {value:g}.")


PROTECTED = 1  # the grey value of a damage mask where nothing is ever repaired; 0 is not repaired, 255 is
FILLED_IN = 48  # pixels of the master: marks of a damage mask up to so wide are filled in from around them

CONSERVATOR = Recipe(alpha=10.0, beta=0.0, scope="damage", grain=1.0)

MODERN = Recipe(keep_tone=False)
