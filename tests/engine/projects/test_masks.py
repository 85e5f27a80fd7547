from pathlib import Path

import numpy as np
import pytest

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


def test_a_folder_that_is_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / MASKS).write_bytes(b"")
    with pytest.raises(WriteError):
        MaskShelf(lambda: [tmp_path]).keep(drawn(), tmp_path)
