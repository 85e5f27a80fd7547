"""What stands between the command and the first paint, and what must not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from archivist_app.cli import root, window

ROOT = Path(__file__).parents[2]
LATER = ("torch", "numpy", "PIL", "tifffile", "imagecodecs", "pyvips", "pydantic", "typer", "qtawesome")
PROBE = """
import json, sys
from archivist_app.app import create_application
application = create_application(["archivist"])
def tell():
    print(json.dumps(sorted(name for name in sys.modules if "." not in name)), flush=True)
    import os
    os._exit(0)
application.window.first_painted.disconnect()
application.window.first_painted.connect(tell)
application.run()
"""


def test_the_first_paint_waits_for_nothing_that_an_empty_window_does_without() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, timeout=60)
    loaded = set(json.loads(done.stdout))
    assert "qasync" in loaded
    assert loaded.isdisjoint(LATER)


@pytest.mark.parametrize(
    "argv", [[], ["scan.tif"], ["box/a", "b"], ["/photos/harbour.archivist"], ["bench-probe", "ours"]]
)
def test_pictures_alone_take_the_short_road_to_the_window(argv: list[str]) -> None:
    assert window.asks_for_window(argv)


@pytest.mark.parametrize(
    "argv", [["--help"], ["restore"], ["doctor", "--json"], ["scan.tif", "--what"], ["folder"], [""]]
)
def test_whatever_may_be_a_command_or_an_option_goes_to_the_commands(argv: list[str]) -> None:
    assert not window.asks_for_window(argv)


def test_no_command_s_name_looks_like_a_file() -> None:
    names = list(get_command(root.app).commands)  # type: ignore[attr-defined]
    assert len(names) > 5
    assert not any(window.asks_for_window([name]) for name in names)


def test_without_a_display_the_short_road_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert window.run([]) == 1
    assert "no display" in capsys.readouterr().err
