"""What is seen on the screen."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future

from engine.errors import Cancelled
from engine.runtime.worker import Lane, Work
from engine.service.core import EngineCore, Report, in_sentences, steps_in_sentences
from engine.types import (
    Frame,
    ImageRef,
    MapFrame,
    MapRequest,
    Progress,
    Recipe,
    Region,
    RenderRequest,
    Sample,
    View,
)


class Rendering(EngineCore):
    """Drafts, refined views, maps and thumbnails."""

    def draft(self, request: RenderRequest) -> Future[Frame]:
        """A frame at once; replaces a draft that still waits, whose future is then cancelled."""

        def steps() -> Generator[Progress | None, None, Frame]:
            self._wait_for_refine(request.recipe)
            frame = self._pipeline(request.recipe).draft(request, self._subject(request.image, request.recipe))
            yield None
            return frame

        return self._worker.submit(Lane.DRAFT, steps_in_sentences(self._enduring(steps))).future

    def refine(self, request: RenderRequest, on_tile: Callable[[Frame], None]) -> Future[Frame]:
        """The view at full quality, tile by tile; dropped for a newer draft."""

        def steps() -> Generator[Progress | None, None, Frame]:
            yield from self._equipped(request.recipe)
            subject = self._subject(request.image, request.recipe)
            return (yield from self._pipeline(request.recipe).refine(request, subject, on_tile, followed=True))

        return self._worker.submit(Lane.REFINE, steps_in_sentences(self._enduring(steps))).future

    def beside(self, request: RenderRequest, on_tile: Callable[[Frame], None]) -> Work[Frame]:
        """A view at full quality that is looked at beside the picture, as a variant is; no draft drops it."""

        def steps() -> Generator[Progress | None, None, Frame]:
            yield from self._equipped(request.recipe)
            subject = self._subject(request.image, request.recipe, (yield from self._decoded(request.image)))
            return (yield from self._pipeline(request.recipe).refine(request, subject, on_tile))

        return self._worker.submit(Lane.BESIDE, steps_in_sentences(self._enduring(steps)))

    def survey(self, request: MapRequest, on_part: Callable[[MapFrame], None], on_progress: Report) -> Work[MapFrame]:
        """A map of what the restoration did, tile by tile, in the same lane; what is known already comes at once."""

        def steps() -> Generator[Progress | None, None, MapFrame]:
            from engine.rendering import maps

            yield from self._equipped(request.recipe)
            subject = self._subject(request.image, request.recipe, (yield from self._decoded(request.image)))
            return (yield from maps.view(self._pipeline(request.recipe), subject, request, on_part))

        return self._worker.submit(Lane.BESIDE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def sample(self, image: ImageRef, recipe: Recipe, x: int, y: int) -> Future[Sample]:
        """One pixel before and after; cancelled where the master has not been decoded, since nobody waits for that."""

        def look() -> Sample:
            self._wait_for_refine(recipe)
            with self._lock:
                source = self._sources.get((image.sha256, image.page))
            if source is None:
                raise Cancelled
            subject = self._subject(image, recipe, source)
            after = self._pipeline(recipe).sample(subject, x, y)
            before = tuple(source.pixels(0, Region(x, y, 1, 1))[0, 0].tolist())
            return Sample(
                image, recipe, x, y, before, None if after is None else tuple(after.tolist()), source.space.bits
            )

        return self._worker.call(in_sentences(look))

    def thumbnail(self, image: ImageRef, recipe: Recipe, size: int, region: Region | None = None) -> Future[Frame]:
        """The image, or a region of the master, in this recipe, longest side about `size`, when nothing waits."""

        def steps() -> Generator[Progress | None, None, Frame]:
            yield from self._equipped(recipe)
            subject = self._subject(image, recipe, (yield from self._decoded(image)))
            info = subject.source.master.info
            part = info.bounds if region is None else region.intersect(info.bounds)
            view = View(part, min(1.0, size / max(1, part.width, part.height)))
            request = RenderRequest(image, recipe, view)
            return (yield from self._pipeline(recipe).refine(request, subject, lambda _: None))

        return self._worker.submit(Lane.BACKGROUND, steps_in_sentences(self._enduring(steps))).future

    def _wait_for_refine(self, recipe: Recipe) -> None:
        """Cancels a draft in a model of other people's that is not loaded yet: the refinement after it loads it."""
        studio = self._studio()
        if not studio.has(recipe.model) and studio.find(recipe.model)[1].origin == "imported":
            raise Cancelled

    def drop_background(self) -> None:
        """Forgets thumbnails that are still waiting, as when another image is opened."""
        self._worker.drop_background()
