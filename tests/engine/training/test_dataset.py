"""What is drawn from the pictures there are to learn from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.training.dataset import PhotoSet, Pictures
from engine.training.phases import Lesson
from engine.training.presets import DOTS, Phase


def ramp() -> Tensor:
    """Bright above, dark below, so that what was turned shows; in colour, so that what was made grey does."""
    rows = torch.linspace(250, 60, 128).round().to(torch.uint8)
    picture = rows[None, :, None].expand(3, 128, 128).clone()
    picture[2] //= 2
    return picture


def test_a_seed_draws_the_same_parts() -> None:
    pictures = Pictures([ramp()])
    one, again, other = (pictures.batch(4, 48, seed) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_pictures_stand_upright_or_lie_and_never_hang() -> None:
    batch = Pictures([ramp()]).batch(200, 48, 1)
    above, below = batch[:, :, :24].mean((1, 2, 3)), batch[:, :, 24:].mean((1, 2, 3))
    assert not bool((below > above + 0.02).any())
    assert 120 < int((above > below + 0.02).sum()) < 180  # the others lie on a side


def test_half_of_the_pictures_are_grey() -> None:
    batch = Pictures([ramp()]).batch(200, 32, 2)
    grey = (batch - batch.mean(1, keepdim=True)).abs().amax((1, 2, 3)) < 1e-5
    assert 75 < int(grey.sum()) < 125


def test_one_in_twelve_is_a_page_of_text() -> None:
    dark = torch.zeros(3, 128, 128, dtype=torch.uint8)
    batch = Pictures([dark], pages=2).batch(300, 32, 3)
    assert 8 <= int((batch.mean((1, 2, 3)) > 0.3).sum()) <= 48


def test_varied_pictures_hang_too_and_some_are_negatives() -> None:
    batch = Pictures([ramp()]).batch(200, 48, 1, varied=True)
    above, below = batch[:, :, :24].mean((1, 2, 3)), batch[:, :, 24:].mean((1, 2, 3))
    assert 50 < int((below > above + 0.02).sum()) < 100  # of the 150 that do not lie
    blue, red = batch[:, 2].mean((1, 2)), batch[:, 0].mean((1, 2))  # half as much blue, or in a negative more
    assert 2 <= int((blue > red + 0.02).sum()) <= 20  # one in twelve of the hundred in colour


def test_most_of_what_is_taught_in_dots_is_writing() -> None:
    pictures = Pictures([torch.zeros(3, 128, 128, dtype=torch.uint8)], pages=2)
    for singles, least, most in (((DOTS,), 40, 60), ((("grain",),), 0, 16)):
        phase = Phase("content", 1, 1e-3, batch=80, size=32, single=1.0, singles=singles)
        clean = Lesson(pictures, None, phase, torch.device("cpu"), 5).aged().clean
        assert least <= int((clean.mean((1, 2, 3)) > 0.3).sum()) <= most, singles


def test_what_is_no_photograph_of_the_folder_is_passed_over_or_refused(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(b"what one system leaves beside a file")
    assert len(PhotoSet(tmp_path, pages=0).photos) == 1
    Image.new("F", (64, 64)).save(tmp_path / "b.tif")
    with pytest.raises(ValueError, match=r"“b\.tif” is in floating point"):
        PhotoSet(tmp_path, pages=0)


def test_a_photograph_of_too_many_pixels_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"“a\.png” is too large"):
        PhotoSet(tmp_path, pages=0)


def test_the_severity_of_a_batch_says_nothing_of_its_first_picture() -> None:
    pictures = Pictures([torch.zeros(3, 64, 64, dtype=torch.uint8)], pages=1)
    phase, severities = Phase("content", 1, 1e-3, batch=1, size=32, single=0.5), []
    alone = 0
    for seed in range(600):
        page = float(pictures.batch(1, 32, seed).mean()) > 0.3
        severity, only = Lesson(pictures, None, phase, torch.device("cpu"), seed).damage()
        if page:
            severities.append(severity)
            alone += only is not None
    assert len(severities) > 20
    assert max(severities) > 0.9
    assert 0.2 < alone / len(severities) < 0.8
