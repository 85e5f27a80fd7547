"""Taking the time of something again and again, with a pause for other lanes between the runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator

import torch

Pauses = Generator[None, None, list[float]]
"""Steps of a measurement; the result is the seconds of each run, never empty."""


def time_calls(work: Callable[[], object], device: torch.device, *, seconds: float, at_least: int = 3) -> Pauses:
    """Runs `work` for about `seconds`, after one run that does not count: it fills caches and picks kernels."""
    work()
    wait_for(device)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < at_least or time.perf_counter() < end:
        yield None
        start = time.perf_counter()
        work()
        wait_for(device)
        taken.append(time.perf_counter() - start)
    return taken


def time_steps(make: Callable[[], Generator[object, None, object]], *, repeat: int) -> Pauses:
    """The same for work that is cut into steps and ends in main memory; `repeat` runs count, the first does not."""
    taken: list[float] = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        for _step in make():
            yield None
        taken.append(time.perf_counter() - start)
    return taken[1:]


def wait_for(device: torch.device) -> None:
    """Returns once the device has done what it was given: graphics cards answer before they begin."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def typical(taken: list[float]) -> float:
    """The median: one interruption does not move it."""
    return statistics.median(taken)
