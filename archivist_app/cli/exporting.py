"""`archivist export`: images and projects as they were edited, in the form of a preset, as one job."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from archivist_app.cli import export_options as ask
from archivist_app.cli import report
from archivist_app.cli.common import Device, DeviceOption, Json, engine
from archivist_app.cli.export_options import Conflict, Preset
from archivist_app.cli.report import DONE, FAILED
from engine.errors import EngineError, RecipeError
from engine.types import (
    ExportBatch,
    ExportOutcome,
    ExportReport,
    ExportSettings,
    PackageFacts,
    Project,
    ProjectItem,
    Recipe,
    export_preset,
)

if TYPE_CHECKING:
    from engine.service import EngineService

commands = typer.Typer()


@commands.command()
def export(
    inputs: ask.Inputs,
    preset: ask.PresetOption = Preset.PRESERVATION,
    output: ask.Output = None,
    template: ask.Template = None,
    conflict: ask.ConflictOption = Conflict.VERSION,
    only: ask.Only = None,
    depth: ask.DepthOption = None,
    profile: ask.ProfileOption = None,
    compression: ask.CompressionOption = None,
    quality: ask.Quality = None,
    dpi: ask.Dpi = None,
    longest: ask.Longest = None,
    label: ask.Label = None,
    sign: ask.Sign = None,
    tile: ask.Tile = None,
    address: ask.Address = None,
    organization: ask.Organization = None,
    contact: ask.Contact = None,
    identifier: ask.Identifier = None,
    with_master: ask.WithMaster = None,
    with_report: ask.Report = False,
    device: DeviceOption = Device.AUTO,
    as_json: Json = False,
) -> int:
    """Export images as they were edited; what is unchanged since the last time is not exported again.

    What fails is reported and the rest go on. An interrupted export goes on when the same command is given again.
    """
    given = {
        "template": template, "depth": depth, "profile": profile, "compression": compression, "quality": quality,
        "dpi": dpi, "longest": longest, "label": label, "sign": sign, "tile": tile, "address": address,
    }  # fmt: skip
    told = {"organization": organization, "contact": contact, "identifier": identifier, "with_master": with_master}
    settings, facts = _settings(preset, conflict, given), _facts(preset, told)
    wanted = [_filter(text) for text in only or ()]
    with engine(device.value) as service:
        return _Job(service, settings, output, with_report, as_json, facts).do(inputs, wanted)


def _facts(preset: Preset, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was given for packages. RecipeError where no packages are made."""
    facts = {name: value for name, value in told.items() if value is not None}
    if facts and preset is not Preset.PACKAGE:
        raise RecipeError(f"--{next(iter(facts)).replace('_', '-')} is told in packages; add “--preset package”.")
    return facts


def _settings(preset: Preset, conflict: Conflict, given: dict[str, Any]) -> ExportSettings:
    """The preset's settings with what was given. RecipeError for an option that the preset does not have."""
    chosen = export_preset(preset.value)
    changes = {name: str(value) if isinstance(value, StrEnum) else value for name, value in given.items()}
    changes = {name: value for name, value in changes.items() if value is not None}
    for name in changes:
        if name != "template" and name not in chosen.options:
            has = ", ".join(f"--{option}" for option in chosen.options) or "none of these options"
            raise RecipeError(f"The preset {preset} has no --{name}; it has {has}.")
    return ExportSettings.from_json(chosen.settings.to_json() | {"conflict": str(conflict)} | changes)


def _filter(text: str) -> Callable[[ProjectItem], bool]:
    """Which items an `--only` lets through. RecipeError where it is none."""
    states = {"approved": "approved", "rejected": "rejected", "undecided": ""}
    plain = text.strip().lower()
    if plain in states:
        return lambda item: item.decision == states[plain]
    if plain == "edited":
        return lambda item: item.recipe != Recipe()
    match = re.fullmatch(r"stars\s*(>=|<=|=|<|>)\s*([0-5])", plain)
    if match is None:
        raise RecipeError(f"“{text}” chooses nothing; --only takes approved, rejected, undecided, edited or stars>=3.")
    count = int(match[2])
    compare: dict[str, Callable[[int], bool]] = {
        ">=": lambda stars: stars >= count,
        "<=": lambda stars: stars <= count,
        "=": lambda stars: stars == count,
        "<": lambda stars: stars < count,
        ">": lambda stars: stars > count,
    }
    return lambda item: compare[match[1]](item.stars)


@dataclass(slots=True)
class _Job:
    """What one `export` run was asked for."""

    service: EngineService
    settings: ExportSettings
    output: Path | None
    with_report: bool
    as_json: bool
    facts: Mapping[str, Any]  # what packages tell besides what their project does
    found: list[tuple[Project | None, ProjectItem]] = field(default_factory=list)
    failed: bool = False

    def do(self, inputs: list[Path], wanted: list[Callable[[ProjectItem], bool]]) -> int:
        """All of it; the exit status."""
        try:
            self.collect(inputs)
            return self.run(lambda item: all(holds(item) for holds in wanted))
        finally:
            for project in {project.folder: project for project, _ in self.found if project is not None}.values():
                self.service.close_project(project)

    def collect(self, inputs: list[Path]) -> None:
        """Every image that was named; what cannot be opened is reported."""
        for path in inputs:
            try:
                self.found.extend(self._items(path))
            except EngineError as error:
                self._tell(ExportOutcome(str(path), "failed", sentence=str(error)))
        loose = [item for project, item in self.found if project is None]
        if self.output is None and loose:
            raise RecipeError("Images that are in no project need a folder to go to; give it with -o.")

    def _items(self, path: Path) -> Iterator[tuple[Project | None, ProjectItem]]:
        if (path / "project.json").is_file():
            project = report.await_result(self.service.open_project(str(path.absolute())))
            yield from ((project, item) for item in project.items)
            return
        home = report.await_result(self.service.home_of(str(path.absolute())))
        if home is not None:
            yield home
        else:
            opened = report.await_result(self.service.open_image(str(path.absolute())))
            yield None, ProjectItem("", opened.ref)

    def run(self, wanted: Callable[[ProjectItem], bool]) -> int:
        """One job a project, and one for the images that are in none."""
        groups: dict[str, list[tuple[Project | None, ProjectItem]]] = {}
        for project, item in self.found:
            if wanted(item):
                groups.setdefault(project.folder if project else "", []).append((project, item))
        if not groups and not self.failed:
            self._say("Nothing to export: no image is among those wanted.")
        for pairs in groups.values():
            self._export(pairs[0][0], tuple(dict.fromkeys(item for _, item in pairs)))
        return FAILED if self.failed else DONE

    def _export(self, project: Project | None, items: tuple[ProjectItem, ...]) -> None:
        folder = self.output if self.output is not None else Path(project.folder if project else "", "exports")
        known = project.package if project else PackageFacts()
        package = replace(known, **self.facts) if self.facts else None
        batch = ExportBatch(items, self.settings, str(folder.absolute()), project, self.with_report, package=package)
        with report.progress_bar("Exporting", quiet=self.as_json) as advance:
            done = report.await_work(self.service.export_batch(batch, advance, self._tell))
        self._sum_up(done)

    def _tell(self, outcome: ExportOutcome) -> None:
        self.failed = self.failed or outcome.state == "failed"
        if self.as_json:
            report.emit(asdict(outcome))
        elif outcome.state == "failed":
            report.complain(f"{outcome.source}: {outcome.sentence}")
        elif outcome.restored is not None:
            line = f"{outcome.source} -> {outcome.output} ({outcome.restored.seconds:.1f} s)"
            report.say(f"{line}; {outcome.sentence}" if outcome.sentence else line)
        else:
            report.say(f"{outcome.source}: {outcome.sentence}")

    def _sum_up(self, done: ExportReport) -> None:
        if self.as_json:
            counts = {state: done.count(state) for state in ("written", "unchanged", "skipped", "failed")}
            report.emit({"state": "done", "folder": done.folder, "html": done.html, "csv": done.csv, **counts})
        elif done.html:
            report.say(f"Report: {done.html}")

    def _say(self, line: str) -> None:
        if self.as_json:
            report.emit({"state": "done", "written": 0, "sentence": line})
        else:
            report.say(line)
