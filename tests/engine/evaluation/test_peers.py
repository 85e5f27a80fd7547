"""Other people's networks: read without running anything, refused in words, tiled without seams."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import ModelError
from engine.evaluation import peers

CPU = torch.device("cpu")


def saved(folder: Path, wrapped: bool = True) -> Path:
    torch.manual_seed(1)
    state = peers.Compact(8, 2, 4).state_dict()
    path = folder / "peer.pth"
    torch.save({"params": state} if wrapped else state, path)
    return path


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_size_of_a_network_is_read_off_its_tensors(tmp_path: Path, wrapped: bool) -> None:
    net = peers.load(saved(tmp_path, wrapped), CPU, torch.float32)
    assert (net.scale, len(net.body)) == (4, 7)
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    assert peers.candidate(net)(pixels).shape == pixels.shape


def test_tiles_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = peers.load(saved(tmp_path), CPU, torch.float32)
    x = torch.rand(1, 3, 40, 50)
    whole = peers.enlarge(net, x)
    monkeypatch.setattr(peers, "_TILE", 16)
    monkeypatch.setattr(peers, "_HALO", 4)
    assert torch.allclose(peers.enlarge(net, x), whole, atol=1e-5)


class Trap:
    """A pickle that would make a file if it ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


def test_files_that_are_no_network_are_refused_and_run_nothing(tmp_path: Path) -> None:
    trap = tmp_path / "trap.pth"
    trap.write_bytes(pickle.dumps(Trap(tmp_path / "ran"), protocol=2))
    torch.save({"params": {"conv.weight": torch.zeros(3, 3)}}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("hello")
    for name in ("trap", "other", "list", "text", "missing"):
        with pytest.raises(ModelError):
            peers.load(tmp_path / f"{name}.pth", CPU, torch.float32)
    assert not (tmp_path / "ran").exists()
