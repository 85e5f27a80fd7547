"""`archivist doctor`: what this installation has, what it lacks, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from engine.types import EngineReady

LIBRARIES = (
    "PySide6-Essentials", "qasync", "torch", "numpy", "pillow", "tifffile", "imagecodecs", "pyvips", "c2pa-python",
)  # fmt: skip
QT_PROBE = "qt-probe"
_QT_PATIENCE = 60  # seconds; a healthy Qt answers in one


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `advice` is empty where nothing needs doing."""

    topic: str
    value: str
    ok: bool = True
    advice: str = ""


def about_program() -> list[Finding]:
    """Versions of the program, of Python and of the libraries, read without importing them."""
    findings = [
        Finding("archivist", version()),
        Finding("python", platform.python_version()),
        Finding("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
    ]
    for name in LIBRARIES:
        try:
            findings.append(Finding(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(name, "missing", False, f"Install Archivist again: {name} did not come with it."))
    return findings


def about_engine(outcome: EngineReady | EngineError) -> list[Finding]:
    """The device that was chosen and why, as the engine itself reported it."""
    if isinstance(outcome, EngineError):
        return [Finding("engine", "not ready", False, str(outcome))]
    return [
        Finding("device", f"{outcome.device}: {outcome.device_reason}"),
        Finding("number format", outcome.dtype),
        Finding("threads", f"{outcome.threads} of {os.cpu_count() or 1} processor cores"),
        Finding("engine start", f"{outcome.seconds:.1f} s"),
    ]


def about_qt() -> list[Finding]:
    """Asks a process of its own, because Qt ends the process that cannot load its platform plugin."""
    command = [sys.executable, QT_PROBE] if getattr(sys, "frozen", False) else _probe_with_python()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_QT_PATIENCE, check=False)
        facts = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        advice = "The window cannot open: install Qt's system libraries, README.md lists them in one line."
        return [Finding("qt platform", "does not start", False, advice)]
    fonts = int(facts["fonts"])
    no_fonts = "Install a font package such as fonts-dejavu-core: the window would show empty boxes."
    return [
        Finding("qt", f"{facts['version']}, platform “{facts['platform']}”"),
        Finding("fonts", f"{fonts} families", fonts > 0, "" if fonts else no_fonts),
    ]


def _probe_with_python() -> list[str]:
    return [sys.executable, "-c", "import sys; from archivist_app.cli import checkup; sys.exit(checkup.qt_probe())"]


def qt_probe() -> int:
    """Starts Qt as the window would and prints what it found; runs in the process that `about_qt` starts."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import qVersion
    from PySide6.QtGui import QFontDatabase, QGuiApplication

    application = QGuiApplication(["archivist"])
    facts = {"version": qVersion(), "platform": application.platformName(), "fonts": len(QFontDatabase.families())}
    print(json.dumps(facts))
    return 0


def about_folders() -> list[Finding]:
    """Whether the folders Archivist keeps things in can be written."""
    return [_folder(topic, folder) for topic, folder in own_folders().items()]


def own_folders() -> dict[str, Path]:
    """The user's folders, by what lies there."""
    import platformdirs

    projects = os.environ.get("ARCHIVIST_PROJECTS")
    return {
        "projects": Path(projects) if projects else platformdirs.user_documents_path() / "Archivist",
        "settings": platformdirs.user_config_path("Archivist", appauthor=False),
        "cache": platformdirs.user_cache_path("Archivist", appauthor=False),
        "logs": log_folder(),
    }


def log_folder() -> Path:
    """Where crash logs go."""
    import platformdirs

    return platformdirs.user_log_path("Archivist", appauthor=False)


def _folder(topic: str, folder: Path) -> Finding:
    """Tries the nearest folder that exists, and leaves nothing behind."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        advice = f"Give yourself write permission there ({(error.strerror or str(error)).lower()})."
        return Finding(topic, str(folder), False, advice)
    return Finding(topic, str(folder))


def version() -> str:
    """This program's version; “unknown” where it runs without having been installed."""
    try:
        return importlib.metadata.version("archivist")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
