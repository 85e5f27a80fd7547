"""Other people's weight files: read without running anything, and refused in a sentence where they try."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import ModelError
from engine.models import checkpoints

WEIGHTS = {"body.0.weight": torch.ones(4, 3, 3, 3), "body.0.bias": torch.zeros(4, dtype=torch.float16)}


class Trap:
    """A pickle that would make a file if it ran."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(
    "wrapped", [lambda w: w, lambda w: {"params_ema": w}, lambda w: {"epoch": 3, "model": {"net": w}}]
)
def test_weights_are_found_whatever_they_are_wrapped_in(tmp_path: Path, wrapped: Callable[[Any], Any]) -> None:
    torch.save(wrapped(WEIGHTS), tmp_path / "x.pth")
    read = checkpoints.read(tmp_path / "x.pth")
    assert read.keys() == WEIGHTS.keys()
    assert all(torch.equal(read[name], value) and read[name].dtype == value.dtype for name, value in WEIGHTS.items())


def test_safetensors_are_read_into_memory_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(WEIGHTS, path)
    read = checkpoints.read(path)
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert torch.equal(read["body.0.weight"], WEIGHTS["body.0.weight"])


def test_a_malicious_pickle_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"params": WEIGHTS, "more": Trap(mark)}, tmp_path / "zipped.pth")
    torch.save(Trap(mark), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Trap(mark), protocol=2))
    for name in ("zipped", "old", "bare"):
        with pytest.raises(ModelError, match="holds more than weights and is refused: nothing in it was run"):
            checkpoints.read(tmp_path / f"{name}.pth")
    assert not mark.exists()
    torch.load(tmp_path / "zipped.pth", weights_only=False)
    assert mark.exists()  # it was armed


def test_what_is_no_weights_what_is_cut_off_and_what_holds_more_are_told_apart(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "whole.pth")
    save_file(WEIGHTS, tmp_path / "whole.safetensors")
    for ending in (".pth", ".safetensors"):
        whole, path = (tmp_path / f"whole{ending}").read_bytes(), tmp_path / f"x{ending}"
        path.write_bytes(whole[:-100])
        with pytest.raises(ModelError, match="damaged or not whole"):
            checkpoints.read(path)
        path.write_text("<!DOCTYPE html>\n<p>Sign in to download.")
        with pytest.raises(ModelError, match="not a file of weights"):
            checkpoints.read(path)
    with zipfile.ZipFile(tmp_path / "letter.pth", "w") as archive:
        archive.writestr("word/document.xml", "Dear all")
    with pytest.raises(ModelError, match="not a file of weights"):
        checkpoints.read(tmp_path / "letter.pth")


def test_an_archive_that_is_packed_or_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "x.pth")
    bomb = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "x.pth") as plain, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.namelist():
            packed.writestr(entry, plain.read(entry) if "data/0" not in entry else bytes(1 << 22))
    (tmp_path / "bomb.pth").write_bytes(bomb.getvalue())
    with pytest.raises(ModelError, match="not packed as weight files are"):
        checkpoints.read(tmp_path / "bomb.pth")


@pytest.mark.parametrize(
    "state",
    [
        {"wide.weight": torch.zeros(1).expand(1 << 20, 1 << 20)},
        {"body.999999999.weight": torch.zeros(1)},
        {"body.0.weight": torch.zeros(1, 1).to_sparse()},
        {"x" * 400: torch.zeros(1)},
    ],
)
def test_a_small_file_cannot_claim_much(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(ModelError, match="refused"):
        checkpoints.read(tmp_path / "x.pth")


def lying(header: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        lying({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4 << 40]}}, bytes(16)),
        lying({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}}, bytes(8)),
        lying({"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(8)),
        (1 << 62).to_bytes(8, "little") + b"{}",
        (20_000).to_bytes(8, "little") + b"[" * 20_000,
        b"PK\x03\x04 not a zip",
        b"\x80\x02",
    ],
)
@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_files_that_lie_or_are_damaged_are_refused(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"x\{ending}"):
        checkpoints.read(path)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, torch.zeros(3), {"a": {"b": {"c": {"d": {"e": {}}}}}}])
def test_a_file_without_weights_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(ModelError, match="no weights"):
        checkpoints.read(tmp_path / "x.pth")


@pytest.mark.parametrize("name", ["photo.jpg", "missing.pth", "empty.pth", "folder.pth"])
def test_what_is_no_weight_file_is_answered_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(ModelError, match="choose"):
        checkpoints.read(tmp_path / name)
