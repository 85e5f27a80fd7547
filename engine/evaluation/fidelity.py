"""How near restorations come to the truth: damage, noise, and the time it takes beside another network."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import asdict, replace

import numpy as np

from engine.evaluation.benchmark import Candidate, Pixels, as_it_is
from engine.evaluation.figures import at_least, at_most, between, skipped, told
from engine.evaluation.hall import Hall, Pictures, Theme, mean
from engine.evaluation.metrics import score
from engine.evaluation.ours import candidate
from engine.types import Progress, Recipe

FAITHFUL, DEFAULT = Recipe(alpha=10.0), Recipe()
CRISP = Recipe(alpha=0.3)
SIGMA = 25.0  # of the white noise, in 255ths


def fidelity(hall: Hall) -> Theme:
    """PSNR, SSIM, FSIM and texture on damaged pictures, at alpha 10 and at the default."""
    name, pairs = "fidelity", hall.damaged
    untouched = yield from scores(pairs, as_it_is)
    best = yield from scores(pairs, hall.restorer(FAITHFUL))
    usual = yield from scores(pairs, hall.restorer(DEFAULT))
    crisp = yield from scores(pairs, hall.restorer(CRISP))
    return [
        told(name, "input: PSNR, fitted", untouched["fitted_psnr"], "dB"),
        at_least(name, "alpha 10: PSNR, fitted", best["fitted_psnr"], 24.8, "dB"),
        at_least(name, "alpha 10: SSIM", best["ssim"], 0.69),
        at_least(name, "alpha 10: FSIM", best["fsim"], 0.885),
        between(name, "default: texture, output / truth", usual["texture"], 0.75, 1.15),
        at_least(name, "default: PSNR, fitted", usual["fitted_psnr"], 23.7, "dB"),
        at_least(name, "texture at alpha 0.3 / at alpha 10", crisp["texture"] / best["texture"], 1.5),
    ]


def speed(hall: Hall) -> Theme:
    """Seconds per megapixel, and the share of another network's time on the same pictures."""
    pictures = [damaged for _, damaged in hall.damaged][:4]
    ours = yield from _seconds(pictures, candidate(hall.pipeline, replace(FAITHFUL, thorough=hall.thorough)))
    figures = [told("speed", "a full pass", ours, "s/Mpx")]
    if hall.peer is None:
        return [*figures, skipped("speed", "share of another network's time", "no network was named with --peer")]
    name, peer = hall.peer
    theirs = yield from _seconds(pictures, peer)
    share = at_most("speed", f"share of {name}'s time", ours / theirs, 1 / 15)
    return [*figures, told("speed", name, theirs, "s/Mpx"), share]


def noise(hall: Hall) -> Theme:
    """White noise on clean pictures, at alpha 10."""
    draw = np.random.default_rng(25)
    values = []
    for number, clean in enumerate(hall.cleans):
        yield Progress(number, len(hall.cleans), "white noise")
        noisy = np.rint(np.clip(clean + draw.normal(0, SIGMA, clean.shape), 0, 255)).astype(np.uint8)
        values.append(score(hall.restore(noisy, FAITHFUL), clean).psnr)
    return [at_least("noise", f"white noise, sigma {SIGMA:g}: PSNR", mean(values), 29.0, "dB")]


def scores(pairs: Pictures, restore: Candidate) -> Generator[Progress, None, dict[str, float]]:
    """Means of all figures over (clean, damaged) pictures."""
    rows: list[dict[str, float]] = []
    for number, (clean, damaged) in enumerate(pairs):
        yield Progress(number, len(pairs), "against the truth")
        rows.append(asdict(score(restore(damaged), clean)))
    return {key: mean([row[key] for row in rows]) for key in rows[0]}


def _seconds(pictures: list[Pixels], restore: Candidate) -> Generator[Progress, None, float]:
    """Seconds a megapixel; the first picture warms up and does not count."""
    restore(pictures[0])
    spent, area = 0.0, 0
    for number, picture in enumerate(pictures):
        yield Progress(number, len(pictures), "timing")
        start = time.perf_counter()
        restore(picture)
        spent, area = spent + time.perf_counter() - start, area + picture.shape[0] * picture.shape[1]
    return spent / (area / 1e6)
