"""Styles and models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.types import (
    AddedModel,
    ModelCard,
    NewModel,
    Progress,
    StyleCard,
)

if TYPE_CHECKING:
    from engine.service import EngineService as EngineService  # the rest of the window names the type from here

from archivist_app.bridge.base import BridgeBase
from archivist_app.bridge.handles import JobHandle, StyleHandle


class Catalogue(BridgeBase):
    """What is installed, added and removed."""

    def styles(self) -> tuple[StyleCard, ...]:
        """The styles there are."""
        return self._service.styles()

    def styles_complaint(self) -> str:
        """What is wrong with the file of one's own styles, in a sentence; "" where nothing is."""
        return self._service.styles_complaint()

    def add_style(self, path: str) -> StyleHandle:
        """Start making a picture's look a style of one's own."""
        return StyleHandle(self._service.add_style(path), self._loop)

    async def remove_style(self, style: str) -> None:
        """Forget one of a person's own styles; another program may hold their file. Raises EngineError."""
        await self.aside(lambda: self._service.remove_style(style))

    async def models(self) -> tuple[ModelCard, ...]:
        """The models there are, the shipped ones first; another thread hashes their files. Raises EngineError."""
        return await self.aside(self._service.models)

    def import_model(self, new: NewModel, on_progress: Callable[[Progress], None]) -> JobHandle[AddedModel]:
        """Start taking in a model's file; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle(self._service.import_model(new, progress), self._loop)

    def has_card(self, file: str) -> bool:
        """Whether a file is what a training or a fine-tuning wrote; its header is read."""
        return self._service.has_card(file)

    async def remove_model(self, model: str) -> None:
        """Forget an imported or tuned model. Raises EngineError."""
        await self.aside(lambda: self._service.remove_model(model))
