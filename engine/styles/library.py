"""Style cards: 64 numbers, a name and a source each. The shipped ones are one JSON file, a person's own another."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engine import resources
from engine.errors import ModelError, RecipeError
from engine.projects.atomic import write_json
from engine.types import StyleCard

CODE_SIZE = 64
_log = logging.getLogger(__name__)


class StyleLibrary:
    """The shipped cards and, in `own`, those a person added; a later card of the same id replaces an earlier one."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._shipped = read_cards(resources.path("styles/styles.json"))

    def cards(self) -> tuple[StyleCard, ...]:
        """All cards; where a person's own file is damaged, the shipped ones."""
        try:
            added = read_cards(self._own) if self._own and self._own.exists() else ()
        except ModelError as error:
            _log.warning("%s", error)
            added = ()
        return tuple({card.id: card for card in (*self._shipped, *added)}.values())

    def card(self, style: str) -> StyleCard:
        """The card of this id; RecipeError where there is none."""
        for card in self.cards():
            if card.id == style:
                return card
        raise RecipeError(f"There is no style “{style}”; see the list with “archivist styles list”.")

    def add(self, card: StyleCard) -> None:
        """Keeps a card among a person's own."""
        if self._own is None:
            raise ModelError("Styles cannot be kept here: this library has no folder of its own.")
        self._own.parent.mkdir(parents=True, exist_ok=True)
        added = read_cards(self._own) if self._own.exists() else ()
        write_cards(self._own, (*(c for c in added if c.id != card.id), card))

    def remove(self, style: str) -> None:
        """Forgets a card among a person's own; RecipeError where it is none of them, as the shipped ones are not."""
        added = read_cards(self._own) if self._own and self._own.exists() else ()
        if self._own is None or style not in {card.id for card in added}:
            self.card(style)  # says so where there is no such style at all
            raise RecipeError(f"“{style}” belongs to Archivist and stays; only styles of your own can be removed.")
        write_cards(self._own, (card for card in added if card.id != style))


def own_card(code: tuple[float, ...], title: str, date: str = "", source: str = "", licence: str = "") -> StyleCard:
    """The card of a person's own style; the id tells two pictures of one title apart, and is the same for one."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "style"
    mark = hashlib.sha256(repr(code).encode()).hexdigest()[:8]
    return StyleCard(f"own-{name}-{mark}", title, "own", code, date=date, source=source, licence=licence)


def collection_card(name: str, code: tuple[float, ...]) -> StyleCard:
    """The card of the collection that taught a model of this name; a later one of the same name takes its place."""
    source = f"the collection that taught the model “{name}”"
    return StyleCard(f"collection-{name}", name, "own", code, source=source)


def read_cards(path: Path) -> tuple[StyleCard, ...]:
    """The cards of a JSON file; ModelError where it is damaged."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["styles"]
        return tuple(_card(entry) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The style cards in “{path.name}” are missing or damaged; restore the file.") from error


def _card(entry: dict[str, Any]) -> StyleCard:
    known = {f.name for f in fields(StyleCard)}
    values = {key: value for key, value in entry.items() if key in known}
    code = tuple(float(number) for number in values.pop("code"))
    if len(code) != CODE_SIZE or not all(abs(number) <= 1 for number in code):  # also refuses NaN
        raise ValueError("no style code")
    if not all(isinstance(values[name], str) for name in ("id", "title", "group")):
        raise TypeError("a card needs an id, a title and a group")
    return StyleCard(code=code, **values)


def write_cards(path: Path, cards: Iterable[StyleCard]) -> None:
    """Replaces the file by these cards, their numbers to four places."""
    entries = [asdict(card) | {"code": [round(number, 4) for number in card.code]} for card in cards]
    write_json(path, {"styles": entries})
