"""`archivist finetune`: a model of an archive's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivist_app.cli import report
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.report import DONE, INTERRUPTED
from engine.errors import RecipeError
from engine.types import (
    NOTHING_BETTER,
    PICTURE_SUFFIXES,
    SHIPPED_MODEL,
    Progress,
    Tuned,
    Tuning,
    TuningBegun,
    TuningCheck,
)

if TYPE_CHECKING:
    from engine.service import Stoppable

commands = typer.Typer()


class Kind(StrEnum):
    """What the pictures are."""

    CLEAN = "clean"
    PAIRS = "pairs"
    DAMAGED = "damaged"
    UNPAIRED = "unpaired"


@commands.command()
def finetune(
    pictures: Annotated[list[Path], typer.Argument(metavar="IMAGE|FOLDER", help="10 to 200 pictures of a collection.")],
    name: Annotated[str, typer.Option(help="The new model's name: small letters, digits, hyphens.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder that gets the model.")],
    kind: Annotated[
        Kind,
        typer.Option(
            help="Clean pictures; scans of which --restored holds the restorations (pairs); damaged scans; or scans "
            "and, with --wanted, other pictures that look as wanted (unpaired)."
        ),
    ] = Kind.DAMAGED,
    restored: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For pairs: the restorations, under the names of the scans.")
    ] = None,
    wanted: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For unpaired: other pictures, which look as wanted.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="How long it may learn: more than 0, at most 1440 (a day).")] = 15.0,
    model: Annotated[str, typer.Option(metavar="ID", help="The model to begin from.")] = SHIPPED_MODEL,
    seed: Annotated[int, typer.Option(help="The same seed learns in the same order.")] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a tuned model of that name that other pictures taught.")
    ] = False,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Teach a model the grain and the damage of your own collection.

    Interrupted once (Ctrl-C), it writes the best so far, if anything was learned; the same command goes on with a run
    that left no model. To use the model: `archivist models import FILE`, then `archivist restore --model NAME`; one in
    the models folder of a project is offered in the window by itself.
    """
    files = _files(pictures)
    pairs = _partners(files, restored) if kind is Kind.PAIRS else ()
    if restored is not None and kind is not Kind.PAIRS:
        raise RecipeError("Restorations belong to --kind pairs; add it, or leave out --restored.")
    heap = _heap(kind, wanted)
    names, partners, others = (tuple(map(str, paths)) for paths in (files, pairs, heap))
    wish = Tuning(name, kind.value, names, str(output.absolute()), partners, model, minutes, seed, others, overwrite)
    with engine(device.value) as service, report.progress_bar("Fine-tuning", quiet=as_json) as draw:

        def advance(step: Progress) -> None:
            draw(step)
            if isinstance(step, TuningBegun) and not as_json:
                for sentence in step.warnings:
                    report.complain(sentence)

        job = service.finetune(wish, advance, _teller(as_json))
        tuned, stopped = _await(job)
    _show(tuned, as_json, stopped)
    return INTERRUPTED if stopped and not tuned.path else DONE


def _teller(as_json: bool) -> Callable[[TuningCheck], None]:
    """Tells each measurement; of an earlier time only the last, for its lines were printed then."""

    def tell(check: TuningCheck) -> None:
        if as_json:
            report.emit(asdict(check))
        elif check.earlier:
            earlier.append(check)
        else:
            if earlier:
                report.complain(f"Went on from an earlier time; the last measurement was at step {earlier[-1].step}.")
                earlier.clear()
            report.complain(_line(check))

    earlier: list[TuningCheck] = []
    return tell


def _await(job: Stoppable[Tuned]) -> tuple[Tuned, bool]:
    """What came of it, and whether the user asked to stop; KeyboardInterrupt where there is nothing to show."""
    try:
        return report.await_result(job.work.future), False
    except KeyboardInterrupt:
        report.complain("Stopping; the best so far is written, if anything was learned. Again: leave nothing.")
        job.stop()
    try:
        return report.await_work(job.work), True
    except KeyboardInterrupt:
        report.complain("No model was written; the same command goes on from here.")
        raise


def _line(check: TuningCheck) -> str:
    """A measurement on one line."""
    figures = check.figures
    said = f"Step {check.step}, {check.seconds / 60:.1f} min: held-out pictures {figures['own_10']:.2f} dB at alpha 10"
    if not check.step:
        return f"{said}; this is the start."
    verdict = check.told or ("the best so far" if check.best else "not the best")
    return f"{said}, ordinary pictures lose {figures.get('lost', 0.0):.2f} dB; {verdict}."


def _show(tuned: Tuned, as_json: bool, stopped: bool) -> None:
    if as_json:
        report.emit(asdict(tuned))
        return
    for sentence in tuned.told:
        report.say(sentence)
    names = {"own_10": "held-out pictures, alpha 10", "own_1": "the same, default", "general_10": "general aging"}
    rows = [(words, f"{tuned.before[key]:.2f}", f"{tuned.after[key]:.2f}") for key, words in names.items()]
    report.table(("PSNR in dB after gain and offset", "before", "after"), rows)
    took = f"({tuned.steps} steps, {tuned.seconds / 60:.1f} minutes)"
    if tuned.path:
        report.say(f"{tuned.path} {took}")
    elif stopped:
        report.complain(f"Nothing was learned yet, so no model was written {took}; the same command goes on from here.")
    else:
        report.say(f"{NOTHING_BETTER} No model was written {took}.")


def _heap(kind: Kind, wanted: Path | None) -> list[Path]:
    """The wanted pictures of two unpaired heaps; RecipeError where they are missing, or given without need."""
    if wanted is None:
        if kind is Kind.UNPAIRED:
            raise RecipeError("--kind unpaired needs --wanted DIR too, the folder of the pictures that look as wanted.")
        return []
    if kind is not Kind.UNPAIRED:
        raise RecipeError("Wanted pictures belong to --kind unpaired; add it, or leave out --wanted.")
    if not wanted.is_dir():
        raise RecipeError(f"The folder “{wanted}” of --wanted does not exist; name the one with the wanted pictures.")
    return _files([wanted])


def _files(pictures: Iterable[Path]) -> list[Path]:
    """Files as they are named, folders by what pictures they hold."""
    found: list[Path] = []
    for path in pictures:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES) if path.is_dir() else [path]
        found += [file.absolute() for file in inside]
    return found


def _partners(scans: Iterable[Path], restored: Path | None) -> list[Path]:
    """The restoration of each scan, by its name without the suffix; RecipeError where one has none."""
    if restored is None:
        raise RecipeError("Pairs need the folder of restorations; name it with --restored.")
    if not restored.is_dir():
        raise RecipeError(f"The folder “{restored}” of --restored does not exist; name the one with the restorations.")
    partners = {
        path.stem: path.absolute() for path in sorted(restored.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES
    }
    missing = [scan.name for scan in scans if scan.stem not in partners]
    if missing:
        raise RecipeError(f"“{missing[0]}” has no restoration of its name in “{restored}”; add it or leave it out.")
    return [partners[scan.stem] for scan in scans]
