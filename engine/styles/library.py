"""Style cards: 64 numbers, a name and a source each. The shipped ones are one JSON file, a person's own another."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engine import resources
from engine.errors import ModelError, ProjectError, RecipeError, WriteError
from engine.projects.atomic import check_writable, make_folder_for, write_json
from engine.projects.lock import FolderLock
from engine.types import StyleCard

CODE_SIZE = 64
TEXTURES = frozenset(("", "film", "starch", "screen", "hatch", "brush", "dabs", "canvas"))
"""Those of engine/styles/textures.py, which cannot be asked: it brings in torch, and a list of styles must not."""
_OF_PICTURES = "own-"  # how the ids of those begin that were made of a single picture
_PATIENCE = 5.0  # seconds to wait for another program that changes the styles, which takes it some milliseconds
_PAUSE = 0.02  # seconds between attempts
_log = logging.getLogger(__name__)


class StyleLibrary:
    """The shipped cards and, in `own`, those a person added; a later card of the same id replaces an earlier one."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._shipped = read_cards(resources.path("styles/styles.json"))

    def cards(self) -> tuple[StyleCard, ...]:
        """All cards; where a person's own file is damaged, the shipped ones."""
        return self._look()[0]

    def complaint(self) -> str:
        """Why a person's own cards are not among all cards, and what to do, in a sentence; "" where they are."""
        return self._look()[1]

    def card(self, style: str) -> StyleCard:
        """The card of this id; RecipeError where there is none."""
        cards, complaint = self._look()
        for card in cards:
            if card.id == style:
                return card
        if complaint:  # nobody is to believe that it was deleted
            raise RecipeError(f"There is no style “{style}” among those that can be read: {complaint}")
        raise RecipeError(f"There is no style “{style}”; see the list with “archivist styles list”.")

    def of_picture(self, code: tuple[float, ...]) -> StyleCard | None:
        """The own card that a picture of this code has already, under whatever title; ModelError where a person's own
        file is damaged. A collection's card is another matter, also where its numbers are the same."""
        return next((card for card in self._added() if card.id.startswith(_OF_PICTURES) and card.code == code), None)

    def add(self, card: StyleCard) -> None:
        """Keeps a card among a person's own.

        ModelError for one that could not be read again, and where the own file is damaged, which stays as it is;
        WriteError where the file cannot be written."""
        if self._own is None:
            raise ModelError("Styles cannot be kept here: this library has no folder of its own.")
        try:
            _check(card)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"“{card.title}” cannot be kept as a style, since {error}; choose another picture or another name."
            ) from error
        with _alone(self._own):
            write_cards(self._own, (*(c for c in self._added() if c.id != card.id), card))

    def remove(self, style: str) -> None:
        """Forgets a card among a person's own; RecipeError where it is none of them, as the shipped ones are not;
        ModelError where the own file is damaged, WriteError where it cannot be written."""
        if self._own is None or style not in {card.id for card in self._added()}:
            self.card(style)  # says so where there is no such style at all
            raise RecipeError(f"“{style}” belongs to Archivist and stays; only styles of your own can be removed.")
        with _alone(self._own):
            write_cards(self._own, (card for card in self._added() if card.id != style))

    def _look(self) -> tuple[tuple[StyleCard, ...], str]:
        """All cards that can be read, and what is wrong with the own file."""
        added: tuple[StyleCard, ...] = ()
        complaint = ""
        try:
            added = self._added()
        except ModelError as error:
            complaint = str(error)
            _log.warning("%s", error)
        return tuple({card.id: card for card in (*self._shipped, *added)}.values()), complaint

    def _added(self) -> tuple[StyleCard, ...]:
        """A person's own cards; ModelError where their file is damaged."""
        if self._own is None or not self._own.exists():
            return ()
        try:
            return read_cards(self._own)
        except ModelError as error:
            raise ModelError(
                f"“{self._own}”, which holds your own styles, is damaged or cannot be read; restore it from a backup, "
                "or move it elsewhere to begin with none."
            ) from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lets one program at a time read the file and replace it, or what one adds is lost to the other. WriteError where
    it cannot be written, or another program does not finish; the lock of one that died is taken over."""
    make_folder_for(path)
    check_writable(path)  # before the lock, whose own sentences speak of projects
    lock = _acquired(path)
    try:
        yield
    finally:
        for _ in range(3):  # Windows removes no file that a waiting program is just reading
            lock.release()


def _acquired(path: Path) -> FolderLock:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return FolderLock.acquire(path.parent)
        except ProjectError as error:
            if time.monotonic() > end:
                raise WriteError(
                    f"Another program is changing your styles in {path.parent}, so nothing was changed here; "
                    "close it, or try again in ten minutes."
                ) from error
        time.sleep(_PAUSE)


def own_card(code: tuple[float, ...], title: str) -> StyleCard:
    """The card of a person's own style; the id tells two pictures of one title apart, and is the same for one."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "style"
    mark = hashlib.sha256(repr(code).encode()).hexdigest()[:8]
    return StyleCard(f"{_OF_PICTURES}{name}-{mark}", title, "own", code)


def collection_card(name: str, code: tuple[float, ...]) -> StyleCard:
    """The card of the collection that taught a model of this name; a later one of the same name takes its place."""
    source = f"the collection that taught the model “{name}”"
    return StyleCard(f"collection-{name}", name, "own", code, source=source)


def read_cards(path: Path) -> tuple[StyleCard, ...]:
    """The cards of a JSON file; ModelError where it is damaged."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))["styles"]  # Notepad begins a file with a mark
        return tuple(_card(entry) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ModelError(f"The style cards in “{path.name}” are missing or damaged; restore the file.") from error


def _card(entry: dict[str, Any]) -> StyleCard:
    known = {f.name for f in fields(StyleCard)}
    values = {key: value for key, value in entry.items() if key in known}
    values["code"] = tuple(_number(number) for number in values["code"])
    if "grain" in values:
        values["grain"] = _number(values["grain"])
    card = StyleCard(**values)
    _check(card)
    return card


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("its numbers are none")
    return float(value)


def _check(card: StyleCard) -> None:
    """TypeError or ValueError, saying why, for what no style may be: its id is typed and shown on a terminal, and the
    rest is computed with."""
    texts = (card.id, card.title, card.group, card.date, card.source, card.licence, card.texture)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("something told of it is no text")
    if not card.id.strip() or not card.id.isprintable():
        raise ValueError("its id is empty or cannot be printed")
    if card.texture not in TEXTURES:
        raise ValueError("nobody knows its texture")
    if len(card.code) != CODE_SIZE or not all(abs(number) <= 1 for number in card.code):  # also refuses NaN
        raise ValueError("its 64 numbers are not a style's")
    if not 0 <= card.grain <= 1:  # also refuses NaN
        raise ValueError("the strength of its texture is not between 0 and 1")


def write_cards(path: Path, cards: Iterable[StyleCard]) -> None:
    """Replaces the file by these cards, their numbers to four places."""
    entries = [asdict(card) | {"code": [round(number, 4) for number in card.code]} for card in cards]
    write_json(path, {"styles": entries})
