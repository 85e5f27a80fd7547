"""Every hot path is timed in turns with something plain on the same machine; their quotient is what is kept.

What only computes is timed on the processor's clock: on the wall's, a long call is held up by other programs and a
short one slips through between them. What waits for a disk or for another process is marked `waiting`.

Run on a quiet machine: `pytest -m benchmark`. `--benchmark-json FILE` keeps the quotients as `extra_info.ratio`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from engine.models import catalog
from engine.models.weights import load_restorer
from engine.rendering.pipeline import Pipeline
from engine.runtime.device import choose, use_threads
from engine.types import SHIPPED_MODEL

Compare = Callable[..., None]
FINE = 1e-4  # seconds; the processor's clock of some systems ticks a hundred times more coarsely
processor_time = time.process_time if time.get_clock_info("process_time").resolution < FINE else time.perf_counter
computing = pytest.mark.benchmark(timer=processor_time)
waiting = pytest.mark.benchmark(timer=time.perf_counter)
_SIDE, _CHANNELS = 192, 64  # a convolution whose tensors stay in the processor's cache
_RATIOS = pytest.StashKey[list[tuple[str, float, str]]]()


@pytest.fixture
def compare(benchmark: Any, request: pytest.FixtureRequest) -> Compare:
    """`compare(work, reference, "what the reference is", at_most=...)`.

    Fails where `work` typically takes more than `at_most` times as long as the reference just before it.
    """

    def run(
        work: Callable[[], object], reference: Callable[[], object], what: str, *, at_most: float, rounds: int = 15
    ) -> None:
        beside: list[float] = []
        clock: Callable[[], float] = request.node.get_closest_marker("benchmark").kwargs["timer"]

        def time_reference() -> None:
            start = clock()
            reference()
            beside.append(clock() - start)

        reference()
        benchmark.pedantic(work, setup=time_reference, rounds=rounds, warmup_rounds=1)
        if benchmark.stats is None:  # --benchmark-disable: the work was done once and not timed
            return
        taken = benchmark.stats.stats.data
        ratio = statistics.median(mine / its for mine, its in zip(taken, beside[-rounds:], strict=True))
        benchmark.extra_info.update(ratio=round(ratio, 3), reference=what, at_most=at_most)
        request.config.stash.setdefault(_RATIOS, []).append((request.node.name, ratio, what))
        assert ratio <= at_most, f"{ratio:.2f} times {what}, where {at_most:g} is the most that is allowed"

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The quotients, one a line."""
    for name, ratio, what in config.stash.get(_RATIOS, []):
        terminalreporter.write_line(f"{ratio:8.2f} x {what}: {name}")


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Pipeline]:
    """The shipped model as the command line would run it."""
    before = torch.get_num_threads()
    use_threads(interactive=False)
    device = choose("cpu")
    path, card = catalog.find(SHIPPED_MODEL)
    yield Pipeline(load_restorer(path, device.device, device.dtype), card, device.device, 1 << 30)
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def convolutions() -> Callable[[float], Callable[[], None]]:
    """A call that does about so many million multiplications as plain 3 x 3 convolutions in the device's format."""
    dtype = choose("cpu").dtype
    x = torch.rand(1, _CHANNELS, _SIDE, _SIDE).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(_CHANNELS, _CHANNELS, 3, 3).to(dtype).contiguous(memory_format=torch.channels_last)
    one = _SIDE * _SIDE * _CHANNELS * _CHANNELS * 9 / 1e6

    def of(million: float) -> Callable[[], None]:
        calls, rest = divmod(million, one)
        rows = max(1, round(_SIDE * rest / one))

        @torch.inference_mode()
        def run() -> None:
            for _ in range(int(calls)):
                F.conv2d(x, weight, padding=1)
            F.conv2d(x[:, :, :rows], weight, padding=1)

        return run

    return of
