"""Images and damage masks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import RecipeError
from engine.runtime.worker import Lane, Work
from engine.types import (
    PROTECTED,
    Frame,
    ImageRef,
    OpenedImage,
    Progress,
    Project,
    Recipe,
    Region,
    RenderRequest,
    View,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


from engine.service.core import (
    EngineCore,
    Report,
    T,
    decode,
    in_sentences,
    preview,
    probe,
    steps_in_sentences,
)

MASK_STRIP = 256  # rows of a mask's picture that are converted at a time


class Images(EngineCore):
    """Opening, showing and masking masters."""

    def open_image(self, path: str, page: int = 0) -> Future[OpenedImage]:
        """Reads the header of one page and the file's hash, and begins to decode the page."""

        def look() -> OpenedImage:
            info = probe(Path(path), page)
            sha256, size = self._admit(Path(path))
            ref = ImageRef(str(Path(path).absolute()), sha256, size, page)
            self.register(ref, ref.path)
            self._load(ref)
            return OpenedImage(ref, info)

        return self._io.submit(in_sentences(look))

    def register(self, ref: ImageRef, absolute: str) -> None:
        """Tells where an image that is known by its hash lies."""
        with self._lock:
            self._places[ref.sha256] = absolute

    def picture(self, image: ImageRef, size: int) -> Future[Frame]:
        """The untouched image with its longest side at most `size`, for the first paint and the filmstrip."""

        def read() -> Frame:
            import numpy as np

            path = self._place(image)
            info = probe(path, image.page)
            rgb = preview(path, size, image.page)
            bgrx = np.full((*rgb.shape[:2], 4), 255, np.uint8)
            bgrx[..., :3] = rgb[..., ::-1]
            bounds = info.bounds
            request = RenderRequest(image, Recipe(strength=0.0), View(bounds, rgb.shape[1] / max(1, info.width)))
            return Frame(request, bgrx, bgrx, bounds)

        return self._io.submit(in_sentences(read))

    def add_mask(self, path: str, image: ImageRef) -> Future[str]:
        """Reads a damage mask (white repairs, black leaves) of the image's size; its id goes into `Recipe.mask`.

        It is kept until the program ends; `mask` and `keep_mask` put it into a project.
        """

        def read() -> str:
            master = probe(self._place(image), image.page)
            return self._masks.keep(read_mask(Path(path), master.width, master.height), None)

        return self._io.submit(in_sentences(read))

    def keep_mask(self, pixels: NDArray[np.uint8], project: Project | None) -> Future[str]:
        """Keeps a mask (H, W) that was drawn, in the project if that can be written; its id goes into `Recipe.mask`.

        255 is repaired, 0 is not, PROTECTED never is. The array must not change afterwards.
        """
        folder = Path(project.folder) if project is not None and project.writable else None
        return self._io.submit(in_sentences(lambda: self._masks.keep(pixels, folder)))

    def mask(self, mask: str) -> Future[NDArray[np.uint8]]:
        """The pixels (H, W) of a mask by its id, 255 where to repair."""
        return self._io.submit(in_sentences(lambda: self._masks.get(mask)))

    def aside(self, compute: Callable[[], T]) -> Future[T]:
        """Whatever takes too long for the thread that asks, on one of the two that read files; no torch."""
        return self._io.submit(in_sentences(compute))

    def find_damage(self, image: ImageRef, recipe: Recipe, on_progress: Report) -> Work[NDArray[np.uint8]]:
        """The mask (H, W) that the network itself would repair at scope “damage”, 255 or 0, to be edited."""

        def steps() -> Generator[Progress | None, None, NDArray[np.uint8]]:
            yield from self._equipped(recipe)
            subject = self._subject(image, replace(recipe, mask=None), (yield from self._decoded(image)))
            return (yield from self._pipeline(recipe).repairs(subject))

        return self._worker.submit(Lane.BESIDE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)


def read_mask(path: Path, width: int, height: int) -> NDArray[np.uint8]:
    """A damage mask's picture as the pixels (H, W) that are kept of it: grey, nothing protected.

    RecipeError where it has not the size of the image, ImageError where it cannot be read.
    """
    import numpy as np

    source = decode(path)
    found = source.size(0)
    if found != (width, height):
        raise RecipeError(
            f"The mask “{path.name}” has {found[0]} × {found[1]} pixels; it must have the size of the image, "
            f"{width} × {height}."
        )
    grey = np.empty((height, width), np.uint8)
    for top in range(0, height, MASK_STRIP):
        part = Region(0, top, width, min(MASK_STRIP, height - top))
        grey[top : part.bottom] = np.rint(source.working(0, part).mean(axis=2) * 255)
    grey[grey == PROTECTED] = 0  # a soft edge's darkest grey, which is not meant to protect anything
    return grey
