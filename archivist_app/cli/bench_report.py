"""`archivist bench`: starts what needs a process of its own window, asks the engine for the rest, shows both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from archivist_app.cli import bench_windows, report
from engine.errors import EngineError, RecipeError
from engine.types import Progress

if TYPE_CHECKING:
    from archivist_app.bridge import EngineService

PROBE = bench_windows.PROBE
PROBES: Mapping[str, Callable[[], int]] = {
    "bare": bench_windows.bare,
    "ours": bench_windows.ours,
    "answering": bench_windows.answering,
}
ROUNDS = 5  # odd, so that one of them is the median
_PATIENCE = 120  # seconds a window may take on a busy machine
_NO_WINDOW = "No window opened, so its speed is unknown; `archivist doctor` says what Qt lacks."
_BARE = "import sys; from archivist_app.cli import bench_windows; sys.exit(bench_windows.bare())"

_WANTED = {"full_pass_share": 0.5, "tick_to_full_pass": 0.15, "first_window_ratio": 1.5}
Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds from the start of a process, medians: to its first painted window, ours and a bare one, and until ours
    answers to hands; and the first over the second."""

    first_window_s: float
    bare_window_s: float
    answering_s: float
    first_window_ratio: float


def measure(service: EngineService, on_progress: Callable[[Progress], None]) -> dict[str, Any]:
    """Everything `archivist bench` tells, ready for JSON. Raises EngineError without the device, or a window."""
    report.await_result(service.warm())  # a device that is not there is told at once, and nothing else runs after it
    on_progress(Progress(0, 1, "first window"))
    windows = time_windows(ROUNDS)
    return asdict(report.await_work(service.bench(on_progress))) | {"window": asdict(windows)}


def time_windows(rounds: int) -> Windows:
    """Starts each kind of process in turn, offscreen. One round more than counts: it fills the disk's cache, and a
    folder with Python's compiled modules, which an installed program has and not every environment may write."""
    kinds = ("ours", "bare", "answering")
    with tempfile.TemporaryDirectory(prefix="archivist-bench-") as compiled:
        taken = [[seconds_until_painted(kind, compiled) for kind in kinds] for _ in range(rounds + 1)][1:]
    ours, bare, answering = (sorted(column)[rounds // 2] for column in zip(*taken, strict=True))
    return Windows(ours, bare, answering, ours / bare)


def seconds_until_painted(probe: str, compiled: str) -> float:
    """How long a probe of that name lives: it ends as soon as it has painted. `compiled` is a folder for Python's
    compiled modules. EngineError where no window opens."""
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPYCACHEPREFIX": compiled}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    try:
        done = subprocess.run(command(probe), capture_output=True, text=True, env=env, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise EngineError(_NO_WINDOW) from None
    seconds = time.perf_counter() - start
    if done.stdout.strip() != bench_windows.READY:
        raise EngineError(_NO_WINDOW)
    return seconds


def command(probe: str) -> list[str]:
    """The process of a probe. Ours takes the program's own road; in a bundle, which has no Python, both do."""
    if getattr(sys, "frozen", False):
        return [sys.executable, PROBE, probe]
    return [sys.executable, "-c", _BARE] if probe == "bare" else [sys.executable, "-m", "archivist_app", PROBE, probe]


def run_probe(name: str) -> int:
    """What the hidden command does; RecipeError for a name that is none."""
    if name not in PROBES:
        raise RecipeError(f"There is no probe “{name}”; `archivist bench` starts the ones it needs.")
    return PROBES[name]()


def show(found: Mapping[str, Any], as_json: bool) -> None:
    """One JSON object, or a table with what is wanted beside what was found."""
    if as_json:
        report.emit(found)
    else:
        report.table(("what", "found", "wanted"), list(_rows(found)))


def _rows(found: Mapping[str, Any]) -> Iterator[Row]:
    machine, passes = found["machine"], found["passes"]
    yield _row("processor or card", machine["device_name"])
    yield _row("runs on", f"{machine['device']}, {machine['dtype']}, threads {machine['threads']}")
    yield _row("torch", machine["torch"])
    yield _row("import torch", _number(found["torch_import_s"], "{:.2f} s"))
    for dtype, rates in found["peak_gmac_s"].items():
        for channels, rate in rates.items():
            yield _row(f"3 x 3 convolution, {channels} channels, {dtype}", f"{rate:.0f} GMAC/s")
    yield from _about_passes(passes)
    for kind, codec in found["files"].items():
        speeds = f"{codec['decode_mb_s']:.0f} / {codec['encode_mb_s']:.0f} MB/s"
        yield _row(f"decode / encode {kind}", speeds)
    for megapixels, memory in found["peak_memory"].items():
        yield _row(f"memory for {megapixels} Mpx", _number(memory["main_mb"], "{:.0f} MB"))
        if memory["device_mb"] is not None:
            yield _row(f"card's memory for {megapixels} Mpx", f"{memory['device_mb']:.0f} MB")
    window = found["window"]
    yield _row("first window", f"{window['first_window_s']:.2f} s")
    yield _row("bare Qt window", f"{window['bare_window_s']:.2f} s")
    yield _row("until the window answers to hands", f"{window['answering_s']:.2f} s")
    ratio = window["first_window_ratio"]
    yield _row("first window / bare Qt window", f"{ratio:.2f}", f"<= {_WANTED['first_window_ratio']}")


def _about_passes(passes: Mapping[str, float]) -> Iterator[Row]:
    yield _row("full pass", f"{passes['full_pass_ms_mpx']:.0f} ms/Mpx, {passes['full_pass_gmac_s']:.0f} GMAC/s")
    share = passes["full_pass_share"]
    yield _row("its share of the convolution peak", f"{share:.2f}", f">= {_WANTED['full_pass_share']}")
    yield _row("the same, counting what tiles compute twice", f"{passes['computed_share']:.2f}")
    yield _row("backbone alone", f"{passes['backbone_ms_mpx']:.0f} ms/Mpx, share {passes['backbone_share']:.2f}")
    yield _row("slider tick", f"{passes['tick_ms_mpx']:.1f} ms/Mpx")
    yield _row("of it the head", f"{passes['head_ms_mpx']:.1f} ms/Mpx")
    ratio = passes["tick_to_full_pass"]
    yield _row("tick / full pass", f"{ratio:.3f}", f"<= {_WANTED['tick_to_full_pass']}")


def _row(what: str, value: str, wanted: str = "") -> Row:
    return what, value, wanted


def _number(value: float | None, form: str) -> str:
    return "not measured" if value is None else form.format(value)
