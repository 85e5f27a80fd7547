"""`archivist project`: projects made, filled, listed, checked and mended without a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archivist_app.cli import common, report
from archivist_app.cli.common import Json
from archivist_app.cli.report import DONE, FAILED
from engine.errors import EngineError, RecipeError
from engine.types import PICTURE_SUFFIXES, FixityReport, Place, Project, ProjectItem, ProjectReport, Relocation

if TYPE_CHECKING:
    from engine.service import EngineService

project_app = typer.Typer(help="Projects: made, filled, listed, checked and mended.", no_args_is_help=True)
_ADDED = {"present": "is in the project already", "copied": "copied into the project", "added": "added"}
EXTENSION = ".archivist"
ProjectFolder = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project’s folder.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")]


@project_app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A name, or the folder to make.")],
    as_json: Json = False,
) -> None:
    """Make an empty project: a NAME goes among your documents, a FOLDER where you say."""
    path = Path(name)
    is_folder = len(path.parts) > 1 or path.suffix == EXTENSION or name.endswith(("/", "\\"))
    title = path.name.removesuffix(EXTENSION)
    if not title:
        raise RecipeError("A project needs a name; give one, or the path of the folder to make.")
    with common.engine() as service:
        made = report.await_result(service.new_project(title, str(path.absolute()) if is_folder else None))
        service.close_project(made)
    if as_json:
        report.emit({"project": made.folder, "uuid": made.uuid, "name": made.name})
    else:
        report.say(made.folder)


@project_app.command()
def add(
    project: ProjectFolder,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Images, or folders of images.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy them into the project; else it refers to them.")] = False,
    as_json: Json = False,
) -> int:
    """Add images to a project. Each new one is decoded; of TIFFs of more than 256 MB of pixels it is only checked that
    nothing was cut off. A bad one is reported and the rest go on."""
    failed = False
    with _opened(project) as (service, opened):
        _must_be_writable(opened)
        for image in _pictures(images):
            record: dict[str, Any] = {"input": str(image)}
            before = opened.items
            try:
                adding = service.add_images(opened, [str(image.absolute())], copy=copy, inspect=True)
                opened, refused = report.await_result(adding)
            except EngineError as error:
                refused = (str(error),)
            if refused:
                failed = True
                report.complain(refused[0])
                record |= {"status": "failed", "error": refused[0]}
            else:
                record |= {"status": "present" if opened.items == before else "copied" if copy else "added"}
            if as_json:
                report.emit(record)
            elif not refused:
                report.say(f"{image}: {_ADDED[record['status']]}")
    return FAILED if failed else DONE


@project_app.command("list")
def list_items(project: ProjectFolder, as_json: Json = False) -> None:
    """List the images of a project: what was decided about them, and whether their masters are there."""
    with common.engine() as service:
        found, places = report.await_result(service.look_at_project(str(project.absolute())))
    for problem in found.problems:
        report.complain(problem)
    if as_json:
        rows = [_item_data(item, place) for item, place in zip(found.items, places, strict=True)]
        about = {"project": found.folder, "uuid": found.uuid, "name": found.name, "problems": found.problems}
        report.emit(about | {"images": rows})
        return
    table = [
        (item.source.path, item.decision or "undecided", "★" * item.stars, place.state, item.note)
        for item, place in zip(found.items, places, strict=True)
    ]
    report.table(("image", "decision", "stars", "master", "note"), table)


@project_app.command()
def verify(
    project: ProjectFolder,
    log: Annotated[bool, typer.Option("--log", help="Record the outcome in the project’s audit log.")] = False,
    as_json: Json = False,
) -> int:
    """Check that masters, audit log, damage masks and files are what they were. Reads only, unless --log is given."""
    folder = str(project.absolute())
    with common.engine() as service:
        with report.progress_bar(project.name) as advance:
            checked = report.await_work(service.check_project(folder, advance))
        if as_json:
            report.emit(_report_data(checked))
        else:
            _say_report(checked)
        if log:
            _log_check(service, folder, checked)
    return DONE if checked.intact else FAILED


@project_app.command()
def rules(
    project: ProjectFolder,
    organization: Annotated[str | None, typer.Option(help="The archive’s name, in packages.")] = None,
    contact: Annotated[str | None, typer.Option(help="Whom to ask about a package.")] = None,
    description: Annotated[str | None, typer.Option(help="What is in the packages.")] = None,
    with_master: Annotated[
        bool | None, typer.Option("--with-master/--without-master", help="A byte copy of the master in packages.")
    ] = None,
    needs_approval: Annotated[
        bool | None,
        typer.Option("--needs-approval/--needs-no-approval", help="Export only what a person approved as it is."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what packages tell of the archive and whether exports need approval; change what is given."""
    given: dict[str, Any] = {
        "organization": organization, "contact": contact, "description": description, "with_master": with_master,
    }  # fmt: skip
    facts = {name: value for name, value in given.items() if value is not None}
    with _opened(project) as (service, opened):
        if facts or needs_approval is not None:
            _must_be_writable(opened)
            demand = opened.needs_approval if needs_approval is None else needs_approval
            opened = report.await_result(service.set_rules(opened, replace(opened.package, **facts), demand))
    told = asdict(opened.package) | {"needs_approval": opened.needs_approval}
    if as_json:
        report.emit({"project": opened.folder, **told})
        return
    for name, value in told.items():
        report.say(f"{name.replace('_', ' ')}: {value if value != '' else '-'}")


@project_app.command()
def relocate(
    project: ProjectFolder,
    folder: Annotated[Path | None, typer.Argument(help="Where to look; else beside project and masters.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """Find masters that were moved or renamed, by their bytes."""
    if folder is not None and not folder.is_dir():
        raise RecipeError(f"There is no folder “{folder}”; name the one the masters were moved to.")
    with _opened(project) as (service, opened):
        if not dry_run:
            _must_be_writable(opened)
        place = str(folder.absolute()) if folder is not None else None
        with report.progress_bar(project.name) as advance:
            _, moved = report.await_work(service.relocate(opened, place, advance, only_look=dry_run))
    _tell_moved(moved, as_json, dry_run)
    return DONE if all(one.new for one in moved) else FAILED


@project_app.command()
def rescue(project: ProjectFolder, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Rebuild a damaged project from its files, copies, backups and journals. Nothing is deleted."""
    with common.engine() as service, report.progress_bar(project.name) as advance:
        done = report.await_work(service.rescue_project(str(project.absolute()), advance, only_look=dry_run))
    if as_json:
        report.emit(asdict(done) | {"dry_run": dry_run})
        return FAILED if done.lost else DONE
    for sentence in done.saved or ("Nothing needed to be mended.",):
        report.say(sentence)
    for sentence in done.lost:
        report.complain(sentence)
    if done.kept:
        report.say(f"What was there before is kept in {done.kept}")
    report.say(f"{'It would have' if dry_run else 'The project has'} {_many(done.images, 'image')}.")
    return FAILED if done.lost else DONE


@project_app.command()
def acknowledge(
    project: ProjectFolder,
    image: Annotated[str, typer.Argument(help="The image’s name, path in the project, or uuid.")],
    as_json: Json = False,
) -> None:
    """Accept that a master is another file now: exports go on with it, and the audit log says who decided so."""
    with _opened(project) as (service, opened):
        _must_be_writable(opened)
        item = _named(opened, image)
        changed = report.await_result(service.acknowledge(opened, item))
        now = next(one for one in changed.items if one.uuid == item.uuid)
    if as_json:
        hashes = {"before": item.source.sha256, "sha256": now.source.sha256}
        report.emit({"uuid": now.uuid, "path": now.source.path, **hashes})
    elif now.source.sha256 == item.source.sha256:
        report.say(f"{now.source.path} is unchanged since it was added")
    else:
        report.say(f"{now.source.path}: acknowledged, SHA-256 {now.source.sha256}")


@project_app.command("log")
def show_log(project: ProjectFolder, as_json: Json = False) -> None:
    """Show the audit log of a project."""
    with common.engine() as service:
        lines = report.await_result(service.read_log(str(project.absolute())))
    if as_json:
        for line in lines:
            report.emit(asdict(line))
        return
    rows = [(line.when[:19], line.user, line.event.type, line.event.outcome, line.event.note) for line in lines]
    report.table(("when (UTC)", "who", "event", "outcome", "what"), rows)


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[EngineService, Project]]:
    """The engine with a project open; what had to be mended on the way is told."""
    with common.engine() as service:
        project = report.await_result(service.open_project(str(folder.absolute())))
        try:
            for problem in project.problems:
                report.complain(problem)
            if project.recovered:
                many = _many(len(project.recovered), "image")
                report.complain(f"Edits of {many} that a program had no time to save were brought back.")
            yield service, project
        finally:
            service.close_project(project)


def _must_be_writable(project: Project) -> None:
    if not project.writable:
        raise EngineError(project.reason)


def _pictures(paths: list[Path]) -> Iterator[Path]:
    """The images named, and those in folders named, by name; files of other kinds there are passed over."""
    for path in paths:
        if path.is_dir():
            found = sorted(one for one in path.rglob("*") if one.suffix.lower() in PICTURE_SUFFIXES and one.is_file())
            yield from (one for one in found if not any(part.startswith(".") for part in one.relative_to(path).parts))
        else:
            yield path


def _named(project: Project, name: str) -> ProjectItem:
    found = [item for item in project.items if name in (item.uuid, item.source.path, Path(item.source.path).name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RecipeError(f"Several images are called “{name}”; give the path or the uuid that `list --json` tells.")
    raise RecipeError(f"There is no image “{name}” in this project; `archivist project list` lists them.")


def _item_data(item: ProjectItem, place: Place) -> dict[str, Any]:
    return asdict(item) | {"master": asdict(place)}


def _log_check(service: EngineService, folder: str, checked: ProjectReport) -> None:
    opened = report.await_result(service.open_project(folder))
    try:
        _must_be_writable(opened)
        report.await_result(service.log_check(opened, checked))
    finally:
        service.close_project(opened)


def _report_data(checked: ProjectReport) -> dict[str, Any]:
    masters = [{"uuid": uuid, **_fixity_data(outcome)} for uuid, outcome in checked.masters]
    return {
        "project": checked.folder,
        "name": checked.name,
        "intact": checked.intact,
        "masters": masters,
        "log": asdict(checked.log) | {"intact": checked.log.intact},
        "masks": checked.masks,
        "files": checked.files,
        "notes": checked.notes,
    }


def _fixity_data(outcome: FixityReport) -> dict[str, Any]:
    return asdict(outcome) | {"path": str(outcome.path)}


def _say_report(checked: ProjectReport) -> None:
    bad = [outcome for _, outcome in checked.masters if not outcome.intact]
    for outcome in bad:
        report.complain(outcome.message)
    for sentence in (*checked.masks, *checked.files):
        report.complain(sentence)
    (report.say if checked.log.intact else report.complain)(checked.log.message)
    for sentence in checked.notes:
        report.say(sentence)
    good = len(checked.masters) - len(bad)
    report.say(f"{good} of {_many(len(checked.masters), 'master')} unchanged since they were added")
    if checked.log.head:
        report.say(f"Last line of the audit log: {checked.log.head}")


def _tell_moved(moved: tuple[Relocation, ...], as_json: bool, dry_run: bool) -> None:
    if as_json:
        report.emit({"dry_run": dry_run, "images": [asdict(one) for one in moved]})
        return
    for one in moved:
        if one.new:
            report.say(f"{one.old} -> {one.new}")
        else:
            report.complain(f"{one.old} was not found; name another folder, or bring it back.")
    if not moved:
        report.say("No master is missing.")


def _many(count: int, what: str) -> str:
    return f"one {what}" if count == 1 else f"{count} {what}s"
