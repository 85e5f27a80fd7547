"""Which models there are: their cards, read from the weight files' headers and the JSON beside them, without torch.

What belongs to Archivist carries its card in the weight file. A network of other people's lies as
`<sha256>.safetensors` in a folder of models, a person's own or a project's, with its card as `<sha256>.json` beside it.
Where models are looked for may also be a single file, which a person named.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine import resources
from engine.errors import ModelError
from engine.types import SCALES, ModelCard

TILES = (128, 256)  # pixels a side of an imported network's tiles: divisors of the shipped model's
_LARGEST_HEADER = 10_000_000  # bytes; a longer header is a lie
_LARGEST_CARD = 1_000_000
_TAIL = "-upscale"  # ends the name of the file that teaches a model of that name to enlarge
_CRITIC = "-critic"  # ends the name of the file with the discriminator a model was trained against
_REVERSE = "-reverse"  # ends the name of the file with the network that makes clean pictures old
_GRID = 16  # pixels a side that our backbone works on: `generator.MULTIPLE_OF`, which only torch knows
_LEAST = 64  # pixels of a tile of ours and of what it sees around itself: with less, its edges show
_RANGES: dict[str, tuple[int, int]] = {
    "multiple_of": (8, 64), "halo": (8, 1024), "tile": (8, 1 << 15), "enlarges": (1, 16), "blend": (0, 64),
    "least": (1, 4096),
}  # fmt: skip
_PLAIN = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_log = logging.getLogger(__name__)


def shipped() -> tuple[Path, ...]:
    """The weight files that come with the program. Tails for enlarging, discriminators and ways back are no models."""
    return _models_in(resources.path("models"))


def _models_in(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in sorted(folder.glob("*.safetensors")) if not is_part(path))


def is_part(path: Path) -> bool:
    """Whether a file's name says that it is no model but belongs to one: a tail for enlarging, a discriminator or a way
    back. What was tuned may be called anything."""
    return path.stem.endswith((_TAIL, _CRITIC, _REVERSE)) and not is_tuned(path)


def tail_of(path: Path) -> Path | None:
    """The file that holds a model's upscaling tail, beside it or, for a tuned one, beside its base; None where the
    model does not enlarge."""
    try:
        bearer = base_of(path) or path
    except ModelError:
        return None  # whoever loads the model is told why
    tail = tail_for(bearer)
    return tail if tail.exists() else None


def tail_for(path: Path) -> Path:
    """Where the upscaling tail of a model that was not tuned lies, if it has one."""
    return path.with_name(f"{path.stem}{_TAIL}{path.suffix}")


def has_card(path: Path) -> bool:
    """Whether a file carries its card, as what a training or a fine-tuning wrote does."""
    try:
        header(path)
    except ModelError:
        return False
    return True


def is_tuned(path: Path) -> bool:
    """Whether a file is what a fine-tuning wrote; it carries its card, and means something with its base only."""
    try:
        return "base" in header(path)
    except ModelError:
        return False


def base_of(path: Path) -> Path | None:
    """The weight file that a tuned one was tuned from; None for any other.

    ModelError where that is not installed, or has other weights by now.
    """
    base = header(path).get("base")
    if base is None:
        return None
    wanted, sha256 = (base.get("id"), base.get("sha256")) if isinstance(base, dict) else ("", "")
    for found in shipped():
        about = _beside(found) | header(found)
        if "base" in about or about.get("id") != wanted:
            continue
        if sha256_of(found) != sha256:
            raise ModelError(
                f"“{path.name}” was tuned from other weights of “{wanted}” than are installed; tune it again."
            )
        return found
    raise ModelError(
        f"“{path.name}” was tuned from the model “{wanted}”, which is not installed; tune it again from one that is."
    )


def header(path: Path) -> dict[str, Any]:
    """The metadata a safetensors file carries; ModelError where it is none or holds no card."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= _LARGEST_HEADER:
                raise ValueError(f"header of {size} bytes")
            metadata = json.loads(file.read(size))["__metadata__"]
        card = json.loads(metadata["card"])
    except OSError as error:
        raise ModelError(f"The model “{path.name}” cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"“{path.name}” is not a model of Archivist; import it or choose another file.") from error
    if not isinstance(card, dict):
        raise ModelError(f"“{path.name}” is not a model of Archivist; import it or choose another file.")
    return card


def read_card(path: Path) -> ModelCard:
    """The card of one weight file, with the hash of the file as it is now and the size it can enlarge to.

    ModelError where it has none, and where an imported network is no longer what was imported. With a damaged tail a
    model only enlarges nothing.
    """
    told = _beside(path)
    if told.get("origin") == "imported":
        return _imported(path, told)
    carried = header(path)
    origin = "tuned" if "base" in carried else "shipped" if path in shipped() else "trained"
    values = {"multiple_of": _GRID} | _known(told | carried) | {"origin": origin} | _enlarging(path)
    try:
        card = ModelCard(**(values | {"sha256": sha256_of(path)}))
        _check(card)
    except (TypeError, ValueError) as error:
        raise ModelError(f"“{path.name}” is not a model of Archivist; import it or choose another file.") from error
    return card


def _enlarging(path: Path) -> dict[str, Any]:
    """What a model's tail adds to its card: how many times it enlarges, and the tail's hash.

    A tail that is damaged is none, and the log says so: the model restores without it.
    """
    none: dict[str, Any] = {"scale": 1, "tail": ""}
    tail = tail_of(path)
    if tail is None:
        return none
    try:
        sizes, sha256 = header(tail).get("sizes"), sha256_of(tail)
    except ModelError as error:
        _log.warning("“%s” does not enlarge. %s", path.name, error)
        return none
    if not (isinstance(sizes, list) and sizes and all(size in SCALES for size in sizes)):
        _log.warning("“%s” does not enlarge: what “%s” tells of its sizes makes no sense.", path.name, tail.name)
        return none
    return {"scale": int(max(sizes)), "tail": sha256}


def _beside(path: Path) -> dict[str, Any]:
    """What the JSON of the same name tells; nothing where there is none."""
    file = path.with_suffix(".json")
    try:
        if not file.exists():
            return {}
        if file.stat().st_size > _LARGEST_CARD:
            raise ValueError("too long for a card")
        told = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise TypeError("no card")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"The card “{file.name}” is damaged; remove it and import the model again.") from error
    return told


def _known(told: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(ModelCard)}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in told.items() if key in names}


def _imported(path: Path, told: dict[str, Any]) -> ModelCard:
    """The card of an imported network; its numbers steer the engine and come from a file, so each must make sense."""
    values = _known(told)
    try:
        card = ModelCard(**values)
        _check(card)
    except (TypeError, ValueError) as error:
        file = path.with_suffix(".json").name
        raise ModelError(f"The card “{file}” is damaged; remove it and import the model again.") from error
    if sha256_of(path) != card.sha256:
        raise ModelError(f"The weights of “{card.title}” are not those that were imported; import them again.")
    return card


def _check(card: ModelCard) -> None:
    for plain in fields(ModelCard):
        value, default = getattr(card, plain.name), plain.default
        wanted = int | float if isinstance(default, float) else type(default)
        if isinstance(default, str | int | float) and not isinstance(value, wanted):
            raise TypeError(f"{plain.name}: {value!r}")
    texts = (card.id, card.title, *card.controls, *card.failures)
    if not (all(isinstance(text, str) and text for text in texts) and isinstance(card.metrics, dict)):
        raise TypeError("a card needs an id and a title")
    out_of_range = [name for name, (low, high) in _RANGES.items() if not low <= getattr(card, name) <= high]
    if out_of_range or card.scale not in SCALES or card.channels not in (1, 3) or card.blend > card.halo:
        raise ValueError(f"{out_of_range or (card.scale, card.channels)}")
    if card.origin == "imported":
        together = card.tile in TILES and card.scale <= card.enlarges and not card.halo % 8
    else:  # what is off the backbone's grid it either refuses or sees askew, tile by tile
        steps = (card.multiple_of % _GRID, card.tile % card.multiple_of, card.halo % card.multiple_of)
        together = not any(steps) and min(card.tile, card.halo) >= _LEAST
    if not together:
        raise ValueError("numbers that do not go together")


def sha256_of(path: Path) -> str:
    """The hash of a weight file as it is now."""
    try:
        facts = path.stat()
        return _hashed(path, facts.st_mtime_ns, facts.st_size)
    except OSError as error:
        raise ModelError(f"The model “{path.name}” cannot be read: {error.strerror}.") from error


@lru_cache(maxsize=256)
def _hashed(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cards(folders: Sequence[Path] = ()) -> tuple[ModelCard, ...]:
    """The cards of all models: the shipped ones first, then by title what lies in `folders`.

    What is damaged among the latter is left out, and the log says so.
    """
    found = {card.id: card for _, card in _all(folders)}
    return tuple(sorted(found.values(), key=lambda card: (card.origin != "shipped", card.title.lower())))


def remembered(sha256: str, folders: Sequence[Path]) -> ModelCard | None:
    """The card that weights of this hash were imported with, whatever has become of their file; None where they never
    were, or the card is damaged."""
    for folder in folders:
        try:
            told = _beside(folder / f"{sha256}.safetensors")
            if told:
                card = ModelCard(**_known(told))
                _check(card)
                return card
        except (ModelError, TypeError, ValueError):
            continue
    return None


def find(model: str, folders: Sequence[Path] = ()) -> tuple[Path, ModelCard]:
    """The weight file of this id, a shipped one before any other; ModelError names the ids there are.

    Where none has it, an imported one that has answered to it (see `ModelCard.answers_to`).
    """
    known: list[tuple[Path, ModelCard]] = []
    for path, card in _all(folders):
        if card.id == model:
            return path, card
        known.append((path, card))
    for path, card in known:
        if card.answers_to(model):
            return path, card
    names = ", ".join(dict.fromkeys(card.id for _, card in known)) or "none"
    raise ModelError(f"There is no model “{model}”; these are installed: {names}.")


def remove(model: str, folders: Sequence[Path]) -> None:
    """Forgets an imported, tuned or trained network, and the tail of its own. ModelError for one that comes with
    Archivist, and where its files cannot go."""
    path, card = find(model, folders)
    if path in shipped():
        raise ModelError(
            f"“{model}” belongs to Archivist and stays; only models that were imported or tuned can be removed."
        )
    tail = None if card.origin in ("imported", "tuned") else tail_for(path)
    try:
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink()
        if tail is not None and is_part(tail):
            tail.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"“{card.title}” cannot be removed ({error.strerror}); close what uses it.") from error


def _all(folders: Sequence[Path]) -> Iterator[tuple[Path, ModelCard]]:
    taken = set()
    for path in shipped():
        card = read_card(path)
        taken.add(card.id)
        yield path, card
    for folder in folders:
        for path in (folder,) if folder.is_file() else _models_in(folder):
            try:
                card = read_card(path)
            except ModelError as error:
                _log.warning("%s", error)
                continue
            if card.id not in taken:  # nobody takes a shipped model's name
                taken.add(card.id)
                yield path, card


def identity(title: str, sha256: str) -> str:
    """The id of an imported network: its name in plain letters, and what tells it from others of that name."""
    return f"{plain_name(title)}-{sha256[:8]}"


def plain_name(title: str) -> str:
    """A title in small plain letters, digits and dashes, as an id may have them, at most 48 of them."""
    letters = unicodedata.normalize("NFKD", title.casefold().translate(_PLAIN))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-") or "model"
