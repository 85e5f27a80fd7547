"""The maps of what the restoration on screen did, asked for while somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.document import Document
from engine.types import MapFrame, MapKind, MapRequest, Progress

REST_MS = 250  # how long nothing must change before a map of it is begun


class Maps(QObject):
    """Asks for a map of what is in view; a change of recipe, image or view drops what is not finished."""

    part_ready = Signal(object)  # MapFrame of a part of what is in view
    progressed = Signal(object)  # Progress while it is being measured, None when nothing is
    outdated = Signal()  # what has been shown so far holds no longer
    failed = Signal(str)

    def __init__(self, document: Document, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._bridge = bridge
        self._kind: MapKind | None = None
        self._request: MapRequest | None = None
        self._cancel: Callable[[], None] | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask)
        document.image_changed.connect(self._start_anew)
        document.recipe_changed.connect(self._start_anew)
        document.view_changed.connect(self._go_on)
        bridge.awoken.connect(self._go_on)

    def want(self, kind: MapKind | None) -> None:
        """Measure maps of this kind from now on; None for none."""
        if kind != self._kind:
            self._kind = kind
            self._start_anew()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._rest.stop()
        self._drop()

    @Slot()
    @Slot(object)
    def _start_anew(self, _change: object = None) -> None:
        self.outdated.emit()
        self._go_on()

    @Slot()
    @Slot(object)
    def _go_on(self, _change: object = None) -> None:
        self._drop()
        if self._kind is None:
            self._rest.stop()
        else:
            self._rest.start()

    def _drop(self) -> None:
        cancel, self._cancel, self._request = self._cancel, None, None
        if cancel is not None:
            cancel()
            self.progressed.emit(None)

    @Slot()
    def _ask(self) -> None:
        document = self._document
        if self._kind is None or document.image is None or document.view is None or not self._bridge.awake:
            return
        request = self._request = MapRequest(self._kind, document.image, document.recipe, document.view)

        def part(frame: MapFrame) -> None:
            if request is self._request:
                self.part_ready.emit(frame)

        def progress(step: Progress) -> None:
            if request is self._request:
                self.progressed.emit(step)

        def settled(told: Callable[[], None]) -> None:
            if request is self._request:
                self._request = self._cancel = None
                told()
                self.progressed.emit(None)

        self._cancel = self._bridge.survey(
            request,
            part,
            progress,
            lambda frame: settled(lambda: self.part_ready.emit(frame)),
            lambda text: settled(lambda: self.failed.emit(text)),
        )
