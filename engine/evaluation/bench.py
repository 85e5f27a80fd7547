"""`archivist bench`: what this machine does, as figures and as ratios that compare with other machines."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from engine.evaluation import bench_children, bench_files, bench_speed
from engine.evaluation.bench_children import Memory
from engine.evaluation.bench_files import Codec
from engine.evaluation.bench_speed import Effort, Passes, Peaks
from engine.rendering.studio import Studio
from engine.types import Progress

_STEPS = ("convolution peak", "passes", "files", "torch import", "memory")


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the measured things are: (width, height) in pixels, megapixels, and how long to measure."""

    picture: tuple[int, int] = (2048, 1536)
    file: tuple[int, int] = (3000, 2000)
    memory_mpx: tuple[float, ...] = (12, 48)
    effort: Effort = field(default_factory=Effort)


ON_PROCESSOR = Scale()
ON_CARD = Scale(picture=(6144, 4096))  # a card needs more work before it shows its speed; its tiles fit into the cache


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on."""

    device: str  # "cpu", "cuda", "mps"
    device_name: str
    device_reason: str
    dtype: str
    threads: int
    cores: int
    torch: str
    python: str
    system: str


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything measured in one run. Units stand in the names; shares and ratios are plain numbers."""

    machine: Machine
    peak_gmac_s: Peaks
    passes: Passes
    files: Mapping[str, Codec]
    torch_import_s: float | None
    peak_memory: Mapping[str, Memory]  # megapixels, as text for JSON -> memory


def bench(studio: Studio, wish: str, scale: Scale | None = None) -> Generator[Progress | None, None, Measurements]:
    """Steps that measure everything the engine can measure of itself; `wish` is the device that was asked for."""
    scale = scale or (ON_PROCESSOR if studio.device.device.type == "cpu" else ON_CARD)
    effort = scale.effort
    yield _now(0)
    peaks = yield from bench_speed.peaks(studio, effort)
    yield _now(1)
    best = max(peaks[studio.device.dtype_name].values())
    passes = yield from bench_speed.passes(studio, bench_files.photograph(*scale.picture), best, effort)
    with tempfile.TemporaryDirectory(prefix="archivist-bench-") as name:
        folder = Path(name)
        yield _now(2)
        files = yield from bench_files.codecs(folder, scale.file, effort.repeat)
        yield _now(3)
        torch_import = yield from bench_children.torch_import(effort.repeat)
        yield _now(4)
        memory: dict[str, Memory] = {}
        for megapixels in scale.memory_mpx:
            memory[f"{megapixels:g}"] = yield from bench_children.peak_memory(folder, megapixels, wish)
    yield Progress(len(_STEPS), len(_STEPS))
    return Measurements(machine(studio), peaks, passes, files, torch_import, memory)


def _now(step: int) -> Progress:
    return Progress(step, len(_STEPS), _STEPS[step])


def machine(studio: Studio) -> Machine:
    """Names what the figures belong to."""
    ready = studio.ready
    return Machine(
        device=ready.device,
        device_name=torch.cuda.get_device_name() if ready.device == "cuda" else _processor(),
        device_reason=ready.device_reason,
        dtype=ready.dtype,
        threads=torch.get_num_threads(),
        cores=os.cpu_count() or 1,
        torch=ready.torch,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
    )


def _processor() -> str:
    """The processor's kind; Python itself does not know it on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.machine()
