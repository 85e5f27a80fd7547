"""`archivist styles` and `archivist models`: cards as tables, facts and JSON, and styles of one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archivist_app.cli import common, report
from archivist_app.cli.common import Json
from archivist_app.state import model_facts
from engine.errors import EngineError, RecipeError
from engine.types import ModelCard, NewModel, named

if TYPE_CHECKING:
    from engine.service import EngineService

styles_app = typer.Typer(help="The styles that can be chosen.", invoke_without_command=True)
models_app = typer.Typer(help="The networks that can be chosen.", invoke_without_command=True)
MODEL = "A model: its id (see `archivist models`), or the file of a tuned one or of one in a project's models folder."
_JSON_LATER = "Write --json after the word it belongs to: archivist {} … --json."
StyleId = Annotated[str, typer.Argument(metavar="ID")]


@styles_app.callback()
def _styles(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        list_styles(as_json)
    elif as_json:
        raise RecipeError(_JSON_LATER.format(f"styles {ctx.invoked_subcommand}"))


@styles_app.command("list")
def list_styles(as_json: Json = False) -> None:
    """List the styles."""
    service = common.new_service()
    cards = service.styles()
    if as_json:
        report.emit({"styles": [_without_code(asdict(card)) for card in cards]})
    else:
        rows = [(card.id, card.title, card.group, card.date) for card in cards]
        report.table(("id", "title", "group", "date"), rows)
    complaint = service.styles_complaint()
    if complaint:  # or one's own would seem to have been deleted
        report.complain(complaint)


@styles_app.command("show")
def show_style(style: StyleId, as_json: Json = False) -> None:
    """Show where a style comes from."""
    card = next((card for card in common.new_service().styles() if card.id == style), None)
    if card is None:
        raise RecipeError(f"There is no style “{style}”; `archivist styles` lists those there are.")
    facts = asdict(card)
    if as_json:
        report.emit(facts)
        return
    for key, value in _without_code(facts).items():
        text = _words(value)
        if text:
            report.say(f"{key}: {text}")


@styles_app.command("add")
def add_styles(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE", help="Pictures whose look is wanted.")],
    title: Annotated[str, typer.Option(help="Its name, where there is one picture; else the file's.")] = "",
    date: Annotated[str, typer.Option(help="When the picture was made.")] = "",
    source: Annotated[str, typer.Option(help="Where it comes from; the file's name if not given.")] = "",
    licence: Annotated[str, typer.Option(help="Under which terms it may be used.")] = "",
    as_json: Json = False,
) -> int:
    """Make styles of pictures: 64 numbers each are kept, never the picture. A bad one is reported, the rest go on."""
    if title and len(pictures) > 1:
        raise RecipeError("A title belongs to one picture; add the pictures one by one, or leave out --title.")
    failed = False
    with common.engine() as service:
        for picture in pictures:
            try:
                about = {"title": title, "date": date, "source": source, "licence": licence}
                card = report.await_result(service.add_style(str(picture.absolute()), **about))
            except EngineError as error:
                report.complain(str(error))
                failed = True
                continue
            if as_json:
                report.emit(_without_code(asdict(card)))
            else:
                report.say(card.id)
    return report.FAILED if failed else report.DONE


@styles_app.command("remove")
def remove_styles(styles: Annotated[list[str], typer.Argument(metavar="ID")]) -> int:
    """Remove styles of your own; recipes that use them can then no longer be run."""
    return _remove_each(styles, common.new_service().remove_style)


def _remove_each(ids: list[str], remove: Callable[[str], None]) -> int:
    """Removes one after the other, and returns the exit status: a bad one is reported, the rest go on."""
    failed = False
    for one in ids:
        try:
            remove(one)
        except EngineError as error:
            report.complain(str(error))
            failed = True
    return report.FAILED if failed else report.DONE


def style_id(service: EngineService, style: str) -> str:
    """The id of a style named by its id or by a picture, which is added. RecipeError where there is neither."""
    if style in {card.id for card in service.styles()}:
        return style
    if not Path(style).exists():
        raise RecipeError(f"There is no style and no picture “{style}”; `archivist styles` lists the styles.")
    known = {card.id for card in service.styles()}
    made = report.await_result(service.add_style(str(Path(style).absolute()))).id
    if made not in known:
        report.complain(f"“{style}” is kept as the style {made}; `archivist styles remove {made}` forgets it.")
    return made


@models_app.callback()
def _models(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        list_models(as_json)
    elif as_json:
        raise RecipeError(_JSON_LATER.format(f"models {ctx.invoked_subcommand}"))


@models_app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the networks."""
    cards = common.new_service().models()
    if as_json:
        report.emit({"models": [asdict(card) for card in cards]})
    else:
        kinds = {card.id: f"{card.origin}, faces" if card.faces else card.origin for card in cards}
        rows = [(card.id, card.title, kinds[card.id], str(card.scale), card.licence) for card in cards]
        report.table(("id", "title", "kind", "scale", "licence"), rows)


@models_app.command("show")
def show_model(model: Annotated[str, typer.Argument(metavar="ID|FILE", help=MODEL)], as_json: Json = False) -> None:
    """Show what a network is, what it was trained on, what it measured and where it fails."""
    card = model_card(common.new_service(), model)
    if as_json:
        report.emit(asdict(card))
    else:
        _say_model(card)


@models_app.command("import")
def import_model(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .safetensors or .pth file with its weights, or a model you made.")
    ],
    title: Annotated[str, typer.Option(help="Its name; the file's if not given.")] = "",
    licence: Annotated[
        str | None, typer.Option(help="Under which terms it may be used; asked for on a terminal.")
    ] = None,
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "",
    training_data: Annotated[str, typer.Option(help="What it was trained on, where that is known.")] = "",
    project: Annotated[Path | None, typer.Option(metavar="DIR", help="A project that is to hold it.")] = None,
    restricted: Annotated[
        bool, typer.Option("--restricted", help="It may be of an architecture whose terms forbid some uses.")
    ] = False,
    faces: Annotated[
        bool, typer.Option("--faces", help="It may be a network for faces, which may show another person.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Take in another network (Real-ESRGAN, SwinIR, SCUNet, NAFNet and others); nothing in its file can run.

    A model that `archivist finetune` or `train` wrote is taken in as it is, with its own card. Weights that are here
    already keep their id, and what you do not tell of them stays.
    """
    if project is not None and not (project / "project.json").is_file():
        raise RecipeError(f"“{project}” is no project; name a folder that `archivist` made as one, or leave it out.")
    folder = str(project.absolute()) if project is not None else ""
    with common.engine() as service:
        if licence is None:
            licence = "" if service.has_card(str(file.absolute())) else _asked_licence(file)
        new = NewModel(str(file.absolute()), title, licence, source, training_data, restricted, folder, faces)
        with report.progress_bar("Importing", quiet=as_json) as advance:
            added = report.await_work(service.import_model(new, advance))
    card = added.card
    if as_json:
        report.emit(asdict(card) | {"told": added.told})
    else:
        report.say(card.id)
        if added.told:
            report.complain(added.told)
        if card.licence == model_facts.UNKNOWN:
            report.complain("Its licence is recorded as unknown; import it again with --licence once you know it.")
    return report.DONE


def _asked_licence(file: Path) -> str:
    """What a person at a terminal answers; "" where nobody can be asked."""
    if not (sys.stdin.isatty() and file.is_file()):
        return ""
    answer: str = typer.prompt(f"Licence of {file.name} (empty: unknown)", default="", show_default=False, err=True)
    return answer.strip()


@models_app.command("remove")
def remove_models(models: Annotated[list[str], typer.Argument(metavar="ID")]) -> int:
    """Remove imported and tuned networks of your own; recipes that use them can then no longer be run."""
    return _remove_each(models, common.new_service().remove_model)


def _say_model(card: ModelCard) -> None:
    report.say(card.title)
    for name, text in model_facts.facts(card):
        report.say(f"{name}: {text}" if name else f"  {text}")


def model_card(service: EngineService, model: str) -> ModelCard:
    """The card of a model named by its id or by its file, which the engine may use from then on. RecipeError or
    ModelError where there is neither."""
    card = named(service.models(), model)
    if card is not None:
        return card
    file = Path(model)
    if not file.is_file():
        raise RecipeError(f"There is no model “{model}” and no such file; `archivist models` lists those there are.")
    if file.suffix.lower() != ".safetensors":
        raise RecipeError(f"“{model}” cannot be used where it lies; `archivist models import` takes such a file in.")
    return service.lend_model(str(file.absolute()))


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {figure:g}" for name, figure in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def _without_code(facts: dict[str, Any]) -> dict[str, Any]:
    """A style's 64 numbers mean nothing to a reader."""
    return {key: value for key, value in facts.items() if key != "code"}
