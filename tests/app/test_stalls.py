"""The window answers at once, whatever else goes on: no turn of its loop takes long.

What counts is the processor time of the window's own thread: the clock says as much about the machine's other programs.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from archivist_app.app import Application
from archivist_app.state.filmstrip_filter import Order
from tests.app.conftest import Open, until
from tests.app.fake_service import Costs, FakeService

LONGEST = 0.050 if sys.gettrace() is None else 0.250  # seconds; what measures coverage stops at every line: four times
IMAGES = 1000


class Watchdog:
    """Looks at the thread's own time at every turn of the loop."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._last = time.thread_time()
        self._timer = QTimer(interval=0)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        now = time.thread_time()
        self.worst, self._last = max(self.worst, now - self._last), now

    def start_anew(self) -> None:
        """What came before does not count."""
        self.worst, self._last = 0.0, time.thread_time()

    def stop(self) -> None:
        """No more."""
        self._timer.stop()


@pytest.fixture
def watchdog(qapp: object) -> Iterator[Watchdog]:
    gc.collect()
    gc.freeze()  # what the tests before left on the heap is not the window's to go through
    dog = Watchdog()
    yield dog
    dog.stop()
    gc.unfreeze()


def thousand(application: Application, service: FakeService) -> Path:
    """A project of a thousand images, which are all the same picture."""
    project = application.window._workspace.session.project
    assert project is not None
    (item,) = project.items
    folder = Path(project.folder).with_name("thousand.archivist")
    items = tuple(replace(item, uuid=f"{number:032x}") for number in range(IMAGES))
    service._write(replace(project, folder=str(folder), uuid="thousand", name="thousand", items=items))
    return folder


def test_opening_sorting_and_rating_a_thousand_images_stops_nothing(
    opened: Application, service: FakeService, watchdog: Watchdog
) -> None:
    window, folder = opened.window, thousand(opened, service)
    opened.spin(0.2)
    watchdog.start_anew()
    window._workspace.session.open_paths([str(folder)])
    until(opened, lambda: window.filmstrip.model().rowCount() == IMAGES)
    opened.spin(0.3)
    assert watchdog.worst < LONGEST, f"opening: {watchdog.worst:.3f} s"
    items = [item.uuid for item in window._workspace.session.items(window._workspace.session._items)]
    acts: dict[str, Callable[[], None]] = {
        "sorting": lambda: window.film._want(order=Order.NAME),
        "filtering": lambda: window.film._want(text="nothing"),
        "all again": lambda: window.film._want(text=""),
        "rating": lambda: window._workspace.assessing.rate(items, 3),
    }
    for name, act in acts.items():
        watchdog.start_anew()
        act()
        opened.spin(0.1)
        assert watchdog.worst < LONGEST, f"{name}: {watchdog.worst:.3f} s"
    window._workspace.session._unsaved.clear()  # a thousand files are another test's


def test_sliders_and_an_export_stop_nothing(start: Open, picture: Path, tmp_path: Path, watchdog: Watchdog) -> None:
    application = start(picture, on=FakeService(tmp_path, Costs(export_step=0.005, export_steps=100)))
    until(application, lambda: application.window.compare.viewport is not None)
    application.spin(0.5)
    slider = application.window.adjust.rows["alpha"].slider
    watchdog.start_anew()
    application.window._workspace.exporter.export()
    for position in range(0, 1000, 20):
        slider.setValue(position)
        application.spin(0.005)
    until(application, lambda: not application.window._workspace.jobs.running)
    assert watchdog.worst < LONGEST, f"{watchdog.worst:.3f} s"
