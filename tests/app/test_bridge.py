"""What must hold for signals and tasks, whatever they carry."""

from __future__ import annotations

import asyncio
import sys
import threading

from PySide6.QtCore import QObject, Signal

from archivist_app.app import Application
from archivist_app.async_tools import Tasks
from archivist_app.bridge import sentence
from engine.errors import ImageError


class Emitter(QObject):
    happened = Signal(bool)


def test_emit_leaves_the_reference_count_of_true_alone() -> None:
    emitter = Emitter()
    emitter.happened.connect(lambda _flag: None)
    before = sys.getrefcount(True)
    for _ in range(2000):
        emitter.happened.emit(True)
    assert abs(sys.getrefcount(True) - before) < 100


def test_what_the_engine_says_is_heard_on_the_thread_of_the_window(opened: Application) -> None:
    heard: list[threading.Thread] = []
    opened.window._workspace.rendering.frame_ready.connect(lambda _frame: heard.append(threading.current_thread()))
    opened.window.adjust.rows["alpha"].slider.setValue(700)
    opened.spin(0.4)
    assert set(heard) == {threading.main_thread()}


def test_a_task_that_fails_is_reported_once_and_a_cancelled_one_not_at_all() -> None:
    reported: list[BaseException] = []

    async def fail() -> None:
        raise ImageError("No.")

    async def main() -> None:
        tasks = Tasks(asyncio.get_running_loop(), reported.append)
        tasks.spawn(fail())
        tasks.spawn(asyncio.sleep(60))
        await asyncio.sleep(0.01)
        await tasks.cancel_all()

    asyncio.run(main())
    assert [str(error) for error in reported] == ["No."]


def test_an_unforeseen_failure_becomes_a_sentence_in_the_window(opened: Application) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("division by zero")

    opened.window._workspace.tasks.spawn(fail())
    opened.spin(0.05)
    (told,) = opened.window.messages.faults
    assert told.startswith("Something unforeseen went wrong (ZeroDivisionError")
    assert "untouched" in told


def test_an_engine_error_is_told_as_it_is() -> None:
    assert sentence(ImageError("“a.tif” is empty; scan it again.")) == "“a.tif” is empty; scan it again."
