"""`archivist sheet`: comparison sheets as PDF, without a window."""

from __future__ import annotations

import getpass
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivist_app.cli import report
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.report import DONE, FAILED
from engine.errors import EngineError, RecipeError
from engine.types import Progress, Project, ProjectItem

if TYPE_CHECKING:
    from archivist_app.state.sheets import SheetEntry
    from engine.service import EngineService

commands = typer.Typer()


class Page(StrEnum):
    """The paper."""

    A4 = "a4"
    A3 = "a3"
    LETTER = "letter"


class Layout(StrEnum):
    """A page an image, or a row an image."""

    PAGE = "page"
    WALL = "wall"


@commands.command()
def sheet(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="PROJECT|IMAGE...", help="Projects, and images.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PDF", help="The file to write.")],
    page: Annotated[Page, typer.Option(help="The paper.")] = Page.A4,
    layout: Annotated[
        Layout | None, typer.Option(help="A page an image, or a row an image; a wall from two images on.")
    ] = None,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Show images before and after, what was changed, how, and where they come from, on paper."""
    if output.suffix.lower() != ".pdf":
        raise RecipeError(f"A sheet is a PDF file, and “{output.name}” ends otherwise; end its name with .pdf.")
    failed = False
    with engine(device.value) as service:
        found: list[tuple[Project | None, ProjectItem]] = []
        for path in inputs:
            try:
                found.extend(_items(service, path))
            except EngineError as error:
                report.complain(f"{path}: {error}")
                failed = True
        chosen = str(layout or (Layout.WALL if len(found) > 1 else Layout.PAGE))
        entries: list[SheetEntry] = []
        with report.progress_bar("Comparing", quiet=as_json) as advance:
            for number, (project, item) in enumerate(found):
                try:
                    entries.append(_entry(service, project, item, chosen))
                except EngineError as error:
                    report.complain(f"{item.source.path}: {error}")
                    failed = True
                advance(Progress(number + 1, len(found)))
        if entries:
            _write(service, entries, output, (str(page), chosen), found[0][0])
    if entries:
        if as_json:
            report.emit({"output": str(output), "images": len(entries), "layout": chosen, "page": str(page)})
        else:
            report.say(f"{output}: {len(entries)} image{'s' if len(entries) > 1 else ''}")
    return FAILED if failed or not entries else DONE


def _items(service: EngineService, path: Path) -> list[tuple[Project | None, ProjectItem]]:
    if (path / "project.json").is_file():
        project = report.await_result(service.open_project(str(path.absolute())))
        return [(project, item) for item in project.items]
    home = report.await_result(service.home_of(str(path.absolute())))
    if home is not None:
        return [home]
    opened = report.await_result(service.open_image(str(path.absolute())))
    return [(None, ProjectItem("", opened.ref))]


def _entry(service: EngineService, project: Project | None, item: ProjectItem, layout: str) -> SheetEntry:
    from archivist_app.state.sheets import SheetEntry, facts_of, sheet_requests, words_for
    from archivist_app.views.sheet import PIXELS

    path = service.locate(project, item) if project is not None else item.source.path
    opened = report.await_result(service.open_image(path, item.source.page))
    rendering, mapping = sheet_requests(opened.ref, item.recipe, opened.info, PIXELS[layout])
    frame = report.await_work(service.beside(rendering, lambda _: None))
    changes = report.await_work(service.survey(mapping, lambda _: None, lambda _: None))
    return SheetEntry(
        name=Path(item.source.path).name,
        before=frame.before,
        after=frame.pixels,
        changes=changes.pixels,
        scale=frame.before.shape[1] / opened.info.width,
        made=words_for(item, service.styles(), service.models()),
        facts=facts_of(item, opened.info, service.models(), project.name if project else ""),
        generated=item.recipe.strength > 0,
    )


def _write(
    service: EngineService, entries: list[SheetEntry], output: Path, how: tuple[str, str], project: Project | None
) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # letters need Qt's application, but no display
    from PySide6.QtGui import QGuiApplication

    from archivist_app.views.sheet import Paper, draw_sheet, program

    running = QGuiApplication.instance() or QGuiApplication([])
    page, layout = how
    title = project.name if project is not None else "Comparison"
    paper = Paper(title, page, "wall" if layout == "wall" else "page", _user(), program())
    data = draw_sheet(entries, paper)
    del running
    report.await_result(service.save_page(str(output.absolute()), data))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
