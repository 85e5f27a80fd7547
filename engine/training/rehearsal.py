"""What a model could do before it is taught a collection, and is to do afterwards.

Learning without forgetting (Li & Hoiem 2016): on pictures that are aged as the general training aged its own, the
network is held near what the model it began from makes of them. Their truth is not asked, so it does not matter how
sharp or how clean the pictures are; what was right there stays right, and what was wrong stays as wrong.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models import losses
from engine.models.generator import Understanding
from engine.training import phases
from engine.training.aging import Aged, age
from engine.training.dataset import APART, Pictures
from engine.training.presets import MASK
from engine.training.run import Networks, Run

SHARE = 0.5  # of the rehearsed pictures that are ordinary photographs, where there are any; the rest the collection's
JUDGED = 3  # of the ordinary photographs, one in so many is never rehearsed: it is there to judge by


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The model that a run begins from, standing still, and pictures to rehearse on.

    `ordinary` are photographs uint8 (3, H, W) that have nothing to do with the collection; `own` the collection's.
    """

    before: Networks
    ordinary: Pictures | None
    own: Pictures
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def of(cls, nets: Networks, ordinary: Sequence[Tensor], own: Sequence[Tensor], device: torch.device) -> Rehearsal:
        """`nets` as they are now are what is held on to."""
        before = copy.deepcopy(nets).requires_grad_(False).eval().to(device)
        learned = [photo for number, photo in enumerate(ordinary) if number % JUDGED]
        return cls(before, Pictures(learned) if learned else None, Pictures(own), device)

    def batch(self, count: int, size: int, seed: int) -> Aged:
        """`count` ordinarily aged squares (3, size, size), all drawn from the seed."""
        dice = random.Random(seed + APART)
        pictures = self.ordinary if self.ordinary is not None and dice.random() < SHARE else self.own
        clean = pictures.batch(count, size, seed)
        return age(clean, seed, severity=0.25 + 0.75 * dice.random() ** 0.5).to(self.device)

    @torch.no_grad()
    def look(self, lesson: phases.Lesson, x: Tensor) -> Understanding:
        """What the former backbone sees in x (N, 3, H, W)."""
        with lesson.autocast():
            seen: Understanding = self.before.backbone(x.contiguous(memory_format=torch.channels_last))
        return seen

    def backbone_loss(self, run: Run, lesson: phases.Lesson, x: Tensor, wanted: Understanding) -> Tensor:
        """How far the backbone's restoration of x (N, 3, H, W) and its damage are from the former ones."""
        with lesson.autocast():
            seen = run.nets.backbone(x.contiguous(memory_format=torch.channels_last))
        y, target = x + seen.residual.float(), x + wanted.residual.float()
        damage = F.binary_cross_entropy_with_logits(seen.damage.float(), wanted.damage.float().sigmoid())
        return losses.charbonnier(y, target) + 0.1 * losses.fft_magnitude(y, target) + MASK * damage

    def head_loss(self, run: Run, lesson: phases.Lesson, batch: Aged) -> Iterator[Tensor | None]:
        """How far the head's picture is from the former one, at loss weights drawn as in training; comes last."""
        weights = phases.draw_weights(run, lesson)
        state = weights.generator.get_state()
        parts, target = phases.restore_parts(self.before, lesson, batch, weights), None
        while target is None:
            with torch.no_grad():
                target = next(parts)
            yield None
        weights.generator.set_state(state)  # the same noise
        y: Tensor | None = None
        for y in phases.restore_parts(run.nets, lesson, batch, weights):  # noqa: B007 - the last one counts
            yield None
        assert y is not None
        yield losses.charbonnier(y, target)


def judged(ordinary: Sequence[Tensor]) -> list[Tensor]:
    """The ordinary photographs that nothing is rehearsed on."""
    return [photo for number, photo in enumerate(ordinary) if not number % JUDGED]


def towards(average: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Networks that have gone `share` (0..1) of the way from `start` to `average` (WiSE-FT: Wortsman et al. 2022).

    Both are states with updates of low rank attached. Of these only the left factor is scaled, so that the weights they
    make, not the factors, are what lies between.
    """
    state = {}
    for key, value in average.items():
        if key.endswith(".weight.0.up"):
            state[key] = share * value
        elif key.endswith(".weight.0.down") or not value.is_floating_point():
            state[key] = value.clone()
        else:
            state[key] = torch.lerp(start[key], value, share)
    return state
