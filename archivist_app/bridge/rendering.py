"""What is seen of images: drafts, refined views, maps, thumbnails, masks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.types import (
    Frame,
    ImageRef,
    MapFrame,
    MapRequest,
    Progress,
    Project,
    Recipe,
    Region,
    RenderRequest,
    Sample,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.service import EngineService as EngineService  # the rest of the window names the type from here

from archivist_app.bridge.base import BridgeBase, Done, Failed, log
from archivist_app.bridge.handles import outcome


class Rendering(BridgeBase):
    """Views and masks."""

    def draft(self, request: RenderRequest) -> None:
        """Ask for a quick rendering; the answer comes as `frame_arrived`, unless a newer draft replaces this one."""
        self._watch(self._service.draft(request), self.frame_arrived.emit, self._failure_of(request))

    def refine(self, request: RenderRequest) -> None:
        """Ask for full quality, tile by tile; dropped when a newer draft is asked for."""

        def tile(frame: Frame) -> None:  # called on the engine thread
            self._posted.emit(self.frame_arrived.emit, frame)

        self._watch(self._service.refine(request, tile), self._refined, self._failure_of(request))

    def _refined(self, frame: Frame) -> None:
        self.frame_arrived.emit(frame)
        self.refined.emit(frame.request)

    def _failure_of(self, request: RenderRequest) -> Failed:
        def failed(text: str) -> None:
            self.render_failed.emit(request, text)

        return failed

    def beside(self, request: RenderRequest, arrived: Callable[[Frame], None], failed: Failed) -> Callable[[], None]:
        """A view at full quality beside the picture: each tile, then the whole. Call the result to be spared it."""

        def tile(frame: Frame) -> None:  # called on the engine thread
            self._posted.emit(arrived, frame)

        work = self._service.beside(request, tile)
        self._watch(work.future, arrived, failed)
        return work.cancel

    async def whole(self, request: RenderRequest) -> Frame:
        """A whole view at full quality, for paper. Raises EngineError, or Cancelled."""
        work = self._service.beside(request, lambda _: None)
        return await outcome(work.future, work.cancel, self._loop)

    async def whole_map(self, request: MapRequest) -> MapFrame:
        """The map of a whole view. Raises EngineError, or Cancelled."""
        work = self._service.survey(request, lambda _: None, lambda _: None)
        return await outcome(work.future, work.cancel, self._loop)

    async def save_page(self, target: str, data: bytes) -> None:
        """Write a document, whole or not at all. Raises EngineError."""
        await self._result(self._service.save_page(target, data))

    def sample(self, image: ImageRef, recipe: Recipe, x: int, y: int, done: Callable[[Sample], None]) -> None:
        """One pixel in the master's own values; where that fails nothing is said."""
        self._watch(self._service.sample(image, recipe, x, y), done, log.info)

    def survey(
        self,
        request: MapRequest,
        on_part: Callable[[MapFrame], None],
        on_progress: Callable[[Progress], None],
        done: Done,
        failed: Failed,
    ) -> Callable[[], None]:
        """A map of a view, part by part, then the whole. Call the result to be spared it."""

        def part(frame: MapFrame) -> None:  # called on the engine thread, as is the next
            self._posted.emit(on_part, frame)

        def progress(step: Progress) -> None:
            self._posted.emit(on_progress, step)

        work = self._service.survey(request, part, progress)
        self._watch(work.future, done, failed)
        return work.cancel

    def thumbnail(
        self, image: ImageRef, recipe: Recipe, size: int, done: Done, failed: Failed, region: Region | None = None
    ) -> None:
        """A small restored picture of the image or a region of it, made when nothing else waits."""
        self._watch(self._service.thumbnail(image, recipe, size, region), done, failed)

    def drop_background(self) -> None:
        """Forget the thumbnails that wait."""
        self._service.drop_background()

    def picture(self, image: ImageRef, size: int, done: Done, failed: Failed) -> None:
        """The untouched image, longest side at most `size` pixels."""
        self._watch(self._service.picture(image, size), done, failed)

    # masks

    async def find_damage(
        self, image: ImageRef, recipe: Recipe, on_progress: Callable[[Progress], None]
    ) -> NDArray[np.uint8]:
        """The mask (H, W) that the network itself would repair; cancelling it stops the engine. Raises EngineError."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        work = self._service.find_damage(image, recipe, progress)
        try:
            return await self._result(work.future)
        except asyncio.CancelledError:
            work.cancel()
            raise

    async def mask(self, mask: str) -> NDArray[np.uint8]:
        """The pixels (H, W) of a mask by its id, not to be written to. Raises EngineError."""
        return await self._result(self._service.mask(mask))

    async def keep_mask(self, pixels: NDArray[np.uint8], project: Project | None) -> str:
        """The id of a mask (H, W) once it is on disk; nobody may write to `pixels` any more. Raises EngineError."""
        return await self._result(self._service.keep_mask(pixels, project))

    async def add_mask(self, path: str, image: ImageRef) -> str:
        """The id of a mask in a file of the image's size. Raises EngineError."""
        return await self._result(self._service.add_mask(path, image))
