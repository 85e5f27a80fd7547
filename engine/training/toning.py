"""The phases of the tone stage: undo fading, lay the palette of a reference over another picture; thumbnails alone."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models import losses
from engine.models.blocks import luma
from engine.models.style_encoder import REFERENCE_SIZE
from engine.styles import processes
from engine.training.aging import Draw, tone_change
from engine.training.phases import Lesson, any_process, as_print, take
from engine.training.run import Run
from engine.training.sheet import Dice


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
    """The way back from fading alone: a small network and small pictures, so that many steps cost little."""
    clean = lesson.photos.thumbnails(lesson.phase.batch, lesson.phase.size, lesson.seed).to(lesson.device)
    distance = _unfading_distance(run, lesson, clean, Dice(torch.Generator().manual_seed(lesson.seed)))
    norm = take(run, "unfade", distance, limit=1.0)
    run.follow("tone.unfade")
    return {"unfade": distance.item(), "norm": norm}


def _unfading_distance(run: Run, lesson: Lesson, clean: Tensor, dice: Dice) -> Tensor:
    """How far faded pictures, unfaded again, are from what they were. Half of them are black and white, as most old
    photographs are: a toned one is to become neutral again, which no colour picture would teach."""
    grey = (dice.uniforms(len(clean)) < 0.5).to(clean.device)
    clean = torch.where(grey[:, None, None, None], luma(clean).expand_as(clean), clean)
    severity = dice.uniform(0.0, 0.9)  # mild more often than not: an answer that is too sure spoils good pictures
    faded = tone_change(Draw(dice, severity, torch.ones(len(clean))), lesson.device)(clean)
    spots = 0.03 * dice.uniform(0, 1) * dice.normals(*faded.shape).to(lesson.device)  # what is left of grain and dust
    faded = (faded + spots).clamp(0, 1)
    return (run.nets.tone.unfading(faded).apply(faded) - clean).abs().mean()


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
