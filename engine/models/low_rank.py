"""Small updates of convolutions that stay as they are: W + B A, with A and B of a low rank.

LoRA (Hu et al. 2022), for convolutions as in LoCon: the kernel is seen as a matrix (out, in * height * width). What a
collection teaches a network this way is small, and the network it began from is never lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

RANK = 8
_DOWN, _UP = "low_rank_down", "low_rank_up"


class LowRank(nn.Module):
    """The update of one weight (out, in, h, w); zero at first, since `up` is."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        inside = weight[0].numel()
        self.down = nn.Parameter(torch.randn(rank, inside, device=weight.device) / inside**0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def attach(network: nn.Module, rank: int = RANK) -> list[nn.Parameter]:
    """Gives every convolution of `network` an update, and returns what is to be trained: the rest stands still."""
    network.requires_grad_(False)
    trained: list[nn.Parameter] = []
    for _, convolution in _convolutions(network):
        update = LowRank(convolution.weight, rank)
        parametrize.register_parametrization(convolution, "weight", update)
        trained += [update.down, update.up]
    return trained


def detached(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A state with updates attached -> the state of the plain networks, updates added in; and the updates alone.

    The updates' names are those of the weights they belong to, with `low_rank_up` and `low_rank_down` for `weight`.
    """
    original, part = "parametrizations.weight.original", "parametrizations.weight.0."
    plain = {key: value for key, value in state.items() if ".parametrizations." not in f".{key}"}
    updates: dict[str, Tensor] = {}
    for key, value in state.items():
        if not key.endswith(original):
            continue
        stem = key.removesuffix(original)
        updates[stem + _UP], updates[stem + _DOWN] = state[f"{stem}{part}up"], state[f"{stem}{part}down"]
        plain[f"{stem}weight"] = value
    return merged(plain, updates), updates


def merged(plain: Mapping[str, Tensor], updates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The plain state with the updates added in, and whole tensors put in their places. ValueError where an update
    belongs to other networks."""
    state = dict(plain)
    for key, up in updates.items():
        if not key.endswith(_UP):
            if not key.endswith(_DOWN):
                state[key] = up  # a tensor that was learned as a whole
            continue
        stem = key.removesuffix(_UP)
        down, weight = updates.get(stem + _DOWN), state.get(f"{stem}weight")
        if down is None or weight is None:
            raise ValueError(f"There is no weight for the update {key}.")
        if not up.ndim == down.ndim == 2 or weight.ndim < 2 or up.shape[1] != down.shape[0]:
            raise ValueError(f"The update {key} is no product of two matrices for a weight.")
        if (up.shape[0], down.shape[1]) != (weight.shape[0], weight[0].numel()):
            raise ValueError(f"The update {key} is of another shape than its weight.")
        state[f"{stem}weight"] = weight + (up.float() @ down.float()).view_as(weight).to(weight.dtype)
    return state


def _convolutions(network: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d):
            yield name, module
