"""The `archivist` command. Without a subcommand it opens the window.

Importing this module loads neither torch nor Qt: `archivist --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from archivist_app import cli_bench, cli_catalog, cli_doctor, cli_judge, cli_optimise, cli_report, cli_targets
from archivist_app.cli_engine import Device, DeviceOption, Json, engine
from archivist_app.cli_report import DONE, FAILED, INTERRUPTED, WRONG_USAGE
from archivist_app.cli_window import is_picture_or_project, open_window
from engine.errors import EngineError, RecipeError
from engine.types import (
    SCALES,
    Comparison,
    ExportOptions,
    ImageRef,
    OpenedImage,
    Optimisation,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    Restored,
    Trial,
)

if TYPE_CHECKING:
    from engine.service import EngineService

_OPEN = "open-window"


class Scope(StrEnum):
    """Where the restoration may change pixels."""

    WHOLE = "whole"
    DAMAGE = "damage"


class _Commands(TyperGroup):
    """A first word that is no subcommand is an image or a project to open."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in self.commands and is_picture_or_project(word):
            args = [_OPEN, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands,
    name="archivist",
    help="Restores scans of old photographs. Without a command: opens the window, with the images and projects named.",
    invoke_without_command=True,
    subcommand_metavar="[IMAGE|PROJECT]... | COMMAND [ARGS]...",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_catalog.styles_app, name="styles")
app.add_typer(cli_catalog.models_app, name="models")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line (`argv` without the program's name) and returns the exit status."""
    cli_report.forgiving_streams()
    with cli_report.quiet_libraries():
        status = _run(None if argv is None else list(argv))
    if status == INTERRUPTED:
        cli_report.stopped()
    return status


def _run(argv: list[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        status = command.main(args=argv, prog_name="archivist", standalone_mode=False)
        return status if isinstance(status, int) else DONE
    except EngineError as error:
        cli_report.complain(str(error))
        return WRONG_USAGE if isinstance(error, RecipeError) else FAILED
    except (KeyboardInterrupt, typer.Abort):  # some versions of typer return this status themselves
        return INTERRUPTED
    except BrokenPipeError:
        cli_report.drop_output()
        return FAILED
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    # typer carries its own copy of click from some version on; its UsageError has no public name but this one.
    if isinstance(error, typer.BadParameter.__base__ or typer.BadParameter):
        cli_report.complain(error.format_message())  # type: ignore[attr-defined]
        return WRONG_USAGE
    cli_report.explain(error)
    return FAILED


def _show_version(wanted: bool) -> None:
    if wanted:
        cli_report.say(f"archivist {cli_doctor.version()}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> int:
    return open_window([]) if ctx.invoked_subcommand is None else DONE


@app.command(_OPEN, hidden=True)
def _open(paths: Annotated[list[str], typer.Argument(metavar="IMAGE|PROJECT")]) -> int:
    return open_window(paths)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one `restore` run was asked to do with each of its inputs."""

    recipe: Recipe
    mask: Path | None  # of one image, so only where there is one input
    as_json: bool
    targets: cli_targets.Targets


@app.command()
def restore(
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
        Path | None, typer.Option(metavar="PNG", help="The damage, white on black, instead of a guess.")
    ] = None,
    keep_tone: Annotated[bool, typer.Option(help="Keep fading and casts as they are.")] = True,
    grain: Annotated[float, typer.Option(help="Share of the removed grain that is put back, 0 to 1.")] = 0.0,
    scale: Annotated[int, typer.Option(help="Enlargement: 1, 2 or 4.")] = 1,
    model: Annotated[str | None, typer.Option(metavar="ID", help="The network; see `archivist models`.")] = None,
    device: DeviceOption = Device.AUTO,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist in the folder.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave images that have a result alone.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Restore images. A bad one is reported and the rest go on."""
    conflict = _conflict(overwrite, skip_existing)
    targets = cli_targets.plan(output, inputs, conflict)
    if mask is not None and len(inputs) > 1:
        raise RecipeError("A mask belongs to one image; restore the images one by one, or leave out --mask.")
    recipe = Recipe(
        alpha=alpha,
        beta=beta if beta is not None else (0.0 if style is None else 1.0),
        strength=strength,
        scope=scope.value,
        keep_tone=keep_tone,
        grain=grain,
        scale=scale,
    )
    with engine(device.value) as service:
        recipe = _with_catalogue(service, recipe, model, style)
        batch = _Batch(recipe, mask, as_json, targets)
        outcomes = [_restore_one(service, source, batch) for source in inputs]
    return DONE if all(outcomes) else FAILED


def _conflict(overwrite: bool, skip_existing: bool) -> cli_targets.Conflict:
    if overwrite and skip_existing:
        raise RecipeError("--overwrite and --skip-existing contradict each other; give one of them.")
    if overwrite:
        return cli_targets.Conflict.OVERWRITE
    return cli_targets.Conflict.SKIP if skip_existing else cli_targets.Conflict.VERSION


def _with_catalogue(service: EngineService, recipe: Recipe, model: str | None, style: str | None) -> Recipe:
    """Adds the network and the style that were named. Raises RecipeError for names that do not exist."""
    changes = recipe.to_json()
    if model is not None:
        if model not in {card.id for card in service.models()}:
            raise RecipeError(f"There is no model “{model}”; `archivist models` lists those there are.")
        changes["model"] = model
    if style is not None:
        changes["style"] = cli_catalog.style_id(service, style)
    return Recipe.from_json(changes)


def _restore_one(service: EngineService, source: Path, batch: _Batch) -> bool:
    """Restores, reports, and says whether it went well; only a request to stop is passed on."""
    record: dict[str, Any] = {"input": str(source)}
    line = f"{source}: has a result already, left alone"
    try:
        opened = cli_report.await_result(service.open_image(str(source.absolute())))
        target = batch.targets.path_for(source, opened.info)
        if target is None:
            record["status"] = "skipped"
        else:
            restored = _export(service, opened, target, batch)
            record |= {"status": "restored", **asdict(restored)}
            line = f"{source} -> {restored.output} ({restored.seconds:.1f} s)"
    except EngineError as error:
        cli_report.complain(str(error))
        if batch.as_json:
            cli_report.emit(record | {"status": "failed", "error": str(error)})
        return False
    if batch.as_json:
        cli_report.emit(record)
    else:
        cli_report.say(line)
    return True


def _export(service: EngineService, opened: OpenedImage, target: Path, batch: _Batch) -> Restored:
    recipe = batch.recipe
    if batch.mask is not None:
        mask = cli_report.await_result(service.add_mask(str(batch.mask.absolute()), opened.ref))
        recipe = Recipe.from_json(recipe.to_json() | {"mask": mask})
    return _run_export(service, opened.ref, recipe, ExportOptions(str(target), batch.targets.conflict.value))


def _run_export(service: EngineService, image: ImageRef, recipe: Recipe, options: ExportOptions) -> Restored:
    with cli_report.progress_bar(Path(image.path).name) as advance:
        return cli_report.await_work(service.export(image, recipe, options, advance))


@app.command()
def demo(
    no_window: Annotated[bool, typer.Option("--no-window", help="Restore and report, without a display.")] = False,
    as_json: Json = False,
) -> int:
    """Open a project of aged photographs, and restore it."""
    if not no_window:
        return open_window([], demo=True)
    with engine() as service:
        project = cli_report.await_result(service.demo_project())
        try:
            restored = [_restore_item(service, project, item) for item in project.items]
            scores = [_against_truth(service, project, *pair) for pair in zip(project.items, restored, strict=True)]
        finally:
            service.close_project(project)
    if as_json:
        rows = [asdict(result) | score for result, score in zip(restored, scores, strict=True)]
        cli_report.emit({"project": project.folder, "restored": rows})
        return DONE
    for result, score in zip(restored, scores, strict=True):
        told = "; PSNR {psnr_before:.1f} -> {psnr_after:.1f} dB against the truth".format(**score) if score else ""
        cli_report.say(f"{Path(result.source).name} -> {result.output} ({result.seconds:.1f} s{told})")
    cli_report.say(f"Restored {len(restored)} photographs of the demo project in {project.folder}")
    return DONE


def _against_truth(service: EngineService, project: Project, item: ProjectItem, restored: Restored) -> dict[str, float]:
    """How near the aged and the restored picture are to the one both were made from; empty where that is not kept."""
    truth = service.truth(project, item)
    if truth is None:
        return {}
    pictures = {"psnr_before": restored.source, "psnr_after": restored.output}
    return {name: cli_report.await_result(service.score(path, truth)) for name, path in pictures.items()}


def _restore_item(service: EngineService, project: Project, item: ProjectItem) -> Restored:
    service.register(item.source, service.locate(project, item))
    exports = ExportOptions(str(Path(project.folder) / "exports"), "overwrite")
    return _run_export(service, item.source, item.recipe, exports)


@app.command()
def doctor(device: DeviceOption = Device.AUTO, as_json: Json = False) -> int:
    """Say what this installation has, what it lacks, and what to do about it."""
    findings = [*cli_doctor.about_program(), *cli_doctor.about_qt(), *cli_doctor.about_folders()]
    with engine(device.value) as service:
        try:
            findings += cli_doctor.about_engine(cli_report.await_result(service.warm()))
        except EngineError as error:
            findings += cli_doctor.about_engine(error)
    healthy = all(finding.ok for finding in findings)
    if as_json:
        cli_report.emit({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [("ok" if f.ok else "PROBLEM", f.topic, f.value) for f in findings]
        cli_report.table(("", "what", "found"), rows)
        for finding in findings:
            if not finding.ok:
                cli_report.say(f"{finding.topic}: {finding.advice}")
    return DONE if healthy else FAILED


@app.command(cli_doctor.QT_PROBE, hidden=True)
def _qt_probe() -> int:
    return cli_doctor.qt_probe()


@app.command()
def bench(device: DeviceOption = Device.AUTO, as_json: Json = False) -> int:
    """Measure this machine, and how well the engine uses it; wants it quiet for a minute or two."""
    with engine(device.value) as service, cli_report.progress_bar("Measuring", quiet=as_json) as advance:
        found = cli_bench.measure(service, advance)
    cli_bench.show(found, as_json)
    return DONE


@app.command(cli_bench.PROBE, hidden=True)
def _bench_probe(which: str) -> int:
    return cli_bench.run_probe(which)


@app.command()
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
        list[Path] | None, typer.Option(metavar="FILE", help="A network of Real-ESRGAN's family to compare with.")
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
    with engine(device.value) as service, cli_report.progress_bar("Evaluating") as advance:
        result = cli_report.await_work(service.evaluate(comparison, advance))
    if as_json:
        cli_report.emit(asdict(result))
        return DONE
    names = next(iter(result.candidates.values())).keys()
    rows = [(name, *(f"{value:.3f}" for value in row.values())) for name, row in result.candidates.items()]
    cli_report.table((f"mean of {result.pairs}", *names), rows)
    return DONE


@app.command()
def judge(
    clean: Annotated[Path, typer.Option(metavar="DIR", help="Photographs as they should be.")],
    aged: Annotated[Path | None, typer.Option(metavar="DIR", help="The same, damaged and faded.")] = None,
    defects: Annotated[Path | None, typer.Option(metavar="DIR", help="The same, damaged but not faded.")] = None,
    peer: Annotated[Path | None, typer.Option(metavar="FILE", help="Another network, to compare times with.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="A weight file that is not installed.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="THEME", help="Only this theme; may be repeated.")] = None,
    pictures: Annotated[int, typer.Option(metavar="N", help="At most so many pictures of each folder.")] = 1_000,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Judge the network by every figure that is wanted of it; takes minutes."""
    paths = {"aged": aged, "defects": defects, "peer": peer, "weights": weights}
    named = {name: str(path) for name, path in paths.items() if path is not None}
    with engine(device.value) as service:
        cli_judge.run(service, Trial(str(clean), only=tuple(only or ()), pictures=pictures, **named), as_json)
    return DONE


@app.command()
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
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Restore slowly: minimise alpha * content + beta * style over the pixels themselves, from the fast result."""
    targets = cli_targets.plan(output, [source], cli_targets.Conflict.VERSION)
    recipe = Recipe(alpha=alpha, beta=beta if beta is not None else (0.0 if style is None else 1.0))
    with engine(device.value) as service:
        known = style in {card.id for card in service.styles()}
        picture = reference or (Path(style) if style is not None and not known else None)
        recipe = _with_catalogue(service, recipe, None, style)
        opened = cli_report.await_result(service.open_image(str(source.absolute())))
        target = targets.path_for(source, opened.info)
        options = ExportOptions(str(target), targets.conflict.value)
        order = Optimisation(options, steps, str(picture.absolute()) if picture else "")
        cli_optimise.show(cli_optimise.run(service, opened.ref, recipe, order, as_json), as_json)
    return DONE


@app.command()
def age(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A clean photograph.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The aged photograph to write.")],
    seed: Annotated[int, typer.Option(help="The same seed ages in the same way.")] = 0,
    severity: Annotated[float, typer.Option(help="How badly, 0 to 1.")] = 1.0,
    mask: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write where the damage is.")] = None,
    device: DeviceOption = Device.AUTO,
) -> int:
    """Age a clean photograph, to train or to test on."""
    if not 0.0 <= severity <= 1.0:
        raise RecipeError(f"Severity must lie between 0 and 1, not {severity:g}.")
    written = [output] if mask is None else [output, mask]
    for target in written:
        if cli_targets.is_one_of(target, [source]):
            raise RecipeError(f"“{target}” is the photograph to age and is not written over; choose another name.")
    if mask is not None and cli_targets.is_one_of(mask, [output]):
        raise RecipeError("The aged photograph and its mask cannot be the same file; give --mask another name.")
    with engine(device.value) as service:
        target_mask = None if mask is None else str(mask)
        cli_report.await_result(service.age(str(source), str(output), seed=seed, severity=severity, mask=target_mask))
    cli_report.say(str(output))
    return DONE


@app.command()
def train(
    preset: Annotated[str, typer.Option(metavar="NAME", help="How large and how long.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="A folder of clean photographs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Weights, checkpoints and the log; resumed if they exist.")],
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Train a network on photographs of your own. An interrupted run goes on where it stopped."""
    with engine(device.value) as service, cli_report.progress_bar("Training", quiet=as_json) as draw:

        def advance(step: Progress) -> None:
            if as_json:
                cli_report.emit(asdict(step))
            draw(step)

        weights = cli_report.await_work(service.train(preset, str(data), str(out), advance))
    if as_json:
        cli_report.emit({"weights": weights})
    else:
        cli_report.say(weights)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
