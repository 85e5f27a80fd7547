"""A window on a fake engine, and the checks that it leaves nothing behind."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import pytest
import shiboken6
from platformdirs import user_config_path
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication

from archivist_app.app import Application, create_application
from archivist_app.state.preferences import Preferences
from engine.types import RenderRequest
from tests.app.fake_service import FakeService, save_picture

if TYPE_CHECKING:
    from engine.service import EngineService

Q = TypeVar("Q", bound=QObject)
Open = Callable[..., Application]
PATIENCE = 8.0  # seconds something may take on a busy machine
STEP = 0.01


def until(application: Application, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Let the program run until `condition` holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        application.spin(STEP)


def find(application: Application, kind: type[Q], name: str) -> Q:
    """The widget or action of that object name; fails where there is none."""
    found = application.window.findChild(kind, name)
    assert isinstance(found, kind), f"no {kind.__name__} is called {name}"
    return found


def trigger(application: Application, action: str) -> None:
    """Do what the menu entry `<action>Action` does."""
    find(application, QAction, f"{action}Action").trigger()


@pytest.fixture(autouse=True)
def nothing_of_qt_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a window or a running timer."""
    yield
    if "qapp" not in request.fixturenames:
        return
    gc.collect()
    windows = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    # `isinstance` would ask every object for its __class__, which some proxies answer with a warning
    timers = [thing for thing in gc.get_objects() if issubclass(type(thing), QTimer)]
    running = [timer for timer in timers if shiboken6.isValid(timer) and timer.isActive()]
    assert not windows, f"windows left open: {windows}"
    assert not running, f"timers left running: {running}"


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    folder = tmp_path / "documents"
    folder.mkdir()
    return FakeService(folder)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "harbour.png", 640, 480)


@pytest.fixture
def tour() -> None:
    """For tests of the hints for beginners; all others begin as somebody who has seen them."""


@pytest.fixture
def start(qapp: object, service: FakeService, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Start the program on the fake engine; every program started is closed after the test."""
    started: list[Application] = []
    if "tour" not in request.fixturenames:
        Preferences(user_config_path("Archivist", appauthor=False) / "window.ini").end_tour()

    def begin(*paths: Path, on: FakeService | None = None, show: bool = True) -> Application:
        application = create_application([str(path) for path in paths], service=cast("EngineService", on or service))
        started.append(application)
        if show:
            application.window.show()
        return application

    yield begin
    for application in started:
        application.close()


@pytest.fixture
def opened(start: Open, picture: Path) -> Application:
    """A program whose first restored pixels are on screen and refined."""
    application = start(picture)
    shown: list[RenderRequest] = []
    application.window.compare.frame_shown.connect(shown.append)
    until(application, lambda: any(request.quality == "refine" for request in shown))
    return application
