"""Commands for what was exported: `verify` and `reproduce`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from archivist_app.cli import report
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.report import DONE, FAILED
from engine.errors import EngineError

commands = typer.Typer()
_MARKS = {"good": "ok", "warning": "note", "bad": "BAD"}


@commands.command()
def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|PACKAGE|WEB FOLDER|PROJECT", help="What is to be checked.", show_default=False),
    ],
    roots: Annotated[
        list[Path] | None, typer.Option("--root", metavar="PEM", help="A certificate whose signatures to trust.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Check exported files, packages, web exports and projects: pixels, checksums, signatures, recipes, logs. Nothing
    is written."""
    good = True
    trusted = [str(root.absolute()) for root in roots or ()]
    with engine() as service:
        for path in paths:
            try:
                with report.progress_bar(path.name) as advance:
                    found = report.await_work(service.verify(str(path.absolute()), trusted, advance))
            except EngineError as error:
                report.complain(str(error))
                if as_json:
                    report.emit({"path": str(path), "good": False, "error": str(error)})
                good = False
                continue
            good = good and found.good
            if as_json:
                report.emit({"good": found.good, **asdict(found)})
                continue
            report.say(f"{path}: {'as it should be' if found.good else 'NOT as it should be'}")
            for finding in found.findings:
                report.say(f"  {_MARKS[finding.state]:4}  {finding.sentence}")
    return DONE if good else FAILED


@commands.command()
def reproduce(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture that Archivist exported.")],
    master: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The master; else it is looked for beside the file.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="PNG", help="The damage mask it was made with; else likewise.")
    ] = None,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Run the recipe in an exported file again, and say whether the result is identical, the same within 1/255, or
    different. Different is a failure."""
    with engine(device.value) as service, report.progress_bar(file.name) as advance:
        where, marked = (str(path.absolute()) if path is not None else None for path in (master, mask))
        found = report.await_work(service.reproduce(str(file.absolute()), where, advance, mask=marked))
    if as_json:
        report.emit(asdict(found))
    else:
        report.say(f"{file}: {found.sentence}")
        for note in found.notes:
            report.say(f"  {note}")
    return FAILED if found.likeness == "different" else DONE
