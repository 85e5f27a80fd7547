"""Commands that make restorations: `restore`, `optimise`, `demo`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archivist_app.cli import catalog, report, slow_way, targets
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.report import DONE, FAILED
from archivist_app.cli.window import open_window
from engine.errors import EngineError, RecipeError
from engine.types import (
    ExportOptions,
    ImageRef,
    ModelCard,
    OpenedImage,
    Optimisation,
    Project,
    ProjectItem,
    Recipe,
    Restored,
)

if TYPE_CHECKING:
    from engine.service import EngineService

commands = typer.Typer()
_SETTINGS = ("alpha", "beta", "style", "strength", "scope", "keep_tone", "grain")  # that a model may lack


class Scope(StrEnum):
    """Where the restoration may change pixels."""

    WHOLE = "whole"
    DAMAGE = "damage"


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one `restore` run was asked to do with each of its inputs."""

    recipe: Recipe
    mask: Path | None  # of one image, so only where there is one input
    as_json: bool
    targets: targets.Targets
    page: int | None = None  # from 1; None: every page
    sign: bool = False


@commands.command()
def restore(
    ctx: typer.Context,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Images to restore.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", help="A file for one image, a folder for several.")],
    alpha: Annotated[float, typer.Option(help="Faithfulness, 0.1 to 10: high invents nothing.")] = 1.0,
    beta: Annotated[float | None, typer.Option(help="Style, 0 (off) or 0.01 to 10; 1 with --style, else 0.")] = None,
    style: Annotated[
        str | None, typer.Option(metavar="ID|IMAGE", help="A style's id, or a picture to learn from.")
    ] = None,
    strength: Annotated[float, typer.Option(help="Share of the change that is applied, 0 to 1.")] = 1.0,
    scope: Annotated[Scope, typer.Option(help="Change the whole image, or only what is damaged.")] = Scope.WHOLE,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="The damage, white on black, instead of a guess; with --scope damage."),
    ] = None,
    keep_tone: Annotated[bool, typer.Option(help="Keep fading and casts as they are.")] = True,
    grain: Annotated[float, typer.Option(help="Share of the removed grain that is put back, 0 to 1.")] = 0.0,
    scale: Annotated[int, typer.Option(help="Enlargement: 1, 2 or 4.")] = 1,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Look eight times, turned and mirrored: nearer, but slower.")
    ] = False,
    model: Annotated[str | None, typer.Option(metavar="ID|FILE", help=catalog.MODEL)] = None,
    page: Annotated[
        int | None, typer.Option(min=1, help="One page of files with several; without it every page is restored.")
    ] = None,
    device: DeviceOption = Device.AUTO,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist in the folder.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave images that have a result alone.")
    ] = False,
    sign: Annotated[bool, typer.Option("--sign", help="Add Content Credentials (C2PA), as `export` does.")] = False,
    as_json: Json = False,
) -> int:
    """Restore images. A bad one is reported and the rest go on."""
    conflict = _conflict(overwrite, skip_existing)
    plan = targets.plan(output, inputs, conflict, (mask, Path(style) if style else None))
    if mask is not None and len(inputs) > 1:
        raise RecipeError("A mask belongs to one image; restore the images one by one, or leave out --mask.")
    if mask is not None and scope is Scope.WHOLE:
        raise RecipeError("A mask has an effect where only damage is changed; add --scope damage, or leave out --mask.")
    recipe = Recipe(
        alpha=alpha,
        beta=_beta(beta, style),
        strength=strength,
        scope=scope.value,
        keep_tone=keep_tone,
        grain=grain,
        scale=scale,
        thorough=thorough,
    )
    _warn_of_idle_beta(recipe, style)
    with engine(device.value) as service:
        recipe = with_catalogue(service, recipe, model, style, given_settings(ctx))
        batch = _Batch(recipe, mask, as_json, plan, page, sign)
        outcomes = [_restore_all(service, source, batch) for source in inputs]
    return DONE if all(outcomes) else FAILED


def _beta(beta: float | None, style: str | None) -> float:
    """Beta as given, else 1 with a style and 0 without one."""
    if beta is not None:
        return beta
    return 0.0 if style is None else 1.0


def _warn_of_idle_beta(recipe: Recipe, style: str | None) -> None:
    if recipe.beta and style is None:
        report.complain("Without --style there is nothing that --beta could bring nearer; it changes nothing.")


def _restore_all(service: EngineService, source: Path, batch: _Batch) -> bool:
    """Restores the pages of a file that are wanted; most have one."""
    first = _restore_one(service, source, batch, batch.page or 1)
    one = batch.page is not None or batch.targets.names_file or batch.mask is not None
    others = () if one else range(2, first.pages + 1)
    return all([first.done, *(_restore_one(service, source, batch, page).done for page in others)])


def _conflict(overwrite: bool, skip_existing: bool) -> targets.Conflict:
    if overwrite and skip_existing:
        raise RecipeError("--overwrite and --skip-existing contradict each other; give one of them.")
    if overwrite:
        return targets.Conflict.OVERWRITE
    return targets.Conflict.SKIP if skip_existing else targets.Conflict.VERSION


def given_settings(ctx: typer.Context) -> tuple[str, ...]:
    """The settings that were named on the command line, of those that a model may lack."""
    sources = {name: ctx.get_parameter_source(name) for name in _SETTINGS}
    return tuple(name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE")


def with_catalogue(
    service: EngineService, recipe: Recipe, model: str | None, style: str | None, given: Sequence[str] = ()
) -> Recipe:
    """Adds the network and the style that were named. Raises RecipeError for names that do not exist, and where the
    network lacks a setting that was `given`."""
    changes = recipe.to_json()
    if model is not None:
        card = catalog.model_card(service, model)
        _must_have(card, given)
        changes["model"] = card.id
    if style is not None:
        changes["style"] = catalog.style_id(service, style)
    return Recipe.from_json(changes)


def _must_have(card: ModelCard, given: Sequence[str]) -> None:
    lacking = [f"--{name.replace('_', '-')}" for name in given if name in card.ignored]
    if lacking:
        raise RecipeError(
            f"The model “{card.id}” has no {' and no '.join(lacking)}; leave that out, or choose another model."
        )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Whether it went well, and how many pages the file has."""

    done: bool
    pages: int = 1


def _restore_one(service: EngineService, source: Path, batch: _Batch, page: int) -> _Outcome:
    """Restores a page, reports, and says how it went; only a request to stop is passed on."""
    record: dict[str, Any] = {"input": str(source)}
    name, pages = str(source), 1
    try:
        opened = report.await_result(service.open_image(str(source.absolute()), page - 1))
        pages = opened.info.pages
        if pages > 1:
            record["page"], name = page, f"{source}, page {page}"
        target = _target(source, opened, batch, page)
        if target is None:
            record["status"], line = "skipped", f"{name}: has a result already, left alone"
        else:
            restored = _export(service, opened, target, batch)
            record |= {"status": "restored", **asdict(restored)}
            again = f", {restored.resumed:.0%} of it by an interrupted run" if restored.resumed else ""
            line = f"{name} -> {restored.output} ({restored.seconds:.1f} s{again})"
            line = "; ".join((line, *restored.notices))
    except EngineError as error:
        report.complain(str(error))
        if batch.as_json:
            report.emit(record | {"status": "failed", "error": str(error)})
        return _Outcome(False, pages)
    if batch.as_json:
        report.emit(record)
    else:
        report.say(line)
    return _Outcome(True, pages)


def _target(source: Path, opened: OpenedImage, batch: _Batch, page: int) -> Path | None:
    """The file for a page; RecipeError where one file was named, or one mask given, for several."""
    several = opened.info.pages > 1
    if several and batch.page is None and (batch.targets.names_file or batch.mask is not None):
        raise RecipeError(
            f"“{source.name}” has {opened.info.pages} pages, each with a result of its own; choose one with --page, or "
            "give -o a folder and no mask."
        )
    return batch.targets.path_for(source, opened.info, page if several else None)


def _export(service: EngineService, opened: OpenedImage, target: Path, batch: _Batch) -> Restored:
    recipe = batch.recipe
    if batch.mask is not None:
        mask = report.await_result(service.add_mask(str(batch.mask.absolute()), opened.ref))
        recipe = Recipe.from_json(recipe.to_json() | {"mask": mask})
    return _run_export(
        service, opened.ref, recipe, ExportOptions(str(target), batch.targets.conflict.value, batch.sign)
    )


def _run_export(service: EngineService, image: ImageRef, recipe: Recipe, options: ExportOptions) -> Restored:
    with report.progress_bar(Path(image.path).name) as advance:
        return report.await_work(service.export(image, recipe, options, advance))


@commands.command()
def optimise(
    source: Annotated[Path, typer.Argument(metavar="IN", help="An image to restore.")],
    output: Annotated[str, typer.Option("--output", "-o", help="A file, or a folder.")],
    alpha: Annotated[float, typer.Option(help="Faithfulness, 0.1 to 10: high invents nothing.")] = 1.0,
    beta: Annotated[float | None, typer.Option(help="Style, 0 (off) or 0.01 to 10; 1 with --style, else 0.")] = None,
    style: Annotated[str | None, typer.Option(metavar="ID|IMAGE", help="A process's id, or a picture.")] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="IMAGE", help="The picture of a style of which 64 numbers are kept.")
    ] = None,
    steps: Annotated[int, typer.Option(help="How many passes over the image; an interruption keeps what is.")] = 100,
    page: Annotated[int | None, typer.Option(min=1, help="Which page of a file with several.")] = None,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Restore slowly: minimise alpha * content + beta * style over the pixels themselves, from the fast result."""
    plan = targets.plan(output, [source], targets.Conflict.VERSION, (reference, Path(style) if style else None))
    recipe = Recipe(alpha=alpha, beta=_beta(beta, style))
    _warn_of_idle_beta(recipe, style)
    with engine(device.value) as service:
        known = style in {card.id for card in service.styles()}
        picture = reference or (Path(style) if style is not None and not known else None)
        recipe = with_catalogue(service, recipe, None, style)
        opened = report.await_result(service.open_image(str(source.absolute()), (page or 1) - 1))
        several = opened.info.pages > 1
        if several and page is None:
            raise RecipeError(f"“{source.name}” has {opened.info.pages} pages; choose one with --page.")
        target = plan.path_for(source, opened.info, page if several else None)
        options = ExportOptions(str(target), plan.conflict.value)
        order = Optimisation(options, steps, str(picture.absolute()) if picture else "")
        slow_way.show(slow_way.run(service, opened.ref, recipe, order, as_json), as_json)
    return DONE


@commands.command()
def demo(
    no_window: Annotated[bool, typer.Option("--no-window", help="Restore and report, without a display.")] = False,
    as_json: Json = False,
) -> int:
    """Open a project of aged photographs, and restore it."""
    if not no_window:
        return open_window([], demo=True)
    with engine() as service:
        project = report.await_result(service.demo_project())
        try:
            restored = [_restore_item(service, project, item) for item in project.items]
            scores = [_against_truth(service, project, *pair) for pair in zip(project.items, restored, strict=True)]
        finally:
            service.close_project(project)
    if as_json:
        rows = [asdict(result) | score for result, score in zip(restored, scores, strict=True)]
        report.emit({"project": project.folder, "restored": rows})
        return DONE
    for result, score in zip(restored, scores, strict=True):
        told = "; PSNR {psnr_before:.1f} -> {psnr_after:.1f} dB against the truth".format(**score) if score else ""
        report.say(f"{Path(result.source).name} -> {result.output} ({result.seconds:.1f} s{told})")
    report.say(f"Restored {len(restored)} photographs of the demo project in {project.folder}")
    return DONE


def _against_truth(service: EngineService, project: Project, item: ProjectItem, restored: Restored) -> dict[str, float]:
    """How near the aged and the restored picture are to the one both were made from; empty where that is not kept."""
    truth = service.truth(project, item)
    if truth is None:
        return {}
    pictures = {"psnr_before": restored.source, "psnr_after": restored.output}
    return {name: report.await_result(service.score(path, truth)) for name, path in pictures.items()}


def _restore_item(service: EngineService, project: Project, item: ProjectItem) -> Restored:
    service.register(item.source, service.locate(project, item))
    exports = ExportOptions(str(Path(project.folder) / "exports"), "overwrite")
    return _run_export(service, item.source, item.recipe, exports)
