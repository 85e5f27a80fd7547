"""Training of the detector: aged pictures, their masks, and much that only looks like damage."""

from __future__ import annotations

import random
from collections import Counter

import torch
from torch import Tensor

from engine.models import losses
from engine.models.detector import CELL
from engine.training.aging import Aged, age
from engine.training.look_alikes import disguise
from engine.training.phases import CHANNELS_LAST, Lesson, take
from engine.training.presets import Phase
from engine.training.run import Run

KINDS: tuple[tuple[str | None, float], ...] = (  # one kind alone, or all together; how often
    (None, 0.6),
    ("lost areas", 0.2),
    ("cracks", 0.1),
    ("scratches and dust", 0.05),
    ("white noise", 0.05),  # no damage of this kind: sound pictures, noisy or, at severity 0, as they are
)
LOOK_ALIKES = 0.35  # share of pictures with patches that look like damage and are none
MEASURED = {"all": None, "holes": "lost areas", "cracks": "cracks"}
SIZES = ((1.0, 0.5), (1.67, 0.25), (2.33, 0.25))  # sides of the pictures over the phase's size; how often
USES = 4  # how often a batch is learned from
_APART = 700_000_001  # between seeds whose draws must not go together


def detect(run: Run, lesson: Lesson) -> dict[str, float]:
    """The detector alone, behind a finished backbone: its mask against the drawn one. To age a batch and to run the
    backbone over it costs more than to learn from it, so each is learned from four times, turned by right angles."""
    batch, sums = aged(lesson), Counter[str]()
    seen = told(run, batch.aged, lesson.autocast())
    for use in range(USES):
        parts = [torch.rot90(part, use, (2, 3)).contiguous(memory_format=CHANNELS_LAST) for part in seen]
        mask = torch.rot90(batch.mask, use, (2, 3))
        with lesson.autocast():
            logit = run.nets.detector(*parts)
        loss = losses.damage_mask(logit, (mask > 0.5).float())
        norm = take(run, "detect", loss, limit=0.2)
        run.follow("detector")
        sums.update({"mask": loss.item() / USES, "f1": f1(counts(logit.detach(), mask)) / USES, "norm": norm / USES})
    return dict(sums)


@torch.no_grad()
def told(run: Run, x: Tensor, autocast: torch.autocast) -> tuple[Tensor, Tensor, Tensor]:
    """What the detector is given: pictures, the backbone's residual and its suspicion."""
    with autocast:
        seen = run.nets.backbone(x.contiguous(memory_format=CHANNELS_LAST))
    return x, seen.residual.float(), seen.damage.float()


def aged(lesson: Lesson) -> Aged:
    """A batch, mostly with all kinds of damage, else with one kind alone on pictures that are otherwise sound."""
    rng = random.Random(lesson.seed + _APART)
    (only,) = rng.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])
    severity = 0.25 + 0.75 * rng.random() ** 0.5
    if only == "white noise":
        severity = max(0.0, severity - 0.5)
    shapes = _shapes(lesson.phase)
    ((count, size),) = rng.choices([shape for shape, _ in shapes], [share for _, share in shapes])
    clean = lesson.photos.batch(count, size, lesson.seed).to(lesson.device)
    clean = disguise(clean, lesson.seed + _APART)
    return age(clean, lesson.seed, severity=severity, look_alikes=LOOK_ALIKES, only=only)


def _shapes(phase: Phase) -> list[tuple[tuple[int, int], float]]:
    """How many pictures of which size, and how often: about as many pixels each time. Marks that belong to the print
    grow with it, so that many small pictures alone would show no wide tape, and few large ones little variety."""
    few = []
    for factor, share in SIZES:
        size = round(factor * phase.size / CELL) * CELL
        few.append(((max(1, round(phase.batch * (phase.size / size) ** 2)), size), share))
    return few


def measure(run: Run, clean: Tensor, seed: int) -> dict[str, float]:
    """F1 of the mask by kind of damage, on pictures (N, 3, H, W), sides multiples of 16; "claims" is the share of sound
    pictures taken for damage, "score" the mean F1."""
    full = torch.autocast(clean.device.type, enabled=False)

    def found(x: Tensor) -> Tensor:
        logit: Tensor = run.nets.detector(*told(run, x, full))
        return logit

    figures, pictures = {}, torch.split(clean, 1)
    for number, (name, only) in enumerate(MEASURED.items()):
        batches = [age(x, seed + 1000 * number + n, keep_clean=0.0, only=only) for n, x in enumerate(pictures)]
        figures[f"f1_{name}"] = f1(torch.stack([counts(found(b.aged), b.mask) for b in batches]).sum(0))
    figures["claims"] = sum(float((found(x) > 0).float().mean()) for x in pictures) / len(pictures)
    figures["score"] = sum(figures[f"f1_{name}"] for name in MEASURED) / len(MEASURED)
    return figures


def counts(logit: Tensor, mask: Tensor) -> Tensor:
    """(3,): pixels found rightly, found, and there to find."""
    found, true = logit > 0, mask > 0.5
    return torch.stack([(found & true).sum(), found.sum(), true.sum()]).double()


def f1(count: Tensor) -> float:
    """F1 from what `counts` gives."""
    hits, found, true = count.tolist()
    return float(2 * hits / max(1.0, found + true))
