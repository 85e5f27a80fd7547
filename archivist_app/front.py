"""The first thing on screen: the window as it looks while nothing is open, before the rest of the program is loaded.

Whatever this imports stands between the command and the first paint.
"""

from __future__ import annotations

import sys

from platformdirs import user_config_path
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from archivist_app.state.preferences import Preferences
from archivist_app.views.main_window import MainWindow
from archivist_app.views.theme import Theme, application_icon

PATIENCE_MS = 2000  # a window that starts minimised or covered is never painted


def make_window() -> MainWindow:
    """The window, neither shown nor furnished; makes Qt's application where there is none."""
    existing = QApplication.instance()
    qt = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    qt.setApplicationName("Archivist")
    qt.setQuitOnLastWindowClosed(False)  # closing waits for what is still being written
    window = MainWindow(Theme(qt), Preferences(user_config_path("Archivist", appauthor=False) / "window.ini"))
    window.setWindowIcon(application_icon())
    return window


def show_at_once(window: MainWindow, busy: str = "") -> None:
    """Show it, and return once it has been painted; `busy` says what comes next, instead of the invitation.

    Keys and clicks wait until somebody is there to answer them.
    """
    loop = QEventLoop()
    window.empty.show_busy(busy)
    window.first_painted.connect(loop.quit)
    patience = QTimer(singleShot=True, interval=PATIENCE_MS)
    patience.timeout.connect(loop.quit)
    patience.start()
    window.show()
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    patience.stop()
    window.first_painted.disconnect(loop.quit)
