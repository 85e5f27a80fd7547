"""What an archive's own pictures teach, and what is said about unsuitable ones before anything starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import TrainingError
from engine.training.collection import (
    Collection,
    clean_collection,
    damaged_collection,
    in_tone_of,
    paired_collection,
    warnings_about,
)


def write(folder: Path, count: int, *, size: tuple[int, int] = (220, 200), same: bool = False) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        coarse = np.random.default_rng(0 if same else number).integers(0, 255, (6, 7, 3), dtype=np.uint8)
        paths.append(folder / f"{number}.png")
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def scanned(paths: list[Path], folder: Path) -> list[Path]:
    """The same pictures darker, warmer and grainy."""
    folder.mkdir()
    rng = np.random.default_rng(9)
    for path in paths:
        x = np.asarray(Image.open(path)).astype(float) * (0.8, 0.7, 0.6) + 20
        x = x + rng.normal(0, 8, x.shape)
        Image.fromarray(x.clip(0, 255).astype(np.uint8)).save(folder / path.name)
    return [folder / path.name for path in paths]


def flat_restore(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A "restoration" that averages, and finds a block damaged."""
    y = torch.nn.functional.avg_pool2d(x, 9, stride=1, padding=4, count_include_pad=False)
    damage = torch.zeros_like(x[:, :1])
    damage[..., 10:30, 10:30] = 0.9
    return y, damage


def test_lessons_follow_from_their_seed(tmp_path: Path) -> None:
    collection = clean_collection(write(tmp_path / "a", 5))
    one, two, other = (collection.batch(2, 64, seed) for seed in (3, 3, 4))
    assert torch.equal(one.aged, two.aged)
    assert not torch.equal(one.aged, other.aged)
    assert one.aged.shape == (2, 3, 64, 64)
    assert one.mask.shape == (2, 1, 64, 64)


def test_held_out_pictures_are_never_learned_from(tmp_path: Path) -> None:
    learned, held = clean_collection(write(tmp_path / "a", 12)).split(seed=1)
    assert len(held) == 2
    assert set(learned.names) | set(held.names) == {f"{n}.png" for n in range(12)}
    assert not set(learned.names) & set(held.names)


def test_a_pair_s_truth_takes_on_the_tone_of_its_scan(tmp_path: Path) -> None:
    after = write(tmp_path / "after", 4)
    collection = paired_collection(scanned(after, tmp_path / "before"), after)
    for scan, truth in zip(collection.scans, collection.truth, strict=True):
        error = (scan.float() - truth.float()).abs().mean((1, 2))
        assert error.max() < 8  # the grain's own size: the tone is gone from it


def test_damage_does_not_move_the_tone_that_is_found() -> None:
    truth = torch.randint(0, 255, (3, 25, 25), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    truth = truth.repeat_interleave(8, 1).repeat_interleave(8, 2)
    scan = (truth.float() * 0.5 + 50).to(torch.uint8)
    scan[:, :40, :40] = 255
    toned = in_tone_of(truth, scan)
    assert (toned.float() - scan.float())[:, 48:, 48:].abs().mean() < 6


def test_pairs_of_different_sizes_are_refused_by_name(tmp_path: Path) -> None:
    before, after = write(tmp_path / "b", 4), write(tmp_path / "a", 4, size=(200, 200))
    with pytest.raises(TrainingError, match=r"“0\.png” and its restoration"):
        paired_collection(before, after)


def test_what_a_person_took_out_is_in_the_mask(tmp_path: Path) -> None:
    after = write(tmp_path / "a", 4)
    before = scanned(after, tmp_path / "b")
    for path in before:
        with Image.open(path) as image:
            pixels = np.asarray(image).copy()
        pixels[90:110] = 255
        Image.fromarray(pixels).save(path)
    batch = paired_collection(before, after).batch(8, 160, 5, rehearse=0.0)
    assert 0.03 < float(batch.mask.mean()) < 0.25


def test_scans_alone_teach_their_own_grain_and_marks(tmp_path: Path) -> None:
    paths = scanned(write(tmp_path / "a", 4, size=(400, 360)), tmp_path / "b")
    collection = damaged_collection(paths, flat_restore)
    assert collection.grain is not None
    assert 4 < 255 * float(collection.grain.std()) < 12
    assert abs(float(collection.grain.mean())) < 1e-3
    assert collection.marks
    batch = collection.batch(6, 96, 2, rehearse=0.0)
    assert float((batch.aged - batch.toned).std()) > 0.01
    assert any("not known" in sentence for sentence in warnings_about(collection))


@pytest.mark.parametrize(
    ("count", "size", "same", "words"),
    [(3, (220, 200), False, "too few"), (5, (220, 100), False, "smaller than"), (6, (220, 200), True, "different")],
)
def test_unsuitable_pictures_are_named_before_the_training(
    tmp_path: Path, count: int, size: tuple[int, int], same: bool, words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        clean_collection(write(tmp_path / "a", count, size=size, same=same))


def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    paths = write(tmp_path / "a", 4)
    paths[2].write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"“2\.png” cannot be read"):
        clean_collection(paths)


def test_few_pictures_are_warned_about(tmp_path: Path) -> None:
    collection: Collection = clean_collection(write(tmp_path / "a", 5))
    assert "few" in warnings_about(collection)[0]
    assert not warnings_about(clean_collection(write(tmp_path / "b", 10)))
