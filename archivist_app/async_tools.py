"""Tasks that are kept and reported, and dialogs that can be awaited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtWidgets import QDialog
from shiboken6 import isValid

log = logging.getLogger(__name__)


class Tasks:
    """Holds every running task (the loop itself keeps only weak references) and reports each failure once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_failure: Callable[[BaseException], None]) -> None:
        self._loop = loop
        self._on_failure = on_failure
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start `work`; a failure reaches the handler given at construction, a cancellation reaches nobody."""
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._settled)
        return task

    def _settled(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_failure(error)

    async def cancel_all(self) -> None:
        """Cancel and wait for everything except the task this is called from."""
        others = [task for task in self._running if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def answer(dialog: QDialog, *, modal: bool = True) -> int:
    """Show `dialog` without a nested event loop and wait for its result code; it is gone afterwards.

    One that is not modal lets people work on beside it.
    """
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[int] = loop.create_future()

    def settle(code: int) -> None:
        if not finished.done():
            finished.set_result(code)

    dialog.finished.connect(settle)
    try:
        if modal:
            dialog.open()
        else:
            dialog.show()
        return await finished
    finally:
        if isValid(dialog):  # its window may have been taken down meanwhile
            dialog.finished.disconnect(settle)
            dialog.close()
            dialog.deleteLater()
