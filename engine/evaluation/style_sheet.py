"""Every style card on a few photographs: `python -m engine.evaluation.style_sheet docs/styles.webp [PICTURE ...]`.

At full size, for the eye alone: would a curator recognise the process, or the painter? Without pictures, scikit-image's
own photographs, which nobody trained on, are taken.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.evaluation.demo import photograph
from engine.evaluation.ours import in_memory
from engine.imaging.reader import read_preview
from engine.rendering.pipeline import Pipeline
from engine.rendering.studio import Studio
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.styles.library import StyleLibrary
from engine.types import SHIPPED_MODEL, Recipe, StyleCard

Pixels = NDArray[np.uint8]
SIDE, LABEL, GAP, ABREAST = 224, 22, 6, 2
BACKGROUND, INK = (38, 38, 38), (230, 230, 230)
EXAMPLES = (("astronaut", (120, 0)), ("coffee", (150, 60)), ("camera", (140, 50)), ("rocket", (200, 60)))
_LONGEST = 1600  # pixels of a picture that was named; its middle is shown


def main() -> None:
    """Writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--beta", type=float, default=3.0)
    parser.add_argument("--style", action="append", default=[], help="only this card; may be repeated")
    arguments = parser.parse_intermixed_args()
    parts = [_middle(read_preview(path, _LONGEST)) for path in arguments.pictures] or _own_parts()
    cards = [card for card in StyleLibrary().cards() if not arguments.style or card.id in arguments.style]
    pipeline = Studio("cpu", interactive=False, cache_bytes=1 << 28).pipeline(SHIPPED_MODEL)
    rows = [_row(pipeline, parts, None, arguments.beta)]
    rows += [_row(pipeline, parts, card, arguments.beta) for card in cards]
    _arranged(rows).save(arguments.out, quality=80, method=6)


def _own_parts() -> list[Pixels]:
    parts = []
    for name, (x, y) in EXAMPLES:
        picture = photograph(name)
        parts.append(np.ascontiguousarray(picture[y : y + SIDE, x : x + SIDE]))
    return parts


def _middle(picture: Pixels) -> Pixels:
    top, left = ((side - SIDE) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[max(0, top) :, max(0, left) :][:SIDE, :SIDE])


def _row(pipeline: Pipeline, parts: list[Pixels], card: StyleCard | None, beta: float) -> Image.Image:
    """The pictures in one style, side by side, named."""
    recipe = Recipe(style=card.id, beta=beta) if card else Recipe()
    row = Image.new("RGB", (len(parts) * (SIDE + GAP), SIDE + LABEL), BACKGROUND)
    for place, part in enumerate(parts):
        subject = Subject(f"part {place}", in_memory(part), recipe, style=card)
        row.paste(Image.fromarray(at_once(pipeline.whole(subject))[0]), (place * (SIDE + GAP), LABEL))
    date = card.date if card and card.date not in card.title else ""
    words = ", ".join(word for word in (card.title, date) if word) if card else "no style"
    words = words.replace("–", "-")  # the font has no dash
    ImageDraw.Draw(row).text((2, 4), words, fill=INK, font=ImageFont.load_default(size=13))
    return row


def _arranged(rows: list[Image.Image]) -> Image.Image:
    """Rows in two columns, read line by line."""
    width, height = rows[0].size
    lines = -(-len(rows) // ABREAST)
    sheet = Image.new("RGB", (ABREAST * width, lines * height), BACKGROUND)
    for number, row in enumerate(rows):
        sheet.paste(row, (number % ABREAST * width, number // ABREAST * height))
    return sheet


if __name__ == "__main__":
    main()
