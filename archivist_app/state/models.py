"""The models there are, the one the image on screen is restored with, and those of other people's that come in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, JobHandle
from archivist_app.state.commands import Edit
from archivist_app.state.jobs_model import JobsModel, State, Ways
from archivist_app.state.session import Session
from engine.errors import Cancelled, EngineError
from engine.types import SHIPPED_MODEL, AddedModel, ModelCard, NewModel, Recipe, named


class Models(QObject):
    """Knows the cards; imports in the background, a job row each; removes at once, whoever asks has been asked."""

    cards_changed = Signal(object)  # tuple of ModelCard
    card_changed = Signal(object)  # ModelCard of the image on screen; None where its model is not here
    added = Signal(object)  # ModelCard
    noticed = Signal(str)
    failed = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks
        self._cards: tuple[ModelCard, ...] = ()
        self._card: ModelCard | None = None
        bridge.awoken.connect(self.reload)
        session.project_changed.connect(self.reload)  # it may hold models of its own
        session.document.recipe_changed.connect(self._follow)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """All models, the shipped ones first; none until the files have been read."""
        return self._cards

    @property
    def card(self) -> ModelCard | None:
        """The model of the image on screen; None where it is not here."""
        return self._card

    @Slot()
    def reload(self) -> None:
        """Read the catalogue anew, beside what people do: the files are hashed."""
        if self._bridge.awake:
            self._tasks.spawn(self._read())

    def choose(self, card: ModelCard) -> None:
        """Restore the image on screen with another model, undoably; a size it cannot give is made smaller.

        Not with a network for faces, which restores no whole picture.
        """
        recipe = self._session.document.recipe
        if recipe.model != card.id and not card.faces:
            scale = max(size for size in card.sizes if size <= recipe.scale)
            self._session.push(Edit(replace(recipe, model=card.id, weights="", scale=scale), f"Model: {card.title}"))

    def choose_by_id(self, model: str) -> None:
        """The same by its id; nothing where there is no such model."""
        card = named(self._cards, model)
        if card is not None:
            self.choose(card)

    def has_card(self, file: str) -> bool:
        """Whether a file is what a training or a fine-tuning wrote, with a card of its own."""
        return self._bridge.has_card(file)

    def add(self, new: NewModel) -> None:
        """Import a network's file."""
        handle = self._bridge.import_model(new, lambda step: self._jobs.advance(number, step))
        ways = Ways(retry=lambda: self.add(new))
        number = self._jobs.add(f"Model from {Path(new.file).name}", handle.cancel, ways)
        self._tasks.spawn(self._take(number, handle))

    def remove(self, card: ModelCard) -> None:
        """Forget an imported or tuned model; the image on screen leaves it first."""
        shipped = next((one for one in self._cards if one.id == SHIPPED_MODEL), None)
        if card.answers_to(self._session.document.recipe.model) and shipped is not None:
            self.choose(shipped)
        self._tasks.spawn(self._remove(card))

    async def _remove(self, card: ModelCard) -> None:
        try:
            await self._bridge.remove_model(card.id)
        except EngineError as error:
            self.failed.emit(str(error))
        else:
            self.noticed.emit(f"“{card.title}” was removed from your models.")
        await self._read()

    async def _read(self) -> None:
        try:
            cards = await self._bridge.models()
        except EngineError as error:
            self.failed.emit(str(error))
            return
        if cards != self._cards:
            self._cards = cards
            self.cards_changed.emit(cards)
        self._follow(self._session.document.recipe)

    @Slot(object)
    def _follow(self, recipe: Recipe) -> None:
        card = named(self._cards, recipe.model)
        if self._cards and (card is None or card != self._card):
            self._card = card
            self.card_changed.emit(card)

    async def _take(self, number: int, handle: JobHandle[AddedModel]) -> None:
        state: State = "cancelled"
        text = "Stopped; no model was added."
        try:
            added = await handle.result()
        except Cancelled:
            pass
        except EngineError as error:
            state, text = "failed", str(error)
        except Exception:
            state, text = "failed", "Stopped by an unforeseen fault; your models are as they were."
            raise
        else:
            state, text = "done", ""
            await self._read()
            self.added.emit(added.card)
            self.noticed.emit(added.told or f"“{added.card.title}” is now one of your models.")
        finally:
            self._jobs.finish(number, state, text)
            if state == "done":
                self._jobs.remove(number)
