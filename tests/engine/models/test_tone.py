import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models import tone
from engine.models.tone import ToneStage, apply_curve


def test_untrained_stage_changes_nothing() -> None:
    x = torch.rand(2, 3, 64, 64)
    stage = ToneStage()
    assert torch.allclose(stage.unfading(x).apply(x), x, atol=1e-5)
    assert torch.allclose(stage.styling(x, torch.zeros(2, 64)).apply(x), x, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=54, max_size=54))
def test_curves_never_turn_a_gradient_round(raw: list[float]) -> None:
    curve = tone._curve(torch.tensor([raw]))
    assert bool((curve.diff(dim=2) >= -1e-6).all())
    assert float(curve.min()) >= 0
    assert float(curve.max()) <= 1


def test_curve_is_read_between_its_knots() -> None:
    curve = torch.linspace(0, 1, 17).square().expand(1, 3, 17)
    x = torch.full((1, 3, 1, 1), 1.5 / 16)
    expected = ((1 / 16) ** 2 + (2 / 16) ** 2) / 2
    assert torch.allclose(apply_curve(x, curve), torch.tensor(expected), atol=1e-6)


def test_values_outside_the_range_are_clipped() -> None:
    identity = torch.linspace(0, 1, 17).expand(1, 3, 17)
    x = torch.tensor([-0.5, 0.0, 1.0, 1.7]).expand(1, 3, 1, 4)
    assert apply_curve(x, identity)[0, 0, 0].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_a_toned_black_and_white_picture_is_known_and_becomes_neutral() -> None:
    torch.manual_seed(0)
    grey = torch.rand(1, 1, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    toned = torch.cat([grey**0.7, 0.1 + 0.8 * grey, 0.6 * grey**1.4], 1)
    colour = torch.rand(1, 3, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert tone.monochrome(toned).item() == 1
    assert tone.monochrome(toned + 0.02 * torch.randn_like(toned)).item() == 1  # grain is no colour
    assert tone.monochrome(colour).item() == 0
    unfaded = ToneStage().unfading(toned).apply(toned).detach()
    assert float((unfaded - unfaded.mean(1, keepdim=True)).abs().max()) < 1e-5
    assert float(unfaded.std()) > 0.5 * float(toned.std())


def test_what_undoes_fading_is_told_how_colours_are_distributed_and_not_where_they_are() -> None:
    generator = torch.Generator().manual_seed(3)
    pixels = torch.rand(2, 3, 4096, generator=generator)
    told = tone.order_statistics(pixels)
    shuffled = pixels[:, :, torch.randperm(4096, generator=generator)]
    assert told.shape == (2, 291)
    assert torch.allclose(told, tone.order_statistics(shuffled), atol=1e-4)
    fewer = tone.order_statistics(shuffled[:, :, :1024])  # a part of them tells nearly the same
    assert float((told - fewer).abs().mean()) < 0.1
    cast = tone.order_statistics(pixels * torch.tensor([1.0, 0.9, 0.7])[None, :, None])
    assert float((told - cast).abs().mean()) > 0.1


def test_how_much_of_the_levels_a_black_and_white_print_gets() -> None:
    straight = torch.linspace(0, 1, 17).expand(1, 3, 17)
    found = tone.ToneParameters(straight.square(), torch.eye(3)[None] * 0.8, straight.sqrt())
    grey = torch.full((1, 3, 1, 1), 0.25)
    certain, colour = torch.ones(1), torch.zeros(1)
    assert torch.allclose(tone.neutralised(found, certain, levels=0.0).apply(grey), grey, atol=1e-3)
    assert torch.allclose(tone.neutralised(found, certain, levels=1.0).apply(grey), grey.sqrt(), atol=1e-3)
    assert torch.allclose(tone.neutralised(found, colour).apply(grey), found.apply(grey), atol=1e-6)
