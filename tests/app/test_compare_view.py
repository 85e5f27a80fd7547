"""The viewer's geometry as promises, and the hands on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from archivist_app.app import Application
from archivist_app.views.compare_view import CompareView
from archivist_app.views.modes import Mode
from archivist_app.views.viewport import ZOOM_LIMIT, Viewport
from engine.types import Region

lengths = st.integers(1, 40_000)
panes = st.tuples(st.integers(1, 4000), st.integers(1, 3000))
viewports = st.builds(lambda w, h, pane: Viewport((w, h), pane).fit(), lengths, lengths, panes)
zooms = st.floats(0.001, 100)
places = st.tuples(st.floats(0, 1), st.floats(0, 1))


def seen(compare: CompareView) -> Viewport:
    assert compare.viewport is not None
    return compare.viewport


@given(viewports, zooms, places, st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_whatever_is_done_some_of_the_image_stays_visible(
    viewport: Viewport, zoom: float, place: tuple[float, float], dx: float, dy: float
) -> None:
    at = (place[0] * viewport.pane[0], place[1] * viewport.pane[1])
    moved = viewport.zoomed(zoom, at).panned(dx, dy)
    region = moved.visible
    assert region.width >= 1
    assert region.height >= 1
    assert region.intersect(Region(0, 0, *moved.image)) == region
    assert moved.lowest_zoom <= moved.zoom <= ZOOM_LIMIT


@given(st.floats(0.6, 8), st.integers(0, 799), st.integers(0, 599))
def test_the_wheel_keeps_what_is_under_the_cursor(zoom: float, x: int, y: int) -> None:
    viewport = Viewport((3000, 2000), (800, 600)).fit().zoomed(0.5)

    def master(v: Viewport) -> tuple[float, float]:
        return ((x - v.pane[0] / 2) / v.zoom + v.centre[0], (y - v.pane[1] / 2) / v.zoom + v.centre[1])

    assert master(viewport.zoomed(zoom, (x, y))) == pytest.approx(master(viewport), abs=1e-6)


@given(viewports)
def test_a_fitted_image_lies_wholly_on_the_pane(viewport: Viewport) -> None:
    rect = viewport.image_rect
    assert rect.left >= -1
    assert rect.top >= -1
    assert rect.right <= viewport.pane[0] + 1
    assert rect.bottom <= viewport.pane[1] + 1
    assert viewport.visible == Region(0, 0, *viewport.image)


def test_neighbouring_regions_leave_no_gap_at_any_zoom() -> None:
    for zoom in (0.23, 0.5, 0.77, 1.0, 1.3):
        viewport = Viewport((3000, 2000), (800, 600)).fit().zoomed(zoom)
        left, right = viewport.rect_of(Region(512, 0, 512, 512)), viewport.rect_of(Region(1024, 0, 512, 512))
        assert left.right == right.left


def test_zoom_stays_when_stepping_between_images() -> None:
    viewport = Viewport((3000, 2000), (800, 600)).fit().zoomed(1.0).panned(-400, 0)
    other = viewport.of((1500, 1000))
    assert other.zoom == 1.0
    assert other.centre[0] / 1500 == pytest.approx(viewport.centre[0] / 3000, abs=0.02)
    assert Viewport((3000, 2000), (800, 600)).fit().of((100, 100)).fitted


def test_the_divider_is_dragged_and_its_handle_turns_it(opened: Application) -> None:
    compare = opened.window.compare
    middle = compare.rect().center()
    away = QPoint(middle.x(), 20)
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=away)
    QTest.mouseMove(compare, QPoint(100, 20))
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=QPoint(100, 20))
    assert compare._divider == pytest.approx(100 / compare.width())
    assert compare._upright
    QTest.mouseClick(compare, Qt.MouseButton.LeftButton, pos=QPoint(100, middle.y()))
    assert not compare._upright


def test_dragging_pans_and_middle_click_cycles_the_zoom(opened: Application) -> None:
    compare = opened.window.compare
    for expected in (1.0, 2.0):
        QTest.mouseClick(compare, Qt.MouseButton.MiddleButton)
        assert seen(compare).zoom == expected
    before = seen(compare).centre
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    QTest.mouseMove(compare, QPoint(90, 70))
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=QPoint(90, 70))
    assert seen(compare).centre == (before[0] - 20, before[1] - 10)
    QTest.mouseClick(compare, Qt.MouseButton.MiddleButton)
    assert seen(compare).fitted


def test_backslash_shows_the_original_while_it_is_held_wherever_the_focus_is(opened: Application) -> None:
    window = opened.window
    for place in (window.compare, window.filmstrip, window.gallery, window.adjust.rows["alpha"].slider):
        place.setFocus()
        QTest.keyPress(place, Qt.Key.Key_Backslash)
        assert window.compare._original, place
        QTest.keyRelease(place, Qt.Key.Key_Backslash)
        assert not window.compare._original, place


def test_side_by_side_shares_one_zoom_and_escape_leads_back(opened: Application) -> None:
    compare = opened.window.compare
    opened.window.actions_.modes[Mode.SIDE].trigger()
    assert opened.window.actions_.rotate.isEnabled() is False
    assert seen(compare).pane[0] == (compare.width() - 2) // 2
    assert opened.window.actions_.modes[Mode.SIDE].isChecked()
    QTest.keyClick(compare, Qt.Key.Key_Escape)
    assert seen(compare).pane[0] == compare.width()
    assert not opened.window.actions_.modes[Mode.SIDE].isChecked()


def test_key_nine_cycles_the_surround(opened: Application) -> None:
    theme = opened.window._theme
    seen = []
    for _ in range(3):
        QTest.keyClick(opened.window, Qt.Key.Key_9)
        seen.append(theme.tokens.name)
    assert seen == ["Black", "White", "Grey"]
