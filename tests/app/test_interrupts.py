"""Ctrl+C and SIGTERM close the program as its window would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from archivist_app.interrupts import Interrupts
from tests.app.conftest import Open, until
from tests.app.fake_service import FakeService, save_picture
from tests.app.test_jobs import exports, long_export

ROOT = Path(__file__).parents[2]
WITHOUT_SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="Windows kills at once")

# Opens a picture; with its first restored pixels comes an unsaved change and an export that would take a minute.
PROGRAM = """
import sys, threading
from pathlib import Path
from archivist_app.app import create_application
from tests.app.fake_service import Costs, FakeService

service = FakeService(Path(sys.argv[1]), Costs(export_step=0.02, export_steps=3000))
application = create_application([sys.argv[2]], service=service)
work = application.window._workspace

def begin(frame):
    work.rendering.frame_ready.disconnect(begin)
    application.window.adjust.rows["alpha"].slider.setValue(900)
    work.exporter.export()

work.rendering.frame_ready.connect(begin)
work.jobs.dataChanged.connect(lambda *_: print("exporting", flush=True))
status = application.run()
print("threads left:", threading.active_count() - 1)
sys.exit(status)
"""


@WITHOUT_SIGNALS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_exports_saves_and_ends_the_threads(tmp_path: Path, number: signal.Signals) -> None:
    picture = save_picture(tmp_path / "harbour.png", 320, 240)
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(picture)]
    program = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "exporting\n"
        program.send_signal(number)
        told, complaints = program.communicate(timeout=5)
    finally:
        program.kill()
    assert program.returncode == 130
    assert "Traceback" not in complaints
    assert told.splitlines()[-1] == "threads left: 0"
    project = tmp_path / "harbour.archivist"
    assert list((project / "exports").iterdir()) == []
    (item,) = json.loads((project / "project.json").read_text())["items"]
    assert item["recipe"]["alpha"] > 6


def test_a_signal_does_not_wait_for_the_answer_to_a_question(start: Open, picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "projects"
    folder.mkdir()
    application, service = long_export(start, picture, folder)
    written = exports(application)
    application.window.close()
    until(application, lambda: application.window.findChild(QMessageBox, "stopJobsQuestion"))
    application._interrupt()
    until(application, lambda: not application.window.isVisible())
    assert service.closed
    assert list(written.iterdir()) == []


@WITHOUT_SIGNALS
@pytest.mark.usefixtures("qapp")
def test_the_first_signal_is_told_once_and_the_second_would_kill() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    told: list[bool] = []
    with Interrupts(lambda: told.append(True)):
        os.kill(os.getpid(), signal.SIGTERM)
        QTest.qWait(50)
        assert told == [True]
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_window_that_is_closed_by_hand_ends_with_status_0(start: Open, service: FakeService) -> None:
    application = start()
    application.window.first_painted.connect(application.window.close)
    assert application.run() == 0
    assert service.closed


def test_the_window_is_out_of_sight_before_the_engine_has_ended(
    start: Open, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that is just importing torch takes seconds to end."""
    application, end = start(), service.close
    seen: list[bool] = []

    def close() -> None:
        seen.append(application.window.isVisible())
        end()

    monkeypatch.setattr(service, "close", close)
    application.window.first_painted.connect(application.window.close)
    assert application.run() == 0
    assert seen == [False]
    assert service.closed
