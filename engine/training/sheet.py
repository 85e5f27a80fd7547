"""What marks are drawn on and with: dice for their parameters, a sheet for their pixels, strokes, rough fields, paper.

Lengths are shares of the sheet's shorter side where a mark belongs to the print (stains, creases), pixels where it
belongs to the scan (dust).
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
    """A picture being damaged: pixels (3, H, W) in 0..1, mask (H, W) in 0..1 of what is covered or lost."""

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


def polyline(dice: Dice, size: tuple[int, int], length: float, segments: int, wander: float) -> Tensor:
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


def specks(dice: Dice, size: tuple[int, int], count: int) -> Tensor:
    """`count` points anywhere as segments of no length (count, 2, 2)."""
    centre = dice.uniforms(count, 1, 2) * torch.tensor([size[1], size[0]])
    return torch.cat([centre, centre + 0.1], 1)


def axes(size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel coordinates as a column (H, 1) and a row (1, W)."""
    rows = torch.arange(size[0], device=device, dtype=torch.float32)[:, None]
    return rows, torch.arange(size[1], device=device, dtype=torch.float32)[None, :]


def paper_or_black(dice: Dice, light: bool) -> Tensor:
    """A colour (3,): bare paper, slightly warm, or the black of a hole or of bared metal."""
    value = dice.uniform(0.72, 1.0) if light else dice.uniform(0.0, 0.2)
    warmth = dice.uniform(0, 0.1) if light else 0.0
    return torch.tensor([value, value - warmth / 2, value - warmth])


def paper(dice: Dice, size: tuple[int, int], device: torch.device, light: bool = True) -> Tensor:
    """Bare paper (3, H, W): its colour, its tooth, its clouds and, in half of the draws, a few fibres."""
    texture = 1 + dice.uniform(0.01, 0.05) * smooth_noise(dice, size, 3, device, octaves=1)
    texture = texture + dice.uniform(0.0, 0.04) * smooth_noise(dice, size, 14, device)
    if light and dice.chance(0.5):
        fibres = polyline(dice, size, dice.uniform(8, 30), 3, 0.5)
        shade = stroke_map(fibres, torch.full((len(fibres),), 1.0), size, 1.0, device)
        texture = texture - 0.08 * shade
    return (paper_or_black(dice, light).to(device)[:, None, None] * texture).clamp(0, 1)
