"""A bundle's window on a display of its own: how soon it appears, what it loads, whether it closes."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

PATIENCE = 60  # seconds
LOOK_EVERY = 0.01
WARM_STARTS = 3
SETTLED = 6  # seconds after the engine is loaded until the image on screen is refined
SYSTEM = ("/usr/lib", "/lib", "/usr/share")
INDEX = "/etc/ld.so.cache"  # of the system's libraries, mapped for a moment while one is looked for
T = TypeVar("T")


class BundleError(Exception):
    """What does not work, in a sentence."""


def missing_tools() -> Sequence[str]:
    """What has to be installed before the window can be checked."""
    if not sys.platform.startswith("linux"):
        return ["an X display"]
    return [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]


def check(program: Path, environment: dict[str, str], picture: Path, screenshot: Path | None) -> Iterator[str]:
    """Opens the window with `picture` a few times; a sentence for each thing found. BundleError where one fails."""
    with _display() as display:
        own = environment | {"DISPLAY": display}
        command = [str(program), str(picture)]
        _forget(program.parent)
        yield f"first, with nothing of the bundle in memory, after {_open_and_close(command, own):.2f} s"
        times = [_open_and_close(command, own) for _ in range(WARM_STARTS)]
        yield f"after that after {statistics.median(times):.2f} s (median of {len(times)})"
        with _running(command, own) as process:
            window = _wait(lambda: _window(own), process)
            foreign = _libraries_after_engine(process, program.parent)
            yield f"of the system it loads {', '.join(foreign)}"
            time.sleep(SETTLED)
            if screenshot is not None:
                subprocess.run(["import", "-window", "root", str(screenshot)], env=own | _path(), check=True)
            _close(window, own, process)
            yield "closes when asked, with status 0"


@contextmanager
def _display() -> Iterator[str]:
    """An X server on a free number."""
    read, write = os.pipe()
    # Without -noreset it starts anew, and refuses whoever comes then, each time its only client leaves.
    arguments = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(arguments, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            raise BundleError("Xvfb did not start.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=environment, cwd=environment["HOME"], stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _open_and_close(command: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds from the start of the process until its window is on the display."""
    start = time.perf_counter()
    with _running(command, environment) as process:
        window = _wait(lambda: _window(environment), process)
        seconds = time.perf_counter() - start
        _close(window, environment, process)
    return seconds


def _wait(look: Callable[[], T | None], process: subprocess.Popen[bytes]) -> T:
    """Asks until there is an answer."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise BundleError(f"The program ended with status {process.returncode} before its time.\n{said}")
        time.sleep(LOOK_EVERY)
    raise BundleError(f"The window did not come within {PATIENCE} s.")


def _window(environment: dict[str, str]) -> str | None:
    search = ["xdotool", "search", "--onlyvisible", "--name", "Archivist"]
    found = subprocess.run(search, env=environment | _path(), capture_output=True, text=True).stdout.split()
    return found[0] if found else None


def _close(window: str, environment: dict[str, str], process: subprocess.Popen[bytes]) -> None:
    """By its key, as a person would; without a window manager the window has to be given the keyboard first."""
    keys = ["xdotool", "windowfocus", window, "key", "ctrl+q"]
    subprocess.run(keys, env=environment | _path(), check=True)
    try:
        status = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        raise BundleError(f"The window did not close within {PATIENCE} s.") from None
    if status:
        raise BundleError(f"The program ended with status {status} after its window was closed.")


def _libraries_after_engine(process: subprocess.Popen[bytes], folder: Path) -> list[str]:
    """Shared libraries from outside the bundle, once torch is in use. BundleError for one that is not of the system."""
    maps = Path(f"/proc/{process.pid}/maps")

    def loaded() -> set[str] | None:
        paths = {line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if ".so" in line}
        return paths - {INDEX} if any("libtorch_cpu" in path for path in paths) else None

    _wait(loaded, process)
    time.sleep(1)  # what comes with it
    foreign = [path for path in loaded() or () if not Path(path).is_relative_to(folder)]
    strange = [path for path in foreign if not path.startswith(SYSTEM)]
    if strange:
        raise BundleError(f"The program loads libraries from outside the bundle: {', '.join(sorted(strange))}.")
    return sorted(Path(path).name for path in foreign)


def _forget(folder: Path) -> None:
    """Drops the files from the system's memory, so that the next start reads them from the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _path() -> dict[str, str]:
    """The tools of the check are ours to find, wherever they are installed."""
    return {"PATH": os.environ["PATH"]}
