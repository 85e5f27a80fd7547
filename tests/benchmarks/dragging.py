"""What a hand sees that drags alpha for a second: `python -m tests.benchmarks.dragging [--export | --tune]`.

The real program on the real engine, without a display, over 1.05 megapixels of a scan at 1:1 in the split view. Prints
a line of JSON a round: frames in that second, when the last position and its refinement were on screen, the longest
turn of the window's loop, and what a frame cost either thread of the processor's time. Wants a quiet machine; the
processor's times are sound on any.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archivist_app.app import Application
    from engine.types import RenderRequest, TuningCheck

SCAN = (2400, 1600)
WINDOW = (1474, 1001)  # whose viewer then has 1.05 megapixels
TICK = 0.016
SECOND = 1.0
PATIENCE = 60.0
LONG = 600.0  # seconds until a fine-tuning has been measured for the first time, on a machine that is busy
LEARNED = 12  # photographs of a fine-tuning


def main() -> int:
    """Exit status 0 once every round was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.dragging", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    beside = parser.add_mutually_exclusive_group()
    beside.add_argument("--export", action="store_true", help="while an export runs")
    beside.add_argument("--tune", action="store_true", help="while a model is fine-tuned")
    parser.add_argument("--style", default="", help="the id of a style to drag alpha in")
    parser.add_argument("--pause", type=float, default=TICK, help="seconds between two moves of the hand")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archivist-") as home:
        _move_to(Path(home))
        with _Bench(Path(home), asked.style) as bench:
            stop = bench.tune() if asked.tune else lambda: None
            for _ in range(asked.rounds):
                print(json.dumps(bench.drag(asked.pause, exporting=asked.export)), flush=True)
            stop()
    return 0


def _move_to(home: Path) -> None:
    """Nothing of the user's own is read or written."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "ARCHIVIST_PROJECTS"):
        os.environ[name] = str(home / name.lower())
    os.environ.update(HOME=str(home), QT_QPA_PLATFORM="offscreen")


@dataclass
class _Watch:
    """What reaches the screen, and when."""

    shown: list[tuple[float, RenderRequest]] = field(default_factory=list)
    longest: float = 0.0
    turned: float = 0.0

    def show(self, request: RenderRequest) -> None:
        self.shown.append((time.perf_counter(), request))

    def turn(self) -> None:
        now = time.perf_counter()
        if self.turned:
            self.longest = max(self.longest, now - self.turned)
        self.turned = now


class _Bench:
    """The program with a scan in it."""

    def __init__(self, home: Path, style: str) -> None:
        from platformdirs import user_config_path

        from archivist_app.app import create_application
        from archivist_app.state.preferences import Preferences
        from engine.evaluation.bench_files import photograph

        Preferences(user_config_path("Archivist", appauthor=False) / "window.ini").end_tour()
        scan = home / "scan.tif"
        _write(scan, photograph(*SCAN))
        self.application: Application = create_application([str(scan)])
        self._home, self._style, self._exported = home, style, 0

    def __enter__(self) -> _Bench:
        window, application = self.application.window, self.application
        window.resize(*WINDOW)
        window.show()
        self._until(lambda: window.compare.viewport is not None and window.compare._layers is not None)
        window.compare.zoom_to(1.0)
        if self._style:
            from dataclasses import replace

            document = window._workspace.document
            document.recipe = replace(document.recipe, style=self._style, beta=1.0)
        self._rest()
        application.spin(2.0)  # thumbnails, what is built behind the picture
        window._workspace.bridge.drop_background()
        self._rest()
        return self

    def __exit__(self, *_error: object) -> None:
        self.application.close()

    def drag(self, pause: float, *, exporting: bool) -> dict[str, Any]:
        """One second of it, from one end of the slider to the other."""
        from PySide6.QtCore import Qt, QTimer

        window = self.application.window
        slider, watch = window.adjust.rows["alpha"].slider, _Watch()
        stop = self._export() if exporting else lambda: None
        window.compare.frame_shown.connect(watch.show)
        moves = [round(1000 * n * pause / SECOND) for n in range(1, round(SECOND / pause))]
        idle = QTimer(interval=0)
        idle.timeout.connect(watch.turn)
        hand = QTimer(interval=round(1000 * pause), timerType=Qt.TimerType.PreciseTimer)
        last = [0.0]
        start = time.perf_counter()

        def move() -> None:
            done = min((time.perf_counter() - start) / SECOND, 1.0)
            slider.setValue(moves[min(round(done * len(moves)), len(moves) - 1)] if done < 1.0 else 1000)
            last[0] = time.perf_counter()
            if done >= 1.0:
                hand.stop()

        hand.timeout.connect(move)
        cpu = _threads()
        idle.start()
        hand.start()
        self._until(lambda: not hand.isActive(), 0.02)
        spent = {name: _threads()[name] - before for name, before in cpu.items()}
        frames = [one for at, one in watch.shown if at <= start + SECOND]
        self._rest()
        idle.stop()
        window.compare.frame_shown.disconnect(watch.show)
        stop()
        alpha = window._workspace.document.recipe.alpha
        arrived = [at for at, one in watch.shown if one.recipe.alpha == alpha and one.quality == "draft"]
        refined = [at for at, one in watch.shown if one.recipe.alpha == alpha and one.quality == "refine"]
        slider.setValue(0)
        self._rest()
        count = max(1, len(frames))
        return {
            "frames": len(frames),
            "last_ms": round(1000 * (arrived[0] - last[0])) if arrived else None,
            "refined_ms": round(1000 * (refined[-1] - last[0])) if refined else None,
            "longest_turn_ms": round(1000 * watch.longest),
            **{f"{name}_ms_a_frame": round(1000 * seconds / count, 1) for name, seconds in spent.items()},
        }

    def _export(self) -> Any:
        from engine.types import ExportOptions

        work = self.application.window._workspace
        self._exported += 1
        image = work.document.image
        assert image is not None
        target = self._home / f"out{self._exported}.tif"
        handle = work.bridge.export(image, work.document.recipe, ExportOptions(str(target)), lambda _: None)
        self.application.spin(0.3)
        return handle.cancel

    def tune(self) -> Callable[[], None]:
        """Teaches a model in the queue; returns once it learns, with what stops it."""
        from engine.evaluation.bench_files import photograph
        from engine.types import Tuning

        paths = [self._home / f"photograph{number}.tif" for number in range(LEARNED)]
        for number, path in enumerate(paths):
            _write(path, photograph(640 + 16 * number, 480))
        wish = Tuning("bench", "clean", tuple(map(str, paths)), str(self._home / "models"), minutes=60.0)
        measured: list[TuningCheck] = []
        handle = self.application.window._workspace.bridge.finetune(wish, lambda _: None, measured.append)
        self._until(lambda: bool(measured), patience=LONG)
        self.application.spin(5.0)
        return handle.cancel

    def _rest(self) -> None:
        self.application.spin(0.4)
        self._until(lambda: not self.application.window.compare._busy)
        self.application.spin(0.2)

    def _until(self, condition: Any, seconds: float = 0.05, patience: float = PATIENCE) -> None:
        end = time.perf_counter() + patience
        while not condition():
            if time.perf_counter() > end:
                raise TimeoutError("the window did not come to rest")
            self.application.spin(seconds)


def _threads() -> dict[str, float]:
    """Seconds of the processor's time that the window's and the engine's thread have taken."""
    names = {threading.main_thread().name: "window", "engine": "engine"}
    return {
        names[thread.name]: time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0))
        for thread in threading.enumerate()
        if thread.name in names
    }


def _write(path: Path, pixels: Any) -> None:
    import tifffile

    tifffile.imwrite(path, pixels, photometric="rgb")


if __name__ == "__main__":
    sys.exit(main())
