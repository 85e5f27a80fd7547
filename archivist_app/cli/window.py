"""The window's own road from the command line, which loads neither the other commands nor what they need.

`archivist` and `archivist scan.tif` must show something at once; building all commands takes longer than that.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archivist_app.cli import bench_windows, report
from archivist_app.state.waiting import OPENING, OPENING_DEMO
from engine.errors import EngineError

if TYPE_CHECKING:
    from archivist_app.views.main_window import MainWindow

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")  # Qt ends the process where it finds none
_PROBES: dict[tuple[str, ...], Callable[[], int]] = {  # are timed, so they take this road too
    (bench_windows.PROBE, "bare"): bench_windows.bare,  # in a bundle, which has no other Python to start it
    (bench_windows.PROBE, "ours"): bench_windows.ours,
    (bench_windows.PROBE, "answering"): bench_windows.answering,
}


def is_picture_or_project(word: str) -> bool:
    """Whether a first word that is no command can only mean a file or a folder."""
    path = Path(word)
    return path.exists() or bool(path.suffix) or len(path.parts) > 1


def asks_for_window(argv: Sequence[str]) -> bool:
    """Whether these arguments hold no command and no option; where that is in doubt, no: the commands decide."""
    if tuple(argv) in _PROBES:
        return True
    plain = all(word and not word.startswith("-") for word in argv)
    first = Path(argv[0]) if argv else None
    return plain and (first is None or bool(first.suffix) or len(first.parts) > 1)  # no command's name is like that


def run(argv: Sequence[str]) -> int:
    """Opens the window with what `argv` names; returns the exit status."""
    report.forgiving_streams()
    with report.quiet_libraries():
        status = _run(argv)
    if status == report.INTERRUPTED:
        report.stopped()
    return status


def _run(argv: Sequence[str]) -> int:
    try:
        probe = _PROBES.get(tuple(argv))
        return probe() if probe else open_window(argv)
    except EngineError as error:
        report.complain(str(error))
    except Exception as error:
        report.explain(error)
    return report.FAILED


def open_window(paths: Sequence[str], *, demo: bool = False, window: MainWindow | None = None) -> int:
    """Shows the window until it is closed; returns the exit status. EngineError where there is no display.

    What an empty window shows is painted first; the rest of the program is loaded behind it. The very first start
    opens the demo, unless something else is named. `window` is one of `front.make_window`, default a new one.
    """
    if sys.platform.startswith("linux") and not any(map(os.environ.get, _DISPLAYS)):
        raise EngineError("There is no display to open a window on; use the commands that `archivist --help` lists.")
    from archivist_app.front import make_window, show_at_once

    # Python's own answer to Ctrl+C raises in whatever slot runs next, where Qt drops it and the window goes on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    window = window if window is not None else make_window()
    demo = demo or (not paths and window.preferences.untouched)
    show_at_once(window, OPENING_DEMO if demo else OPENING if paths else "")
    from archivist_app.app import create_application

    application = create_application(["archivist", *paths], window=window)
    if demo:
        application.open_demo()
    return application.run()
