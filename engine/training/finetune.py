"""Teaches a finished model the grain, the process and the damage of one collection: 10 to 200 of its own pictures.

What is learned is small: updates of low rank to the backbone's convolutions, and the head. In turns the backbone mends
against the truth, the head plays against the discriminator that came with the model, which sees the few pictures
changed at random, and both rehearse what they could do before (`rehearsal.py`). Every `CHECK` steps the averaged
weights are measured on held-out pictures; the best are kept, the model it began from among them, so that what is
proposed is never worse than that by this measure. If ordinary pictures lost more than is allowed all the same, only as
much of what was learned is kept as they bear.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from engine.models import low_rank
from engine.models.catalog import read_card
from engine.models.weights import save_tuned
from engine.projects.atomic import make_folder_for, replacing
from engine.runtime.steps import retold, unless
from engine.styles.encode import encode
from engine.training import phases, restraint, unpaired
from engine.training.adversary import ADVERSARIES
from engine.training.aging import Aged
from engine.training.collection import Collection, warnings_about
from engine.training.dataset import Pictures
from engine.training.held_out import HeldOut
from engine.training.presets import Phase
from engine.training.rehearsal import Rehearsal, judged
from engine.training.run import Networks, Run, averaged
from engine.training.tuned import card_of, earlier_checks, note_check, put_away
from engine.training.validation import write_strip
from engine.training.watches import WON, Watches
from engine.types import Progress, Tuned, Tuning, TuningBegun, TuningCheck, TuningStep

CHECK = 100  # steps from one measurement to the next
KEEP = 30.0  # seconds after which a checkpoint is written, measured or not: what a kill costs at most
RATE = 1.0e-3  # of the updates; the head's is HEAD_RATE
HEAD_RATE = 2e-4
WORSE = 0.3  # dB below the best at which the run goes back to it
GROWN = 2.0  # times the first mending loss at which something is wrong
GIVES_UP = 4  # times it went back, after which it ends with the best
ACCUMULATE = 4  # pictures a mending step looks at, one after the other, so that no part of it takes long
REHEARSED = 2  # of these, ordinarily aged ones on which the former model is the truth
WINS = 25  # adversarial steps over which a discriminator that always wins is noticed: within 250 steps in all
TURNS = ("mend", "play", "mend", "rehearse")  # kinds of steps, over and over
STYLED = 40  # pictures at most that the style code of the collection is the mean of


@dataclass(frozen=True, slots=True)
class Order:
    """What one run needs besides its collection: the weights to begin from, their discriminator, where it is kept.

    The same order on the same `folder` goes on where it stopped. `steps` ends a run after so many, whatever the time.
    `ordinary` are photographs, uint8 (3, H, W), that show what the model is not to forget; `reverse` is the network
    that makes pictures old, for unpaired heaps alone. `key` tells the order from others on the card.
    """

    wish: Tuning
    base: Path
    critic: Path | None
    folder: Path
    device: str = "cpu"
    size: int = 96
    steps: int | None = None
    ordinary: tuple[Tensor, ...] = ()
    reverse: Path | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Lesson(phases.Lesson):
    """A lesson whose pairs are the collection's."""

    collection: Collection | None = None

    def aged(self) -> Aged:
        assert self.collection is not None
        return self.collection.batch(self.phase.batch, self.phase.size, self.seed).to(self.device)


Told = Callable[[TuningCheck], None]


def finetune(
    collection: Collection, order: Order, told: Told = lambda _check: None, stop: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, Tuned]:
    """Runs or resumes, yielding every few dozen milliseconds of a processor's work; writes the model at the end.

    `told` hears of every measurement, those of an earlier time first; once `stop` says so the best so far is
    written, if anything was learned. Closing the generator ends the step it is in and keeps it. Raises EngineError,
    and Cancelled where it was stopped before the first measurement.
    """
    yield TuningBegun(0, 1000, "measuring", warnings_about(collection))
    if collection.kind == "unpaired":
        collection = yield from unless(stop, unpaired.with_a_way_back(collection, order))
    run = _new_run(order, torch.device(order.device))
    yield Progress(0, 1000, "measuring")
    tuning = _Tuning(collection, order, told, run)
    yield from tuning.begin(stop)
    while not (tuning.over or stop()):
        yield from tuning.step()
        if tuning.number % CHECK == 0:
            yield from tuning.check()
    return (yield from tuning.finish())


class _Tuning:
    """One run: networks with updates attached, what it learns from, what it is judged by."""

    def __init__(self, collection: Collection, order: Order, told: Told, run: Run) -> None:
        self.order, self.told, self.run = order, told, run
        self.device = torch.device(order.device)
        learned, held = collection.split(order.wish.seed)
        self.start = {key: value.clone() for key, value in self.run.average.items()}
        self.rehearsal = Rehearsal.of(self.run.nets, order.ordinary, learned.truth, self.device)
        self.collection, self.held, self.pictures = learned, held, Pictures(learned.truth)
        self.warnings = warnings_about(collection)
        self.count = len(collection)
        self.watches: Watches | None = None
        self.judge: HeldOut | None = None
        self.game = ADVERSARIES["relativistic"]
        self.kept = time.monotonic()  # when the last checkpoint was written
        self.figures: dict[str, float] = {}  # of the last step

    @property
    def number(self) -> int:
        return int(self.run.counters["step"])

    @property
    def share(self) -> float:
        """How much of the time, or of the steps, is used; 0..1."""
        counters, order = self.run.counters, self.order
        used = counters["step"] / order.steps if order.steps else counters["seconds"] / (60 * order.wish.minutes)
        return min(1.0, float(used))

    @property
    def over(self) -> bool:
        return self.share >= 1 or self.run.counters.get("backs", 0) >= GIVES_UP

    def begin(self, stop: Callable[[], bool]) -> Generator[Progress, None, None]:
        """Takes up the checkpoint, or measures what the run begins from and keeps it as the first best; Cancelled where
        that is stopped."""
        yield self._progress("measuring")
        judge = HeldOut.of(self.held, judged(self.order.ordinary), self.rehearsal.before, self.device)
        self.judge = yield from retold(judge, lambda _: self._progress("measuring"))
        resumed = self.run.load()
        self.watches = Watches(self.run.scales, self.game.blind, steps=WINS)
        for check in earlier_checks(self.run.folder, self.number if resumed else -1):
            self.told(check)
        if resumed:
            return
        self.run.log(event="start", kind=self.order.wish.kind, pictures=self.count, base=self.order.base.name)
        yield from unless(stop, self.check())

    def step(self) -> Generator[Progress, None, None]:
        """One step. Where it is closed in the middle of one, that is ended and kept: it goes on from there another
        time."""
        parts = self._parts()
        for progress in parts:
            try:
                yield progress
            except GeneratorExit:
                for _ in parts:
                    pass
                self._keep()
                raise

    def _parts(self) -> Generator[Progress, None, None]:
        """Mending, adversarial or rehearsing, in turns."""
        last = time.monotonic()
        self._set_rates()
        turns = {"mend": self._mend, "play": self._play, "rehearse": self._rehearse}
        parts = turns[TURNS[self.number % len(TURNS)]]()
        while True:
            try:
                next(parts)
            except StopIteration as end:
                figures: dict[str, float] = end.value
                break
            now = time.monotonic()  # what others did with the engine meanwhile is not this run's time
            self.run.counters["seconds"] += now - last
            yield self._progress()
            last = time.monotonic()
        self.run.counters["step"] += 1
        self.run.counters["total"] += 1
        self.figures = figures
        self._look_at(figures)
        self.run.counters["seconds"] += time.monotonic() - last
        yield self._progress()
        if self.number % CHECK and time.monotonic() - self.kept > KEEP:  # a measurement keeps it anyway, and after it
            self._keep()
            yield self._progress()

    def _keep(self) -> None:
        self.run.save()
        self.kept = time.monotonic()

    def check(self) -> Generator[Progress, None, None]:
        """Measures the averaged weights; keeps them where they are the best, goes back where they went wrong."""
        figures, pictures = yield from self._measured()
        run, score = self.run, figures["score"]
        run.counters.setdefault("first_figures", figures)
        if self.number:
            restraint.hold(run.scales, figures)
        held = {f"held_{part}": restraint.held(run.scales, part) for part in restraint.FIRST}
        run.log(event="validation", **{k: round(v, 4) for k, v in (figures | held).items()})
        best = run.best.get("finetune", -math.inf)
        reason = self._wrong_with(figures, best) if self.number else None
        better = reason is None and score > best
        strip = run.folder / f"strip-{self.number:06d}.png"
        write_strip(pictures, strip)
        yield self._progress("measuring")
        if reason is not None:
            self._back(reason)
        elif better:
            run.best["finetune"] = score
            run.counters["best_figures"] = figures
            run.save("best-finetune")
            yield self._progress("measuring")
        self._keep()
        seconds, first = run.counters["seconds"], run.counters["first_figures"]
        check = TuningCheck(self.number, figures, str(strip), better, reason or "", seconds, first)
        note_check(run.folder, check)
        self.told(check)
        yield self._progress("measuring")

    def _measured(self) -> Generator[Progress, None, tuple[dict[str, float], list[Tensor]]]:
        """What is held out, measured, with the "score" that the best is chosen by: what would remain of it."""
        assert self.judge is not None
        figures, pictures = yield from retold(self.judge.measure(self.run), lambda _: self._progress("measuring"))
        figures["score"] = restraint.remaining(figures, self.run.counters.get("first_figures", figures))
        return figures, pictures

    def _wrong_with(self, figures: dict[str, float], best: float) -> str | None:
        """Why the run should go back; None where all is well.

        A collection may begin outside the bounds that the watches keep in general, as one whose grain is not known yet
        does: then it only must not move further away.
        """
        assert self.watches is not None
        start, seen = self.run.counters["first_figures"], dict(figures)
        if abs(math.log(max(seen["texture_1"], 1e-3))) < abs(math.log(max(start["texture_1"], 1e-3))):
            del seen["texture_1"]
        if not math.isfinite(figures["score"]) or figures["score"] < best - WORSE:
            return f"held-out pictures became worse by {best - figures['score']:.1f} dB: back to the best"
        return self.watches.validation(seen)

    def finish(self) -> Generator[Progress, None, Tuned]:
        """Goes back to the best weights and writes them as a model of their own, if they are better than the start."""
        counters, run = self.run.counters, self.run
        if self.number:
            yield from self.check()
            run.back_to("best-finetune")
            counters["best_figures"], _ = yield from self._measured()
            yield from restraint.give_back(run, self.start, self._measured)
        told, first, best = tuple(counters.get("told", ())), counters["first_figures"], counters["best_figures"]
        tuned = Tuned("", first, best, told, self.warnings, self.number, counters["seconds"])
        if tuned.learned:
            code = yield from self._style()
            tuned = replace(tuned, path=str(self._write(code)), style=code)
        if tuned.learned or self.over:  # one that was stopped before it learned anything may go on
            put_away(run.folder)
        return tuned

    def _write(self, code: tuple[float, ...]) -> Path:
        wish, base = self.order.wish, self.order.base
        path = Path(wish.folder) / f"{wish.name}.safetensors"
        make_folder_for(path)
        card = card_of(wish, base, self.count, self.run.counters) | {"style_code": code, "order": self.order.key}
        plain, updates = low_rank.detached(self.run.average)
        with replacing(path) as temporary:
            save_tuned(temporary, plain, updates, read_card(base), card)
        return path

    def _style(self) -> Generator[Progress, None, tuple[float, ...]]:
        """The mean style code of the collection's pictures, without their damage."""
        codes = []
        for picture in self.collection.truth[:STYLED]:
            codes.append(encode(self.run.nets.encoder, picture[None].to(self.device).float() / 255))
            yield self._progress("measuring")
        return tuple(round(sum(numbers) / len(codes), 4) for numbers in zip(*codes, strict=True))

    def _mend(self) -> Generator[None, None, dict[str, float]]:
        """The backbone against the truth, and against its former self on ordinary pictures; one picture at a time,
        their gradients added up."""
        run, optimiser = self.run, self.run.optimisers["content"]
        optimiser.zero_grad(set_to_none=True)
        sums = {"pixel": 0.0, "mask": 0.0}
        learned = ACCUMULATE - REHEARSED
        for part in range(ACCUMULATE):
            lesson = self._lesson(1, self._seed() * ACCUMULATE + part)
            if part < learned:
                loss, figures = phases.mending_loss(run, lesson, lesson.aged())
                sums = {name: sums[name] + figures[name] / learned for name in sums}
            else:
                x = self.rehearsal.batch(1, self.order.size, lesson.seed).aged
                wanted = self.rehearsal.look(lesson, x)
                yield None
                held = restraint.held(run.scales, "backbone")
                loss = held * self.rehearsal.backbone_loss(run, lesson, x, wanted)
            yield None
            (loss / ACCUMULATE).backward()  # type: ignore[no-untyped-call]
            yield None
        norm = phases.step_optimiser(optimiser, limit=0.5)
        run.follow("backbone")
        return sums | {"norm": norm}

    def _play(self) -> Generator[None, None, dict[str, float]]:
        """Head against critic."""
        figures: dict[str, float] = {}
        lesson = self._lesson(3, self._seed() // len(TURNS))  # in a row: of the critic's steps one in so many is fined
        for figures in phases.joint_parts(self.run, lesson):  # noqa: B007 - the last one counts
            yield None
        return {f"play_{k}" if k in ("norm", "content") else k: v for k, v in figures.items()}

    def _rehearse(self) -> Generator[None, None, dict[str, float]]:
        """The head against its former self, on ordinary pictures."""
        lesson = self._lesson(3, self._seed())
        batch = self.rehearsal.batch(3, self.order.size, lesson.seed)
        yield None
        loss: Tensor | None = None
        for loss in self.rehearsal.head_loss(self.run, lesson, batch):  # noqa: B007 - the last one counts
            yield None
        assert loss is not None
        norm = phases.take(self.run, "joint", restraint.held(self.run.scales, "head") * loss, limit=1.0)
        self.run.follow("head", "backbone.features", "backbone.fine")
        return {"kept": loss.item(), "kept_norm": norm}

    def _lesson(self, batch: int, seed: int) -> _Lesson:
        phase = Phase("joint", self.order.wish.minutes, HEAD_RATE, batch=batch, size=self.order.size)
        game, watches = self.game, self.watches
        return _Lesson(
            self.pictures, None, phase, self.device, seed, game, watches, few=True, collection=self.collection
        )

    def _seed(self) -> int:
        return self.order.wish.seed * 1_000_003 + int(self.run.counters["total"])

    def _set_rates(self) -> None:
        warm = min(1.0, (self.number + 1) / 40)
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.share))
        scales = self.run.scales
        rates = {"content": RATE, "joint": HEAD_RATE, "critic": HEAD_RATE * scales.get("critic_rate", 1.0)}
        for name, rate in rates.items():
            for group in self.run.optimisers[name].param_groups:
                group["lr"] = rate * warm * fall * scales.get("rate", 1.0)

    def _look_at(self, figures: dict[str, float]) -> None:
        """What a single step tells: losses that are no numbers or grow, gradients that leap, a critic that wins."""
        assert self.watches is not None
        scales = self.run.scales
        told = self.watches.step(figures, self.number)
        if told == WON:
            scales["gan"] *= 0.5
            self._back("the discriminator won nearly always: back to the best, it rests and counts half")
        elif told:
            self.run.log(event="watch", told=told)
        if "pixel" not in figures:
            return
        pixel, verdict = figures["pixel"], self.watches.gradient(figures["norm"])
        if math.isfinite(pixel):
            scales["pixel"] = scales.get("pixel", pixel) + 0.05 * (pixel - scales.get("pixel", pixel))
            if self.number <= 40:
                scales["pixel_start"] = scales["pixel"]
        if verdict == "back" or not math.isfinite(pixel):
            self._back("the gradients were no longer usable: back to the best")
        elif scales.get("pixel", 0.0) > GROWN * scales.get("pixel_start", math.inf):
            self._back("the loss grew instead of falling: back to the best")

    def _back(self, reason: str) -> None:
        """The best weights again, at half the rate; a person is told in one sentence."""
        run = self.run
        run.back_to("best-finetune")
        run.scales["rate"] = 0.5 * run.scales.get("rate", 1.0)
        run.scales.pop("pixel", None)
        run.counters["backs"] = run.counters.get("backs", 0) + 1
        run.counters["told"] = [*run.counters.get("told", []), f"At step {self.number}, {reason}."]
        run.log(event="watch", told=reason)

    def _progress(self, doing: str = "learning") -> Progress:
        return TuningStep(int(1000 * self.share), 1000, doing, self.number, self.figures)


def _new_run(order: Order, device: torch.device) -> Run:
    """The base's networks with updates attached, and an optimiser for each of the three players."""
    order.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(order.wish.seed)
    nets = Networks()
    start = Run(order.folder, nets, averaged(nets), {})
    for path in (order.base, order.critic):
        if path is not None:
            start.begin_from(path)
    nets.requires_grad_(False)
    low_rank.attach(nets.backbone)
    for part in (nets.head, nets.critic):
        part.requires_grad_(True)
    nets.to(device).to(memory_format=torch.channels_last)
    projections = [nets.backbone.features, nets.backbone.fine]
    of_head = [p for part in projections for p in part.parameters() if p.requires_grad]
    of_backbone = [p for p in nets.backbone.parameters() if p.requires_grad and all(p is not q for q in of_head)]
    optimisers: dict[str, torch.optim.Optimizer] = {
        "content": torch.optim.Adam(of_backbone, betas=(0.9, 0.99)),
        "joint": torch.optim.Adam([*nets.head.parameters(), *of_head], betas=(0.9, 0.99)),
        "critic": torch.optim.Adam(nets.critic.parameters(), betas=ADVERSARIES["relativistic"].betas),
    }
    run = Run(order.folder, nets, averaged(nets), optimisers)
    run.changing = frozenset(name for name, value in nets.named_parameters() if value.requires_grad)
    run.scales |= start.scales
    return run
