"""Drafts at once, refinement after a rest, and only ever newer pixels on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.document import Document
from engine.types import Frame, Quality, Recipe, Region, RenderRequest

REST_MS = 120  # how long nothing must change before the visible part is rendered at full quality


class Rendering(QObject):
    """Asks the engine whenever the document changes, and passes on only frames newer than those shown."""

    frame_ready = Signal(object)  # Frame to be drawn
    busy_changed = Signal(bool)  # whether better pixels of the present view are still to come
    failed = Signal(str)

    def __init__(self, document: Document, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._bridge = bridge
        self._generation = 0
        self._shown = 0  # generation of the newest draft passed on
        self._busy = False
        self._part: Callable[[], Region | None] = lambda: None
        self._trial: Recipe | None = None  # shown in place of the document's recipe
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._refine)
        document.image_changed.connect(self._start_anew)
        document.recipe_changed.connect(self._follow)
        document.view_changed.connect(self._draft)
        bridge.awoken.connect(self._draft)
        bridge.frame_arrived.connect(self._receive)
        bridge.refined.connect(self._settle)
        bridge.render_failed.connect(self._report)

    def draft_only(self, part: Callable[[], Region | None]) -> None:
        """Ask where on the master a restoration is seen, None for everywhere: while a slider moves, drafts are made of
        that alone, and come as much faster. The refinement that follows is of the whole view."""
        self._part = part

    def stop(self) -> None:
        """Ask for nothing more."""
        self._rest.stop()

    def refresh(self) -> None:
        """Render what is in view once more, after something else was shown in its place."""
        self._draft()

    def show_trial(self, recipe: Recipe | None) -> None:
        """Show drafts in another recipe than the document's, which stays as it is; None shows the document's again.

        A change of the recipe or of the image ends it too.
        """
        if recipe != self._trial:
            self._trial = recipe
            self._draft()

    @Slot(object)
    def _follow(self, _recipe: object) -> None:
        self._trial = None
        self._ask_draft(self._part(), moving=self._rest.isActive())

    @Slot(object)
    def _start_anew(self, _image: object) -> None:
        self._trial = None
        self._rest.stop()
        self._generation += 1  # whatever still comes belongs to the image before
        self._shown = self._generation
        self._set_busy(False)  # nothing may ever come for this one: its master may be missing

    @Slot()
    @Slot(object)
    def _draft(self, _change: object = None) -> None:
        self._ask_draft(None)

    def _ask_draft(self, part: Region | None, *, moving: bool = False) -> None:
        self._generation += 1
        request = self._request("draft")
        if request is None:
            return
        request = replace(request, moving=moving)
        if part is not None:
            seen = request.view.region.intersect(part)
            if seen.width and seen.height:
                request = replace(request, view=replace(request.view, region=seen))
        self._bridge.draft(request)
        self._set_busy(self._trial is None)
        if self._trial is None:
            self._rest.start()
        else:
            self._rest.stop()  # a trial is looked at for a moment: no refinement follows its draft

    @Slot()
    def _refine(self) -> None:
        request = self._request("refine")
        if request is not None:
            self._bridge.refine(request)

    def _request(self, quality: Quality) -> RenderRequest | None:
        document = self._document
        if not self._bridge.awake or document.image is None or document.view is None:
            return None
        recipe = self._trial or document.recipe
        return RenderRequest(document.image, recipe, document.view, quality, self._generation)

    @Slot(object)
    def _receive(self, frame: Frame) -> None:
        request = frame.request
        if request.image != self._document.image:
            return
        if request.quality == "draft":
            fresh = request.generation > self._shown
        else:  # tiles of one refinement share the generation of the draft they improve
            fresh = request.generation >= max(self._shown, self._generation)
        if fresh:
            self._shown = request.generation
            self.frame_ready.emit(frame)

    @Slot(object)
    def _settle(self, request: RenderRequest) -> None:
        if request.generation == self._generation:
            self._set_busy(False)

    @Slot(object, str)
    def _report(self, request: RenderRequest, text: str) -> None:
        if request.generation == self._generation:
            self._rest.stop()  # what a draft could not do, a refinement cannot either
            self._set_busy(False)
            self.failed.emit(text)

    def _set_busy(self, busy: bool) -> None:
        if busy != self._busy:
            self._busy = busy
            self.busy_changed.emit(busy)
