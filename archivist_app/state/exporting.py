"""Exports: where they go, and one job row each from start to end."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path, PurePath

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, JobHandle
from archivist_app.state.endings import endings
from archivist_app.state.jobs_model import JobsModel, Ways
from archivist_app.state.session import Session
from engine.errors import MasterChangedError
from engine.types import ExportOptions, ImageRef, Project, ProjectItem, Recipe, Restored, UnfinishedExport

KIND = ".tif"


def next_target(folder: Path, source: str, taken: set[str]) -> Path:
    """`<name>_restored_v01.tif` in `folder`, with the first version number that neither exists nor is in `taken`."""
    stem = PurePath(source).stem
    pattern = re.compile(re.escape(stem) + r"_restored_v(\d+)", re.IGNORECASE)
    try:
        names = os.listdir(folder)
    except OSError:
        names = []  # not there yet, or not readable: the engine says which when it writes
    versions = [int(found[1]) for name in (*names, *taken) if (found := pattern.match(name))]
    return folder / f"{stem}_restored_v{max(versions, default=0) + 1:02d}{KIND}"


class Exporter(QObject):
    """Exports the image on screen as it stands when it is asked to."""

    failed = Signal(str)
    master_changed = Signal(object, str)  # ProjectItem, sentence: nothing is exported until somebody accepts it

    def __init__(self, session: Session, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks
        self._taken: set[str] = set()  # names of files now being written

    def suggestion(self) -> Path | None:
        """Where an export goes unless somebody says otherwise; None when nothing is open."""
        project, item = self._session.project, self._session.item
        if project is None or item is None:
            return None
        return self._place_for(project, item)

    def _place_for(self, project: Project, item: ProjectItem) -> Path:
        return next_target(Path(project.folder, "exports"), item.source.path, self._taken)

    def export(self, target: Path | None = None) -> None:
        """Start a job that writes the image on screen to `target`, by default into the project."""
        item, image = self._session.item, self._session.document.image
        if item is not None and image is not None:
            self._session.when_settled(lambda: self._export(item.uuid, image, target))

    def _export(self, uuid: str, image: ImageRef, target: Path | None) -> None:
        items = self._session.items((uuid,))
        if not items or self._session.project is None:
            return
        (item,) = items
        chosen = target or self._place_for(self._session.project, item)
        if target is None and not self.make_folder(chosen):
            return
        options = ExportOptions(str(chosen), "overwrite" if target else "version", sign=True)  # a dialog has asked
        self._start(image, item.recipe, options)

    def _start(self, image: ImageRef, recipe: Recipe, options: ExportOptions) -> None:
        target = Path(options.target)
        ways = Ways(hold=lambda paused: handle.hold(paused), retry=lambda: self._again(image, recipe, options))
        number = self._jobs.add(target.name, lambda: handle.cancel(), ways)
        handle = self._bridge.export(image, recipe, options, lambda progress: self._jobs.advance(number, progress))
        self._taken.add(target.name)
        self._tasks.spawn(self._follow(number, target, handle, image))

    def resume(self, unfinished: UnfinishedExport) -> None:
        """Go on with an export that an earlier run of the program did not end."""
        target = Path(unfinished.target)
        ways = Ways(hold=lambda paused: handle.hold(paused))
        number = self._jobs.add(target.name, lambda: handle.cancel(), ways)
        handle = self._bridge.resume_export(unfinished, lambda progress: self._jobs.advance(number, progress))
        self._taken.add(target.name)
        self._tasks.spawn(self._follow(number, target, handle))

    def _again(self, image: ImageRef, recipe: Recipe, options: ExportOptions) -> None:
        """The same export; one whose name we chose gets the name that is free by now."""
        if options.conflict == "version":
            target = next_target(Path(options.target).parent, image.path, self._taken)
            options = replace(options, target=str(target))
        self._start(image, recipe, options)

    def make_folder(self, target: Path) -> bool:
        """The project's folder of exports, made where it is missing; False, and a word of why, where it cannot be."""
        try:
            target.parent.mkdir(exist_ok=True)
        except OSError as error:
            reason = error.strerror or "it refused"
            self.failed.emit(f"The project's exports folder cannot be made ({reason}); use “Export as…” instead.")
            return False
        return True

    def _tell_changed(self, image: ImageRef, text: str) -> None:
        project = self._session.project
        for item in project.items if project is not None else ():
            if item.source == image:
                self.master_changed.emit(item, text)

    async def _restored(self, handle: JobHandle[Restored], image: ImageRef | None) -> Restored:
        try:
            return await handle.result()
        except MasterChangedError as error:
            if image is not None:
                self._tell_changed(image, str(error))
            raise

    async def _follow(
        self, number: int, target: Path, handle: JobHandle[Restored], image: ImageRef | None = None
    ) -> None:
        try:
            with endings(self._jobs, number):
                restored = await self._restored(handle, image)
                text = f"Saved in {Path(restored.output).parent.name}, {restored.width} × {restored.height} pixels"
                text = ". ".join((text, *restored.notices))
                self._jobs.finish(number, "done", text, restored.output)
        finally:
            self._taken.discard(target.name)
