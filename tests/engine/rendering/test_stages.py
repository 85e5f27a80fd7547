"""The small steps between the networks, each against its plain definition."""

import pytest
import torch
from torch.nn import functional as F

from engine.rendering import stages, tensors


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
