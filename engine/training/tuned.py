"""What a fine-tuning leaves behind: the card of its model, and of its folder what a window may still show."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

from engine.models.catalog import header, read_card
from engine.types import Tuning

KEPT_DAYS = 30  # that strips and the log of a finished run stay
_FIGURES = ("own_10", "own_1", "general_10", "texture_1")


def card_of(wish: Tuning, base: Path, pictures: int, counters: dict[str, Any]) -> dict[str, Any]:
    """The card of a model that was taught `pictures` pictures, from the weights in `base`: what is true of these, their
    licence and where they fail, is true of it too."""
    before, after, former = counters["first_figures"], counters["best_figures"], read_card(base)
    figures = {f"held_out_{name}": round(after[name], 3) for name in _FIGURES}
    start = {f"before_{name}": round(before[name], 3) for name in _FIGURES}
    kept = {name: value for name, value in header(base).items() if name in ("slider", "scales", "halo", "tile")}
    taught = f"{pictures} pictures of one collection ({wish.kind})"
    return kept | {
        "id": wish.name,
        "title": wish.name,
        "origin": "tuned",
        "licence": f"{former.licence} (base); the pictures are the archive’s own" if former.licence else "",
        "training_data": f"{taught}, on the base “{former.title}” (SHA-256 {former.sha256})",
        "failures": former.failures,
        "description": f"Fine-tuned on {taught}.",
        "metrics": figures | start,
        "training": f"{counters['step']} steps, {counters['seconds'] / 60:.0f} minutes, seed {wish.seed}",
        "told": counters.get("told", []),
    }


def put_away(folder: Path) -> None:
    """Of a run that has ended only strips and the log stay in its folder: the checkpoints are most of it."""
    for file in (*folder.glob("*.safetensors"), *folder.glob(".*.tmp")):
        file.unlink(missing_ok=True)


def forget_old(runs: Path) -> None:
    """Removes the folders of runs that ended more than `KEPT_DAYS` ago; those that may go on stay."""
    for folder in runs.iterdir() if runs.is_dir() else ():
        with contextlib.suppress(OSError):  # somebody else tidies up, too
            files = list(folder.iterdir())
            ended = bool(files) and all(file.suffix != ".safetensors" for file in files)
            if ended and time.time() - max(file.stat().st_mtime for file in files) > KEPT_DAYS * 86_400:
                shutil.rmtree(folder, ignore_errors=True)
