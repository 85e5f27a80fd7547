"""Figures with their wanted bounds: what a scoreboard is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `reached` is None where nothing is wanted of it or it could not be measured."""

    theme: str
    name: str
    value: float | None
    wanted: str = ""
    reached: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "skipped"
        return "" if self.reached is None else "reached" if self.reached else "not reached"


def at_least(theme: str, name: str, value: float, bound: float, note: str = "") -> Figure:
    """A figure that should not be lower than `bound`; an undefined value does not reach it."""
    return Figure(theme, name, _known(value), f"at least {bound:g}", value >= bound, note)


def at_most(theme: str, name: str, value: float, bound: float, note: str = "") -> Figure:
    """A figure that should not be higher than `bound`; an undefined value does not reach it."""
    return Figure(theme, name, _known(value), f"at most {bound:g}", value <= bound, note)


def between(theme: str, name: str, value: float, low: float, high: float, note: str = "") -> Figure:
    """A figure that should lie in low..high."""
    return Figure(theme, name, _known(value), f"{low:g} to {high:g}", low <= value <= high, note)


def told(theme: str, name: str, value: float, note: str = "") -> Figure:
    """A figure of which nothing is wanted."""
    return Figure(theme, name, _known(value), note=note)


def skipped(theme: str, name: str, why: str) -> Figure:
    """What could not be measured here, and why, in words."""
    return Figure(theme, name, None, note=why)


def _known(value: float) -> float:
    """JSON and tables have no word for an undefined number; a bound it misses is told by `reached`."""
    return value if math.isfinite(value) else math.copysign(1e9, value)
