"""What stands between the command and the first paint, and what must not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from platformdirs import user_config_path
from PySide6.QtWidgets import QApplication
from typer.main import get_command

from archivist_app import app, front
from archivist_app.app import create_application
from archivist_app.cli import root
from archivist_app.cli import window as road
from archivist_app.front import make_window, show_at_once
from archivist_app.state.waiting import OPENING
from archivist_app.views.main_window import MainWindow
from tests.app.conftest import until
from tests.app.fake_service import FakeService

if TYPE_CHECKING:
    from engine.service import EngineService

ROOT = Path(__file__).parents[2]
LATER = ("torch", "numpy", "PIL", "tifffile", "imagecodecs", "pyvips", "pydantic", "typer", "qtawesome")
BEHIND = ("asyncio", "qasync", "json", "socket", "engine.types", "engine.service", "archivist_app.state.workspace")
PROBE = """
import os, sys
from PySide6 import QtCore
from archivist_app.cli.window import open_window
from archivist_app.front import make_window
window = make_window()
def tell():
    print(*sys.modules, *("QtCore." + name for name in vars(QtCore)), flush=True)
    os._exit(0)
window.%s.connect(tell)
open_window([], window=window)
"""


def loaded(signal: str) -> set[str]:
    """The modules, and the names of QtCore, that the program has loaded when its window sends `signal`."""
    done = subprocess.run([sys.executable, "-c", PROBE % signal], cwd=ROOT, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())


def test_the_first_paint_waits_for_nothing_that_an_empty_window_does_without() -> None:
    at_first_paint = loaded("first_painted")
    assert "archivist_app.views.empty_state" in at_first_paint
    assert at_first_paint.isdisjoint((*LATER, *BEHIND))
    assert "QtCore.Qt" not in at_first_paint  # a seventh of a bare window


def test_the_window_answers_to_hands_before_what_only_pictures_need_is_loaded() -> None:
    once_furnished = loaded("furnished")
    assert set(BEHIND) <= once_furnished
    assert once_furnished.isdisjoint(LATER)


def test_nothing_moves_when_the_window_is_furnished_behind_its_first_paint(
    qapp: QApplication, service: FakeService
) -> None:
    window = make_window()
    show_at_once(window)
    before = window.grab().toImage()
    application = create_application([], service=cast("EngineService", service), window=window)
    application.spin(0)
    assert window.grab().toImage() == before
    application.close()


def test_what_is_being_opened_is_said_from_the_first_paint_on(
    qapp: QApplication, service: FakeService, picture: Path
) -> None:
    window = make_window()
    show_at_once(window, OPENING)
    assert window.empty.title.text() == OPENING
    said: list[str] = []
    application = create_application([str(picture)], service=cast("EngineService", service), window=window)
    application._workspace.session.opening_changed.connect(said.append)
    until(application, lambda: application._workspace.session.item)
    assert said[0] == OPENING
    application.close()


def test_a_window_that_is_closed_before_it_is_furnished_closes(qapp: QApplication, service: FakeService) -> None:
    window = make_window()
    show_at_once(window)
    window.close()
    assert window.isVisible()
    application = create_application([], service=cast("EngineService", service), window=window)
    assert application.run() == 0  # returns once the window is gone


def test_a_window_that_is_never_painted_is_furnished_all_the_same(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "PATIENCE_MS", 20)
    window = make_window()
    window.empty.painted.disconnect()
    show_at_once(window)
    assert not window.painted
    window.allow_close()
    window.close()
    window.deleteLater()


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["scan.tif"],
        ["box/a", "b"],
        ["/photos/harbour.archivist"],
        ["bench-probe", "ours"],
        ["bench-probe", "answering"],
    ],
)
def test_pictures_alone_take_the_short_road_to_the_window(argv: list[str]) -> None:
    assert road.asks_for_window(argv)


@pytest.mark.parametrize(
    "argv", [["--help"], ["restore"], ["doctor", "--json"], ["scan.tif", "--what"], ["folder"], [""]]
)
def test_whatever_may_be_a_command_or_an_option_goes_to_the_commands(argv: list[str]) -> None:
    assert not road.asks_for_window(argv)


def test_no_command_s_name_looks_like_a_file() -> None:
    names = list(get_command(root.app).commands)  # type: ignore[attr-defined]
    assert len(names) > 5
    assert not any(road.asks_for_window([name]) for name in names)


def test_without_a_display_the_short_road_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert road.run([]) == 1
    assert "no display" in capsys.readouterr().err


def test_the_very_first_start_opens_the_demo_and_no_later_one(
    qapp: QApplication, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Program:
        def __init__(self, window: MainWindow) -> None:
            self._window = window

        def open_demo(self) -> None:
            opened.append("demo")

        def run(self) -> int:
            self._window.allow_close()
            self._window.close()  # which keeps its place, as every start does
            self._window.deleteLater()
            return 0

    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def create(argv: list[str], *, window: MainWindow) -> Program:
        opened.append(argv[-1])
        return Program(window)

    monkeypatch.setattr(app, "create_application", create)
    for paths in ([str(picture)], []):
        kept_in().unlink(missing_ok=True)
        assert road.open_window(paths) == 0
    assert opened == [str(picture), "archivist", "demo"]
    assert road.open_window([]) == 0
    assert opened[3:] == ["archivist"]


def kept_in() -> Path:
    """Where the window keeps what it remembers."""
    return user_config_path("Archivist", appauthor=False) / "window.ini"
