"""Clean photograph -> old photograph, with the mask of its damage.

In physical order: lens and resolution, grain, time (fading, toning, light), the paper (scratches, cracks, holes,
stains), reproduction (screen, scanner, JPEG). Everything follows from a seed; parameters are drawn on the CPU.
Tone is returned apart: the network learns to keep it, the tone stage learns to undo it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training import damage, optics, screens, stains
from engine.training.sheet import Dice, Sheet


@dataclass(frozen=True, slots=True)
class Aged:
    """A batch of aged pictures, each (N, 3, H, W) in 0..1, and the mask (N, 1, H, W) of covered or lost places."""

    aged: Tensor
    toned: Tensor  # the clean picture with the aged one's tone: what a tone-keeping restoration should find
    clean: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Aged:
        """The same on another device."""
        return Aged(*(part.to(device) for part in (self.aged, self.toned, self.clean, self.mask)))


def joined(parts: Sequence[Aged]) -> Aged:
    """Several batches as one."""
    return Aged(*(torch.cat([getattr(part, name) for part in parts]) for name in ("aged", "toned", "clean", "mask")))


Marks = Callable[[Sheet, Dice, float], None]
MARKS: dict[str, tuple[Marks, float]] = {  # what, and how probable at severity 1; in the order they come about
    "ink fading": (stains.ink_fading, 0.04),
    "bleed-through": (stains.bleed_through, 0.05),
    "foxing": (stains.foxing, 0.08),
    "stains": (stains.stains, 0.12),
    "fingerprints": (stains.fingerprints, 0.04),
    "creases": (damage.creases, 0.12),
    "emulsion loss": (damage.emulsion_loss, 0.05),
    "lost areas": (damage.lost_areas, 0.12),
    "cracks": (damage.cracks, 0.2),
    "scratches and dust": (damage.scratches_and_dust, 0.6),
    "retouching": (damage.retouching, 0.04),
    "tape": (stains.tape, 0.04),
}
LENS = {"blur": 0.7, "low resolution": 0.3}
NOISES = {"grain": 0.7, "white noise": 0.25}
TONES = {
    "fading": 0.5,
    "sepia": 0.2,
    "yellowing": 0.3,
    "reddening": 0.12,
    "silver mirroring": 0.1,
    "uneven light": 0.3,
    "vignette": 0.2,
}
REPRODUCTION = {
    "dot screen": 0.04,
    "ordered dither": 0.008,
    "error diffusion": 0.008,
    "scanner blur": 0.5,
    "resampling": 0.2,
    "scanner noise": 0.3,
    "JPEG": 0.6,
}
INGREDIENTS = (*LENS, *NOISES, *TONES, *MARKS, *REPRODUCTION)


@dataclass(frozen=True, slots=True)
class Draw:
    """What one batch's parameters are drawn with; `active` (N,) is 1 for the pictures that age at all.

    `only` names the ingredients wanted, for certain and no others; None takes each with its probability.
    """

    dice: Dice
    severity: float
    active: Tensor
    only: tuple[str, ...] | None = None

    @property
    def count(self) -> int:
        return int(self.active.shape[0])

    def on(self, name: str, probability: float) -> Tensor:
        """(N,) of 0 and 1: which pictures get this ingredient."""
        drawn = self.dice.uniforms(self.count)  # also where it is not needed: the draws that follow stay the same
        if self.only is not None:
            return torch.full((self.count,), float(name in self.only and self.severity > 0))
        return (drawn < probability).float() * self.active * float(self.severity > 0)

    def upto(self, most: float, power: float = 1.0, least: float = 0.0) -> Tensor:
        """(N,) between `least` and `most`; a power above 1 makes small values more common."""
        return least + (most - least) * self.dice.uniforms(self.count) ** power


def age(
    clean: Tensor,
    seed: int,
    *,
    severity: float = 1.0,
    keep_clean: float = 0.1,
    look_alikes: float = 0.0,
    only: str | tuple[str, ...] | None = None,
) -> Aged:
    """Ages a batch (N, 3, H, W), sRGB in 0..1.

    `severity` 0..1 scales every part; `keep_clean` is the share left as it is, `look_alikes` the share that gets
    patches which resemble damage (in the clean picture too); `only` one or some of `INGREDIENTS`, for certain and
    without the others. The same seed gives the same parameters everywhere and the same pixels on one device type.
    Raises ValueError for an unknown ingredient.
    """
    only = (only,) if isinstance(only, str) else only
    for name in only or ():
        if name not in INGREDIENTS:
            raise ValueError(f"There is no ingredient “{name}”.")
    dice = Dice(torch.Generator().manual_seed(seed))
    noise = torch.Generator(device=clean.device).manual_seed(seed)
    active = (dice.uniforms(clean.shape[0]) >= keep_clean).float()
    draw = Draw(dice, severity, active, only)
    if look_alikes > 0:
        clean = torch.stack([damage.look_alikes(p, dice) if dice.chance(look_alikes) else p for p in clean])
    x = _lens(clean, draw)
    x = _noises(x, draw, noise)
    change_tone = tone_change(draw, clean.device)
    x, toned = change_tone(x), change_tone(clean)
    x, mask = _marks(x, draw)
    x = _reproduce(x, draw, noise)
    return Aged(aged=x, toned=toned, clean=clean, mask=mask)


def _lens(x: Tensor, draw: Draw) -> Tensor:
    device = x.device
    blurred = draw.on("blur", LENS["blur"])
    rarely = 1 + (draw.dice.uniforms(draw.count) < 0.05).float()
    sigma = blurred * (0.2 + draw.severity * rarely * draw.upto(2.6, 2.0))
    stretch = 1 + (draw.dice.uniforms(draw.count) < 0.3).float() * draw.upto(1.5)
    angle = draw.upto(math.pi)
    small = 1 + draw.on("low resolution", LENS["low resolution"]) * draw.severity * draw.upto(3.0, 2.0)
    x = optics.gaussian_blur(x, (sigma * stretch).to(device), sigma.to(device), angle.to(device))
    return optics.low_resolution(x, small)


def _noises(x: Tensor, draw: Draw, noise: torch.Generator) -> Tensor:
    device = x.device
    amplitude = draw.on("grain", NOISES["grain"]) * draw.severity * draw.upto(0.22, 1.7)
    clump = draw.upto(0.9)
    colour = (draw.dice.uniforms(draw.count) < 0.5).float() * draw.upto(1.0, 0.5)
    film = optics.Grain(*(p.to(device) for p in (amplitude, clump, colour, draw.upto(1.0))))
    x = optics.grain(x, film, noise)
    plain = draw.on("white noise", NOISES["white noise"]) * draw.severity * draw.upto(0.16)
    return optics.white_noise(x, plain.to(device), noise).clamp(0, 1)


def tone_change(
    draw: Draw, device: torch.device, severity: Tensor | None = None, chances: Mapping[str, float] = TONES
) -> Callable[[Tensor], Tensor]:
    """One fading and toning a picture, as a function, since the aged and the clean picture get the same.

    `severity` (N,) is that of each picture, where it is not the draw's for all; `chances` how probable each part is.
    """
    n, dice = draw.count, draw.dice
    severity = torch.full((n,), draw.severity) if severity is None else severity
    fading = (draw.on("fading", chances["fading"]) * severity)[:, None]
    cast = 0.08 * dice.normals(n, 3) * (dice.uniforms(n) < 0.4).float()[:, None]
    black = (fading * (0.25 * dice.uniforms(n, 1) + cast)).clamp(0, 0.4)
    white = 1 - (fading * (0.3 * dice.uniforms(n, 1) - cast)).clamp(0, 0.45)
    gamma = torch.exp(fading * 0.35 * dice.normals(n, 1)).expand(n, 3)
    shifts = [
        draw.on(name, chances[name]) * severity * draw.upto(most)
        for name, most in (("sepia", 1.0), ("yellowing", 1.5), ("reddening", 1.5), ("silver mirroring", 1.0))
    ]
    gradient = draw.on("uneven light", chances["uneven light"]) * severity * draw.upto(0.25)
    angle = draw.upto(2 * math.pi)
    vignette = draw.on("vignette", chances["vignette"]) * severity * draw.upto(0.4)
    fade = [p.to(device) for p in (black, white, gamma)]
    tone = [p.to(device) for p in shifts]
    light = [p.to(device) for p in (gradient, angle, vignette)]

    def change(x: Tensor) -> Tensor:
        x = optics.illumination(optics.tone_shift(optics.fade(x, *fade), *tone), *light)
        return x.clamp(0, 1)

    return change


def _marks(x: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    reach = min(1.0, 0.4 + 0.6 * draw.severity)
    wanted = torch.stack([draw.on(name, probability * reach) for name, (_, probability) in MARKS.items()], 1)
    pictures, masks = [], []
    for picture, marked in zip(x, wanted.tolist(), strict=True):
        sheet = Sheet(picture, torch.zeros_like(picture[0]))
        for (mark, _), on in zip(MARKS.values(), marked, strict=True):
            if on:
                mark(sheet, draw.dice, draw.severity)
        pictures.append(sheet.pixels.clamp(0, 1))
        masks.append(sheet.mask.clamp(0, 1))
    return torch.stack(pictures), torch.stack(masks)[:, None]


def _reproduce(x: Tensor, draw: Draw, noise: torch.Generator) -> Tensor:
    x = _print(x, draw)
    device, severity = x.device, draw.severity
    sigma = draw.on("scanner blur", REPRODUCTION["scanner blur"]) * severity * draw.upto(0.9)
    x = optics.gaussian_blur(x, sigma.to(device), sigma.to(device), torch.zeros_like(sigma, device=device))
    resampled = draw.on("resampling", REPRODUCTION["resampling"])
    x = optics.low_resolution(x, 1 + resampled * severity * draw.upto(0.8), mode="bicubic")
    scanner = draw.on("scanner noise", REPRODUCTION["scanner noise"]) * severity * draw.upto(0.03)
    x = optics.white_noise(x, scanner.to(device), noise).clamp(0, 1)
    pressed = draw.on("JPEG", REPRODUCTION["JPEG"])
    quality = 95 - 65 * (0.5 + 0.5 * severity) * draw.upto(1.0, 1.5)
    if not bool(pressed.any()):
        return x
    compressed = optics.jpeg(x, quality.to(device))
    return torch.where(optics.column(pressed.to(device)) > 0, compressed, x)


def _print(x: Tensor, draw: Draw) -> Tensor:
    """Pictures that come from a printed page: in dots, or as a few pixels of ink."""
    n, device = draw.count, x.device
    dots = draw.on("dot screen", REPRODUCTION["dot screen"]) * draw.severity * draw.upto(1.0, least=0.5)
    pitch, hardness = draw.upto(6.0, least=2.5), draw.upto(12.0, least=3.0)
    one, apart = draw.upto(math.pi)[:, None], (draw.dice.uniforms(n) < 0.4).float()[:, None]
    angles = one + apart * torch.tensor([0.0, math.pi / 6, math.pi / 3])
    bayer = draw.on("ordered dither", REPRODUCTION["ordered dither"]) * draw.upto(1.0, least=0.6)
    diffused = draw.on("error diffusion", REPRODUCTION["error diffusion"]) * draw.upto(1.0, least=0.6)
    kernel = screens.ATKINSON if draw.dice.chance(0.5) else screens.FLOYD_STEINBERG
    order = draw.dice.count(1, 3)
    if bool(dots.any()):
        x = screens.dot_screen(x, *(p.to(device) for p in (pitch, angles, hardness, dots)))
    for share, screen in ((bayer, "bayer"), (diffused, "diffusion")):
        if not bool(share.any()):
            continue
        hit = share > 0
        part = x[hit.to(device)]
        dithered = screens.ordered_dither(part, order) if screen == "bayer" else screens.error_diffusion(part, kernel)
        x = x.clone()
        x[hit.to(device)] = part + optics.column(share[hit].to(device) * draw.severity) * (dithered - part)
    return x
