"""Takes a network of other people's in: read without running anything, tried, kept under its hash with a card."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from engine.models import catalog, checkpoints
from engine.projects.atomic import replacing, write_error, write_json
from engine.rendering.foreign import Foreign, build
from engine.rendering.probing import probe, probe_face
from engine.types import SCALES, AddedModel, ModelCard, NewModel, Progress

CONTROLS = ("strength", "keep_tone", "scope", "grain")
_PURPOSES = {
    "SR": "Enlarges {n} times",
    "Restoration": "Restores",
    "FaceSR": "Restores single faces that a person marks, each with a recorded consent, and no whole picture",
}
_UNKNOWN = "unknown"
_TOLD = {"title": "name", "licence": "licence", "source": "source", "training_data": "training data"}  # by a person

_NEVER_SEEN = (
    "It was not made for archives: detail that it adds is plausible, not known, least of all in faces and lettering.",
    "It knows no alpha: how much of its result is proven is not in your hands, except by strength and scope.",
)
_OF_FACES = (
    "It may show another person: the face it makes is a plausible one, drawn from faces it learned, not the one "
    "that was photographed.",
    "It knows upright faces seen from the front, most of them of adults; others it bends towards those.",
    "It knows no alpha: how much of its result is proven is not in your hands, except by the strength of the face.",
)
_SEAM = (
    "It looks at more of a picture than a tile holds, so tiles differ from one pass over the whole (by {seam:.1f} of "
    "255 on a test picture) and are blended into each other."
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A network as it was read from its file and built; nothing of it is kept yet."""

    foreign: Foreign
    state: dict[str, Tensor]
    sha256: str  # of the file


def take(new: NewModel, device: torch.device, dtype: torch.dtype = torch.float32) -> Taken:
    """Reads a file and builds its network; takes seconds, and any thread may do it. ModelError in a sentence."""
    path = Path(new.file)
    state = checkpoints.read(path)
    foreign = build(state, path.name, device, dtype, restricted=new.restricted, faces=new.faces)
    return Taken(foreign, state, catalog.sha256_of(path))


def examine(taken: Taken, new: NewModel, device: torch.device) -> Generator[Progress, None, ModelCard]:
    """Steps that try a network and write its card, which has the hash of the file. ModelError where it is of no use."""
    foreign, descriptor, path = taken.foreign, taken.foreign.descriptor, Path(new.file)
    for_faces = foreign.for_faces
    found = yield from (probe_face if for_faces else probe)(foreign, device, path.name)
    purpose = _PURPOSES[descriptor.purpose].format(n=foreign.enlarges)
    return ModelCard(
        id=path.stem,
        title=new.title or path.stem,
        sha256=taken.sha256,
        origin="imported",
        scale=1 if for_faces else max((scale for scale in SCALES if scale <= foreign.enlarges), default=1),
        enlarges=foreign.enlarges,
        least=foreign.face if for_faces else max(1, descriptor.size_requirements.minimum),
        channels=foreign.channels,
        half=descriptor.supports_half,
        controls=() if for_faces else CONTROLS,
        licence=new.licence or _UNKNOWN,
        source=new.source,
        training_data=new.training_data or _UNKNOWN,
        architecture=", ".join((foreign.architecture, *descriptor.tags)),
        description=f"A network of other people’s. {purpose}; {foreign.parameters / 1e6:.1f} million parameters.",
        failures=_OF_FACES if for_faces else _NEVER_SEEN + ((_SEAM.format(seam=found.seam),) if found.blend else ()),
        file=path.name,
        file_sha256=taken.sha256,
        imported=datetime.now(UTC).isoformat(timespec="seconds"),
        restricted=new.restricted,
        faces=for_faces,
        **asdict(found),
    )


def keep(taken: Taken, card: ModelCard, new: NewModel, folders: Sequence[Path]) -> AddedModel:
    """Writes the weights as safetensors under their hash into the first folder, with the card beside them.

    Weights that are known in any of the folders keep their id, and of what a person told of them what `new` does not
    tell anew. WriteError where the folder cannot be written.
    """
    folder = folders[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error
    tensors = {name: value.contiguous().clone() for name, value in sorted(taken.state.items())}
    content = save(tensors)  # no metadata: the same weights have the same hash on every machine
    sha256 = hashlib.sha256(content).hexdigest()
    target = folder / f"{sha256}.safetensors"
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    known = catalog.remembered(sha256, folders)
    kept = replace(card, id=catalog.identity(card.title, sha256), sha256=sha256)
    if known is not None:
        stays = {name: getattr(known, name) for name in _TOLD if getattr(new, name) in ("", _UNKNOWN)}
        kept = replace(kept, id=known.id, **stays)
    write_json(target.with_suffix(".json"), asdict(kept))
    return AddedModel(kept, _what_changed(known, kept) if known is not None else "")


def _what_changed(known: ModelCard, kept: ModelCard) -> str:
    """What is said to a person who imports weights that are here."""
    changed = [
        f"its {words} is now “{getattr(kept, name)}” (before: “{getattr(known, name)}”)"
        for name, words in _TOLD.items()
        if getattr(kept, name) != getattr(known, name)
    ]
    here = f"These weights were here already, as “{known.title}”, and keep their id, {known.id}"
    return f"{here}: {'; '.join(changed) if changed else 'what is told of them stays as it was'}."


def load(path: Path, card: ModelCard, device: torch.device) -> Foreign:
    """An imported network, in float32: its answer is the picture itself, in which half precision would show.

    ModelError where its file is damaged.
    """
    state = checkpoints.read(path)
    return build(state, card.title, device, torch.float32, restricted=card.restricted, faces=card.faces)
