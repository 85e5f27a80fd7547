"""The pixel under the pointer in the master's own values, where the screen has others."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.session import Session
from engine.types import ImageInfo, ProjectItem, Sample

REST_MS = 60  # how long the pointer must rest


class Sampler(QObject):
    """Asks the engine once the pointer rests; the screen's values, 8 bit and sRGB, are there at once without it."""

    sampled = Signal(object, str)  # Sample, description of the master's colour profile

    def __init__(self, session: Session, bridge: Bridge) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._info: ImageInfo | None = None
        self._place: tuple[int, int] | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask)
        session.item_changed.connect(self._forget)
        session.info_arrived.connect(self._note)

    def ask(self, place: tuple[int, int] | None) -> None:
        """The master pixel now pointed at; None for none."""
        self._place = place
        info = self._info
        if place is None or info is None or (info.bits == 8 and (not info.profile or "sRGB" in info.profile)):
            self._rest.stop()
        else:
            self._rest.start()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._rest.stop()

    @Slot(object)
    def _forget(self, _item: ProjectItem) -> None:
        self._info = None
        self.ask(None)

    @Slot(object)
    def _note(self, info: ImageInfo) -> None:
        self._info = info

    @Slot()
    def _ask(self) -> None:
        document, place, info = self._session.document, self._place, self._info
        if document.image is None or place is None or info is None or not self._bridge.awake:
            return

        def arrived(sample: Sample) -> None:
            asked = (sample.image, sample.recipe, (sample.x, sample.y))
            if asked == (document.image, document.recipe, self._place):
                self.sampled.emit(sample, info.profile)

        self._bridge.sample(document.image, document.recipe, *place, arrived)
