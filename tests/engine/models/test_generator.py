from dataclasses import replace

import pytest
import torch

from engine.models.blocks import hash_noise, luma
from engine.models.generator import FINE, LEAST_ROOM, NOISE, Backbone, Generator, Head, Understanding, condition, room


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    made = Generator().eval()
    for parameter in made.parameters():  # zero-initialised layers would hide what they do
        torch.nn.init.normal_(parameter, std=0.05)
    return made


def test_backbone_is_as_large_as_it_was_costed() -> None:
    assert sum(p.numel() for p in Backbone().parameters()) == pytest.approx(3.1e6, rel=0.02)


def test_shapes_follow_the_picture(generator: Generator) -> None:
    seen = generator.backbone(torch.rand(2, 3, 48, 64))
    assert seen.residual.shape == (2, 3, 48, 64)
    assert seen.features.shape == (2, 32, 12, 16)
    assert seen.fine.shape == (2, FINE, 24, 32)
    assert seen.room.shape == seen.damage.shape == (2, 1, 48, 64)


def test_no_step_of_the_backbone_is_more_than_a_tenth_of_it() -> None:
    backbone, counted = Backbone().eval(), [0]

    def count(layer: torch.nn.Module, _given: object, result: torch.Tensor) -> None:
        assert isinstance(layer, torch.nn.Conv2d)
        counted[-1] += layer.weight[0].numel() * result.numel()

    for layer in backbone.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        for _ in backbone.steps(torch.rand(1, 3, 64, 64)):
            counted.append(0)
    assert sum(counted) == pytest.approx(56_300 * 64 * 64, rel=0.02)
    assert max(counted) <= sum(counted) / 10


def test_a_new_network_leaves_the_picture_as_it_is() -> None:
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(Backbone()(x).residual, torch.zeros_like(x))
    eighth = torch.rand(1, 128, 4, 4)
    assert torch.equal(Backbone().from_sixteenth(torch.rand(1, 192, 2, 2), eighth), eighth)  # that level says nothing


def understood(cells: int, *, space: float = 0.2) -> Understanding:
    side = 4 * cells
    features, fine = torch.rand(1, 32, cells, cells), torch.rand(1, FINE, 2 * cells, 2 * cells)
    one = torch.ones(1, 1, side, side)
    return Understanding(torch.rand(1, 3, side, side), features, fine, space * one, one)


def test_folded_head_computes_what_the_conditioned_head_does(generator: Generator) -> None:
    seen, noise = understood(8), hash_noise(0, 0, 8, 8, planes=NOISE, seed=3)
    z = condition(torch.tensor([2.0]), torch.tensor([0.5]), torch.randn(1, 64))
    with torch.no_grad():
        whole = generator.head(seen, noise, z)
        folded = generator.head.fold(z)(seen.features, seen.fine, seen.room, seen.residual, noise)
    assert torch.allclose(whole, folded, atol=1e-5)


def test_what_the_head_adds_beyond_the_residual_has_no_colour(generator: Generator) -> None:
    seen, noise = understood(8), torch.rand(1, NOISE, 8, 8)
    seen = replace(seen, residual=torch.zeros_like(seen.residual))
    z = condition(torch.tensor([0.1]), torch.tensor([1.0]), torch.randn(1, 64))
    with torch.no_grad():
        added = generator.head(seen, noise, z)
    assert added.abs().mean() > 1e-3
    assert torch.equal(added, added[:, :1].expand_as(added))


def test_without_a_style_nothing_is_moved_beyond_its_room(generator: Generator) -> None:
    seen, noise = understood(8, space=0.03), torch.rand(1, NOISE, 8, 8)
    seen = replace(seen, residual=torch.zeros_like(seen.residual), features=40 * seen.features)
    plain, styled = (condition(torch.tensor([0.1]), torch.tensor([beta]), torch.randn(1, 64)) for beta in (0.0, 1.0))
    with torch.no_grad():
        assert 0.02 < generator.head(seen, noise, plain).abs().max() <= 0.03
        assert generator.head(seen, noise, styled).abs().max() > 0.06


def test_room_is_half_of_what_pooling_finds_around_a_pixel() -> None:
    picture = torch.rand(2, 3, 17, 23)
    grey = luma(picture)
    high, low = (torch.nn.functional.max_pool2d(sign * grey, 3, stride=1, padding=1) for sign in (1, -1))
    torch.testing.assert_close(room(picture), LEAST_ROOM + 0.5 * (high + low))


def test_smooth_parts_leave_hardly_any_room_and_contours_much() -> None:
    picture = torch.full((1, 3, 16, 16), 0.5)
    picture[..., 8:] = 0.9
    space = room(picture)
    assert torch.allclose(space[..., :7], torch.tensor(LEAST_ROOM))
    assert torch.allclose(space[..., 7:9], torch.tensor(LEAST_ROOM + 0.2))


def test_style_is_silent_where_beta_is_zero() -> None:
    alpha, style = torch.ones(2), torch.randn(2, 64)
    z = condition(alpha, torch.tensor([0.0, 1.0]), style)
    assert torch.equal(z[0, 2:], torch.zeros(64))
    assert torch.equal(z[1, 2:], style[1])


def test_head_looks_at_alpha() -> None:
    torch.manual_seed(1)
    head = Head()
    torch.nn.init.normal_(head.modulation[2].weight, std=0.1)  # type: ignore[arg-type]
    seen, noise, style = understood(4), torch.zeros(1, NOISE, 4, 4), torch.zeros(1, 64)
    z = [condition(torch.tensor([alpha]), torch.zeros(1), style) for alpha in (0.1, 10.0)]
    outs = [head(seen, noise, wish) for wish in z]
    assert (outs[0] - outs[1]).abs().mean() > 1e-3


def test_noise_is_the_same_at_the_same_place_whatever_the_window() -> None:
    whole = hash_noise(0, 0, 40, 50, planes=4, seed=9)
    assert torch.equal(hash_noise(7, 11, 20, 30, planes=4, seed=9), whole[:, :, 7:27, 11:41])
    assert not torch.equal(hash_noise(0, 0, 40, 50, planes=4, seed=10), whole)


def test_noise_is_uniform_and_uncorrelated() -> None:
    noise = hash_noise(1000, 2000, 128, 128, planes=4, seed=0)
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1 / 3**0.5, abs=0.01)
    flat = noise[0].flatten(1)
    assert float((torch.corrcoef(flat) - torch.eye(4)).abs().max()) < 0.03
    neighbours = torch.corrcoef(torch.stack([noise[0, 0, :, :-1].flatten(), noise[0, 0, :, 1:].flatten()]))
    assert abs(float(neighbours[0, 1])) < 0.03
