"""The pictures of a model card: `python -m engine.evaluation.card_sheet docs/archivist-1.webp`.

Photographs nobody trained on (scikit-image's own), aged with fixed seeds and restored along the slider, at full size:
where the network does well, and where it fails.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.evaluation.demo import photograph
from engine.evaluation.ours import in_memory
from engine.rendering.pipeline import Pipeline
from engine.rendering.studio import Studio
from engine.rendering.subject import Subject
from engine.rendering.tensors import to_array, to_tensor
from engine.runtime.steps import at_once
from engine.training.aging import age
from engine.types import SHIPPED_MODEL, Recipe

Pixels = NDArray[np.uint8]
SIDE, LABEL, GAP = 224, 22, 6
COLUMNS = {"aged": None, "alpha 10": 10.0, "alpha 1, the default": 1.0, "alpha 0.3": 0.3, "what it was": None}
BACKGROUND, INK = (38, 38, 38), (230, 230, 230)


@dataclass(frozen=True, slots=True)
class Example:
    """A part of a picture, how it is aged, and what it shows. `only` names the kinds of damage that it has alone."""

    says: str
    picture: str
    corner: tuple[int, int]  # x, y
    seed: int
    severity: float
    only: tuple[str, ...] | None = None


EXAMPLES = (
    Example("Grain and blur go; a face stays who it is", "astronaut", (120, 20), 5, 0.8, ("blur", "grain")),
    Example("Noise goes, contours stay", "camera", (140, 50), 6, 0.8, ("white noise",)),
    Example("Scratches go, but for traces of thick ones", "coffee", (150, 60), 7, 0.5, ("scratches and dust",)),
    Example("Narrow cracks are closed, but for a trace", "coffee", (150, 60), 5, 0.6, ("cracks",)),
    Example("A print screen goes without blurring edges", "rocket", (200, 60), 3, 0.8, ("dot screen",)),
    Example("Letters are not written anew", "page", (10, 10), 10, 0.5),
    Example("FAILS: holes are left alone, as they might be a collar", "astronaut", (120, 40), 7, 1.0, ("lost areas",)),
    Example("FAILS: fur under strong grain becomes smooth", "chelsea", (60, 60), 6, 1.0, ("grain",)),
)


def main() -> None:
    """Writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    pipeline = Studio("cpu", interactive=False, cache_bytes=1 << 28).pipeline(SHIPPED_MODEL)
    rows = [_row(pipeline, example) for example in EXAMPLES]
    sheet = Image.new("RGB", (rows[0].width, LABEL + sum(row.height for row in rows)), BACKGROUND)
    for place, name in enumerate(COLUMNS):
        _write(sheet, (place * (SIDE + GAP) + 2, 4), name)
    for number, row in enumerate(rows):
        sheet.paste(row, (0, LABEL + number * row.height))
    sheet.save(out, quality=84, method=6)


def _row(pipeline: Pipeline, example: Example) -> Image.Image:
    clean = photograph(example.picture)
    x = to_tensor(clean.astype(np.float32) / np.float32(255), torch.device("cpu"))
    batch = age(x, example.seed, severity=example.severity, keep_clean=0.0, only=example.only)
    aged, truth = (np.rint(to_array(part) * 255).astype(np.uint8) for part in (batch.aged, batch.toned))
    source = in_memory(aged)
    pictures = {"aged": aged, "what it was": truth}
    for name, alpha in COLUMNS.items():
        if alpha is not None:
            pictures[name] = at_once(pipeline.whole(Subject(repr(example), source, Recipe(alpha=alpha))))[0]
    row = Image.new("RGB", (len(COLUMNS) * (SIDE + GAP) - GAP, SIDE + LABEL + GAP), BACKGROUND)
    x0, y0 = example.corner
    for place, name in enumerate(COLUMNS):
        part = np.ascontiguousarray(pictures[name][y0 : y0 + SIDE, x0 : x0 + SIDE])
        row.paste(Image.fromarray(part), (place * (SIDE + GAP), LABEL))
    _write(row, (2, 4), example.says)
    return row


def _write(image: Image.Image, place: tuple[int, int], text: str) -> None:
    ImageDraw.Draw(image).text(place, text, fill=INK, font=ImageFont.load_default(size=13))


if __name__ == "__main__":
    main()
