"""Shows a file where it lies, in the file manager of the desktop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices


def reveal(path: str) -> None:
    """Open the file's folder with the file chosen in it; where that is not possible, the folder alone."""
    if sys.platform == "win32":
        shown = QProcess.startDetached("explorer", [f"/select,{os.path.normpath(path)}"])
    elif sys.platform == "darwin":
        shown = QProcess.startDetached("open", ["-R", path])
    else:
        shown = _ask_file_manager(path)
    if not shown:
        QDesktopServices.openUrl(QUrl.fromLocalFile(os.path.dirname(path)))


def _ask_file_manager(path: str) -> bool:
    """By the desktop's own message; False where nobody listens to it."""
    try:
        from PySide6.QtDBus import QDBusConnection, QDBusMessage
    except ImportError:  # a bundle without it
        return False
    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False
    name, where = "org.freedesktop.FileManager1", "/org/freedesktop/FileManager1"
    message = QDBusMessage.createMethodCall(name, where, name, "ShowItems")
    message.setArguments([[Path(path).as_uri()], ""])
    return bus.call(message, timeout=1000).type() == QDBusMessage.MessageType.ReplyMessage
