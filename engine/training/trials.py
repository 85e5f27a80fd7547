"""Short trainings of the head that differ in one thing and have the same start, length and seed; their figures.

python -m engine.training.trials games --start WEIGHTS --data DIR --validation DIR --styles DIR --out DIR
python -m engine.training.trials corners ...

"games" compares the three ways to play generator against critic. "corners" asks what one network for all loss weights
costs: at three corners of (alpha, beta), how much larger its objective is than that of a network trained for that
corner alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models import objective
from engine.models.generator import NOISE, condition
from engine.models.style_encoder import REFERENCE_SIZE
from engine.styles import processes
from engine.training.adversary import ADVERSARIES
from engine.training.dataset import PhotoSet
from engine.training.presets import PRESETS, Phase, Preset
from engine.training.pretrain import Options, train
from engine.training.run import Run
from engine.training.validation import SEED, Validation

CORNERS = ((10.0, 0.0), (10.0, 10.0), (0.1, 10.0))  # at (0.1, 0) the critic decides, and every run has its own


def games(preset: Preset, data: Path, out: Path, options: Options) -> Iterator[tuple[str, dict[str, float]]]:
    """Each game's name with the figures of its validation: PSNR and texture along the slider, among others."""
    for name in ADVERSARIES:
        run = _trained(replace(preset, name=f"{preset.name}-{name}", adversary=name), data, out / name, options)
        judge = Validation(_judged(data, options, preset), preset, torch.device(options.device))
        yield name, judge.measure(run, "joint")


def corners(preset: Preset, data: Path, out: Path, options: Options) -> Iterator[tuple[str, dict[str, float]]]:
    """Each corner's name with the objective of the network for all weights, of its own, and the first over the second.

    The objective is (alpha L_content + beta L_style) / (alpha + beta) over the validation pictures.
    """
    pictures = _judged(data, options, preset)
    judge = Validation(pictures, preset, torch.device(options.device))
    references = _references(pictures, preset.validation_pictures).to(judge.batch.clean.device)
    conditional = _trained(preset, data, out / "all", options)
    for alpha, beta in CORNERS:
        alone = replace(preset, name=f"{preset.name}-{alpha:g}-{beta:g}", phases=_for_corner(preset, (alpha, beta)))
        own = _trained(alone, data, out / f"{alpha:g}-{beta:g}", options)
        scales = conditional.scales  # each its own would be two measures
        values = [_objective(run, judge, references, alpha, beta, scales) for run in (conditional, own)]
        yield f"alpha {alpha:g}, beta {beta:g}", {"all": values[0], "own": values[1], "ratio": values[0] / values[1]}


def _for_corner(preset: Preset, corner: tuple[float, float]) -> tuple[Phase, ...]:
    return tuple(replace(phase, corner=corner) for phase in preset.phases)


def _trained(preset: Preset, data: Path, out: Path, options: Options) -> Run:
    steps = train(preset, data, out, options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            run: Run = end.value
            run.adopt_average()
            return run


def _judged(data: Path, options: Options, preset: Preset) -> PhotoSet:
    return PhotoSet(options.validation or data, pages=0, limit=preset.validation_pictures)


def _references(photos: PhotoSet, count: int) -> Tensor:
    """(count, 3, 256, 256): photographs as prints of all the processes in turn."""
    pictures = photos.batch(count, REFERENCE_SIZE, SEED + 1)
    kinds = [processes.PROCESSES[number % len(processes.PROCESSES)] for number in range(count)]
    prints = [processes.as_print(kind, picture) for kind, picture in zip(kinds, torch.split(pictures, 1), strict=True)]
    return torch.cat(prints)


@torch.no_grad()
def _objective(
    run: Run, judge: Validation, references: Tensor, alpha: float, beta: float, scales: Mapping[str, float]
) -> float:
    """(alpha L_content + beta L_style) / (alpha + beta) of what a run makes of the validation pictures."""
    x, truth = judge.batch.aged, judge.batch.toned
    n, _, height, width = x.shape
    drawn = torch.rand(n, NOISE, height // 4, width // 4, generator=torch.Generator().manual_seed(SEED))
    seen = run.nets.backbone(x)
    z = condition(x.new_full((n,), alpha), x.new_full((n,), beta), run.nets.encoder(references))
    y = x + run.nets.head(seen, drawn.to(x) * 2 - 1, z)
    side = objective.SQUARE
    content, style = objective.distances(run.nets.features, y, truth, references[..., :side, :side])
    scaled = alpha * content / scales["content"] + beta * style / scales["style"]
    return float(scaled.mean() / (alpha + beta))


def main() -> None:
    """The command: see `--help`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("games", "corners"))
    parser.add_argument("--start", type=Path, required=True, help="weights whose backbone and features all begin with")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="head-short")
    parser.add_argument("--data", type=Path, required=True, help="folder of clean photographs")
    parser.add_argument("--validation", type=Path, help="folder of clean photographs never trained on")
    parser.add_argument("--styles", type=Path, help="folder of paintings and prints to learn styles from")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs; the same folder resumes them")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    options = Options(arguments.styles, arguments.validation, arguments.device, start=(arguments.start,))
    trial = games if arguments.which == "games" else corners
    found: dict[str, Any] = {}
    for name, figures in trial(PRESETS[arguments.preset], arguments.data, arguments.out, options):
        found[name] = {key: round(value, 4) for key, value in figures.items()}
        print(json.dumps({name: found[name]}), flush=True)
    (arguments.out / f"{arguments.which}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
