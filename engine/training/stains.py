"""What lies on the paper or has soaked into it: the picture is still there, seen through.

Each drawer adds to a `Sheet` and, by how much it hides, to its mask.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from engine.training.documents import text_mask
from engine.training.sheet import Dice, Sheet, axes, smooth_noise, specks, stroke_map


def foxing(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Rust-brown spots, up to 80, radius to 4 % of the sheet."""
    device = sheet.pixels.device
    count = dice.count(2, 4 + round(76 * severity * min(1.0, min(sheet.size) / 448)))
    width = 2 + 0.08 * min(sheet.size) * dice.uniforms(count) ** 4
    cover = stroke_map(specks(dice, sheet.size, count), width, sheet.size, dice.uniform(2, 5), device)
    low, high = torch.tensor([100.0, 60.0, 20.0]), torch.tensor([180.0, 110.0, 60.0])
    colour = (low + (high - low) * dice.uniform(0, 1)) / 255
    sheet.cover(cover * dice.uniform(0.2, 0.75), colour.to(device))


def stains(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Brownish stains and water tide-marks: level sets of a smooth field, darker along their rim."""
    device = sheet.pixels.device
    field = smooth_noise(dice, sheet.size, dice.uniform(0.2, 0.7) * min(sheet.size), device, octaves=3)
    level = dice.uniform(0.3, 1.5)
    factor = torch.tensor([0.97, 0.88, 0.72], device=device) ** dice.uniform(0.3, 1 + severity)
    if dice.chance(0.6):
        sheet.tint(((field - level) * 6).clamp(0, 1) * dice.uniform(0.3, 1.0), factor)
    rim = torch.exp(-(((field - level) / dice.uniform(0.03, 0.1)) ** 2))
    sheet.tint(rim * dice.uniform(0.3, 1.0), factor**1.5)


def fingerprints(sheet: Sheet, dice: Dice, severity: float) -> None:
    """The ridges of a fingertip, light grease or dark dirt: bent stripes inside a soft oval."""
    device = sheet.pixels.device
    rows, columns = axes(sheet.size, device)
    for _ in range(dice.count(1, 2)):
        x, y = dice.uniform(0, sheet.size[1]), dice.uniform(0, sheet.size[0])
        angle, length = dice.uniform(0, math.pi), dice.uniform(25, 70)
        u = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        v = (rows - y) * math.cos(angle) - (columns - x) * math.sin(angle)
        oval = (1.2 - torch.hypot(u / length, v / (0.65 * length)) * 1.2).clamp(0, 1)
        bent = torch.hypot(u + 0.4 * length, v) + 2 * smooth_noise(dice, sheet.size, 30, device)
        ridges = (torch.cos(bent * 2 * math.pi / dice.uniform(3.5, 7.0)) * 1.5 + 0.3).clamp(0, 1)
        gaps = (smooth_noise(dice, sheet.size, 12, device) + 0.8).clamp(0, 1)
        cover = oval.sqrt() * ridges * gaps * dice.uniform(0.15, 0.25 + 0.35 * severity)
        light = dice.chance(0.5)
        sheet.cover(
            cover, torch.full((3,), dice.uniform(0.75, 0.95) if light else dice.uniform(0.1, 0.3), device=device)
        )


def tape(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Adhesive tape, or the stain it left: a straight yellowed strip, its edges darker, its colour uneven."""
    device = sheet.pixels.device
    rows, columns = axes(sheet.size, device)
    x, y = dice.uniform(0, sheet.size[1]), dice.uniform(0, sheet.size[0])
    angle = dice.uniform(0, math.pi)
    u = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
    v = (rows - y) * math.cos(angle) - (columns - x) * math.sin(angle)
    half, long = dice.uniform(0.05, 0.14) * min(sheet.size), dice.uniform(0.3, 1.2) * min(sheet.size)
    strip = ((half - v.abs()) / 1.5).clamp(0, 1) * ((long - u.abs()) / 1.5).clamp(0, 1)
    uneven = (0.8 + 0.25 * smooth_noise(dice, sheet.size, 25, device)).clamp(0.2, 1)
    factor = torch.tensor([0.96, 0.86, 0.62], device=device) ** dice.uniform(0.4, 0.6 + severity)
    sheet.tint(strip * uneven, factor)
    edge = strip * torch.exp(-(((half - v.abs()) / 2.0) ** 2))
    sheet.tint(edge * dice.uniform(0.2, 0.8), factor * 0.8)
    if dice.chance(0.4):  # its surface shines: contrast is lost under it
        haze = strip * dice.uniform(0.1, 0.3)
        sheet.pixels = sheet.pixels + haze * (0.85 - sheet.pixels)


def bleed_through(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Writing from the back of the leaf, mirrored and soft, seen where the paper is light. Not part of the mask: it
    lies everywhere, and a curator's brush could not follow it."""
    writing = text_mask(dice.count(0, 1 << 20), sheet.size).flip(1).to(sheet.pixels.device)
    sigma = dice.count(1, 2)
    soft = F.avg_pool2d(writing[None, None], 2 * sigma + 1, stride=1, padding=sigma, count_include_pad=False)[0, 0]
    uneven = (0.7 + 0.4 * smooth_noise(dice, sheet.size, 60, sheet.pixels.device)).clamp(0, 1)
    light = sheet.pixels.mean(0).clamp(0, 1) ** 2
    strength = dice.uniform(0.05, 0.1 + 0.3 * severity)
    tint = torch.tensor([0.75, 0.9, 1.0], device=sheet.pixels.device) if dice.chance(0.5) else torch.ones(3)
    loss = strength * soft * uneven * light
    sheet.pixels = sheet.pixels * (1 - loss * tint.to(loss.device)[:, None, None])


def ink_fading(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Ink pales towards the paper around it, unevenly. Not part of the mask, for the same reason."""
    device = sheet.pixels.device
    pixels = sheet.pixels[None]
    around = F.max_pool2d(pixels, 9, stride=1, padding=4)
    ground = F.avg_pool2d(around, 9, stride=1, padding=4, count_include_pad=False)[0]
    field = smooth_noise(dice, sheet.size, dice.uniform(30, 120), device)
    share = (dice.uniform(0.1, 0.3 + 0.4 * severity) * (1 + 0.5 * field)).clamp(0, 0.85)
    sheet.pixels = sheet.pixels + share * (ground - sheet.pixels).clamp_min(0)
