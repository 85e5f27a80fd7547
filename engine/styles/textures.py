"""What lies on the surface of a print or painting: grain, starch, screens, hatching, strokes of a brush.

All are drawn procedurally, from the pixel's coordinates in the image, a seed and the pixel's own value, so that tiles
meet without a seam and nothing has to be kept. `amount` 0 draws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import hash_noise

Texture = Literal["", "film", "starch", "screen", "hatch", "brush", "dabs", "canvas"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The part of a sheet that is drawn on: where its corner lies in the image, in pixels, and the sheet's seed."""

    top: int
    left: int
    seed: int


def draw_texture(x: Tensor, texture: str, amount: float, top: int, left: int, seed: int) -> Tensor:
    """x (1, 3, H, W) whose corner is pixel (top, left) of the image, with this much of a texture; an unknown name draws
    nothing."""
    drawer = _DRAWERS.get(texture)
    if amount <= 0 or drawer is None:
        return x
    return drawer(x, amount, Sheet(top, left, seed)).clamp(0, 1)


def strength(beta: float) -> float:
    """How much of a card's texture this beta draws: all of it at 1, and no more than half as much again."""
    return 1.5 * beta / (beta + 0.5)


def _film(x: Tensor, amount: float, sheet: Sheet) -> Tensor:
    """Silver grain: grey, strongest in the middle tones."""
    return x + amount * _grain(x, sheet, 1) * _middle(x)


def _starch(x: Tensor, amount: float, sheet: Sheet) -> Tensor:
    """Dyed grains of potato starch: each colour its own."""
    return x + amount * _grain(x, sheet, 3) * _middle(x)


def _grain(x: Tensor, sheet: Sheet, planes: int) -> Tensor:
    """Softened noise (1, planes, H, W) of deviation 1."""
    height, width = x.shape[-2:]
    noise = hash_noise(
        sheet.top - 1, sheet.left - 1, height + 2, width + 2, planes=planes, seed=sheet.seed, device=x.device
    )
    rows = noise[:, :, :-2] + 2 * noise[:, :, 1:-1] + noise[:, :, 2:]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / (6 / math.sqrt(3))


def _middle(x: Tensor) -> Tensor:
    """1 in the middle tones, 0.3 at both ends."""
    value = x.mean(1, keepdim=True).clamp(0, 1)
    return 0.3 + 2.8 * value * (1 - value)


def _axes(x: Tensor, sheet: Sheet) -> tuple[Tensor, Tensor]:
    """The image's coordinates of the rows (H, 1) and columns (1, W) of x."""
    height, width = x.shape[-2:]
    rows = torch.arange(sheet.top, sheet.top + height, device=x.device, dtype=torch.float32)[:, None]
    return rows, torch.arange(sheet.left, sheet.left + width, device=x.device, dtype=torch.float32)[None, :]


def _screen(x: Tensor, amount: float, sheet: Sheet, pitch: float = 4.2, degrees: float = 45.0) -> Tensor:
    """Dots of ink on a turned grid, larger in the dark."""
    rows, columns = _axes(x, sheet)
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = 2 * math.pi / pitch
    cell = torch.cos((columns * c + rows * s) * turn) + torch.cos((rows * c - columns * s) * turn)
    value = x.mean(1, keepdim=True)
    ink = torch.sigmoid((value - (0.5 - 0.25 * cell)) * 7)
    return x + min(1.0, amount) * 0.5 * (x * ink + 0.6 * (1 - x) * ink - 0.3 * x * (1 - ink) - 0.1 * x)


_CUTS = ((20.0, 3.6, 0.0, 0.75), (-38.0, 4.1, 0.45, 1.0))  # degrees, pitch; the darkness where lines begin and close


def _hatch(x: Tensor, amount: float, sheet: Sheet) -> Tensor:
    """Lines of an engraver: thicker in the dark, crossed by a second set in the shadows, none on bare paper."""
    rows, columns = _axes(x, sheet)
    sway = 1.3 * torch.sin(columns / 37 + 1.7 * torch.sin(rows / 53)) + 0.9 * torch.sin(rows / 23)
    dark = 1 - x.mean(1, keepdim=True)
    ink = torch.zeros_like(dark)
    for degrees, pitch, first, last in _CUTS:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        line = 0.5 + 0.5 * torch.cos((rows * c + columns * s + sway) * (2 * math.pi / pitch))
        share = ((dark - first) / (last - first)).clamp(0, 1)
        ink = torch.maximum(ink, torch.sigmoid((line - 1.05 + share) * 8) * (share * 8).clamp(max=1))
    return x + amount * ((1 - ink) * 0.9 * (1 - x) * x.sqrt() - ink * 0.8 * x)


def _brush(x: Tensor, amount: float, sheet: Sheet) -> Tensor:
    """Long strokes that follow a slowly turning field, each of a colour a little its own, in relief."""
    rows, columns = _axes(x, sheet)
    across = rows + 22 * torch.sin(columns / 41 + 0.8 * torch.sin(rows / 67)) + 9 * torch.sin((columns + rows) / 29)
    along = columns - 17 * torch.sin(rows / 47) - 8 * torch.sin((rows - columns) / 31)
    coarse = _lattice(across / 4.5, along / 26, 3, sheet.seed)
    fine = _lattice(across / 1.8, along / 15, 1, sheet.seed + 1)
    paint = coarse.mean(1, keepdim=True) + 0.3 * (coarse - coarse.mean(1, keepdim=True)) + 0.5 * fine
    return x + amount * paint * (0.45 + 2.2 * x * (1 - x))


def _dabs(x: Tensor, amount: float, sheet: Sheet) -> Tensor:
    """Short dabs of pure colour, side by side."""
    rows, columns = _axes(x, sheet)
    across, along = rows + 3 * torch.sin(columns / 17), columns + 3 * torch.sin(rows / 13)
    return x + amount * 1.4 * _lattice(across / 4.0, along / 5.5, 3, sheet.seed) * (0.45 + 2.2 * x * (1 - x))


def _canvas(x: Tensor, amount: float, sheet: Sheet, pitch: float = 3.4) -> Tensor:
    """Threads of a linen weave under the paint, over and under in turn, and uneven."""
    rows, columns = _axes(x, sheet)
    turn = 2 * math.pi / pitch
    uneven = 0.8 * _lattice(rows / 19, columns / 19, 1, sheet.seed)
    warp, weft = torch.cos(columns * turn + uneven), torch.cos(rows * turn - uneven)
    over = torch.cos(columns * turn / 2) * torch.cos(rows * turn / 2)
    return x + amount * (warp * (0.6 + 0.6 * over) + weft * (0.6 - 0.6 * over) + 0.7 * uneven) * _middle(x)


def _lattice(rows: Tensor, columns: Tensor, planes: int, seed: int) -> Tensor:
    """Smooth noise (1, planes, H, W) in -1..1 at coordinates (H, W) of a grid that has a random value a crossing."""
    shape = (max(rows.shape[0], columns.shape[0]), max(rows.shape[1], columns.shape[1]))
    top, left = math.floor(float(rows.min())), math.floor(float(columns.min()))
    height = math.floor(float(rows.max())) + 2 - top
    width = math.floor(float(columns.max())) + 2 - left
    values = hash_noise(top, left, height, width, planes=planes, seed=seed, device=rows.device)
    x, y = 2 * (columns - left) / (width - 1) - 1, 2 * (rows - top) / (height - 1) - 1
    at = torch.stack([x.expand(shape), y.expand(shape)], -1)
    return F.grid_sample(values, at[None], mode="bilinear", align_corners=True)


_DRAWERS: dict[str, Callable[[Tensor, float, Sheet], Tensor]] = {
    "film": _film,
    "starch": _starch,
    "screen": _screen,
    "hatch": _hatch,
    "brush": _brush,
    "dabs": _dabs,
    "canvas": _canvas,
}
