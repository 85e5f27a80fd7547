"""One job for one image or a thousand: what fails is told and the rest go on, what is done stays done."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

from engine.errors import EngineError, MasterChangedError, WriteError
from engine.export.journal import Journal, tidy
from engine.export.naming import Facts, check_template, free_name
from engine.export.register import Register, key_of
from engine.export.renditions import Written
from engine.export.report import write_report
from engine.runtime.steps import retold
from engine.types import ExportBatch, ExportOutcome, ExportReport, PackageFacts, Progress, ProjectItem, Recipe

Make = Callable[[ProjectItem, Path], Generator[Progress | None, None, Written]]
"""Steps that restore one image and write it to a file or folder."""

_log = logging.getLogger(__name__)
_PARTS = 1000  # steps of progress an image


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a job needs of the engine: how an image is made, its recipe as it will be run, which names are in use."""

    make: Make
    resolve: Callable[[Recipe], tuple[Recipe, dict[str, str]]]  # with its weights, and what else determines the result
    is_taken: Callable[[Path], bool]
    register: Register
    locate: Callable[[ProjectItem], str]  # the master's place; EngineError where it is gone
    tell: Callable[[ExportOutcome], None] = lambda _: None  # of every image when it is done


@dataclass(slots=True)
class _Run:
    """Where a job stands."""

    batch: ExportBatch
    shop: Workshop
    journal: Journal
    started: float = field(default_factory=time.monotonic)
    now: datetime = field(default_factory=datetime.now)
    given: set[Path] = field(default_factory=set)

    @property
    def outcomes(self) -> tuple[ExportOutcome, ...]:
        return tuple(self.journal.outcomes[number] for number in sorted(self.journal.outcomes))


def run(batch: ExportBatch, shop: Workshop) -> Generator[Progress | None, None, ExportReport]:
    """Steps of a whole job. Closed before its end, it keeps what is done and leaves a report of that.

    RecipeError, before anything is written, for a template that makes no names.
    """
    check_template(batch.settings.template)
    tidy()
    job = _Run(batch, shop, Journal.begin(batch))
    job.given.update(Path(outcome.output) for outcome in job.outcomes if outcome.output)
    with _ending(job) as reported:
        for number, item in enumerate(batch.items):
            if number not in job.journal.outcomes:
                yield from _one(job, number, item)
        html, csv = reported()
    return ExportReport(job.outcomes, batch.folder, time.monotonic() - job.started, html, csv)


@contextmanager
def _ending(job: _Run) -> Generator[Callable[[], tuple[str, str]], None, None]:
    """However a job ends, what was done is reported, and nothing is left to go on with."""
    done: list[tuple[str, str]] = []

    def report() -> tuple[str, str]:
        if not done:
            done.append(write_report(job.batch, job.outcomes, job.journal.picture, job.now))
        return done[0]

    try:
        yield report
    except GeneratorExit:
        try:
            if job.outcomes:
                report()
        finally:
            job.journal.end()
        raise
    except BaseException:
        job.journal.end()
        raise
    else:
        job.journal.end()


def _one(job: _Run, number: int, item: ProjectItem) -> Generator[Progress | None, None, None]:
    """One image, whatever becomes of it, as an outcome that stays."""
    total = len(job.batch.items)
    name = Path(item.source.path).name
    told = f"{number + 1} of {total} · {name}" if total > 1 else name
    yield Progress(number * _PARTS, total * _PARTS, told)
    pictures: tuple[bytes, bytes] | None = None
    try:
        steps = _export(job, number, item)
        outcome, pictures = yield from retold(steps, lambda step: _scaled(step, number, total, told))
    except EngineError as error:
        doubted = isinstance(error, MasterChangedError)
        outcome = ExportOutcome(item.source.path, "failed", sentence=str(error), doubted=doubted)
    job.journal.outcomes[number] = outcome
    job.shop.tell(outcome)
    with _best_effort("The journal of an export cannot be written"):
        job.journal.note(number, outcome, pictures)
    yield Progress((number + 1) * _PARTS, total * _PARTS, told)


@contextmanager
def _best_effort(told: str) -> Iterator[None]:
    """What serves a later job must not undo this one: the picture is on the disk."""
    try:
        yield
    except (EngineError, OSError) as error:
        _log.warning("%s: %s", told, error)


def _scaled(step: Progress | None, number: int, total: int, told: str) -> Progress | None:
    """A step of one image as one of the whole job."""
    if step is None or step.total <= 0:
        return None
    share = min(step.done / step.total, 1.0) * 0.98  # the rest is the writing
    return Progress(int((number + share) * _PARTS), total * _PARTS, told)


def _export(
    job: _Run, number: int, item: ProjectItem
) -> Generator[Progress | None, None, tuple[ExportOutcome, tuple[bytes, bytes] | None]]:
    batch, shop = job.batch, job.shop
    source = shop.locate(item)
    recipe, more = shop.resolve(item.recipe)
    item = replace(item, recipe=recipe)
    if batch.settings.preset == "package" and batch.project:
        more = more | {"package": repr(batch.project.package)}
    key = key_of(item.source, recipe, batch.settings, {"folder": _place_of(batch), **_packed_with(batch, item), **more})
    known = shop.register.unchanged(key)
    if known is not None and known not in job.given:
        job.given.add(known)
        said = f"Nothing has changed since it was exported to {known.name}."
        return ExportOutcome(source, "unchanged", str(known), said), None
    facts = Facts(item, batch.project.name if batch.project else "", number + 1, now=job.now)

    def taken(path: Path) -> bool:
        return path in job.given or shop.is_taken(path)

    target = free_name(Path(batch.folder), batch.settings, facts, taken, os.path.lexists)
    if target is None:
        return ExportOutcome(source, "skipped", sentence="A file of that name exists; it was left alone."), None
    job.given.add(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder “{target.parent}” cannot be made ({error.strerror}); choose another.") from error
    written = yield from shop.make(item, target)
    with _best_effort("The register of exports cannot be written"):
        shop.register.add(shop.register.entry_for(key, batch.settings.preset, written.restored))
    said = " ".join(written.restored.notices)
    outcome = ExportOutcome(source, "written", written.restored.output, said, written.restored)
    return outcome, (written.before, written.after)


def _packed_with(batch: ExportBatch, item: ProjectItem) -> dict[str, str]:
    """What else a package tells: it is another one once any of this changes."""
    if batch.settings.preset != "package":
        return {}
    facts = batch.package or (batch.project.package if batch.project else PackageFacts())
    return {"archive": json.dumps(asdict(facts)), "approval": f"{item.decision} {item.decided_by} {item.decided_at}"}


def _place_of(batch: ExportBatch) -> str:
    """The folder, as it is called inside the project where it lies there, so that a project can be moved."""
    folder = Path(batch.folder).resolve()
    home = Path(batch.project.folder).resolve() if batch.project else None
    return folder.relative_to(home).as_posix() if home and folder.is_relative_to(home) else str(folder)
