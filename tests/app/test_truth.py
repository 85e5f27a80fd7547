"""The photograph before it was aged, in place of the scan."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton, QWidget

from archivist_app.app import Application
from archivist_app.state import truth as truth_module
from archivist_app.views.scenes import Side
from engine.types import Region, View
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FakeService, save_picture


@pytest.fixture
def demo(start: Open) -> Application:
    """The demo on screen: its first two pictures have a truth, the third has none."""
    application = start()
    trigger(application, "demo")
    settled(application)
    return application


def settled(application: Application) -> None:
    """Wait until the image on screen is restored and refined."""
    compare, document = application.window.compare, application.window._workspace.document

    def refined() -> bool:
        layers = compare._layers
        here = layers is not None and layers.rendered and layers.overview.request.image == document.image
        return here and not compare._busy

    until(application, refined)


def action(application: Application) -> QAction:
    return find(application, QAction, "truthAction")


def button(application: Application) -> QToolButton:
    buttons = application.window.tools.findChildren(QToolButton)
    return next(button for button in buttons if button.defaultAction() is action(application))


def show_truth(application: Application) -> None:
    QTest.keyClick(application.window, Qt.Key.Key_G)
    until(application, lambda: shown(application).size)


def shown(application: Application) -> NDArray[np.uint8]:
    """The truth that the viewer holds, (height, width, 3) RGB; empty where it holds none."""
    picture = application.window.compare._truth
    return picture.array[..., 2::-1] if picture is not None else np.zeros((0, 0, 3), np.uint8)


def sides(application: Application) -> tuple[Side, Side]:
    compare = application.window.compare
    now = compare._situation()
    assert now is not None
    return now.sides


def grabbed(application: Application, left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
    """Pixels of the master at 1:1 as the viewer's first pane shows them, (height, width, 3) RGB."""
    compare = application.window.compare
    assert compare.viewport is not None
    assert compare.viewport.zoom == 1.0
    x, y = compare.viewport.origin
    image = compare.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    return pixels[y + top : y + top + height, x + left : x + left + width].copy()


def true_pixels(service: FakeService, name: str) -> NDArray[np.uint8]:
    with Image.open(service.root / "Demo.archivist" / "truth" / name) as picture:
        return np.asarray(picture.convert("RGB"))


def test_the_truth_is_offered_only_where_there_is_one(demo: Application) -> None:
    session = demo.window._workspace.session
    assert action(demo).isVisible()
    assert button(demo).isVisible()
    session.step(2)
    assert not action(demo).isVisible()
    assert not button(demo).isVisible()
    session.step(-1)
    assert button(demo).isVisible()


def test_in_the_narrowest_window_no_button_lies_on_another(demo: Application) -> None:
    demo.window.resize(demo.window.minimumSize())
    demo.spin(0.05)
    tools = demo.window.tools
    parts = [part for part in tools.findChildren(QWidget) if part.isVisible()]
    assert button(demo) in parts
    assert all(tools.rect().contains(part.geometry()) for part in parts)
    overlaps = [(a, b) for a, b in combinations(parts, 2) if a.geometry().intersects(b.geometry())]
    assert not overlaps


def test_an_image_of_ones_own_has_no_truth_to_offer(opened: Application) -> None:
    assert not button(opened).isVisible()
    QTest.keyClick(opened.window, Qt.Key.Key_G)
    assert not action(opened).isChecked()
    assert sides(opened) == ("before", "after")


@pytest.mark.parametrize("mode", ["split", "side"])
def test_key_g_shows_exactly_the_pixels_of_the_truth_at_one_to_one(
    demo: Application, service: FakeService, mode: str
) -> None:
    trigger(demo, mode)
    demo.window.compare.zoom_to(1.0)
    settled(demo)
    here = (4, 60, 60, 50)  # left of the divider, below the label
    scan = grabbed(demo, *here)
    show_truth(demo)
    expected = true_pixels(service, "demo-0.png")[60:110, 4:64]
    assert sides(demo) == ("truth", "after")
    assert np.array_equal(grabbed(demo, *here), expected)
    assert not np.array_equal(scan, expected)
    QTest.keyClick(demo.window, Qt.Key.Key_G)
    assert sides(demo) == ("before", "after")
    assert np.array_equal(grabbed(demo, *here), scan)


def test_the_label_says_what_is_shown(demo: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    labels: list[str] = []
    monkeypatch.setattr(
        "archivist_app.views.compare_painter._paint_label", lambda _painter, _ratio, text, *_: labels.append(text)
    )
    show_truth(demo)
    demo.window.compare.grab()
    assert labels[-2:] == ["Truth", "After"]
    demo.window.compare.swap()
    demo.window.compare.grab()
    assert labels[-2:] == ["After", "Truth"]
    demo.window.compare.hold_original(True)
    demo.window.compare.grab()
    assert labels[-1] == "Before · original", "the held key shows the scan, whatever it is compared with"


def test_the_truth_stays_chosen_from_image_to_image_until_one_has_none(demo: Application, service: FakeService) -> None:
    session = demo.window._workspace.session
    show_truth(demo)
    session.step(1)
    assert shown(demo).size == 0, "the truth of the image before is not shown for a moment"
    settled(demo)
    until(demo, lambda: shown(demo).size)
    assert np.array_equal(shown(demo), true_pixels(service, "demo-1.png"))
    session.step(1)
    settled(demo)
    assert not action(demo).isChecked()
    assert sides(demo) == ("before", "after")
    session.step(-1)
    settled(demo)
    assert not action(demo).isChecked()
    assert sides(demo) == ("before", "after")


def test_showing_the_truth_asks_the_engine_for_nothing(demo: Application, service: FakeService) -> None:
    asked = len(service.requests)
    show_truth(demo)
    demo.spin(0.3)
    assert len(service.requests) == asked


def test_a_large_truth_is_read_whole_only_when_somebody_looks_close(
    demo: Application, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth_module, "OVERVIEW", 80)
    demo.window._workspace.document.view = View(Region(0, 0, 160, 120), 0.25)
    show_truth(demo)
    assert shown(demo).shape == (60, 80, 3)
    demo.window.compare.zoom_to(1.0)
    until(demo, lambda: shown(demo).shape == (120, 160, 3))
    assert np.array_equal(shown(demo), true_pixels(service, "demo-0.png"))


@pytest.mark.parametrize("damage", ["another size", "unreadable"])
def test_a_truth_that_cannot_be_laid_over_is_told_and_withdrawn(
    demo: Application, service: FakeService, damage: str
) -> None:
    path = Path(service.root, "Demo.archivist", "truth", "demo-0.png")
    if damage == "unreadable":
        path.write_text("not a picture")
    else:
        save_picture(path, 150, 120)
    QTest.keyClick(demo.window, Qt.Key.Key_G)
    until(demo, lambda: demo.window.messages.faults)
    assert len(demo.window.messages.faults) == 1
    assert not button(demo).isVisible()
    assert sides(demo) == ("before", "after")
