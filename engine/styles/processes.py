"""Historical photographic processes, simulated: what each does to colour, and what its grain or screen looks like.

The colours teach the tone stage its palettes, the textures are drawn procedurally at render time; both follow from
the few numbers of a `Process`. They describe typical prints as found today, not a chemistry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import LUMA, hash_noise

Colour = tuple[float, float, float]
Texture = Literal["", "film", "starch", "screen"]


@dataclass(frozen=True, slots=True)
class Process:
    """`response` weighs red, green, blue into grey (None keeps the colours, changed by `saturation` and `matrix`);
    `shadow`, `middle`, `light` are the colours of black, mid-grey and white in the print, 0..1."""

    id: str
    title: str
    date: str
    response: Colour | None
    shadow: Colour
    middle: Colour
    light: Colour
    contrast: float = 1.0
    saturation: float = 1.0
    matrix: tuple[Colour, Colour, Colour] | None = None
    texture: Texture = ""
    grain: float = 0.0


BLUE_SENSITIVE: Colour = (0.05, 0.3, 0.65)  # wet plate and albumen negatives: skies white, reds dark
ORTHOCHROMATIC: Colour = (0.1, 0.5, 0.4)
PANCHROMATIC: Colour = LUMA

PROCESSES = (
    Process(
        "modern-colour", "Modern, clean, colour", "", None,
        (0, 0, 0), (0.5, 0.5, 0.5), (1, 1, 1), 1.08, 1.1,
    ),
    Process(
        "modern-grey", "Modern, clean, black and white", "", PANCHROMATIC,
        (0, 0, 0), (0.5, 0.5, 0.5), (1, 1, 1), 1.1,
    ),
    Process(
        "albumen", "Albumen print", "1850–1900", BLUE_SENSITIVE,
        (0.2, 0.11, 0.08), (0.62, 0.46, 0.34), (0.96, 0.9, 0.76), 0.95,
    ),
    Process(
        "daguerreotype", "Daguerreotype", "1839–1860", BLUE_SENSITIVE,
        (0.07, 0.08, 0.1), (0.4, 0.41, 0.42), (0.82, 0.82, 0.78), 1.15,
    ),
    Process(
        "tintype", "Tintype", "1856–1930", BLUE_SENSITIVE,
        (0.08, 0.06, 0.05), (0.32, 0.28, 0.24), (0.7, 0.64, 0.55), 1.05, texture="film", grain=0.02,
    ),
    Process(
        "cyanotype", "Cyanotype", "1842–1950", ORTHOCHROMATIC,
        (0.02, 0.1, 0.28), (0.22, 0.45, 0.66), (0.93, 0.96, 0.95), 1.05,
    ),
    Process(
        "platinum", "Platinum print", "1873–1940", ORTHOCHROMATIC,
        (0.16, 0.14, 0.13), (0.52, 0.5, 0.46), (0.95, 0.92, 0.86), 0.82,
    ),
    Process(
        "gelatin-neutral", "Gelatin silver print, neutral", "1885–today", PANCHROMATIC,
        (0.05, 0.05, 0.05), (0.5, 0.5, 0.5), (0.96, 0.96, 0.95), 1.1, texture="film", grain=0.035,
    ),
    Process(
        "gelatin-warm", "Gelatin silver print, warm", "1885–today", ORTHOCHROMATIC,
        (0.09, 0.07, 0.05), (0.54, 0.48, 0.42), (0.97, 0.93, 0.85), 1.0, texture="film", grain=0.03,
    ),
    Process(
        "sepia", "Sepia-toned silver print", "1880–1940", ORTHOCHROMATIC,
        (0.17, 0.09, 0.03), (0.6, 0.44, 0.27), (0.97, 0.9, 0.74), 0.95, texture="film", grain=0.025,
    ),
    Process(
        "autochrome", "Autochrome", "1907–1935", None,
        (0.1, 0.08, 0.08), (0.48, 0.44, 0.38), (0.9, 0.85, 0.72), 0.9, 0.75, texture="starch", grain=0.09,
    ),
    Process(
        "kodachrome", "Kodachrome, early", "1936–1955", None,
        (0.03, 0.02, 0.03), (0.52, 0.46, 0.42), (1, 0.97, 0.9), 1.25, 1.3, texture="film", grain=0.02,
    ),
    Process(
        "chromogenic-faded", "Chromogenic print, faded", "1942–1985", None,
        (0.25, 0.13, 0.14), (0.68, 0.5, 0.44), (0.98, 0.88, 0.78), 0.75, 0.6, texture="film", grain=0.02,
    ),
    Process(
        "halftone", "Halftone print", "1880–today", PANCHROMATIC,
        (0.14, 0.13, 0.13), (0.52, 0.5, 0.47), (0.92, 0.89, 0.82), 1.1, texture="screen", grain=0.5,
    ),
    Process(
        "photogravure", "Photogravure", "1879–1940", ORTHOCHROMATIC,
        (0.1, 0.09, 0.1), (0.46, 0.43, 0.4), (0.93, 0.9, 0.83), 0.95, texture="film", grain=0.045,
    ),
)  # fmt: skip
BY_ID = {process.id: process for process in PROCESSES}


def colours(process: Process, x: Tensor) -> Tensor:
    """x (N, 3, H, W) in 0..1 as a clean print of this process shows it, without its texture."""
    grey = _weigh(x, process.response or PANCHROMATIC)
    if process.response is None:
        y = grey + process.saturation * (x - grey)
        if process.matrix is not None:
            y = torch.einsum("ij,njhw->nihw", torch.tensor(process.matrix, device=x.device), y)
    else:
        y = grey.expand_as(x)
    y = (0.5 + process.contrast * (y - 0.5)).clamp(0, 1)
    shadow, middle, light = (_colour(c, x) for c in (process.shadow, process.middle, process.light))
    lower, upper = shadow + (middle - shadow) * (2 * y), middle + (light - middle) * (2 * y - 1)
    return torch.where(y < 0.5, lower, upper)


def _weigh(x: Tensor, weights: Colour) -> Tensor:
    return (x * _colour(weights, x)).sum(1, keepdim=True)


def _colour(colour: Colour, like: Tensor) -> Tensor:
    return torch.tensor(colour, device=like.device, dtype=like.dtype)[None, :, None, None]


MARGIN = 2  # pixels of noise around a tile that the texture's softening looks at


def draw_texture(x: Tensor, texture: str, amount: float, top: int, left: int, seed: int) -> Tensor:
    """x (1, 3, H, W) whose corner is pixel (top, left) of the image, with the process's texture of this amount.

    A function of the pixel's coordinates alone, so that tiles meet without a seam.
    """
    if amount <= 0 or not texture:
        return x
    height, width = x.shape[-2:]
    if texture == "screen":
        return _screen(x, amount, top, left)
    noise = hash_noise(
        top - MARGIN, left - MARGIN, height + 2 * MARGIN, width + 2 * MARGIN, planes=3, seed=seed, device=x.device
    )
    kernel = torch.tensor([0.05, 0.25, 0.4, 0.25, 0.05], device=x.device)
    kernel2 = (kernel[:, None] * kernel[None, :])[None, None].expand(3, 1, 5, 5)
    soft = F.conv2d(noise, kernel2, groups=3)
    if texture == "film":
        soft = soft[:, :1].expand(-1, 3, -1, -1)
    value = x.mean(1, keepdim=True).clamp(0, 1)
    return (x + 4.0 * amount * soft * (0.3 + 2.8 * value * (1 - value))).clamp(0, 1)


def _screen(x: Tensor, amount: float, top: int, left: int, pitch: float = 4.2, degrees: float = 45.0) -> Tensor:
    height, width = x.shape[-2:]
    rows = torch.arange(top, top + height, device=x.device, dtype=torch.float32)[:, None]
    columns = torch.arange(left, left + width, device=x.device, dtype=torch.float32)[None, :]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = 2 * math.pi / pitch
    cell = torch.cos((columns * c + rows * s) * turn) + torch.cos((rows * c - columns * s) * turn)
    value = x.mean(1, keepdim=True)
    ink = torch.sigmoid((value - (0.5 - 0.25 * cell)) * 7)
    screened = x + min(1.0, amount) * 0.5 * (x * ink + 0.6 * (1 - x) * ink - 0.3 * x * (1 - ink) - 0.1 * x)
    return screened.clamp(0, 1)
