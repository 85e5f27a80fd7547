"""Training of the upscaling tail: clean crops shrunk, restored by a finished backbone and head, and enlarged again.

Backbone and head stay as they are. The tail first learns to enlarge what is clean, then to leave out what is damaged:
begun together, the errors of damaged pictures, which nothing can mend, drown the rest. As in `phases`, all that goes
without a critic, and is what serves at alpha 10. Then the critic learns alone, then both go on together with
alpha * content + lambda * plausible, alpha drawn for every picture: what comes of that serves at a low alpha, beside
the weights from before it (`engine.models.upscale`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import luma
from engine.models.generator import NOISE as HEAD_NOISE
from engine.models.generator import condition as head_condition
from engine.models.upscale import CELL, NOISE, UPSCALES, Given, condition, enlarge
from engine.training.aging import age
from engine.training.dataset import APART
from engine.training.phases import CHANNELS_LAST, PLAUSIBLE, Lesson, critic_step, generator_loss, take
from engine.training.run import Run

LAMBDA = 3.0  # what is missing between two pixels is found by plausibility alone
COLOUR = 2.0  # weight of the colour's error in what is drawn against a critic, which sees none
UNTOUCHED = 0.7  # share of the pictures that are shrunk and no more, once there are others


@dataclass(frozen=True, slots=True)
class Pair:
    """What is to be enlarged (N, 3, h, w) and the truth (N, 3, scale * h, scale * w), both in 0..1."""

    small: Tensor
    large: Tensor
    scale: int


def shrink(large: Tensor, scale: int, *, area: bool = False) -> Tensor:
    """large (N, 3, sH, sW) -> (N, 3, H, W) at 8 bit: bicubic with antialiasing as Pillow's, or the mean of areas."""
    if area:
        small = F.avg_pool2d(large, scale)
    else:
        small = F.interpolate(large, scale_factor=1 / scale, mode="bicubic", antialias=True)
    return (small.clamp(0, 1) * 255).round() / 255


def pairs(lesson: Lesson, untouched: float = UNTOUCHED) -> Pair:
    """A batch for one size, the sizes taking turns; `phase.size` is that of the pictures to be enlarged.

    `untouched` is the share that is only shrunk. The others are a little blurred, noisy, scratched or pressed by JPEG,
    as scans are, so that the tail neither enlarges noise nor takes repairs back. Their tone is left as it was:
    enlarging is not to change it.
    """
    rng = random.Random(lesson.seed + APART)
    scale = UPSCALES[(lesson.seed + lesson.seed // 8) % len(UPSCALES)]  # every eighth step is a special one
    large = lesson.photos.batch(lesson.phase.batch, scale * lesson.phase.size, lesson.seed).to(lesson.device)
    if rng.random() < 0.3:
        large = _faded(large, rng)
    small = shrink(large, scale, area=rng.random() < 0.15)
    if untouched < 1:
        aged = age(small, lesson.seed, severity=rng.uniform(0.2, 0.9), keep_clean=untouched)
        small = ((aged.aged + (aged.clean - aged.toned)).clamp(0, 1) * 255).round() / 255
    return Pair(small.contiguous(memory_format=CHANNELS_LAST), large, scale)


def _faded(large: Tensor, rng: random.Random) -> Tensor:
    """The batch with less contrast, as old prints have."""
    black, white = 0.3 * rng.random() ** 2, 1 - 0.3 * rng.random() ** 2
    return large * (white - black) + black


def given(run: Run, small: Tensor, alpha: Tensor, seed: int, autocast: torch.autocast) -> Given:
    """What the tail gets to see of these pictures: backbone and head at beta = 0, without gradients."""
    n, _, height, width = small.shape
    drawn = _noise((n, HEAD_NOISE, height // 4, width // 4), seed).to(small.device)
    plain = torch.zeros(n, device=small.device)
    z = head_condition(alpha, plain, torch.zeros(n, 64, device=small.device))
    with torch.no_grad(), autocast:
        seen = run.nets.backbone(small)
        r = run.nets.head(seen, drawn, z)
        damage = torch.sigmoid(seen.damage.float())
    return Given(small, r, damage, _noise((n, NOISE, height // CELL, width // CELL), seed + 1).to(small.device))


def enlarged(run: Run, pair: Pair, alpha: Tensor, seed: int, autocast: torch.autocast, *, bound: float = 0.0) -> Tensor:
    """The tail's pictures (N, 3, scale * h, scale * w) in float32; `bound` is 1 for what plays against a critic."""
    looked_at = given(run, pair.small, alpha, seed, autocast)
    z = condition(alpha, pair.scale)
    with autocast:
        change = run.nets.upscaler(looked_at, z, pair.scale, bound)
    y: Tensor = enlarge(pair.small, pair.scale).clamp(0, 1) + change.float()
    return y


def _noise(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def draw_alphas(lesson: Lesson) -> Tensor:
    """(N,): alpha = 10^U(-1, 1)."""
    # Not the seed itself: the aging draws with it which pictures stay clean, and would tell that by alpha.
    generator = torch.Generator().manual_seed(lesson.seed + APART)
    return (10 ** (2 * torch.rand(lesson.phase.batch, generator=generator) - 1)).to(lesson.device)


def distance(y: Tensor, pair: Pair) -> Tensor:
    """L_content a picture, (N,): Charbonnier over that of bicubic enlargement.

    Taken as it is, the error of a picture that was badly damaged drowns what a clean one has to teach.
    """
    plain = _charbonnier(enlarge(pair.small, pair.scale), pair.large)
    return _charbonnier(y, pair.large) / (plain + 0.005)


def _charbonnier(y: Tensor, truth: Tensor) -> Tensor:
    return ((y - truth).square() + 1e-6).sqrt().mean((1, 2, 3))


def clean(run: Run, lesson: Lesson) -> dict[str, float]:
    """The tail without a critic, on pictures that were only shrunk."""
    return _content(run, lesson, pairs(lesson, untouched=1.0))


def mixed(run: Run, lesson: Lesson) -> dict[str, float]:
    """The same with damaged ones among them."""
    return _content(run, lesson, pairs(lesson))


def _content(run: Run, lesson: Lesson, pair: Pair) -> dict[str, float]:
    y = enlarged(run, pair, draw_alphas(lesson), lesson.seed, lesson.autocast())
    loss = distance(y, pair).mean()
    norm = take(run, "upscale", loss, limit=5.0)
    run.follow("upscaler")
    return {f"content_{pair.scale}": loss.item(), "norm": norm}


def critic(run: Run, lesson: Lesson) -> dict[str, float]:
    """The critic alone, against a tail that stands still."""
    pair = pairs(lesson)
    with torch.no_grad():
        fake = enlarged(run, pair, draw_alphas(lesson), lesson.seed, lesson.autocast(), bound=1.0)
    figures = critic_step(run, lesson, pair.large, fake)
    run.follow("critic")
    return figures


def joint(run: Run, lesson: Lesson) -> dict[str, float]:
    """Tail against critic: L = (lambda L_plausible + alpha L_content) / (lambda + alpha), and colour as it is."""
    pair, alpha = pairs(lesson), draw_alphas(lesson)
    y = enlarged(run, pair, alpha, lesson.seed, lesson.autocast(), bound=1.0)
    figures = critic_step(run, lesson, pair.large, y)
    apart = distance(y, pair)
    adversarial = generator_loss(run, lesson, pair.large, y)
    plain = _charbonnier(enlarge(pair.small, pair.scale), pair.large) + 0.005
    found = {name: measure(y, pair.large) / plain for name, _, measure in PLAUSIBLE}
    plausible = adversarial + torch.stack([weight * found[name] for name, weight, _ in PLAUSIBLE]).sum(0)
    colour = _charbonnier(y - luma(y), pair.large - luma(pair.large)) / plain
    loss = ((LAMBDA * plausible + alpha * apart) / (LAMBDA + alpha) + COLOUR * colour).mean()
    norm = take(run, "upscale", loss, limit=5.0)
    run.nets.critic.zero_grad(set_to_none=True)
    run.follow("upscaler", "critic")
    return figures | {
        f"content_{pair.scale}": apart.mean().item(),
        "adversarial": adversarial.mean().item(),
        "norm": norm,
        **{name: part.mean().item() for name, part in found.items()},
    }
