import pytest
import torch

from engine.models.detector import CELL, Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(0)
    made = Detector().eval().requires_grad_(False)
    torch.nn.init.normal_(made.out.weight, std=0.05)  # zero-initialised, it would hide what the others do
    return made


def test_it_answers_for_every_pixel_in_short_steps(detector: Detector) -> None:
    x = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    *between, last = detector.steps(x)
    assert last is not None
    assert last.shape == (2, 1, 48, 64)
    assert set(between) == {None}
    assert torch.equal(detector(x), last)


def test_nothing_farther_than_its_reach_is_looked_at(detector: Detector) -> None:
    x = torch.rand(1, 3, 16 * CELL, CELL, generator=torch.Generator().manual_seed(1))
    changed = x.clone()
    changed[:, :, : 4 * CELL] = 0.9
    apart = (detector(x) - detector(changed)).abs().amax((0, 1, 3))
    assert apart[4 * CELL + 75 :].max() == 0
    assert apart[: 4 * CELL].max() > 1e-4


def test_it_is_as_small_as_it_was_costed() -> None:
    counted = 0

    def count(layer: torch.nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal counted
        assert isinstance(layer, torch.nn.Conv2d)
        counted += out[0].numel() * layer.weight[0].numel()

    net = Detector()
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        net(torch.rand(1, 3, 64, 64))
    assert counted / 64**2 / 1000 == pytest.approx(4.3, abs=0.1)
