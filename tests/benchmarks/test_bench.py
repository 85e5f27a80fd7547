"""`archivist bench` tells what it promises to tell. How fast anything is plays no part here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from archivist_app.cli import bench_report, bench_windows
from engine.errors import EngineError, RecipeError
from engine.evaluation import bench_children
from engine.evaluation.bench import Measurements, Scale, bench
from engine.evaluation.bench_files import KINDS, photograph
from engine.evaluation.bench_memory import peak_bytes
from engine.evaluation.bench_speed import Effort, backbone_macs, head_macs
from engine.models.generator import Backbone, Head
from engine.rendering.studio import Studio
from engine.types import Progress

T = TypeVar("T")
TINY = Scale(picture=(160, 96), file=(64, 48), memory_mpx=(0.01,), effort=Effort(seconds=0.01, repeat=1))
ROOT = Path(__file__).parents[2]


def result(steps: Generator[object, None, T], told: Callable[[object], None] = lambda step: None) -> T:
    while True:
        try:
            told(next(steps))
        except StopIteration as stop:
            found: T = stop.value
            return found


@pytest.fixture(scope="module")
def steps() -> list[object]:
    """What the measurement yielded on its way; filled by `found`."""
    return []


@pytest.fixture(scope="module")
def found(steps: list[object]) -> Measurements:
    threads = torch.get_num_threads()
    studio = Studio("cpu", interactive=True, cache_bytes=1 << 26)
    try:
        return result(bench(studio, "cpu", TINY), steps.append)
    finally:
        torch.set_num_threads(threads)


def figures(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for item in value.values():
            yield from figures(item)
    elif isinstance(value, int | float):
        yield value


def test_every_figure_is_there_finite_and_above_nothing(found: Measurements) -> None:
    told = asdict(found)
    assert json.loads(json.dumps(told)) == told
    assert all(math.isfinite(figure) and figure > 0 for figure in figures(told))
    assert {kind.name for kind in KINDS} == found.files.keys()
    assert found.peak_gmac_s.keys() >= {"float32", "bfloat16", found.machine.dtype}
    assert all(rates.keys() == {"32", "64"} for rates in found.peak_gmac_s.values())
    assert found.torch_import_s is not None


def test_shares_and_ratios_follow_from_the_speeds_beside_them(found: Measurements) -> None:
    passes, peak = found.passes, max(found.peak_gmac_s[found.machine.dtype].values())
    assert passes.picture_mpx == pytest.approx(160 * 96 / 1e6)
    assert passes.full_pass_gmac_s == pytest.approx(passes.kmac_per_px / passes.full_pass_ms_mpx * 1e3)
    assert passes.full_pass_share == pytest.approx(passes.full_pass_gmac_s / peak)
    assert passes.tick_to_full_pass == pytest.approx(passes.tick_ms_mpx / passes.full_pass_ms_mpx)
    assert passes.computed_share >= passes.full_pass_share * 0.999


def test_a_restoration_in_its_own_process_tells_its_peak(found: Measurements) -> None:
    peak = found.peak_memory["0.01"].main_mb
    assert peak is not None
    assert 50 < peak < 5000


def test_the_networks_cost_what_their_design_says() -> None:
    assert backbone_macs(Backbone()) == pytest.approx(56_300, rel=0.02)
    assert head_macs(Head()) == pytest.approx(2_502, rel=0.001)


def test_the_peak_grows_with_what_is_held() -> None:
    before = peak_bytes()
    held = np.ones(200_000_000, np.uint8)
    after = peak_bytes()
    assert before is not None
    assert after is not None
    assert held[-1] == 1
    now = int(Path("/proc/self/statm").read_text().split()[1]) * 4096 if sys.platform == "linux" else after
    assert after >= max(before, now * 0.99)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_a_child_that_fails_leaves_its_figure_out(code: str) -> None:
    assert result(bench_children._answer(["-c", code])) is None


def test_a_bundle_without_a_python_leaves_out_what_needs_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert result(bench_children.torch_import(3)) is None
    assert result(bench_children.peak_memory(tmp_path, 0.01, "cpu")) == bench_children.Memory()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a process by signal 0")
def test_stopping_the_measurement_stops_its_child(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(60)"
    steps = bench_children._answer(["-c", code])
    deadline = time.monotonic() + 20
    while not (told.exists() and told.read_text()):
        next(steps)
        assert time.monotonic() < deadline
    steps.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_the_measured_picture_is_the_size_asked_for_and_no_plain_surface() -> None:
    picture = photograph(700, 30)
    assert picture.shape == (30, 700, 3)
    assert picture.std() > 20


def test_progress_goes_from_nothing_to_everything(found: Measurements, steps: list[object]) -> None:
    told = [step for step in steps if isinstance(step, Progress)]
    assert [step.done for step in told] == list(range(len(told)))
    assert told[-1].done == told[-1].total
    assert len(steps) > 20  # and between them others have their turn


class FakeService:
    """Answers `bench` at once."""

    def __init__(self, found: Measurements) -> None:
        self.future: Future[Measurements] = Future()
        self.future.set_result(found)

    def warm(self) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def bench(self, _on_progress: object) -> FakeService:
        return self

    def cancel(self) -> None:
        raise AssertionError("nobody asked to stop")


WINDOW = {"first_window_s": 0.3, "bare_window_s": 0.2, "answering_s": 0.7, "first_window_ratio": 1.5}


def test_the_command_tells_one_json_object(
    found: Measurements, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_report, "time_windows", lambda _rounds: bench_report.Windows(0.3, 0.2, 0.7, 1.5))
    service: Any = FakeService(found)
    bench_report.show(bench_report.measure(service, lambda _step: None), as_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["window"] == WINDOW
    assert told["passes"]["full_pass_share"] == found.passes.full_pass_share


def test_the_table_puts_what_is_wanted_beside_what_was_found(
    found: Measurements, capsys: pytest.CaptureFixture[str]
) -> None:
    record = asdict(found) | {"window": WINDOW}
    bench_report.show(record | {"torch_import_s": None}, as_json=False)
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    wanted = {row[0]: row[2] for row in rows[1:] if row[2]}
    assert set(wanted.values()) == {">= 0.5", "<= 0.15", "<= 1.5"}
    assert ["import torch", "not measured", ""] in rows


def test_the_windows_are_painted_and_then_gone() -> None:
    code = "from archivist_app.cli import bench_report; bench_report.run_probe('ours')"
    for command in (*map(bench_report.command, ("bare", "answering")), [sys.executable, "-c", code]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, bench_windows.READY), done.stderr


def test_a_window_that_does_not_open_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_report, "command", lambda _probe: [sys.executable, "-c", "pass"])
    with pytest.raises(EngineError, match="No window opened"):
        bench_report.time_windows(1)


def test_an_unknown_probe_is_refused() -> None:
    with pytest.raises(RecipeError, match="no probe"):
        bench_report.run_probe("nothing")
