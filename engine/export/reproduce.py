"""The recipe in an exported file, run again over the same master, and the two results compared sample by sample."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecipeError
from engine.export import told
from engine.export.renditions import deepened
from engine.imaging.codestreams import is_lossless_webp
from engine.imaging.files import opened
from engine.rendering.canvas import Tally
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source, open_source
from engine.rendering.subject import Subject
from engine.types import EngineReady, Likeness, Progress, Region, Reproduced

_CLOSE = 1 / 255
_RAN_ON = {"device": "device", "dtype": "number format", "torch": "torch", "threads": "threads"}


@dataclass(frozen=True, slots=True)
class Case:
    """A file with what it tells of itself and the master it was made from, decoded."""

    path: Path
    said: told.Told
    master_path: Path
    master: Source
    mask: NDArray[np.uint8] | None = None


def must_be_repeatable(path: Path, said: told.Told | None) -> told.Told:
    """RecipeError, in a sentence, for a file that cannot be made again from what it tells."""
    if said is None:
        raise RecipeError(f"“{path.name}” holds no recipe: it is not from Archivist, or lost it on the way.")
    if said.optimised:
        raise RecipeError(f"“{path.name}” was optimised pass by pass, which takes as long again; only recipes are run.")
    if said.faces:
        raise RecipeError(
            f"In “{path.name}” faces were replaced by a network, which no recipe asks for; only recipes are run. "
            "The file tells of each face, as “archivist faces” takes it."
        )
    if kind := _inexact(path):
        raise RecipeError(
            f"“{path.name}” is a {kind}, which keeps no exact pixels; take a TIFF or PNG of the same restoration."
        )
    return said


def _inexact(path: Path) -> str:
    """What a file of ours is that loses something of every picture, in words; empty where it keeps each sample."""
    with opened(path) as file:
        start = file.read(12)
        if start.startswith(b"\xff\xd8\xff"):
            return "JPEG"
        return "lossy WebP" if start[8:] == b"WEBP" and not is_lossless_webp(file) else ""


def find_mask(path: Path, wanted: str) -> bytes | None:
    """The file of the damage mask of that hash beside an exported file, as packages have it; None without one."""
    for place in sorted(path.parent.glob("*_damagemask.png")):
        try:
            encoded = place.read_bytes()
        except OSError:
            continue
        if sha256(encoded).hexdigest() == wanted:
            return encoded
    return None


def reproduce(case: Case, pipeline: Pipeline, engine: EngineReady) -> Generator[Progress | None, None, Reproduced]:
    """Steps that run the recipe and compare. RecipeError where the file cannot be compared with what it yields."""
    found = open_source(case.path)
    source = case.master
    if found.space.bits == 16 and source.space.bits == 8:
        source = deepened(source)
    _must_be_comparable(case, found, source)
    # Another name for the caches: nothing here may come from what an earlier run left there.
    name = f"{case.said.master_sha256}+again{found.space.bits}"
    subject = Subject(name, source, case.said.recipe, case.said.page, case.said.style, case.mask)
    comparison = _Comparison(found)
    try:
        yield from pipeline.paint(subject, comparison)
    finally:
        pipeline.forget(name)
    width, height = found.size(0)
    share = comparison.differing / (width * height)
    return _answer(case, comparison.largest, share, _differences(case.said.engine, engine))


@dataclass(slots=True)
class _Comparison:
    """Takes the tiles of a result and keeps only how far they are from those of a file."""

    found: Source
    largest: float = 0.0  # share of the full range
    differing: int = 0  # pixels

    def known(self, number: int) -> Tally | None:
        return None

    def put(self, region: Region, pixels: NDArray[Any]) -> None:
        part = self.found.pixels(0, region)
        difference = np.abs(pixels.astype(np.int32) - part.astype(np.int32))
        self.largest = max(self.largest, float(difference.max()) / float(np.iinfo(part.dtype).max))
        self.differing += int(difference.any(axis=2).sum())

    def finish(self, number: int, tally: Tally) -> None:
        return


def _must_be_comparable(case: Case, found: Source, source: Source) -> None:
    name, scale = case.path.name, case.said.recipe.scale
    (width, height), (w, h) = found.size(0), source.size(0)
    if (width, height) != (scale * w, scale * h):
        raise RecipeError(
            f"“{name}” has {width} × {height} pixels; its recipe makes {scale * w} × {scale * h}: it was reduced or "
            "cut, and cannot be compared."
        )
    if found.master.info.channels != source.master.info.channels or found.space.bits != source.space.bits:
        raise RecipeError(f"“{name}” has other channels or another depth than its master; it cannot be compared.")
    if (found.master.icc or b"") != (source.master.icc or b""):
        raise RecipeError(f"“{name}” was converted to another colour profile; which cannot be compared.")


def _answer(case: Case, largest: float, differing: float, notes: tuple[str, ...]) -> Reproduced:
    likeness: Likeness = "identical" if largest == 0 else "close" if largest <= _CLOSE else "different"
    sentence = {
        "identical": "Identical: running its recipe again gives the same pixels, bit for bit.",
        "close": f"The same within 1/255: {100 * differing:.3g} % of the pixels differ, by {255 * largest:.2g} of 255 "
        "levels at most.",
        "different": f"Different: {100 * differing:.3g} % of the pixels differ, by up to {255 * largest:.3g} of 255 "
        "levels.",
    }[likeness]
    return Reproduced(str(case.path), str(case.master_path), likeness, largest, differing, sentence, notes)


def _differences(then: dict[str, Any] | None, now: EngineReady) -> tuple[str, ...]:
    """What ran differently when the file was made, in a sentence; the last digit may depend on it."""
    if then is None:
        return ()
    changed = [
        f"{words} {then[name]} (here {getattr(now, name)})"
        for name, words in _RAN_ON.items()
        if name in then and json.dumps(then[name]) != json.dumps(getattr(now, name))
    ]
    return (f"It was made with {', '.join(changed)}: the last digit may differ for that alone.",) if changed else ()
