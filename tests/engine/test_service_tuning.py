"""Fine-tuning through the engine's door."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import EngineError, RecipeError
from engine.models import catalog
from engine.service import EngineService
from engine.service.tuning import _key
from engine.types import SHIPPED_MODEL, Tuning

ROOT = Path(__file__).parents[2]

WATCHED = """
import importlib.abc, sys, threading

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("torch came in on", threading.current_thread().name)

sys.meta_path.insert(0, Watch())
from engine.errors import EngineError
from engine.service import EngineService
from engine.types import Tuning

service = EngineService(device="cpu")
service.start()
wish = Tuning("plates", "clean", tuple(f"/nowhere/{n}.png" for n in range(10)), sys.argv[1])
try:
    service.finetune(wish, lambda _progress: None).work.future.result(300)
except EngineError as error:
    print("refused:", error)
finally:
    service.close()
"""


def test_a_training_brings_torch_in_on_the_engine_s_thread(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "torch came in on engine"
    assert len(said) == 2
    assert said[1].startswith("refused:")  # it went on to the pictures, after all that a training needs was loaded


def refusal(wish: Tuning) -> EngineError:
    service = EngineService(device="cpu")
    service.start()
    try:
        with pytest.raises(EngineError) as refused:
            service.finetune(wish, lambda _progress: None).work.future.result(60)
    finally:
        service.close()
    return refused.value


def test_the_name_of_an_installed_model_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    wish = Tuning(SHIPPED_MODEL, "clean", ("/nowhere/1.png",), str(tmp_path))
    error = refusal(wish)
    assert isinstance(error, RecipeError)
    assert str(error).startswith(f"“{SHIPPED_MODEL}” is the id of a model that is installed already")


def test_a_file_that_is_no_tuned_model_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "plates.safetensors"
    for content in (b"something else", catalog.shipped()[0].read_bytes()):
        file.write_bytes(content)
        error = refusal(Tuning("plates", "clean", ("/nowhere/1.png",), str(tmp_path)))
        assert "exists and is no fine-tuned model" in str(error)
        assert file.read_bytes() == content


def test_replaced_pictures_do_not_go_on_with_an_old_run(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    wish = Tuning("plates", "damaged", (str(picture),), str(tmp_path))
    first = _key(wish, "0" * 64)
    assert _key(replace(wish, minutes=30.0), "0" * 64) == first  # more time for the same run
    assert _key(wish, "1" * 64) != first
    picture.write_bytes(b"another")
    assert _key(wish, "0" * 64) != first
