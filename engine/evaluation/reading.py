"""Lettering: an OCR engine should read at least as many characters after the restoration as before."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from difflib import SequenceMatcher

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.evaluation.benchmark import Pixels
from engine.evaluation.demo import age_picture
from engine.evaluation.fidelity import DEFAULT, FAITHFUL
from engine.evaluation.figures import at_least, skipped, told
from engine.evaluation.hall import Hall, Theme
from engine.types import Progress

PAGES = 4
ROUNDS = 4  # each page aged so often: a grey level more or less makes the reader lose thirty characters of a page
SEED, SEVERITY = 71, 0.5
TEXT = (
    "The plates were taken to the harbour in the winter of 1889 and kept there for eleven years. Of the forty "
    "negatives that came back nine were broken and two have never been found; the letters name a studio in the "
    "market street. Whoever reads this should know that the dates on the mounts were written later, by another hand."
)
_LEAST = 0.5  # of the characters of clean pages are read by a reader that works
_PATIENCE = 60.0  # seconds for a page

Reader = Callable[[Pixels], str | None]


def reading(hall: Hall, read: Reader | None = None) -> Theme:
    """Right characters on aged pages, restored against aged. `read` stands in for tesseract."""
    if read is None and shutil.which("tesseract") is None:
        return [skipped("lettering", "characters read", "tesseract is not installed")]
    read = read or tesseract
    rows: list[dict[str, int]] = []
    count = PAGES * ROUNDS
    for number in range(count):
        yield Progress(number, count, "lettering")
        clean = page(17 + 3 * (number % PAGES))
        aged, _ = age_picture(clean, SEED + 10 * (number // PAGES) + number % PAGES, SEVERITY)
        pictures = {
            "clean": clean, "aged": aged,
            "alpha 10": hall.restore(aged, FAITHFUL), "default": hall.restore(aged, DEFAULT),
        }  # fmt: skip
        texts = {name: read(picture) for name, picture in pictures.items()}
        if None not in texts.values():  # else the reader broke off, which says nothing of the page
            rows.append({name: agreeing(text or "", TEXT) for name, text in texts.items()})
    if not rows:
        return [skipped("lettering", "characters read", "the reader broke off on every page")]
    right = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    if right["clean"] < _LEAST * agreeing(TEXT, TEXT):
        return [skipped("lettering", "characters read", "the reader cannot read even the clean pages")]
    return [
        told("lettering", "right characters on the clean pages", right["clean"], f"of {agreeing(TEXT, TEXT)}"),
        told("lettering", "on the aged pages", right["aged"]),
        at_least("lettering", "alpha 10, less those on the aged pages", right["alpha 10"] - right["aged"], 0.0),
        at_least("lettering", "default, less those on the aged pages", right["default"] - right["aged"], 0.0),
    ]


def page(height: int, width: int = 768) -> Pixels:
    """The text in letters of this height, black on yellowish paper, (H, W, 3)."""
    font = ImageFont.load_default(size=height)
    lines: list[str] = []
    line = ""
    for word in TEXT.split():
        if font.getlength(f"{line} {word}") > width - 60:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines.append(line)
    image = Image.new("RGB", (width, int(1.5 * height * len(lines)) + 60), (238, 231, 214))
    draw = ImageDraw.Draw(image)
    for number, words in enumerate(lines):
        draw.text((30, 30 + int(1.5 * height * number)), words, fill=(45, 40, 38), font=font)
    return np.asarray(image)


def agreeing(found: str, wanted: str) -> int:
    """How many characters were read right, in their order; white space does not count."""
    a, b = "".join(found.split()), "".join(wanted.split())
    return sum(block.size for block in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks())


def tesseract(picture: Pixels) -> str | None:
    """What tesseract reads; None where it fails."""
    buffer = io.BytesIO()
    Image.fromarray(picture).resize((2 * picture.shape[1], 2 * picture.shape[0])).save(buffer, "PNG")
    command = ["tesseract", "stdin", "stdout", "--psm", "6"]
    try:
        done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
