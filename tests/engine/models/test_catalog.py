import json
from pathlib import Path

import pytest
import torch

from engine.errors import ModelError
from engine.models import catalog, weights
from engine.types import SHIPPED_MODEL


def test_shipped_model_has_a_card_that_matches_its_file() -> None:
    path, card = catalog.find(SHIPPED_MODEL)
    assert card.id == SHIPPED_MODEL
    assert len(card.sha256) == 64
    assert card.licence
    assert card.description
    assert path.stat().st_size < 16_000_000


def test_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=SHIPPED_MODEL):
        catalog.find("nobody")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        (20).to_bytes(8, "little") + b'{"__metadata__": {}}',
        (2).to_bytes(8, "little") + b"[]",
        (10**9).to_bytes(8, "little") + b"{}",
    ],
)
def test_files_that_are_no_models_are_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        catalog.read_card(file)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    path, _ = catalog.find(SHIPPED_MODEL)
    short = tmp_path / "short.safetensors"
    short.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError):
        weights.load_restorer(short, torch.device("cpu"), torch.float32)


def test_weights_of_other_networks_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    weights.save_restorer(other, {"backbone.stem.weight": torch.zeros(1)}, {"id": "other"})
    with pytest.raises(ModelError, match="another version"):
        weights.load_restorer(other, torch.device("cpu"), torch.float32)


def test_unknown_facts_of_a_card_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "new.safetensors"
    weights.save_restorer(file, {}, {"id": "new", "title": "New", "from_the_future": json.dumps([1])})
    assert catalog.read_card(file).title == "New"
