"""A finished model's backbone learns on while its head keeps what it adds.

The head knows the picture by the backbone's features, so that a backbone that moves would need another head, and that
another game against the critic. Instead the head learns to add, on the new features, what the model that was begun from
adds: its output is the target (distillation: Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network",
2015; against forgetting: Li & Hoiem, "Learning without Forgetting", ECCV 2016). The slider of the card and the
enlarging tail, which sees only what is restored, go on to hold. Styled pictures need no critic; with them the head goes
on to learn what the joint phase teaches.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from engine.models.generator import NOISE, Understanding, condition
from engine.training.aging import Aged
from engine.training.phases import (
    CHANNELS_LAST,
    Lesson,
    Weights,
    draw_weights,
    plain_part,
    seen_loss,
    styled_loss,
    take,
)
from engine.training.run import Networks, Run

SLIDER = (-10.0, 3.5)  # log alpha as far as the slider of a card may ask the head
KEEP = 1.0  # weight of adding what the teacher adds
STYLED = 0.05  # weight of the joint objective on styled pictures: its gradient is then about as long as the others


def content_kept(run: Run, lesson: Lesson) -> dict[str, float]:
    """Content for the backbone, the teacher's additions and styles for the head, one step for all."""
    assert lesson.teacher is not None
    batch, plain = lesson.aged(), plain_part(lesson.phase)
    x = batch.aged.contiguous(memory_format=CHANNELS_LAST)
    weights = draw_weights(run, lesson)
    z, noise = _asked(weights, batch, plain)
    with torch.no_grad(), lesson.autocast():
        wanted = _added(lesson.teacher, lesson.teacher.backbone(x[:plain]), noise[:plain], z[:plain])
    with lesson.autocast():
        seen = run.nets.backbone(x, keep_inner=True)
        added = _added(run.nets, _part(seen, slice(0, plain)), noise[:plain], z[:plain])
        r = run.nets.head(_apart(run.nets, _part(seen, slice(plain, None))), noise[plain:], z[plain:])
    loss, figures = seen_loss(seen, batch)
    kept = (added - wanted).abs().mean()
    styled, told = styled_loss(run, lesson, x[plain:] + r.float(), batch.toned[plain:], weights)
    norm = take(run, "content_kept", loss + KEEP * kept + STYLED * styled, limit=0.5)
    run.follow("backbone", "head")
    return figures | told | {"kept": kept.item(), "norm": norm}


def _asked(weights: Weights, batch: Aged, plain: int) -> tuple[Tensor, Tensor]:
    """What the head is asked for, z (N, 66), over the whole length of the slider where there is no style; its noise."""
    z = condition(weights.alpha, weights.beta, weights.style)
    low, high = SLIDER
    z[:plain, 0] = low + (high - low) * torch.rand(plain, generator=weights.generator).to(z)
    n, _, height, width = batch.aged.shape
    noise = torch.rand(n, NOISE, height // 4, width // 4, generator=weights.generator).to(z) * 2 - 1
    return z, noise


def _part(seen: Understanding, pictures: slice) -> Understanding:
    """What was seen of some of the pictures."""
    inner = (seen.inner[0][pictures], seen.inner[1][pictures]) if seen.inner is not None else None
    residual, features, fine, room, damage = (
        part[pictures] for part in (seen.residual, seen.features, seen.fine, seen.room, seen.damage)
    )
    return Understanding(residual, features, fine, room, damage, inner)


def _apart(nets: Networks, seen: Understanding) -> Understanding:
    """The same for a loss that is to move the head and its projections, not the backbone."""
    assert seen.inner is not None
    features, fine = nets.backbone.project(*(part.detach() for part in seen.inner))
    return replace(seen, residual=seen.residual.detach(), room=seen.room.detach(), features=features, fine=fine)


def _added(nets: Networks, seen: Understanding, noise: Tensor, z: Tensor) -> Tensor:
    """What the head adds to the faithful residual, (N, 3, H, W)."""
    r: Tensor = nets.head(seen, noise, z)
    return (r - seen.residual).float()
