"""The style gallery: looking for styles, favourites, trying without choosing, styles of one's own."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QModelIndex, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton, QWidget

from archivist_app.app import Application
from archivist_app.state import thumbnails
from archivist_app.state.style_search import matches
from archivist_app.state.styles_model import StyleRole
from archivist_app.views.style_gallery import StyleGallery
from archivist_app.views.style_panel import SearchField
from engine.types import ImageRef, Recipe, RenderRequest, StyleCard
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService, save_picture

CODE = (0.0,) * 64
WAVE = StyleCard("wave", "Hokusai, The Great Wave", "print", CODE, date="1831", source="a museum", licence="CC0")
CAFE = StyleCard("cafe", "Van Gogh, Café Terrace", "painting", CODE, date="1888")
SALT = StyleCard("salt", "Salt print", "process", CODE, date="1839–1860", source="simulated")
SILVER = StyleCard("silver", "Silver print", "process", CODE, date="1885–today", source="simulated")


@pytest.fixture
def rich(service: FakeService) -> FakeService:
    """More groups than processes; before any window opens."""
    service.more_styles += [WAVE, CAFE, SALT, SILVER]
    return service


def test_a_damaged_file_of_own_styles_is_named_when_the_window_opens(start: Open, service: FakeService) -> None:
    service.styles_broken = "“styles.json”, which holds your own styles, is damaged; restore it from a backup."
    assert start().window.messages.faults == (service.styles_broken,)


def gallery_of(application: Application) -> StyleGallery:
    return find(application, StyleGallery, "styleGallery")


def titles(application: Application) -> list[str]:
    model = gallery_of(application).model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def index_of(application: Application, title: str) -> QModelIndex:
    return gallery_of(application).model().index(titles(application).index(title), 0)


def recipe(application: Application) -> Recipe:
    return application.window._workspace.document.recipe


def steps(application: Application) -> int:
    stack = application.window._workspace.session.history.activeStack()
    assert stack is not None
    return stack.count()


def search(application: Application, text: str) -> SearchField:
    field = find(application, SearchField, "styleSearch")
    field.setFocus()
    QTest.keyClicks(field, text)
    return field


def show_group(application: Application, group: str) -> None:
    find(application, QPushButton, f"{group}StylesButton").click()


def place_of(application: Application, title: str) -> QPoint:
    gallery, index = gallery_of(application), index_of(application, title)
    gallery.scrollTo(index)
    return gallery.visualRect(index).center()


def star_of(application: Application, title: str) -> QPoint:
    place_of(application, title)
    gallery = gallery_of(application)
    return gallery._delegate.star_box(gallery.visualRect(index_of(application, title))).center()


def hover(application: Application, place: QPoint) -> None:
    pane = gallery_of(application).viewport()
    where, none = QPointF(place), Qt.MouseButton.NoButton
    move = QMouseEvent(
        QEvent.Type.MouseMove, where, pane.mapToGlobal(where), none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(pane, move)


def leave(application: Application) -> None:
    QApplication.sendEvent(gallery_of(application).viewport(), QEvent(QEvent.Type.Leave))


def click(application: Application, place: QPoint) -> None:
    QTest.mouseClick(gallery_of(application).viewport(), Qt.MouseButton.LeftButton, pos=place)


def shown_by(application: Application) -> list[RenderRequest]:
    shown: list[RenderRequest] = []
    application.window.compare.frame_shown.connect(shown.append)
    return shown


# looking for a style


def test_typing_narrows_the_styles_and_escape_shows_them_all_again(rich: FakeService, opened: Application) -> None:
    everything = titles(opened)
    assert everything[0] == "No style"
    assert len(everything) == 10
    field = search(opened, "hok")
    assert titles(opened) == ["Hokusai, The Great Wave"]
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""
    assert titles(opened) == everything


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("1888", [CAFE, SILVER]), ("1850", [SALT]), ("2020", [SILVER]), ("cafe terrace", [CAFE]), ("MUSEUM", [WAVE]),
        ("painting", [CAFE]), ("gogh wave", []), ("18", [WAVE, CAFE, SALT, SILVER]),
    ],
)  # fmt: skip
def test_words_are_looked_for_in_titles_dates_sources_and_a_year_in_what_was_in_use(
    query: str, found: list[StyleCard]
) -> None:
    assert [card for card in (WAVE, CAFE, SALT, SILVER) if matches(card, query)] == found


def test_each_group_has_its_own_styles(rich: FakeService, opened: Application) -> None:
    show_group(opened, "print")
    assert titles(opened) == ["No style", "Hokusai, The Great Wave"]
    show_group(opened, "painting")
    assert titles(opened) == ["No style", "Van Gogh, Café Terrace"]
    show_group(opened, "process")
    assert len(titles(opened)) == 8
    show_group(opened, "all")
    assert len(titles(opened)) == 10


def test_an_empty_result_says_why_and_offers_the_way_out(rich: FakeService, opened: Application) -> None:
    show_group(opened, "process")
    field = search(opened, "hokusai")
    text, way_out = find(opened, QLabel, "styleEmpty"), find(opened, QPushButton, "styleWayOut")
    assert text.isVisible()
    assert not gallery_of(opened).isVisible()
    assert "hokusai" in text.text()
    assert "one style of another group" in text.text()
    way_out.click()
    assert titles(opened) == ["Hokusai, The Great Wave"]
    assert gallery_of(opened).isVisible()
    QTest.keyClicks(field, "zzz")
    assert text.text() == "No style matches “hokusaizzz”."
    way_out.click()
    assert len(titles(opened)) == 10
    show_group(opened, "own")
    assert "No styles of your own yet" in text.text()
    show_group(opened, "favourite")
    assert "No favourites yet" in text.text()


def test_looking_for_a_style_never_chooses_one(rich: FakeService, opened: Application) -> None:
    gallery = gallery_of(opened)
    gallery.setCurrentIndex(index_of(opened, "Cyanotype"))
    assert recipe(opened).style == "cyanotype"
    field = search(opened, "hokusai")
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert gallery.hasFocus()
    field.clear()
    show_group(opened, "painting")
    show_group(opened, "all")
    assert recipe(opened).style == "cyanotype"
    assert steps(opened) == 1
    assert gallery.currentIndex().data() == "Cyanotype"


def test_ctrl_f_goes_to_the_search_and_down_to_what_was_found(rich: FakeService, opened: Application) -> None:
    trigger(opened, "findStyle")
    field = find(opened, SearchField, "styleSearch")
    assert field.hasFocus()
    QTest.keyClicks(field, "gogh")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(gallery_of(opened), Qt.Key.Key_Return)
    assert recipe(opened).style == "cafe"


def test_a_tool_tip_says_what_is_known_of_a_style(rich: FakeService, opened: Application) -> None:
    tip = index_of(opened, WAVE.title).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.split("\n") == ["Hokusai, The Great Wave", "1831", "Source: a museum", "Licence: CC0"]


# favourites


def test_a_click_on_the_star_keeps_a_style_first_and_chooses_nothing(opened: Application) -> None:
    hover(opened, star_of(opened, "Autochrome"))
    click(opened, star_of(opened, "Autochrome"))
    assert titles(opened)[:3] == ["No style", "Autochrome", "Albumen"]
    assert index_of(opened, "Autochrome").data(StyleRole.FAVOURITE)
    assert (recipe(opened), steps(opened)) == (Recipe(), 0)
    show_group(opened, "favourite")
    assert titles(opened) == ["No style", "Autochrome"]
    click(opened, star_of(opened, "Autochrome"))
    assert titles(opened) == []
    show_group(opened, "all")
    assert titles(opened)[1] == "Albumen"


def test_favourites_are_remembered_from_run_to_run(start: Open, picture: Path, tmp_path: Path) -> None:
    first = start(picture)
    until(first, lambda: first.window._workspace.session.item)
    gallery_of(first).setFocus()
    gallery_of(first).toggle_favourite(index_of(first, "Cyanotype"))
    first.close()
    second = start(picture, on=FakeService(tmp_path))
    assert titles(second)[:2] == ["No style", "Cyanotype"]


def test_f_gives_a_star_to_the_style_at_the_keys(opened: Application) -> None:
    gallery = gallery_of(opened)
    gallery.setFocus()
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    assert gallery.currentIndex().data() == "Cyanotype"
    QTest.keyClick(gallery, Qt.Key.Key_F)
    assert titles(opened)[1] == "Cyanotype"
    assert gallery.currentIndex().data() == "Cyanotype"
    QTest.keyClick(gallery, Qt.Key.Key_F)
    assert titles(opened)[1] == "Albumen"
    assert steps(opened) == 0


# trying


def test_resting_on_a_style_shows_it_and_leaving_brings_the_own_one_back(opened: Application) -> None:
    shown = shown_by(opened)
    hover(opened, place_of(opened, "Cyanotype"))
    until(opened, lambda: shown)
    assert (shown[-1].recipe.style, shown[-1].recipe.beta, shown[-1].quality) == ("cyanotype", 1.0, "draft")
    assert (recipe(opened), steps(opened)) == (Recipe(), 0)
    assert opened.window.compare._notice == "Trying “Cyanotype”"
    opened.spin(0.3)
    assert {request.quality for request in shown} == {"draft"}
    leave(opened)
    until(opened, lambda: shown[-1].quality == "refine")
    assert shown[-1].recipe == Recipe()
    assert opened.window.compare._notice == ""
    assert (recipe(opened), steps(opened)) == (Recipe(), 0)


def test_passing_over_styles_tries_none_of_them(opened: Application, service: FakeService) -> None:
    asked = len(service.requests)
    for title in ("Albumen", "Cyanotype", "Daguerreotype", "Gelatin silver"):
        hover(opened, place_of(opened, title))
        opened.spin(0.05)
    leave(opened)
    opened.spin(0.35)
    assert len(service.requests) == asked


def test_a_click_on_what_is_tried_chooses_it_in_one_step(opened: Application, service: FakeService) -> None:
    shown = shown_by(opened)
    hover(opened, place_of(opened, "Cyanotype"))
    until(opened, lambda: shown)
    before = len(service.requests)
    click(opened, place_of(opened, "Cyanotype"))
    assert (recipe(opened).style, steps(opened)) == ("cyanotype", 1)
    until(opened, lambda: shown[-1].quality == "refine")
    leave(opened)
    opened.spin(0.2)
    assert {request.recipe.style for request in service.requests[before:]} == {"cyanotype"}, "nothing flickers"


def test_arrows_try_escape_leaves_and_enter_chooses(opened: Application) -> None:
    shown, gallery = shown_by(opened), gallery_of(opened)
    gallery.setFocus()
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    until(opened, lambda: shown and shown[-1].recipe.style == "albumen")
    assert steps(opened) == 0
    QTest.keyClick(gallery, Qt.Key.Key_Escape)
    until(opened, lambda: shown[-1].recipe.style is None)
    assert gallery.currentIndex().data() == "No style"
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    QTest.keyClick(gallery, Qt.Key.Key_Return)
    assert (recipe(opened).style, steps(opened)) == ("cyanotype", 1)


def test_another_image_ends_a_trial(start: Open, picture: Path, tmp_path: Path) -> None:
    application = start(picture, save_picture(tmp_path / "second.png", 320, 200, seed=4))
    shown = shown_by(application)
    until(application, lambda: shown and shown[-1].quality == "refine")
    hover(application, place_of(application, "Cyanotype"))
    until(application, lambda: shown[-1].recipe.style == "cyanotype")
    application.window._workspace.session.step(1)
    until(application, lambda: shown[-1].image.path.endswith("second.png") and shown[-1].quality == "refine")
    assert shown[-1].recipe.style is None
    assert application.window.compare._notice == ""


# styles of one's own


def dropped(target: QWidget, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    middle, copy = target.rect().center(), Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(middle, copy, data, left, none)
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(target, QDropEvent(QPointF(middle), copy, data, left, none))


def test_a_picture_dropped_on_the_styles_becomes_one(opened: Application, tmp_path: Path) -> None:
    search(opened, "cyan")
    dropped(find(opened, QWidget, "stylePanel"), save_picture(tmp_path / "Dunes.png", 90, 60, seed=3))
    until(opened, lambda: "Dunes" in titles(opened))
    assert titles(opened) == ["No style", "Dunes"], "what would hide it steps aside"
    assert opened.window.messages.text.text() == "“Dunes” is now one of your styles."
    assert opened.window._workspace.jobs.jobs == ()
    assert steps(opened) == 0
    until(opened, lambda: index_of(opened, "Dunes").data(StyleRole.FRAME))
    click(opened, place_of(opened, "Dunes"))
    assert recipe(opened).style == "own-Dunes"


def test_while_a_picture_is_held_above_the_styles_they_say_what_dropping_does(opened: Application) -> None:
    panel, sign = find(opened, QWidget, "stylePanel"), find(opened, QWidget, "styleDropSign")
    data = QMimeData()
    data.setText("words are not welcome")
    middle, copy = panel.rect().center(), Qt.DropAction.CopyAction
    held = (data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(panel, QDragEnterEvent(middle, copy, *held))
    assert not sign.isVisible()
    data.setUrls([QUrl.fromLocalFile("/pictures/dunes.png")])
    QApplication.sendEvent(panel, QDragEnterEvent(middle, copy, *held))
    assert sign.isVisible()
    assert sign.size() == panel.size()


def test_wherever_on_the_styles_a_picture_is_dropped_the_panel_takes_it(opened: Application) -> None:
    panel = find(opened, QWidget, "stylePanel")
    for name in ("styleGallery", "styleSearch", "addStyleButton", "printStylesButton"):
        part = find(opened, QWidget, name)
        under: QWidget | None = panel.childAt(part.mapTo(panel, part.rect().center()))
        assert under is not None
        while under is not None and not under.acceptDrops():
            under = under.parentWidget()
        assert under is panel, name


def test_tab_goes_through_the_styles_from_top_to_bottom(opened: Application) -> None:
    find(opened, SearchField, "styleSearch").setFocus()
    for name in ("addStyleButton", "allStylesButton", "styleGallery"):
        QTest.keyClick(opened.window.focusWidget(), Qt.Key.Key_Tab)
        assert opened.window.focusWidget().objectName() == name
    groups = find(opened, QPushButton, "allStylesButton")
    groups.setFocus()
    QTest.keyClick(groups, Qt.Key.Key_Right)
    assert opened.window.focusWidget().objectName() == "processStylesButton"
    assert opened.window._workspace.styles.group == "process"


def test_what_is_no_picture_is_told_in_its_job(opened: Application, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir")
    dropped(find(opened, QWidget, "stylePanel"), letter)
    jobs = opened.window._workspace.jobs
    until(opened, lambda: jobs.jobs and not jobs.running)
    assert (jobs.jobs[0].state, jobs.jobs[0].name) == ("failed", "Style from letter.txt")
    assert "not an image" in jobs.jobs[0].text
    assert len(titles(opened)) == 6


def test_a_style_in_the_making_can_be_stopped(start: Open, picture: Path, tmp_path: Path) -> None:
    application = start(picture, on=FakeService(tmp_path, Costs(style=0.3)))
    until(application, lambda: application.window._workspace.session.item)
    own, jobs = application.window._workspace.own_styles, application.window._workspace.jobs
    own.add([str(save_picture(tmp_path / "a.png", 60, 60)), str(save_picture(tmp_path / "b.png", 60, 60))])
    until(application, lambda: len(jobs.jobs) == 2)
    jobs.cancel(jobs.jobs[1].number)
    until(application, lambda: not jobs.running)
    assert [job.state for job in jobs.jobs] == ["cancelled"]
    assert "a" in titles(application)
    assert "b" not in titles(application)


def answer_removal(application: Application, button: str) -> None:
    until(application, lambda: application.window.findChild(QMessageBox, "removeStyleQuestion"))
    question = find(application, QMessageBox, "removeStyleQuestion")
    found = question.findChild(QPushButton, button)
    assert found is not None
    found.click()


def test_only_a_style_of_one_s_own_can_be_removed_and_only_when_asked(
    service: FakeService, opened: Application
) -> None:
    service.more_styles.append(StyleCard("own-dunes", "Dunes", "own", CODE))
    model, gallery = opened.window._workspace.styles, gallery_of(opened)
    model.reload()
    model.set_favourite("own-dunes", True)
    gallery.setCurrentIndex(index_of(opened, "Dunes"))

    def entries(title: str) -> dict[str, QAction]:
        menu = gallery.menu_for(index_of(opened, title))
        return {action.text().split("\t")[0]: action for action in menu.actions()}

    assert "Remove this style…" not in entries("Cyanotype")
    assert "Remove this style…" not in entries("No style")
    entries("Dunes")["Remove this style…"].trigger()
    answer_removal(opened, "keepStyle")
    opened.spin(0.05)
    assert "Dunes" in titles(opened)
    gallery.setFocus()
    QTest.keyClick(gallery, Qt.Key.Key_Delete)
    answer_removal(opened, "removeStyle")
    until(opened, lambda: "Dunes" not in titles(opened))
    assert (recipe(opened).style, recipe(opened).beta) == (None, 0.0)
    assert opened.window._workspace.preferences.favourites == ()
    assert opened.window.messages.faults == ()


def test_removing_a_style_that_another_program_holds_does_not_stop_the_window(
    service: FakeService, opened: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = StyleCard("own-dunes", "Dunes", "own", CODE)
    service.more_styles.append(card)
    opened.window._workspace.styles.reload()
    free, remove = threading.Event(), service.remove_style

    def wait(style: str) -> None:
        assert free.wait(5)
        remove(style)

    monkeypatch.setattr(service, "remove_style", wait)
    opened.window._workspace.own_styles.remove(card)
    opened.spin(0.05)
    assert "Dunes" in titles(opened)
    free.set()
    until(opened, lambda: "Dunes" not in titles(opened))


# thumbnails


def asked_styles(service: FakeService, image: ImageRef | None = None) -> list[str | None]:
    return [made[1].style for made in service.thumbnails if image is None or made[0] == image]


def all_there(application: Application) -> bool:
    model = gallery_of(application).model()
    return all(model.index(row, 0).data(StyleRole.FRAME) for row in range(model.rowCount()))


def test_stepping_back_to_an_image_shows_its_thumbnails_at_once(
    start: Open, service: FakeService, picture: Path, tmp_path: Path
) -> None:
    application = start(picture, save_picture(tmp_path / "second.png", 320, 200, seed=4))
    session = application.window._workspace.session
    until(application, lambda: session.item and all_there(application))
    session.step(1)
    assert not all_there(application)
    until(application, lambda: all_there(application))
    asked = len(service.thumbnails)
    session.step(-1)
    assert all_there(application)
    application.spin(0.6)
    assert len(service.thumbnails) == asked


def test_what_is_in_view_is_rendered_first(start: Open, picture: Path, tmp_path: Path) -> None:
    service = FakeService(tmp_path, Costs(thumbnail=0.02))
    service.more_styles += [StyleCard(f"s{number}", f"Style {number}", "print", CODE) for number in range(60)]
    application = start(picture, on=service)
    application.window.resize(1280, 900)  # room for two rows of styles
    until(application, lambda: len(service.thumbnails) > 3)
    gallery = gallery_of(application)
    gallery.scrollToBottom()
    application.spin(0.01)
    before = len(service.thumbnails)
    until(application, lambda: len(service.thumbnails) >= before + 6)
    asked = asked_styles(service)
    assert asked[:3] == [None, "albumen", "cyanotype"]
    late = [int(style[1:]) for style in asked[before + 2 : before + 6] if style and style.startswith("s")]
    assert len(late) == 4
    assert min(late) > 45
    waiting = len(service.thumbnails) - len(application.window._workspace.thumbnails._frames)
    assert waiting <= thumbnails.AT_ONCE
    until(application, lambda: all_there(application))
    assert len(asked_styles(service)) == len(set(asked_styles(service))), "each is made once"


def test_another_image_drops_what_waits(start: Open, picture: Path, tmp_path: Path) -> None:
    service = FakeService(tmp_path, Costs(thumbnail=0.05))
    application = start(picture, save_picture(tmp_path / "second.png", 320, 200, seed=4), on=service)
    session = application.window._workspace.session
    until(application, lambda: service.thumbnails)
    first = service.thumbnails[0][0]
    session.step(1)
    until(application, lambda: all_there(application))
    assert len(asked_styles(service, first)) <= thumbnails.AT_ONCE + 1
    assert len(asked_styles(service, session.document.image)) == 6


def test_the_thumbnails_kept_are_bounded_and_the_oldest_go(
    opened: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(opened, lambda: all_there(opened))
    kept = opened.window._workspace.thumbnails
    one = next(iter(kept._frames.values()))
    assert one.before is one.pixels
    monkeypatch.setattr(thumbnails, "KEPT_BYTES", 3 * one.pixels.nbytes)
    oldest, *others = list(kept._frames)
    assert kept.frame(oldest) is not None, "looked at: now it is the newest"
    kept._keep(others[-1], one)
    assert list(kept._frames) == [others[-2], oldest, others[-1]]
    assert kept._bytes == 3 * one.pixels.nbytes
    assert np.shares_memory(kept._frames[others[-1]].pixels, one.pixels)
