"""Entry of the program: environment, crash log, import order; then the window, or the command line."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from pathlib import Path

from platformdirs import user_log_path

LOG_BYTES = 1_000_000


def main() -> int:
    """Run `archivist`; returns the exit status."""
    os.environ.setdefault("QT_API", "pyside6")
    _keep_log()
    if sys.platform == "win32" and not {"--help", "--version"} & set(sys.argv):
        import torch  # noqa: F401 - on Windows its libraries load only before Qt's

    from archivist_app.cli import window

    if window.asks_for_window(sys.argv[1:]):
        return window.run(sys.argv[1:])
    from archivist_app import cli

    return cli.main()


def _keep_log() -> None:
    """Warnings and crashes go to a file in the user's log folder; without one the program runs all the same."""
    try:
        folder = user_log_path("Archivist", appauthor=False, ensure_exists=True)
        crashes = open(folder / "crash.log", "a", encoding="utf-8")  # noqa: SIM115 - stays open for the crash
    except OSError:
        return
    faulthandler.enable(crashes)
    logging.getLogger().addHandler(_LateLog(folder / "archivist.log"))


class _LateLog(logging.Handler):
    """Opens the log when there is something to write: Python's rotating one takes a tenth of an empty window's time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Give way to the real one; where it cannot be opened, nothing is kept."""
        from logging.handlers import RotatingFileHandler

        logging.getLogger().removeHandler(self)
        try:
            log = RotatingFileHandler(self._path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
        except OSError:
            return
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(log)
        log.handle(record)


if __name__ == "__main__":
    sys.exit(main())
