"""The photograph that an artificially aged one was made from, where the project keeps it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge
from archivist_app.state.session import OVERVIEW, Session
from engine.errors import EngineError
from engine.types import Frame, ImageInfo, OpenedImage, ProjectItem, View


class Truth(QObject):
    """Offers the truth of the image on screen and reads it when it is wanted.

    It is read by the threads that decode files, never by the engine's, so that no rendering waits for it; small at
    first, and whole once somebody looks closer than that.
    """

    offered_changed = Signal(bool)  # whether there is a truth to compare with
    picture_changed = Signal(object)  # Frame of the whole truth to be shown, or None
    failed = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._tasks = tasks
        self._wanted = False
        self._path: str | None = None
        self._info: ImageInfo | None = None  # of the image it belongs to
        self._opened: OpenedImage | None = None
        self._asked = 0  # longest side, in pixels, of the largest picture asked for
        session.item_changed.connect(self._start_anew)
        session.info_arrived.connect(self._note_size)
        session.document.view_changed.connect(self._sharpen)

    @property
    def offered(self) -> bool:
        """Whether the image on screen has a truth."""
        return self._path is not None

    def want(self, wanted: bool) -> None:
        """Show the truth, of this image and of those after it, until an image has none."""
        self._wanted = wanted and self.offered
        self._opened, self._asked = None, 0
        if self._wanted:
            self._open()
        else:
            self.picture_changed.emit(None)

    @Slot(object)
    def _start_anew(self, item: ProjectItem) -> None:
        project = self._session.project
        self._info = self._opened = None
        self._asked = 0
        self.picture_changed.emit(None)
        self._offer(self._bridge.truth(project, item) if project is not None else None)

    def _offer(self, path: str | None) -> None:
        self._path = path
        self._wanted = self._wanted and self.offered
        self.offered_changed.emit(self.offered)

    @Slot(object)
    def _note_size(self, info: ImageInfo) -> None:
        self._info = info
        self._open()

    def _open(self) -> None:
        if self._wanted and self._path is not None and self._info is not None:
            self._tasks.spawn(self._examine(self._path, self._info))

    async def _examine(self, path: str, info: ImageInfo) -> None:
        try:
            opened = await self._bridge.open_image(path)
        except EngineError as error:
            if info is self._info and self._wanted:
                self._give_up(str(error))
            return
        if info is not self._info or not self._wanted:
            return  # another image is on screen, or nobody wants it any more
        if opened.info.bounds != info.bounds:
            self._give_up("The truth of this image has another size and cannot be laid over it; replace its file.")
            return
        self._opened, self._asked = opened, 0
        self._read(opened)

    @Slot(object)
    def _sharpen(self, _view: View) -> None:
        if self._opened is not None:
            self._read(self._opened)

    def _read(self, opened: OpenedImage) -> None:
        longest = max(opened.info.width, opened.info.height)
        view = self._session.document.view
        size = OVERVIEW if view is None or longest * view.scale <= OVERVIEW else longest
        if size <= self._asked:
            return
        self._asked = size

        def arrived(frame: Frame) -> None:
            if opened is self._opened and size == self._asked:
                self.picture_changed.emit(frame)

        def failed(text: str) -> None:
            if opened is self._opened:
                self._give_up(text)

        self._bridge.picture(opened.ref, size, arrived, failed)

    def _give_up(self, text: str) -> None:
        """What cannot be read is not offered any more, until the image is shown again."""
        self.want(False)
        self._offer(None)
        self.failed.emit(text)
