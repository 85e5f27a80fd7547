"""Marks on the paper: what covers or replaces the picture, drawn with the mask of where it does.

Each drawer adds to a `Sheet`: the picture (3, H, W) in 0..1 and its damage mask (H, W) in 0..1. Lengths are shares of
the sheet's shorter side where a mark belongs to the print (stains, creases), pixels where it belongs to the scan
(dust).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F


class Dice:
    """Draws parameters on the CPU from a seed, so that every device ages a picture in the same way."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def chance(self, probability: float) -> bool:
        return self.uniform(0, 1) < probability

    def count(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def uniforms(self, *size: int) -> Tensor:
        return torch.rand(size, generator=self.generator)

    def normals(self, *size: int) -> Tensor:
        return torch.randn(size, generator=self.generator)


@dataclass(slots=True)
class Sheet:
    """A picture being damaged: pixels (3, H, W), mask (H, W)."""

    pixels: Tensor
    mask: Tensor

    @property
    def size(self) -> tuple[int, int]:
        return int(self.mask.shape[0]), int(self.mask.shape[1])

    def cover(self, opacity: Tensor, colour: Tensor) -> None:
        """Lays a colour (3,) or (3, H, W) over the picture; opacity (H, W)."""
        if colour.dim() == 1:
            colour = colour[:, None, None]
        self.pixels = self.pixels + opacity * (colour - self.pixels)
        self.mask = torch.maximum(self.mask, opacity)

    def tint(self, opacity: Tensor, factor: Tensor) -> None:
        """Multiplies the picture by a factor (3,): a stain is seen through. Weak tints count as weak damage."""
        self.pixels = self.pixels * (1 + opacity * (factor[:, None, None] - 1))
        weight = float((1 - factor).abs().max().clamp(0, 1))
        self.mask = torch.maximum(self.mask, opacity * min(1.0, 2 * weight))


def smooth_noise(dice: Dice, size: tuple[int, int], cell: float, device: torch.device, octaves: int = 2) -> Tensor:
    """Smooth random field (H, W), mean 0, deviation about 1; `cell` is the size of its largest features in pixels."""
    height, width = size
    total = torch.zeros(1, 1, height, width, device=device)
    for octave in range(octaves):
        step = max(2.0, cell / 2**octave)
        grid = dice.normals(1, 1, max(2, math.ceil(height / step) + 1), max(2, math.ceil(width / step) + 1)).to(device)
        total += F.interpolate(grid, size=size, mode="bicubic", align_corners=True) * 0.5**octave
    return total[0, 0] / total.std().clamp_min(1e-3)


def stroke_map(points: Tensor, widths: Tensor, size: tuple[int, int], softness: float, device: torch.device) -> Tensor:
    """Coverage (H, W) of the segments points (M, 2, 2) as (x, y), each with its width (M,) in pixels.

    Each segment is drawn into its own bounding box only: marks are small and pictures are large.
    """
    height, width = size
    total = torch.zeros(size, device=device)
    for (start, end), w in zip(points.tolist(), widths.tolist(), strict=True):
        reach = w / 2 + softness + 1
        left, right = math.floor(min(start[0], end[0]) - reach), math.ceil(max(start[0], end[0]) + reach) + 1
        top, bottom = math.floor(min(start[1], end[1]) - reach), math.ceil(max(start[1], end[1]) + reach) + 1
        left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
        if left >= right or top >= bottom:
            continue
        rows = torch.arange(top, bottom, device=device, dtype=torch.float32)[:, None] - start[1]
        columns = torch.arange(left, right, device=device, dtype=torch.float32)[None, :] - start[0]
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = ((columns * dx + rows * dy) / max(dx * dx + dy * dy, 1e-6)).clamp(0, 1)
        distance = torch.hypot(columns - along * dx, rows - along * dy)
        coverage = ((w / 2 - distance) / softness + 0.5).clamp(0, 1)
        part = total[top:bottom, left:right]
        torch.maximum(part, coverage, out=part)
    return total


def _polyline(dice: Dice, size: tuple[int, int], length: float, segments: int, wander: float) -> Tensor:
    """Segments (M, 2, 2) of a line of `length` pixels from anywhere, turning by about `wander` radians a step."""
    height, width = size
    x, y = dice.uniform(0, width), dice.uniform(0, height)
    angle = dice.uniform(0, 2 * math.pi)
    points = [(x, y)]
    for _ in range(segments):
        angle += wander * float(dice.normals(1))
        x, y = x + math.cos(angle) * length / segments, y + math.sin(angle) * length / segments
        points.append((x, y))
    return torch.tensor([[a, b] for a, b in pairwise(points)])


def _paper_or_black(dice: Dice, light: bool) -> Tensor:
    value = dice.uniform(0.82, 1.0) if light else dice.uniform(0.0, 0.2)
    warmth = dice.uniform(0, 0.08) if light else 0.0
    return torch.tensor([value, value - warmth / 2, value - warmth])


def scratches_and_dust(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Thin lines and specks, all light (on a print) or all dark (on a negative)."""
    device = sheet.pixels.device
    area = math.sqrt(sheet.mask.numel()) / 448
    light = dice.chance(0.6)
    for _ in range(dice.count(0, max(1, round(5 * severity * max(area, 0.4))))):
        length = dice.uniform(0.1, 0.6) * 448 * max(area, 0.5)
        line = _polyline(dice, sheet.size, length, dice.count(2, 6), 0.15)
        width = torch.full((len(line),), dice.uniform(0.8, 4.5))
        cover = stroke_map(line, width, sheet.size, dice.uniform(0.7, 1.6), device)
        sheet.cover(cover * dice.uniform(0.55, 1.0), _paper_or_black(dice, light).to(device))
    specks = dice.count(0, max(1, round(24 * severity * area**2)) + 2)
    if specks:
        centre = dice.uniforms(specks, 1, 2) * torch.tensor([sheet.size[1], sheet.size[0]])
        drift = dice.normals(specks, 1, 2) * 1.2
        radius = 1.0 + 7.0 * dice.uniforms(specks) ** 2.5
        cover = stroke_map(torch.cat([centre, centre + drift], 1), radius, sheet.size, 0.8, device)
        sheet.cover(cover * dice.uniform(0.7, 1.0), _paper_or_black(dice, light).to(device))


def cracks(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Wide cracks: the emulsion is gone along a wandering line 3 to 24 px wide, the bared paper shows, rims darken."""
    device = sheet.pixels.device
    side = min(sheet.size)
    for _ in range(dice.count(1, 2)):
        line = _polyline(dice, sheet.size, dice.uniform(0.5, 1.4) * side, dice.count(8, 16), 0.35)
        widest = 3 + 21 * severity * dice.uniform(0, 1) ** 2
        widths = widest * (0.4 + 0.6 * dice.uniforms(len(line)))
        ragged = smooth_noise(dice, sheet.size, 7, device)
        cover = stroke_map(line, widths, sheet.size, max(1.5, widest / 3), device)
        inside = (cover > 0).float()
        hole = inside * (((cover - 0.5 + 0.15 * ragged) * max(4.0, widest)).clamp(-0.5, 0.5) + 0.5)
        rim = inside * (((cover - 0.25 + 0.15 * ragged) * 6).clamp(-0.5, 0.5) + 0.5)
        sheet.tint(rim * 0.6, torch.full((3,), dice.uniform(0.5, 0.9), device=device))
        texture = 1 + 0.03 * smooth_noise(dice, sheet.size, 3, device)
        colour = _paper_or_black(dice, dice.chance(0.8)).to(device)[:, None, None] * texture
        sheet.cover(hole, colour)


def creases(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Folds: long straight lines, up to 5 px, that darken by up to 30 % or lose their emulsion in places."""
    device = sheet.pixels.device
    for _ in range(dice.count(1, 3)):
        line = _polyline(dice, sheet.size, 2.5 * max(sheet.size), 4, 0.02)
        width = torch.full((len(line),), dice.uniform(1.5, 2 + 4 * severity))
        cover = stroke_map(line, width, sheet.size, 1.5, device)
        broken = (smooth_noise(dice, sheet.size, 10, device) + dice.uniform(-1.0, 1.5)).clamp(0, 1)
        if dice.chance(0.5):
            sheet.tint(cover, torch.full((3,), dice.uniform(0.6, 0.85), device=device))
        sheet.cover(cover * broken, _paper_or_black(dice, True).to(device))


def lost_areas(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Holes, torn corners and flaked emulsion: patches of flat paper or backing with ragged rims."""
    device = sheet.pixels.device
    height, width = sheet.size
    rows = torch.arange(height, device=device, dtype=torch.float32)[:, None]
    columns = torch.arange(width, device=device, dtype=torch.float32)[None, :]
    ragged = smooth_noise(dice, sheet.size, 16, device, octaves=3)
    if dice.chance(0.3):
        right, bottom = dice.chance(0.5), dice.chance(0.5)
        reach = dice.uniform(0.05, 0.25) * min(height, width)
        distance = (width - columns if right else columns) + (height - rows if bottom else rows)
    else:
        reach = 2 + dice.uniform(0, 12) * max(0.3, severity)
        distance = torch.full(sheet.size, 1e6, device=device)
        for _ in range(dice.count(1, 4)):
            centre = dice.uniforms(2)
            distance = torch.minimum(
                distance, torch.hypot(columns - float(centre[0]) * width, rows - float(centre[1]) * height)
            )
    hole = (reach - distance + ragged * min(4.0, reach / 3)).clamp(-0.5, 0.5) + 0.5
    texture = 1 + 0.03 * smooth_noise(dice, sheet.size, 3, device)
    sheet.cover(hole, _paper_or_black(dice, dice.chance(0.75)).to(device)[:, None, None] * texture)


def foxing(sheet: Sheet, dice: Dice, severity: float) -> None:
    """Rust-brown spots, up to 80, radius to 4 % of the sheet."""
    device = sheet.pixels.device
    count = dice.count(2, 4 + round(76 * severity * min(1.0, min(sheet.size) / 448)))
    centre = dice.uniforms(count, 1, 2) * torch.tensor([sheet.size[1], sheet.size[0]])
    width = 2 + 0.08 * min(sheet.size) * dice.uniforms(count) ** 4
    cover = stroke_map(torch.cat([centre, centre + 0.5], 1), width, sheet.size, dice.uniform(2, 5), device)
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
