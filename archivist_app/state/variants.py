"""Snapshots of the image on screen, up to four of which are looked at together."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.session import Session
from engine.types import Frame, RenderRequest, Snapshot

MOST = 4
REST_MS = 120  # how long the view must rest before they are rendered


class Variants(QObject):
    """Renders the chosen snapshots in what is in view, one after the other, beside the image itself."""

    chosen_changed = Signal(object)  # tuple of the Snapshots to be shown, oldest first
    frame_ready = Signal(object, object)  # Snapshot, Frame of a part of what is in view
    failed = Signal(str)

    def __init__(self, session: Session, bridge: Bridge) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._wanted = False
        self._chosen: tuple[Snapshot, ...] = ()
        self._asked: list[Callable[[], None]] = []  # how to cancel each
        self._turn = 0
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._render)
        session.item_changed.connect(self._start_anew)
        session.snapshots_changed.connect(self._start_anew)
        session.document.view_changed.connect(self._go_on)

    @property
    def all(self) -> tuple[Snapshot, ...]:
        """Every snapshot of the image on screen, oldest first."""
        item = self._session.item
        return item.snapshots if item is not None else ()

    @property
    def chosen(self) -> tuple[Snapshot, ...]:
        """Those to be shown."""
        return self._chosen

    def want(self, wanted: bool) -> None:
        """Whether somebody looks at them."""
        self._wanted = wanted
        self._go_on()

    def choose(self, snapshot: Snapshot, shown: bool) -> None:
        """Show a snapshot or not; beyond four the one shown longest gives way."""
        others = [one for one in self._chosen if one != snapshot]
        kept = [*others, snapshot][-MOST:] if shown else others
        self._show(tuple(one for one in self.all if one in kept))

    def stop(self) -> None:
        """Ask for nothing more."""
        self._rest.stop()
        self._drop()

    @Slot(object)
    def _start_anew(self, _item: object) -> None:
        known = set(self._chosen)
        new = [one for one in self.all if one not in known]
        kept = [one for one in self.all if one in known]
        self._show(tuple(one for one in self.all if one in [*kept, *new][-MOST:]))

    def _show(self, chosen: tuple[Snapshot, ...]) -> None:
        if chosen != self._chosen:
            self._chosen = chosen
            self.chosen_changed.emit(chosen)
        self._go_on()

    @Slot(object)
    def _go_on(self, _change: object = None) -> None:
        self._drop()
        if self._wanted and self._chosen:
            self._rest.start()
        else:
            self._rest.stop()

    def _drop(self) -> None:
        self._turn += 1
        for cancel in self._asked:
            cancel()
        self._asked.clear()

    @Slot()
    def _render(self) -> None:
        document = self._session.document
        if document.image is None or document.view is None or not self._bridge.awake:
            return
        for snapshot in self._chosen:
            request = RenderRequest(document.image, snapshot.recipe, document.view, "refine", self._turn)
            self._ask(snapshot, request)

    def _ask(self, snapshot: Snapshot, request: RenderRequest) -> None:
        def arrived(frame: Frame) -> None:
            if request.generation == self._turn:
                self.frame_ready.emit(snapshot, frame)

        def failed(text: str) -> None:
            if request.generation == self._turn:
                self.failed.emit(text)

        self._asked.append(self._bridge.beside(request, arrived, failed))
