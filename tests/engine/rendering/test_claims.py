"""What is believed of claims of damage, each against its plain definition."""

import pytest
import torch
from torch.nn import functional as F

from engine.rendering import claims
from engine.rendering.stages import MARGIN


def damage(height: int = 90, width: int = 110) -> torch.Tensor:
    """(1, 1, H, W) of a probability in blotches, some of them at the picture's edge."""
    coarse = torch.randn(1, 1, 9, 11, generator=torch.Generator().manual_seed(3)) * 3 - 1
    return torch.sigmoid(F.interpolate(coarse, size=(height, width), mode="bilinear"))


@pytest.mark.parametrize("reach", [1, 3, 4, 8])
def test_growing_a_mask_is_the_largest_value_of_the_square_around_each_pixel(reach: int) -> None:
    mask = torch.rand(1, 1, 50, 60, generator=torch.Generator().manual_seed(1)) > 0.99
    plain = F.max_pool2d(mask.float(), 2 * reach + 1, stride=1, padding=reach) > 0
    assert mask.any()
    assert torch.equal(claims.grow(mask, reach), plain)


def test_what_is_as_wide_as_a_scratch_is_trusted_and_what_is_wider_is_not() -> None:
    for width, trusted in ((8, True), (9, False)):
        field = torch.zeros(1, 1, 80, 80)
        field[:, :, 20:60, 30 : 30 + width] = 1
        trust = claims.trust(field)
        assert (trust == 1).all() == trusted
        if not trusted:
            assert (trust[field == 1] == 0).all()
            assert (trust[:, :, :6] == 1).all()


def test_trust_follows_from_less_than_the_margin_that_a_tile_keeps() -> None:
    """Else a pixel at a tile's edge would depend on where the grid happens to lie."""
    whole = damage()
    part = claims.trust(whole[:, :, 20:80, 10:90])
    reach = 14
    assert reach <= MARGIN
    inside = claims.trust(whole)[:, :, 20 + reach : 80 - reach, 10 + reach : 90 - reach]
    assert torch.equal(part[:, :, reach:-reach, reach:-reach], inside)
    assert 0 < (inside == 0).float().mean() < 1


def test_a_feathered_mask_fades_over_two_pixels_and_is_exactly_nothing_beyond() -> None:
    mask = torch.zeros(1, 1, 20, 20)
    mask[:, :, 8:, :] = 1
    soft = claims.feather(mask)[0, 0]
    assert torch.allclose(soft[5:11, 10], torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    assert (soft[:6] == 0).all()
    assert (soft[10:] == 1).all()


def test_a_suspicion_counts_as_damage_only_near_what_is_nearly_certain() -> None:
    """A hole has a core that is recognised; a button or a leaf is suspected all over and certain nowhere."""
    field = torch.full((1, 1, 60, 120), 0.1)
    field[..., 20:30, 20:30] = 0.9
    field[..., 25, 25] = 0.98
    field[..., 20:30, 80:90] = 0.8
    held = claims.credible(field)
    assert torch.equal(held[..., :60], field[..., :60])
    assert (held[..., 20:30, 80:90] < 0.5).all()
    assert (held[..., 20:30, 80:90] > claims.SUSPECT).all()  # still too doubtful to be painted over
    assert claims.CERTAIN_REACH < MARGIN


def test_a_compact_claim_has_to_be_clear_as_a_whole_and_a_thin_one_does_not() -> None:
    """A pale collar with one certain pixel is no hole; a scratch has few pixels, and they are unsure at its edges."""
    field = torch.full((1, 1, 100, 160), 0.1)
    field[..., 20:40, 20:40] = 0.7  # a patch
    field[..., 20:40, 70:90] = 0.9  # a hole
    field[..., 20:80, 120:124] = 0.7  # a scratch
    field[..., 30, [30, 80, 121]] = 0.98
    held = claims.credible(field)
    patch, hole, scratch = held[..., 20:40, 20:40], held[..., 20:40, 70:90], held[..., 20:42, 120:124]
    assert (patch < 0.5).all()
    assert (hole >= 0.9).all()
    assert (scratch >= 0.7).all()


def test_what_is_believed_follows_from_less_than_the_margin_that_a_tile_keeps() -> None:
    whole = damage()
    part = claims.credible(whole[:, :, 5:85, 5:105])
    inside = claims.credible(whole)[:, :, 5 + MARGIN : 85 - MARGIN, 5 + MARGIN : 105 - MARGIN]
    assert torch.equal(part[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN], inside)
