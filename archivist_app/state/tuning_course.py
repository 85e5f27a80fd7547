"""The steps of a fine-tuning as curves: smoothed, a point a second, and never more than can be drawn. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine.types import TuningStep

EVERY = 1.0  # seconds from one point to the next
MOST = 400  # points, from which on every second one goes
SMOOTH = 0.05  # weight of a new value in its running mean


@dataclass(slots=True)
class Course:
    """What has been heard of a run so far; `points[name]` are (step, running mean), oldest first."""

    points: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    began: int | None = None  # steps that were behind it when it was first heard of
    step: int = 0
    _means: dict[str, tuple[int, float]] = field(default_factory=dict)  # how many values, and their mean
    _last: float = -math.inf

    def note(self, heard: TuningStep, now: float) -> bool:
        """Take in how the last step went; True where there is a new point. `now` is in seconds."""
        if heard.message != "learning":  # before the first step it is not known yet where the run stands
            return False
        if self.began is None:
            self.began = self.step = heard.step
        if heard.step == self.step:
            return False
        self.step = heard.step
        for name, value in heard.figures.items():
            if math.isfinite(value):
                count, mean = self._means.get(name, (0, 0.0))
                self._means[name] = count + 1, mean + (value - mean) * max(SMOOTH, 1 / (count + 1))
        if now - self._last < EVERY:
            return False
        self._last = now
        for name, (_, mean) in self._means.items():
            line = self.points.setdefault(name, [])
            line.append((self.step, mean))
            if len(line) > MOST:
                del line[1:-1:2]
        return True
