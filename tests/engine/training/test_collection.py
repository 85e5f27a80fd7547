"""What an archive's own pictures teach, and what is said about unsuitable ones before anything starts."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import TrainingError
from engine.models.generator import Backbone, Understanding
from engine.runtime.steps import at_once
from engine.training.collection import (
    Collection,
    clean_collection,
    damaged_collection,
    in_tone_of,
    paired_collection,
    unpaired_collection,
    warnings_about,
)
from engine.training.copies import Named


def write(count: int, *, size: tuple[int, int] = (220, 200), same: bool = False) -> list[Named]:
    """Soft pictures of (width, height)."""
    pictures = []
    for number in range(count):
        coarse = np.random.default_rng(0 if same else number).integers(0, 255, (6, 7, 3), dtype=np.uint8)
        large = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        pictures.append((f"{number}.png", torch.from_numpy(np.asarray(large).copy()).permute(2, 0, 1)))
    return pictures


def scanned(pictures: list[Named]) -> list[Named]:
    """The same pictures darker, warmer and grainy."""
    rng = np.random.default_rng(9)
    shift, offset = torch.tensor([0.8, 0.7, 0.6])[:, None, None], 20
    grain = [torch.from_numpy(rng.normal(0, 8, tuple(picture.shape))) for _, picture in pictures]
    return [
        (name, (picture * shift + offset + noise).clamp(0, 255).to(torch.uint8))
        for (name, picture), noise in zip(pictures, grain, strict=True)
    ]


class Averaging(Backbone):
    """A "restoration" that averages, and finds black damaged."""

    def steps(self, x: torch.Tensor, *, keep_inner: bool = False) -> Iterator[Understanding | None]:
        y = torch.nn.functional.avg_pool2d(x, 9, stride=1, padding=4, count_include_pad=False)
        logit = 8 * (x.amax(1, keepdim=True) < 0.02).float() - 4
        yield None
        yield Understanding(y - x, x, x, x, logit)


def test_lessons_follow_from_their_seed() -> None:
    collection = clean_collection(write(5))
    one, two, other = (collection.batch(2, 64, seed) for seed in (3, 3, 4))
    assert torch.equal(one.aged, two.aged)
    assert not torch.equal(one.aged, other.aged)
    assert one.aged.shape == (2, 3, 64, 64)
    assert one.mask.shape == (2, 1, 64, 64)


def test_held_out_pictures_are_never_learned_from() -> None:
    learned, held = clean_collection(write(12)).split(seed=1)
    assert len(held) == 2
    assert set(learned.names) | set(held.names) == {f"{n}.png" for n in range(12)}
    assert not set(learned.names) & set(held.names)


def test_a_pair_s_truth_takes_on_the_tone_of_its_scan() -> None:
    after = write(4)
    collection = paired_collection(scanned(after), after)
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


def test_pairs_of_different_sizes_are_refused_by_name() -> None:
    before, after = write(4), write(4, size=(200, 200))
    with pytest.raises(TrainingError, match=r"“0\.png” and its restoration"):
        paired_collection(before, after)


def test_pairs_too_small_to_learn_from_are_refused_by_name() -> None:
    after = write(4, size=(40, 6))
    with pytest.raises(TrainingError, match=r"“0\.png” is smaller than"):
        paired_collection(after, after)


def test_what_a_person_took_out_is_in_the_mask() -> None:
    after = write(4)
    before = scanned(after)
    for _, pixels in before:
        pixels[:, 90:110] = 255
    batch = paired_collection(before, after).batch(8, 160, 5)
    assert 0.03 < float(batch.mask.mean()) < 0.25


def test_scans_alone_teach_their_own_grain_and_marks() -> None:
    scans = scanned(write(4, size=(400, 360)))
    for _, pixels in scans:
        pixels[:, 10:20, 10:40] = 0
    collection = at_once(damaged_collection(scans, Averaging()))
    assert collection.grain is not None
    assert 4 < 255 * float(collection.grain.std()) < 12
    assert abs(float(collection.grain.mean())) < 1e-3
    assert collection.marks
    batch = collection.batch(6, 96, 2)
    assert float((batch.aged - batch.toned).std()) > 0.01
    assert any("not known" in sentence for sentence in warnings_about(collection))


@pytest.mark.parametrize(
    ("count", "size", "same", "words"),
    [
        (1, (220, 200), False, "^1 picture is too few"),
        (3, (220, 200), False, "^3 pictures are too few"),
        (5, (220, 100), False, "smaller than"),
        (6, (220, 200), True, "^Of these 6 pictures all are the same"),
    ],
)
def test_unsuitable_pictures_are_named_before_the_training(
    count: int, size: tuple[int, int], same: bool, words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        clean_collection(write(count, size=size, same=same))


def saved_again(named: Named, quality: int) -> Named:
    """The same picture as a JPEG of this quality."""
    file = io.BytesIO()
    Image.fromarray(named[1].permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    return f"{quality}.jpg", torch.from_numpy(np.asarray(Image.open(file)).copy()).permute(2, 0, 1)


def test_jpegs_of_one_picture_are_not_six_pictures() -> None:
    with pytest.raises(TrainingError, match=r"^Of these 6 pictures all are the same"):
        clean_collection([saved_again(write(1)[0], quality) for quality in range(70, 100, 5)])


def test_a_copy_is_left_out_and_named_and_nothing_is_learned_from_and_held_out() -> None:
    pictures = write(5)
    collection = clean_collection([*pictures, saved_again(pictures[1], 80), *pictures[:2]])
    assert collection.names == tuple(name for name, _ in pictures)
    assert warnings_about(collection)[0].startswith("3 pictures are copies and were left out: “80.jpg” of “1.png”")
    scans = scanned(pictures)
    pairs = paired_collection([*scans, scans[2]], [*pictures, pictures[2]])
    assert len(pairs) == len(pairs.scans) == 5
    assert "1 picture is a copy" in warnings_about(pairs)[0]
    damaged = at_once(damaged_collection([*scans, scans[4]], Averaging()))
    assert len(damaged) == 5


def test_a_picture_on_both_heaps_is_found_as_another_jpeg_too() -> None:
    pictures = write(10)
    with pytest.raises(TrainingError, match=r"“2\.png” of the scans and “75\.jpg” of the wanted"):
        unpaired_collection(pictures[:5], [*pictures[5:], saved_again(pictures[2], 75)])


def test_a_pair_without_its_half_is_refused() -> None:
    pictures = write(5)
    with pytest.raises(TrainingError, match="one restoration for each"):
        paired_collection(pictures, pictures[:4])


def test_few_pictures_are_warned_about() -> None:
    collection: Collection = clean_collection(write(5))
    assert "few" in warnings_about(collection)[0]
    assert not warnings_about(clean_collection(write(10)))
