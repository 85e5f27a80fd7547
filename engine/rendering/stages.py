"""The steps of the output equation, each a function of tensors (`docs/semantics.md`).

R0, F, D = backbone(x)    r = head(F, R0, n; z)    t = Tone(x + r)    y = x + strength * m * (t - x)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import hash_noise, luma
from engine.models.generator import MULTIPLE_OF, NOISE, Understanding, condition
from engine.models.generator import room as room_around
from engine.models.tone import THUMBNAIL, ToneParameters
from engine.models.weights import Restorer
from engine.rendering.claims import credible, feather, grow, trust
from engine.rendering.positions import POSITIONS, turned, turned_back
from engine.rendering.tensors import box_sum, pad_to_multiple
from engine.styles import processes
from engine.styles.textures import draw_texture, strength
from engine.types import Recipe, Region, StyleCard

MARGIN = 24  # pixels kept around a tile's core: the head needs 12, grain and mask a few more
CELL = 4  # the head works on a grid of 4 x 4 pixels, and within it on one of 2 x 2
_MENDED_SIDE = 192
_NEUTRAL = 3 / 255  # colour of the thumbnail up to which an image counts as black and white
_GROWN = 3  # pixels by which detected damage is widened before it is repaired
_REACH = 12  # pixels the head looks at around a pixel


@dataclass(frozen=True, slots=True)
class Seen:
    """What the backbone said about `region` (pixels of its level, corner on the grid of 4): the cached stage."""

    region: Region
    residual: Tensor  # (1, 3, h, w), h and w the region's size rounded up to the grid
    features: Tensor  # (1, 32, h / 4, w / 4)
    fine: Tensor  # (1, 12, h / 2, w / 2)
    room: Tensor  # (1, 1, h, w) how far the head may move a pixel
    damage: Tensor  # (1, 1, h, w) probability
    trust: Tensor  # (1, 1, h, w) 0..1: 0 where what looks like a hole may as well be the picture
    large: Tensor | None = None  # (1, 3, n * h, n * w) the enlarged picture, of a network that enlarges by itself

    @property
    def maps(self) -> tuple[tuple[Tensor, int], ...]:
        """Its tensors in the order above, each with how many pixels a side one of its values stands for."""
        pixels = ((part, 1) for part in (self.room, self.damage, self.trust))
        return (self.residual, 1), (self.features, CELL), (self.fine, CELL // 2), *pixels

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor, _ in self.maps) + (self.large.nbytes if self.large is not None else 0)


def understand(
    restorer: Restorer, x: Tensor, padded: Region, core: Region, *, thorough: bool = False
) -> Iterator[Seen | None]:
    """Runs the backbone over x (1, 3, H, W), the pixels of `padded`, in short steps; the last item is what it saw of
    the core and a margin. Both regions' corners lie on multiples of 16. A thorough look is eight."""
    weight = restorer.backbone.stem.weight
    prepared = pad_to_multiple(x, MULTIPLE_OF).to(weight.dtype)
    result = yield from _look(restorer, prepared)
    if thorough:
        result = yield from _look_again(restorer, prepared, result)
    kept = kept_around(core, padded)
    top, left = kept.y - padded.y, kept.x - padded.x
    rows, columns = slice(top, top + _up(kept.height)), slice(left, left + _up(kept.width))

    def own(part: Tensor, cell: int) -> Tensor:
        return _cells(part, rows, columns, cell).contiguous(memory_format=torch.channels_last)

    damage = _cells(credible(torch.sigmoid(result.damage.float())), rows, columns, 1)
    yield Seen(
        kept,
        own(result.residual, 1),
        own(result.features, CELL),
        own(result.fine, CELL // 2),
        own(result.room, 1),
        damage.to(weight.dtype),
        trust(damage).to(weight.dtype),
    )


def _look(restorer: Restorer, prepared: Tensor) -> Generator[None, None, Understanding]:
    last: Understanding | None = None
    for seen in restorer.backbone.steps(prepared.contiguous(memory_format=torch.channels_last)):
        last = seen
        yield None
    assert last is not None
    return last


def _look_again(restorer: Restorer, prepared: Tensor, first: Understanding) -> Generator[None, None, Understanding]:
    """The faithful residual and the damage as the mean of what is seen in all positions. The features, which the head
    knows the picture by, stay those of the first: a mean of features is no feature."""
    residual, damage = first.residual.float(), first.damage.float()
    for position in range(1, POSITIONS):
        again = yield from _look(restorer, turned(prepared, position))
        residual = residual + turned_back(again.residual, position).float()
        damage = damage + turned_back(again.damage, position).float()
        yield None
    mean = (residual / POSITIONS).to(first.residual.dtype)
    space = room_around(prepared + mean)
    return replace(first, residual=mean, damage=damage / POSITIONS, room=space)


def _cells(part: Tensor, rows: slice, columns: slice, cell: int) -> Tensor:
    """What a map on a grid of `cell` pixels holds of these rows and columns of pixels."""
    rows, columns = (slice(s.start // cell, s.stop // cell) for s in (rows, columns))
    return part[:, :, rows, columns]


def kept_around(core: Region, padded: Region) -> Region:
    """What is kept of a tile: its core and a margin, where the picture goes on."""
    wide = Region(core.x - MARGIN, core.y - MARGIN, core.width + 2 * MARGIN, core.height + 2 * MARGIN)
    return wide.intersect(padded)


def fine_trust(seen: Seen, region: Region) -> Tensor:
    """The same stricter, (1, 1, h, w) of a part of what was seen: for a picture that is to be enlarged.

    Its pixels may stand for many, and what is 3 px thick (the dots of a dress, letters) for more than a speck.
    """
    around = 8
    return trust(crop(seen.damage, seen.region, region, around), 1)[:, :, around:-around, around:-around]


def _up(length: int) -> int:
    return -(-length // CELL) * CELL


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe made ready: everything that is the same for all tiles of an image."""

    recipe: Recipe
    head: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]  # of features, fine ones, room, R0 and noise
    tone: tuple[tuple[ToneParameters, float], ...]  # each with the share it is mixed in at
    style: StyleCard | None
    neutral: bool  # the image is black and white: so is what is added to it


def prepare(restorer: Restorer, recipe: Recipe, style: StyleCard | None, thumbnail: Tensor) -> Plan:
    """Folds the sliders into the head and reads the tone stage off the whole image's thumbnail (1, 3, 64, 64)."""
    weight = restorer.backbone.stem.weight
    active = style if recipe.beta > 0 else None
    code = torch.tensor([active.code if active else (0.0,) * 64])
    beta = recipe.beta if active else 0.0
    z = condition(torch.tensor([restorer.heard(recipe.alpha, beta)]), torch.tensor([beta]), code)
    head = restorer.head.fold(z.to(weight.device)).to(weight.device, weight.dtype)
    damage_only = recipe.scope == "damage"
    neutral = is_neutral(thumbnail)
    tone: list[tuple[ToneParameters, float]] = []
    if unfades(recipe):
        unfading = restorer.tone.unfading(thumbnail)
        tone.append((unfading, 1.0))
        thumbnail = unfading.apply(thumbnail)
    if active and not damage_only:
        share = 1 - 1 / (1 + (20 * recipe.beta) ** 0.75)  # half of the palette at beta 0.05, and still more at 10
        tone.append((_palette(restorer, active, thumbnail), share))
    return Plan(recipe, head, tuple(tone), active, neutral)


def _palette(restorer: Restorer, style: StyleCard, thumbnail: Tensor) -> ToneParameters:
    """A simulated process has colours of its own; those of a picture's card are read off its code."""
    process = processes.BY_ID.get(style.id) if style.simulated else None
    if process is not None:
        return processes.palette(process).to(thumbnail)
    return restorer.tone.styling(thumbnail, torch.tensor([style.code], device=thumbnail.device))


def prepare_plain(restorer: Restorer, recipe: Recipe, thumbnail: Tensor) -> Plan:
    """The same for a residual that no head conditions, as another network finds it; only fading may be undone."""
    tone = ((restorer.tone.unfading(thumbnail), 1.0),) if unfades(recipe) else ()
    return Plan(recipe, _as_it_is, tone, None, is_neutral(thumbnail))


def _as_it_is(_features: Tensor, _fine: Tensor, _room: Tensor, residual: Tensor, _noise: Tensor) -> Tensor:
    return residual


def unfades(recipe: Recipe) -> bool:
    """Whether fading and casts are to be undone."""
    return not recipe.keep_tone and recipe.scope != "damage"


def is_neutral(thumbnail: Tensor) -> bool:
    """Whether an image is black and white, from its thumbnail (1, 3, H, W)."""
    return bool((thumbnail - thumbnail.mean(1, keepdim=True)).abs().max() < _NEUTRAL)


def tone_thumbnail(x: Tensor) -> Tensor:
    """Any picture (1, 3, H, W) -> (1, 3, 64, 64): what the tone stage sees of it."""
    return F.interpolate(x.float(), size=(THUMBNAIL, THUMBNAIL), mode="area")


def mended(restorer: Restorer, x: Tensor) -> Iterator[Tensor | None]:
    """Any picture (1, 3, H, W), shrunk to 192 pixels at most and restored: scratches, stains and grain are no colours
    of it, and the way back from fading is read off its colours. About 65 ms of a core, once a picture, in short
    steps; the last item is the picture."""
    share = min(1.0, _MENDED_SIDE / max(x.shape[2:]))
    small = F.interpolate(x.float(), size=[max(1, round(side * share)) for side in x.shape[2:]], mode="area")
    prepared = pad_to_multiple(small, MULTIPLE_OF).to(restorer.backbone.stem.weight.dtype)
    seen = yield from _look(restorer, prepared)
    change = seen.residual[:, :, : small.shape[2], : small.shape[3]].float()
    if is_neutral(small):
        change = change.mean(1, keepdim=True)
    yield (small + change).clamp(0, 1)


def residual(plan: Plan, seen: Seen, region: Region, *, mask: Tensor | None = None) -> Tensor:
    """r (1, 3, h, w) of `region`, a part of the seen core with its corner on the grid of 4: what the head adds.

    `mask` (1, 1, h, w) is a curator's own damage mask in 0..1, already feathered; None takes the detected one.
    """
    recipe = plan.recipe
    grain_reach = 4 if recipe.grain > 0 else 0
    r, lead = _residual(plan, seen, region, grain_reach)
    core = (slice(None), slice(None), slice(lead[0], lead[0] + region.height), slice(lead[1], lead[1] + region.width))
    restored = r[core]
    if recipe.grain > 0:
        lost_grain = -(r - lowpass(r))[core]
        intact = 1 - crop(seen.damage, seen.region, region, 0)
        restored = restored + recipe.grain * intact * lost_grain
    if mask is None:
        restored = restored * crop(seen.trust, seen.region, region, 0)
    return restored


def damage(seen: Seen, region: Region) -> Tensor:
    """The probability of damage (1, 1, h, w) of a part of what was seen, float32."""
    return crop(seen.damage, seen.region, region, 0)


def complete(
    plan: Plan, seen: Seen, x: Tensor, restored: Tensor, region: Region, *, level: int = 0, mask: Tensor | None = None
) -> Tensor:
    """Tone, texture and mask over the pixels x (1, 3, h, w) of `region` and the residual `restored` -> y - x."""
    return finish(plan, seen, x, toned(plan, x, restored), region, level=level, mask=mask)


def toned(plan: Plan, x: Tensor, restored: Tensor) -> Tensor:
    """t (1, 3, h, w) before there is a texture on it."""
    t = (x + restored).clamp_(0, 1)
    for parameters, share in plan.tone:
        t = t + share * (parameters.apply(t) - t)
    return t


def finish(
    plan: Plan, seen: Seen, x: Tensor, t: Tensor, region: Region, *, level: int = 0, mask: Tensor | None = None
) -> Tensor:
    """Texture and mask over what is toned, t (1, 3, h, w) -> y - x."""
    recipe = plan.recipe
    if plan.style is not None and recipe.scope == "whole":
        # On a halved level the texture is averaged with the pixels: a thumbnail shows little of it.
        amount = plan.style.grain * strength(recipe.beta) / (1 << level)
        t = draw_texture(t, plan.style.texture, amount, region.y, region.x, recipe.seed)
    delta = t - x
    if recipe.strength != 1:
        delta *= recipe.strength
    if recipe.scope == "damage":
        delta = delta * (mask if mask is not None else soft_damage(seen, region))
    return delta


def _residual(plan: Plan, seen: Seen, region: Region, extra: int) -> tuple[Tensor, tuple[int, int]]:
    """r over `region` and `extra` pixels around it, float32, and where the region's corner lies in it."""
    reach = _up(_REACH + extra)
    top = max(seen.region.y, region.y - reach)
    left = max(seen.region.x, region.x - reach)
    bottom, right = region.bottom + reach, region.right + reach
    rows = slice(top - seen.region.y, min(bottom - seen.region.y, seen.residual.shape[2]))
    columns = slice(left - seen.region.x, min(right - seen.region.x, seen.residual.shape[3]))
    rows = slice(rows.start, rows.start + _up(rows.stop - rows.start))
    columns = slice(columns.start, columns.start + _up(columns.stop - columns.start))
    residual, features, fine, room = (_cells(part, rows, columns, cell) for part, cell in seen.maps[:4])
    noise = hash_noise(
        top // CELL,
        left // CELL,
        features.shape[2],
        features.shape[3],
        planes=NOISE,
        seed=plan.recipe.seed,
        device=features.device,
    )
    r = plan.head(features, fine, room, residual, noise.to(features.dtype)).float()
    if plan.neutral:
        r = luma(r).expand_as(r)
    return r, (region.y - top, region.x - left)


def crop(field: Tensor, whole: Region, region: Region, around: int) -> Tensor:
    """`region` and `around` pixels on each side, of a field that covers `whole`, float32, not to be written to; beyond
    its end the border repeats."""
    top, left = region.y - whole.y - around, region.x - whole.x - around
    bottom, right = region.bottom - whole.y + around, region.right - whole.x + around
    height, width = field.shape[2:]
    inside = field[:, :, max(0, top) : min(height, bottom), max(0, left) : min(width, right)].float()
    pads = (max(0, -left), max(0, right - width), max(0, -top), max(0, bottom - height))
    return F.pad(inside, pads, mode="replicate") if any(pads) else inside


def lowpass(x: Tensor) -> Tensor:
    """A 9 x 9 mean of x (N, C, H, W), at its edges of what lies inside: what is finer than that is grain."""
    rows, columns = (torch.ones(1, 1, side, device=x.device, dtype=x.dtype) for side in x.shape[2:])
    rows, columns = (F.avg_pool1d(side, 9, stride=1, padding=4)[0, 0] * 9 for side in (rows, columns))
    return box_sum(x, 4) / (rows[:, None] * columns)


def in_bytes(damage: Tensor) -> Tensor:
    """Probabilities as uint8, 255 for certain. Exactly a half, which half precision often says, becomes 127 as what is
    just below it: so the bytes above 127 are the probabilities over a half that `soft_damage` repairs."""
    return (damage.float() * 255 - 0.5).ceil().to(torch.uint8)


def repaired(probability: NDArray[np.uint8], top: int, bottom: int) -> NDArray[np.uint8]:
    """What `soft_damage` repairs, before it is faded: 255 or 0 for rows `top` to `bottom` of detected damage (H, W),
    see `in_bytes`."""
    first, last = max(0, top - _GROWN), min(len(probability), bottom + _GROWN)
    wide = grow(torch.from_numpy(probability[first:last] > 127)[None, None], _GROWN)[0, 0]
    return wide[top - first : bottom - first].numpy().astype(np.uint8) * np.uint8(255)


def soft_damage(seen: Seen, region: Region) -> Tensor:
    """m (1, 1, h, w) where no person drew it: damage, over a half, grown by 3 px and faded over 2; exactly 0 beyond."""
    around = 8
    probability = crop(seen.damage, seen.region, region, around)
    return feather(grow(probability > 0.5, _GROWN).float())[:, :, around:-around, around:-around]
