"""A finished model's backbone learns on while its head keeps what it adds.

The head knows the picture by the backbone's features, so that a backbone that moves would need another head, and that
another game against the critic. Instead the head learns to add, on the new features, what the model that was begun from
adds, at every place of the sliders and with every style: its output is the target (distillation: Hinton, Vinyals &
Dean, "Distilling the Knowledge in a Neural Network", 2015; against forgetting: Li & Hoiem, "Learning without
Forgetting", ECCV 2016). What is added does not move the backbone, which learns from the truth alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from engine.models.generator import NOISE, Understanding, condition
from engine.styles.library import StyleLibrary
from engine.training.aging import Aged
from engine.training.phases import CHANNELS_LAST, Lesson, seen_loss, take
from engine.training.presets import WHITE_NOISE
from engine.training.run import Networks, Run

SLIDER = (-10.0, 3.5)  # log alpha as far as the slider of a card may ask the head
STYLED = 1 / 3  # of the pictures
KEEP = 1.0  # weight of adding what the teacher adds


def content_kept(run: Run, lesson: Lesson) -> dict[str, float]:
    """Content for the backbone, the teacher's additions for the head and its projections, one step for both."""
    assert lesson.teacher is not None
    batch = lesson.aged()
    x = batch.aged.contiguous(memory_format=CHANNELS_LAST)
    z, noise = _asked(lesson, batch)
    with torch.no_grad(), lesson.autocast():
        wanted = _added(lesson.teacher, lesson.teacher.backbone(x), noise, z)
    with lesson.autocast():
        seen = run.nets.backbone(x, keep_inner=True)
        added = _added(run.nets, _apart(run.nets, seen), noise, z)
    _, only = lesson.damage()
    # Noise alone says nothing of damage: taught that it has none, the network gave up what lies under grain.
    loss, figures = seen_loss(seen, batch, 0.0 if only == WHITE_NOISE else lesson.phase.mask)
    kept = (added - wanted).abs().mean()
    norm = take(run, "content_kept", loss + KEEP * kept, limit=0.5)
    run.follow("backbone", "head")
    return figures | {"kept": kept.item(), "norm": norm}


def _asked(lesson: Lesson, batch: Aged) -> tuple[Tensor, Tensor]:
    """What the head is asked for, z (N, 66), over the whole length of the slider and with mixtures of the shipped
    styles; its noise."""
    n, _, height, width = batch.aged.shape
    generator = torch.Generator().manual_seed(lesson.seed + 500_000_003)  # apart from what the aging draws
    low, high = SLIDER
    alpha = (low + (high - low) * torch.rand(n, generator=generator)).exp()
    styled = torch.rand(n, generator=generator) < STYLED
    beta = 10 ** (3 * torch.rand(n, generator=generator) - 2) * styled
    codes = _codes()
    one, other = (codes[torch.randint(len(codes), (n,), generator=generator)] for _ in range(2))
    style = torch.lerp(one, other, torch.rand(n, 1, generator=generator))
    noise = torch.rand(n, NOISE, height // 4, width // 4, generator=generator) * 2 - 1
    return condition(alpha, beta, style).to(batch.aged), noise.to(batch.aged)


@cache
def _codes() -> Tensor:
    """The codes of the shipped styles, (N, 64)."""
    return torch.tensor([card.code for card in StyleLibrary().cards()])


def _apart(nets: Networks, seen: Understanding) -> Understanding:
    """The same for a loss that is to move the head and its projections, not the backbone."""
    assert seen.inner is not None
    features, fine = nets.backbone.project(*(part.detach() for part in seen.inner))
    return replace(seen, residual=seen.residual.detach(), room=seen.room.detach(), features=features, fine=fine)


def _added(nets: Networks, seen: Understanding, noise: Tensor, z: Tensor) -> Tensor:
    """What the head adds to the faithful residual, (N, 3, H, W)."""
    r: Tensor = nets.head(seen, noise, z)
    return (r - seen.residual).float()
