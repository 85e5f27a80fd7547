"""Pages of writing, made here: printed in several scripts and faces, and in running hands drawn stroke by stroke.

Faces come from the fonts the system has; where there are none, the one Pillow brings along serves. So pages differ
between systems, photographs do not.
"""

from __future__ import annotations

import math
import os
import random
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    os.path.join(os.environ.get("WINDIR", "C:/Windows"), "Fonts"),
)
_SYMBOLS = ("symbol", "dingbat", "d050000", "emoji", "math", "icon", "awesome", "webfont")  # faces without letters
_FACES_AT_MOST = 60

_WORDS = {
    "latin": """archive letter seventeen museum plate harbour street winter family portrait received dear sir Monday the
        of and a in to with from regards negative No. 1889 1912 47 cabinet studio print cholera railway Größe façade
        señora naïve évêque über ångström 3/4 & £12 (copy) “fol. 23v” — Ltd., Esq.""",
    "greek": "αρχείο επιστολή εικόνα χειμώνας λιμάνι δρόμος οικογένεια μουσείο Αθήναι 1889 ο η το και εν τω",
    "cyrillic": "архив письмо портрет зима гавань улица семья музей Москва 1912 года и в на съ почта Київ Въ",
    "hebrew": "ארכיון מכתב תמונה חורף נמל רחוב משפחה מוזיאון ירושלים 1912",
    "cjk": "文書 手紙 写真 冬 港 街 家族 博物館 東京 一九一二年 檔案 相片 書信",
}
SCRIPTS = {name: words.split() for name, words in _WORDS.items()}
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=1)
def faces() -> tuple[str, ...]:
    """Paths of usable TrueType and OpenType fonts, sorted by name, the same choice on the same system."""
    found = [
        path
        for folder in _FOLDERS
        if Path(folder).is_dir()
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in (".ttf", ".otf") and not any(s in path.name.lower() for s in _SYMBOLS)
    ]
    found.sort(key=lambda path: path.name)
    step = max(1, -(-len(found) // _FACES_AT_MOST))
    return tuple(str(path) for path in found[::step])


@lru_cache(maxsize=256)
def _scripts_of(face: str) -> tuple[str, ...]:
    """The scripts whose letters this font really has: a missing one is drawn like any other missing one."""
    try:
        font = ImageFont.truetype(face, 24)
        missing = _ink(font, "\U0010fffd")
        return tuple(
            script
            for script, words in SCRIPTS.items()
            if all(_ink(font, letter) not in (missing, b"") for letter in set(words[0] + words[1]))
        )
    except (OSError, ValueError):
        return ()


def _ink(font: ImageFont.FreeTypeFont, letter: str) -> bytes:
    return bytes(font.getmask(letter))


def _face(rng: random.Random, height: int) -> tuple[Font, str]:
    """A font of this height in pixels and a script it can write."""
    for _ in range(4 if faces() else 0):
        face = rng.choice(faces())
        scripts = _scripts_of(face)
        if scripts:
            return ImageFont.truetype(face, height), rng.choice(scripts)
    return ImageFont.load_default(size=height), "latin"


def text_page(seed: int, size: int = 512) -> Tensor:
    """A page of writing, uint8 (3, size, size): ink on paper, sometimes light on dark, ruled, stamped or in columns."""
    rng = random.Random(seed)
    white, warmth = rng.randint(205, 255), rng.randint(-6, 34)
    paper = (white, white - warmth // 3, max(0, white - warmth))
    ink = (rng.randint(0, 80), rng.randint(0, 60), rng.randint(0, 90))
    if rng.random() < 0.15:
        paper, ink = ink, paper
    cover = text_mask(rng.randint(0, 1 << 30), (size, size)).numpy()[..., None]
    pixels = np.array(paper) * (1 - cover) + np.array(ink) * cover
    return torch.from_numpy(pixels.round().astype(np.uint8)).permute(2, 0, 1).contiguous()


def text_mask(seed: int, size: tuple[int, int]) -> Tensor:
    """Where the ink lies, float32 (H, W) in 0..1."""
    rng = random.Random(seed)
    height, width = size
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.35:
        _write_by_hand(draw, rng, width, height)
    else:
        _set_in_type(draw, rng, width, height)
    if rng.random() < 0.25:
        _rule(draw, rng, width, height)
    return torch.from_numpy(np.asarray(image).astype(np.float32) / 255)


def _set_in_type(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> None:
    y = rng.randint(-8, 30)
    columns = rng.choice((1, 1, 1, 2))
    while y < height:
        size = rng.choice((11, 13, 16, 20, 28, 44))
        font, script = _face(rng, size)
        words = SCRIPTS[script]
        for _ in range(rng.randint(1, 6)):
            for column in range(columns):
                line = " ".join(rng.choice(words) for _ in range(14))
                left = rng.randint(4, 12) + column * width // columns
                cut = line[: max(3, int(1.7 * width / columns / size))] if columns > 1 else line
                draw.text((left, y), cut, fill=255, font=font)
            y += int(size * rng.uniform(1.15, 1.6))
        y += rng.randint(0, 30)


def _write_by_hand(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> None:
    """Running hands: loops along a slanting line, the pen broader on the down stroke."""
    y = rng.randint(10, 40)
    letter = rng.uniform(6, 16)
    slant, pen = rng.uniform(0.0, 0.7), rng.uniform(0.8, 2.4)
    while y < height + letter:
        x = rng.uniform(2, 30)
        while x < width:
            x = _word(draw, rng, (x, y + rng.uniform(-1, 1)), (letter, slant, pen)) + letter * rng.uniform(0.6, 1.4)
            if rng.random() < 0.06:
                break
        y += int(letter * rng.uniform(2.4, 3.4))


def _word(
    draw: ImageDraw.ImageDraw, rng: random.Random, start: tuple[float, float], hand: tuple[float, float, float]
) -> float:
    """Draws one word as a chain of loops; returns where it ends."""
    letter, slant, pen = hand
    x, y = start
    last = None
    for _ in range(rng.randint(2, 9)):
        tall = rng.choice((1.0, 1.0, 1.0, 2.1, -1.0))  # a plain letter, one that rises, one that descends
        wide, turn = letter * rng.uniform(0.35, 0.75), rng.uniform(0.7, 1.5)
        for step in range(10):
            t = step / 10
            rise = math.sin(math.pi * t * turn) * letter * tall * 0.9
            here = (x + wide * t - math.sin(2 * math.pi * t) * wide * 0.45 + rise * slant, y - rise)
            if last is not None:
                down = here[1] > last[1]
                draw.line((*last, *here), fill=255, width=max(1, round(pen * (1.4 if down else 0.8))))
            last = here
        x += wide
    return x


def _rule(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> None:
    """Lines of a form, or a round stamp."""
    if rng.random() < 0.6:
        pitch = rng.randint(18, 60)
        for y in range(rng.randint(0, pitch), height, pitch):
            draw.line((0, y, width, y), fill=rng.randint(90, 220), width=rng.choice((1, 1, 2)))
    else:
        radius, x, y = rng.randint(25, 60), rng.randint(0, width), rng.randint(0, height)
        for r in (radius, radius - rng.randint(5, 10)):
            draw.ellipse((x - r, y - r, x + r, y + r), outline=rng.randint(120, 255), width=2)
