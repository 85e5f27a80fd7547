"""The composition root: builds everything once, joins Qt's loop with asyncio's, and owns the shutdown."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_API", "pyside6")  # read by qasync and qtawesome when they are imported

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, make_service, sentence
from archivist_app.front import make_window
from archivist_app.interrupts import Interrupts
from archivist_app.state.workspace import Workspace
from archivist_app.views.dialogs import ask_stop_jobs
from engine.errors import EngineError

if TYPE_CHECKING:
    from archivist_app.bridge import EngineService
    from archivist_app.views.main_window import MainWindow

log = logging.getLogger(__name__)

INTERRUPTED = 130  # exit status, as shells have it for Ctrl+C
PROGRAM_NAMES = frozenset({"archivist", "archivist.exe", "__main__.py"})


class Application:
    """The running program. `window` is not shown until `run()`, or until somebody shows it."""

    def __init__(self, window: MainWindow, service: EngineService) -> None:
        self._loop = QEventLoop(QApplication.instance())
        self._owner = QObject()
        self._tasks = Tasks(self._loop, self._report)
        self._bridge = Bridge(service, self._loop, self._owner)
        self._workspace = Workspace.build(self._bridge, self._tasks, window.preferences, self._owner)
        self._closed = self._loop.create_future()
        self._closing = False
        self._ending: asyncio.Task[None] | None = None
        self._interrupted = False
        self.window = window
        window.furnish(self._workspace)
        window.first_painted.connect(self._bridge.wake)  # torch comes after the first paint
        self._bridge.awoken.connect(window.theme.show_icons, Qt.ConnectionType.QueuedConnection)
        window.close_requested.connect(self._ask_to_close)

    def open(self, paths: Sequence[str]) -> None:
        """Open images, projects and folders once the loop runs."""
        if paths:
            self._workspace.session.open_paths(paths)

    def open_demo(self) -> None:
        """Make or open the demo project; the engine ages its photographs, so the window comes first."""
        if self._bridge.awake:
            self._workspace.session.open_demo()
        else:
            self._bridge.awoken.connect(self._workspace.session.open_demo)

    def run(self) -> int:
        """Show the window and live until it is closed. Returns the exit status, 130 after Ctrl+C or SIGTERM."""
        self.window.show()
        if self.window.painted:  # before there was anybody to hear of it
            QTimer.singleShot(0, self._bridge.wake)
        if self.window.close_wanted:
            self._ask_to_close()
        with Interrupts(self._interrupt):
            try:
                self._run_until(self._closed)
            finally:
                self.close()
        return INTERRUPTED if self._interrupted else 0

    def spin(self, seconds: float) -> None:
        """Run the joined loop that long. Without a visible window there is no first paint to wait for."""
        if not self.window.isVisible():
            self._bridge.wake()
        self._loop.call_later(seconds, self._loop.stop)
        self._loop.run_forever()

    def close(self) -> None:
        """Stop what runs, save, end the engine and the window; asks nothing, may be called again."""
        if self._loop.is_closed():
            return
        if not self._closed.done():
            self._run_until(self._end())
        self.window.deleteLater()
        self.window.theme.deleteLater()
        self._owner.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        self._loop.close()

    def _run_until(self, future: asyncio.Future[None]) -> None:
        """Run the joined loop until `future` is done, and raise what it raised.

        The library's own `run_until_complete` goes on to handle Qt's events when the loop has stopped; tasks that
        step there find no running loop.
        """

        def stop(_done: asyncio.Future[None]) -> None:
            self._loop.stop()

        if not future.done():
            future.add_done_callback(stop)
            self._loop.run_forever()
            future.remove_done_callback(stop)
        if future.done():
            future.result()

    def _ask_to_close(self) -> None:
        if not self._closing:
            self._closing = True
            self._tasks.spawn(self._close_politely())

    async def _close_politely(self) -> None:
        try:
            await self._workspace.session.leave()
        except EngineError as error:  # somebody is there to make room, or to ask once more
            self.window.messages.tell_fault(str(error))
            self._closing = False
            return
        running = self._workspace.jobs.running
        if running and not await ask_stop_jobs(self.window, running):
            self._closing = False
            return
        self._end()

    def _interrupt(self) -> None:
        """Somebody asked from outside: nobody may be there to answer questions."""
        self._interrupted = True
        self._end()

    def _end(self) -> asyncio.Task[None]:
        """Begin the shutdown, unless it has begun."""
        if self._ending is None:
            self._ending = self._tasks.spawn(self._shut_down())
        return self._ending

    async def _shut_down(self) -> None:
        """Cancel jobs and wait until they have cleaned up, save, cancel the rest, close the window, end the engine."""
        self._closing = True
        self._workspace.stop()
        self._workspace.jobs.cancel_all()
        try:
            await self._jobs_ended()
            await self._workspace.session.close()
            await self._tasks.cancel_all()
        finally:
            self.window.allow_close()
            self.window.close()
            await asyncio.sleep(0)  # out of sight first: while torch is being imported, its thread cannot end
            self._bridge.close()
            if not self._closed.done():
                self._closed.set_result(None)

    async def _jobs_ended(self) -> None:
        jobs = self._workspace.jobs
        if jobs.running == 0:
            return
        ended = self._loop.create_future()

        def look(running: int) -> None:
            if running == 0 and not ended.done():
                ended.set_result(None)

        jobs.running_changed.connect(look)
        try:
            await ended
        finally:
            jobs.running_changed.disconnect(look)

    def _report(self, error: BaseException) -> None:
        """A task failed: one sentence in the window, the traceback in the log."""
        self.window.messages.tell_fault(sentence(error))


def create_application(
    argv: Sequence[str], *, service: EngineService | None = None, window: MainWindow | None = None
) -> Application:
    """The program with its window built but not shown; images and projects named in `argv` open.

    A leading program name in `argv` is skipped. `service` is the engine, not started; default: the real one. `window`
    is one that is on screen already and only wants furnishing; default: a new one.
    """
    window = window if window is not None else make_window()
    application = Application(window, service if service is not None else make_service())
    paths = list(argv)
    if paths and Path(paths[0]).name in PROGRAM_NAMES and not Path(paths[0]).is_dir():
        del paths[0]
    application.open(paths)
    return application
