"""`archivist faces`: a restoration with faces that a network restores, each marked and consented to."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivist_app.cli import catalog, report, restoring, targets
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.report import DONE
from engine.errors import RecipeError
from engine.types import (
    FACE_STRENGTH,
    Consent,
    ExportOptions,
    Face,
    FaceOrder,
    FacesRestored,
    Recipe,
    Region,
    face_fault,
    named,
)

if TYPE_CHECKING:
    from engine.service import EngineService

commands = typer.Typer()
_RECTANGLE = re.compile(r"\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*")


@commands.command()
def faces(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="An image to restore.")],
    output: Annotated[str, typer.Option("--output", "-o", help="A file, or a folder.")],
    model: Annotated[str, typer.Option(metavar="ID|FILE", help="The network for faces; see `archivist models`.")],
    face: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,W,H", help="A face, in pixels of the scan from its upper left corner; repeatable."),
    ] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option(metavar="'WHO: GROUND'", help="Who decides about that face, and on what ground; one a face."),
    ] = None,
    strength: Annotated[float, typer.Option(help="Share of the network's face, 0 to 1.")] = FACE_STRENGTH,
    alpha: Annotated[float, typer.Option(help="Faithfulness of the rest, 0.1 to 10: high invents nothing.")] = 1.0,
    beta: Annotated[float | None, typer.Option(help="Style, 0 (off) or 0.01 to 10; 1 with --style, else 0.")] = None,
    style: Annotated[str | None, typer.Option(metavar="ID|IMAGE", help="A style's id, or a picture.")] = None,
    keep_tone: Annotated[bool, typer.Option(help="Keep fading and casts as they are.")] = True,
    grain: Annotated[float, typer.Option(help="Share of the removed grain that is put back, 0 to 1.")] = 0.0,
    thorough: Annotated[bool, typer.Option("--thorough", help="Look eight times: nearer, but slower.")] = False,
    restorer: Annotated[str | None, typer.Option(metavar="ID|FILE", help="The network for the whole picture.")] = None,
    page: Annotated[int, typer.Option(min=1, help="The page, of a file with several.")] = 1,
    device: DeviceOption = Device.AUTO,
    sign: Annotated[bool, typer.Option("--sign", help="Add Content Credentials (C2PA), as `export` does.")] = False,
    as_json: Json = False,
) -> int:
    """Restore an image, and its marked faces by a network for faces: it may show another person.

    Every face needs a consent, which the file and the project's log keep.
    """
    plan = targets.plan(output, [source], targets.Conflict.VERSION)
    marked = read_faces(face or [], consent or [])
    recipe = Recipe(
        alpha=alpha,
        beta=beta if beta is not None else (0.0 if style is None else 1.0),
        keep_tone=keep_tone,
        grain=grain,
        thorough=thorough,
    )
    with engine(device.value) as service:
        model = _network(service, model)
        home = report.await_result(service.home_of(str(source.absolute())))  # its log is to keep every consent
        opened = report.await_result(service.open_image(str(source.absolute()), page - 1))
        fault = face_fault([one.region for one in marked], opened.info.width, opened.info.height)
        if fault:
            raise RecipeError(fault)
        given = [name for name in restoring.given_settings(ctx) if name != "strength"]  # that is of the faces
        recipe = restoring.with_catalogue(service, recipe, restorer, style, given)
        target = plan.path_for(source, opened.info, page if opened.info.pages > 1 else None)
        wish = FaceOrder(ExportOptions(str(target), plan.conflict.value, sign), model, marked, strength)
        with report.progress_bar("Restoring", quiet=as_json) as advance:
            done = report.await_work(service.restore_faces(opened.ref, recipe, wish, advance))
        if home is not None:
            service.close_project(home[0])
    _show(done, as_json)
    return DONE


def read_faces(rectangles: list[str], consents: list[str]) -> tuple[Face, ...]:
    """The faces with their consents, given now, in the order they were named in. RecipeError in a sentence."""
    if len(rectangles) != len(consents):
        raise RecipeError(
            f"--face was given {len(rectangles)} times and --consent {len(consents)} times; every face needs a consent "
            "of its own, in the same order."
        )
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return tuple(Face(_region(at), _consent(text, when)) for at, text in zip(rectangles, consents, strict=True))


def _region(text: str) -> Region:
    found = _RECTANGLE.fullmatch(text)
    if found is None:
        raise RecipeError(f"“{text}” is no rectangle; give four whole numbers, as in --face 120,80,200,240.")
    return Region(*map(int, found.groups()))


def _consent(text: str, when: str) -> Consent:
    who, colon, ground = text.partition(":")
    if not colon:
        raise RecipeError(f"“{text}” is no consent; say who decides and on what ground, as in 'A. Archivist: letter'.")
    return Consent(who.strip(), ground.strip(), when)


def _network(service: EngineService, model: str) -> str:
    """The id of a network for faces that is named by it or by its file; RecipeError where there is none."""
    cards = service.models()
    card = catalog.model_card(service, model) if named(cards, model) or Path(model).is_file() else None
    if card is None or not card.faces:
        usable = [one.id for one in cards if one.faces]
        here = (
            f"these are here: {', '.join(usable)}." if usable else "import one with `archivist models import --faces`."
        )
        raise RecipeError(f"There is no network for faces “{model}”; {here}")
    return card.id


def _show(done: FacesRestored, as_json: bool) -> None:
    """What came of it: the file, and that there are faces in it that a network made."""
    restored = done.restored
    if as_json:
        named = {"network": done.model, "network_sha256": done.sha256, "faces": [face.to_json() for face in done.faces]}
        report.emit(asdict(restored) | named)
        return
    count = len(done.faces)
    told = f"{count} face{'' if count == 1 else 's'} replaced by {done.model}, which may show another person"
    report.say(
        "; ".join((f"{restored.source} -> {restored.output} ({restored.seconds:.1f} s)", told, *restored.notices))
    )
