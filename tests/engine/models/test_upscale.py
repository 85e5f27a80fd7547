from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from engine.models.generator import room
from engine.models.upscale import (
    CELL,
    NOISE,
    REACH,
    UPSCALES,
    Given,
    Interpolated,
    Upscaler,
    condition,
    crispness,
    enlarge,
)


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    torch.manual_seed(0)
    made = Upscaler().eval().requires_grad_(False)
    for parameter in made.parameters():  # zero-initialised layers would hide what they do
        torch.nn.init.normal_(parameter, std=0.05)
    return made


def pictures(height: int, width: int) -> Given:
    """Something for the tail to look at."""
    generator = torch.Generator().manual_seed(5)
    x, r = torch.rand(2, 1, 3, height, width, generator=generator)
    damage = torch.rand(1, 1, height, width, generator=generator)
    noise = torch.rand(1, NOISE, height // CELL, width // CELL, generator=generator) * 2 - 1
    return Given(x, 0.2 * (r - 0.5), damage, noise)


def z(alpha: float = 1.0, scale: int = 2) -> torch.Tensor:
    return condition(torch.tensor([alpha]), scale)


@pytest.mark.parametrize("scale", UPSCALES)
def test_enlargement_is_the_bicubic_one_everybody_knows(scale: int) -> None:
    picture = np.random.default_rng(1).random((20, 23)).astype(np.float32)
    size = (23 * scale, 20 * scale)
    known = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    ours = enlarge(torch.from_numpy(picture)[None, None], scale)[0, 0].numpy()
    inside = slice(2 * scale, -2 * scale)  # at the border Pillow leaves out what is missing, here it repeats
    assert ours.shape == known.shape
    assert np.abs(ours - known)[inside, inside].max() < 1e-5


@pytest.mark.parametrize("scale", UPSCALES)
def test_it_is_the_same_whichever_way_it_is_computed(scale: int) -> None:
    x = torch.rand(2, 3, 9, 14, generator=torch.Generator().manual_seed(4))
    other = enlarge(x.double(), scale)
    assert torch.allclose(enlarge(x, scale), other.float(), atol=1e-6)


@pytest.mark.parametrize("scale", UPSCALES)
def test_a_part_enlarged_with_its_surroundings_is_the_part_of_the_whole(scale: int) -> None:
    x = 255 * torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(4))
    whole, part = enlarge(x, scale), enlarge(x[:, :, 11:31, 7:43], scale)
    inside = slice(2 * scale, -2 * scale)
    assert torch.equal(part[..., inside, inside], whole[..., 13 * scale : 29 * scale, 9 * scale : 41 * scale])


@pytest.mark.parametrize("scale", UPSCALES)
def test_a_flat_picture_stays_flat_when_enlarged(scale: int) -> None:
    flat = torch.full((1, 2, 5, 3), 0.3)
    assert (enlarge(flat, scale) - 0.3).abs().max() < 1e-6


@pytest.mark.parametrize("scale", UPSCALES)
def test_a_new_tail_adds_hardly_anything_to_a_little_of_the_mending(scale: int) -> None:
    given = pictures(16, 24)
    made = Upscaler().requires_grad_(False)(given, z(scale=scale), scale)
    assert made.shape == (1, 3, 16 * scale, 24 * scale)
    assert (made - enlarge(torch.tensor(-2.0).sigmoid() * given.r, scale)).abs().max() < 0.05


@pytest.mark.parametrize("scale", UPSCALES)
def test_folded_tail_computes_what_the_conditioned_one_does(upscaler: Upscaler, scale: int) -> None:
    given, at = pictures(16, 24), z(3.0, scale)
    assert torch.allclose(upscaler(given, at, scale), upscaler.fold(at, scale)(given), atol=1e-5)


@pytest.mark.parametrize("scale", UPSCALES)
def test_a_bounded_tail_folds_too_and_moves_no_pixel_farther_than_its_room(upscaler: Upscaler, scale: int) -> None:
    given, at = pictures(16, 24), z(0.1, scale)
    bounded = upscaler(given, at, scale, 1.0)
    both = Interpolated(upscaler, upscaler).fold(at, scale)
    assert torch.allclose(both(given), bounded, atol=1e-5)
    bare = replace(given, r=0 * given.r)
    space = torch.nn.functional.interpolate(room(bare.x), scale_factor=scale, mode="nearest")
    assert (upscaler(bare, at, scale, 1.0).abs() <= space + 1e-6).all()
    assert (upscaler(bare, at, scale).abs() > space).any()


def test_the_tails_meet_along_alpha_and_at_ten_only_the_faithful_one_is_heard(upscaler: Upscaler) -> None:
    assert [crispness(z(alpha)) for alpha in (10.0, 1.0, 0.1)] == pytest.approx([0, 2 / 3, 1])
    given, crisp = pictures(16, 16), Upscaler().requires_grad_(False)
    both = Interpolated(upscaler, crisp)
    assert torch.equal(both.fold(z(10.0), 2)(given), upscaler.fold(z(10.0), 2)(given))
    assert torch.allclose(both.fold(z(0.1), 2)(given), crisp(given, z(0.1), 2, 1.0), atol=1e-5)
    near, nearer = (both.fold(z(alpha), 2)(given) for alpha in (9.9, 9.95))
    assert (near - nearer).abs().max() < 0.02


def test_alpha_damage_and_noise_matter(upscaler: Upscaler) -> None:
    given = pictures(16, 16)
    plain = upscaler(given, z(), 2)
    for other, at in (
        (given, z(alpha=10.0)),
        (replace(given, damage=1 - given.damage), z()),
        (replace(given, noise=-given.noise), z()),
    ):
        assert (upscaler(other, at, 2) - plain).abs().mean() > 1e-3


@pytest.mark.parametrize("scale", UPSCALES)
def test_nothing_further_than_its_reach_is_looked_at(upscaler: Upscaler, scale: int) -> None:
    given = pictures(64, 64)
    x = given.x.clone()
    x[:, :, :20, :] = 0.9
    folded = upscaler.fold(z(scale=scale), scale)
    beyond = slice(scale * (20 + REACH), None)
    assert (folded(given) - folded(replace(given, x=x)))[:, :, beyond].abs().max() < 1e-6


def test_it_is_as_small_as_it_was_costed() -> None:
    net = Upscaler()
    weights = {k: v for k, v in net.state_dict().items() if v.dim() == 4 and not k.startswith("outs.2")}
    a_pixel = sum(w.numel() for w in weights.values()) / CELL**2 / 1000
    assert a_pixel == pytest.approx(27, abs=1)
