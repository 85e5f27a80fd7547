"""The pad: alpha and beta as one plane, bound to the sliders, with the image at its corners."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from archivist_app.app import Application
from archivist_app.state import corners
from archivist_app.state.corners import Corner, piece_of
from archivist_app.views.pad import Pad
from archivist_app.views.value_slider import STEPS, ValueSlider
from engine.types import ModelCard, Recipe, Region, View
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FakeService, save_picture

NO_KEYS = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def styled(opened: Application) -> Application:
    """An image in a style, with the pad open."""
    choose(opened, "cyanotype")
    open_pad(opened)
    return opened


def open_pad(application: Application) -> Pad:
    find(application, QPushButton, "padButton").setChecked(True)
    application.spin(0.02)
    return find(application, Pad, "pad")


def choose(application: Application, style: str | None) -> None:
    gallery = application.window.gallery
    gallery.setCurrentIndex(
        application.window._workspace.styles.index(application.window._workspace.styles.row_of(style))
    )


def recipe(application: Application) -> Recipe:
    return application.window._workspace.document.recipe


def history(application: Application) -> list[str]:
    stack = application.window._workspace.session.history.activeStack()
    assert stack is not None
    return [stack.text(number) for number in range(stack.count())]


def slider(application: Application, name: str) -> ValueSlider:
    return find(application, ValueSlider, f"{name}Slider")


def place(pad: Pad, across: float, up: float) -> QPoint:
    """Shares of the way, 0..1."""
    return pad._place_of((round(STEPS * across), round(STEPS * up))).toPoint()


def move(pad: Pad, where: QPoint, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    at = QPointF(where)
    buttons = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    QApplication.sendEvent(pad, QMouseEvent(QEvent.Type.MouseMove, at, pad.mapToGlobal(at), *buttons, keys))


def drag(pad: Pad, *ways: tuple[float, float]) -> None:
    points = [place(pad, *way) for way in ways]
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        move(pad, point)
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=points[-1])


def corner_recipes(service: FakeService) -> list[Recipe]:
    return [made[1] for made in service.thumbnails if made[2] is not None]


def test_the_pad_is_closed_at_first_and_remembered(start: Open, picture: Path, tmp_path: Path) -> None:
    first = start(picture)
    until(first, lambda: first.window._workspace.session.item)
    pad, height = find(first, Pad, "pad"), first.window.adjust.sizeHint().height()
    assert not pad.isVisible()
    open_pad(first)
    assert pad.isVisible()
    assert first.window.adjust.sizeHint().height() > height + 150
    first.close()
    second = start(picture, on=FakeService(tmp_path))
    until(second, lambda: find(second, Pad, "pad").isVisible())
    find(second, QPushButton, "padButton").click()
    assert second.window.adjust.sizeHint().height() == height


def test_a_model_that_ignores_alpha_or_beta_has_no_pad(styled: Application) -> None:
    pad, button = find(styled, Pad, "pad"), find(styled, QPushButton, "padButton")
    styled.window.adjust.show_model(ModelCard("other", "Other", controls=("alpha", "strength")))
    assert not pad.isVisible()
    assert not button.isVisible()
    styled.window.adjust.show_model(ModelCard("archivist-1", "Archivist 1"))
    assert pad.isVisible()
    assert button.isVisible()


def test_one_drag_over_the_pad_sets_both_and_is_one_step(styled: Application) -> None:
    pad = find(styled, Pad, "pad")
    drag(pad, (0.5, 0.5), (0.6, 0.6), (0.8, 0.7), (0.9, 0.2))
    assert recipe(styled).alpha == pytest.approx(6.3, rel=0.06)
    assert recipe(styled).beta == pytest.approx(0.25, rel=0.06)
    assert slider(styled, "alpha").exact == recipe(styled).alpha
    assert slider(styled, "beta").exact == recipe(styled).beta
    assert len(history(styled)) == 2
    assert history(styled)[1].startswith("Pad α 6.")
    trigger(styled, "undo")
    assert (recipe(styled).alpha, recipe(styled).beta) == (1.0, 1.0)
    assert pad.position == (STEPS // 2, STEPS // 2)
    trigger(styled, "redo")
    assert recipe(styled).beta == pytest.approx(0.25, rel=0.06)


def test_the_handle_follows_the_sliders(styled: Application) -> None:
    pad = find(styled, Pad, "pad")
    slider(styled, "alpha").setValue(800)
    slider(styled, "beta").setValue(100)
    assert pad.position == (800, 100)
    assert "0.16" in pad.accessibleDescription()


def test_the_lowest_row_is_off_and_the_edges_are_the_ends(styled: Application) -> None:
    pad = find(styled, Pad, "pad")
    drag(pad, (0.5, 0.5), (1.0, 1.0), (1.5, 1.5))
    assert (recipe(styled).alpha, recipe(styled).beta) == (10.0, 10.0)
    drag(pad, (1.0, 1.0), (0.0, 0.0), (-0.5, -0.5))
    assert (recipe(styled).alpha, recipe(styled).beta) == (0.1, 0.0)
    assert slider(styled, "beta").value() == 0


def test_arrows_move_the_handle_shift_ten_times_and_ctrl_a_tenth_as_far(styled: Application) -> None:
    pad = find(styled, Pad, "pad")
    pad.setFocus()
    QTest.keyClick(pad, Qt.Key.Key_Right)
    assert pad.position == (510, 500)
    QTest.keyClick(pad, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert pad.position == (510, 600)
    QTest.keyClick(pad, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(pad, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert pad.position == (509, 599)
    assert len(history(styled)) == 2, "keys that follow each other closely are one step"


def test_ctrl_slows_the_hand_and_taking_the_handle_does_not_move_it(styled: Application) -> None:
    pad = find(styled, Pad, "pad")
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=place(pad, 0.5, 0.5) + QPoint(3, -3))
    assert (recipe(styled).alpha, recipe(styled).beta) == (1.0, 1.0)
    move(pad, place(pad, 0.9, 0.5) + QPoint(3, -3), Qt.KeyboardModifier.ControlModifier)
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=place(pad, 0.9, 0.5))
    across, up = pad.position
    assert across == pytest.approx(540, abs=4)
    assert up == 500


def test_a_double_click_goes_back_to_the_middle(styled: Application) -> None:
    pad = find(styled, Pad, "pad")
    drag(pad, (0.5, 0.5), (0.9, 0.9))
    QTest.mouseDClick(pad, Qt.MouseButton.LeftButton, pos=place(pad, 0.9, 0.9))
    assert (recipe(styled).alpha, recipe(styled).beta) == (1.0, 1.0)


def test_without_a_style_there_is_only_the_way_across_and_the_pad_says_why(opened: Application) -> None:
    pad = open_pad(opened)
    assert not pad.plane
    assert "No style is chosen" in pad.accessibleDescription()
    QTest.mouseClick(pad, Qt.MouseButton.LeftButton, pos=QPoint(pad.width() - 30, 5))
    assert recipe(opened).alpha > 5
    assert recipe(opened).beta == 0.0
    QTest.keyClick(pad, Qt.Key.Key_Up)
    assert recipe(opened).beta == 0.0
    choose(opened, "cyanotype")
    assert "look of the style 1.00" in pad.accessibleDescription()
    QTest.keyClick(pad, Qt.Key.Key_Up)
    assert recipe(opened).beta > 1.0


def test_the_corners_show_the_ends_of_alpha_and_beta(styled: Application, service: FakeService) -> None:
    shown = styled.window._workspace.corners
    until(styled, lambda: shown.frame(Corner.FAITHFUL_STYLED))
    asked = [(made.alpha, made.beta, made.style) for made in corner_recipes(service)]
    assert asked == [(0.1, 0, None), (10, 0, None), (0.1, 10, "cyanotype"), (10, 10, "cyanotype")]
    frames = [shown.frame(corner) for corner in Corner]
    brightness = [frame.pixels.mean() for frame in frames if frame is not None]
    assert len(brightness) == 4
    assert brightness[0] < brightness[1], "the fake brightens with alpha"
    assert brightness[0] < brightness[2], "and with beta"


def test_the_corners_rest_while_the_hand_moves_and_follow_the_style(styled: Application, service: FakeService) -> None:
    until(styled, lambda: len(corner_recipes(service)) == 4)
    pad = find(styled, Pad, "pad")
    drag(pad, (0.5, 0.5), (0.6, 0.7), (0.7, 0.2))
    slider(styled, "alpha").setValue(300)
    styled.spin(0.6)
    assert len(corner_recipes(service)) == 4
    slider(styled, "strength").setValue(500)
    styled.spin(0.1)
    assert len(corner_recipes(service)) == 4, "not at each tick"
    until(styled, lambda: len(corner_recipes(service)) == 8)
    assert {made.strength for made in corner_recipes(service)[4:]} == {0.5}
    slider(styled, "strength").setValue(1000)
    styled.spin(0.6)
    assert len(corner_recipes(service)) == 8, "what was rendered is kept"
    choose(styled, "albumen")
    styled.spin(0.1)
    assert len(corner_recipes(service)) == 8
    until(styled, lambda: len(corner_recipes(service)) == 10)
    styled.spin(0.5)
    assert [made.style for made in corner_recipes(service)[8:]] == ["albumen"] * 2, "without beta all styles are one"


def test_without_a_style_two_corners_are_rendered_and_a_closed_pad_renders_none(
    opened: Application, service: FakeService
) -> None:
    opened.spin(0.5)
    assert corner_recipes(service) == []
    open_pad(opened)
    until(opened, lambda: len(corner_recipes(service)) == 2)
    assert {(made.alpha, made.beta, made.style) for made in corner_recipes(service)} == {(0.1, 0, None), (10, 0, None)}
    find(opened, QPushButton, "padButton").click()
    choose(opened, "cyanotype")
    opened.spin(0.6)
    assert len(corner_recipes(service)) == 2


def test_another_image_has_its_own_corners(start: Open, service: FakeService, picture: Path, tmp_path: Path) -> None:
    application = start(picture, save_picture(tmp_path / "second.png", 320, 200, seed=4))
    until(application, lambda: application.window._workspace.document.view)
    open_pad(application)
    shown = application.window._workspace.corners
    until(application, lambda: shown.frame(Corner.FAITHFUL))
    application.window._workspace.session.step(1)
    assert shown.frame(Corner.FAITHFUL) is None
    until(application, lambda: shown.frame(Corner.FAITHFUL))
    frame = shown.frame(Corner.FAITHFUL)
    assert frame is not None
    assert frame.request.image == application.window._workspace.document.image


@pytest.mark.parametrize(
    ("view", "piece", "size"),
    [
        (View(Region(0, 0, 4000, 3000), 0.2), Region(1860, 1410, 280, 180), 140),  # fitted: half size
        (View(Region(100, 100, 1000, 800), 0.8), Region(512, 444, 175, 112), 140),
        (View(Region(50, 50, 90, 60), 8.0), Region(50, 50, 90, 60), 90),  # no more than is seen
        (View(Region(0, 0, 2000, 1000), 2.0), Region(930, 455, 140, 90), 140),
    ],
)
def test_a_corner_shows_the_middle_of_the_view_at_half_size_or_larger(view: View, piece: Region, size: int) -> None:
    assert corners.COARSEST == 0.5
    assert piece_of(view, (140, 90)) == (piece, size)
