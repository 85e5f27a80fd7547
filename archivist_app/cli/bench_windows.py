"""How long a window takes to appear: the program's own, and one that holds nothing, each in a fresh process.

This module imports nothing at first: the bare window's process must not pay for ours.
"""

from __future__ import annotations

PROBE = "bench-probe"
"""The hidden command that starts one of these."""

READY = "painted"
"""What a probe prints, on a line of its own, once its window is where it was to be seen."""


def bare() -> int:
    """Shows an empty Qt window of the program's size; does not return."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QApplication, QMainWindow

    class Window(QMainWindow):
        def paintEvent(self, event: QPaintEvent) -> None:
            super().paintEvent(event)
            QTimer.singleShot(0, _leave)  # as the program does: once this paint has happened

    application = QApplication(["archivist"])
    window = Window()
    window.resize(1280, 800)
    window.show()
    return application.exec()


def ours() -> int:
    """Shows the program's window as `archivist` does, until its first paint; does not return."""
    from archivist_app.cli.window import open_window
    from archivist_app.front import make_window

    window = make_window()
    window.first_painted.connect(_leave)
    return open_window([], window=window)


def answering() -> int:
    """The same until the window answers to hands: everything is in it, and its loop turns; does not return."""
    from PySide6.QtCore import QTimer

    from archivist_app.cli.window import open_window
    from archivist_app.front import make_window

    window = make_window()
    window.furnished.connect(lambda: QTimer.singleShot(0, _leave))
    return open_window([], window=window)


def _leave() -> None:
    import os

    print(READY, flush=True)
    os._exit(0)  # at once: by now the engine thread imports torch, and an orderly end would wait for it
