"""Enlargements of photographs that were shrunk bicubically, against the photographs themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from engine.errors import ModelError
from engine.evaluation import peers
from engine.evaluation.benchmark import Candidate, Evaluation, Pair, Pixels, evaluate, pictures, read_truth
from engine.evaluation.figures import Figure, at_least, at_most, skipped, told
from engine.evaluation.hall import Hall, Theme
from engine.evaluation.metrics import SMALLEST_SIDE
from engine.evaluation.ours import TRIAL, candidate
from engine.models.upscale import UPSCALES
from engine.rendering.pipeline import Pipeline
from engine.rendering.studio import Studio
from engine.types import SHIPPED_MODEL, Comparison, Progress, Recipe

ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0)
GAINS = {2: 1.8, 4: 1.0}  # dB of PSNR above bicubic enlargement that are wanted at alpha 10
_SIDE = 1024  # pixels of the square that times are taken on


def pairs(clean_dir: Path, scale: int) -> tuple[Pair, ...]:
    """The photographs of a folder, cropped to a multiple of the scale, each with itself made small; ImageError."""

    def reader(path: Path) -> Callable[[], tuple[Pixels, Pixels]]:
        def read() -> tuple[Pixels, Pixels]:
            return shrunk(read_truth(path), scale)

        return read

    return tuple(Pair(path.stem, reader(path)) for path in pictures(clean_dir).values())


def shrunk(clean: Pixels, scale: int) -> tuple[Pixels, Pixels]:
    """A photograph (H, W, 3), cropped to a multiple of the scale, and the same shrunk as Pillow does it bicubically.

    Pictures too small for that are made larger by repeating their last row and column.
    """
    least = SMALLEST_SIDE * scale
    height, width = (max(least, side - side % scale) for side in clean.shape[:2])
    more = [(0, max(0, wanted - side)) for wanted, side in zip((height, width), clean.shape[:2], strict=True)]
    large = np.ascontiguousarray(np.pad(clean, (*more, (0, 0)), mode="edge")[:height, :width])
    return large, _resized(large, (width // scale, height // scale))


def bicubic(scale: int) -> Candidate:
    """What everybody has: bicubic enlargement."""
    return lambda small: _resized(small, (small.shape[1] * scale, small.shape[0] * scale))


def candidates(
    pipeline: Pipeline,
    base: Recipe,
    nets: Sequence[tuple[str, Pipeline]],
    alphas: Sequence[float] = ALPHAS,
) -> dict[str, Candidate]:
    """Bicubic enlargement by the scale of `base`, ours at these alphas, and these networks."""
    scale = base.scale
    found = {"bicubic": bicubic(scale)}
    found |= {f"archivist, alpha {a:g}": candidate(pipeline, replace(base, alpha=a)) for a in alphas}
    found |= {name: candidate(net, Recipe(scale=scale)) for name, net in nets}
    for enlarge in found.values():
        enlarge(TRIAL)  # for what is only done once: loading, folding
    return found


def compare(studio: Studio, comparison: Comparison) -> Generator[Progress, None, Evaluation]:
    """Steps that measure enlargements of `comparison.scale`. Raises ImageError, ModelError and RecipeError."""
    files = peers.named(comparison.peers, ("bicubic",))
    nets = [(name, peers.load(file, studio)) for name, file in files.items()]
    for name, net in nets:
        if net.card.scale < comparison.scale:
            raise ModelError(f"“{name}” does not enlarge {comparison.scale} times; leave it out, or enlarge less.")
    chosen = candidates(studio.pipeline(SHIPPED_MODEL), Recipe(scale=comparison.scale), nets)
    return (yield from evaluate(pairs(Path(comparison.clean), comparison.scale), chosen))


def upscaling(hall: Hall) -> Theme:
    """Both sizes: what is gained over bicubic enlargement, how sharp it is, and what it costs."""
    figures: list[Figure] = []
    if hall.pipeline.card.scale == 1:
        return [skipped("upscaling", "everything", "the model has no tail to enlarge with")]
    for scale in UPSCALES:
        figures += yield from _one_scale(hall, scale)
    return figures


def _one_scale(hall: Hall, scale: int) -> Generator[Progress, None, list[Figure]]:
    nets = [hall.peer_net] if hall.peer_net is not None and hall.peer_net[1].card.scale == scale else []
    chosen = candidates(hall.pipeline, Recipe(scale=scale, thorough=hall.thorough), nets, (1.0, 10.0))
    judged = pairs(hall.clean, scale)[: hall.limit]
    found = yield from evaluate(judged, chosen)
    seconds = yield from _seconds(
        judged[0].read()[1], {name: chosen[name] for name in ("archivist, alpha 10", *dict(nets))}
    )
    plain, best, usual = (found.candidates[name] for name in ("bicubic", *(f"archivist, alpha {a}" for a in (10, 1))))
    theme, size = "upscaling", f"x{scale}"
    figures = [
        told(theme, f"{size}: PSNR of bicubic enlargement", plain["psnr"], "dB"),
        at_least(theme, f"{size}, alpha 10: PSNR above that", best["psnr"] - plain["psnr"], GAINS[scale], "dB"),
        told(theme, f"{size}, alpha 10: texture, output / truth", best["texture"]),
        told(theme, f"{size}, default: texture, output / truth", usual["texture"]),
        told(theme, f"{size}: one megapixel", seconds["archivist, alpha 10"], "s"),
    ]
    for name, _ in nets:
        theirs = found.candidates[name]
        share = seconds["archivist, alpha 10"] / seconds[name]
        figures += [
            at_least(theme, f"{size}, alpha 10: PSNR above {name}", best["psnr"] - theirs["psnr"], 0.0, "dB"),
            at_least(theme, f"{size}, default: texture / {name}'s", usual["texture"] / theirs["texture"], 1.0),
            at_most(theme, f"{size}: share of {name}'s time", share, 1 / 10),
        ]
    return figures


def _seconds(small: Pixels, enlargers: Mapping[str, Candidate]) -> Generator[Progress, None, dict[str, float]]:
    """Seconds each takes for a megapixel to be enlarged, made of repetitions of a picture; the better of two."""
    repeats = [-(-_SIDE // side) for side in small.shape[:2]]
    large = np.ascontiguousarray(np.tile(small, (*repeats, 1))[:_SIDE, :_SIDE])
    found = {}
    for number, (name, enlarge) in enumerate(enlargers.items()):
        times = []
        for _ in range(2):
            yield Progress(number, len(enlargers), f"{name}: time")
            start = time.perf_counter()
            enlarge(large)
            times.append((time.perf_counter() - start) / (_SIDE * _SIDE / 1e6))
        found[name] = min(times)
    return found


def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """To (width, height)."""
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), dtype=np.uint8)
