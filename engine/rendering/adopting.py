"""Takes in what a training or a fine-tuning wrote, as it is: its card, its licence and its base stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.errors import ModelError
from engine.models import catalog
from engine.models.weights import load_restorer
from engine.projects.atomic import make_folder_for, replacing
from engine.types import TUNING_NAME, AddedModel, NewModel

_LARGEST = 64 << 20  # bytes; a network has about 3 million numbers, an update 0.4 million


def adopt(new: NewModel, folder: Path, places: Sequence[Path]) -> AddedModel:
    """Copies a tuned or trained model's file into `folder`, under its id. `places` are where models lie.

    ModelError where it holds no network, its base is not installed, its weights do not fit that, or its id is another
    model's.
    """
    path = Path(new.file)
    content = _read(path)
    card = catalog.read_card(path)
    if not TUNING_NAME.fullmatch(card.id):
        raise ModelError(f"The name “{card.id[:40]}” in “{path.name}” is none a model can have; make it again.")
    load_restorer(path, torch.device("cpu"), torch.float32)
    target = folder / f"{card.id}.safetensors"
    spare = "; it has a card of its own, so what you told of it was not taken over" if _told(new) else ""
    here = [one for one in catalog.cards((folder, *places)) if one.id == card.id]
    if any(one.sha256 == card.sha256 and one.origin == "shipped" for one in here):
        return AddedModel(card, f"“{card.title}” comes with Archivist, and nothing has changed{spare}.")
    if any(one.sha256 != card.sha256 for one in here):
        raise ModelError(
            f"There is another model “{card.id}” here; make this one under another name, or first remove that one "
            f"(“archivist models remove {card.id}”) unless it comes with Archivist."
        )
    if target.exists() and catalog.sha256_of(target) == card.sha256:
        return AddedModel(card, f"“{card.title}” was here already, and nothing has changed{spare}.")
    make_folder_for(target)
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    return AddedModel(card, f"“{card.title}” is here now{spare}." if spare else "")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"“{path.name}” is larger than a model of Archivist’s can be, and is refused.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"“{path.name}” cannot be read ({error.strerror}); choose another file.") from error


def _told(new: NewModel) -> bool:
    return any((new.title, new.licence, new.source, new.training_data))
