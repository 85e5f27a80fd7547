"""What is open: a project, one of its images on screen, and every change of it on disk within two seconds."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from archivist_app.state.commands import Edit, History, ItemsCommand, Values, put_back
from archivist_app.state.document import Document, styled
from archivist_app.state.filmstrip_filter import FilmstripFilter
from archivist_app.state.filmstrip_model import FilmstripModel
from archivist_app.state.intake import sort_paths
from archivist_app.state.meanwhile import carried_on, is_foreign, newest, set_aside, snapshot_of
from archivist_app.state.saving import AUTOSAVE_MS, Saving, many
from archivist_app.state.waiting import OPENING, OPENING_DEMO
from engine.errors import EngineError, ProjectError
from engine.types import Frame, ImageRef, Project, ProjectItem, Recipe, StyleCard

BEAT_MS = 30_000  # between two signs of life to others who want to open the project
OVERVIEW = 2048  # longest side of the picture shown before the first draft, in pixels
LARGE = 256 << 20  # bytes of a file from which on it is shown before its checksum is known


class Session(Saving):
    """Opens projects and images, and keeps what is done to them."""

    project_changed = Signal(object)  # Project
    item_changed = Signal(object)  # ProjectItem now on screen
    overview_arrived = Signal(object)  # Frame of the whole untouched image
    unreadable = Signal(str)  # why the image on screen cannot be shown
    info_arrived = Signal(object)  # ImageInfo of the image on screen
    nothing_opened = Signal()  # what was asked for cannot be had, and nothing else is on screen
    opening_changed = Signal(str)  # what is being opened, in words; "" when nothing is
    decided = Signal(object)  # ProjectItem on screen, whose stars, decision, note or recipe somebody changed
    snapshots_changed = Signal(object)  # ProjectItem on screen, with them
    master_missing = Signal(object, str)  # ProjectItem, sentence: it is not where it was
    master_changed = Signal(object, str)  # ProjectItem, sentence: it is no longer the file that was added
    recovered = Signal(object)  # ProjectItems as they were before a killed program's edits were brought back

    def __init__(self, document: Document, bridge: Bridge, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(bridge, tasks, parent)
        self.document = document
        self.history = History(document, self)
        self.filmstrip = FilmstripModel(bridge, self)
        self.shown = FilmstripFilter(self.filmstrip, self)
        self._current: str | None = None
        self._noted: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._heart = QTimer(self, interval=BEAT_MS)
        self._heart.timeout.connect(bridge.beat)
        document.recipe_changed.connect(self._note_change)

    @property
    def item(self) -> ProjectItem | None:
        """The item on screen as it stands."""
        return self._items.get(self._current) if self._current else None

    # opening

    def open_paths(self, paths: Sequence[str]) -> None:
        """Open projects, pictures and folders of pictures; whatever cannot be opened is told in `failed`."""
        self._tasks.spawn(self._open_paths(tuple(paths)))

    def open_demo(self) -> None:
        """Open the demo project, which is made on first use."""
        self._tasks.spawn(self._open_demo())

    async def _open_paths(self, paths: tuple[str, ...]) -> None:
        async with self._opening:
            self.opening_changed.emit(OPENING)
            try:
                intake = await sort_paths(paths)
                refused = list(intake.refused)
                for folder in intake.projects[:1]:
                    await self._adopt(await self._bridge.open_project(folder))
                if len(intake.projects) > 1:
                    refused.append("One project is open at a time; open the others one by one.")
                if intake.pictures:
                    refused.extend(await self._add(intake.pictures))
                for text in refused:
                    self.failed.emit(text)
            except EngineError as error:
                self.failed.emit(str(error))
            finally:
                self.opening_changed.emit("")
                if self.document.image is None:
                    self.nothing_opened.emit()

    async def _add(self, pictures: tuple[str, ...]) -> tuple[str, ...]:
        """Into the open project where that can be written, else into the one they belong to."""
        before = set(self._items)
        self._glimpse(pictures[0])
        if self._project is not None and self._project.writable:
            await self.flush()
            project, refused = await self._bridge.add_images(self._project, pictures)
        else:
            project, refused = await self._bridge.project_for(pictures)
        show = _first_added(project, before, pictures)
        if len(refused) < len(pictures):
            await self._adopt(project, show)
        return refused

    def _glimpse(self, path: str) -> None:
        """Show a large picture before its checksum is known, which takes seconds; only where nothing else is shown."""
        try:
            size = os.path.getsize(path)
        except OSError:
            return  # adding it says so

        def show(frame: Frame) -> None:
            if self.document.image is None:
                self.overview_arrived.emit(frame)

        if self.document.image is None and size >= LARGE:
            self._bridge.picture(ImageRef(path, "", size), OVERVIEW, show, logging.getLogger(__name__).info)

    async def _open_demo(self) -> None:
        async with self._opening:
            self.opening_changed.emit(OPENING_DEMO)
            try:
                await self._adopt(await self._bridge.demo_project())
            except EngineError as error:
                self.failed.emit(str(error))
            finally:
                self.opening_changed.emit("")

    async def _adopt(self, project: Project, show: str | None = None) -> None:
        """Make `project` the open one and put an image on screen: `show`, or the one shown, or the first.

        Raises ProjectError where edits of the one open so far cannot be saved; that one stays open then.
        """
        old = self._project
        if old is not None and old.uuid != project.uuid:
            try:
                await self.leave()
            except ProjectError:
                self._bridge.close_project(project)
                raise
            self._let_go(old)
            self._take(project, show)
        else:
            async with self._saving:  # what is just being written is either saved or not
                self._take(project, show)

    def _let_go(self, project: Project) -> None:
        """Forget the open project; whatever is to be saved of it has been."""
        self._bridge.close_project(project)
        self.history.forget()
        for known in (self._items, self._saved, self._unsaved, self._unjournaled, self._given_up):
            known.clear()
        self._project = self._current = None

    def _take(self, project: Project, show: str | None) -> None:
        old, self._project = self._project, project
        self._items = {item.uuid: self._as_it_stands(item) for item in project.items}
        self._saved = {item.uuid: newest(item, self._saved.get(item.uuid)) for item in project.items}
        self._unsaved &= self._items.keys()
        self.filmstrip.show_project(replace(project, items=tuple(self._items.values())))
        self.project_changed.emit(project)
        if old is None or (old.writable, old.reason) != (project.writable, project.reason):
            self._greet(project, old)
        if self._unsaved:
            self._autosave.start(AUTOSAVE_MS)  # what hindered it may be gone
        shown, item = self._current, self.item
        if item is None or item.source != self.document.image:
            self._current = None
        else:
            self.document.recipe = item.recipe  # somebody else may have changed it
        chosen = next((one for one in (show, shown, *self._items) if one in self._items), None)
        if chosen is not None and chosen != self._current:
            self.show_item(chosen)

    def _greet(self, project: Project, before: Project | None) -> None:
        """What there is to say of a project that was just opened, or of which others let go or took hold."""
        self._warned = False
        self._heart.start()
        self._noted = self._tasks.spawn(self._bridge.note_open(project))
        if not project.writable:
            self.noticed.emit(project.reason or "This project is open read-only; changes will not be saved.")
        elif before is not None:
            self.noticed.emit("This project can be edited again; changes are saved.")
        for text in project.problems:
            self.failed.emit(text)
        if project.recovered and before is None:  # else they are edits of this very program, which still has them
            self.recovered.emit(project.recovered)

    async def take_over(self, project: Project, show: str) -> None:
        """The masters of the open project are others, or elsewhere: show an image anew.

        The search may have taken minutes: whatever else `project` tells is older than what is known here.
        """
        async with self._saving:
            known = self._project
            if known is not None and known.uuid == project.uuid:
                found = {item.uuid: item for item in project.items}
                self._current = None
                self._take(replace(known, items=tuple(found.get(item.uuid, item) for item in known.items)), show)

    def _as_it_stands(self, item: ProjectItem) -> ProjectItem:
        """An item of an answer, or what is known here to be newer than that."""
        mine, saved = self._items.get(item.uuid), self._saved.get(item.uuid)
        now = newest(item, saved)
        if mine is None or saved is None or item.uuid not in self._unsaved:
            return now
        if not is_foreign(now, saved, mine):
            return carried_on(mine, now)
        both, name = set_aside(mine, now), PurePath(item.source.path).name
        kept = both.snapshots[-1].name
        self.failed.emit(f"“{name}” was changed elsewhere meanwhile; your own settings are kept as “{kept}”.")
        return both

    # showing

    def show_item(self, uuid: str) -> None:
        """Put an image on screen with its own recipe and history."""
        if self._project is None or uuid not in self._items or uuid == self._current:
            return
        self._current = uuid
        item = self._items[uuid]
        self.history.show_item(uuid)
        self.document.show_image(item.source, item.recipe)
        self.item_changed.emit(item)
        try:
            path = self._bridge.register(self._project, item)
        except EngineError as error:
            self.master_missing.emit(item, str(error))
            self.unreadable.emit(str(error))
            return
        self.filmstrip.retry(uuid)
        self._bridge.picture(item.source, OVERVIEW, self._show_overview, lambda text: self._tell_unreadable(uuid, text))
        self._tasks.spawn(self._examine(item, path))

    def step(self, by: int) -> None:
        """Show the image `by` rows further down the filmstrip, if there is one."""
        row = self.shown.row_of(self._current or "") + by
        if self._current is not None and 0 <= row < self.shown.rowCount():
            self.show_item(self.shown.item(row).uuid)

    def _tell_unreadable(self, uuid: str, text: str) -> None:
        self.failed.emit(text)
        if uuid == self._current:
            self.unreadable.emit(text)

    def _show_overview(self, frame: Frame) -> None:
        if frame.request.image == self.document.image:
            self.overview_arrived.emit(frame)

    async def _examine(self, item: ProjectItem, path: str) -> None:
        """Read what the master is, and whether it is still the file that was added."""
        try:
            opened = await self._bridge.open_image(path, item.source.page)
        except EngineError:
            return  # reading its picture says the same, and says it first
        if item.uuid != self._current:
            return
        self.info_arrived.emit(opened.info)
        if item.source.sha256 and opened.ref.sha256 != item.source.sha256:
            name = PurePath(path).name
            text = f"“{name}” is no longer the file that was added to this project; check which is meant."
            self.master_changed.emit(item, text)

    # changing

    def push(self, edit: Edit) -> None:
        """Change the recipe of the image on screen, undoably."""
        self.history.push(edit)

    def choose_style(self, card: StyleCard | None) -> None:
        """Restore the image on screen in a style, or in none, undoably."""
        self.push(Edit(styled(self.document.recipe, card), f"Style: {card.title}" if card else "No style"))

    def take_snapshot(self, name: str = "") -> None:
        """Keep the recipe of the image on screen under a name; without one, "Snapshot" and the next free number."""
        item = self.item
        if item is not None:
            self.when_settled(lambda: self._take_snapshot(item.uuid, name))

    def _take_snapshot(self, uuid: str, name: str) -> None:
        item = self._items.get(uuid)
        if item is None:
            return
        kept = snapshot_of(item.recipe, item.snapshots, "Snapshot")
        kept = replace(kept, name=name or kept.name)
        self.decide([replace(item, snapshots=(*item.snapshots, kept))], f"Kept as “{kept.name}”")
        self.noticed.emit(f"“{kept.name}” keeps the settings of this image; V shows snapshots side by side.")

    def use_snapshot(self, name: str) -> None:
        """Take over a snapshot's settings, undoably."""
        for snapshot in self.item.snapshots if self.item else ():
            if snapshot.name == name:
                self.push(Edit(snapshot.recipe, f"As in “{name}”"))

    def rename_snapshot(self, old: str, new: str) -> None:
        """Another name, undoably; one that is empty or taken changes nothing."""
        item = self.item
        if item is None or not new or new in {snapshot.name for snapshot in item.snapshots}:
            return
        renamed = tuple(replace(one, name=new) if one.name == old else one for one in item.snapshots)
        self.decide([replace(item, snapshots=renamed)], f"Snapshot renamed: {new}")

    def remove_snapshot(self, name: str) -> None:
        """Forget a snapshot, undoably."""
        if self.item is not None:
            left = tuple(one for one in self.item.snapshots if one.name != name)
            self.decide([replace(self.item, snapshots=left)], f"Snapshot removed: {name}")

    def change_recipe(self, uuid: str, change: Callable[[Recipe], Recipe]) -> None:
        """Change the recipe of an image, on screen or not; no step of any history."""
        if uuid == self._current:
            self.document.recipe = change(self.document.recipe)
        elif uuid in self._items:
            self._keep(replace(self._items[uuid], recipe=change(self._items[uuid].recipe)))

    @Slot(object)
    def _note_change(self, recipe: Recipe) -> None:
        item = self.item
        if item is None or item.recipe == recipe:
            return
        self._keep(replace(item, recipe=recipe))

    def decide(self, items: Iterable[ProjectItem], text: str) -> None:
        """Replace what was decided about several images, as one undoable step called `text`."""
        pairs = [(self._items[item.uuid], item) for item in items if self._items.get(item.uuid, item) != item]
        if pairs:
            self.history.push_change(ItemsCommand(self._put, pairs, text))

    def _put(self, values: Values, expected: Values) -> None:
        known = {uuid: self._items[uuid] for uuid in values if uuid in self._items}
        new = {
            uuid: replace(
                item,
                **{
                    name: put_back(getattr(item, name), expected[uuid][name], value)
                    for name, value in values[uuid].items()
                },
            )
            for uuid, item in known.items()
        }
        self._keep(*(item for uuid, item in new.items() if item != known[uuid]))
        left = sum(item == known[uuid] for uuid, item in new.items())
        if left:
            self.noticed.emit(f"{many(left).capitalize()} had been changed since, and stayed so.")
        current = self.item
        if current is not None and current.uuid in values:
            self.document.recipe = current.recipe
            self.decided.emit(current)
            if "snapshots" in values[current.uuid]:
                self.snapshots_changed.emit(current)

    def _keep(self, *items: ProjectItem) -> None:
        """What was decided about images: soon in the journal, and in their files within two seconds."""
        newer = [replace(item, revision=self._items[item.uuid].revision + 1) for item in items]
        self.save_soon(newer)
        self.filmstrip.show_items(newer)

    # closing

    async def close(self) -> None:
        """Save everything and let go of the project. What cannot be saved is kept in the journal; it tells which."""
        self._heart.stop()
        await self.save_last()
        if self._project is not None:
            self._bridge.close_project(self._project)
            self._project = None
            if self._noted is not None:
                await asyncio.wait({self._noted})  # else it may be written last, and the project be offered again
            await self._bridge.note_open(None)


def _first_added(project: Project, before: set[str], pictures: Sequence[str]) -> str | None:
    """The item to show after adding: one with the first picture's name, a new one before an old one."""
    name = os.path.basename(pictures[0])
    named = [item.uuid for item in project.items if PurePath(item.source.path).name == name]
    added = [item.uuid for item in project.items if item.uuid not in before]
    for candidates in ([uuid for uuid in named if uuid in added], named, added):
        if candidates:
            return candidates[0]
    return None
