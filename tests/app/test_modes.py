"""The ways to compare, on the real viewer."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAction, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QToolButton, QWidget

from archivist_app.app import Application
from archivist_app.views.compare_painter import Scene
from archivist_app.views.compare_view import BLINK_MS
from archivist_app.views.layers import Layers, Mosaic
from archivist_app.views.modes import Mode
from archivist_app.views.navigator import Navigator
from archivist_app.views.scenes import GAINS, compose, grid_of, status_of
from engine.types import Frame, ImageRef, Recipe, Region, RenderRequest, View
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService, save_picture

Pixels = NDArray[np.uint8]


def scene(application: Application) -> Scene:
    now = application.window.compare._situation()
    assert now is not None
    return compose(now)


def labels(application: Application) -> list[str]:
    return [pane.label for pane in scene(application).panes]


def status(application: Application) -> str:
    now = application.window.compare._situation()
    assert now is not None
    return status_of(now)


def settled(application: Application) -> None:
    work, compare = application.window._workspace, application.window.compare
    until(application, lambda: not compare._busy and not work.rendering._rest.isActive())
    until(application, lambda: work.maps._request is None and not work.maps._rest.isActive())


def at_full_size(application: Application) -> None:
    """1:1, with refined pixels on screen."""
    application.window.compare.zoom_to(1.0)
    application.spin(0.2)
    settled(application)


def grabbed(application: Application, pane: int = 0) -> Pixels:
    """Rows 60 to 160 and columns 20 to 120 of the master at 1:1 as a pane shows them, (100, 100, 3) RGB."""
    compare = application.window.compare
    assert compare.viewport is not None
    assert compare.viewport.zoom == 1.0
    image = compare.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    corner, (x, y) = scene(application).panes[pane].origin, compare.viewport.origin
    left, top = corner.x() + x + 20, corner.y() + y + 60
    return pixels[top : top + 100, left : left + 100].copy()


def master(application: Application, service: FakeService) -> Pixels:
    image = application.window._workspace.document.image
    assert image is not None
    return service._read(image)[60:160, 20:120, 2::-1]


@pytest.fixture
def small(start: Open, service: FakeService) -> Application:
    """A picture that lies whole on every pane at 1:1, restored and refined."""
    application = start(save_picture(service.root / "small.png", 200, 180))
    until(application, lambda: application.window.compare._layers is not None)
    until(application, lambda: application.window.compare._layers.rendered)  # type: ignore[union-attr]
    at_full_size(application)
    return application


def test_key_m_cycles_the_modes_and_menu_and_button_follow(small: Application) -> None:
    compare, button = small.window.compare, find(small, QToolButton, "modeButton")
    seen = []
    for _ in range(6):
        mode = compare.mode
        seen.append(mode)
        assert button.text() == mode.words.name
        assert mode.words.name in button.accessibleName()
        assert [one for one in Mode if find(small, QAction, f"{one}Action").isChecked()] == [mode]
        QTest.keyClick(compare, Qt.Key.Key_M)
    assert seen == [mode for mode in Mode if mode is not Mode.VARIANTS], "without snapshots there are no variants"
    assert compare.mode is Mode.SPLIT


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_has_a_key_says_what_it_shows_and_escape_leads_back(small: Application, mode: Mode) -> None:
    compare, action = small.window.compare, find(small, QAction, f"{mode}Action")
    assert not action.shortcut().isEmpty()
    action.trigger()
    assert compare.mode is mode
    assert mode.words.seen in compare.accessibleDescription()
    assert all(labels(small))
    compare.hold_original(True)
    assert set(labels(small)) == {"Before · original"}, "the held key shows the scan in every mode"
    compare.hold_original(False)
    QTest.keyClick(compare, Qt.Key.Key_Escape)
    assert compare.mode is Mode.SPLIT
    assert labels(small) == ["Before · original", "After"]


def test_no_two_keys_of_the_window_are_the_same(small: Application) -> None:
    keys = [key.toString() for action in small.window.findChildren(QAction) for key in action.shortcuts()]
    assert len(keys) == len(set(keys))


def test_blinking_shows_both_in_turns_in_the_same_place_until_it_is_paused(
    small: Application, service: FakeService
) -> None:
    trigger(small, "blink")
    before = grabbed(small)
    assert labels(small) == ["Before · original"]
    assert np.array_equal(before, master(small, service))
    until(small, lambda: labels(small) == ["After"], 3 * BLINK_MS / 1000)
    after = grabbed(small)
    assert not np.array_equal(before, after)
    until(small, lambda: labels(small) == ["Before · original"], 3 * BLINK_MS / 1000)
    trigger(small, "pause")
    small.spin(1.5 * BLINK_MS / 1000)
    assert labels(small) == ["Before · original"]
    assert status(small).endswith("paused")
    trigger(small, "pause")
    until(small, lambda: labels(small) == ["After"], 3 * BLINK_MS / 1000)
    small.window.hide()
    assert not small.window.compare._blink.isActive(), "nobody sees it"


def test_a_difference_is_the_amplified_distance_in_each_channel(small: Application, service: FakeService) -> None:
    trigger(small, "blink")
    trigger(small, "pause")
    before = grabbed(small).astype(int)
    small.window.compare._turn_blink()
    after = grabbed(small).astype(int)
    trigger(small, "difference")
    for gain in GAINS:
        expected = np.minimum(np.abs(after - before), 255 // gain) * gain
        assert np.array_equal(grabbed(small), expected)
        legend = scene(small).legend
        assert legend is not None
        assert round(legend.ramps[0].full) == min(255, 256 // gain)
        assert gain == 1 or f"× {gain}" in labels(small)[0]
        QTest.keyClick(small.window.compare, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)


@pytest.mark.parametrize("mode", [Mode.FIDELITY, Mode.UNCERTAINTY])
def test_a_map_of_what_is_in_view_comes_with_its_legend_and_numbers(
    small: Application, service: FakeService, mode: Mode
) -> None:
    assert not service.surveys, "nobody has asked for one"
    trigger(small, mode)
    until(small, lambda: service.surveys)
    settled(small)
    asked = service.surveys[-1]
    document = small.window._workspace.document
    assert (asked.kind, asked.recipe, asked.view) == (mode.map_kind, document.recipe, document.view)
    assert np.array_equal(grabbed(small), master(small, service) // 2), "what came is what is shown"
    legend = scene(small).legend
    assert legend is not None
    assert len(legend.ramps) == (2 if mode is Mode.FIDELITY else 1)
    assert mode.words.name in labels(small)[0]
    assert status(small) == "100 %"
    point(small, 120, 100)
    told = find(small, QLabel, "pixelReadout").text()
    assert f"{legend.ramps[0].name} 1.2" in told
    trigger(small, "split")
    assert not any(small.window.compare._map.pieces)


def point(application: Application, x: int, y: int) -> None:
    """Put the pointer on a master pixel."""
    compare = application.window.compare
    assert compare.viewport is not None
    left, top = compare.viewport.origin
    zoom = compare.viewport.zoom
    QTest.mouseMove(compare, QPoint(1, 1))  # a pointer that stays where it is sends nothing
    QTest.mouseMove(compare, QPoint(int(left + (x + 0.5) * zoom), int(top + (y + 0.5) * zoom)))


def test_a_change_of_the_recipe_forgets_the_map_and_measures_another(small: Application, service: FakeService) -> None:
    trigger(small, "fidelity")
    until(small, lambda: service.surveys)
    settled(small)
    small.window.adjust.rows["alpha"].slider.setValue(700)
    assert not any(small.window.compare._map.pieces)
    until(small, lambda: len(service.surveys) == 2)
    settled(small)
    assert service.surveys[-1].recipe == small.window._workspace.document.recipe
    assert any(small.window.compare._map.pieces)
    small.window.compare.zoom_to(2.0)
    assert any(small.window.compare._map.pieces), "it still holds, coarser"
    until(small, lambda: len(service.surveys) == 3)


def test_a_map_tells_how_far_it_is_and_stops_when_nobody_looks(start: Open, service: FakeService) -> None:
    service.costs = Costs(tile=0.15)
    application = start(save_picture(service.root / "large.png", 900, 700))
    until(application, lambda: application.window.compare._layers is not None)
    application.window.compare.zoom_to(1.0)
    trigger(application, "uncertainty")
    until(application, lambda: status(application).startswith("Measuring"), 20)
    trigger(application, "split")
    steps: list[object] = []
    application.window._workspace.maps.progressed.connect(steps.append)
    application.spin(0.5)
    assert not steps
    assert application.window.compare._map.progress is None


@pytest.mark.parametrize("mode", list(Mode))
def test_in_the_narrowest_window_no_button_lies_on_another_in_any_mode(small: Application, mode: Mode) -> None:
    small.window.resize(small.window.minimumSize())
    trigger(small, mode)
    small.spin(0.05)
    tools = small.window.tools
    parts = [part for part in tools.findChildren(QWidget) if part.isVisible()]
    assert all(tools.rect().contains(part.geometry()) for part in parts)
    assert not [(a, b) for a, b in combinations(parts, 2) if a.geometry().intersects(b.geometry())]


def test_variants_lie_so_that_the_image_is_large() -> None:
    assert grid_of(Mode.VARIANTS, 4, (100, 100), (800, 700)) == (2, 2)
    assert grid_of(Mode.VARIANTS, 4, (100, 400), (800, 700)) == (4, 1)
    assert grid_of(Mode.VARIANTS, 2, (900, 100), (800, 700)) == (1, 2)
    assert grid_of(Mode.VARIANTS, 1, (100, 100), (800, 700)) == (2, 1), "the original is beside it"
    assert grid_of(Mode.SPLIT, 4, (100, 100), (800, 700)) == (1, 1)


def test_swap_exchanges_the_sides_and_means_nothing_where_there_are_none(small: Application) -> None:
    swap = find(small, QAction, "swapAction")
    for mode in Mode:
        trigger(small, mode)
        assert swap.isEnabled() == mode.has_sides
    trigger(small, "side")
    swap.trigger()
    assert labels(small) == ["After", "Before · original"]


def test_the_navigator_shows_what_is_visible_and_takes_one_elsewhere(opened: Application) -> None:
    compare, navigator = opened.window.compare, find(opened, Navigator, "navigator")
    assert navigator.accessibleName()
    compare.fit()
    assert not navigator.isVisible()
    compare.zoom_to(4.0)
    assert navigator.isVisible()
    assert compare.rect().contains(navigator.geometry())
    assert compare.viewport is not None
    before = compare.viewport.centre
    frame = navigator.frame
    assert frame.width() == pytest.approx(navigator.width() * compare.viewport.visible.width / 640, abs=0.5)
    middle = frame.center().toPoint()
    QTest.mousePress(navigator, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(navigator, middle + QPoint(20, 10))
    QTest.mouseRelease(navigator, Qt.MouseButton.LeftButton, pos=middle + QPoint(20, 10))
    shift = 20 * 640 / navigator.width()
    assert compare.viewport.centre[0] == pytest.approx(before[0] + shift, abs=4)
    assert compare.viewport.zoom == 4.0
    QTest.mouseClick(navigator, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert compare.viewport.visible.x == compare.viewport.visible.y == 0
    QTest.keyClick(compare, Qt.Key.Key_N)
    assert not navigator.isVisible()
    QTest.keyClick(compare, Qt.Key.Key_N)
    assert navigator.isVisible()
    compare.fit()
    assert not navigator.isVisible()


def test_the_status_tells_the_pixel_under_the_pointer_before_and_after(
    small: Application, service: FakeService
) -> None:
    readout = find(small, QLabel, "pixelReadout")
    point(small, 70, 90)
    image = small.window._workspace.document.image
    assert image is not None
    scan = service._read(image)[90, 70, 2::-1]
    assert readout.text().startswith(f"x 70, y 90   ·   Before {'  '.join(map(str, scan))}   ·   After ")
    assert readout.text().endswith("8 bit sRGB")
    QTest.mouseMove(small.window.compare, QPoint(2, 2))
    assert readout.text() == "", "beside the picture there is nothing to tell"


def test_the_values_of_a_preview_are_called_so(start: Open, service: FakeService) -> None:
    application = start(save_picture(service.root / "large.png", 1600, 1200))
    until(application, lambda: application.window.compare._layers is not None)
    application.window.compare.fit()
    application.spin(0.2)
    settled(application)
    point(application, 700, 500)
    assert find(application, QLabel, "pixelReadout").text().endswith("8 bit sRGB, preview")


def test_space_held_drags_the_image_where_the_divider_is_and_shift_arrows_move_it(opened: Application) -> None:
    compare = opened.window.compare
    compare.zoom_to(4.0)
    assert compare.viewport is not None
    before, divider = compare.viewport.centre, compare._divider
    QTest.keyPress(compare, Qt.Key.Key_Space)
    middle = compare.rect().center()
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(compare, middle + QPoint(40, 0))
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 0))
    QTest.keyRelease(compare, Qt.Key.Key_Space)
    assert compare.viewport.centre == (before[0] - 10, before[1])
    assert compare._divider == divider
    QTest.keyClick(compare, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert compare.viewport.centre[0] > before[0]


def test_ctrl_and_the_arrows_move_the_divider(small: Application) -> None:
    compare = small.window.compare
    for key, expected in ((Qt.Key.Key_Right, 0.52), (Qt.Key.Key_Left, 0.5), (Qt.Key.Key_Left, 0.48)):
        QTest.keyClick(compare, key, Qt.KeyboardModifier.ControlModifier)
        assert compare._divider == pytest.approx(expected)


def test_a_change_of_the_mode_is_announced(small: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(
        QAccessible, "updateAccessibility", lambda event: told.append(event.message())
    )  # what a screen reader would be given
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    trigger(small, "blink")
    trigger(small, "pause")
    assert told[0].startswith("Blink. The original and the restoration in turns")
    assert told[1] == "Blinking is paused"


# Variants


def take(application: Application, *alphas: float) -> None:
    document = application.window._workspace.document
    for alpha in alphas:
        document.recipe = replace(document.recipe, alpha=alpha)
        trigger(application, "snapshot")


def test_snapshots_are_kept_with_the_project_and_shown_side_by_side(small: Application, service: FakeService) -> None:
    take(small, 0.1, 1.0, 5.0)
    until(small, lambda: service.saves and len(service.saves[-1].snapshots) == 3)
    assert [(one.name, one.recipe.alpha) for one in service.saves[-1].snapshots] == [
        ("Snapshot 1", 0.1), ("Snapshot 2", 1.0), ("Snapshot 3", 5.0),
    ]  # fmt: skip
    trigger(small, "variants")
    at_full_size(small)
    until(small, lambda: service.calls.count("beside") >= 3)
    small.spin(0.3)
    assert labels(small) == [
        "Before · original", "Snapshot 1 · α 0.1  β 0", "Snapshot 2 · α 1  β 0", "Snapshot 3 · α 5  β 0",
    ]  # fmt: skip
    shown = [grabbed(small, pane).astype(int) for pane in range(4)]
    scan = master(small, service)
    assert np.array_equal(shown[0], scan)
    for pane, alpha in ((1, 0.1), (2, 1.0), (3, 5.0)):
        lifted = np.clip(scan + (12 + 8 * np.log10(alpha)), 0, 255).astype(np.uint8)
        assert np.array_equal(shown[pane], lifted), "each with its own recipe"
    compare = small.window.compare
    assert compare.viewport is not None
    assert compare.viewport.pane == ((compare.width() - 2) // 2, (compare.height() - 2) // 2)


def test_of_many_snapshots_the_last_four_are_shown_unless_others_are_chosen(small: Application) -> None:
    take(small, 0.1, 0.2, 0.3, 0.4, 0.5)
    trigger(small, "variants")
    assert [label.split(" · ")[0] for label in labels(small)] == [f"Snapshot {n}" for n in (2, 3, 4, 5)]
    menu = find(small, QMenu, "variantsMenu")
    menu.aboutToShow.emit()
    first = menu.actions()[0]
    assert first.text().startswith("Snapshot 1")
    assert not first.isChecked()
    first.trigger()
    assert [label.split(" · ")[0] for label in labels(small)] == [f"Snapshot {n}" for n in (1, 3, 4, 5)]
    menu.aboutToShow.emit()
    menu.actions()[2].trigger()
    assert labels(small)[0] == "Before · original", "an odd number has the original beside it"


def test_without_snapshots_the_mode_says_how_to_take_one(small: Application) -> None:
    trigger(small, "variants")
    assert "Ctrl+S" in status(small)
    assert labels(small) == ["Before · original"]
    take(small, 0.5)
    assert len(labels(small)) == 2


def test_variants_move_together_and_are_spared_when_nobody_looks(small: Application, service: FakeService) -> None:
    take(small, 0.1, 5.0)
    trigger(small, "variants")
    until(small, lambda: service.calls.count("beside") == 2)
    compare = small.window.compare
    compare.zoom_to(3.0, compare.rect().center().toPointF() / 2)
    until(small, lambda: service.calls.count("beside") == 4)
    assert {request.view for request in service.requests[-2:]} == {compare.viewport.view if compare.viewport else None}
    trigger(small, "split")
    compare.zoom_to(2.0)
    small.spin(0.4)
    assert service.calls.count("beside") == 4


# Memory


def test_what_is_kept_while_panning_is_bounded(qapp: object) -> None:
    mosaic: Mosaic[int] = Mosaic(limit=1000)
    for n in range(50):
        mosaic.add(Region(100 * n, 0, 100, 100), n, 90)
    assert mosaic.nbytes <= 1000
    assert [piece for _, piece in mosaic] == list(range(39, 50))
    mosaic.add(Region(0, 0, 10_000, 100), 99, 500)
    assert [piece for _, piece in mosaic] == [99], "what lies hidden is forgotten"


def test_refined_pixels_stay_while_panning_and_go_with_the_recipe(qapp: object) -> None:
    image, whole = ImageRef("a.tif", "a", 1), Region(0, 0, 1000, 1000)

    def frame(region: Region, recipe: Recipe, quality: str, generation: int) -> Frame:
        request = RenderRequest(image, recipe, View(region), quality, generation)  # type: ignore[arg-type]
        pixels = np.full((region.height, region.width, 4), generation, np.uint8)
        return Frame(request, pixels, pixels, region)

    layers = Layers(frame(whole, Recipe(), "draft", 0))
    for number, x in enumerate((0, 100, 200), start=1):
        layers.add(frame(Region(x, 0, 100, 100), Recipe(), "draft", number))
        layers.add(frame(Region(x, 0, 100, 100), Recipe(), "refine", number))
    shown = list(layers.after())
    assert {region.x for region, _ in shown[1:]} == {0, 100, 200}
    layers.add(frame(Region(200, 0, 100, 100), Recipe(alpha=2.0), "draft", 9))
    assert [region.x for region, _ in layers.after()] == [0, 200]


def test_where_the_master_has_other_values_they_are_told_once_the_pointer_rests(
    start: Open, service: FakeService
) -> None:
    service.bits = 16
    application = start(save_picture(service.root / "deep.png", 200, 180))
    until(application, lambda: application.window.compare._layers is not None)
    at_full_size(application)
    readout = find(application, QLabel, "pixelReadout")
    point(application, 70, 90)
    assert readout.text().endswith("8 bit sRGB"), "at once what the screen has"
    until(application, lambda: readout.text().endswith("16 bit"))
    image = application.window._workspace.document.image
    assert image is not None
    scan = [257 * int(value) for value in service._read(image)[90, 70, 2::-1]]
    assert readout.text().startswith(f"x 70, y 90   ·   Before {'  '.join(map(str, scan))}   ·   After ")


def test_snapshots_not_yet_saved_survive_that_images_are_added(small: Application, service: FakeService) -> None:
    service.refuse_saves = "The disk is full; free some space."
    take(small, 0.5)
    session = small.window._workspace.session
    session.open_paths([str(save_picture(service.root / "other.png", 90, 80, seed=4))])
    until(small, lambda: session.filmstrip.rowCount() == 2)
    assert [len(item.snapshots) for item in session._items.values()] == [1, 0]
