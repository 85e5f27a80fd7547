"""What a fine-tuning leaves behind: the card of its model, its measurements, and of its folder what may be shown."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.models.catalog import header, read_card
from engine.projects.atomic import SUFFIX, append_lines, replacing
from engine.types import Tuning, TuningCheck

KEPT_DAYS = 30  # that strips and the log of a finished run stay
CHECKS = "checks.jsonl"  # of a run's folder: its measurements
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


def note_check(folder: Path, check: TuningCheck) -> None:
    """Keeps a measurement for a run that goes on later."""
    append_lines(folder / CHECKS, [json.dumps(asdict(check)).encode()])


def earlier_checks(folder: Path, step: int) -> tuple[TuningCheck, ...]:
    """The measurements kept up to that step, of those made twice the last; what came after it is forgotten, for a run
    that goes on from there makes it again."""
    path, found = folder / CHECKS, dict[int, TuningCheck]()
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError, TypeError):  # the last line, where a kill cut it off
            check = TuningCheck(**json.loads(line))
            if check.step <= step:
                strip = str(folder / Path(check.strip).name)
                found[check.step] = replace(check, strip=strip, earlier=True)
    checks = tuple(found[number] for number in sorted(found))
    if path.exists():
        with replacing(path) as temporary:
            temporary.write_text("".join(json.dumps(asdict(check)) + "\n" for check in checks), encoding="utf-8")
    return checks


def put_away(folder: Path) -> None:
    """Of a run that has ended only strips and the log stay in its folder: the checkpoints are most of it."""
    for file in (*folder.glob("*.safetensors"), *folder.glob(f".*{SUFFIX}")):
        file.unlink(missing_ok=True)


def forget_old(runs: Path) -> None:
    """Removes the folders of runs that ended more than `KEPT_DAYS` ago; those that may go on stay."""
    for folder in runs.iterdir() if runs.is_dir() else ():
        with contextlib.suppress(OSError):  # somebody else tidies up, too
            files = list(folder.iterdir())
            ended = bool(files) and all(file.suffix != ".safetensors" for file in files)
            if ended and time.time() - max(file.stat().st_mtime for file in files) > KEPT_DAYS * 86_400:
                shutil.rmtree(folder, ignore_errors=True)
