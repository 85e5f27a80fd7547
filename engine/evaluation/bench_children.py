"""What can only be measured in a fresh process: the peak of a restoration's memory, the time torch takes to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.evaluation.bench_files import photograph, write_measured
from engine.evaluation.bench_timing import typical

_POLL = 0.02  # seconds
_TORCH = "import json, time; start = time.perf_counter(); import torch; print(json.dumps(time.perf_counter() - start))"
_MEMORY = "engine.evaluation.bench_memory"
_ASPECT = 1.5


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes at the most while a file was restored into another; None where that cannot be known."""

    main_mb: float | None = None
    device_mb: float | None = None


def peak_memory(folder: Path, megapixels: float, device: str) -> Generator[None, None, Memory]:
    """Restores an 8-bit RGB TIFF of that size in a process of its own. `device` is auto, cpu, cuda or mps."""
    height = round((megapixels * 1e6 / _ASPECT) ** 0.5)
    source, target = folder / "large.tif", folder / "restored.tif"
    write_measured(source, photograph(round(height * _ASPECT), height), "TIFF")
    yield None
    found = yield from _answer(["-m", _MEMORY, str(source), str(target), device])
    source.unlink()
    target.unlink(missing_ok=True)
    if found is None:
        return Memory()
    return Memory(*(None if size is None else size / 1e6 for size in (found["peak_bytes"], found["device_peak_bytes"])))


def torch_import(repeat: int) -> Generator[None, None, float | None]:
    """Seconds that `import torch` takes in a fresh process, its files in the disk's cache; None where it fails."""
    taken: list[float] = []
    for _ in range(repeat):
        seconds = yield from _answer(["-c", _TORCH])
        if seconds is None:
            return None
        taken.append(float(seconds))
    return typical(taken)


def _answer(arguments: list[str]) -> Generator[None, None, Any]:
    """The JSON that a fresh Python prints; None where it fails, or where the program is a bundle without a Python.

    A failure is a figure that is missing, not the end of the measurements: 48 Mpx may be too much for a machine.
    """
    if getattr(sys, "frozen", False):
        return None
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, *arguments]
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
        )
        try:
            while child.poll() is None:
                time.sleep(_POLL)
                yield None
        finally:
            child.kill()
            child.wait()
        output.seek(0)
        lines = output.read().split(b"\n")
    if child.returncode:
        return None
    for line in reversed(lines):  # a library may have said something before
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None
