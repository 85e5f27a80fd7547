"""Figures with their wanted bounds: what a scoreboard is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `reached` is None where nothing is wanted of it or it could not be measured. `value` is
    None where that is so, or where what was measured is no number."""

    theme: str
    name: str
    value: float | None
    wanted: str = ""
    reached: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.reached is not None:
            return "reached" if self.reached else "not reached"
        return "skipped" if self.value is None else ""


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


def _known(value: float) -> float | None:
    """JSON has no word for what is no number, nor for infinity, which becomes a billion."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else math.copysign(1e9, value)
