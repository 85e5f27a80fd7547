"""Exports: where they go, and one job row each from start to end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, ExportHandle
from archivist_app.state.jobs_model import JobsModel, State, Ways
from archivist_app.state.session import Session
from engine.errors import Cancelled, EngineError, MasterChangedError
from engine.types import ExportOptions, ImageRef, Progress, Project, ProjectItem, Recipe, UnfinishedExport

KIND = ".tif"
Tell = Callable[[Progress], None]


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
        options = ExportOptions(str(chosen), "overwrite" if target else "version")  # a dialog has asked
        self._start(image, item.recipe, options)

    def queue(self, uuids: Sequence[str]) -> None:
        """Export images one after the other, in the settings they have now; each has a row of its own."""
        self._session.when_settled(lambda: self._queue(self._session.items(uuids)))

    def _queue(self, items: Sequence[ProjectItem]) -> None:
        project, orders = self._session.project, []
        for item in items:
            if project is None:
                return
            target = self._place_for(project, item)
            if not self.make_folder(target):
                return
            try:
                self._bridge.register(project, item)
            except EngineError as error:
                self.failed.emit(str(error))
                continue
            orders.append(self._order(item.source, item.recipe, ExportOptions(str(target), "version")))
        self._tasks.spawn(self._one_after_the_other(orders))

    async def _one_after_the_other(self, orders: Sequence[_Order]) -> None:
        """What somebody stopped before its turn is passed over; a failure does not stop the rest."""
        for order in orders:
            await asyncio.wait({self._tasks.spawn(self._write(order))})

    def _start(self, image: ImageRef, recipe: Recipe, options: ExportOptions) -> None:
        self._tasks.spawn(self._write(self._order(image, recipe, options)))

    def _order(self, image: ImageRef, recipe: Recipe, options: ExportOptions) -> _Order:
        """An export of an image in a recipe, with its row."""

        def begin(tell: Tell) -> ExportHandle:
            return self._bridge.export(image, recipe, options, tell)

        order = _Order(Path(options.target).name, begin, image)
        return self._listed(order, lambda: self._again(image, recipe, options))

    def _listed(self, order: _Order, retry: Callable[[], None] | None = None) -> _Order:
        """Give it a row in the list of jobs; its file's name is taken from now on."""
        order.number = self._jobs.add(order.name, lambda: self._cancel(order), Ways(hold=order.hold, retry=retry))
        self._taken.add(order.name)
        return order

    def _cancel(self, order: _Order) -> None:
        """Stop what is being written, or pass it over when its turn comes."""
        if order.handle is not None:
            order.handle.cancel()
        else:
            order.dropped = True
            self._end(order, "cancelled", "Stopped; nothing was written.")

    def resume(self, unfinished: UnfinishedExport) -> None:
        """Go on with an export that an earlier run of the program did not end."""

        def begin(tell: Tell) -> ExportHandle:
            return self._bridge.resume_export(unfinished, tell)

        self._tasks.spawn(self._write(self._listed(_Order(Path(unfinished.target).name, begin))))

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

    async def _write(self, order: _Order) -> None:
        if order.dropped:
            return
        handle = order.handle = order.begin(lambda step: self._jobs.advance(order.number, step))
        handle.hold(order.held)
        try:
            restored = await handle.result()
        except Cancelled:
            self._end(order, "cancelled", "Stopped; nothing was written.")
        except EngineError as error:
            self._end(order, "failed", str(error))
            if isinstance(error, MasterChangedError) and order.image is not None:
                self._tell_changed(order.image, str(error))
        except Exception:
            self._end(order, "failed", "Stopped by an unforeseen fault; your original is untouched.")
            raise
        else:
            text = f"Saved in {Path(restored.output).parent.name}, {restored.width} × {restored.height} pixels"
            self._end(order, "done", text, restored.output)

    def _end(self, order: _Order, state: State, text: str, path: str = "") -> None:
        self._taken.discard(order.name)
        self._jobs.finish(order.number, state, text, path)


@dataclass(eq=False)
class _Order:
    """One export from the moment it is wanted: its row, and the work once its turn has come."""

    name: str  # of the file
    begin: Callable[[Tell], ExportHandle]
    image: ImageRef | None = None  # None for what an earlier run began
    number: int = 0  # of its row
    handle: ExportHandle | None = None  # None before its turn
    held: bool = False
    dropped: bool = False

    def hold(self, paused: bool) -> None:
        """Rest, or go on; before its turn that is kept for then."""
        self.held = paused
        if self.handle is not None:
            self.handle.hold(paused)
