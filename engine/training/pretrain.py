"""Trains the generator from a folder of photographs: `python -m engine.training.pretrain --preset cpu-100min ...`.

Needs torch, numpy, pillow and safetensors only. A run is resumable: the same command goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.errors import EngineError
from engine.runtime.steps import at_once
from engine.training import keeping, phases, toning, upscaling
from engine.training.adversary import ADVERSARIES, Adversary
from engine.training.dataset import PhotoSet
from engine.training.presets import PRESETS, Kind, Phase, Preset
from engine.training.run import Networks, Run, averaged
from engine.training.validation import Validation, write_strip
from engine.training.watches import Watches
from engine.types import Progress

STEPS: dict[Kind, phases.Step] = {
    "content": phases.content,
    "content_kept": keeping.content_kept,
    "tone": toning.tone,
    "features": phases.features,
    "critic": phases.critic,
    "joint": phases.joint,
    "palette": toning.palette,
    "unfade": toning.unfade,
    "upscale": upscaling.clean,
    "upscale_mixed": upscaling.mixed,
    "upscale_critic": upscaling.critic,
    "upscale_joint": upscaling.joint,
}
GROUPS: dict[str, tuple[str, ...]] = {
    "content": ("backbone",),
    "content_kept": ("backbone", "head"),
    "tone": ("tone", "encoder"),
    "features": ("features", "features_out"),
    "critic": ("critic",),
    "joint": ("head", "backbone.features", "backbone.fine"),
    "palette": ("tone",),
    "unfade": ("tone.unfade",),
    "upscale": ("upscaler",),
}
TRAINS: dict[Kind, tuple[str, ...]] = {  # which groups a phase moves, where it is not the one of its own name
    "joint": ("joint", "critic"),
    "upscale_mixed": ("upscale",),
    "upscale_critic": ("critic",),
    "upscale_joint": ("upscale", "critic"),
}


def new_run(folder: Path, device: torch.device, seed: int, game: Adversary = ADVERSARIES["relativistic"]) -> Run:
    """Fresh networks and optimisers; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    nets = Networks().to(device)
    nets.to(memory_format=torch.channels_last)
    optimisers: dict[str, torch.optim.Optimizer] = {
        group: torch.optim.Adam(
            [p for name in names for p in nets.get_submodule(name).parameters()],
            betas=game.betas if group == "critic" else (0.9, 0.99),
        )
        for group, names in GROUPS.items()
    }
    return Run(folder, nets, averaged(nets), optimisers)


@dataclass(frozen=True, slots=True)
class Options:
    """Where a run finds more than its photographs, and how long it may take."""

    styles: Path | None = None  # paintings and prints, for the style encoder and the head
    validation: Path | None = None  # photographs never trained on; the training ones serve where there are none
    device: str = "cpu"
    seconds: float = math.inf  # stop for good after so long; the same call goes on from there
    echo: bool = False  # whether the log is also printed
    start: tuple[Path, ...] = ()  # weight files and checkpoints a new run begins from; the later overrule the earlier


def train(preset: Preset, data: Path, out: Path, options: Options | None = None) -> Generator[Progress, None, Run]:
    """Runs or resumes the preset, yielding after every step.

    Raises EngineError where a folder holds no photographs.
    """
    options = options or Options()
    device = torch.device(options.device)
    try:
        run = new_run(out, device, preset.seed, ADVERSARIES[preset.adversary])
    except OSError as error:
        raise EngineError(f"A run cannot be kept in “{out}” ({error.strerror}); choose another folder.") from error
    run.echo = options.echo
    resumed = run.load()
    if run.counters.setdefault("preset", preset.name) != preset.name:
        raise EngineError(f"“{out}” holds a run of the preset “{run.counters['preset']}”; choose another folder.")
    if not resumed:
        _begin(run, preset, options.start)
    try:
        school = _school(preset, data, options, device)
    except (ValueError, OSError) as error:
        raise EngineError(f"{error} Choose a folder of clean photographs.") from error
    run.log(
        event="resume" if resumed else "start",
        preset=preset.name,
        photos=len(school.photos.photos),
        device=str(device),
    )
    stop = time.monotonic() + options.seconds
    while run.counters["phase"] < len(preset.phases) and time.monotonic() < stop:
        yield from _phase(run, preset, school, stop)
    return run


def _begin(run: Run, preset: Preset, start: tuple[Path, ...]) -> None:
    """What a new run begins from; EngineError where it needs more than it was given."""
    if preset.needs_start and not start:
        raise EngineError(
            f"The preset “{preset.name}” goes on with a finished model; name its weights with --start of "
            "`python -m engine.training.pretrain`."
        )
    for path in start:
        run.begin_from(path)


@dataclass(frozen=True, slots=True)
class School:
    """What stays the same through a run: pictures to learn from, pictures to be judged by, the device."""

    photos: PhotoSet
    styles: PhotoSet | None
    judge: Validation
    device: torch.device
    teacher: Networks | None = None


def _school(preset: Preset, data: Path, options: Options, device: torch.device) -> School:
    judge = PhotoSet(options.validation or data, pages=0, limit=preset.validation_pictures)
    return School(
        photos=PhotoSet(data, limit=preset.photos),
        styles=PhotoSet(options.styles, pages=0, longest=768) if options.styles else None,
        judge=Validation(judge, preset, device),
        device=device,
        teacher=_teacher(preset, options.start, device),
    )


def _teacher(preset: Preset, start: tuple[Path, ...], device: torch.device) -> Networks | None:
    """The finished model, which does not move, where a phase of the preset looks at it: the first that is named. A run
    may begin from a later one, that has learned on already."""
    if all(phase.kind != "content_kept" for phase in preset.phases):
        return None
    if not start:
        raise EngineError(f"The preset “{preset.name}” goes on with a finished model; name its weights to start from.")
    nets = Networks()
    teacher = Run(Path(), nets, averaged(nets), {})
    teacher.begin_from(start[0])
    return nets.to(device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload,no-any-return]


def _phase(run: Run, preset: Preset, school: School, stop: float) -> Generator[Progress, None, None]:
    phase = preset.phases[run.counters["phase"]]
    if run.counters["step"] == 0:
        run.adopt_average()
    game = ADVERSARIES[preset.adversary]
    watches = Watches(run.scales, game.blind) if phase.kind == "joint" else None
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()  # not every step has every figure
    last = saved = time.monotonic()
    while (done := _share_done(run, phase)) < 1 and time.monotonic() < stop:
        counters = run.counters
        rate = _set_rate(run, phase, done, game)
        seed = preset.seed * 1_000_003 + counters["total"]
        lesson = phases.Lesson(
            school.photos, school.styles, phase, school.device, seed, game, watches, teacher=school.teacher
        )
        figures = _step(phase.kind, watches, counters["step"])(run, lesson)
        if watches is not None:
            _watch_step(run, watches, figures)
        finite = {name: value for name, value in figures.items() if math.isfinite(value)}
        sums.update(finite)
        counts.update(finite.keys())
        counters["step"] += 1
        counters["total"] += 1
        now = time.monotonic()
        counters["seconds"] += now - last
        last = now
        yield Progress(int(1000 * done), 1000, phase.kind)
        if counters["step"] % 50 == 0:
            run.log(kind=phase.kind, rate=rate, **{k: round(v / counts[k], 5) for k, v in sums.items()})
            sums.clear()
            counts.clear()
        if now - saved > 60 * preset.checkpoint_minutes:
            _measure_and_save(run, phase.kind, school.judge, watches)
            saved = last = time.monotonic()
    _measure_and_save(run, phase.kind, school.judge, watches)
    if _share_done(run, phase) >= 1:
        run.counters |= {"phase": run.counters["phase"] + 1, "step": 0, "seconds": 0.0}
        run.save()


def _step(kind: Kind, watches: Watches | None, number: int) -> phases.Step:
    """The phase's step; the critic's alone where a watch asks for it."""
    return phases.critic if watches is not None and watches.alone(number) else STEPS[kind]


def _watch_step(run: Run, watches: Watches, figures: dict[str, float]) -> None:
    told = watches.step(figures, run.counters["step"])
    if "norm" in figures and watches.gradient(figures["norm"]) == "back":
        told = "two bad gradients in a row: back to the best" if run.back_to("best-joint") else told
    if told:
        run.log(kind="joint", event="watch", told=told)


def _share_done(run: Run, phase: Phase) -> float:
    counters = run.counters
    return float(counters["step"] / phase.steps if phase.steps else counters["seconds"] / (60 * phase.minutes))


def _set_rate(run: Run, phase: Phase, done: float, game: Adversary) -> float:
    """A short warm-up, then a cosine down to 2 % of the phase's rate; the critic keeps up with the head, at the rate
    its game asks for and the watches leave it."""
    warm = min(1.0, (run.counters["step"] + 1) / 100)
    rate: float = phase.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
    for name in TRAINS.get(phase.kind, (phase.kind,)):
        share = 1.0
        if name == "critic":
            share = run.scales.get("critic_rate", 1.0) * (game.rate / phase.rate if game.rate else 1.0)
        for group in run.optimisers[name].param_groups:
            group["lr"] = rate * share
    return rate


def _measure_and_save(run: Run, kind: Kind, judge: Validation, watches: Watches | None) -> None:
    """Validates the averaged weights; keeps them as best-<kind> where they measure best, and the run as last."""
    figures = judge.measure(run, kind)
    run.log(kind=kind, event="validation", **{k: round(v, 4) for k, v in figures.items()})
    write_strip(judge.strip, run.folder / "preview.png")
    score = figures.get("score", -math.inf)
    reason = watches.validation(figures) if watches is not None else None
    if reason is None and score > run.best.get(kind, -math.inf):
        run.best[kind] = score
        run.save(f"best-{kind}")
    if reason is not None:
        there = run.back_to(f"best-{kind}")
        run.log(kind=kind, event="watch", told=reason if there else f"{reason}, of which there is none yet")
    run.save()


def main() -> None:
    """The command: see `--help`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of clean photographs")
    parser.add_argument("--validation", type=Path, help="folder of clean photographs never trained on")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; the same folder resumes it")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--styles", type=Path, help="folder of paintings and prints to learn styles from")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after so long; run again to go on")
    parser.add_argument("--start", type=Path, action="append", default=[], help="weights a new run begins from")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    options = Options(
        arguments.styles,
        arguments.validation,
        arguments.device,
        arguments.seconds,
        echo=True,
        start=tuple(arguments.start),
    )
    try:
        at_once(train(PRESETS[arguments.preset], arguments.data, arguments.out, options))
    except EngineError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
