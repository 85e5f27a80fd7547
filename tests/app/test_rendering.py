"""Which frames reach the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QImage

from archivist_app.app import Application
from archivist_app.state.styles_model import StyleRole
from archivist_app.views.modes import Mode
from archivist_app.views.pixels import to_image
from engine.types import EngineReady, Frame, ImageInfo, ImageRef, Recipe, Region, RenderRequest, Sample
from tests.app.conftest import Open, until
from tests.app.fake_service import FakeService


def shown_by(application: Application) -> list[RenderRequest]:
    shown: list[RenderRequest] = []
    application.window.compare.frame_shown.connect(shown.append)
    return shown


def test_frames_shown_carry_their_request(opened: Application) -> None:
    shown = shown_by(opened)
    opened.window.adjust.rows["alpha"].slider.setValue(700)
    until(opened, lambda: len(shown) == 2)
    assert [request.quality for request in shown] == ["draft", "refine"]
    assert {request.recipe.alpha for request in shown} == {opened.window._workspace.document.recipe.alpha}
    assert shown[0].generation == shown[1].generation


def test_stale_frames_are_dropped(opened: Application, service: FakeService) -> None:
    bridge = opened.window._workspace.bridge
    stale = replace(service.requests[0], quality="draft")
    other = replace(service.requests[-1], image=replace(stale.image, sha256="of another image"), generation=10_000)
    unrefined = replace(service.requests[-1], quality="refine", generation=service.requests[-1].generation - 1)
    accepted: list[Frame] = []
    opened.window._workspace.rendering.frame_ready.connect(accepted.append)
    for request in (stale, other, unrefined):
        pixels = np.zeros((4, 4, 4), np.uint8)
        bridge.frame_arrived.emit(Frame(request, pixels, pixels, Region(0, 0, 4, 4)))
    assert accepted == []
    fresh = replace(service.requests[-1], quality="draft", generation=service.requests[-1].generation + 1)
    pixels = np.zeros((4, 4, 4), np.uint8)
    bridge.frame_arrived.emit(Frame(fresh, pixels, pixels, Region(0, 0, 640, 480)))
    assert [frame.request for frame in accepted] == [fresh]


def test_a_new_zoom_is_drafted_and_refined_after_a_rest(opened: Application, service: FakeService) -> None:
    shown = shown_by(opened)
    opened.window.compare.zoom_to(1.0)
    opened.window.compare.zoom_to(2.0)
    until(opened, lambda: shown and shown[-1].quality == "refine")
    assert shown[-1].view.scale == 2.0
    assert shown[-1].view.region.width < 640
    assert [request.view.scale for request in service.requests if request.quality == "refine"][-2:] != [1.0, 2.0]


def test_a_failed_render_is_told_and_the_next_one_shown(opened: Application, service: FakeService) -> None:
    service.refuse_drafts = "This picture needs more memory than there is; close other programs and try again."
    opened.window.adjust.rows["alpha"].slider.setValue(700)
    until(opened, lambda: service.refuse_drafts in opened.window.messages.faults)
    service.refuse_drafts = ""
    shown = shown_by(opened)
    opened.window.adjust.rows["alpha"].slider.setValue(600)
    until(opened, lambda: shown and shown[-1].quality == "refine")


def test_one_to_one_shows_exactly_the_pixels_of_the_frame(opened: Application) -> None:
    frames: list[Frame] = []
    opened.window._workspace.rendering.frame_ready.connect(frames.append)
    shown = shown_by(opened)
    compare = opened.window.compare
    compare.zoom_to(1.0)
    until(opened, lambda: shown and shown[-1].quality == "refine")
    frame = frames[-1]
    assert frame.exact
    assert compare.viewport is not None
    grabbed = compare.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    where = compare.viewport.rect_of(frame.region)
    x, y = compare.width() * 3 // 4, where.top + where.height // 3  # right of the divider, clear of the labels
    expected = to_image(frame.pixels)
    for dx in range(20):
        assert grabbed.pixel(x + dx, y) == expected.pixel(x + dx - where.left, y - where.top)


def test_thumbnails_of_every_style_show_the_open_image(opened: Application) -> None:
    from archivist_app.state.styles_model import StyleRole

    model = opened.window.gallery.model()
    until(opened, lambda: all(model.index(row, 0).data(StyleRole.FRAME) for row in range(model.rowCount())))
    image = opened.window._workspace.document.image
    frames = [model.index(row, 0).data(StyleRole.FRAME) for row in range(model.rowCount())]
    assert {frame.request.image for frame in frames} == {image}
    assert model.index(0, 0).data() == "No style"


def test_pixels_outlive_the_frame_they_came_from() -> None:
    array = np.full((5, 7, 4), 200, np.uint8)
    image = to_image(array)
    address = array.ctypes.data
    del array
    assert image.array.ctypes.data == address, "no copy is made of pixels in the right layout"
    assert image.pixelColor(6, 4).red() == 200


def test_a_device_that_is_left_is_told_in_one_sentence_and_the_status_names_the_new_one(
    start: Open, service: FakeService
) -> None:
    application = start()
    until(application, lambda: application.window._about_engine.toolTip())
    ready = EngineReady("cpu", "the graphics card stopped answering", "float32", 1, "0", 0.0)
    service.moved(ready, "The graphics card stopped answering; Archivist goes on with the processor.")
    until(application, lambda: "stopped answering" in application.window._about_engine.toolTip())
    assert application.window.messages.faults == (
        "The graphics card stopped answering; Archivist goes on with the processor.",
    )


def test_a_moving_slider_drafts_only_what_is_seen_restored(opened: Application, service: FakeService) -> None:
    slider, compare = opened.window.adjust.rows["alpha"].slider, opened.window.compare
    shown = shown_by(opened)
    slider.setValue(700)
    until(opened, lambda: len(shown) == 2)
    draft, refined = (request.view.region for request in shown)
    assert 300 <= draft.x <= 320, "from a little before the divider"
    assert draft.right == refined.right == 640
    assert refined.x == 0, "what is hidden is refined all the same"
    compare.swap()
    slider.setValue(720)
    until(opened, lambda: len(shown) == 4)
    assert (shown[2].view.region.x, shown[2].view.region.right <= 340) == (0, True)
    compare.set_mode(Mode.BLINK)
    until(opened, lambda: not compare._busy)
    slider.setValue(740)
    until(opened, lambda: shown[-1].recipe.alpha == opened.window._workspace.document.recipe.alpha)
    assert next(request.view.region for request in shown[4:] if request.quality == "draft").width == 640


def test_a_moving_slider_does_not_paint_the_styles_anew(opened: Application) -> None:
    viewport, styles = opened.window.gallery.viewport(), opened.window._workspace.styles
    until(opened, lambda: all(styles.index(row).data(StyleRole.FRAME) for row in range(styles.rowCount())))
    opened.spin(0.3)
    paintings = Paintings()
    viewport.installEventFilter(paintings)
    opened.window.adjust.rows["alpha"].slider.setValue(600)
    opened.spin(0.2)
    assert paintings.count == 0
    viewport.update()
    until(opened, lambda: paintings.count)
    viewport.removeEventFilter(paintings)


def test_a_moving_slider_lays_nothing_out_and_paints_no_film(opened: Application) -> None:
    window, slider = opened.window, opened.window.adjust.rows["alpha"].slider
    until(opened, lambda: not window.compare._busy)
    slider.setValue(610)  # the first move makes the image an edited one, and gives the history a step
    slider.setValue(620)
    until(opened, lambda: not window.compare._busy)
    opened.spin(0.3)
    paintings, layouts = Paintings(), Paintings(QEvent.Type.LayoutRequest)
    window.filmstrip.viewport().installEventFilter(paintings)
    for widget in (window, window.tools):
        widget.installEventFilter(layouts)
    for position in range(630, 700, 10):
        slider.setValue(position)
        opened.spin(0.02)
    assert (paintings.count, layouts.count) == (0, 0)
    assert window.actions_.undo.text().startswith("&Undo Faithful to the scan"), "the menu tells what is undone"
    window.filmstrip.viewport().removeEventFilter(paintings)
    for widget in (window, window.tools):
        widget.removeEventFilter(layouts)


def test_what_a_moving_hand_is_shown_gives_way_to_exact_pixels(opened: Application, service: FakeService) -> None:
    compare, slider = opened.window.compare, opened.window.adjust.rows["alpha"].slider
    compare.zoom_to(1.0)
    until(opened, lambda: not compare._busy)
    opened.spin(0.2)
    frames: list[Frame] = []
    opened.window._workspace.rendering.frame_ready.connect(frames.append)
    service.requests.clear()
    for position in range(510, 560, 10):
        slider.setValue(position)
        opened.spin(0.02)
    drafts = [request.moving for request in service.requests if request.quality == "draft"]
    assert drafts == [False, True, True, True, True], "a first move, or a lone one, is answered in full"
    until(opened, lambda: not compare._busy)
    assert not service.requests[-1].moving
    sketched = [frame for frame in frames if frame.request.moving]
    assert sketched
    assert all(2 * frame.pixels.shape[1] == frame.before.shape[1] for frame in sketched)
    last = frames[-1]
    assert last.exact
    assert last.request.recipe == opened.window._workspace.document.recipe
    assert compare._layers is not None
    assert compare._layers.exact
    drawn = [image for region, image in compare._layers.after() if region == last.region]
    assert drawn[-1].array is last.pixels, "nothing half as sharp lies over them"
    slider.setValue(100)
    assert not service.requests[-1].moving, "the hand had come to rest"


class Paintings(QObject):
    """Counts how often a widget is painted, or gets another kind of event."""

    def __init__(self, kind: QEvent.Type = QEvent.Type.Paint) -> None:
        super().__init__()
        self._kind, self.count = kind, 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == self._kind
        return False


def test_stepping_to_an_image_whose_master_is_missing_ends_the_busy_sign(opened: Application) -> None:
    work = opened.window._workspace
    opened.window.adjust.rows["alpha"].slider.setValue(700)
    assert work.rendering._busy
    told: list[bool] = []
    work.rendering.busy_changed.connect(told.append)
    work.document.show_image(ImageRef("gone.png", "of another", 1), Recipe())  # and no view of it ever comes
    opened.spin(0.3)
    assert told == [False]


def test_a_late_sample_of_another_image_is_not_shown_as_this_one_s(
    opened: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = opened.window._workspace
    document, sampler = work.document, work.sampler
    assert document.image is not None
    asked: list[Callable[[Sample], None]] = []
    monkeypatch.setattr(work.bridge, "sample", lambda image, recipe, x, y, done: asked.append(done))
    shown: list[Sample] = []
    sampler.sampled.connect(lambda sample, _profile: shown.append(sample))
    sampler._info = ImageInfo("", 640, 480, 3, 16, "TIFF")
    sampler.ask((3, 4))
    until(opened, lambda: asked)
    here = Sample(document.image, document.recipe, 3, 4, (1, 2, 3), None, 16)
    asked[0](replace(here, image=ImageRef("before.png", "of another", 1)))
    assert shown == []
    asked[0](here)
    assert shown == [here]
    sampler.stop()
