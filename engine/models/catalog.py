"""Which models there are: their cards, read from the weight files' headers without torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine import resources
from engine.errors import ModelError
from engine.types import ModelCard

_LARGEST_HEADER = 10_000_000  # bytes; a longer header is a lie
_TAIL = "-upscale"  # ends the name of the file that teaches a model of that name to enlarge
_CRITIC = "-critic"  # ends the name of the file with the discriminator a model was trained against


def shipped() -> tuple[Path, ...]:
    """The weight files that come with the program. Tails for enlarging and discriminators are no models."""
    files = sorted(resources.path("models").glob("*.safetensors"))
    return tuple(path for path in files if not path.stem.endswith((_TAIL, _CRITIC)))


def tail_of(path: Path) -> Path | None:
    """The file beside a model's that holds its upscaling tail; None where the model does not enlarge."""
    tail = path.with_name(f"{path.stem}{_TAIL}{path.suffix}")
    return tail if tail.exists() else None


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
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"“{path.name}” is not a model of Archivist; import it or choose another file.") from error
    if not isinstance(card, dict):
        raise ModelError(f"“{path.name}” is not a model of Archivist; import it or choose another file.")
    return card


def read_card(path: Path) -> ModelCard:
    """The card of one weight file, with the hash of the file as it is now and the size it can enlarge to."""
    data = header(path)
    known = {f.name for f in fields(ModelCard)} - {"sha256"}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key in known
    }
    if (tail := tail_of(path)) is not None:
        values["scale"] = max((int(scale) for scale in header(tail).get("sizes", ())), default=1)
        values["tail"] = sha256_of(tail)
    return ModelCard(sha256=sha256_of(path), **values)


def sha256_of(path: Path) -> str:
    """The hash of a weight file as it is now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find(model: str) -> tuple[Path, ModelCard]:
    """The weight file of this id; ModelError names the ids there are."""
    cards = [(path, read_card(path)) for path in shipped()]
    for path, card in cards:
        if card.id == model:
            return path, card
    names = ", ".join(card.id for _, card in cards) or "none"
    raise ModelError(f"There is no model “{model}”; these are installed: {names}.")
