"""The damage mask while somebody edits it: loaded or detected, drawn on, kept, and each stroke a step of the history.

A stroke is undoable the moment it ends, but its mask gets an id only once it is on disk. Until then the recipe waits:
what is undone in the meantime never reaches it, and other edits made in the meantime are told of it (`rebase`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from shiboken6 import isValid

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from archivist_app.state.brush import SIZES, Brush, Point, Stroke, Tool, inverted, pieces, protects, with_protection
from archivist_app.state.commands import ChangeCommand, MaskFields, RecipeCommand, mask_fields
from archivist_app.state.mask_raster import MaskRaster, MaskTiles
from archivist_app.state.session import Session
from engine.errors import EngineError
from engine.types import Frame, ImageRef, Progress, Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

BUDGET = 0.008  # seconds of painting at a time; what a fast hand leaves over is painted in the next moments
KEPT_BYTES = 256 << 20  # of earlier states that undo finds in memory; older ones come from disk
NOTHING = "No mask yet: detect, import or clear."
TEXTS = {Tool.BRUSH: "Mark damage", Tool.ERASER: "Erase the mask", Tool.PROTECT: "Protect from repair"}


@dataclass(eq=False)
class Kept:
    """One state of a mask: in memory, on disk under its id, or both."""

    tiles: MaskTiles | None
    id: str | None = None
    nbytes: int = 0  # that no other state needs
    late: list[RecipeCommand] = field(default_factory=list)  # edits made before it had its id
    lost: ChangeCommand | None = None  # the step that led to it, where it could not be kept


@dataclass(frozen=True, slots=True, eq=False)
class MaskState:
    """What a step of the history leads to or back to; without a mask it is the detected one."""

    kept: Kept | None
    fields: MaskFields  # of the recipe; its mask is that of `kept`


class MaskEditor(QObject):
    """Edits the mask of the image on screen. Paints on Qt's thread in small portions; whatever is long is aside."""

    editing_changed = Signal(bool)
    repainted = Signal(object)  # Region of the master that looks different; None for all of it
    brush_changed = Signal(object)  # Brush
    busy_changed = Signal(str)  # what is being waited for, in words; "" when one can paint
    settled = Signal()  # the recipe has caught up with the last stroke

    def __init__(self, session: Session, bridge: Bridge, tasks: Tasks) -> None:
        super().__init__(session)
        self._session, self._bridge, self._tasks = session, bridge, tasks
        self.document = session.document
        self.raster: MaskRaster | None = None
        self.brush = Brush()
        self.editing = False
        self.busy = ""
        self._image: ImageRef | None = None
        self._uuid = ""
        self._shown: Kept | None = None  # what the raster shows but for the stroke under way
        self._detected: Kept | None = None
        self._master: tuple[int, int] | None = None  # size of the image on screen
        self._awaited: dict[str, MaskState] = {}  # by image: its recipe should name this one, which has no id yet
        self._known: dict[str, Kept] = {}
        self._loading: asyncio.Task[None] | None = None
        self._stroke: Stroke | None = None
        self._last: Point = (0.0, 0.0)
        self._work: deque[Callable[[], None]] = deque()  # painting still to be done
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._paint)
        session.document.image_changed.connect(self._leave)
        session.overview_arrived.connect(self._note_size)
        session.document.recipe_changed.connect(self._follow)

    # beginning and ending

    def start(self) -> None:
        """Edit the mask of the image on screen: its own, else the detected one, looked for now."""
        item, image = self._session.item, self.document.image
        if self.editing or item is None or image is None:
            return
        self.editing, self._uuid, self._image = True, item.uuid, image
        self.editing_changed.emit(True)
        self._load(self.document.recipe)

    def stop(self) -> None:
        """Leave the mask as it is."""
        if self.editing:
            self._abort()
            self._work.clear()
            self._soon.stop()
            self._drop_loading()
            self.editing, self.raster, self._shown, self._detected = False, None, None, None
            self.editing_changed.emit(False)

    def close(self) -> None:
        """Nothing here starts anything by itself any more; what was drawn is still being kept."""
        self._soon.stop()
        self._work.clear()
        self._drop_loading()

    @Slot(object)
    def _leave(self, _image: object) -> None:
        self.stop()
        self._master = self._session.history.late = None
        for kept in self._known.values():  # the history goes on knowing their ids
            kept.tiles = None
        self._known.clear()

    @Slot(object)
    def _note_size(self, overview: Frame) -> None:
        self._master = overview.region.width, overview.region.height

    # the brush

    def choose(self, brush: Brush) -> None:
        """Paint with it from the next stroke on; its size and feather are moved into their ranges."""
        size, feather = min(max(brush.size, SIZES[0]), SIZES[1]), min(max(brush.feather, 0.0), 1.0)
        brush = replace(brush, size=size, feather=feather)
        if brush != self.brush:
            self.brush = brush
            self.brush_changed.emit(brush)

    @property
    def stroking(self) -> bool:
        """Whether a stroke is under way, or its result still to be asked for."""
        return self._stroke is not None or bool(self._work) or self._uuid in self._awaited

    @property
    def waiting(self) -> bool:
        """Whether `busy` passes by itself."""
        return self._loading is not None

    def press(self, at: Point, tool: Tool | None = None) -> None:
        """Begin a stroke at a place of the master, with another tool than the chosen one if told."""
        if self.raster is None or self.busy:
            return
        brush = self.brush if tool is None else replace(self.brush, tool=tool)
        self._last = at
        self._work.append(lambda: self._begin(brush))
        self._work.append(lambda: self._advance(at, at))
        self._paint()

    def move(self, at: Point) -> None:
        """Go straight on to there."""
        if self.raster is not None and (self._work or self._stroke is not None) and not self.busy:
            for start, end in pieces(self._last, at, self.brush):
                self._work.append(lambda start=start, end=end: self._advance(start, end))  # type: ignore[misc]
            self._last = at
            self._paint()

    def release(self) -> None:
        """End the stroke: from here on it can be undone."""
        if self._work or self._stroke is not None:
            self._work.append(self._end)
            self._paint()

    @Slot()
    def _paint(self) -> None:
        until = time.perf_counter() + BUDGET
        while self._work:
            self._work.popleft()()
            if time.perf_counter() > until and self._work:
                self._soon.start()
                return

    def _begin(self, brush: Brush) -> None:
        if self.raster is not None:
            self._stroke = Stroke(self.raster, brush)

    def _advance(self, start: Point, end: Point) -> None:
        if self._stroke is not None:
            region = self._stroke.paint(start, end)
            if region.width and region.height:
                self.repainted.emit(region)

    def _end(self) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is not None and self.raster is not None and stroke.changed:
            self._push(self.raster.freeze(), stroke.before, TEXTS[stroke.brush.tool])

    def _abort(self) -> None:
        """Forget a stroke that is not finished."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None and self.raster is not None:
            self._work.clear()
            self.raster.show(stroke.before)
            self.repainted.emit(None)

    # the whole mask

    def detect(self) -> None:
        """Look for damage again; what is protected stays so."""
        self._change(self._redetected, "Detect damage again", "Looking for damage…")

    def clear(self) -> None:
        """Nothing is marked or protected. Also ends the search for damage, to begin with nothing."""
        if self.editing and self._master is not None and self._stroke is None:
            self._drop_loading()
            self._adopt(MaskTiles.empty(*self._master), "Clear the mask")

    def invert(self) -> None:
        """What was marked is not, and the other way round."""
        self._change(self._inverted, "Invert the mask", "Inverting…")

    def import_file(self, path: str) -> None:
        """Take the marks from a picture of the image's size, white where to repair; what is protected stays so."""

        async def read(image: ImageRef, now: MaskTiles | None) -> Grey:
            pixels = await self._bridge.mask(await self._bridge.add_mask(path, image))
            return await self._protected(pixels, now)

        self._change(read, "Import a mask", "Reading the mask…")

    async def _redetected(self, image: ImageRef, now: MaskTiles | None) -> Grey:
        pixels = await self._bridge.find_damage(image, self.document.recipe, self._show_progress)
        return await self._protected(pixels, now)

    async def _inverted(self, _image: ImageRef, now: MaskTiles | None) -> Grey:
        if now is None:
            raise EngineError("There is no mask yet that could be inverted; wait until the damage is found.")
        return await self._bridge.aside(lambda: inverted(now))

    async def _protected(self, pixels: Grey, now: MaskTiles | None) -> Grey:
        if now is None:
            return pixels
        return await self._bridge.aside(lambda: with_protection(pixels.copy(), now) if protects(now) else pixels)

    def _change(
        self, make: Callable[[ImageRef, MaskTiles | None], Coroutine[Any, Any, Grey]], text: str, busy: str
    ) -> None:
        """Replace the whole mask by what `make` makes of the state it is in."""
        image = self._image
        if not self.editing or image is None or self._stroke is not None:
            return
        now = self.raster.freeze() if self.raster is not None else None

        async def change() -> None:
            pixels = await make(image, now)
            tiles = await self._bridge.aside(lambda: MaskTiles.of(pixels))
            self._adopt(tiles, text)

        self._spawn(change, busy)

    def _adopt(self, tiles: MaskTiles, text: str) -> None:
        before = self.raster.freeze() if self.raster is not None else None
        self._push(tiles, before, text)

    # the history

    def _push(self, tiles: MaskTiles, before: MaskTiles | None, text: str) -> None:
        uuid, stale = self._uuid, mask_fields(self.document.recipe)
        earlier = self._awaited.get(uuid) or MaskState(None if self._shown is self._detected else self._shown, stale)
        state = MaskState(Kept(tiles, nbytes=tiles.fresh(before)), MaskFields(None, "damage", 1))
        command = ChangeCommand(text, lambda: self._apply(uuid, state), lambda: self._apply(uuid, earlier))
        self._session.history.push_change(command)
        self._begin_keeping(uuid, state, command)

    def _begin_keeping(self, uuid: str, state: MaskState, command: ChangeCommand) -> None:
        stale = mask_fields(self.document.recipe)
        self._session.hold(self._tasks.spawn(self._keep(uuid, state, stale, command)))

    def _apply(self, uuid: str, state: MaskState) -> None:
        """Go to a state: at once to be seen, in the recipe as soon as the mask has an id."""
        self._abort()
        kept = state.kept
        self._await(uuid, state if kept is not None and kept.id is None else None)
        if self.editing and uuid == self._uuid and kept is not None and kept.tiles is not None:
            self._drop_loading()
            self._show(kept)
        if uuid not in self._awaited:
            self._settle(uuid, state)
            self._follow(self.document.recipe)
        elif kept is not None and kept.lost is not None:  # a later step led back to it: there may be room by now
            lost, kept.lost = kept.lost, None
            self._begin_keeping(uuid, state, lost)

    def _await(self, uuid: str, state: MaskState | None) -> None:
        """The image's recipe waits for this state's id; edits made meanwhile are to be told of it."""
        kept = state.kept if state is not None else None
        if uuid == self._uuid:
            self._session.history.late = kept.late if kept is not None else None
        if state is not None:
            self._awaited[uuid] = state
        else:
            self._awaited.pop(uuid, None)

    def _settle(self, uuid: str, state: MaskState) -> None:
        mask = state.kept.id if state.kept is not None else state.fields.mask
        self._session.change_recipe(uuid, replace(state.fields, mask=mask).put)

    async def _keep(self, uuid: str, state: MaskState, stale: MaskFields, command: ChangeCommand) -> None:
        kept = state.kept
        assert kept is not None
        assert kept.tiles is not None
        try:
            pixels = await self._bridge.aside(kept.tiles.dense)
            kept.id = await self._bridge.keep_mask(pixels, self._session.project)
        except EngineError as error:
            _set_obsolete(command, True)  # there is nothing to go back to
            kept.lost = command
            kept.late.clear()  # they keep the mask that the recipe has had all along
            self._session.failed.emit(str(error))
            if self._awaited.get(uuid) is state:
                self._await(uuid, None)
                self._follow(self.document.recipe)
            return
        _set_obsolete(command, False)
        for edit in kept.late:
            edit.rebase(stale, replace(state.fields, mask=kept.id))
        self._remember(kept)
        if self._awaited.get(uuid) is state:
            self._await(uuid, None)
            self._settle(uuid, state)
            self.settled.emit()

    def _remember(self, kept: Kept) -> None:
        """For undo; the oldest are read from disk again."""
        assert kept.id is not None
        self._known[kept.id] = kept  # those of another image are forgotten with its next visit
        while sum(one.nbytes for one in self._known.values()) > KEPT_BYTES and len(self._known) > 1:
            self._known.pop(next(iter(self._known))).tiles = None

    # loading

    @Slot(object)
    def _follow(self, recipe: Recipe) -> None:
        """The recipe was changed by somebody else: an undo, a preset, settings that were pasted."""
        if self.editing and self._uuid not in self._awaited and recipe.mask != self._shown_id:
            self._abort()
            self._load(recipe)

    @property
    def _shown_id(self) -> str | None:
        """The mask of a recipe that would look like what is shown; "" if none would."""
        if self._shown is None:
            return ""
        return None if self._shown is self._detected else self._shown.id or ""

    def _load(self, recipe: Recipe) -> None:
        self._drop_loading()
        known = self._detected if recipe.mask is None else self._known.get(recipe.mask)
        if known is not None and known.tiles is not None:
            self._show(known)
        else:
            self._shown = self.raster = None
            self.repainted.emit(None)
            busy = "Looking for damage…" if recipe.mask is None else "Reading the mask…"
            self._spawn(lambda: self._read(recipe), busy)

    async def _read(self, recipe: Recipe) -> None:
        image = self._image
        assert image is not None
        if recipe.mask is not None:
            pixels = await self._bridge.mask(recipe.mask)
        else:
            pixels = await self._bridge.find_damage(image, recipe, self._show_progress)
        tiles = await self._bridge.aside(lambda: MaskTiles.of(pixels))
        kept = Kept(tiles, recipe.mask, tiles.fresh(None))
        if recipe.mask is None:
            self._detected = kept
        else:
            self._remember(kept)
        self._show(kept)

    def _show(self, kept: Kept) -> None:
        assert kept.tiles is not None
        self._shown = kept
        if self.raster is None:
            self.raster = MaskRaster(kept.tiles)
        else:
            self.raster.show(kept.tiles)
        self.repainted.emit(None)

    def _show_progress(self, progress: Progress) -> None:
        if self.busy and progress.total:
            self._tell_busy(f"Looking for damage · {100 * progress.done // progress.total} %")

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]], busy: str) -> None:
        """One at a time; a newer one replaces it, and leaving the editor ends it."""
        self._drop_loading()

        async def run() -> None:
            try:
                await work()
            except EngineError as error:
                self._session.failed.emit(str(error))
            if self._loading is task:
                self._loading = None
                self._tell_busy(NOTHING if self.raster is None else "")

        self._tell_busy(busy)
        task = self._loading = self._tasks.spawn(run())

    def _drop_loading(self) -> None:
        task, self._loading = self._loading, None
        if task is not None:
            task.cancel()
        self._tell_busy("")

    def _tell_busy(self, text: str) -> None:
        if text != self.busy:
            self.busy = text
            self.busy_changed.emit(text)


def _set_obsolete(command: ChangeCommand, obsolete: bool) -> None:
    """Whether the history drops a step where it meets it; one that it has dropped already is gone."""
    if isValid(command):
        command.setObsolete(obsolete)
