"""What is gone from the picture: scratches, dust, creases, cracks, holes, torn corners, flaked emulsion, retouching.

Each drawer adds to a `Sheet` and to its mask. Below them, `look_alikes`: what resembles damage and is none.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.training.sheet import (
    Dice,
    Sheet,
    axes,
    paper,
    paper_or_black,
    polyline,
    smooth_noise,
    specks,
    stroke_map,
)


def scratches_and_dust(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Thin lines and specks, all light (on a print) or all dark (on a negative)."""
    device = sheet.pixels.device
    area = math.sqrt(sheet.mask.numel()) / 448
    light = dice.chance(0.6)
    for _ in range(dice.count(0, max(1, round(5 * severity * max(area, 0.4))))):
        if dice.chance(0.4):
            _tramlines(sheet, dice, light)
            continue
        if dice.chance(0.3):
            _fibre(sheet, dice, light)
            continue
        length = dice.uniform(0.1, 0.6) * 448 * max(area, 0.5)
        line = polyline(dice, sheet.size, length, dice.count(2, 6), 0.15)
        width = torch.full((len(line),), dice.uniform(0.8, 4.5))
        cover = stroke_map(line, width, sheet.size, dice.uniform(0.7, 1.6), device)
        sheet.cover(cover * dice.uniform(0.55, 1.0), paper_or_black(dice, light).to(device))
    count = dice.count(0, max(1, round(24 * severity * area**2)) + 2)
    if count:
        points = specks(dice, sheet.size, count)
        points[:, 1] += dice.normals(count, 2) * 1.2
        radius = 1.0 + 7.0 * dice.uniforms(count) ** 2.5
        cover = stroke_map(points, radius, sheet.size, 0.8, device)
        sheet.cover(cover * dice.uniform(0.7, 1.0), paper_or_black(dice, light).to(device))


def _tramlines(sheet: Sheet, dice: Dice, light: bool) -> None:
    """What a grain of sand in a camera, a plate holder or a scanner's glass leaves: straight lines over everything,
    mostly along a side of the picture, often several beside each other."""
    device, (height, width) = sheet.pixels.device, sheet.size
    angle = dice.uniform(0, math.pi)
    if dice.chance(0.7):
        angle = dice.count(0, 1) * math.pi / 2 + 0.02 * float(dice.normals(1)) * dice.count(0, 1)
    reach, (x, y) = float(height + width), (dice.uniform(0, width), dice.uniform(0, height))
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    for _ in range(1 if dice.chance(0.7) else dice.count(2, 4)):
        aside = dice.uniform(-40, 40)
        near, far = (reach if dice.chance(0.8) else dice.uniform(20, reach / 2) for _ in range(2))
        at = x + aside * across[0], y + aside * across[1]
        ends = [[at[0] + s * along[0], at[1] + s * along[1]] for s in (-near, far)]
        thick = torch.tensor([0.8 + 4.7 * dice.uniform(0, 1) ** 1.5])
        cover = stroke_map(torch.tensor([ends]), thick, sheet.size, dice.uniform(0.4, 1.6), device)
        if dice.chance(0.3):  # it comes and goes
            cover = cover * (0.7 + smooth_noise(dice, sheet.size, 30, device)).clamp(0, 1)
        sheet.cover(cover * dice.uniform(0.55, 1.0), paper_or_black(dice, light).to(device))


def _fibre(sheet: Sheet, dice: Dice, light: bool) -> None:
    """A hair or a thread of lint that lay on the film or on the glass: an even, thin, curling line."""
    device, (height, width) = sheet.pixels.device, sheet.size
    x, y, angle = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(0, 2 * math.pi)
    bend, points = 0.12 * float(dice.normals(1)), [(x, y)]
    for _ in range(dice.count(6, 24)):
        bend += 0.05 * float(dice.normals(1))
        angle += bend
        x, y = x + 5 * math.cos(angle), y + 5 * math.sin(angle)
        points.append((x, y))
    line = torch.tensor([[a, b] for a, b in pairwise(points)])
    thick = torch.full((len(line),), dice.uniform(0.8, 3.0))
    cover = stroke_map(line, thick, sheet.size, dice.uniform(0.5, 1.4), device)
    sheet.cover(cover * dice.uniform(0.6, 1.0), paper_or_black(dice, light).to(device))


def cracks(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Wide cracks: the emulsion is gone along a wandering line 3 to 24 px wide, the bared paper shows, rims darken."""
    device = sheet.pixels.device
    side = min(sheet.size)
    for _ in range(dice.count(1, 2)):
        line = polyline(dice, sheet.size, dice.uniform(0.5, 1.4) * side, dice.count(8, 16), 0.35)
        widest = 3 + 21 * severity * dice.uniform(0, 1) ** 2
        widths = widest * (0.4 + 0.6 * dice.uniforms(len(line)))
        ragged = smooth_noise(dice, sheet.size, 7, device)
        cover = stroke_map(line, widths, sheet.size, max(1.5, widest / 3), device)
        inside = (cover > 0).float()
        hole = inside * (((cover - 0.5 + 0.15 * ragged) * max(4.0, widest)).clamp(-0.5, 0.5) + 0.5)
        rim = inside * (((cover - 0.25 + 0.15 * ragged) * 6).clamp(-0.5, 0.5) + 0.5)
        sheet.tint(rim * 0.6, torch.full((3,), dice.uniform(0.5, 0.9), device=device))
        _bare(sheet, dice, hole, dice.chance(0.8))


def creases(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Folds: long straight lines, up to 5 px, that darken by up to 30 % or lose their emulsion in places."""
    device = sheet.pixels.device
    for _ in range(dice.count(1, 3)):
        line = polyline(dice, sheet.size, 2.5 * max(sheet.size), 4, 0.02)
        width = torch.full((len(line),), dice.uniform(1.5, 2 + 4 * severity))
        cover = stroke_map(line, width, sheet.size, 1.5, device)
        broken = (smooth_noise(dice, sheet.size, 10, device) + dice.uniform(-1.0, 1.5)).clamp(0, 1)
        if dice.chance(0.5):
            sheet.tint(cover, torch.full((3,), dice.uniform(0.6, 0.85), device=device))
        sheet.cover(cover * broken, paper_or_black(dice, True).to(device))


def lost_areas(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Holes and torn corners: bare paper or backing behind a ragged rim."""
    height, width = sheet.size
    rows, columns = axes(sheet.size, sheet.pixels.device)
    ragged = smooth_noise(dice, sheet.size, 16, sheet.pixels.device, octaves=3)
    if dice.chance(0.3):
        right, bottom = dice.chance(0.5), dice.chance(0.5)
        reach = dice.uniform(0.05, 0.25) * min(height, width)
        distance = (width - columns if right else columns) + (height - rows if bottom else rows)
    else:
        reach = 2 + dice.uniform(0, 12) * max(0.3, severity)
        distance = torch.full(sheet.size, 1e6, device=sheet.pixels.device)
        for _ in range(dice.count(1, 4)):
            x, y = dice.uniform(0, width), dice.uniform(0, height)
            distance = torch.minimum(distance, torch.hypot(columns - x, rows - y))
    hole = (reach - distance + ragged * min(4.0, reach / 3)).clamp(-0.5, 0.5) + 0.5
    _bare(sheet, dice, hole, dice.chance(0.75))


def emulsion_loss(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Flakes: many small places, crowded together, where the layer came off the paper or the glass."""
    device = sheet.pixels.device
    crowd = smooth_noise(dice, sheet.size, 0.4 * min(sheet.size), device)
    flakes = smooth_noise(dice, sheet.size, dice.uniform(5, 22), device, octaves=3)
    level = dice.uniform(2.0, 2.6) - 0.9 * severity
    hole = ((flakes + 0.7 * crowd - level) * dice.uniform(3, 8)).clamp(0, 1)
    _bare(sheet, dice, hole, dice.chance(0.7))


def retouching(sheet: Sheet, dice: Dice, severity: float) -> None:
    """An earlier hand's retouching: short flat brush strokes in nearly the right tone, pencil lines along a contour."""
    device = sheet.pixels.device
    for _ in range(dice.count(1, 2 + round(3 * severity))):
        line = polyline(dice, sheet.size, dice.uniform(6, 40), 3, 0.5)
        cover = stroke_map(line, torch.full((len(line),), dice.uniform(1.5, 6)), sheet.size, 1.5, device)
        if not bool(cover.any()):
            continue
        under = (sheet.pixels * cover).sum((1, 2)) / cover.sum()
        colour = (under + 0.18 * (0.3 + severity) * float(dice.normals(1))).clamp(0, 1)
        sheet.cover(cover * dice.uniform(0.6, 0.95), colour)


def _bare(sheet: Sheet, dice: Dice, hole: Tensor, light: bool) -> None:
    """What shows through a hole (H, W): paper or black, in half of the draws behind a torn white rim and a shadow."""
    device = sheet.pixels.device
    if dice.chance(0.5):
        shift = (dice.count(-2, 2), dice.count(-2, 2))
        shadow = F.avg_pool2d(hole[None, None], 5, stride=1, padding=2)[0, 0].roll(shift, (0, 1))
        sheet.tint(shadow * dice.uniform(0.2, 0.6), torch.full((3,), 0.55, device=device))
    if dice.chance(0.5):
        reach = dice.count(1, 3)
        rim = F.max_pool2d(hole[None, None], 2 * reach + 1, stride=1, padding=reach)[0, 0]
        sheet.cover(rim * dice.uniform(0.5, 1.0), paper_or_black(dice, True).to(device))
    sheet.cover(hole, paper(dice, sheet.size, device, light))


def look_alikes(picture: Tensor, dice: Dice) -> Tensor:
    """Pale or dark patches that belong to the picture (3, H, W): collars, windows, buttons, plates, lamps, thin wires.

    Smooth and shaded where paper is rough and torn. They go into the clean picture and into no mask: without them a
    network takes every white collar for a hole, and fills it.
    """
    size = (int(picture.shape[1]), int(picture.shape[2]))
    rows, columns = axes(size, picture.device)
    for _ in range(dice.count(1, 3)):
        x, y = dice.uniform(0, size[1]), dice.uniform(0, size[0])
        angle, flat = dice.uniform(0, math.pi), dice.uniform(0.3, 1.0)
        u = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        v = ((rows - y) * math.cos(angle) - (columns - x) * math.sin(angle)) / flat
        radius = 2 + 26 * dice.uniform(0, 1) ** 2
        distance = torch.maximum(u.abs(), v.abs()) if dice.chance(0.5) else torch.hypot(u, v)
        if dice.chance(0.04):  # a wire, a rope, a stick; rare, or scratches are taken for them
            distance, radius = v.abs() * flat, dice.uniform(0.7, 2.0)
        edge = dice.uniform(0.6, 2.5)
        cover = ((radius - distance) / edge + 0.5).clamp(0, 1)
        value = dice.uniform(0.75, 1.0) if dice.chance(0.75) else dice.uniform(0.0, 0.15)
        shading = (
            1 + dice.uniform(-0.2, 0.2) * (u / radius).clamp(-1, 1) + 0.02 * smooth_noise(dice, size, 20, u.device)
        )
        tint = 1 + 0.04 * dice.normals(3).to(u.device)[:, None, None]
        picture = picture + cover * ((value * shading * tint).clamp(0, 1) - picture)
    return picture
