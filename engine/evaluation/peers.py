"""Other people's networks, to be measured against, from files a person names. They run as imported ones do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.errors import RecipeError
from engine.models.catalog import has_card
from engine.rendering.pipeline import Pipeline
from engine.rendering.studio import Studio, community
from engine.runtime.steps import at_once
from engine.types import NewModel

_TILE = 512  # pixels: larger than in the window, since nobody waits for the first one


def named(files: Sequence[str], taken: Iterable[str]) -> dict[str, Path]:
    """Networks' files by their names without endings. RecipeError where a name comes twice, or is in `taken`."""
    found: dict[str, Path] = {}
    for file in map(Path, files):
        if file.stem in found or file.stem in taken:
            raise RecipeError(f"Two candidates would be called “{file.stem}”; rename the file “{file.name}”.")
        found[file.stem] = file
    return found


def load(path: Path, studio: Studio) -> Pipeline:
    """The pipeline of a network that is not imported, in the engine's own number format, or of a tuned or
    trained model; ModelError in a sentence."""
    if has_card(path):
        return studio.pipeline_of(path)
    device, new = studio.device.device, NewModel(str(path))
    taken = community().take(new, device, studio.device.dtype)
    card = at_once(community().examine(taken, new, device))
    tile = card.tile if card.blend else _TILE
    return studio.borrow(taken.foreign, replace(card, tile=tile))
