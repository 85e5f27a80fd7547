"""The phases of the tone stage: undo fading, lay the palette of a reference over another picture; thumbnails alone."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models import losses
from engine.models.blocks import luma
from engine.models.style_encoder import REFERENCE_SIZE
from engine.models.tone import neutralised, order_statistics
from engine.styles import processes
from engine.training import optics
from engine.training.aging import TONES, Draw, tone_change
from engine.training.phases import Lesson, any_process, as_print, take
from engine.training.run import Run
from engine.training.sheet import Dice

_PIXELS = 512  # of a thumbnail, drawn anew for every batch: a few hundred tell how colours are distributed
_REST = (1.8, 3.5)  # -log10 of the mean square of what no change of tone mends, damage and lost detail
_CHANCES = TONES | {
    "sepia": 0.3, "yellowing": 0.35, "reddening": 0.25, "silver mirroring": 0.2,
    "uneven light": 0.0, "vignette": 0.0,
}  # fmt: skip


def tone(run: Run, lesson: Lesson) -> dict[str, float]:
    """The tone stage and the style encoder: undo fading; lay the palette of a reference over another picture."""
    figures = _tone_step(run, lesson, "tone")
    run.follow("tone", "encoder")
    return figures


def palette(run: Run, lesson: Lesson) -> dict[str, float]:
    """The tone stage alone, for longer: the head has learned the encoder's codes by now, so these stay."""
    run.nets.encoder.requires_grad_(False)
    figures = _tone_step(run, lesson, "palette")
    run.follow("tone")
    return figures


def unfade(run: Run, lesson: Lesson) -> dict[str, float]:
    """The way back from fading alone: a small network that sees no pictures, so that many steps cost little."""
    clean = lesson.photos.kept_thumbnails(lesson.phase.batch, lesson.phase.size, lesson.seed).to(lesson.device)
    distance = _unfading_distance(run, lesson, clean, Dice(torch.Generator().manual_seed(lesson.seed)))
    norm = take(run, "unfade", distance, limit=1.0)
    run.follow("tone.unfade")
    return {"unfade": distance.item(), "norm": norm}


def _unfading_distance(run: Run, lesson: Lesson, clean: Tensor, dice: Dice) -> Tensor:
    """How far faded pictures (N, 3, H, W), unfaded again, are from what they were: log10 of the mean square, so that
    what is nearly right counts as much as what is far off. Half of them are black and white, as most old photographs
    are: a toned one is to become neutral again, which no colour picture would teach. Nearer than what no tone mends is
    near enough; how much that is differs from picture to picture."""
    device = clean.device
    grey = (dice.uniforms(len(clean)) < 0.5).to(device)
    clean = torch.where(grey[:, None, None, None], luma(clean).expand_as(clean), clean)
    faded = _faded(clean, dice)
    some = dice.normals(clean[0, 0].numel()).argsort()[:_PIXELS].to(device)
    clean, faded = clean.flatten(2)[:, :, some], faded.flatten(2)[:, :, some]
    spots = 0.03 * dice.uniform(0, 1) * dice.normals(*faded.shape).to(device)  # what is left of grain and dust
    with torch.random.fork_rng():  # dropout draws from it; a run that goes on is to draw the same
        torch.manual_seed(lesson.seed)
        parameters = run.nets.tone.unfade(order_statistics((faded + spots).clamp(0, 1)))
    found = neutralised(parameters, grey.float(), levels=1.0).apply(faded[..., None])[..., 0]
    rest = 10 ** -(_REST[0] + (_REST[1] - _REST[0]) * dice.uniforms(len(clean))).to(device)
    return ((found - clean).square().mean((1, 2)) + rest).log10().mean()


def _faded(clean: Tensor, dice: Dice) -> Tensor:
    """Pictures as years leave them, each by its own severity: in two of five the dyes have faded apart, each by its own
    contrast, whites and blacks; and what the aging does to tone, casts more often than there, and less light instead
    of uneven light, which no change of tone undoes. What is learned for one way of fading alone is too sure of it."""
    count, device = len(clean), clean.device
    severity = dice.uniforms(count) ** 0.5
    apart = ((dice.uniforms(count) < 0.4).float() * severity)[:, None]
    black, white = 0.15 * apart * dice.uniforms(count, 3), 1 - 0.2 * apart * dice.uniforms(count, 3)
    gamma = (0.3 * apart * dice.normals(count, 3)).exp()
    dyes = optics.fade(clean, black.to(device), white.to(device), gamma.to(device))
    faded = tone_change(Draw(dice, 1.0, torch.ones(count)), device, severity, _CHANCES)(dyes)
    dimmed = 1 - (dice.uniforms(count) < 0.4).float() * severity * 0.25 * dice.uniforms(count)
    return (faded * optics.column(dimmed.to(device))).clamp(0, 1)


def _tone_step(run: Run, lesson: Lesson, group: str) -> dict[str, float]:
    count, size = lesson.phase.batch, lesson.phase.size
    clean = lesson.photos.thumbnails(count, size, lesson.seed).to(lesson.device)
    dice = Dice(torch.Generator().manual_seed(lesson.seed))
    unfade = _unfading_distance(run, lesson, clean, dice)
    processed = _process_palette(run, lesson, clean[: count // 2], dice)
    painted = _painted_palette(run, lesson, clean[count // 2 :], dice)
    norm = take(run, group, unfade + processed + 0.5 * painted, limit=1.0)
    return {"unfade": unfade.item(), "palette": processed.item(), "painted": painted.item(), "norm": norm}


def _process_palette(run: Run, lesson: Lesson, clean: Tensor, dice: Dice) -> Tensor:
    """How far pictures in the palette of a simulated print are from the same pictures so printed."""
    kinds = [any_process(dice) for _ in range(len(clean))]
    others = lesson.photos.thumbnails(len(clean), REFERENCE_SIZE, lesson.seed + 1).to(lesson.device)
    references = [as_print(kind, r, dice) for kind, r in zip(kinds, torch.split(others, 1), strict=True)]
    wanted = torch.cat([processes.colours(k, c) for k, c in zip(kinds, torch.split(clean, 1), strict=True)])
    code = run.nets.encoder(torch.cat(references))
    return (run.nets.tone.styling(clean, code).apply(clean) - wanted).abs().mean()


def _painted_palette(run: Run, lesson: Lesson, clean: Tensor, dice: Dice) -> Tensor:
    """How far the colours of pictures in a painting's palette are from the painting's, lightness being kept."""
    if lesson.styles is None:
        return torch.zeros((), device=lesson.device)
    references = lesson.styles.thumbnails(len(clean), REFERENCE_SIZE, lesson.seed + 2).to(lesson.device)
    styled = run.nets.tone.styling(clean, run.nets.encoder(references)).apply(clean)
    colours = losses.colour_distance(styled, references, dice.normals(3, 16).to(lesson.device))
    return colours + 0.3 * (luma(styled) - luma(clean)).abs().mean()
