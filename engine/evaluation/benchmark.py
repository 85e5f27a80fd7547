"""Restorations of a folder of aged photographs against the folder of their originals, next to simple rivals."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means

from engine.errors import ImageError
from engine.evaluation.metrics import SMALLEST_SIDE, score
from engine.imaging.reader import read_preview
from engine.types import PICTURE_SUFFIXES, Progress

Pixels: TypeAlias = NDArray[np.uint8]
Candidate: TypeAlias = Callable[[Pixels], Pixels]
"""Restores one picture: (H, W, 3) sRGB uint8 in, the same shape out."""

_NOTHING_MORE: Mapping[str, Measure] = MappingProxyType({})
ANY_SIZE = 1_000_000  # pixels a side: beyond any picture that fits into memory
SMALLEST = max(8, SMALLEST_SIDE)  # pixels a side; the texture features halve three times
_EVEN = 1.0  # of 255: a truth that deviates less, in no channel more, is one colour


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


Measure: TypeAlias = Callable[[Pixels, Pixels], float]
"""A further figure of an output against its truth, both (H, W, 3) uint8."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A clean photograph and its aged twin, read when their turn comes."""

    name: str
    read: Callable[[], tuple[Pixels, Pixels]]  # clean, aged


def evaluate(
    pairs: Sequence[Pair], candidates: Mapping[str, Candidate], measures: Mapping[str, Measure] = _NOTHING_MORE
) -> Generator[Progress, None, Evaluation]:
    """Steps that measure every candidate on every pair; each is one candidate on one picture.

    Raises ImageError where a picture cannot be read or two differ in size.
    """
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in candidates}
    done, total = 0, len(pairs) * len(candidates)
    for one in pairs:
        clean, aged = one.read()
        for name, restore in candidates.items():
            yield Progress(done, total, one.name)
            rows[name].append(_measure(restore, aged, clean, measures))
            done += 1
    yield Progress(done, total)
    return Evaluation(len(pairs), {name: _means(figures) for name, figures in rows.items()})


def pairs_of(clean_dir: Path, aged_dir: Path) -> tuple[Pair, ...]:
    """The pictures of two folders that belong together. Raises ImageError where the folders do not pair up."""

    def reader(clean: Path, aged: Path) -> Callable[[], tuple[Pixels, Pixels]]:
        return lambda: _read_pair(clean, aged)

    return tuple(Pair(clean.stem, reader(clean, aged)) for clean, aged in pair(clean_dir, aged_dir))


def aged_from(clean_dir: Path, make: Callable[[Pixels, int], Pixels]) -> tuple[Pair, ...]:
    """The pictures of a folder, each with what `make` ages it into, given its number. Raises ImageError."""

    def reader(path: Path, number: int) -> Callable[[], tuple[Pixels, Pixels]]:
        def read() -> tuple[Pixels, Pixels]:
            clean = read_truth(path)
            return clean, make(clean, number)

        return read

    return tuple(Pair(path.stem, reader(path, number)) for number, path in enumerate(pictures(clean_dir).values()))


def pair(clean_dir: Path, aged_dir: Path) -> tuple[tuple[Path, Path], ...]:
    """(clean, aged) files that share a name, the extension aside, sorted. Raises ImageError."""
    clean, aged = pictures(clean_dir), pictures(aged_dir)
    alone = sorted(clean.keys() ^ aged.keys())
    if alone:
        raise ImageError(
            f"“{alone[0]}” is in only one of the two folders; give both folders pictures of the same names."
        )
    return tuple((clean[name], aged[name]) for name in sorted(clean))


def pictures(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names without endings, sorted. Raises ImageError where there are none."""
    if not folder.is_dir():
        raise ImageError(f"“{folder}” is not a folder; name two folders of pictures.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in PICTURE_SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        name = unicodedata.normalize("NFC", path.stem)  # a file that was on a Mac is the same picture
        if name in found:
            raise ImageError(f"“{folder}” holds two pictures called “{name}”; remove or rename one of them.")
        found[name] = path
    if not found:
        raise ImageError(f"“{folder}” holds no pictures; name a folder of photographs.")
    return found


def _read_pair(clean_path: Path, aged_path: Path) -> tuple[Pixels, Pixels]:
    clean, aged = read_truth(clean_path), read_preview(aged_path, ANY_SIZE)
    if clean.shape != aged.shape:
        raise ImageError(f"“{aged_path.name}” differs in size from its original; give both pictures the same size.")
    return clean, aged


def read_truth(path: Path) -> Pixels:
    """A picture to measure against, (H, W, 3). ImageError where it cannot be read, is too small, or all one colour:
    any output comes near that by gain and offset, and would be told to be perfect."""
    picture = read_preview(path, ANY_SIZE)
    if min(picture.shape[:2]) < SMALLEST:
        raise ImageError(f"“{path.name}” is too small to measure; take pictures of {SMALLEST} pixels or more.")
    if picture.std(axis=(0, 1)).max() < _EVEN:
        raise ImageError(f"“{path.name}” is one even colour, and nothing can be measured on it; leave it out.")
    return picture


def _measure(restore: Candidate, aged: Pixels, clean: Pixels, measures: Mapping[str, Measure]) -> dict[str, float]:
    start = time.perf_counter()
    restored = restore(aged)
    seconds = time.perf_counter() - start
    figures: dict[str, Any] = asdict(score(restored, clean))
    figures |= {name: measure(restored, clean) for name, measure in measures.items()}
    return figures | {"seconds_per_megapixel": seconds / (aged.shape[0] * aged.shape[1] / 1e6)}


def _means(figures: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in figures])) for key in figures[0]}
