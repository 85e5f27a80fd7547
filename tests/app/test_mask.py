"""The damage mask in the window: found, painted, erased, protected, undone, imported, kept."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QColor, QInputDevice, QMouseEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton, QWidget

from archivist_app.app import Application
from archivist_app.state.brush import Tool
from archivist_app.state.commands import Edit
from archivist_app.state.mask_editing import MaskEditor
from archivist_app.state.preferences import Preferences
from archivist_app.views import dialogs
from archivist_app.views.mask_bar import MaskBar
from archivist_app.views.mask_overlay import MARK
from archivist_app.views.modes import Mode
from archivist_app.views.value_slider import ValueSlider
from engine.errors import EngineError
from engine.types import PROTECTED, Project, Recipe
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FakeService, save_picture

Place = tuple[float, float]


@pytest.fixture
def editing(opened: Application) -> Application:
    """A program in which B was pressed and the damage has been found."""
    QTest.keyClick(opened.window, Qt.Key.Key_B)
    until(opened, lambda: ready(opened))
    return opened


def editor(application: Application) -> MaskEditor:
    return application.window._workspace.mask


def recipe(application: Application) -> Recipe:
    return application.window._workspace.document.recipe


def ready(application: Application) -> bool:
    return editor(application).raster is not None and not editor(application).busy


def painted(application: Application) -> NDArray[np.uint8]:
    """The mask on screen (H, W)."""
    raster = editor(application).raster
    assert raster is not None
    return raster.read(raster.bounds)


def on_screen(application: Application, place: Place) -> QPoint:
    viewport = application.window.compare.viewport
    assert viewport is not None
    left, top = viewport.origin
    return QPoint(round(left + place[0] * viewport.zoom), round(top + place[1] * viewport.zoom))


def drag(
    application: Application, *places: Place, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    """A stroke over places of the master."""
    compare, points = application.window.compare, [on_screen(application, place) for place in places]
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, modifiers, points[0])
    for point in points:
        QTest.mouseMove(compare, point)
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, modifiers, points[-1])


def stroke(application: Application, *places: Place) -> None:
    """A stroke whose mask has reached the recipe."""
    drag(application, *places)
    until(application, lambda: not editor(application).stroking)


def use(application: Application, **change: object) -> None:
    editor(application).choose(replace(editor(application).brush, **change))  # type: ignore[arg-type]


def test_b_finds_the_damage_and_shows_it_without_changing_anything(editing: Application, service: FakeService) -> None:
    assert find(editing, MaskBar, "maskBar").isVisible()
    mask = painted(editing)
    assert mask[:60, :80].min() == 255
    assert not mask[60:].any()
    assert service.calls.count("find_damage") == 1
    assert recipe(editing) == Recipe()
    assert not find(editing, QAction, "undoAction").isEnabled()


def test_a_stroke_marks_what_it_covers_limits_the_repair_and_is_a_step(editing: Application) -> None:
    use(editing, size=40, feather=0.0)
    stroke(editing, (200, 200), (300, 200))
    mask = painted(editing)
    assert mask[185:215, 190:310].min() == 255
    assert not mask[225:].any()
    assert not mask[:, 325:].any()
    assert recipe(editing).scope == "damage"
    assert recipe(editing).mask is not None
    history = editing.window._workspace.session.history
    assert history.undoText() == "Mark damage"
    trigger(editing, "undo")
    assert recipe(editing) == Recipe()
    assert not painted(editing)[185:215, 190:310].any()
    trigger(editing, "redo")
    assert np.array_equal(painted(editing), mask)
    assert recipe(editing).scope == "damage"


def test_the_result_follows_a_stroke_inside_it_alone(editing: Application) -> None:
    use(editing, size=60, feather=0.0)
    stroke(editing, (400, 300), (460, 300))
    compare = editing.window.compare
    until(editing, lambda: compare._layers is not None and not compare._busy and compare._layers._current is not None
          and compare._layers._current.request.recipe == recipe(editing))  # fmt: skip
    layers = compare._layers
    assert layers is not None
    assert layers._current is not None
    before, after = layers._current.before, layers._current.after
    scale = before.width() / layers._current.region.width
    for place, changed in (((430, 300), True), ((430, 400), False), ((200, 300), False)):
        at = QPoint(round(place[0] * scale), round(place[1] * scale))
        assert (before.pixelColor(at) != after.pixelColor(at)) is changed, place


def test_the_eraser_takes_away_and_alt_erases_with_the_brush_in_hand(editing: Application) -> None:
    use(editing, size=40, feather=0.0)
    QTest.keyClick(editing.window, Qt.Key.Key_E)
    assert editor(editing).brush.tool is Tool.ERASER
    assert find(editing, QAction, "eraserAction").isChecked()
    stroke(editing, (20, 20), (40, 20))
    assert not painted(editing)[10:30, 15:45].any()
    QTest.keyClick(editing.window, Qt.Key.Key_B)
    drag(editing, (60, 45), (60, 50), modifiers=Qt.KeyboardModifier.AltModifier)
    until(editing, lambda: not editor(editing).stroking)
    assert not painted(editing)[45:50, 55:65].any()
    assert editor(editing).brush.tool is Tool.BRUSH


def test_the_other_end_of_a_stylus_erases(editing: Application) -> None:
    device = QPointingDevice(
        "pen", 7, QInputDevice.DeviceType.Stylus, QPointingDevice.PointerType.Eraser,
        QInputDevice.Capability.Position, 1, 1,
    )  # fmt: skip
    compare, left = editing.window.compare, Qt.MouseButton.LeftButton
    at = QPointF(on_screen(editing, (40, 30)))
    for kind, held in ((QEvent.Type.MouseButtonPress, left), (QEvent.Type.MouseButtonRelease, Qt.MouseButton.NoButton)):
        event = QMouseEvent(kind, at, compare.mapToGlobal(at), left, held, Qt.KeyboardModifier.NoModifier, device)
        QApplication.sendEvent(compare, event)
    until(editing, lambda: not editor(editing).stroking)
    assert painted(editing)[30, 40] == 0
    assert painted(editing)[5, 5] == 255


def test_what_is_protected_is_not_marked_again_by_brush_or_detection(editing: Application) -> None:
    use(editing, size=40, feather=0.0)
    QTest.keyClick(editing.window, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    stroke(editing, (40, 30), (45, 30))
    assert painted(editing)[30, 40] == PROTECTED
    QTest.keyClick(editing.window, Qt.Key.Key_B)
    stroke(editing, (40, 30), (120, 30))
    assert painted(editing)[30, 40] == PROTECTED
    assert painted(editing)[30, 110] == 255
    trigger(editing, "detectDamage")
    until(editing, lambda: ready(editing) and not editor(editing).stroking)
    mask = painted(editing)
    assert mask[30, 40] == PROTECTED
    assert mask[5, 5] == 255
    assert mask[30, 110] == 0
    QTest.keyClick(editing.window, Qt.Key.Key_E)
    stroke(editing, (40, 30))
    assert painted(editing)[30, 40] == 0


def test_protection_survives_closing_and_opening(editing: Application, start: Open, picture: Path) -> None:
    use(editing, size=40, feather=0.5, tool=Tool.PROTECT)
    stroke(editing, (300, 200), (330, 220))
    mask, saved = painted(editing), recipe(editing)
    project = editing.window._workspace.session.project
    assert project is not None
    service = FakeService(Path(project.folder).parent)
    service.masks = dict(editing.window._workspace.bridge._service.masks)  # type: ignore[attr-defined]
    editing.close()
    again = start(Path(project.folder), on=service)
    until(again, lambda: again.window._workspace.document.image is not None and again.window.compare.viewport)
    assert recipe(again) == saved
    QTest.keyClick(again.window, Qt.Key.Key_E)
    until(again, lambda: ready(again))
    assert np.array_equal(painted(again), mask)
    assert "find_damage" not in service.calls


def test_undo_at_once_takes_back_a_stroke_whose_mask_is_still_being_written(
    editing: Application, service: FakeService
) -> None:
    service.mask_time = 0.3
    drag(editing, (300, 200), (350, 200))
    assert recipe(editing) == Recipe(), "not before its mask is kept"
    trigger(editing, "undo")
    assert not painted(editing)[200, 300:350].any()
    until(editing, lambda: service.masks)
    editing.spin(0.1)
    assert recipe(editing) == Recipe()
    trigger(editing, "redo")
    assert recipe(editing).mask is not None
    assert painted(editing)[200, 300:350].min() > 0


def test_a_slider_moved_while_a_mask_is_written_keeps_the_mask_when_it_is_undone(
    editing: Application, service: FakeService
) -> None:
    service.mask_time = 0.3
    drag(editing, (300, 200), (350, 200))
    drag(editing, (300, 300), (350, 300))
    session = editing.window._workspace.session
    session.push(Edit(replace(recipe(editing), alpha=0.5), "alpha"))
    until(editing, lambda: not editor(editing).stroking)
    both = recipe(editing)
    assert (both.alpha, both.scope) == (0.5, "damage")
    assert both.mask is not None
    trigger(editing, "undo")
    assert recipe(editing) == replace(both, alpha=1.0)
    trigger(editing, "undo")
    until(editing, lambda: not editor(editing).stroking)
    assert recipe(editing).mask not in (None, both.mask)
    assert painted(editing)[200, 320] > 0
    assert painted(editing)[300, 320] == 0
    trigger(editing, "undo")
    assert recipe(editing) == Recipe()


def test_a_stroke_reaches_its_image_also_when_another_is_on_screen_by_then(
    start: Open, tmp_path: Path, service: FakeService
) -> None:
    pictures = [save_picture(tmp_path / f"{n}.png", 320, 240, seed=n) for n in range(2)]
    application = start(*pictures)
    until(application, lambda: application.window.compare._layers is not None)
    QTest.keyClick(application.window, Qt.Key.Key_B)
    until(application, lambda: ready(application))
    session = application.window._workspace.session
    assert session.item is not None
    first = session.item.uuid
    service.mask_time = 0.2
    drag(application, (100, 100), (150, 100))
    session.step(1)
    assert not editor(application).editing
    until(application, lambda: session._items[first].recipe.mask)
    assert recipe(application) == Recipe(), "the other image keeps its own"
    session.step(-1)
    assert recipe(application).scope == "damage"
    trigger(application, "undo")
    assert recipe(application) == Recipe()


def test_an_export_and_a_snapshot_wait_for_the_last_stroke(editing: Application, service: FakeService) -> None:
    service.mask_time = 0.2
    drag(editing, (300, 200), (350, 200))
    trigger(editing, "exportAgain")
    trigger(editing, "snapshot")
    until(editing, lambda: service.exported)
    mask = recipe(editing).mask
    assert mask is not None
    assert service.exported[0].mask == mask
    item = editing.window._workspace.session.item
    assert item is not None
    assert item.snapshots[0].recipe.mask == mask
    until(editing, lambda: not editing.window._workspace.jobs.running)


def test_closing_at_once_keeps_the_last_stroke(editing: Application, service: FakeService) -> None:
    service.mask_time = 0.2
    drag(editing, (300, 200), (350, 200))
    editing.close()
    assert service.saves[-1].recipe.mask in service.masks


def test_a_mask_that_cannot_be_kept_is_told_and_leaves_the_recipe(editing: Application, service: FakeService) -> None:
    service.refuse_masks = "The disk is full; make room and draw it again."
    drag(editing, (300, 200), (350, 200))
    until(editing, lambda: not editor(editing).stroking)
    assert "disk is full" in editing.window.messages.text.text()
    assert recipe(editing) == Recipe()
    assert not painted(editing)[200, 300:350].any()


def inverted_in_vain(editing: Application, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The mask is inverted, which cannot be kept, and cleared before that is known; the id of the cleared one."""
    keep, calls = service.keep_mask, list[str]()

    def refusing(pixels: NDArray[np.uint8], project: Project | None) -> Future[str]:
        calls.append("")
        if len(calls) > 1:
            return keep(pixels, project)
        failing: Future[str] = Future()
        threading.Timer(0.3, lambda: failing.set_exception(EngineError("The disk is full; make room."))).start()
        return failing

    monkeypatch.setattr(service, "keep_mask", refusing)
    trigger(editing, "invertMask")
    until(editing, lambda: calls)
    trigger(editing, "clearMask")
    until(editing, lambda: recipe(editing).mask and "disk is full" in editing.window.messages.text.text())
    return recipe(editing).mask


def test_undo_to_a_mask_that_could_not_be_kept_keeps_it_now(
    editing: Application, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = painted(editing)
    cleared = inverted_in_vain(editing, service, monkeypatch)
    trigger(editing, "undo")
    until(editing, lambda: not editor(editing).stroking)
    assert np.array_equal(painted(editing), 255 - found)
    assert np.array_equal(service.masks[recipe(editing).mask or ""], 255 - found)
    trigger(editing, "redo")
    assert recipe(editing).mask == cleared
    trigger(editing, "undo")
    trigger(editing, "undo")
    assert recipe(editing) == Recipe()
    assert np.array_equal(painted(editing), found)


def test_undo_to_a_mask_that_still_cannot_be_kept_settles(
    editing: Application, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared = inverted_in_vain(editing, service, monkeypatch)
    service.refuse_masks = "The disk is full again; make room."
    trigger(editing, "undo")
    until(editing, lambda: "full again" in editing.window.messages.text.text())
    until(editing, lambda: not editor(editing).stroking and ready(editing))
    assert recipe(editing).mask == cleared
    assert not painted(editing).any(), "what is shown is what the recipe has"


def test_a_mask_from_a_file_is_taken_and_a_wrong_size_is_told(
    editing: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = np.zeros((480, 640), np.uint8)
    mask[100:200, 300:400] = 200
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:50]).save(tmp_path / "small.png")

    def pick(name: str) -> None:
        async def ask(_parent: QWidget, _preferences: Preferences) -> str:
            return str(tmp_path / name)

        monkeypatch.setattr(dialogs, "ask_mask", ask)
        trigger(editing, "importMask")

    pick("small.png")
    until(editing, lambda: "size of the image" in editing.window.messages.text.text())
    assert recipe(editing) == Recipe()
    assert painted(editing)[5, 5] == 255
    pick("mask.png")
    until(editing, lambda: recipe(editing).mask)
    assert np.array_equal(painted(editing), mask)
    assert recipe(editing).scope == "damage"


def test_a_mask_that_is_gone_is_told_and_another_can_be_begun(opened: Application) -> None:
    opened.window._workspace.session.push(Edit(Recipe(scope="damage", mask="0" * 64), "as it was stored"))
    QTest.keyClick(opened.window, Qt.Key.Key_B)
    until(opened, lambda: "missing" in opened.window.messages.text.text())
    status = find(opened, QLabel, "maskStatus")
    until(opened, lambda: "No mask yet" in status.text())
    drag(opened, (300, 200), (350, 200))
    assert recipe(opened).mask == "0" * 64, "nothing was painted on"
    trigger(opened, "detectDamage")
    until(opened, lambda: ready(opened) and not editor(opened).stroking)
    assert painted(opened)[5, 5] == 255
    assert "No mask" not in status.text()
    trigger(opened, "undo")
    assert recipe(opened).mask == "0" * 64


def test_clear_and_invert_are_steps(editing: Application) -> None:
    found = painted(editing)
    trigger(editing, "invertMask")
    until(editing, lambda: recipe(editing).mask)
    assert np.array_equal(painted(editing), 255 - found)
    trigger(editing, "clearMask")
    until(editing, lambda: not editor(editing).stroking)
    assert not painted(editing).any()
    trigger(editing, "undo")
    assert np.array_equal(painted(editing), 255 - found)
    trigger(editing, "undo")
    assert np.array_equal(painted(editing), found)


def test_clear_ends_a_search_that_takes_long(start: Open, picture: Path, tmp_path: Path) -> None:
    service = FakeService(tmp_path)
    application = start(picture, on=service)
    until(application, lambda: application.window.compare._layers is not None)
    service.costs = replace(service.costs, tile=0.2)
    QTest.keyClick(application.window, Qt.Key.Key_B)
    status = find(application, QLabel, "maskStatus")
    until(application, lambda: "%" in status.text())
    trigger(application, "clearMask")
    assert "%" not in status.text()
    assert not painted(application).any()
    until(application, lambda: recipe(application).scope == "damage")


def test_keys_and_wheel_set_size_and_feather_and_the_bar_follows(editing: Application) -> None:
    window, brush = editing.window, editor(editing).brush
    QTest.keyClick(window, Qt.Key.Key_BracketRight)
    assert editor(editing).brush.size == 30
    QTest.keyClick(window, Qt.Key.Key_BracketLeft)
    assert editor(editing).brush.size == brush.size
    use(editing, size=2)
    QTest.keyClick(window, Qt.Key.Key_BracketLeft)
    assert editor(editing).brush.size == 2
    QTest.keyClick(window, Qt.Key.Key_BracketRight)
    assert editor(editing).brush.size == 3
    compare, viewport = window.compare, window.compare.viewport
    middle = QPointF(compare.rect().center())
    turn = QWheelEvent(
        middle, compare.mapToGlobal(middle), QPoint(), QPoint(120, 0), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ShiftModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(compare, turn)
    assert editor(editing).brush.feather == pytest.approx(brush.feather + 0.05)
    assert compare.viewport == viewport, "nothing was zoomed"
    size = find(editing, ValueSlider, "maskSize")
    assert round(size.exact) == 3
    size.enter(77)
    assert editor(editing).brush.size == 77
    assert find(editing, ValueSlider, "maskFeather").exact == pytest.approx(0.3)


def test_a_feathered_stroke_fades_and_its_overlaps_do_not_add_up(editing: Application) -> None:
    use(editing, size=100, feather=1.0)
    stroke(editing, (300, 240), (300, 241), (300, 239), (300, 240))
    row = painted(editing)[240, 300:360].astype(int)
    assert row[0] > 240
    assert 100 < row[25] < 150
    assert not row[51:].any()
    assert (np.diff(row) <= 0).all()


def test_escape_leaves_the_mask_before_it_leaves_a_mode(editing: Application) -> None:
    editing.window.compare.set_mode(Mode.SIDE)
    QTest.keyClick(editing.window.compare, Qt.Key.Key_Escape)
    assert not editor(editing).editing
    assert not find(editing, MaskBar, "maskBar").isVisible()
    assert editing.window.compare.mode is Mode.SIDE
    before = editing.window.compare.viewport
    editing.window.compare.zoom_to(2.0)
    drag(editing, (300, 200), (330, 200))
    assert editing.window.compare.viewport != before, "dragging moves the image again"
    assert recipe(editing) == Recipe()


def test_space_and_the_dividers_handle_stay_the_viewers(editing: Application) -> None:
    compare = editing.window.compare
    compare.zoom_to(2.0)
    assert compare.viewport is not None
    centre = compare.viewport.centre
    QTest.keyPress(compare, Qt.Key.Key_Space)
    at = QPoint(60, 60)
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(compare, at + QPoint(20, 0))
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=at + QPoint(20, 0))
    QTest.keyRelease(compare, Qt.Key.Key_Space)
    assert compare.viewport.centre[0] == centre[0] - 10
    handle = compare.rect().center()
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=handle)
    QTest.mouseMove(compare, QPoint(100, handle.y()))
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=QPoint(100, handle.y()))
    assert compare._divider == pytest.approx(100 / compare.width(), abs=0.01)
    assert recipe(editing) == Recipe()


def test_the_mask_is_seen_over_the_original_and_shift_m_hides_it(editing: Application) -> None:
    compare, at = editing.window.compare, on_screen(editing, (40, 45))

    def redness() -> int:
        colour: QColor = compare.grab().toImage().pixelColor(at)
        return colour.red() - colour.green()

    seen = redness()
    QTest.keyClick(editing.window, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    hidden = redness()
    assert seen > hidden + (MARK.red() - MARK.green()) / 4
    assert compare.mode is Mode.SPLIT, "M alone would have changed it"


def test_a_stroke_is_seen_on_the_restored_side_until_its_result_is(editing: Application, service: FakeService) -> None:
    use(editing, size=60, feather=0.0)
    compare, overlay = editing.window.compare, editing.window.masking._overlay
    service.mask_time = 0.2
    at = on_screen(editing, (560, 300))  # right of the divider
    plain = compare.grab().toImage().pixelColor(at)
    drag(editing, (520, 300), (600, 300))
    QTest.mouseMove(compare, QPoint(5, 5))
    painted_over = compare.grab().toImage().pixelColor(at)
    assert painted_over.red() - painted_over.green() > plain.red() - plain.green() + 20
    until(editing, lambda: not overlay.stroking)
    result = compare.grab().toImage().pixelColor(at)
    assert abs(result.red() - result.green() - (plain.red() - plain.green())) < 5
    trigger(editing, "undo")
    assert not overlay.stroking


def test_escape_in_the_middle_of_a_stroke_forgets_it(editing: Application) -> None:
    compare = editing.window.compare
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=on_screen(editing, (300, 200)))
    QTest.mouseMove(compare, on_screen(editing, (400, 200)))
    assert painted(editing)[200, 300:400].any()
    QTest.keyClick(compare, Qt.Key.Key_Escape)
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=on_screen(editing, (400, 200)))
    assert not editor(editing).editing
    assert recipe(editing) == Recipe()
    QTest.keyClick(compare, Qt.Key.Key_B)
    until(editing, lambda: ready(editing))
    assert not painted(editing)[200, 300:400].any()
    QTest.mouseMove(compare, on_screen(editing, (500, 200)))
    assert not painted(editing)[200, 300:500].any()


@pytest.mark.parametrize("zoom", [0.25, 1.0, 3.0])
def test_the_mask_lies_where_it_was_painted_at_every_zoom(editing: Application, zoom: float) -> None:
    use(editing, size=40, feather=0.0)
    stroke(editing, (200, 240), (240, 240))
    compare = editing.window.compare
    compare._divider = 1.0  # the original all over
    compare.zoom_to(zoom)
    assert compare.viewport is not None
    compare._move(compare.viewport.centred(220 / 640, 0.5))
    QTest.mouseMove(compare, QPoint(1, 1))
    editing.spin(0.02)
    shown = compare.grab().toImage()
    trigger(editing, "showMask")
    plain = compare.grab().toImage()
    for place, marked in (((220, 240), True), ((220, 275), False), ((185, 240), True), ((165, 240), False)):
        at = on_screen(editing, place)
        if compare.rect().contains(at):
            assert (shown.pixel(at) != plain.pixel(at)) is marked, place


def test_every_control_of_the_bar_has_a_name_and_is_reached_by_keyboard(editing: Application) -> None:
    bar = find(editing, MaskBar, "maskBar")
    controls = [*bar.findChildren(QToolButton), *bar.findChildren(ValueSlider)]
    assert len(controls) == 10
    for control in controls:
        assert control.accessibleName()
        assert control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
