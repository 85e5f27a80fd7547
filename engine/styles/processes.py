"""Historical photographic processes, simulated: what each does to colour, and what its grain or screen looks like.

Both follow from the few numbers of a `Process`, which describe typical prints as found today, not a chemistry. A
picture is given the colours exactly, as parameters of the tone stage; the tone stage learns from them, too, what the
codes of pictures mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.models.blocks import LUMA
from engine.models.tone import KNOTS, ToneParameters
from engine.styles.textures import Texture, draw_texture

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Process:
    """`response` weighs red, green, blue into grey (None keeps the colours, changed by `saturation`);
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
        (0.08, 0.06, 0.05), (0.32, 0.28, 0.24), (0.7, 0.64, 0.55), 1.05, texture="film", grain=0.008,
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
        (0.05, 0.05, 0.05), (0.5, 0.5, 0.5), (0.96, 0.96, 0.95), 1.1, texture="film", grain=0.022,
    ),
    Process(
        "gelatin-warm", "Gelatin silver print, warm", "1885–today", ORTHOCHROMATIC,
        (0.09, 0.07, 0.05), (0.54, 0.48, 0.42), (0.97, 0.93, 0.85), 1.0, texture="film", grain=0.02,
    ),
    Process(
        "sepia", "Sepia-toned silver print", "1880–1940", ORTHOCHROMATIC,
        (0.17, 0.09, 0.03), (0.6, 0.44, 0.27), (0.97, 0.9, 0.74), 0.95, texture="film", grain=0.016,
    ),
    Process(
        "autochrome", "Autochrome", "1907–1935", None,
        (0.1, 0.08, 0.08), (0.48, 0.44, 0.38), (0.9, 0.85, 0.72), 0.9, 0.75, texture="starch", grain=0.06,
    ),
    Process(
        "kodachrome", "Kodachrome, early", "1936–1955", None,
        (0.03, 0.02, 0.03), (0.52, 0.46, 0.42), (1, 0.97, 0.9), 1.25, 1.3, texture="film", grain=0.01,
    ),
    Process(
        "chromogenic-faded", "Chromogenic print, faded", "1942–1985", None,
        (0.25, 0.13, 0.14), (0.68, 0.5, 0.44), (0.98, 0.88, 0.78), 0.75, 0.6, texture="film", grain=0.012,
    ),
    Process(
        "halftone", "Halftone print", "1880–today", PANCHROMATIC,
        (0.14, 0.13, 0.13), (0.52, 0.5, 0.47), (0.92, 0.89, 0.82), 1.1, texture="screen", grain=0.5,
    ),
    Process(
        "photogravure", "Photogravure", "1879–1940", ORTHOCHROMATIC,
        (0.1, 0.09, 0.1), (0.46, 0.43, 0.4), (0.93, 0.9, 0.83), 0.95, texture="film", grain=0.03,
    ),
)  # fmt: skip
BY_ID = {process.id: process for process in PROCESSES}


def colours(process: Process, x: Tensor) -> Tensor:
    """x (N, 3, H, W) in 0..1 as a clean print of this process shows it, without its texture."""
    grey = _weigh(x, process.response or PANCHROMATIC)
    y = grey.expand_as(x) if process.response is not None else grey + process.saturation * (x - grey)
    y = (0.5 + process.contrast * (y - 0.5)).clamp(0, 1)
    shadow, middle, light = (_colour(c, x) for c in (process.shadow, process.middle, process.light))
    lower, upper = shadow + (middle - shadow) * (2 * y), middle + (light - middle) * (2 * y - 1)
    return torch.where(y < 0.5, lower, upper)


def _weigh(x: Tensor, weights: Colour) -> Tensor:
    return (x * _colour(weights, x)).sum(1, keepdim=True)


def _colour(colour: Colour, like: Tensor) -> Tensor:
    return torch.tensor(colour, device=like.device, dtype=like.dtype)[None, :, None, None]


def palette(process: Process) -> ToneParameters:
    """`colours` as parameters of the tone stage, for one picture.

    A prediction from its code would leave a black and white process some of the picture's colour. (What saturation
    takes beyond black and white is clipped before the contrast, not after it.)
    """
    straight = torch.linspace(0, 1, KNOTS)
    greys = colours(_toned_only(process), straight[None, None, None].expand(1, 3, 1, KNOTS))
    weights = torch.tensor(process.response or PANCHROMATIC).expand(3, 3)
    matrix = weights
    if process.response is None:
        matrix = weights + process.saturation * (torch.eye(3) - weights)
    return ToneParameters(straight.expand(1, 3, KNOTS), matrix[None].clone(), greys[:, :, 0])


def _toned_only(process: Process) -> Process:
    """A process that changes greys as this one does."""
    return replace(process, response=PANCHROMATIC, saturation=1.0)


def as_print(process: Process, x: Tensor, top: int = 0, left: int = 0) -> Tensor:
    """x (N, 3, H, W) in 0..1 as a print of this process, its texture included, at this place of the sheet."""
    return draw_texture(colours(process, x), process.texture, process.grain, top, left, 0)
