"""Which styles somebody means: a group of them, and words or a year to look for."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from engine.types import StyleCard

Group = Literal["all", "process", "print", "painting", "own", "favourite"]

_YEARS = re.compile(r"(\d{4})\s*[–-]\s*(\d{4}|today)")
_YEAR = re.compile(r"[12]\d{3}")
_WORDS = {"process": "process photograph", "print": "print", "painting": "painting", "own": "own"}


def matches(card: StyleCard, query: str) -> bool:
    """Whether every word of `query` begins or lies in the card's title, date, source or kind.

    Case and accents do not matter. A year also finds the styles that were in use then.
    """
    text = _plain(" ".join((card.title, card.date, card.source, _WORDS.get(card.group, card.group))))
    return all(word in text or _in_use(card, word) for word in _plain(query).split())


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _in_use(card: StyleCard, word: str) -> bool:
    years = _YEARS.search(card.date)
    if years is None or not _YEAR.fullmatch(word):
        return False
    return int(years[1]) <= int(word) and (years[2] == "today" or int(word) <= int(years[2]))
