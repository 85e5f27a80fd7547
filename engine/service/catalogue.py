"""Models and styles."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from engine.models import catalog
from engine.runtime.worker import Lane
from engine.styles.library import own_card
from engine.types import (
    ModelCard,
    Progress,
    StyleCard,
)

if TYPE_CHECKING:
    pass

from engine.service.core import EngineCore, decode, steps_in_sentences


class Catalogue(EngineCore):
    """The cards of what is installed."""

    def styles(self) -> tuple[StyleCard, ...]:
        """All style cards, the shipped ones first."""
        return self._library.cards()

    def models(self) -> tuple[ModelCard, ...]:
        """The cards of the installed models."""
        return tuple(catalog.read_card(path) for path in catalog.shipped())

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
