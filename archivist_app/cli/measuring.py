"""Commands that measure and train: `doctor`, `bench`, `evaluate`, `judge`, `age`, `train`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from archivist_app.cli import bench_report, checkup, report, scoreboard, targets
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.report import DONE, FAILED
from engine.errors import EngineError, RecipeError
from engine.types import (
    SCALES,
    Comparison,
    Progress,
    Trial,
)

commands = typer.Typer()


@commands.command()
def doctor(device: DeviceOption = Device.AUTO, as_json: Json = False) -> int:
    """Say what this installation has, what it lacks, and what to do about it."""
    findings = [*checkup.about_program(), *checkup.about_qt(), *checkup.about_folders()]
    with engine(device.value) as service:
        try:
            findings += checkup.about_engine(report.await_result(service.warm()))
        except EngineError as error:
            findings += checkup.about_engine(error)
    healthy = all(finding.ok for finding in findings)
    if as_json:
        report.emit({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [("ok" if f.ok else "PROBLEM", f.topic, f.value) for f in findings]
        report.table(("", "what", "found"), rows)
        for finding in findings:
            if not finding.ok:
                report.say(f"{finding.topic}: {finding.advice}")
    return DONE if healthy else FAILED


@commands.command(checkup.QT_PROBE, hidden=True)
def _qt_probe() -> int:
    return checkup.qt_probe()


@commands.command()
def bench(device: DeviceOption = Device.AUTO, as_json: Json = False) -> int:
    """Measure this machine, and how well the engine uses it; wants it quiet for a minute or two."""
    with engine(device.value) as service, report.progress_bar("Measuring", quiet=as_json) as advance:
        found = bench_report.measure(service, advance)
    bench_report.show(found, as_json)
    return DONE


@commands.command(bench_report.PROBE, hidden=True)
def _bench_probe(which: str) -> int:
    return bench_report.run_probe(which)


@commands.command()
def evaluate(
    clean: Annotated[Path, typer.Argument(metavar="CLEAN_DIR", help="Photographs as they should be.")],
    aged: Annotated[
        Path | None, typer.Argument(metavar="[AGED_DIR]", help="The same, aged, under the same names.")
    ] = None,
    age_seed: Annotated[
        int | None, typer.Option(metavar="N", help="Age the clean ones with this seed instead of naming AGED_DIR.")
    ] = None,
    severity: Annotated[float, typer.Option(help="How badly they are aged, 0 to 1.")] = 0.8,
    upscale: Annotated[
        int | None, typer.Option(metavar="2|4", help="Shrink the clean ones instead, and measure enlarging them.")
    ] = None,
    peer: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Another network's or a tuned model's file, to compare with."),
    ] = None,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Measure restorations against the truth: ours, the input itself, non-local means, other networks."""
    if [aged, age_seed, upscale].count(None) != 2:
        raise RecipeError(
            "Name a folder of aged photographs, or --age-seed to have the clean ones aged, or --upscale; one of them."
        )
    if upscale is not None and upscale not in SCALES[1:]:
        raise RecipeError(f"What is enlarged is enlarged 2 or 4 times, not {upscale}.")
    files = tuple(str(file) for file in peer or ())
    comparison = Comparison(str(clean), str(aged) if aged else "", age_seed or 0, severity, files, upscale or 1)
    with engine(device.value) as service, report.progress_bar("Evaluating", quiet=as_json) as advance:
        result = report.await_work(service.evaluate(comparison, advance))
    if as_json:
        report.emit(asdict(result))
        return DONE
    names = next(iter(result.candidates.values())).keys()
    rows = [(name, *(f"{value:.3f}" for value in row.values())) for name, row in result.candidates.items()]
    report.table((f"mean of {result.pairs}", *names), rows)
    return DONE


@commands.command()
def judge(
    clean: Annotated[Path, typer.Option(metavar="DIR", help="Photographs as they should be.")],
    aged: Annotated[Path | None, typer.Option(metavar="DIR", help="The same, damaged and faded.")] = None,
    defects: Annotated[Path | None, typer.Option(metavar="DIR", help="The same, damaged but not faded.")] = None,
    peer: Annotated[Path | None, typer.Option(metavar="FILE", help="Another network, to compare times with.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="A weight file that is not installed.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="THEME", help="Only this theme; may be repeated.")] = None,
    pictures: Annotated[int, typer.Option(metavar="N", help="At most so many pictures of each folder.")] = 1_000,
    thorough: Annotated[bool, typer.Option("--thorough", help="Look at every picture eight times.")] = False,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Judge the network by every figure that is wanted of it; takes minutes."""
    paths = {"aged": aged, "defects": defects, "peer": peer, "weights": weights}
    named = {name: str(path) for name, path in paths.items() if path is not None}
    with engine(device.value) as service:
        trial = Trial(str(clean), only=tuple(only or ()), pictures=pictures, thorough=thorough, **named)
        scoreboard.run(service, trial, as_json)
    return DONE


@commands.command()
def age(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A clean photograph.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The aged photograph to write.")],
    seed: Annotated[int, typer.Option(help="The same seed ages in the same way.")] = 0,
    severity: Annotated[float, typer.Option(help="How badly, 0 to 1.")] = 1.0,
    mask: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write where the damage is.")] = None,
    device: DeviceOption = Device.AUTO,
) -> int:
    """Age a clean photograph, to train or to test on: in 8 bit, without alpha, of several pages the first."""
    if not 0.0 <= severity <= 1.0:
        raise RecipeError(f"Severity must lie between 0 and 1, not {severity:g}.")
    written = [output] if mask is None else [output, mask]
    for target in written:
        if targets.is_one_of(target, [source]):
            raise RecipeError(f"“{target}” is the photograph to age and is not written over; choose another name.")
    if mask is not None and targets.is_one_of(mask, [output]):
        raise RecipeError("The aged photograph and its mask cannot be the same file; give --mask another name.")
    with engine(device.value) as service:
        target_mask = None if mask is None else str(mask)
        report.await_result(service.age(str(source), str(output), seed=seed, severity=severity, mask=target_mask))
    report.say(str(output))
    return DONE


@commands.command()
def train(
    preset: Annotated[str, typer.Option(metavar="NAME", help="How large and how long.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="A folder of clean photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Weights, checkpoints and the log; resumed if they exist.")],
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Train a network on photographs of your own. An interrupted run goes on where it stopped."""
    with engine(device.value) as service, report.progress_bar("Training", quiet=as_json) as draw:

        def advance(step: Progress) -> None:
            if as_json:
                report.emit(asdict(step))
            draw(step)

        weights = report.await_work(service.train(preset, str(data), str(out), advance))
    if as_json:
        report.emit({"weights": weights})
    else:
        report.say(weights)
    return DONE
