"""Clean photograph -> old photograph, with the mask of its damage.

In physical order: lens and resolution, grain, time (fading, toning, light), the paper (scratches, cracks, holes,
stains), reproduction (screen, scanner, JPEG). Everything follows from a seed; parameters are drawn on the CPU.
Tone is returned apart: the network learns to keep it, the tone stage learns to undo it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training import damage, optics
from engine.training.damage import Dice, Sheet


@dataclass(frozen=True, slots=True)
class Aged:
    """A batch of aged pictures, each (N, 3, H, W) in 0..1, and the mask (N, 1, H, W) of covered or lost places."""

    aged: Tensor
    toned: Tensor  # the clean picture with the aged one's tone: what a tone-keeping restoration should find
    clean: Tensor
    mask: Tensor


Marks = Callable[[Sheet, Dice, float], None]
MARKS: tuple[tuple[Marks, float], ...] = (  # what, and how probable at severity 1
    (damage.foxing, 0.08),
    (damage.stains, 0.12),
    (damage.creases, 0.12),
    (damage.lost_areas, 0.15),
    (damage.cracks, 0.2),
    (damage.scratches_and_dust, 0.6),
)


def age(clean: Tensor, seed: int, *, severity: float = 1.0, keep_clean: float = 0.1) -> Aged:
    """Ages a batch (N, 3, H, W), sRGB in 0..1. `severity` 0..1 scales every part; `keep_clean` is the share left as it
    is. The same seed gives the same parameters everywhere and the same pixels on one device type."""
    dice = Dice(torch.Generator().manual_seed(seed))
    noise = torch.Generator(device=clean.device).manual_seed(seed)
    active = (dice.uniforms(clean.shape[0]) >= keep_clean).float()
    x = _lens(clean, dice, severity, active)
    x = _grain(x, dice, severity, active, noise)
    change_tone = tone_change(dice, severity, active, clean.device)
    x, toned = change_tone(x), change_tone(clean)
    x, mask = _marks(x, dice, severity, active)
    x = _reproduce(x, dice, severity, active, noise)
    return Aged(aged=x, toned=toned, clean=clean, mask=mask)


def _sometimes(dice: Dice, count: int, probability: float) -> Tensor:
    return (dice.uniforms(count) < probability).float()


def _lens(x: Tensor, dice: Dice, severity: float, active: Tensor) -> Tensor:
    n = x.shape[0]
    on = active * _sometimes(dice, n, 0.7) * float(severity > 0)
    sigma = on * (0.2 + 2.8 * severity * dice.uniforms(n) ** 2)
    stretch = 1 + _sometimes(dice, n, 0.3) * dice.uniforms(n) * 1.5
    angle = dice.uniforms(n) * math.pi
    small = 1 + active * _sometimes(dice, n, 0.3) * severity * 3 * dice.uniforms(n) ** 2
    device = x.device
    x = optics.gaussian_blur(x, (sigma * stretch).to(device), sigma.to(device), angle.to(device))
    return optics.low_resolution(x, small)


def _grain(x: Tensor, dice: Dice, severity: float, active: Tensor, noise: torch.Generator) -> Tensor:
    n, device = x.shape[0], x.device
    on = active * _sometimes(dice, n, 0.75)
    amplitude = on * severity * 0.22 * dice.uniforms(n) ** 1.7
    clump = 0.9 * dice.uniforms(n)
    colour = _sometimes(dice, n, 0.5) * dice.uniforms(n).sqrt()
    midtones = dice.uniforms(n)
    film = optics.Grain(*(p.to(device) for p in (amplitude, clump, colour, midtones)))
    x = optics.grain(x, film, noise)
    plain = active * _sometimes(dice, n, 0.2) * severity * 0.16 * dice.uniforms(n)
    return optics.white_noise(x, plain.to(device), noise).clamp(0, 1)


def tone_change(dice: Dice, severity: float, active: Tensor, device: torch.device) -> Callable[[Tensor], Tensor]:
    """One fading and toning a picture, as a function, since the aged and the clean picture get the same.

    `active` (N,) is 1 for the pictures that change."""
    n = active.shape[0]
    fading = (active * _sometimes(dice, n, 0.5))[:, None] * severity
    cast = 0.08 * dice.normals(n, 3) * _sometimes(dice, n, 0.4)[:, None]
    black = (fading * (0.25 * dice.uniforms(n, 1) + cast)).clamp(0, 0.4)
    white = 1 - (fading * (0.3 * dice.uniforms(n, 1) - cast)).clamp(0, 0.45)
    gamma = torch.exp(fading * 0.35 * dice.normals(n, 1)).expand(n, 3)
    toning = active * _sometimes(dice, n, 0.5) * severity
    shifts = [
        toning * _sometimes(dice, n, p) * dice.uniforms(n) * most
        for p, most in ((0.4, 1.0), (0.6, 1.5), (0.25, 1.5), (0.2, 1.0))
    ]
    uneven = active * severity
    gradient = uneven * _sometimes(dice, n, 0.3) * 0.25 * dice.uniforms(n)
    vignette = uneven * _sometimes(dice, n, 0.2) * 0.4 * dice.uniforms(n)
    angle = dice.uniforms(n) * 2 * math.pi
    fade = [p.to(device) for p in (black, white, gamma)]
    tone = [p.to(device) for p in shifts]
    light = [p.to(device) for p in (gradient, angle, vignette)]

    def change(x: Tensor) -> Tensor:
        x = optics.illumination(optics.tone_shift(optics.fade(x, *fade), *tone), *light)
        return x.clamp(0, 1)

    return change


def _marks(x: Tensor, dice: Dice, severity: float, active: Tensor) -> tuple[Tensor, Tensor]:
    pictures, masks = [], []
    for picture, on in zip(x, active.tolist(), strict=True):
        sheet = Sheet(picture, torch.zeros_like(picture[0]))
        for mark, probability in MARKS:
            if dice.chance(probability * on * min(1.0, 0.4 + 0.6 * severity)) and severity > 0:
                mark(sheet, dice, severity)
        pictures.append(sheet.pixels.clamp(0, 1))
        masks.append(sheet.mask.clamp(0, 1))
    return torch.stack(pictures), torch.stack(masks)[:, None]


def _reproduce(x: Tensor, dice: Dice, severity: float, active: Tensor, noise: torch.Generator) -> Tensor:
    n, device = x.shape[0], x.device
    screened = active * _sometimes(dice, n, 0.04) * severity
    pitch, angle, hardness = 2.5 + 3.5 * dice.uniforms(n), dice.uniforms(n) * math.pi, 3 + 9 * dice.uniforms(n)
    if bool(screened.any()):
        share = screened * (0.5 + 0.5 * dice.uniforms(n))
        x = optics.dot_screen(x, *(p.to(device) for p in (pitch, angle, hardness, share)))
    sigma = active * _sometimes(dice, n, 0.5) * severity * 0.9 * dice.uniforms(n)
    x = optics.gaussian_blur(x, sigma.to(device), sigma.to(device), torch.zeros(n, device=device))
    scanner = active * _sometimes(dice, n, 0.3) * severity * 0.03 * dice.uniforms(n)
    x = optics.white_noise(x, scanner.to(device), noise).clamp(0, 1)
    pressed = active * _sometimes(dice, n, 0.6) * float(severity > 0)
    quality = 30 + 65 * dice.uniforms(n) ** 0.6
    compressed = optics.jpeg(x, quality.to(device))
    return torch.where(pressed.to(device)[:, None, None, None] > 0, compressed, x)
