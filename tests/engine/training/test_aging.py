import pytest
import torch

from engine.training import optics
from engine.training.aging import MARKS, Marks, age
from engine.training.damage import Dice, Sheet
from engine.training.dataset import text_page


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    ramp = torch.linspace(0.1, 0.9, 96)
    picture = torch.stack([ramp[None, :].expand(80, -1), ramp[:80, None].expand(-1, 96), torch.full((80, 96), 0.4)])
    return picture[None].repeat(6, 1, 1, 1)


def test_the_same_seed_ages_in_the_same_way(clean: torch.Tensor) -> None:
    a, b = age(clean, 4), age(clean, 4)
    assert torch.equal(a.aged, b.aged)
    assert torch.equal(a.mask, b.mask)
    assert not torch.equal(age(clean, 5).aged, a.aged)


@pytest.mark.parametrize("seed", range(12))
def test_everything_stays_in_range(clean: torch.Tensor, seed: int) -> None:
    batch = age(clean, seed)
    for part in (batch.aged, batch.toned, batch.mask):
        assert float(part.min()) >= 0
        assert float(part.max()) <= 1
        assert bool(torch.isfinite(part).all())
    assert batch.aged.shape == clean.shape
    assert batch.mask.shape == (6, 1, 80, 96)


def test_severity_zero_leaves_the_picture_alone(clean: torch.Tensor) -> None:
    batch = age(clean, 3, severity=0.0)
    assert torch.allclose(batch.aged, clean, atol=1e-3)
    assert float(batch.mask.max()) == 0


def test_severity_is_felt(clean: torch.Tensor) -> None:
    def harm(severity: float) -> float:
        batches = [age(clean, seed, severity=severity, keep_clean=0.0) for seed in range(6)]
        return sum(float((b.aged - b.toned).abs().mean()) for b in batches)

    assert harm(0.2) < harm(0.6) < harm(1.0)


def test_truth_keeps_the_tone_and_loses_the_damage(clean: torch.Tensor) -> None:
    batch = age(clean, 8, keep_clean=0.0)
    covered = batch.mask > 0.9
    assert bool(covered.any())
    difference = (batch.aged - batch.toned).abs().mean(1, keepdim=True)
    assert difference[covered].mean() > 3 * difference[batch.mask == 0].mean()


@pytest.mark.parametrize("mark", [m for m, _ in MARKS], ids=lambda m: m.__name__)
def test_every_mark_says_where_it_is(mark: Marks) -> None:
    dice = Dice(torch.Generator().manual_seed(2))
    picture = torch.full((3, 120, 140), 0.5)
    sheet = Sheet(picture, torch.zeros(120, 140))
    for _ in range(4):
        mark(sheet, dice, 1.0)
    changed = (sheet.pixels - picture).abs().amax(0) > 0.1
    assert bool(changed.any())
    assert float((sheet.mask[changed] > 0.05).float().mean()) > 0.95


def test_blur_of_zero_is_exact_and_blur_keeps_the_mean() -> None:
    x = torch.rand(2, 3, 40, 56)
    zero, wide, angle = torch.zeros(2), torch.full((2,), 2.0), torch.zeros(2)
    assert torch.equal(optics.gaussian_blur(x, zero, zero, angle), x)
    blurred = optics.gaussian_blur(x, wide, wide, angle)
    assert blurred.shape == x.shape
    assert float(blurred.mean()) == pytest.approx(float(x.mean()), abs=0.01)
    assert float(blurred.std()) < 0.3 * float(x.std())


def test_jpeg_of_high_quality_is_nearly_the_picture_and_low_quality_is_blocky() -> None:
    ramp = torch.linspace(0, 1, 50).expand(1, 3, 37, 50)
    fine = optics.jpeg(ramp, torch.tensor([95.0]))
    coarse = optics.jpeg(ramp, torch.tensor([5.0]))
    assert fine.shape == ramp.shape
    assert float((fine - ramp).abs().max()) < 0.02 < float((coarse - ramp).abs().max())


def test_text_pages_are_text() -> None:
    page = text_page(0).float()
    assert page.shape == (3, 512, 512)
    assert float(page.std()) > 20
    assert not torch.equal(text_page(1).float(), page)
