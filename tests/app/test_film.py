"""Stars, decisions, notes, settings for many: on the real filmstrip."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QListWidget, QPushButton, QToolButton

from archivist_app.app import Application
from archivist_app.state.filmstrip_filter import Order, Which
from archivist_app.state.filmstrip_model import FilmRole
from engine.types import ProjectItem
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import save_picture

NAMES = ("c.png", "a.png", "b.png")


@pytest.fixture
def three(start: Open, tmp_path: Path) -> Application:
    paths = [save_picture(tmp_path / name, 90, 60, seed=number) for number, name in enumerate(NAMES)]
    application = start(*paths)
    until(application, lambda: application.window.filmstrip.model().rowCount() == len(NAMES))
    application.spin(0.05)
    return application


def shown(application: Application) -> list[str]:
    model = application.window.filmstrip.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def item(application: Application, name: str) -> ProjectItem:
    model = application.window._workspace.session.filmstrip
    rows = [model.index(row) for row in range(model.rowCount())]
    found: ProjectItem = next(row.data(FilmRole.ITEM) for row in rows if row.data() == name)
    return found


def select(application: Application, *names: str) -> None:
    strip = application.window.filmstrip
    for row, name in enumerate(shown(application)):
        if name in names:
            strip.selectionModel().select(strip.model().index(row, 0), QItemSelectionModel.SelectionFlag.Select)


def on_screen(application: Application) -> str:
    current = application.window._workspace.session.item
    assert current is not None
    return Path(current.source.path).name


def test_keys_rate_and_decide_and_undo_takes_it_back(three: Application) -> None:
    window, name = three.window, on_screen(three)
    QTest.keyClick(window.compare, Qt.Key.Key_4)
    QTest.keyClick(window.compare, Qt.Key.Key_A)
    assert (item(three, name).stars, item(three, name).decision) == (4, "approved")
    QTest.keyClick(window.compare, Qt.Key.Key_R)
    assert item(three, name).decision == "rejected"
    QTest.keyClick(window.compare, Qt.Key.Key_R)
    assert item(three, name).decision == ""
    for _ in range(4):
        trigger(three, "undo")
    assert (item(three, name).stars, item(three, name).decision) == (0, "")
    trigger(three, "redo")
    assert item(three, name).stars == 4


def test_what_was_decided_is_on_disk_after_closing(three: Application, tmp_path: Path) -> None:
    name = on_screen(three)
    trigger(three, "approve")
    note = find(three, QLineEdit, "noteEdit")
    QTest.keyClicks(note, "print no. 7")
    QTest.keyClick(note, Qt.Key.Key_Return)
    three.close()
    saved = [json.loads(path.read_text()) for path in (tmp_path / "documents").rglob("*.json")]
    assert any(name in json.dumps(s) and "approved" in json.dumps(s) and "print no. 7" in json.dumps(s) for s in saved)


def test_several_images_are_decided_as_one_step(three: Application) -> None:
    first = on_screen(three)
    select(three, *NAMES)
    trigger(three, "stars3")
    assert [item(three, name).stars for name in NAMES] == [3, 3, 3]
    assert on_screen(three) == first
    trigger(three, "undo")
    assert [item(three, name).stars for name in NAMES] == [0, 0, 0]


def test_settings_are_pasted_onto_the_selection_and_each_keeps_its_own_mask(three: Application) -> None:
    window, session = three.window, three.window._workspace.session
    assert not window.actions_.paste_settings.isEnabled()
    window.adjust.rows["alpha"].slider.setValue(900)
    copied = session.document.recipe
    trigger(three, "copySettings")
    other = item(three, next(name for name in NAMES if name != on_screen(three)))
    session.decide([replace(other, recipe=replace(other.recipe, mask="f" * 64))], "Mask")
    select(three, *NAMES)
    trigger(three, "pasteSettings")
    assert {item(three, name).recipe.alpha for name in NAMES} == {copied.alpha}
    assert item(three, Path(other.source.path).name).recipe.mask == "f" * 64


def test_undoing_a_decision_leaves_what_was_changed_elsewhere_since(three: Application) -> None:
    session = three.window._workspace.session
    select(three, *NAMES)
    trigger(three, "approve")
    other = item(three, next(name for name in NAMES if name != on_screen(three)))
    session._put({other.uuid: {"stars": 5}}, {other.uuid: {"stars": 0}})
    trigger(three, "undo")
    assert item(three, Path(other.source.path).name).stars == 5
    assert item(three, Path(other.source.path).name).decision == ""


def test_the_strip_shows_what_is_wished_for_in_the_order_wished_for(three: Application) -> None:
    film, session = three.window.film, three.window._workspace.session
    assert shown(three) == list(NAMES)
    film._want(order=Order.NAME)
    assert shown(three) == sorted(NAMES)
    session.decide([replace(item(three, "b.png"), stars=5, decision="approved", note="Harbour")], "x")
    film._want(order=Order.STARS)
    assert shown(three) == ["b.png", "c.png", "a.png"]
    film._want(which=Which.APPROVED)
    assert shown(three) == ["b.png"]
    film._want(which=Which.ALL, order=Order.PROJECT)
    QTest.keyClicks(film.search, "HARB")
    assert shown(three) == ["b.png"]
    assert film.count.text() == "1 of 3 images"
    QTest.keyClicks(film.search, "xyz")
    assert film.nothing.isVisible()
    assert not film.strip.isVisible()
    film._want(least_stars=3)
    QTest.mouseClick(find(three, QPushButton, "showAllImages"), Qt.MouseButton.LeftButton)
    assert shown(three) == list(NAMES)
    assert film.strip.isVisible()
    assert not film.nothing.isVisible()


def test_stepping_follows_the_shown_order(three: Application) -> None:
    three.window.film._want(order=Order.NAME)
    session = three.window._workspace.session
    while on_screen(three) != "a.png":
        session.step(-1)
    session.step(1)
    assert on_screen(three) == "b.png"
    assert three.window.filmstrip.currentIndex().data() == "b.png"


def test_every_filter_entry_of_the_menu_does_what_it_says(three: Application) -> None:
    menu = find(three, QToolButton, "filmFilter").menu()
    assert menu is not None
    entries = [action for action in menu.actions() if action.isCheckable()]
    assert len(entries) == len(Which) + len(Order) + 6
    for entry in entries:
        entry.trigger()
        for name, value in entry.data().items():
            assert getattr(three.window._workspace.session.shown.wish, name) == value


def test_marks_are_painted_where_something_was_decided(three: Application) -> None:
    strip = three.window.filmstrip

    def picture(row: int) -> QImage:
        return strip.viewport().grab(strip.visualRect(strip.model().index(row, 0))).toImage()

    before = picture(1)
    session = three.window._workspace.session
    session.decide([replace(item(three, "a.png"), decision="rejected", stars=2)], "x")
    three.spin(0.05)
    assert picture(1) != before
    assert strip.model().index(1, 0).data(Qt.ItemDataRole.AccessibleDescriptionRole) == "rejected, 2 stars"


def test_snapshots_are_taken_renamed_used_and_removed_and_all_of_it_is_undone(opened: Application) -> None:
    window, session = opened.window, opened.window._workspace.session
    listed = find(opened, QListWidget, "snapshotList")
    assert not listed.isVisible()
    window.adjust.rows["alpha"].slider.setValue(900)
    kept = session.document.recipe
    trigger(opened, "snapshot")
    assert listed.isVisible()
    listed.item(0).setText("Faithful")
    trigger(opened, "snapshot")
    assert [listed.item(row).text() for row in range(listed.count())] == ["Faithful", "Snapshot 1"]
    listed.item(1).setText("Faithful")  # taken
    assert listed.item(1).text() == "Snapshot 1"
    window.adjust.rows["alpha"].slider.setValue(100)
    listed.setCurrentRow(0)
    QTest.keyClick(listed, Qt.Key.Key_Return)
    assert session.document.recipe == kept
    QTest.keyClick(listed, Qt.Key.Key_Delete)
    assert listed.count() == 1
    for count in (2, 2, 2, 1, 1, 0):  # removed, used, dragged, taken, renamed, taken
        trigger(opened, "undo")
        assert listed.count() == count


def test_settings_are_applied_to_the_selection_as_one_step(three: Application) -> None:
    three.window.adjust.rows["alpha"].slider.setValue(900)
    alpha = item(three, on_screen(three)).recipe.alpha
    select(three, *NAMES)
    trigger(three, "applySettings")
    assert {item(three, name).recipe.alpha for name in NAMES} == {alpha}
    trigger(three, "undo")
    assert sorted(item(three, name).recipe.alpha for name in NAMES) == [1.0, 1.0, alpha]


def test_undoing_settings_that_were_applied_leaves_images_that_were_tuned_since(three: Application) -> None:
    session = three.window._workspace.session
    told: list[str] = []
    session.noticed.connect(told.append)
    three.window.adjust.rows["alpha"].slider.setValue(900)
    first = on_screen(three)
    tuned, masked = (item(three, name) for name in NAMES if name != first)
    select(three, *NAMES)
    trigger(three, "applySettings")
    now = item(three, Path(tuned.source.path).name).recipe
    session._put({tuned.uuid: {"recipe": replace(now, alpha=7.0)}}, {tuned.uuid: {"recipe": now}})
    session._put({masked.uuid: {"recipe": replace(now, mask="f" * 64)}}, {masked.uuid: {"recipe": now}})
    trigger(three, "undo")
    assert item(three, Path(tuned.source.path).name).recipe.alpha == 7.0
    assert item(three, Path(masked.source.path).name).recipe == replace(masked.recipe, mask="f" * 64)
    assert told == ["One image had been changed since, and stayed so."]
    trigger(three, "redo")
    assert item(three, Path(tuned.source.path).name).recipe.alpha == 7.0


def test_what_is_selected_stays_selected_in_another_order_and_behind_a_filter(three: Application) -> None:
    film = three.window.film
    select(three, "a.png", "b.png")
    film._want(order=Order.NAME)
    assert shown(three) == ["a.png", "b.png", "c.png"]
    names = {index.data() for index in film.strip.selectedIndexes()}
    assert {"a.png", "b.png"} <= names
    film._want(text="b")
    assert shown(three) == ["b.png"]
    assert [index.data() for index in film.strip.selectedIndexes()] == ["b.png"]


def test_a_picture_that_comes_moves_nothing_and_many_decisions_are_told_once(three: Application) -> None:
    session = three.window._workspace.session
    told: list[tuple[int, int]] = []
    session.shown.dataChanged.connect(lambda first, last, _roles: told.append((first.row(), last.row())))
    arranged = [0]
    session.shown.layoutChanged.connect(lambda: arranged.__setitem__(0, arranged[0] + 1))
    three.window._workspace.assessing.rate([one.uuid for one in session.items(session._items)], 2)
    assert told == [(0, 2)]
    film = three.window.film
    film._want(order=Order.STARS)
    before = arranged[0]
    session.filmstrip._changed(next(iter(session._items)), FilmRole.FRAME)
    assert arranged[0] == before
    assert told[-1] == (0, 0)


@pytest.mark.parametrize("again", ["shown", "opened"])
def test_a_thumbnail_that_could_not_be_read_comes_once_its_master_is_back(
    three: Application, tmp_path: Path, again: str
) -> None:
    session = three.window._workspace.session
    film, other = session.filmstrip, next(row for row in range(3) if session.filmstrip.item(row) != session.item)
    path, away = Path(film.item(other).source.path), tmp_path / "away.png"
    film._frames.clear()
    path.rename(away)
    film.index(other).data(FilmRole.FRAME)
    until(three, lambda: film.index(other).data(FilmRole.FAULT))
    away.rename(path)
    assert session.project is not None
    if again == "shown":
        session.show_item(film.item(other).uuid)
    else:
        session.open_paths([session.project.folder])
    until(three, lambda: film.index(other).data(FilmRole.FRAME) is not None)
    assert film.index(other).data(FilmRole.FAULT) == ""
