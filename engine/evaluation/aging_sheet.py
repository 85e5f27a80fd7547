"""A contact sheet of every ingredient of the aging: `python -m engine.evaluation.aging_sheet docs/aging.webp`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from engine.training.aging import INGREDIENTS, MARKS, REPRODUCTION, age
from engine.training.documents import text_page

SEVERITIES = (1 / 3, 2 / 3, 1.0)
SEED = 11
SEEDS = {
    "lost areas": 14,
    "scratches and dust": 2,
    "retouching": 5,
    "foxing": 3,
}  # where the common seed shows little of it
CELL, LABEL, BLOCKS = 176, 24, 3
ON_PAPER = ("ink fading", "bleed-through")
AS_DRAWN = ("grain", "white noise", "scanner blur", "scanner noise", "JPEG", *list(REPRODUCTION)[:3])  # not shrunk


def main() -> None:
    """Writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    rows = [_row(name) for name in INGREDIENTS]
    columns = [rows[i : i + -(-len(rows) // BLOCKS)] for i in range(0, len(rows), -(-len(rows) // BLOCKS))]
    height = max(len(column) for column in columns) * (CELL + LABEL)
    width = (len(SEVERITIES) + 1) * CELL + 24
    sheet = Image.new("RGB", (width * len(columns) - 24, height), (38, 38, 38))
    for number, column in enumerate(columns):
        for place, row in enumerate(column):
            sheet.paste(row, (number * width, place * (CELL + LABEL)))
    sheet.save(out, quality=82, method=6)


def _row(name: str) -> Image.Image:
    source = _page() if name in ON_PAPER else _photograph(name in AS_DRAWN)
    seed = SEEDS.get(name, SEED)
    aged = [age(source, seed, severity=s, keep_clean=0.0, only=name) for s in SEVERITIES]
    cells = [a.aged for a in aged]
    if name in MARKS:
        cells.append(aged[-1].mask.expand(-1, 3, -1, -1))
    row = Image.new("RGB", ((len(SEVERITIES) + 1) * CELL, CELL + LABEL), (38, 38, 38))
    for place, cell in enumerate(cells):
        small = F.interpolate(cell, size=(CELL, CELL), mode="area") if cell.shape[-1] != CELL else cell
        pixels = (small[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        row.paste(Image.fromarray(np.ascontiguousarray(pixels)), (place * CELL, LABEL))
    draw = ImageDraw.Draw(row)
    draw.text((2, 4), name, fill=(230, 230, 230), font=ImageFont.load_default(size=14))
    return row


def _photograph(small: bool) -> Tensor:
    """The astronaut (NASA, public domain), whole or a part of it as large as a cell."""
    astronaut = np.ascontiguousarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]
    whole = torch.from_numpy(astronaut).permute(2, 0, 1)[None].float() / 255
    return (
        whole[:, :, 20 : 20 + CELL, 150 : 150 + CELL] if small else F.interpolate(whole, size=(352, 352), mode="area")
    )


def _page() -> Tensor:
    return text_page(3, 512)[None, :, :CELL, :CELL].float() / 255


if __name__ == "__main__":
    main()
