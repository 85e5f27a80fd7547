"""What resembles damage and is none: it goes into the clean picture and into no mask.

Without it a network takes every white collar for a hole, and a mount for a torn edge.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.training.documents import text_mask
from engine.training.sheet import Dice, axes, paper, smooth_noise

_MOUNTS, _PALE_PARTS, _CAPTIONS = 0.12, 0.3, 0.07  # shares of the pictures


def disguise(clean: Tensor, seed: int) -> Tensor:
    """Pictures (N, 3, H, W) in 0..1, some with a mount, pale or dark parts, writing; the same seed, the same ones."""
    dice = Dice(torch.Generator().manual_seed(seed))
    return torch.stack([_disguised(picture, dice) for picture in clean])


def _disguised(picture: Tensor, dice: Dice) -> Tensor:
    for share, draw in ((_PALE_PARTS, pale_parts), (_CAPTIONS, caption), (_MOUNTS, mount)):
        if dice.chance(share):
            picture = draw(picture, dice)
    return picture.clamp(0, 1)


def pale_parts(picture: Tensor, dice: Dice) -> Tensor:
    """Parts of the picture that are nearly white or black, in the outline of a form or of a cloud, with a remnant of
    what is there: linen in the sun, snow, a window, a dark doorway. Paper has a tooth instead."""
    size = (int(picture.shape[1]), int(picture.shape[2]))
    rows, columns = axes(size, picture.device)
    for _ in range(dice.count(1, 3)):
        value = dice.uniform(0.75, 1.0) if dice.chance(0.75) else dice.uniform(0.0, 0.15)
        kept = dice.uniform(0.05, 0.4)
        x, y, angle = dice.uniform(0, size[1]), dice.uniform(0, size[0]), dice.uniform(0, math.pi)
        reach, flat = 3 + 50 * dice.uniform(0, 1) ** 2, dice.uniform(0.3, 1.0)
        u = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        v = ((rows - y) * math.cos(angle) - (columns - x) * math.sin(angle)) / flat
        distance = torch.hypot(u, v) + dice.uniform(0, 0.4) * reach * smooth_noise(dice, size, reach, picture.device)
        cover = ((reach - distance) / dice.uniform(0.6, 4.0) + 0.5).clamp(0, 1)
        content = (
            picture.roll((dice.count(0, size[0]), dice.count(0, size[1])), (1, 2)) if dice.chance(0.5) else picture
        )
        part = value + kept * (content - content.mean((1, 2), keepdim=True))
        picture = picture + cover * (part.clamp(0, 1) - picture)
    return picture


def caption(picture: Tensor, dice: Dice) -> Tensor:
    """Writing on the print, in white or in black ink."""
    size = (int(picture.shape[1]), int(picture.shape[2]))
    ink = text_mask(dice.count(0, 1 << 20), size).to(picture.device) * dice.uniform(0.6, 1.0)
    top, height = dice.uniform(0, 0.8), dice.uniform(0.1, 0.5)
    rows, _ = axes(size, picture.device)
    band = ((rows >= top * size[0]) & (rows < (top + height) * size[0])).float()
    value = dice.uniform(0.8, 1.0) if dice.chance(0.6) else dice.uniform(0.0, 0.2)
    return picture + ink * band * (value - picture)


def mount(picture: Tensor, dice: Dice) -> Tensor:
    """Card or scanner lid around the print, on one side or more: straight edges, hardly tilted."""
    size = (int(picture.shape[1]), int(picture.shape[2]))
    rows, columns = axes(size, picture.device)
    inside = torch.full(size, 1e6, device=picture.device)
    sides = [dice.chance(0.4) for _ in range(4)]
    sides[dice.count(0, 3)] = True
    for side, there in enumerate(sides):
        if not there:
            continue
        along, across, length = (columns, rows, size[0]) if side < 2 else (rows, columns, size[1])
        edge = dice.uniform(0.01, 0.25) * length + dice.uniform(-0.02, 0.02) * (along - dice.uniform(0, length))
        inside = torch.minimum(inside, across - edge if side % 2 else length - across - edge)
    cover = (0.5 - inside / dice.uniform(0.8, 2.5)).clamp(0, 1)
    card = paper(dice, size, picture.device, dice.chance(0.7))
    return picture + cover * (card - picture)
