"""Measuring a folder of restorations against the truth."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.errors import ImageError
from engine.evaluation.benchmark import RIVALS, aged_from, as_it_is, evaluate, non_local_means, pair, pairs_of
from engine.types import Progress

T = TypeVar("T")
Pixels = NDArray[np.uint8]


def scene(seed: int, noise: float = 0.0) -> Pixels:
    y, x = np.mgrid[0:48, 0:64] / 64
    values = np.stack([x, y, np.sin(9 * x) * 0.3 + 0.5], axis=2) * 0.5 + 0.2
    values = values + np.random.default_rng(seed).normal(0.0, noise, values.shape)
    return np.asarray(np.clip(np.rint(values * 255), 0, 255), dtype=np.uint8)


def write(folder: Path, name: str, pixels: Pixels) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    Image.fromarray(pixels).save(path)
    return path


def folders(tmp_path: Path, count: int = 2) -> tuple[Path, Path]:
    clean, aged = tmp_path / "clean", tmp_path / "aged"
    for number in range(count):
        write(clean, f"{number}.png", scene(number))
        write(aged, f"{number}.png", scene(number, noise=0.08))
    return clean, aged


def run(steps: Generator[Progress, None, T]) -> tuple[list[Progress], T]:
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            return seen, stop.value


def test_every_candidate_is_measured_on_every_pair(tmp_path: Path) -> None:
    clean, aged = folders(tmp_path)
    truth = {scene(number, noise=0.08).tobytes(): scene(number) for number in range(2)}
    progress, result = run(
        evaluate(pairs_of(clean, aged), {**RIVALS, "perfect": lambda pixels: truth[pixels.tobytes()]})
    )
    assert result.pairs == 2
    assert set(result.candidates) == {"input", "non-local means", "perfect"}
    assert result.candidates["perfect"]["ssim"] == pytest.approx(1.0)
    assert result.candidates["perfect"]["psnr"] == float("inf")
    assert result.candidates["non-local means"]["fitted_psnr"] > result.candidates["input"]["fitted_psnr"] + 1.0
    assert result.candidates["input"]["seconds_per_megapixel"] >= 0.0
    assert [step.done for step in progress] == list(range(7))
    assert {step.total for step in progress} == {6}


def test_pairs_are_found_by_name_whatever_the_kind(tmp_path: Path) -> None:
    clean = write(tmp_path / "clean", "a.png", scene(0))
    aged = write(tmp_path / "aged", "a.jpg", scene(0))
    (tmp_path / "aged" / "notes.txt").write_text("not a picture")
    assert pair(tmp_path / "clean", tmp_path / "aged") == ((clean, aged),)


def test_a_picture_without_its_other_half_is_named(tmp_path: Path) -> None:
    clean, aged = folders(tmp_path)
    write(aged, "lonely.png", scene(0))
    with pytest.raises(ImageError, match="“lonely” is in only one"):
        pair(clean, aged)


def test_folders_that_are_none_or_empty_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is not a folder"):
        pair(tmp_path / "gone", tmp_path)
    with pytest.raises(ImageError, match="holds no pictures"):
        pair(tmp_path, tmp_path)


def test_a_name_is_the_same_however_its_accents_are_stored(tmp_path: Path) -> None:
    clean, aged = folders(tmp_path)
    write(clean, "Mo\u0308we.png", scene(0))
    write(aged, "M\u00f6we.png", scene(0))
    (clean / "more.png").mkdir()
    assert len(pair(clean, aged)) == 3


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    clean, aged = folders(tmp_path)
    write(clean, "1.jpg", scene(0))
    with pytest.raises(ImageError, match="two pictures called “1”"):
        pair(clean, aged)


@pytest.mark.parametrize(
    ("clean", "sentence"),
    [
        (scene(0), "differs in size"),
        (scene(0)[:7, :7], "too small"),
        (np.full((20, 20, 3), 200, np.uint8), "one even colour"),  # a blank verso, which gain and offset reach
    ],
)
def test_pictures_that_cannot_be_compared_are_told_in_a_sentence(tmp_path: Path, clean: Pixels, sentence: str) -> None:
    write(tmp_path / "clean", "a.png", clean)
    write(tmp_path / "aged", "a.png", np.zeros((min(20, clean.shape[0]),) * 2 + (3,), np.uint8))
    with pytest.raises(ImageError, match=sentence):
        run(evaluate(pairs_of(tmp_path / "clean", tmp_path / "aged"), {"input": as_it_is}))


def test_non_local_means_keeps_shape_and_type() -> None:
    restored = non_local_means(scene(0, noise=0.05))
    assert restored.shape == (48, 64, 3)
    assert restored.dtype == np.uint8


def test_clean_pictures_are_aged_by_number_and_further_figures_are_kept(tmp_path: Path) -> None:
    clean, _ = folders(tmp_path)
    pairs = aged_from(clean, lambda pixels, number: np.full_like(pixels, 10 * number))
    assert [pair.name for pair in pairs] == ["0", "1"]
    assert int(pairs[1].read()[1].max()) == 10
    _, result = run(evaluate(pairs, {"input": as_it_is}, {"mean": lambda output, truth: float(output.mean())}))
    assert result.candidates["input"]["mean"] == 5.0
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        aged_from(tmp_path / "none", lambda pixels, number: pixels)
