"""Takes in what a training or a fine-tuning wrote, as it is: its card, its licence and its base stay."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from engine.errors import ModelError
from engine.models import catalog
from engine.models.weights import load_restorer, load_upscaler
from engine.projects.atomic import make_folder_for, replacing
from engine.types import TUNING_NAME, AddedModel, NewModel

_LARGEST = 64 << 20  # bytes; a network has about 3 million numbers, an update 0.4 million
_log = logging.getLogger(__name__)


def adopt(new: NewModel, folder: Path, places: Sequence[Path]) -> AddedModel:
    """Copies a tuned or trained model's file into `folder`, under its id, and with a trained one the tail that lies
    beside it and belongs to it. `places` are where models lie.

    ModelError where it holds no network, its base is not installed, its weights do not fit that, its id is another
    model's, or a file of its name is here that is not its own.
    """
    path = Path(new.file)
    content = _read(path)
    card = catalog.read_card(path)
    target = folder / f"{card.id}.safetensors"
    if not TUNING_NAME.fullmatch(card.id) or (card.origin != "tuned" and catalog.is_part(target)):
        raise ModelError(f"The name “{card.id[:40]}” in “{path.name}” is none a model can have; make it again.")
    load_restorer(path, torch.device("cpu"), torch.float32)
    spare = "; it has a card of its own, so what you told of it was not taken over" if _told(new) else ""
    here = [one for one in catalog.cards((folder, *places)) if one.id == card.id]
    if any(one.sha256 == card.sha256 and one.origin == "shipped" for one in here):
        return AddedModel(card, f"“{card.title}” comes with Archivist, and nothing has changed{spare}.")
    if any(one.sha256 != card.sha256 for one in here):
        raise ModelError(
            f"There is another model “{card.id}” here; make this one under another name, or first remove that one "
            f"(“archivist models remove {card.id}”) unless it comes with Archivist."
        )
    tail, left = _tail(path, target) if card.origin != "tuned" else ({}, "")
    if not _keep({target: content} | tail):
        return AddedModel(
            catalog.read_card(target), f"“{card.title}” was here already, and nothing has changed{spare}."
        )
    told = f"“{card.title}” is here now{left}{spare}." if left or spare else ""
    return AddedModel(catalog.read_card(target), told)


def _tail(path: Path, target: Path) -> tuple[dict[Path, bytes], str]:
    """The tail beside a trained model and where it goes, if there is one that belongs to it; and what a person is told
    of one that does not. ModelError where another model's tail lies where this one's would."""
    tail, kept = catalog.tail_of(path), catalog.tail_for(target)
    if tail is not None and _serves(tail, path):
        return {kept: _read(tail)}, ""
    if catalog.is_part(kept) and kept.exists():
        if not _serves(kept, path):
            raise _in_the_way(kept)
        return {}, ""
    left = f", but does not enlarge: “{tail.name}” is damaged or belongs to other weights, and was left" if tail else ""
    return {}, left


def _serves(tail: Path, model: Path) -> bool:
    try:
        load_upscaler(tail, model, torch.device("cpu"))
    except ModelError as error:
        _log.warning("%s", error)
        return False
    return True


def _keep(files: Mapping[Path, bytes]) -> bool:
    """Writes what is not there yet, and says whether there was anything. ModelError, before anything is written, where
    something else has one of the names: a file that was renamed by hand may be the only one of its kind."""
    there = {file for file in files if file.exists()}
    for file in there:
        if catalog.sha256_of(file) != hashlib.sha256(files[file]).hexdigest():
            raise _in_the_way(file)
    for file, content in files.items():
        if file not in there:
            make_folder_for(file)
            with replacing(file) as temporary:
                temporary.write_bytes(content)
    return len(there) < len(files)


def _in_the_way(file: Path) -> ModelError:
    return ModelError(f"Another file is called “{file.name}” in {file.parent}; move it away or rename it first.")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"“{path.name}” is larger than a model of Archivist’s can be, and is refused.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"“{path.name}” cannot be read ({error.strerror}); choose another file.") from error


def _told(new: NewModel) -> bool:
    return any((new.title, new.licence, new.source, new.training_data))
