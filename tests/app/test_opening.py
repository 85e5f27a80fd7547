"""Opening images and projects, and what survives closing."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget

from archivist_app.app import Application
from archivist_app.views.drop_sign import DropSign
from engine.types import Recipe
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FakeService, save_picture


def ready(application: Application) -> None:
    until(application, lambda: application.window.compare.viewport is not None)


def drop(application: Application, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    common = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(400, 300), *common)
    QApplication.sendEvent(application.window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(application.window, QDropEvent(QPointF(400, 300), *common))


def test_the_engine_wakes_only_after_the_first_paint(start: Open, service: FakeService, picture: Path) -> None:
    application = start(picture, show=False)
    application.window.compare.painted.connect(lambda: service.calls.append("painted"))
    application._run_until(application._loop.create_task(_short_rest()))
    assert "warm" not in service.calls
    assert "draft" not in service.calls
    application.window.show()
    until(application, lambda: "draft" in service.calls)
    order = [call for call in service.calls if call in ("painted", "warm", "draft")]
    assert order[:2] == ["painted", "warm"]
    assert order[2] == "draft"


async def _short_rest() -> None:
    import asyncio

    await asyncio.sleep(0.1)


def test_an_image_named_on_the_command_line_is_restored_on_screen(opened: Application, picture: Path) -> None:
    assert opened.window.filmstrip.model().rowCount() == 1
    assert opened.window.filmstrip.currentIndex().data() == picture.name
    assert opened.window.windowTitle() == "harbour — Archivist"


def test_reopening_brings_back_every_slider(start: Open, service: FakeService, picture: Path) -> None:
    application = start(picture)
    ready(application)
    wanted = {"alpha": 730, "beta": 410, "strength": 880, "grain": 250}
    for name, position in wanted.items():
        application.window.adjust.rows[name].slider.setValue(position)
    application.window.adjust.keep_tone.click()
    application.window.adjust.thorough.click()
    application.window.adjust._scopes["damage"].click()
    folder = Path(application.window._workspace.session.project.folder)  # type: ignore[union-attr]
    application.close()

    again = start(folder, on=FakeService(service.root))
    ready(again)
    rows = again.window.adjust.rows
    assert {name: rows[name].slider.value() for name in wanted} == wanted
    assert not again.window.adjust.keep_tone.isChecked()
    assert again.window.adjust.thorough.isChecked()
    assert again.window.adjust._scopes["damage"].isChecked()


def test_a_change_is_saved_within_two_seconds(opened: Application, service: FakeService) -> None:
    opened.window.adjust.rows["alpha"].slider.setValue(900)
    until(opened, lambda: service.saves, seconds=2.0)
    assert service.saves[-1].recipe.alpha > 6
    assert service.saves[-1].revision == 1


def test_changes_that_come_while_saving_are_saved_too(opened: Application, service: FakeService) -> None:
    session, alpha = opened.window._workspace.session, opened.window.adjust.rows["alpha"].slider
    session.saved.connect(lambda: alpha.setValue(200) if len(service.saves) == 1 else None)
    alpha.setValue(900)
    until(opened, lambda: len(service.saves) == 2)
    assert [save.revision for save in service.saves] == [1, 2]
    assert service.saves[-1].recipe.alpha < 1


def test_a_save_that_fails_is_told_kept_and_done_at_the_next_chance(opened: Application, service: FakeService) -> None:
    service.refuse_saves = "The disk is full; make room and change something to save again."
    opened.window.adjust.rows["alpha"].slider.setValue(900)
    until(opened, lambda: service.refuse_saves in opened.window.messages.faults)
    service.refuse_saves = ""
    opened.close()
    assert service.saves[-1].recipe.alpha > 6


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.png", b""),
        ("letter.jpg", b"Dear Sir, the photographs you asked for"),
        ("cut.png", None),
        ("missing.tif", b"-"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence_and_the_window_lives(
    opened: Application, tmp_path: Path, picture: Path, name: str, data: bytes | None
) -> None:
    bad = tmp_path / name
    if name != "missing.tif":
        bad.write_bytes(picture.read_bytes()[:500] if data is None else data)
    drop(opened, bad)
    until(opened, lambda: opened.window.messages.faults)
    assert name in opened.window.messages.faults[-1]
    assert opened.window.messages.isVisible()
    good = save_picture(tmp_path / "after.png", 90, 70, seed=5)
    drop(opened, good)
    until(opened, lambda: opened.window.filmstrip.currentIndex().data() == "after.png")


def test_the_good_files_of_a_drop_open_although_one_is_bad(start: Open, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    good = [save_picture(tmp_path / f"{number}.png", 80, 60, seed=number) for number in range(2)]
    application = start()
    drop(application, bad, *good)
    until(application, lambda: application.window.filmstrip.model().rowCount() == 2)
    assert "bad.png" in application.window.messages.faults[0]


def test_a_dropped_folder_opens_its_pictures_and_those_below(start: Open, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    (folder / "album").mkdir(parents=True)
    for number, where in enumerate(("b.png", "a.png", "album/c.png", ".hidden.png", "notes.txt")):
        if where.endswith("txt"):
            (folder / where).write_text("no picture")
        else:
            save_picture(folder / where, 60, 40, seed=number)
    application = start(folder)
    until(application, lambda: application.window.filmstrip.model().rowCount() == 3)
    model = application.window.filmstrip.model()
    assert [model.index(row, 0).data() for row in range(3)] == ["a.png", "b.png", "c.png"]
    assert application.window.messages.faults == ()


def test_an_empty_folder_is_told(start: Open, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    application = start(tmp_path / "nothing")
    until(application, lambda: application.window.messages.faults)
    assert "nothing" in application.window.messages.faults[0]


def test_images_dropped_later_join_the_open_project(opened: Application, tmp_path: Path) -> None:
    drop(opened, save_picture(tmp_path / "second.png", 100, 80, seed=3))
    until(opened, lambda: opened.window.filmstrip.model().rowCount() == 2)
    assert opened.window.windowTitle() == "harbour — Archivist"
    until(opened, lambda: opened.window.filmstrip.currentIndex().data() == "second.png")


def test_every_image_keeps_its_own_recipe_and_history(opened: Application, tmp_path: Path) -> None:
    window = opened.window
    window.adjust.rows["alpha"].slider.setValue(900)
    drop(opened, save_picture(tmp_path / "second.png", 100, 80, seed=3))
    until(opened, lambda: window.filmstrip.currentIndex().data() == "second.png")
    assert window.adjust.rows["alpha"].slider.value() == 500
    assert not window.actions_.undo.isEnabled()
    window._workspace.session.step(-1)
    assert window.filmstrip.currentIndex().data() == "harbour.png"
    assert window.adjust.rows["alpha"].slider.value() == 900
    assert window.actions_.undo.isEnabled()


def test_the_demo_opens_from_the_empty_window(start: Open) -> None:
    application = start()
    assert application.window.empty.isVisible()
    application.window.empty.demo.click()
    until(application, lambda: application.window.filmstrip.model().rowCount() == 3)
    assert application.window.compare.isVisible()


def test_a_master_that_changed_since_it_was_added_is_told(start: Open, service: FakeService, picture: Path) -> None:
    application = start(picture)
    ready(application)
    folder = Path(application.window._workspace.session.project.folder)  # type: ignore[union-attr]
    application.close()
    save_picture(picture, 640, 480, seed=99)
    again = start(folder, on=FakeService(service.root))
    until(again, lambda: again.window.messages.offers)
    assert "no longer the file" in again.window.messages.offers[0].text


def test_a_project_that_is_none_is_told(start: Open, tmp_path: Path) -> None:
    (tmp_path / "empty.archivist").mkdir()
    application = start(tmp_path / "empty.archivist")
    until(application, lambda: application.window.messages.faults)
    assert "empty.archivist" in application.window.messages.faults[0]


def test_every_focusable_widget_says_what_it_is(opened: Application) -> None:
    nameless = [
        widget
        for widget in opened.window.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.isVisible()
        and not (widget.accessibleName() or getattr(widget, "text", lambda: "")())
    ]
    assert nameless == []


def test_others_find_what_they_rely_on(opened: Application) -> None:
    names = (
        "compareView alphaSlider betaSlider strengthSlider styleGallery filmstrip historyPanel jobsPanel "
        "exportAction openAction undoAction redoAction"
    )
    for name in names.split():
        assert opened.window.findChild(QObject, name) is not None, name


def test_a_new_image_starts_with_the_defaults(opened: Application) -> None:
    assert opened.window._workspace.document.recipe == Recipe()


def test_the_viewer_says_why_there_is_no_picture(opened: Application, picture: Path, tmp_path: Path) -> None:
    window = opened.window
    other = save_picture(tmp_path / "other.png", 90, 70, seed=5)
    drop(opened, other)
    until(opened, lambda: window.filmstrip.currentIndex().data() == "other.png")
    until(opened, lambda: window.compare.viewport is not None)
    window.compare.clear()
    opened.spin(0.4)
    assert window.compare._blank == "Reading the scan…"
    window._workspace.session._tell_unreadable(window._workspace.session._current or "", "“other.png” is damaged.")
    assert window.compare._blank == "“other.png” is damaged."
    assert window.messages.faults[-1] == "“other.png” is damaged."


def test_a_message_moves_nothing(opened: Application) -> None:
    compare = opened.window.compare
    before, viewport = compare.geometry(), compare.viewport
    opened.window.messages.tell_fault("The disk is full; make room, and what is not saved yet will be.")
    opened.spin(0.05)
    assert opened.window.messages.isVisible()
    assert (compare.geometry(), compare.viewport) == (before, viewport)


def test_files_over_the_window_are_told_what_dropping_them_does(
    opened: Application, start: Open, picture: Path, tmp_path: Path
) -> None:
    window, sign = opened.window, find(opened, DropSign, "dropSign")
    project = opened.window._workspace.session.project
    assert project is not None
    assert not sign.isVisible()

    def drag(*paths: Path) -> str:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        enter = QDragEnterEvent(QPoint(400, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier)  # fmt: skip
        QApplication.sendEvent(window, enter)
        assert enter.isAccepted() == sign.isVisible()
        return sign.zones[0].title

    assert drag(picture) == f"Drop to add this photograph to “{project.name}”"
    assert sign.geometry() == window.rect()
    assert window.childAt(400, 300) is not sign, "what lies below keeps the mouse"
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not sign.isVisible()
    assert "these 2 photographs" in drag(picture, picture)
    assert "of this folder" in drag(tmp_path)
    assert drag(Path(project.folder)) == "Drop to open the project"
    assert "styles" not in " ".join(zone.title for zone in sign.zones), "a project is no style"
    drag(picture)
    styles = find(opened, QWidget, "stylePanel")
    inside = styles.mapTo(window, styles.rect().center())
    assert sign.zones[1].rect.contains(inside), "pictures dropped there become styles"
    assert not sign.zones[0].rect.contains(inside)
    drop(opened, picture)
    assert not sign.isVisible()
    opened.spin(0.2)


def test_a_dialog_begins_where_something_was_chosen_last(
    start: Open, picture: Path, tmp_path: Path, service: FakeService
) -> None:
    application = start()
    scans = tmp_path / "scans"
    scans.mkdir()
    save_picture(scans / "pier.png", 64, 48)
    trigger(application, "open")
    until(application, lambda: application.window.findChild(QFileDialog, "openDialog") is not None)
    dialog = find(application, QFileDialog, "openDialog")
    typed = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(typed, QLineEdit)
    typed.setText(str(scans / "pier.png"))
    dialog.accept()
    until(application, lambda: application.window._workspace.session.item is not None)
    application.close()
    again = start(on=FakeService(tmp_path / "documents"))
    for action, name in (("openFolder", "openFolderDialog"), ("open", "openDialog")):
        trigger(again, action)
        until(again, lambda name=name: again.window.findChild(QFileDialog, name) is not None)  # type: ignore[misc]
        dialog = find(again, QFileDialog, name)
        assert Path(dialog.directory().absolutePath()) == scans
        dialog.reject()
        again.spin(0.05)
    (scans / "pier.png").unlink()
    scans.rmdir()
    assert again.window.preferences.folder("open") == "", "a folder that is gone is not asked for"
