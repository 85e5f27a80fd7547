import pytest
import torch

from engine.models.detector import CELL, Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(0)
    made = Detector().eval().requires_grad_(False)
    torch.nn.init.normal_(made.out.weight, std=0.05)  # zero-initialised, it would hide what the others do
    return made


def told(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures with what a backbone might have said of them."""
    return x, 0.2 * (x - 0.5), 10 * (x[:, :1] - 0.8)


def test_untaught_it_says_what_the_backbone_suspects() -> None:
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    suspicion = 30 * (x[:, :1] - 0.5)
    with torch.no_grad():
        assert torch.equal(Detector()(x, 0 * x, suspicion), suspicion.clamp(-8, 8))


def test_it_answers_for_every_pixel_in_short_steps(detector: Detector) -> None:
    x = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    *between, last = detector.steps(*told(x))
    assert last is not None
    assert last.shape == (2, 1, 48, 64)
    assert set(between) == {None}
    assert torch.equal(detector(*told(x)), last)


def test_nothing_farther_than_its_reach_is_looked_at(detector: Detector) -> None:
    x = torch.rand(1, 3, 16 * CELL, CELL, generator=torch.Generator().manual_seed(1))
    changed = x.clone()
    changed[:, :, : 4 * CELL] = 0.9
    apart = (detector(*told(x)) - detector(*told(changed))).abs().amax((0, 1, 3))
    assert apart[4 * CELL + 80 :].max() == 0
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
        net(*told(torch.rand(1, 3, 64, 64)))
    assert counted / 64**2 / 1000 == pytest.approx(4.4, abs=0.1)
