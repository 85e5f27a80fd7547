"""Three ways to play generator against critic, a choice of the preset. Scores are maps (N, 1, h, w), high for real.

The brief's game is min over G, max over D of V(D, G): "minimax" is Goodfellow's own; the other two were found since to
train more steadily.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models import losses

AdversaryName = Literal["relativistic", "minimax", "wasserstein"]
GAMMA = 0.02  # weight of R1 + R2; at 1 the critic stays blind


@dataclass(frozen=True, slots=True)
class Adversary:
    """One game: what critic and generator minimise, what keeps the critic smooth and how often, its optimiser.

    `critic` and `generator` take the scores of real and generated pictures and give a loss a score; `penalty` takes
    the critic, both sets of pictures and what draws its chances. `rate` is the critic's own learning rate; None
    follows the generator's.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    penalty: Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor] | None
    every: int  # steps from one penalty to the next; it weighs that many times as much
    betas: tuple[float, float]
    rate: float | None = None
    blind: float = 0.0  # the critic's loss when it cannot tell real from generated


def _both_gradients(critic: nn.Module, real: Tensor, fake: Tensor, _chances: torch.Generator) -> Tensor:
    """R1 + R2 (Mescheder, Geiger & Nowozin 2018; Huang et al., R3GAN, 2024)."""
    parts = []
    for pictures in (real, fake):
        pictures = pictures.detach().requires_grad_(True)
        parts.append(losses.zero_centred_penalty(critic(pictures), pictures))
    return 0.5 * GAMMA * (parts[0] + parts[1])


def _unit_gradients(critic: nn.Module, real: Tensor, fake: Tensor, chances: torch.Generator) -> Tensor:
    """The gradient penalty of WGAN-GP (Gulrajani et al. 2017), weight 10, between real and generated pictures.

    A picture's score is the mean of its map.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=chances).to(real.device)
    between = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_(True)
    scores = critic(between).mean((1, 2, 3))
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    penalty: Tensor = (gradient.float().flatten(1).norm(dim=1) - 1).square().mean()
    return 10 * penalty


ADVERSARIES: dict[AdversaryName, Adversary] = {
    # Jolicoeur-Martineau 2018, regularised as in R3GAN (Huang et al. 2024): each is judged against the other.
    "relativistic": Adversary(
        lambda real, fake: F.softplus(fake - real),
        lambda real, fake: F.softplus(real - fake),
        _both_gradients, every=8, betas=(0.0, 0.99), blind=0.6931,
    ),
    # Goodfellow et al. 2014: binary cross-entropy, Adam at 2e-4; the generator's side as its section 3 advises.
    "minimax": Adversary(
        lambda real, fake: F.softplus(-real) + F.softplus(fake),
        lambda real, fake: F.softplus(-fake),
        None, every=1, betas=(0.5, 0.999), rate=2e-4, blind=1.3863,
    ),
    # Arjovsky, Chintala & Bottou 2017 with the gradient penalty of Gulrajani et al. 2017.
    "wasserstein": Adversary(
        lambda real, fake: fake - real,
        lambda real, fake: -fake,
        _unit_gradients, every=2, betas=(0.0, 0.9),
    ),
}  # fmt: skip
