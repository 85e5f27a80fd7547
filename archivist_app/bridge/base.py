"""Futures and callbacks of engine threads go in, queued signals on Qt's thread come out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from engine.errors import Cancelled, EngineError
from engine.types import (
    EngineReady,
)

if TYPE_CHECKING:
    from engine.service import EngineService as EngineService  # the rest of the window names the type from here


log = logging.getLogger(__name__)
T = TypeVar("T")
Done = Callable[[Any], None]
Failed = Callable[[str], None]


def make_service() -> EngineService:
    """The engine of this program, not started; importing it stays free of torch."""
    from engine.service import EngineService

    return EngineService(interactive=True)


def sentence(error: BaseException) -> str:
    """What a person is told about `error`; the traceback of anything unforeseen goes to the log."""
    if isinstance(error, EngineError):
        return str(error)
    log.error("unforeseen failure", exc_info=error)
    return f"Something unforeseen went wrong ({type(error).__name__}: {error}); your originals are untouched."


class BridgeBase(QObject):
    """The door between the threads; what all its parts stand on."""

    awoken = Signal()  # the first window is on screen: rendering may be asked for
    engine_ready = Signal(object)  # EngineReady
    engine_failed = Signal(str)
    engine_moved = Signal(object, str)  # EngineReady, sentence: the engine had to leave its device
    frame_arrived = Signal(object)  # Frame: a draft, a refined tile, or the whole refined view
    refined = Signal(object)  # RenderRequest whose last tile has arrived
    render_failed = Signal(object, str)  # RenderRequest, sentence

    _posted = Signal(object, object)  # callback, its argument

    def __init__(self, service: EngineService, loop: asyncio.AbstractEventLoop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._loop = loop
        self._awake = self._closed = False
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        service.watch(self._move)
        service.start()

    # the door between the threads

    @Slot(object, object)
    def _deliver(self, callback: Callable[[Any], None], value: Any) -> None:
        callback(value)

    def _watch(self, future: Future[T], done: Done, failed: Failed) -> None:
        """Call `done(result)` or `failed(sentence)` on Qt's thread; a cancelled future calls neither."""

        def settled(settled_future: Future[T]) -> None:
            if settled_future.cancelled() or self._closed:  # an import of torch may outlive its welcome
                return
            error = settled_future.exception()
            if error is None:
                self._posted.emit(done, settled_future.result())
            elif not isinstance(error, Cancelled):
                self._posted.emit(failed, sentence(error))

        future.add_done_callback(settled)

    async def _result(self, future: Future[T]) -> T:
        return await asyncio.wrap_future(future, loop=self._loop)

    async def aside(self, compute: Callable[[], T]) -> T:
        """What takes longer than the event loop may stand still, on another thread. Raises EngineError."""
        return await self._result(self._service.aside(compute))

    # waking and closing

    @property
    def awake(self) -> bool:
        """Whether the engine may import torch: false until the first window is on screen."""
        return self._awake

    def wake(self) -> None:
        """Let the engine load its model; call once, after the first paint."""
        if self._awake:
            return
        self._awake = True
        self._watch(self._service.warm(), self._warmed, self.engine_failed.emit)
        self.awoken.emit()

    def _warmed(self, ready: EngineReady) -> None:
        self.engine_ready.emit(ready)

    def _move(self, ready: EngineReady, text: str) -> None:  # called on the engine thread
        self._posted.emit(lambda moved: self.engine_moved.emit(*moved), (ready, text))

    def close(self) -> None:
        """Ends the engine's threads; blocks until they are gone, or ten seconds. Nothing they say is heard any more."""
        self._closed = True
        self._service.close()
