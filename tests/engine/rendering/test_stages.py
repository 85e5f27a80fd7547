"""The small steps between the networks, each against its plain definition."""

import pytest
import torch
from torch.nn import functional as F

from engine.rendering import stages


def damage(height: int = 90, width: int = 110) -> torch.Tensor:
    """(1, 1, H, W) of a probability in blotches, some of them at the picture's edge."""
    coarse = torch.randn(1, 1, 9, 11, generator=torch.Generator().manual_seed(3)) * 3 - 1
    return torch.sigmoid(F.interpolate(coarse, size=(height, width), mode="bilinear"))


@pytest.mark.parametrize("reach", [1, 3, 4, 8])
def test_growing_a_mask_is_the_largest_value_of_the_square_around_each_pixel(reach: int) -> None:
    mask = torch.rand(1, 1, 50, 60, generator=torch.Generator().manual_seed(1)) > 0.99
    plain = F.max_pool2d(mask.float(), 2 * reach + 1, stride=1, padding=reach) > 0
    assert mask.any()
    assert torch.equal(stages._grow(mask, reach), plain)


def test_what_is_as_wide_as_a_scratch_is_trusted_and_what_is_wider_is_not() -> None:
    for width, trusted in ((8, True), (9, False)):
        field = torch.zeros(1, 1, 80, 80)
        field[:, :, 20:60, 30 : 30 + width] = 1
        trust = stages._trust(field)
        assert (trust == 1).all() == trusted
        if not trusted:
            assert (trust[field == 1] == 0).all()
            assert (trust[:, :, :6] == 1).all()


def test_trust_follows_from_less_than_the_margin_that_a_tile_keeps() -> None:
    """Else a pixel at a tile's edge would depend on where the grid happens to lie."""
    whole = damage()
    part = stages._trust(whole[:, :, 20:80, 10:90])
    reach = 14
    assert reach <= stages.MARGIN
    inside = stages._trust(whole)[:, :, 20 + reach : 80 - reach, 10 + reach : 90 - reach]
    assert torch.equal(part[:, :, reach:-reach, reach:-reach], inside)
    assert 0 < (inside == 0).float().mean() < 1


def test_a_feathered_mask_fades_over_two_pixels_and_is_exactly_nothing_beyond() -> None:
    mask = torch.zeros(1, 1, 20, 20)
    mask[:, :, 8:, :] = 1
    soft = stages.feather(mask)[0, 0]
    assert torch.allclose(soft[5:11, 10], torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    assert (soft[:6] == 0).all()
    assert (soft[10:] == 1).all()


@pytest.mark.parametrize(("height", "width"), [(40, 53), (3, 20), (9, 1)])
def test_what_is_finer_than_a_mean_of_nine_by_nine_is_told_at_the_edges_too(height: int, width: int) -> None:
    x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(4))
    mean = F.avg_pool2d(x, 9, stride=1, padding=4, count_include_pad=False)
    torch.testing.assert_close(stages.lowpass(x), mean, atol=1e-6, rtol=0)


def test_a_suspicion_counts_as_damage_only_near_what_is_nearly_certain() -> None:
    """A hole has a core that is recognised; a button or a leaf is suspected all over and certain nowhere."""
    field = torch.full((1, 1, 60, 120), 0.1)
    field[..., 20:30, 20:30] = 0.8
    field[..., 25, 25] = 0.98
    field[..., 20:30, 80:90] = 0.8
    held = stages._credible(field)
    assert torch.equal(held[..., :60], field[..., :60])
    assert (held[..., 20:30, 80:90] < 0.5).all()
    assert (held[..., 20:30, 80:90] > stages._SUSPECT).all()  # still too doubtful to be painted over
    assert stages._CERTAIN_REACH < stages.MARGIN
