"""Demonstration material with a known truth: scikit-image's photographs, aged by our own pipeline with fixed seeds."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray

from engine.export.single import write_plain
from engine.rendering.source import Source
from engine.rendering.tensors import to_array, to_tensor
from engine.training.aging import age
from engine.types import Progress, Region

# Name, seed, severity, ending: one file of every kind an archive is likely to bring.
PICTURES = (
    ("astronaut", 10, 0.8, ".jpg"),
    ("camera", 23, 0.8, ".tif"),
    ("coffee", 7, 0.8, ".jpg"),
    ("chelsea", 2, 0.8, ".png"),
    ("rocket", 5, 0.8, ".tif"),
    ("page", 10, 0.8, ".png"),
)


def demo_pictures(project: Path) -> Generator[Progress, None, list[Path]]:
    """Makes what is missing of the demo photographs, each in a step, and answers with them.

    They lie in `<project>/masters`, the photographs they were made from in `<project>/truth`. WriteError where that
    fails.
    """
    paths = []
    for number, (name, seed, severity, ending) in enumerate(PICTURES):
        aged, clean = project / "masters" / f"{name}_aged{ending}", project / "truth" / f"{name}.png"
        if not (aged.exists() and clean.exists()):
            picture = photograph(name)
            old, _ = age_picture(picture, seed, severity)
            for path, pixels in ((clean, picture), (aged, old)):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_plain(path, pixels, f"Demonstration: {name}, from scikit-image")
        paths.append(aged)
        yield Progress(number + 1, len(PICTURES), name)
    return paths


def photograph(name: str) -> NDArray[np.uint8]:
    """One of the photographs that come with scikit-image, (H, W, 3)."""
    picture = np.asarray(getattr(skimage.data, name)())
    return np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture[..., :3])


def age_picture(picture: NDArray[np.uint8], seed: int, severity: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(H, W, 3) uint8 sRGB -> the same aged, and its damage mask (H, W, 1) uint8."""
    x = to_tensor(picture.astype(np.float32) / np.float32(255), torch.device("cpu"))
    batch = age(x, seed, severity=severity, keep_clean=0.0)
    old, mask = (np.rint(to_array(part) * 255).astype(np.uint8) for part in (batch.aged, batch.mask))
    return old, mask


def age_file(source: Source, target: Path, *, seed: int, severity: float, mask: Path | None) -> None:
    """Ages a decoded photograph into `target` (8 bit, sRGB); WriteError where that or the mask cannot be written."""
    width, height = source.size(0)
    working = source.working(0, Region(0, 0, width, height))
    old, damage = age_picture(np.rint(working * 255).astype(np.uint8), seed, severity)
    write_plain(target, old, f"Artificially aged from {source.path.name}, seed {seed}, severity {severity:g}")
    if mask is not None:
        write_plain(mask, damage, f"Damage of {target.name}: white is covered or lost")
