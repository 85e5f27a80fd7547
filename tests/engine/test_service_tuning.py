"""Fine-tuning through the engine's door."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import EngineError, RecipeError
from engine.models import catalog
from engine.projects.atomic import check_writable
from engine.service import EngineService
from engine.service.tuning import _key
from engine.types import SHIPPED_MODEL, Tuned, Tuning

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


def tuned_file(path: Path, order: str) -> bytes:
    """What a fine-tuning of this order wrote, as far as its header."""
    _, card = catalog.find(SHIPPED_MODEL)
    about = {"id": path.stem, "origin": "tuned", "order": order, "base": {"id": card.id, "sha256": card.sha256}}
    path.parent.mkdir(exist_ok=True)
    save_file({"x": torch.zeros(1)}, path, metadata={"card": json.dumps(about)})
    return path.read_bytes()


@pytest.mark.parametrize("where", ["models", "own"])
def test_another_collection_s_model_of_that_name_is_not_replaced_unasked(tmp_path: Path, where: str) -> None:
    service = EngineService(device="cpu")
    folder = tmp_path / "models" if where == "models" else service._own_models
    folder.parent.mkdir(parents=True, exist_ok=True)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"none")
    wish = Tuning("plates", "clean", (str(picture),), str(tmp_path / "models"))
    content = tuned_file(folder / "plates.safetensors", "another")
    try:
        error = refusal(wish)
        assert isinstance(error, RecipeError)
        assert "not taught by these pictures" in str(error)
        assert str(folder) in str(error)
        assert (folder / "plates.safetensors").read_bytes() == content
        tuned_file(folder / "plates.safetensors", _key(wish, catalog.sha256_of(catalog.shipped()[0])))
        for welcome in (wish, replace(wish, overwrite=True)):
            assert "a.png" in str(refusal(welcome))  # it went on to the pictures
            tuned_file(folder / "plates.safetensors", "another")
    finally:
        (folder / "plates.safetensors").unlink()
        service.close()


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_read(tmp_path: Path) -> None:
    file = tmp_path / "scan.png"
    file.write_bytes(b"none")
    for folder, words in ((file, "is a file and no folder"), (file / "models", "was not saved")):
        error = refusal(Tuning("plates", "clean", (str(file),), str(folder)))
        assert words in str(error)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.png"]


def test_trying_a_folder_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b" / "plates.safetensors")
    assert not list(tmp_path.iterdir())


def test_replaced_pictures_do_not_go_on_with_an_old_run(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    wish = Tuning("plates", "damaged", (str(picture),), str(tmp_path))
    first = _key(wish, "0" * 64)
    assert _key(replace(wish, minutes=30.0), "0" * 64) == first  # more time for the same run
    assert _key(wish, "1" * 64) != first
    picture.write_bytes(b"another")
    assert _key(wish, "0" * 64) != first


def test_a_style_that_cannot_be_kept_costs_no_model(own_home: Path) -> None:
    service = EngineService(device="cpu")
    done = Tuned("m.safetensors", {}, {}, ("Learned.",), (), 1, 1.0, (0.5,) * 64)
    kept = service._with_style("plates", done)
    assert (kept, [card.id for card in service.styles()][-1]) == (done, "collection-plates")
    (file,) = own_home.rglob("styles.json")
    file.write_text("{")
    first, second = service._with_style("plates", done).told
    assert first == "Learned."
    assert "was not kept" in second
    assert "restore it from a backup" in second
