"""Watches over the adversarial game: what goes wrong in it, when that counts as wrong, and what is done about it.

What they remember lies in the `memory` they are given: a run's scales, so that a resumed run remembers it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

TOO_GOOD = 0.95  # share of pairs the critic tells right, over about 200 steps or what `steps` says
BLIND = 0.995  # of the loss of a critic that tells nothing, over 500 steps
LAB_SHIFT = 2.0  # mean distance in CIE Lab that the default may move away from alpha = 10
TEXTURE = (0.35, 1.6)  # output over clean at the default
COLLAPSE = 0.5  # of the widest spread over (alpha, beta) the phase has reached
LEAST_SPREAD = 0.002  # half a level of 255; what never spread further cannot collapse
NORM = 10.0  # times the usual gradient
WON = "critic too good: its steps rest, its rate is halved, its penalty doubled"
REST = 200  # steps until the same watch may speak again


class Watches:
    """Looks at every step and at every validation of a joint phase. Names what it did, for the log."""

    def __init__(self, memory: dict[str, float], blind_loss: float, *, steps: int = 200) -> None:
        self.memory, self.steps = memory, steps
        self.blind_loss = blind_loss
        for name, start in (("gan", 1.0), ("r1", 1.0), ("critic_rate", 1.0), ("contrast", 1.0)):
            self.memory.setdefault(name, start)

    @property
    def skip_critic(self) -> bool:
        """Whether the critic is too far ahead to be taught further."""
        return self.memory.get("accuracy", 0.5) > TOO_GOOD

    def step(self, figures: Mapping[str, float], number: int) -> str | None:
        """After a step; `figures` as the step returns them, `number` counts the phase's steps."""
        if "accuracy" in figures:
            self._follow("accuracy", figures["accuracy"], 1 / self.steps, 0.5)
        if "critic" in figures and self.blind_loss > 0:
            self._follow("critic_loss", figures["critic"], 1 / 500, 0.9 * self.blind_loss)
        if number - self.memory.get("spoke", -REST) < REST:
            return None
        if self.memory.get("accuracy", 0.5) > TOO_GOOD:
            self.memory["critic_rate"] *= 0.5
            self.memory["r1"] *= 2
            return self._spoke(number, WON)
        if number > 500 and self.blind_loss > 0 and self.memory.get("critic_loss", 0.0) > BLIND * self.blind_loss:
            self.memory["critic_rate"] = min(4.0, 2 * self.memory["critic_rate"])
            self.memory["alone_until"] = float(number + REST)
            return self._spoke(number, "critic blind: its rate is doubled, it trains alone for a while")
        return None

    def alone(self, number: int) -> bool:
        """Whether the critic trains alone at this step."""
        return number < self.memory.get("alone_until", 0.0)

    def gradient(self, norm: float) -> str | None:
        """After the generator's gradient was clipped or skipped. "back" after two bad ones in a row."""
        usual = self.memory.get("norm", norm)
        bad = not math.isfinite(norm) or norm > NORM * max(usual, 1e-6)
        if not bad:
            self._follow("norm", norm, 1 / 100, norm)
            self.memory["bad_norms"] = 0.0
            return None
        self.memory["bad_norms"] = self.memory.get("bad_norms", 0.0) + 1
        return "back" if self.memory["bad_norms"] >= 2 else "skip"

    def validation(self, figures: Mapping[str, float]) -> str | None:
        """After a validation: the reason to go back to the best weights, where there is one."""
        watched = {name: figures[name] for name in ("lab_shift", "texture_1", "spread") if name in figures}
        if not all(math.isfinite(value) for value in watched.values()):
            return "what is drawn is not finite: back to the best"
        shift, texture, spread = (watched.get(n, math.nan) for n in ("lab_shift", "texture_1", "spread"))
        if shift > LAB_SHIFT:
            self.memory["gan"] *= 0.5
            return f"colours moved by {shift:.1f}: back to the best, the critic's weight is halved"
        if texture > TEXTURE[1] or texture < TEXTURE[0]:
            self.memory["gan"] *= 0.7 if texture > TEXTURE[1] else 1.4
            return f"texture {texture:.2f} of the clean: back to the best"
        widest = self.memory.get("widest", 0.0)
        if spread < COLLAPSE * widest and widest > LEAST_SPREAD:
            self.memory["contrast"] *= 2
            return f"outputs became alike ({spread:.4f} apart of {widest:.4f}): back to the best"
        if spread > widest:
            self.memory["widest"] = spread
        return None

    def _follow(self, name: str, value: float, share: float, start: float) -> None:
        if math.isfinite(value):
            before = self.memory.get(name, start)
            self.memory[name] = before + share * (value - before)

    def _spoke(self, number: int, words: str) -> str:
        self.memory["spoke"] = float(number)
        return words
