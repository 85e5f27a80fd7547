"""Which device is chosen, and what a person is told about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.errors import EngineError
from engine.runtime import device
from engine.training.dataset import PhotoSet
from engine.training.phases import Lesson
from engine.training.presets import Phase

ROOT = Path(__file__).parents[3]


def pretend(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_asked: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Grand 4000")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def test_a_card_that_works_is_taken_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(device, "_trial", lambda card: "")
    chosen = device.choose("auto")
    assert (chosen.device.type, chosen.dtype) == ("cuda", torch.float16)
    assert "Grand 4000" in chosen.reason


def test_a_card_that_does_not_work_is_named_as_the_reason_for_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=True, mps=False)
    monkeypatch.setattr(device, "_trial", lambda card: "no kernel image is available")
    chosen = device.choose("auto")
    assert chosen.device.type == "cpu"
    assert "Grand 4000" in chosen.reason
    assert "no kernel image" in chosen.reason
    with pytest.raises(EngineError, match="no usable cuda device"):
        device.choose("cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_the_trial_of_a_card_that_is_not_there_fails_in_words() -> None:
    absent = device.Device(torch.device("cuda"), torch.float16, "")
    assert device._trial(absent)


def test_the_trial_of_what_works_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device._trial(device.Device(torch.device("cpu"), torch.float32, "")) == ""


@pytest.mark.parametrize("native", [True, False])
def test_training_halves_the_precision_only_where_the_processor_has_the_instructions(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    lesson = Lesson(PhotoSet.__new__(PhotoSet), None, Phase("joint", 1, 1e-3), torch.device("cpu"), seed=1)
    x, weight = torch.ones(1, 4, 8, 8), torch.ones(4, 4, 3, 3)
    with lesson.autocast():
        found = torch.nn.functional.conv2d(x, weight).dtype
    assert found == (torch.bfloat16 if native else torch.float32)
    assert device.processor("").dtype == found


def test_an_apple_processor_computes_in_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=False, mps=True)
    monkeypatch.setattr(device, "_trial", lambda card: "")
    chosen = device.choose("auto")
    assert (chosen.device.type, chosen.dtype) == ("mps", torch.float16)


def test_asked_for_the_processor_no_card_is_even_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=True, mps=True)
    monkeypatch.setattr(device, "_trial", lambda card: pytest.fail("a card was tried"))
    assert device.choose("cpu").device.type == "cpu"


def test_a_torch_that_does_not_load_is_a_finding_of_doctor_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libtorch_cpu.so: cannot open shared object file')")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "archivist_app", "doctor", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    (engine,) = [finding for finding in told["findings"] if finding["topic"] == "engine"]
    assert not engine["ok"]
    assert "PyTorch cannot be loaded" in engine["advice"]
    assert "libtorch_cpu.so" in engine["advice"]
