"""Small pictures of the open image in other recipes: asked for a few at a time, most urgent first, and kept."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QObject, Signal, Slot

from archivist_app.bridge import Bridge
from archivist_app.state.document import Document
from engine.types import Frame, ImageRef, Recipe, Region

AT_ONCE = 2  # asked for and not yet there: one is made while the next waits, so that what is urgent waits for two
KEPT_BYTES = 96 << 20  # the styles of about a dozen images

Owner = Literal["pad", "styles"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One small picture: `size` is its longest side in pixels, `region` the part of the master it shows."""

    image: ImageRef
    recipe: Recipe
    size: int
    region: Region | None = None  # None: all of it


class Thumbnails(QObject):
    """Makes wishes come true when the engine has nothing better to do; another image drops those that wait."""

    arrived = Signal(object)  # Wish whose frame is there now

    def __init__(self, document: Document, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._waiting: dict[Owner, deque[Wish]] = {"pad": deque(), "styles": deque()}  # the first goes first
        self._asked: set[Wish] = set()
        self._refused: set[Wish] = set()  # of this image; not asked for again
        self._frames: OrderedDict[Wish, Frame] = OrderedDict()  # least recently used first
        self._bytes = 0
        self._turn = 0  # grows with every image
        document.image_changed.connect(self._start_anew)
        bridge.awoken.connect(self._go_on)

    def frame(self, wish: Wish) -> Frame | None:
        """The picture if it is there; its `before` is not kept."""
        if wish in self._frames:
            self._frames.move_to_end(wish)
        return self._frames.get(wish)

    def want(self, owner: Owner, wishes: Iterable[Wish]) -> None:
        """From now on `owner` waits for these, the first of them first, and no longer for what it wanted before."""
        self._waiting[owner] = deque(wishes)
        self._go_on()

    def stop(self) -> None:
        """Ask for nothing more."""
        for waiting in self._waiting.values():
            waiting.clear()

    @Slot(object)
    def _start_anew(self, _image: ImageRef | None) -> None:
        self.stop()
        self._bridge.drop_background()
        self._asked.clear()
        self._refused.clear()
        self._turn += 1

    @Slot()
    def _go_on(self) -> None:
        for waiting in self._waiting.values():
            while waiting and self._bridge.awake and len(self._asked) < AT_ONCE:
                wish = waiting.popleft()
                if wish not in self._frames and wish not in self._asked and wish not in self._refused:
                    self._ask(wish)

    def _ask(self, wish: Wish) -> None:
        turn = self._turn
        self._asked.add(wish)

        def arrived(frame: Frame) -> None:
            self._keep(wish, replace(frame, before=frame.pixels))
            self.arrived.emit(wish)
            settle()

        def refused(_sentence: str) -> None:
            """The viewer reports what is wrong with an image; twenty thumbnails need not repeat it."""
            self._refused.add(wish)
            settle()

        def settle() -> None:
            if turn == self._turn:
                self._asked.discard(wish)
                self._go_on()

        self._bridge.thumbnail(wish.image, wish.recipe, wish.size, arrived, refused, wish.region)

    def _keep(self, wish: Wish, frame: Frame) -> None:
        old = self._frames.pop(wish, None)
        self._bytes += frame.pixels.nbytes - (old.pixels.nbytes if old is not None else 0)
        self._frames[wish] = frame
        while self._bytes > KEPT_BYTES and len(self._frames) > 1:
            _, forgotten = self._frames.popitem(last=False)
            self._bytes -= forgotten.pixels.nbytes
