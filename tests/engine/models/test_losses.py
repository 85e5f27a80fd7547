import torch

from engine.models import losses
from engine.models.critic import Critic
from engine.models.features import TextureFeatures


def test_distances_are_smallest_at_equality() -> None:
    x, y = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    net = TextureFeatures()
    assert losses.charbonnier(x, x) < losses.charbonnier(x, y)
    assert losses.fft_magnitude(x, x) == 0 < losses.fft_magnitude(x, y)
    assert losses.feature_distance(net(x), net(x)) == 0 < losses.feature_distance(net(x), net(y))
    assert bool((losses.style_distance(net(x), net(x)) == 0).all())
    assert bool((losses.style_distance(net(x), net(y)) > 0).all())


@torch.no_grad()
def test_style_distance_tells_textures_apart_and_ignores_place() -> None:
    torch.manual_seed(0)
    net = TextureFeatures()
    stripes = (torch.arange(64) % 4 < 2).float().expand(1, 3, 64, 64)
    shifted, noise = stripes.roll(2, dims=3), torch.rand(1, 3, 64, 64)
    same = losses.style_distance(net(stripes), net(shifted))
    other = losses.style_distance(net(stripes), net(noise))
    assert float(other) > 3 * float(same)


def test_colour_distance_sees_colours_not_places() -> None:
    x = torch.rand(1, 3, 32, 32)
    shuffled = x.flatten(2)[:, :, torch.randperm(1024)].view_as(x)
    directions = torch.randn(3, 16)
    assert losses.colour_distance(x, shuffled, directions) < 1e-6
    assert losses.colour_distance(x, x * 0.5, directions) > 0.05


def test_mask_loss_rewards_the_right_place() -> None:
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 4:8] = 1
    right, wrong = mask * 12 - 6, 6 - mask * 12
    assert losses.damage_mask(right, mask) < 0.1 < losses.damage_mask(wrong, mask)


def test_penalty_does_not_grow_with_the_picture() -> None:
    torch.manual_seed(0)
    net = Critic(8)
    small = torch.rand(1, 3, 64, 64).requires_grad_()
    tiled = small.detach().repeat(1, 1, 2, 2).requires_grad_()
    a, b = (losses.zero_centred_penalty(net(x), x).item() for x in (small, tiled))
    assert 0.5 < a / b < 2.0


def test_noise_counts_where_the_truth_is_flat_and_not_where_it_is_lively() -> None:
    torch.manual_seed(0)
    flat = torch.full((1, 3, 40, 40), 0.5)
    lively = torch.rand(1, 1, 40, 40).expand(-1, 3, -1, -1)
    noise = 0.05 * torch.randn(1, 1, 40, 40)
    on_flat = float(losses.busy_where_flat(flat + noise, flat))
    assert on_flat > 20 * float(losses.busy_where_flat(lively + noise, lively))
    assert float(losses.busy_where_flat(flat, flat)) == 0
    smoothed = flat + 0.0 * noise
    assert float(losses.busy_where_flat(smoothed, flat + noise)) < 0.02 * on_flat  # calmer than the truth costs nothing


def test_texture_is_compared_by_its_local_energy_and_kind_not_by_its_places() -> None:
    torch.manual_seed(0)
    grain, other = (0.5 + 0.1 * torch.randn(2, 1, 64, 64).expand(-1, 3, -1, -1) for _ in range(2))
    soft, checks = torch.full_like(grain, 0.5), torch.full_like(grain, 0.5)
    checks[..., ::2, ::2] += 0.2
    checks[..., 1::2, 1::2] += 0.2
    elsewhere = losses.texture_distance(other, grain)
    assert elsewhere.shape == (2,)
    assert bool((elsewhere < 0.5 * losses.texture_distance(soft, grain)).all())
    assert bool((elsewhere < 0.5 * losses.texture_distance(checks, grain)).all())


def test_texture_that_keeps_step_with_the_grid_is_told_from_texture_that_does_not() -> None:
    torch.manual_seed(0)
    truth = torch.rand(1, 3, 128, 128)
    lines = (torch.arange(128) % 4 < 1).float().expand(1, 3, 128, 128)
    free = torch.randn(1, 1, 128, 128).expand(-1, 3, -1, -1) * lines.std()
    assert losses.grid_distance(truth, truth) == 0
    assert losses.grid_distance(truth + lines, truth) > 4 * losses.grid_distance(truth + free, truth)
