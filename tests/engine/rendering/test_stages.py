"""The small steps between the networks, each against its plain definition."""

import pytest
import torch
from torch.nn import functional as F

from engine.rendering import stages, tensors
from engine.rendering.stages import Seen
from engine.types import Region


@pytest.mark.parametrize(("height", "width"), [(40, 53), (3, 20), (9, 1)])
def test_what_is_finer_than_a_mean_of_nine_by_nine_is_told_at_the_edges_too(height: int, width: int) -> None:
    x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(4))
    mean = F.avg_pool2d(x, 9, stride=1, padding=4, count_include_pad=False)
    torch.testing.assert_close(stages.lowpass(x), mean, atol=1e-6, rtol=0)


@pytest.mark.parametrize("reach", [0, 1, 4, 12])
def test_sums_are_of_the_square_around_each_pixel_and_of_nothing_beyond_the_edges(reach: int) -> None:
    x = torch.rand(1, 2, 30, 17, generator=torch.Generator().manual_seed(5))
    side = 2 * reach + 1
    plain = F.avg_pool2d(x, side, stride=1, padding=reach) * side**2
    torch.testing.assert_close(tensors.box_sum(x, reach), plain, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_starts_a_curator_s_mask_is_what_the_soft_mask_repairs(dtype: torch.dtype) -> None:
    half = torch.tensor(0.5, dtype=dtype)
    after, before = (torch.nextafter(half, torch.tensor(to, dtype=dtype)) for to in (1.0, 0.0))
    for probability, repairs in ((half, False), (before, False), (after, True), (torch.ones_like(half), True)):
        damage = torch.zeros(1, 1, 32, 32, dtype=dtype)
        damage[..., 16, 16] = probability
        region = Region(0, 0, 32, 32)
        empty = torch.zeros(1)
        soft = stages.soft_damage(Seen(region, empty, empty, empty, empty, damage, empty), region)
        mask = stages.repaired(stages.in_bytes(damage)[0, 0].numpy(), 0, 32)
        assert bool(soft.any()) == bool(mask.any()) == repairs


def test_a_probability_in_bytes_is_the_nearest_byte() -> None:
    exact = torch.linspace(0, 1, 1001)
    told = stages.in_bytes(exact)
    assert (int(told[0]), int(told[-1])) == (0, 255)
    assert float((told.float() - 255 * exact).abs().max()) <= 0.5001
