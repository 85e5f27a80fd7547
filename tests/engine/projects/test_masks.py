import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import RecipeError, WriteError
from engine.projects.masks import MASKS, MaskShelf


def drawn(seed: int = 0) -> np.ndarray:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 5 + seed : 30] = 255
    mask[12, 8] = 77  # a soft edge survives
    return mask


def test_a_mask_comes_back_from_the_projects_folder(tmp_path: Path) -> None:
    mask = MaskShelf(lambda: []).keep(drawn(), tmp_path)
    assert [path.name for path in (tmp_path / MASKS).iterdir()] == [f"{mask}.png"]
    again = MaskShelf(lambda: [tmp_path / "other", tmp_path])
    assert np.array_equal(again.get(mask), drawn())


def test_equal_masks_are_one_file_and_different_ones_are_not(tmp_path: Path) -> None:
    shelf = MaskShelf(lambda: [tmp_path])
    assert shelf.keep(drawn(), tmp_path) == shelf.keep(drawn(), tmp_path) != shelf.keep(drawn(3), tmp_path)
    assert len(list((tmp_path / MASKS).iterdir())) == 2


def test_a_mask_of_no_project_lives_as_long_as_the_program() -> None:
    shelf = MaskShelf(lambda: [])
    assert np.array_equal(shelf.get(shelf.keep(drawn(), None)), drawn())
    with pytest.raises(RecipeError, match="missing"):
        MaskShelf(lambda: []).get(shelf.keep(drawn(), None))


@pytest.mark.parametrize("mask", ["", "../../secret", "0" * 64, "Z" * 64])
def test_an_id_that_names_no_mask_is_refused(tmp_path: Path, mask: str) -> None:
    with pytest.raises(RecipeError):
        MaskShelf(lambda: [tmp_path]).get(mask)


def test_a_file_that_was_changed_is_no_longer_that_mask(tmp_path: Path) -> None:
    mask = MaskShelf(lambda: []).keep(drawn(), tmp_path)
    path = tmp_path / MASKS / f"{mask}.png"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecipeError, match="changed"):
        MaskShelf(lambda: [tmp_path]).get(mask)


def test_a_mask_larger_than_any_photograph_other_libraries_open_comes_back(tmp_path: Path) -> None:
    mask = np.zeros((10_000, 18_000), np.uint8)
    mask[5000:5003, 100:17_000] = 200
    name = MaskShelf(lambda: []).keep(mask, tmp_path)
    assert (tmp_path / MASKS / f"{name}.png").stat().st_size < 1 << 20
    assert np.array_equal(MaskShelf(lambda: [tmp_path]).get(name), mask)


@pytest.mark.parametrize("mode", ["RGB", "I;16", "1", "P"])
def test_a_picture_of_another_kind_is_no_mask(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (40, 30)).save(tmp_path / "x.png")
    encoded = (tmp_path / "x.png").read_bytes()
    name = hashlib.sha256(encoded).hexdigest()
    (tmp_path / MASKS).mkdir()
    (tmp_path / MASKS / f"{name}.png").write_bytes(encoded)
    with pytest.raises(RecipeError, match="damaged"):
        MaskShelf(lambda: [tmp_path]).get(name)


def test_a_header_that_promises_more_than_follows_is_told(tmp_path: Path) -> None:
    name = MaskShelf(lambda: []).keep(drawn(), tmp_path)
    encoded = bytearray((tmp_path / MASKS / f"{name}.png").read_bytes())
    for size in (1 << 31, 1 << 15):
        encoded[16:24] = struct.pack(">II", size, size)
        other = hashlib.sha256(encoded).hexdigest()
        (tmp_path / MASKS / f"{other}.png").write_bytes(encoded)
        with pytest.raises(RecipeError, match="damaged"):
            MaskShelf(lambda: [tmp_path]).get(other)


def test_a_folder_that_is_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / MASKS).write_bytes(b"")
    with pytest.raises(WriteError):
        MaskShelf(lambda: [tmp_path]).keep(drawn(), tmp_path)
