"""Updates of low rank: nothing at first, as much as a full change afterwards, and never another network's."""

from __future__ import annotations

import pytest
import torch

from engine.models.generator import Backbone
from engine.models.low_rank import attach, detached, merged


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def learned(rank: int = 2) -> Backbone:
    """A backbone whose updates are no longer zero."""
    torch.manual_seed(1)
    backbone = Backbone()
    torch.nn.init.normal_(backbone.out.weight, std=0.05)
    for parameter in attach(backbone, rank):
        torch.nn.init.normal_(parameter, std=0.05)
    return backbone


def test_a_network_with_fresh_updates_computes_what_it_did() -> None:
    torch.manual_seed(1)
    backbone = Backbone()
    torch.nn.init.normal_(backbone.out.weight, std=0.05)
    with torch.no_grad():
        before = backbone(picture()).residual
        attach(backbone)
        assert torch.equal(backbone(picture()).residual, before)


def test_only_the_updates_are_trained() -> None:
    backbone = Backbone()
    trained = attach(backbone, 2)
    assert {id(p) for p in backbone.parameters() if p.requires_grad} == {id(p) for p in trained}
    assert sum(p.numel() for p in trained) < 0.1 * sum(p.numel() for p in backbone.parameters())


def test_updates_added_into_a_plain_network_compute_the_same() -> None:
    backbone = learned()
    plain, updates = detached(backbone.state_dict())
    assert set(plain) == set(Backbone().state_dict())
    again = Backbone()
    again.load_state_dict(plain)
    with torch.no_grad():
        assert torch.allclose(again(picture()).residual, backbone(picture()).residual, atol=1e-5)
    assert len(updates) % 2 == 0


def test_updates_of_another_network_are_refused() -> None:
    _, updates = detached(learned().state_dict())
    state = Backbone().state_dict()
    with pytest.raises(ValueError, match="another shape"):
        merged(state | {"out.weight": torch.zeros(3, 3, 3, 3)}, updates)
    with pytest.raises(ValueError, match="no weight"):
        merged({k: v for k, v in state.items() if k != "out.weight"}, updates)


@pytest.mark.parametrize(
    ("up", "down"), [((3, 2), (2,)), ((3, 2, 2), (2, 2, 2)), ((), ()), ((3,), (3,)), ((3, 2), (3, 27))]
)
def test_what_is_no_product_of_two_matrices_is_refused(up: tuple[int, ...], down: tuple[int, ...]) -> None:
    updates = {"a.low_rank_up": torch.ones(up), "a.low_rank_down": torch.ones(down)}
    for weight in (torch.zeros(3, 3, 3, 3), torch.zeros(())):
        with pytest.raises(ValueError, match="no product"):
            merged({"a.weight": weight}, updates)
