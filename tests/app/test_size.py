"""The size of the result: chosen in the panel, seen at its own pixels, refused in words where it cannot be."""

from __future__ import annotations

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QWidget

from archivist_app.app import Application
from archivist_app.views.pixels import to_image
from archivist_app.views.scenes import status_of
from archivist_app.views.size_control import REASON
from engine.types import Frame, ModelCard, Recipe, RenderRequest
from tests.app.conftest import find, trigger, until


def recipe(application: Application) -> Recipe:
    return application.window._workspace.document.recipe


def reason_shown(application: Application) -> bool:
    texts = find(application, QWidget, "scaleControl").findChildren(QLabel)
    return any(text.isVisible() and text.toolTip() == REASON for text in texts)


def test_a_size_is_one_step_that_can_be_undone(opened: Application) -> None:
    buttons = opened.window.adjust.size_control.buttons
    buttons[4].click()
    assert recipe(opened).scale == 4
    assert buttons[4].isChecked()
    trigger(opened, "undo")
    assert recipe(opened).scale == 1
    assert buttons[1].isChecked()


def test_repairing_damage_only_keeps_the_size_and_says_why(opened: Application) -> None:
    adjust = opened.window.adjust
    adjust.size_control.buttons[2].click()
    adjust._scopes["damage"].click()
    assert recipe(opened) == Recipe(scope="damage")
    assert not any(button.isEnabled() for button in adjust.size_control.buttons.values())
    assert adjust.size_control.buttons[2].toolTip() == REASON
    assert reason_shown(opened)
    adjust._scopes["whole"].click()
    assert all(button.isEnabled() for button in adjust.size_control.buttons.values())
    assert not reason_shown(opened)
    trigger(opened, "undo")
    trigger(opened, "undo")
    assert recipe(opened) == Recipe(scale=2)


def test_a_model_that_does_not_enlarge_offers_no_size(opened: Application) -> None:
    opened.window.adjust.show_model(ModelCard("small", "Small"))
    assert not find(opened, QWidget, "scaleControl").isVisible()
    opened.window.adjust.show_model(ModelCard("large", "Large", scale=4))
    assert find(opened, QWidget, "scaleControl").isVisible()


def test_the_enlarged_result_is_shown_pixel_by_pixel_at_its_own_size(opened: Application) -> None:
    frames: list[Frame] = []
    shown: list[RenderRequest] = []
    opened.window._workspace.rendering.frame_ready.connect(frames.append)
    compare = opened.window.compare
    compare.frame_shown.connect(shown.append)
    opened.window.adjust.size_control.buttons[2].click()
    compare.zoom_to(2.0)
    until(opened, lambda: shown and shown[-1].quality == "refine" and shown[-1].view.scale == 2.0)
    frame = frames[-1]
    assert frame.exact
    assert frame.pixels.shape[1] == 2 * frame.region.width
    assert compare.viewport is not None
    grabbed = compare.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    where = compare.viewport.rect_of(frame.region)
    x, y = compare.width() * 3 // 4, where.top + where.height // 3  # right of the divider, clear of the labels
    expected = to_image(frame.pixels)
    for dx in range(20):
        assert grabbed.pixel(x + dx, y) == expected.pixel(x + dx - where.left, y - where.top)


def test_what_is_shown_smaller_than_the_result_is_called_a_preview(opened: Application) -> None:
    shown: list[RenderRequest] = []
    compare = opened.window.compare
    compare.frame_shown.connect(shown.append)
    opened.window.adjust.size_control.buttons[2].click()
    for zoom, word in ((1.0, "Preview"), (2.0, "as exported")):
        compare.zoom_to(zoom)
        until(opened, lambda: shown and shown[-1].quality == "refine" and compare.viewport is not None)
        until(opened, lambda: shown[-1].view == compare.viewport.view if compare.viewport else False)
        until(opened, lambda: not compare._busy)
        now = compare._situation()
        assert now is not None
        assert word in status_of(now)
