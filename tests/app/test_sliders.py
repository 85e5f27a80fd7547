"""From the hand on a slider to the pixels on screen, and back by undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSlider, QApplication, QPushButton

from archivist_app.app import Application
from archivist_app.views.adjust_panel import CONTROLS
from archivist_app.views.value_slider import STEPS, LogScale, PercentScale, ValueSlider
from engine.types import CONSERVATOR, MODERN, Recipe, RenderRequest
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService


def slider(application: Application, name: str) -> ValueSlider:
    assert find(application, QAbstractSlider, f"{name}Slider")
    return find(application, ValueSlider, f"{name}Slider")


def recipe(application: Application) -> Recipe:
    item = application.window._workspace.session.item
    assert item is not None
    return item.recipe


def undo_texts(application: Application) -> list[str]:
    stack = application.window._workspace.session.history.activeStack()
    assert stack is not None
    return [stack.text(number) for number in range(stack.count())]


def drag(target: ValueSlider, *shares: float) -> None:
    """Press at the first share of the width, move over the others, release."""
    points = [QPoint(round(target.width() * share), target.height() // 2) for share in shares]
    QTest.mousePress(target, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        where = QPointF(point)
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            where,
            target.mapToGlobal(where),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(target, event)
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, pos=points[-1])


def wheel(target: ValueSlider, notches: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    middle = QPointF(target.rect().center())
    event = QWheelEvent(
        middle,
        target.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)


def test_last_slider_position_is_always_shown(start: Open, picture: Path, tmp_path: Path) -> None:
    service = FakeService(tmp_path, Costs(draft=0.02))
    application = start(picture, on=service)
    shown: list[RenderRequest] = []
    application.window.compare.frame_shown.connect(shown.append)
    until(application, lambda: shown)
    alpha = slider(application, "alpha")
    for position in range(0, STEPS + 1, 25):
        alpha.setValue(position)
        application.spin(0.005)
    until(application, lambda: shown[-1].recipe.alpha == 10.0 and shown[-1].quality == "refine")
    drafts = [request for request in shown if request.quality == "draft"]
    assert len({request.recipe.alpha for request in drafts}) > 5, "pixels follow the hand, not only its end"
    generations = [request.generation for request in shown]
    assert generations == sorted(generations), "nothing older replaces what is newer"


def test_one_drag_is_one_undo_step(opened: Application) -> None:
    alpha = slider(opened, "alpha")
    drag(alpha, 0.5, 0.6, 0.7, 0.8)
    first = recipe(opened).alpha
    assert first > 2
    drag(alpha, 0.8, 0.3)
    assert recipe(opened).alpha < 1
    assert len(undo_texts(opened)) == 2
    trigger(opened, "undo")
    assert recipe(opened).alpha == first
    trigger(opened, "undo")
    assert recipe(opened).alpha == 1.0
    assert slider(opened, "alpha").value() == STEPS // 2
    trigger(opened, "redo")
    assert recipe(opened).alpha == first


def test_a_drag_that_ends_where_it_began_is_no_step(opened: Application) -> None:
    drag(slider(opened, "strength"), 0.6, 0.4, 1.0)
    assert recipe(opened).strength == 1.0
    assert undo_texts(opened) == []


def test_double_click_resets(opened: Application) -> None:
    alpha = slider(opened, "alpha")
    drag(alpha, 0.9)
    assert recipe(opened).alpha > 5
    QTest.mouseDClick(alpha, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert recipe(opened).alpha == 1.0


def test_right_click_types_an_exact_number(opened: Application) -> None:
    row = opened.window.adjust.rows["alpha"]
    QTest.mouseClick(row.slider, Qt.MouseButton.RightButton)
    until(opened, row.field.hasFocus)
    QTest.keyClicks(row.field, "2.345")
    QTest.keyClick(row.field, Qt.Key.Key_Return)
    assert recipe(opened).alpha == 2.345
    row.field.setFocus()
    row.field.selectAll()
    QTest.keyClicks(row.field, "nonsense")
    QTest.keyClick(row.field, Qt.Key.Key_Return)
    assert recipe(opened).alpha == 2.345
    assert row.field.text() == "2.35"


def test_shift_moves_ten_times_as_far_and_ctrl_a_tenth(opened: Application) -> None:
    strength = slider(opened, "strength")
    strength.setValue(500)
    wheel(strength, 1)
    assert strength.value() == 510
    wheel(strength, -1, Qt.KeyboardModifier.ShiftModifier)
    assert strength.value() == 410
    wheel(strength, 1, Qt.KeyboardModifier.ControlModifier)
    assert strength.value() == 411
    QTest.keyClick(strength, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert strength.value() == 311


def test_choosing_a_style_switches_beta_on_and_no_style_switches_it_off(opened: Application) -> None:
    gallery = opened.window.gallery
    gallery.setCurrentIndex(gallery.model().index(2, 0))
    assert (recipe(opened).style, recipe(opened).beta) == ("cyanotype", 1.0)
    assert slider(opened, "beta").value() == STEPS // 2
    slider(opened, "beta").setValue(800)
    gallery.setCurrentIndex(gallery.model().index(1, 0))
    assert recipe(opened).beta == slider(opened, "beta").exact > 1
    gallery.setCurrentIndex(gallery.model().index(0, 0))
    assert (recipe(opened).style, recipe(opened).beta) == (None, 0.0)
    trigger(opened, "undo")
    assert gallery.currentIndex().row() == 1


def test_presets_are_one_click_and_one_step(opened: Application) -> None:
    for name, expected in (("conservator", CONSERVATOR), ("modern", MODERN), ("reset", Recipe())):
        find(opened, QPushButton, f"{name}Button").click()
        assert recipe(opened) == expected
    assert undo_texts(opened) == ["Preset Conservator", "Preset Modern", "Reset"]


@pytest.mark.parametrize("scale", [LogScale(0.1, 10), LogScale(0.1, 10, off=True), PercentScale()])
def test_every_position_is_a_value_that_leads_back_to_it(scale: LogScale | PercentScale) -> None:
    assert [scale.to_position(scale.to_value(position)) for position in range(STEPS + 1)] == list(range(STEPS + 1))


def test_the_ends_and_the_middle_are_the_documented_numbers() -> None:
    alpha, beta = (row.scale for row in CONTROLS[:2])
    assert [alpha.to_value(position) for position in (0, STEPS // 2, STEPS)] == [0.1, 1.0, 10.0]
    assert [beta.to_value(position) for position in (0, STEPS // 2, STEPS)] == [0.0, 1.0, 10.0]
    assert beta.to_value(1) >= 0.1
    assert beta.text(0.0) == "off"
    assert replace(Recipe(), alpha=alpha.parse("1000"), beta=beta.parse("0.02")) == Recipe(alpha=10, beta=0.02)


def test_a_double_click_is_one_undo_step_with_the_press_before_it(opened: Application) -> None:
    alpha = slider(opened, "alpha")
    QTest.mouseClick(alpha, Qt.MouseButton.LeftButton, pos=QPoint(round(alpha.width() * 0.8), alpha.height() // 2))
    assert recipe(opened).alpha > 2
    opened.spin(0.6)  # the end of that gesture
    place = QPoint(round(alpha.width() * 0.2), alpha.height() // 2)
    QTest.mouseClick(alpha, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(alpha, Qt.MouseButton.LeftButton, pos=place)
    assert recipe(opened).alpha == 1.0
    assert len(undo_texts(opened)) == 2
    trigger(opened, "undo")
    assert recipe(opened).alpha > 2
