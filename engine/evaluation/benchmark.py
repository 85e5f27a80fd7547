"""Restorations of a folder of aged photographs against the folder of their originals, next to simple rivals."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means

from engine.errors import ImageError
from engine.evaluation.metrics import SMALLEST_SIDE, score
from engine.imaging.reader import read_preview
from engine.types import Progress

Pixels: TypeAlias = NDArray[np.uint8]
Candidate: TypeAlias = Callable[[Pixels], Pixels]
"""Restores one picture: (H, W, 3) sRGB uint8 in, the same shape out."""

_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
_ANY_SIZE = 1_000_000  # pixels a side: beyond any picture that fits into memory


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Means over `pairs` pictures: candidate -> figure -> value, among them `seconds_per_megapixel`."""

    pairs: int
    candidates: Mapping[str, Mapping[str, float]]


def as_it_is(aged: Pixels) -> Pixels:
    """The rival that does nothing."""
    return aged


def non_local_means(aged: Pixels) -> Pixels:
    """Classical denoising in its best light: of the usual strengths the one that does best on old photographs."""
    restored = denoise_nl_means(
        aged.astype(np.float32) / 255.0, h=0.06, patch_size=7, patch_distance=10, fast_mode=True, channel_axis=2
    )
    return np.asarray(np.rint(np.clip(restored, 0.0, 1.0) * 255.0), dtype=np.uint8)


RIVALS: Mapping[str, Candidate] = {"input": as_it_is, "non-local means": non_local_means}


def evaluate(
    clean_dir: Path, aged_dir: Path, candidates: Mapping[str, Candidate]
) -> Generator[Progress, None, Evaluation]:
    """Steps that measure every candidate on every pair; each is one candidate on one picture.

    Raises ImageError where the folders do not pair up or a picture cannot be read.
    """
    pairs = pair(clean_dir, aged_dir)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in candidates}
    done, total = 0, len(pairs) * len(candidates)
    for clean_path, aged_path in pairs:
        clean, aged = _read_pair(clean_path, aged_path)
        for name, restore in candidates.items():
            yield Progress(done, total, aged_path.name)
            rows[name].append(_measure(restore, aged, clean))
            done += 1
    yield Progress(done, total)
    return Evaluation(len(pairs), {name: _means(figures) for name, figures in rows.items()})


def pair(clean_dir: Path, aged_dir: Path) -> tuple[tuple[Path, Path], ...]:
    """(clean, aged) files that share a name, the extension aside, sorted. Raises ImageError."""
    clean, aged = _pictures(clean_dir), _pictures(aged_dir)
    alone = sorted(clean.keys() ^ aged.keys())
    if alone:
        raise ImageError(
            f"“{alone[0]}” is in only one of the two folders; give both folders pictures of the same names."
        )
    if not clean:
        raise ImageError(f"“{clean_dir}” holds no pictures; name a folder of clean photographs.")
    return tuple((clean[name], aged[name]) for name in sorted(clean))


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ImageError(f"“{folder}” is not a folder; name two folders of pictures.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise ImageError(f"“{folder}” holds two pictures called “{path.stem}”; remove or rename one of them.")
        found[path.stem] = path
    return found


def _read_pair(clean_path: Path, aged_path: Path) -> tuple[Pixels, Pixels]:
    clean, aged = read_preview(clean_path, _ANY_SIZE), read_preview(aged_path, _ANY_SIZE)
    if clean.shape != aged.shape:
        raise ImageError(f"“{aged_path.name}” differs in size from its original; give both pictures the same size.")
    if min(clean.shape[:2]) < SMALLEST_SIDE:
        raise ImageError(
            f"“{aged_path.name}” is too small to measure; take pictures of {SMALLEST_SIDE} pixels or more."
        )
    return clean, aged


def _measure(restore: Candidate, aged: Pixels, clean: Pixels) -> dict[str, float]:
    start = time.perf_counter()
    restored = restore(aged)
    seconds = time.perf_counter() - start
    figures: dict[str, Any] = asdict(score(restored, clean))
    return figures | {"seconds_per_megapixel": seconds / (aged.shape[0] * aged.shape[1] / 1e6)}


def _means(figures: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in figures])) for key in figures[0]}
