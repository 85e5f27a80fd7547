"""The viewer: before and after of one image, with one zoom and one pan."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QHideEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QShowEvent,
)
from PySide6.QtWidgets import QWidget

from archivist_app.views.compare_painter import INSET, Overlay, paint
from archivist_app.views.layers import Layers, Mosaic
from archivist_app.views.modes import Mode
from archivist_app.views.pixels import Pixels, to_image
from archivist_app.views.readout import read
from archivist_app.views.scenes import GAINS, MapPieces, Situation, Variant, compose, grid_of
from archivist_app.views.surface import Surface
from archivist_app.views.viewport import Viewport
from engine.types import Frame, MapFrame, Progress, Region, RenderRequest, Snapshot

BESIDE_BYTES = 64 << 20  # of a map's or a variant's pixels that are kept while somebody pans
LONG = 0.010  # seconds that a painting may take at 60 a second, with time for the rest
REST_MS = 120  # after the last move, until pixels are smooth again where that takes longer
EDGE = 8  # pixels of the master beyond the divider that are drafted too
WAIT_MS = 300  # that reading a scan may take before it is said that one waits
BLINK_MS = 500  # how long each side of a blink is shown: slow enough for everybody's eyes
HANDS = (
    "Wheel zooms, drag or Shift with the arrows moves, Ctrl with the arrows moves the divider, "
    "backslash held down shows the original, M changes the mode."
)


class CompareView(Surface):
    """Shows frames; says which part of the image is looked at, and what is on screen."""

    frame_shown = Signal(object)  # RenderRequest whose pixels are now on screen
    painted = Signal()  # the first paint has happened
    mode_changed = Signal(object)  # Mode
    gain_changed = Signal(int)  # how far a difference is amplified
    pointed = Signal(object)  # Readout of the pixel under the pointer, None where there is none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compareView")
        self.setAccessibleName("Comparison of before and after")
        self.overlay: Overlay | None = None  # lies over the pictures
        self._layers: Layers | None = None
        self._truth: Pixels | None = None
        self._map = MapPieces(Mosaic(BESIDE_BYTES))
        self._variants: tuple[Variant, ...] = ()
        self._last_viewport: Viewport | None = None  # of the image before, so that stepping keeps the zoom
        self._mode = Mode.SPLIT
        self._swapped = False
        self._original = False
        self._gain = GAINS[0]
        self._blinked = self._paused = False
        self._busy = False
        self._notice = ""
        self._drawn: RenderRequest | None = None
        self._was_painted = False
        self._after_paint = QTimer(self, singleShot=True, interval=0)
        self._after_paint.timeout.connect(self._tell_shown)
        self._slow = False  # the last smooth painting took so long that a drag would stutter
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self.update)
        self._blank = ""  # what is said in place of a picture
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(lambda: self.show_blank("Reading the scan…"))
        self._blink = QTimer(self, interval=BLINK_MS)
        self._blink.timeout.connect(self._turn_blink)
        self._describe()

    # what is shown

    @property
    def mode(self) -> Mode:
        """How before and after are compared."""
        return self._mode

    def clear(self) -> None:
        """Nothing to show: the surround alone."""
        self._last_viewport = self._viewport or self._last_viewport
        self._layers = self._viewport = self._drawn = None
        self._map.pieces.clear()
        for variant in self._variants:
            variant.pieces.clear()
        self._blank = ""
        self._wait.start()
        self.navigator.show_picture(None)
        self._place_navigator()
        self._point()
        self.update()

    def show_overview(self, frame: Frame) -> None:
        """The whole untouched image, of a new image or sharper than before."""
        self._wait.stop()
        self.navigator.show_picture(to_image(frame.before))
        if self._layers is not None and self._layers.overview.request.image == frame.request.image:
            self._layers.show_overview(frame)
            self.update()
            return
        self._layers = Layers(frame)
        size = (frame.region.width, frame.region.height)
        last = self._viewport or self._last_viewport
        new = last.of(size) if last else Viewport(size, self._pane(), margin=self._margin()).fit()
        self._viewport = new  # the panes follow from the image's shape
        pane, self._viewport = self._pane(), None
        self._move(new.resized(pane))

    def show_blank(self, text: str) -> None:
        """Say why there is no picture."""
        self._wait.stop()
        self._blank = text
        self.update()

    def show_frame(self, frame: Frame) -> None:
        """Restored pixels; the caller has dropped stale ones."""
        if self._layers is None or self._layers.overview.request.image != frame.request.image:
            return
        if self._layers.add(frame):
            self._drawn = frame.request
            if not self.isVisible():
                self._after_paint.start()  # no paint will come that could tell
        self._point()
        self.update()

    def show_truth(self, frame: Frame | None) -> None:
        """The whole truth of the image in place of what was before; None for the untouched image again."""
        self._truth = to_image(frame.pixels) if frame is not None else None
        self.update()

    def show_map_part(self, frame: MapFrame) -> None:
        """A part of the map that the mode shows; the caller has dropped stale ones."""
        if self._layers is not None and frame.request.image == self._layers.overview.request.image:
            image = to_image(frame.pixels)
            self._map.pieces.add(frame.region, (image, frame), image.array.nbytes + frame.values.nbytes)
            self._point()
            self.update()

    def show_map_progress(self, progress: Progress | None) -> None:
        """How far the map has been measured; None when nothing is being measured."""
        self._map = replace(self._map, progress=progress)
        self.update()

    def forget_map(self) -> None:
        """What was shown of a map holds no longer."""
        if any(self._map.pieces) or self._map.progress is not None:
            self._map = MapPieces(Mosaic(BESIDE_BYTES))
            self.update()

    def show_variants(self, snapshots: tuple[Snapshot, ...]) -> None:
        """Which snapshots are shown in the mode for them; pixels of those that stay are kept."""
        known = {variant.snapshot: variant for variant in self._variants}
        self._variants = tuple(known.get(one) or Variant(one, Mosaic(BESIDE_BYTES)) for one in snapshots)
        self._resize()
        self.update()

    def show_variant_frame(self, snapshot: Snapshot, frame: Frame) -> None:
        """Pixels of one of them, tile by tile or whole."""
        for variant in self._variants:
            if variant.snapshot == snapshot:
                image = to_image(frame.pixels)
                variant.pieces.add(frame.region, (image, frame), image.array.nbytes)
        self._point()
        self.update()

    def show_busy(self, busy: bool) -> None:
        """Whether better pixels are on their way."""
        self._busy = busy
        self.update()

    def show_notice(self, text: str) -> None:
        """What to wait for, in a word or two; "" for nothing."""
        self._notice = text
        self.update()

    def set_mode(self, mode: Mode) -> None:
        """Compare differently, with the same place in view."""
        if mode != self._mode:
            self._mode = mode
            self._blinked = False
            self._resize()
            self._run_blink()
            self._describe()
            self.announce(f"{mode.words.name}. {mode.words.seen}")
            self.mode_changed.emit(mode)
            self._point()
            self.update()

    def next_mode(self) -> None:
        """The mode after this one."""
        self.set_mode(self._mode.following(variants=bool(self._variants)))

    def swap(self) -> None:
        """Exchange the sides of before and after."""
        self._swapped = not self._swapped
        self.update()

    def pause_blink(self, paused: bool) -> None:
        """Stay with what a blink shows now, or go on."""
        self._paused = paused
        self._run_blink()
        self.announce("Blinking is paused" if paused else "Blinking")
        self.update()

    def next_gain(self) -> None:
        """Amplify a difference more, or not at all."""
        self._gain = GAINS[(GAINS.index(self._gain) + 1) % len(GAINS)]
        self.gain_changed.emit(self._gain)
        self.update()

    def hold_original(self, held: bool) -> None:
        """Show the original alone while `held`."""
        if held != self._original:
            self._original = held
            self.update()

    # what is looked at

    def restored_part(self) -> Region | None:
        """The part of the master that is seen restored where a divider hides the rest; None for all of it."""
        now = self._situation()
        if now is None or now.mode is not Mode.SPLIT or now.alone:
            return None
        visible, viewport = now.viewport.visible, now.viewport
        along, start, length = (0, visible.x, visible.width) if self._upright else (1, visible.y, visible.height)
        at = (self._divider * now.size[along] - viewport.origin[along]) / viewport.zoom
        at = min(max(round(at), start), start + length)
        first = now.sides[0] == "after"
        begin, end = (start, at + EDGE) if first else (at - EDGE, start + length)
        if end - begin < length / 8:
            return None
        if self._upright:
            return Region(begin, visible.y, end - begin, visible.height).intersect(visible)
        return Region(visible.x, begin, visible.width, end - begin).intersect(visible)

    def _grid(self) -> tuple[int, int]:
        image = self._viewport.image if self._viewport is not None else (1, 1)
        return grid_of(self._mode, len(self._variants), image, self._device_size())

    def _has_divider(self) -> bool:
        return self._mode is Mode.SPLIT and self._layers is not None and self._layers.rendered

    def _move(self, viewport: Viewport) -> None:
        if self._slow and self.isVisible():
            self._rest.start()
        super()._move(viewport)

    def _point(self) -> None:
        """Tell what is under the pointer."""
        now, place = self._situation(), None
        if now is not None and self._pointer is not None and self._pressed is None:
            place = now.viewport.master_at(*self._in_pane(self._pointer))
        self.pointed.emit(read(now, *place) if now is not None and place is not None else None)

    def showEvent(self, event: QShowEvent) -> None:
        """Blink on."""
        super().showEvent(event)
        self._run_blink()

    def hideEvent(self, event: QHideEvent) -> None:
        """Let go of the original."""
        self.hold_original(False)  # the key may come up elsewhere
        self._run_blink()
        self._rest.stop()
        self._wait.stop()
        super().hideEvent(event)

    # looks

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw both pictures, their labels and what they are."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Dark))
        if self._viewport is not None and self._pane() != self._viewport.pane:
            self._resize()  # moved to a screen of another density
        now = self._situation()
        if now is None and self._blank:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            room = self.rect().adjusted(INSET, INSET, -INSET, -INSET)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._blank)
        if now is not None:
            start = time.perf_counter()
            paint(painter, compose(now))
            if not now.fast:
                self._slow = time.perf_counter() - start > LONG
            if self.hand is not None:
                self.hand.paint(painter)
        painter.end()
        if not self._was_painted or self._drawn is not None:
            self._after_paint.start()

    def _tell_shown(self) -> None:
        if not self._was_painted and self.isVisible():
            self._was_painted = True
            self.painted.emit()
        drawn, self._drawn = self._drawn, None
        if drawn is not None:
            self.frame_shown.emit(drawn)

    def _situation(self) -> Situation | None:
        if self._viewport is None or self._layers is None:
            return None
        return Situation(
            mode=self._mode,
            viewport=self._viewport,
            layers=self._layers,
            size=self._device_size(),
            ratio=self._ratio(),
            truth=self._truth,
            swapped=self._swapped,
            original=self._original,
            divider=self._divider,
            upright=self._upright,
            blinked=self._blinked,
            paused=self._paused,
            gain=self._gain,
            map=self._map,
            variants=self._variants,
            busy=self._busy,
            notice=self._notice,
            fast=self._rest.isActive(),
            overlay=self.overlay,
        )

    def _run_blink(self) -> None:
        if self._mode is Mode.BLINK and not self._paused and self.isVisible():
            self._blink.start()
        else:
            self._blink.stop()

    def _turn_blink(self) -> None:
        self._blinked = not self._blinked
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(f"{self._mode.words.name}: {self._mode.words.seen} {HANDS}")

    def announce(self, text: str) -> None:
        """Tell those who listen instead of looking."""
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))
