"""Jobs that are running, as the window holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from engine.errors import Cancelled
from engine.types import (
    StyleCard,
)

if TYPE_CHECKING:
    from engine.service import EngineService as EngineService  # the rest of the window names the type from here


T = TypeVar("T")


async def outcome(future: Future[T], cancel: Callable[[], object], loop: asyncio.AbstractEventLoop) -> T:
    """What comes of work that can be cancelled. Raises EngineError, or Cancelled once the engine has cleaned up."""
    try:
        return await asyncio.wrap_future(future, loop=loop)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            cancel()  # whoever waits was cancelled: the engine's steps must stop too
            raise
        raise Cancelled from None


class StyleHandle:
    """A style in the making: await `result()`, or `cancel()` it from Qt's thread."""

    def __init__(self, future: Future[StyleCard], loop: asyncio.AbstractEventLoop) -> None:
        self._future = future
        self._loop = loop

    def cancel(self) -> None:
        """Ask the engine to stop; no style is added."""
        self._future.cancel()

    async def result(self) -> StyleCard:
        """The new style's card. Raises EngineError, or Cancelled."""
        return await outcome(self._future, self.cancel, self._loop)


class JobHandle(Generic[T]):
    """A running job: await `result()`, or `cancel()` it from Qt's thread."""

    def __init__(self, work: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._loop = loop

    def cancel(self) -> None:
        """Ask the engine to stop; it removes what it wrote."""
        self._work.cancel()

    def hold(self, paused: bool) -> None:
        """Let it rest, or go on."""
        if paused:
            self._work.pause()
        else:
            self._work.resume()

    async def result(self) -> T:
        """What came of it. Raises EngineError, or Cancelled once the engine has removed what it wrote."""
        made: T = await outcome(self._work.future, self.cancel, self._loop)
        return made


class StoppableHandle(JobHandle[T]):
    """A job that can also be ended early and then keeps what it has reached."""

    def __init__(self, job: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job.work, loop)
        self._stop = job.stop

    def stop(self) -> None:
        """End it; what it has reached is written."""
        self._stop()
