"""What a comparison sheet shows of an image: it before and after, what was changed, in what way, and where from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from engine.types import (
    ImageInfo,
    ImageRef,
    MapRequest,
    ModelCard,
    ProjectItem,
    Recipe,
    RenderRequest,
    StyleCard,
    View,
    named,
    recipe_in_words,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archivist_app.bridge import Bridge
    from engine.types import Project


@dataclass(frozen=True, slots=True, eq=False)
class SheetEntry:
    """One image: three pictures of one size, uint8 (H, W, 4) in BGRX order, and what is said of them."""

    name: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    changes: NDArray[np.uint8]  # its fidelity map
    scale: float  # pixels of these a pixel of the master
    made: tuple[str, ...]  # the recipe in words
    facts: tuple[tuple[str, str], ...]  # of the original, the model and the decision: name and value
    generated: bool = True  # whether a model made any of it


def sheet_requests(image: ImageRef, recipe: Recipe, info: ImageInfo, pixels: int) -> tuple[RenderRequest, MapRequest]:
    """What to ask the engine for: the whole picture with at most about `pixels` on its longer side."""
    view = View(info.bounds, min(1.0, pixels / max(info.width, info.height)))
    return RenderRequest(image, recipe, view, "refine"), MapRequest("fidelity", image, recipe, view)


def words_for(item: ProjectItem, styles: Sequence[StyleCard], models: Sequence[ModelCard]) -> tuple[str, ...]:
    """The recipe of an image in words, its style by its title, without the settings that its model does not have."""
    title = next((card.title for card in styles if card.id == item.recipe.style), "")
    ignored = next((card.ignored for card in models if card.id == item.recipe.model), frozenset[str]())
    return recipe_in_words(item.recipe, title, ignored)


def facts_of(
    item: ProjectItem, info: ImageInfo, models: Sequence[ModelCard], project: str = ""
) -> tuple[tuple[str, str], ...]:
    """Where an image and its restoration come from."""
    source, recipe = item.source, item.recipe
    weights = recipe.weights or (card.sha256 if (card := named(models, recipe.model)) else "")
    size = [f"{info.width} × {info.height} pixels", f"{info.format}, {info.bits} bit", info.profile]
    size.append(f"{info.dpi[0]:.0f} dpi" if info.dpi else "")
    name = PurePath(source.path.replace("\\", "/")).name
    rows = [
        ("Original", f"{name}, page {source.page + 1}" if source.page else name),
        ("", " · ".join(part for part in size if part)),
        ("SHA-256", source.sha256),
        ("Model", recipe.model),
        ("Its weights", f"SHA-256 {weights}" if weights else "unknown"),
        ("Project", project),
        ("Decision", _decision(item)),
        ("Note", item.note),
    ]
    return tuple((name, value) for name, value in rows if value)


def _decision(item: ProjectItem) -> str:
    words = {"approved": "Approved", "rejected": "Rejected"}.get(item.decision, "Not decided yet")
    if item.decision and item.decided_by:
        words += f" by {item.decided_by}"
    if item.decision and item.decided_at:
        words += f", {item.decided_at[:10]}"
    return f"{words} · {item.stars} of 5 stars" if item.stars else words


class Gatherer:
    """Asks the engine for what a sheet shows."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def entry(self, project: Project, item: ProjectItem, pixels: int) -> SheetEntry:
        """One image. Raises EngineError, or Cancelled."""
        path = self._bridge.register(project, item)
        opened = await self._bridge.open_image(path, item.source.page)
        rendering, mapping = sheet_requests(item.source, item.recipe, opened.info, pixels)
        frame = await self._bridge.whole(rendering)
        changes = await self._bridge.whole_map(mapping)
        models = await self._bridge.models()
        return SheetEntry(
            name=PurePath(item.source.path.replace("\\", "/")).name,
            before=frame.before,
            after=frame.pixels,
            changes=changes.pixels,
            scale=frame.before.shape[1] / opened.info.width,
            made=words_for(item, self._bridge.styles(), models),
            facts=facts_of(item, opened.info, models, project.name),
            generated=item.recipe.strength > 0,
        )
