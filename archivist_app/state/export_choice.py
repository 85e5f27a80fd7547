"""What somebody wants to export, and how: values that a dialog edits, kept from one time to the next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from archivist_app.state.preferences import Preferences
from archivist_app.state.session import Session
from engine.errors import EngineError, RecipeError
from engine.types import (
    EXPORT_PRESETS,
    ExportBatch,
    ExportEstimate,
    ExportPreset,
    ExportSettings,
    ProjectItem,
    export_preset,
)

SETTLE_MS = 250  # after the last change, until the work is estimated


class Which(StrEnum):
    """Which images of the project."""

    CURRENT = "current"
    SELECTED = "selected"
    ALL = "all"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to export. Every preset keeps its own settings, so that looking at another one loses nothing."""

    which: Which = Which.CURRENT
    preset: str = EXPORT_PRESETS[0].id
    settings: Mapping[str, ExportSettings] = field(
        default_factory=lambda: {preset.id: preset.settings for preset in EXPORT_PRESETS}
    )
    folder: str = ""  # "": the project's own exports
    report: bool = True

    def to_text(self) -> str:
        """As it is kept."""
        settings = {name: one.to_json() for name, one in self.settings.items()}
        kept = {"preset": self.preset, "settings": settings, "folder": self.folder, "report": self.report}
        return json.dumps(kept)

    @classmethod
    def from_text(cls, text: str) -> Choice:
        """What was kept; where that cannot be read, or is no longer possible, the usual way. Which images is not kept:
        a project is not exported whole because another one was."""
        plain = cls()
        try:
            kept = json.loads(text)
            settings = dict(plain.settings)
            for name in settings:
                settings[name] = ExportSettings.from_json(kept["settings"].get(name, settings[name].to_json()))
            return cls(
                Which.CURRENT, export_preset(kept["preset"]).id, settings, str(kept["folder"]), bool(kept["report"])
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, EngineError):
            return plain


class ExportChoice(QObject):
    """The choice for the open project; `choose` and `edit` change it, `changed` says that it did."""

    changed = Signal()
    estimated = Signal()

    def __init__(self, session: Session, bridge: Bridge, preferences: Preferences, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._preferences = preferences
        self._tasks = tasks
        self._selected: Callable[[], Sequence[str]] = lambda: ()
        self._project = ""
        self._choice = Choice()
        self.fault = ""  # why it cannot be exported like this, in a sentence
        self.estimate: ExportEstimate | None = None
        self._estimating: asyncio.Task[None] | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._estimate_soon)

    @property
    def choice(self) -> Choice:
        """As it stands."""
        return self._choice

    @property
    def preset(self) -> ExportPreset:
        """The preset that is chosen."""
        return export_preset(self._choice.preset)

    @property
    def settings(self) -> ExportSettings:
        """The settings of that preset, the last ones that make sense."""
        return self._choice.settings[self._choice.preset]

    def begin(self, selected: Callable[[], Sequence[str]]) -> None:
        """Take up the open project; `selected` tells the uuids of the images that are selected at any time."""
        self._selected = selected
        project = self._session.project
        if project is not None and project.uuid != self._project:
            self._project = project.uuid
            self._choice = Choice.from_text(self._preferences.export_choice(project.uuid))
        which = Which.SELECTED if len(selected()) > 1 else self._choice.which
        self._put(replace(self._choice, which=which))

    def stop(self) -> None:
        """Estimate nothing more."""
        self._settle.stop()

    def remember(self) -> None:
        """This is how it is done from now on."""
        if self._project:
            self._preferences.set_export_choice(self._project, self._choice.to_text())

    # what is exported

    def items(self, which: Which) -> tuple[ProjectItem, ...]:
        """The images that a word stands for, in the project's order."""
        film = self._session.filmstrip
        every = [film.item(row) for row in range(film.rowCount())]
        if which is Which.CURRENT:
            return (self._session.item,) if self._session.item else ()
        if which is Which.SELECTED:
            wanted = set(self._selected())
            every = [item for item in every if item.uuid in wanted]
        if which is Which.APPROVED:
            every = [item for item in every if item.decision == "approved"]
        return tuple(self._session.items(item.uuid for item in every))

    def batch(self) -> ExportBatch | None:
        """The job as it stands; None where there is nothing to export."""
        project, items = self._session.project, self.items(self._choice.which)
        if project is None or not items:
            return None
        return ExportBatch(items, self.settings, self.folder, project, self._choice.report and len(items) > 1)

    @property
    def folder(self) -> str:
        """Where it goes."""
        project = self._session.project
        own = str(Path(project.folder, "exports")) if project else ""
        return self._choice.folder or own

    @property
    def example(self) -> str:
        """The name of the first image; "" where there is none, or where the template makes none."""
        batch = self.batch()
        if batch is None or self.fault:
            return ""
        return self._bridge.export_name(batch)

    # changing

    def choose(self, **changes: Any) -> None:
        """Another preset, other images, another folder, a report or none."""
        self._put(replace(self._choice, **changes))

    def edit(self, **changes: Any) -> None:
        """Other settings of this preset. What makes no sense is told in `fault`, and the last sensible ones stay."""
        try:
            edited = replace(self.settings, **changes)
        except RecipeError as error:
            self.fault = str(error)
            self.changed.emit()
            return
        self._put(replace(self._choice, settings={**self._choice.settings, self._choice.preset: edited}))

    def reset(self) -> None:
        """The preset as it came."""
        plain = export_preset(self._choice.preset).settings
        self._put(replace(self._choice, settings={**self._choice.settings, self._choice.preset: plain}, folder=""))

    def _put(self, choice: Choice) -> None:
        self._choice = choice
        self.fault, self.estimate = "", None
        batch = self.batch()
        if batch is None:
            self.fault = _NOTHING[choice.which]
        else:
            try:
                self._bridge.export_name(batch)
            except RecipeError as error:
                self.fault = str(error)
        self._settle.start()
        self.changed.emit()

    def _estimate_soon(self) -> None:
        batch = self.batch()
        if batch is None or self.fault:
            return
        if self._estimating is not None:
            self._estimating.cancel()
        self._estimating = self._tasks.spawn(self._estimate(batch))

    async def _estimate(self, batch: ExportBatch) -> None:
        try:
            found = await self._bridge.estimate_export(batch)
        except EngineError:
            return  # exporting says what is wrong
        if batch == self.batch():
            self.estimate = found
            self.estimated.emit()


_NOTHING = {
    Which.CURRENT: "No image is open.",
    Which.SELECTED: "No image is selected; select some in the filmstrip.",
    Which.ALL: "This project has no images.",
    Which.APPROVED: "No image is approved yet; A approves the one on screen.",
}
