"""What the pad shows at its corners: a piece of the open image at the ends of alpha and beta."""

from __future__ import annotations

import math
from dataclasses import replace
from enum import IntEnum

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from archivist_app.state.document import Document
from archivist_app.state.thumbnails import Thumbnails, Wish
from engine.types import ALPHA_RANGE, BETA_RANGE, Frame, ImageRef, Region, View

SETTLE_MS = 400  # how long style, view and image must rest
COARSEST = 0.5  # screen pixels a master pixel: what alpha does is detail, which a smaller picture would not show


class Corner(IntEnum):
    """Where on the pad; without a style there are only the two below."""

    FREE = 0  # alpha lowest, beta off
    FAITHFUL = 1  # alpha highest, beta off
    FREE_STYLED = 2  # alpha lowest, beta highest
    FAITHFUL_STYLED = 3  # alpha highest, beta highest


class Corners(QObject):
    """Renders the corners while somebody wants them; what stays the same under the hand is rendered once."""

    changed = Signal()  # other pictures than before

    def __init__(self, document: Document, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._thumbnails = thumbnails
        self._cell = (0, 0)  # device pixels a corner has; 0: nobody looks
        self._wishes: tuple[Wish, ...] = ()
        self._frames: dict[Corner, Frame] = {}
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._want)
        document.image_changed.connect(self._start_anew)
        document.recipe_changed.connect(self._look)
        document.view_changed.connect(self._look)
        thumbnails.arrived.connect(self._take)

    def stop(self) -> None:
        """Ask for nothing more."""
        self._settle.stop()

    def show_in(self, width: int, height: int) -> None:
        """From now on a corner is shown in so many device pixels; none: nobody looks."""
        if (width, height) != self._cell:
            self._cell = (width, height)
            self._look()

    def frame(self, corner: Corner) -> Frame | None:
        """The picture of a corner; of before the last change until the new one is there."""
        return self._frames.get(corner)

    @Slot(object)
    def _start_anew(self, _image: ImageRef | None) -> None:
        self._wishes, self._frames = (), {}
        self.changed.emit()
        self._look()

    @Slot(object)
    def _look(self, _change: object = None) -> None:
        """Wait for rest, unless alpha and beta alone have changed."""
        if min(self._cell) <= 0:
            self._settle.stop()
            self._thumbnails.want("pad", ())
        elif self._wanted() != self._wishes:
            self._settle.start()
        else:
            self._settle.stop()  # back to what is shown

    @Slot()
    def _want(self) -> None:
        self._wishes = self._wanted()
        self._frames = {corner: frame for corner, frame in self._frames.items() if corner < len(self._wishes)}
        for wish in self._wishes:
            self._take(wish)
        self._thumbnails.want("pad", self._wishes)

    @Slot(object)
    def _take(self, wish: Wish) -> None:
        frame = self._thumbnails.frame(wish) if wish in self._wishes else None
        if frame is not None:
            self._frames[Corner(self._wishes.index(wish))] = frame
            self.changed.emit()

    def _wanted(self) -> tuple[Wish, ...]:
        """In the order of `Corner`."""
        image, view = self._document.image, self._document.view
        if image is None or view is None:
            return ()
        region, size = piece_of(view, self._cell)
        recipe = replace(self._document.recipe, scale=1)
        rows = [replace(recipe, style=None, beta=0.0)]  # the same for every style
        if recipe.style is not None:
            rows.append(replace(recipe, beta=BETA_RANGE[1]))
        recipes = (replace(row, alpha=alpha) for row in rows for alpha in ALPHA_RANGE)
        return tuple(Wish(image, one, size, region) for one in recipes)


def piece_of(view: View, cell: tuple[int, int]) -> tuple[Region, int]:
    """The piece of the master in the middle of `view` that fills `cell`, and its longest side as shown, in pixels.

    It is as large as in the view, but not smaller than half the master and not larger than the master.
    """
    scale = min(1.0, max(COARSEST, view.scale))
    seen = view.region
    width = min(seen.width, round(cell[0] / scale))
    height = min(seen.height, round(cell[1] / scale))
    piece = Region(seen.x + (seen.width - width) // 2, seen.y + (seen.height - height) // 2, width, height)
    return piece, max(1, math.ceil(max(width, height) * scale))
