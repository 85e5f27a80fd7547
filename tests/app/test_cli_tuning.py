"""`archivist finetune` against an engine that only pretends: what it says, what it ends with."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from archivist_app import cli
from archivist_app.cli import common
from archivist_app.state.model_facts import figures
from engine.types import NOTHING_BETTER, ModelCard, Progress, Tuned, Tuning, TuningBegun, TuningCheck

START = {"own_10": 22.0, "own_1": 21.0, "general_10": 24.0, "lost": 0.0, "score": 21.5}


def gained(decibels: float) -> dict[str, float]:
    return START | {"own_10": 22.0 + decibels, "lost": 0.07, "score": 21.5 + decibels}


@dataclass
class Work:
    """What runs on."""

    future: Future[Tuned] = field(default_factory=Future)

    def cancel(self) -> None:
        if not self.future.done():
            self.future.cancel()
            self.future.set_running_or_notify_cancel()


@dataclass
class Engine:
    """Measures twice and gains `gain`; one that `waits` learns until it is stopped, and then has `nothing` or that."""

    gain: float = 1.0
    waits: bool = False
    nothing: bool = False
    earlier: tuple[int, ...] = ()  # steps of measurements of an earlier sitting
    wishes: list[Tuning] = field(default_factory=list)
    work: Work = field(default_factory=Work)
    name: str = ""

    def start(self) -> None:
        """As the real one's."""

    def close(self, timeout: float = 10.0) -> None:
        """As the real one's."""

    def finetune(
        self, wish: Tuning, on_progress: Callable[[Progress], None], on_check: Callable[[TuningCheck], None]
    ) -> Engine:
        self.wishes.append(wish)
        on_progress(TuningBegun(0, 1, "measuring", ("6 are few.",)))
        for step in self.earlier:
            on_check(TuningCheck(step, START, "", best=True, earlier=True))
        on_check(TuningCheck(0, START, "", best=True))
        on_check(TuningCheck(100, gained(self.gain), "", best=self.gain > 0, seconds=78.0))
        self.name = str(Path(wish.folder) / f"{wish.name}.safetensors")
        if self.waits:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            self.stop()
        return self

    def stop(self) -> None:
        if self.nothing:
            self.work.cancel()
            return
        path = self.name if self.gain >= 0.05 else ""
        self.work.future.set_result(Tuned(path, START, gained(self.gain), (), (), 100, 78.0))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.png").write_bytes(b"")
    fake = Engine()
    monkeypatch.setattr(common, "new_service", lambda device="auto": fake)
    return fake


def finetune(*options: str) -> int:
    return cli.main(["finetune", "scans", "--name", "plates", "-o", "models", *options])


def test_every_measurement_is_a_line_beside_the_results(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune() == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "6 are few.",
        "Step 0, 0.0 min: held-out pictures 22.00 dB at alpha 10; this is the start.",
        "Step 100, 1.3 min: held-out pictures 23.00 dB at alpha 10, ordinary pictures lose 0.07 dB; the best so far.",
    ]
    assert "plates.safetensors (100 steps, 1.3 minutes)" in said.out


def test_going_on_is_said_and_repeats_no_lines(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.earlier = (0, 100)
    assert finetune() == 0
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "Went on from an earlier time; the last measurement was at step 100."
    assert [line.split(",")[0] for line in said[2:]] == ["Step 0", "Step 100"]


def test_json_stays_one_object_a_line(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("--json") == 0
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line.get("step") for line in lines] == [0, 100, None]
    assert lines[-1]["path"].endswith("plates.safetensors")
    assert not said.err


def test_where_nothing_better_was_found_it_is_said(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.gain = 0.01
    assert finetune() == 0
    said = capsys.readouterr()
    assert f"{NOTHING_BETTER} No model was written" in said.out
    assert ".safetensors" not in said.out


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What Ctrl-C does where the tests run in the background too, whose processes begin with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(os.name == "nt", reason="a process cannot interrupt itself there")
@pytest.mark.parametrize(
    ("gain", "nothing", "status", "words"),
    [
        (1.0, False, 0, "the best so far is written"),
        (0.0, False, 130, "Nothing was learned yet, so no model was written"),
        (0.0, True, 130, "No model was written; the same command goes on"),
    ],
)
def test_an_interruption_ends_with_what_there_is(
    engine: Engine, capsys: pytest.CaptureFixture[str], gain: float, nothing: bool, status: int, words: str
) -> None:
    engine.waits, engine.gain, engine.nothing = True, gain, nothing
    assert finetune() == status
    said = capsys.readouterr()
    assert words in said.err
    assert (".safetensors" in said.out) == (status == 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--kind", "pairs"), "name it with --restored"),
        (("--kind", "pairs", "--restored", "nothere"), "“nothere” of --restored does not exist"),
        (("--kind", "unpaired"), "--kind unpaired needs --wanted DIR too"),
        (("--kind", "unpaired", "--wanted", "nothere"), "“nothere” of --wanted does not exist"),
        (("--wanted", "scans"), "belong to --kind unpaired; add it"),
        (("--minutes", "0"), "more than 0 minutes and at most a day"),
        (("--kind", "weird"), "'weird' is not one of"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence_that_helps(
    engine: Engine, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert finetune(*options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Value error" not in said
    assert not engine.wishes


def test_help_says_how_a_model_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["finetune", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for words in ("archivist models import FILE", "--model NAME", "at most 1440"):
        assert words in said


def test_the_figures_of_a_tuned_model_have_names_and_units() -> None:
    metrics = {"held_out_own_10": 26.184, "held_out_texture_1": 0.912, "before_own_10": 21.57, "psnr": 24.0}
    assert figures(ModelCard("plates", "plates", origin="tuned", metrics=metrics)) == (
        "PSNR of held-out pictures at alpha 10: 26.18 dB (21.57 dB before); "
        "texture of held-out pictures at alpha 1, where their truth has 1: 0.91; psnr: 24"
    )
