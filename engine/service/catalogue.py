"""Models and styles."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from engine.models import catalog
from engine.runtime.worker import Lane, Work
from engine.styles.library import own_card
from engine.types import (
    ModelCard,
    NewModel,
    Progress,
    StyleCard,
)

if TYPE_CHECKING:
    from engine.rendering.importing import Taken

from engine.service.core import EngineCore, Report, decode, in_sentences, settled, steps_in_sentences


class Catalogue(EngineCore):
    """The cards of what is installed."""

    def styles(self) -> tuple[StyleCard, ...]:
        """All style cards, the shipped ones first."""
        return self._library.cards()

    def models(self) -> tuple[ModelCard, ...]:
        """The cards of the models: the shipped ones first, then those imported, a person's own and the open projects'.

        The first call hashes their files.
        """
        return catalog.cards(self._model_folders())

    def import_model(self, new: NewModel, on_progress: Report) -> Work[ModelCard]:
        """Reads a network of other people's, tries it and keeps it as safetensors with its card, in the queue."""

        def steps() -> Generator[Progress | None, None, ModelCard]:
            from engine.rendering.studio import community

            studio = self._studio()
            device = studio.device.device
            yield Progress(0, 1, "reading")
            take: Callable[[], Taken] = in_sentences(lambda: community().take(new, device))
            taken = yield from settled(self._io.submit(take))
            card: ModelCard = yield from community().examine(taken, new, device)
            folder = Path(new.folder) / "models" if new.folder else self._own_models
            keep: Callable[[], ModelCard] = in_sentences(lambda: community().keep(taken, card, folder))
            kept = yield from settled(self._io.submit(keep))
            studio.forget(kept.id)
            if not kept.faces:
                studio.adopt(kept, taken.foreign)
            return kept

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def remove_model(self, model: str) -> None:
        """Forgets an imported model and its weights; ModelError for any other. Recipes that name it no longer run."""
        catalog.remove(model, self._model_folders())
        if self._studio_made is not None:
            self._worker.call(lambda: self._studio().forget(model))

    def add_style(
        self, path: str, *, title: str = "", date: str = "", source: str = "", licence: str = ""
    ) -> Future[StyleCard]:
        """Makes any picture a style card among a person's own; title and source are the file's name if not given."""

        def steps() -> Generator[Progress | None, None, StyleCard]:
            picture = decode(Path(path))
            yield None
            code = self._studio().style_code(picture)
            card = own_card(code, title or Path(path).stem, date, source or Path(path).name, licence)
            self._library.add(card)
            return card

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps)).future

    def remove_style(self, style: str) -> None:
        """Forgets one of a person's own styles; RecipeError for any other."""
        self._library.remove(style)
