"""Real keys and a real mouse on the whole program: `python -m tests.screenshots.hands OUT`.

On an X display of its own with a window manager (Debian: xvfb, openbox, xdotool, imagemagick, and Qt's libraries that
the README names). Pictures of each moment go to OUT; what was done is looked up in the project on disk afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

PATIENCE = 240.0  # seconds, on a busy machine
PAUSE = 1.0
TOOLS = ("Xvfb", "openbox", "xdotool", "import")
SIZE = (1280, 800)
VIEWER, SLIDER = (580, 420), (1120, 179)  # the middle of the viewer, the knob of alpha, in a window of SIZE
T = TypeVar("T")


class Hands:
    """One running program and what a person does to it."""

    def __init__(self, environment: dict[str, str], out: Path) -> None:
        self._environment, self._out, self._number = environment, out, 0
        self.window = self.wait(lambda: self.find("Archivist$"), "the window")
        self.do("windowsize", "--sync", self.window, *map(str, SIZE))
        self.do("windowmove", "--sync", self.window, "20", "20")
        self.do("windowactivate", "--sync", self.window)

    def do(self, *words: str) -> str:
        """One command of xdotool."""
        done = subprocess.run(["xdotool", *words], env=self._environment, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def keys(self, *keys: str) -> None:
        """Press and release."""
        for key in keys:
            self.do("key", "--clearmodifiers", key)
            time.sleep(PAUSE)

    def drag(self, start: tuple[int, int], end: tuple[int, int], steps: int = 12) -> None:
        """From one place of the window to another, with the left button."""
        self._go(start)
        self.do("mousedown", "1")
        for step in range(1, steps + 1):
            self._go(tuple(a + (b - a) * step // steps for a, b in zip(start, end, strict=True)))
            time.sleep(0.03)
        self.do("mouseup", "1")
        time.sleep(PAUSE)

    def click(self, place: tuple[int, int], button: int = 1) -> None:
        """Press a button of the mouse; 4 and 5 are the wheel."""
        self._go(place)
        self.do("click", str(button))
        time.sleep(PAUSE)

    def look(self, name: str) -> bytes:
        """A picture of the whole display, kept; answers with its bytes."""
        path = self._out / f"{self._number:02d}_{name}.png"
        self._number += 1
        print(path.stem, flush=True)
        return self._grab(path)

    def _grab(self, path: Path) -> bytes:
        subprocess.run(["import", "-window", "root", str(path)], env=self._environment, check=True)
        return path.read_bytes()

    def changed(self, before: bytes, name: str) -> None:
        """Until the display looks different; a busy machine paints late."""
        self.wait(lambda: self._grab(self._out / "now.png") != before, f"an answer ({name})")
        self.look(name)

    def find(self, title: str) -> str | None:
        """A visible window by its title."""
        found = self.do("search", "--onlyvisible", "--name", title).split()
        return found[0] if found else None

    def wait(self, look: Callable[[], T | None], what: str) -> T:
        """Until there is an answer."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"{what} did not come within {PATIENCE:.0f} s")

    def _go(self, place: tuple[int, ...]) -> None:
        self.do("mousemove", "--window", self.window, *map(str, place))


def walk(hands: Hands, projects: Path) -> None:
    """Everything once, as a person would."""
    demo = projects / "Demo.archivist"
    hands.wait(lambda: len(list((demo / "items").glob("*.json"))) >= 6, "the demo")
    time.sleep(12 * PAUSE)
    first = hands.look("hint")
    hands.click((571, 634))  # “No more hints”
    hands.changed(first, "open")
    for key in ("y", "k", "d", "f", "u", "Escape"):
        before = hands.look(f"before_{key}")
        hands.keys(key)
        hands.changed(before, f"after_{key}")
    hands.keys("ctrl+1")
    hands.drag(VIEWER, (VIEWER[0] - 120, VIEWER[1] + 90))
    hands.click(VIEWER, 4)
    zoomed = hands.look("zoomed")
    hands.do("keydown", "backslash")
    time.sleep(PAUSE)
    hands.changed(zoomed, "original")
    hands.do("keyup", "backslash")
    hands.keys("ctrl+0")
    hands.drag(SLIDER, (SLIDER[0] + 90, SLIDER[1]))
    hands.look("alpha")
    hands.keys("ctrl+s", "4", "a", "ctrl+z", "ctrl+shift+z")
    hands.look("assessed")
    hands.keys("b")
    time.sleep(6 * PAUSE)
    hands.drag((700, 460), (760, 520))
    hands.look("brush")
    hands.keys("Escape")
    hands.keys("h")
    sheet = hands.wait(lambda: hands.find("Keys — Archivist"), "the sheet of keys")
    hands.look("keys")
    hands.do("windowactivate", "--sync", sheet)
    hands.keys("Escape")
    assert hands.find("Keys — Archivist") is None, "Escape does not close the sheet"
    hands.do("windowactivate", "--sync", hands.window)
    hands.keys("ctrl+o")
    hands.wait(lambda: hands.find("Open photographs"), "the dialog to open files")
    hands.look("dialog")
    hands.keys("Escape")
    hands.keys("Right")
    hands.look("next")
    hands.keys("Left", "ctrl+e")
    dialog = hands.wait(lambda: hands.find("Export — Archivist"), "the dialog to export")
    hands.look("export")
    hands.do("windowactivate", "--sync", dialog)
    hands.keys("Escape")
    hands.do("windowactivate", "--sync", hands.window)
    hands.keys("ctrl+Return")
    hands.wait(lambda: list((demo / "exports").glob("*restored*")), "the export")
    time.sleep(2 * PAUSE)
    hands.look("exported")
    hands.keys("9", "9")
    hands.look("white")
    hands.keys("9", "ctrl+q")


def kept(projects: Path) -> None:
    """What was done is on disk."""
    items = [json.loads(path.read_text("utf-8")) for path in (projects / "Demo.archivist" / "items").glob("*.json")]
    (item,) = [one for one in items if one["stars"]]
    assert item["stars"] == 4, item["stars"]
    assert item["decision"] == "approved", item["decision"]
    assert item["recipe"]["alpha"] > 1.5, item["recipe"]
    assert item["recipe"]["mask"], "the stroke was not kept"
    assert [one["name"] for one in item["snapshots"]] == ["Snapshot 1"], item["snapshots"]


def main() -> int:
    """0 where everything answered as it should."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"Not installed: {', '.join(missing)}.", file=sys.stderr)
        return 2
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archivist-") as folder, _display() as display:
        home = Path(folder)
        environment = _environment(home, display)
        with _running(["openbox", "--sm-disable"], environment):
            command = [sys.executable, "-m", "archivist_app", "demo"]
            with _running(command, environment) as program:
                walk(Hands(environment, out), home / "projects")
                status = program.wait(PATIENCE)
        assert status == 0, f"the program ended with status {status}"
        kept(home / "projects")
    print("everything answered")
    return 0


def _environment(home: Path, display: str) -> dict[str, str]:
    own = {name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    return plain | own | {"HOME": str(home), "DISPLAY": display, "ARCHIVIST_PROJECTS": str(home / "projects")}


@contextmanager
def _display() -> Iterator[str]:
    """An X server on a free number."""
    read, write = os.pipe()
    screen = ["-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), *screen], pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


if __name__ == "__main__":
    raise SystemExit(main())
