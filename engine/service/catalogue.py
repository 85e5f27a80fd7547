"""Models and styles."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ModelError
from engine.models import catalog
from engine.runtime.worker import Lane, Work
from engine.styles.library import own_card
from engine.types import (
    AddedModel,
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

    def styles_complaint(self) -> str:
        """Why a person's own styles are not among all styles, and what to do, in a sentence; "" where they are."""
        return self._library.complaint()

    def models(self) -> tuple[ModelCard, ...]:
        """The cards of the models: the shipped ones first, then a person's own and the open projects'.

        The first call hashes their files.
        """
        return catalog.cards(self._model_folders())

    def lend_model(self, file: str) -> ModelCard:
        """Lets this engine use a model's file where it lies, until it closes: one that fine-tuning wrote, or one in a
        folder of models. ModelError, in a sentence, for any other."""
        path = Path(file)
        card = catalog.read_card(path)
        if card.origin == "tuned":
            catalog.base_of(path)
        if any(one.id == card.id and one.sha256 != card.sha256 for one in catalog.cards()):
            raise ModelError(f"“{path.name}” calls itself “{card.id}”, as a model does that comes with Archivist.")
        self._lent = (path, *self._lent)
        return card

    def has_card(self, file: str) -> bool:
        """Whether a file is what a training or a fine-tuning wrote: it has a card, and nobody is asked for its
        licence."""
        return catalog.has_card(Path(file))

    def import_model(self, new: NewModel, on_progress: Report) -> Work[AddedModel]:
        """Takes a model in, in the queue: what a training or a fine-tuning wrote as it is; of a network of other
        people's the weights, which are tried and kept as safetensors with a card."""

        def steps() -> Generator[Progress | None, None, AddedModel]:
            studio = self._studio()
            yield Progress(0, 1, "reading")
            folder = Path(new.folder) / "models" if new.folder else self._own_models
            if catalog.has_card(Path(new.file)):
                from engine.rendering.adopting import adopt

                places = self._model_folders()
                copy: Callable[[], AddedModel] = in_sentences(lambda: adopt(new, folder, places))
                added = yield from settled(self._io.submit(copy))
                studio.forget(added.card.id)
                return added
            from engine.rendering.studio import community

            device = studio.device.device
            take: Callable[[], Taken] = in_sentences(lambda: community().take(new, device))
            taken = yield from settled(self._io.submit(take))
            card: ModelCard = yield from community().examine(taken, new, device)
            places = (folder, *self._model_folders())
            keep: Callable[[], AddedModel] = in_sentences(lambda: community().keep(taken, card, new, places))
            added = yield from settled(self._io.submit(keep))
            kept = added.card
            studio.forget(kept.id)
            if not kept.faces:
                studio.adopt(kept.id, kept, taken.foreign)
            return added

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def remove_model(self, model: str) -> None:
        """Forgets an imported or tuned model and its weights; ModelError for one that comes with Archivist. Recipes
        that name it no longer run."""
        catalog.remove(model, self._model_folders())
        if self._studio_made is not None:
            self._worker.call(lambda: self._studio().forget(model))

    def add_style(
        self, path: str, *, title: str = "", date: str = "", source: str = "", licence: str = ""
    ) -> Future[StyleCard]:
        """Makes any picture a style card among a person's own; title and source are the file's name if not given.
        Of a picture that is one already, under whatever title, the id and what is not given stay."""

        def steps() -> Generator[Progress | None, None, StyleCard]:
            picture = decode(Path(path))
            yield None
            code = self._studio().style_code(picture)
            former = self._library.of_picture(code) or own_card(code, title or Path(path).stem)
            card = replace(
                former,
                title=title or former.title,
                date=date or former.date,
                source=source or former.source or Path(path).name,
                licence=licence or former.licence,
            )
            self._library.add(card)
            return card

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps)).future

    def remove_style(self, style: str) -> None:
        """Forgets one of a person's own styles; RecipeError for any other."""
        self._library.remove(style)
