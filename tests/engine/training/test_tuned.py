"""What stays of a fine-tuning, and for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

from engine.projects.atomic import SUFFIX
from engine.training.tuned import KEPT_DAYS, forget_old, put_away


def run(folder: Path, *names: str, days: float = 0.0) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (time.time() - days * 86_400,) * 2)
    return folder


def test_of_a_run_that_ended_strips_and_log_stay(tmp_path: Path) -> None:
    names = ("last.safetensors", "best-finetune.safetensors", "reverse.safetensors", f".last.host-1-00000000{SUFFIX}")
    folder = run(tmp_path / "run", *names, "strip-000000.png", "log.jsonl")
    put_away(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["log.jsonl", "strip-000000.png"]


def test_only_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    ended = run(tmp_path / "ended", "strip-000000.png", "log.jsonl", days=KEPT_DAYS + 1)
    kept = [
        run(tmp_path / "lately", "strip-000000.png", "log.jsonl", days=KEPT_DAYS - 1),
        run(tmp_path / "goes-on", "last.safetensors", "log.jsonl", days=KEPT_DAYS + 1),
    ]
    forget_old(tmp_path)
    forget_old(tmp_path / "nowhere")
    assert not ended.exists()
    assert all(folder.exists() for folder in kept)
