"""How far a collection may lead a model away from what it was: as far as ordinary pictures bear.

That is a bound, not a wish to be weighed against others. So the weight of rehearsing follows what ordinary pictures
have lost (a Lagrange multiplier that is learned, as in Platt & Barr, "Constrained differential optimization", 1988), a
measurement is worth what remains of it once the bound is kept, and in the end only as much of the way is kept as loses
less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, MutableMapping

from torch import Tensor

from engine.training.held_out import ALLOWED_LOSS
from engine.training.rehearsal import towards
from engine.training.run import Run
from engine.types import Progress

FIRST = {"backbone": 1.0, "head": 4.0}  # weights of rehearsing before anything was measured
# The figure that each weight follows, and the share of the allowed loss that is aimed at: below 1, so that a little
# more by chance does not cost a part of what was learned. Most of it is the backbone's, which mends.
FOLLOWS = {"backbone": ("lost_faithful", 0.6), "head": ("lost", 0.8)}
BOUNDS = (0.5, 64.0)  # of the weights
LEAP = (0.7, 2.0)  # how much a weight falls and grows at most from one measurement to the next
HALVINGS = 4  # of the interval in which the share of what was learned is looked for, where not all of it is kept
Measured = Callable[[], Generator[Progress, None, tuple[dict[str, float], list[Tensor]]]]


def held(scales: Mapping[str, float], part: str) -> float:
    """The weight of what rehearsing asks of the "backbone" or the "head"."""
    return scales.get(f"held_{part}", FIRST[part])


def hold(scales: MutableMapping[str, float], figures: Mapping[str, float]) -> None:
    """Rehearses more where ordinary pictures have lost more dB than is aimed at, less where they have lost less."""
    for part, (name, aim) in FOLLOWS.items():
        if math.isfinite(figures[name]):
            # Half of what is too much, since the averaged weights tell late.
            change = math.sqrt(max(0.0, figures[name]) / (aim * max(ALLOWED_LOSS, 1e-3)))
            weight = held(scales, part) * min(LEAP[1], max(LEAP[0], change))
            scales[f"held_{part}"] = min(BOUNDS[1], max(BOUNDS[0], weight))


def remaining(figures: Mapping[str, float], start: Mapping[str, float]) -> float:
    """The mean of "own_10" and "own_1" in dB that is left once ordinary pictures lose no more than is allowed.

    What is lost grows about as the square of the way from `start`, what is gained about as the way: the share of it
    that keeps the bound is known without measuring it.
    """
    own, before = ((f["own_10"] + f["own_1"]) / 2 for f in (figures, start))
    share = min(1.0, math.sqrt(max(0.0, ALLOWED_LOSS) / max(figures["lost"], 1e-6)))
    return before + share * (own - before) if own > before else own


def give_back(run: Run, start: Mapping[str, Tensor], measured: Measured) -> Generator[Progress, None, None]:
    """Keeps as much of the best weights, which are the run's average now, as ordinary pictures bear: all of it, or the
    largest share of the way to them at which no more than `ALLOWED_LOSS` is lost."""
    first, best = run.counters["first_figures"], run.counters["best_figures"]
    if best["lost"] <= ALLOWED_LOSS:
        return
    whole = {key: value.clone() for key, value in run.average.items()}
    kept, low, high = (0.0, first), 0.0, 1.0
    for _ in range(HALVINGS):
        share = (low + high) / 2
        run.average.update(towards(whole, start, share))
        figures, _ = yield from measured()
        if figures["lost"] <= ALLOWED_LOSS:
            low, kept = share, (share, figures)
        else:
            high = share
    if kept[1]["score"] < first["score"]:
        kept = (0.0, first)
    share, run.counters["best_figures"] = kept
    run.average.update(towards(whole, start, share))
    sentence = (
        f"Ordinary pictures would have lost {best['lost']:.1f} dB, so only {share:.0%} of what was learned is kept."
    )
    run.counters["told"] = [*run.counters.get("told", []), sentence]
    run.log(event="given back", share=share, **{k: round(v, 4) for k, v in kept[1].items()})
