"""Keys of one's own, recent projects, the window's place, the hints for beginners."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from archivist_app.app import Application
from archivist_app.state.preferences import Preferences
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FakeService


def press(application: Application, action: QAction, keys: str) -> None:
    """Press a key in the action's field on the sheet."""
    sheet = application.window.comfort.sheet
    assert sheet is not None
    editor = sheet.editor(action)
    editor.setKeySequence(QKeySequence(keys))
    editor.editingFinished.emit()


def test_the_sheet_lists_every_action_and_finds_one(opened: Application) -> None:
    window = opened.window
    QTest.keyClick(window.compare, Qt.Key.Key_H)
    sheet = window.comfort.sheet
    assert sheet is not None
    assert sheet.isVisible()
    shown = [action for actions in window.comfort.keys.groups.values() for action in actions]
    named = [action for action in window.findChildren(QAction) if action.objectName().endswith("Action")]
    assert {action.objectName() for action in named} <= {action.objectName() for action in shown}
    sheet.search.setText("blink")
    visible = [action for action in shown if sheet.editor(action).isVisible()]
    assert {action.objectName() for action in visible} == {"blinkAction", "pauseAction"}
    sheet.close()


def test_a_chosen_key_works_at_once_and_after_a_restart(start: Open, picture: Path, tmp_path: Path) -> None:
    first = start(picture)
    until(first, lambda: first.window.compare.viewport)
    trigger(first, "keys")
    press(first, first.window.actions_.approve, "Ctrl+K")
    assert first.window.actions_.approve.shortcut() == QKeySequence("Ctrl+K")
    assert "Ctrl+K" in first.window.actions_.approve.toolTip()
    first.close()
    second = start(picture, on=FakeService(tmp_path / "documents"))
    until(second, lambda: second.window.compare.viewport)
    QTest.keyClick(second.window.compare, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    item = second.window._workspace.session.item
    assert item is not None
    assert item.decision == "approved"
    assert second.window.comfort.keys.reset(second.window.actions_.approve) is None
    assert second.window.actions_.approve.shortcut() == QKeySequence("A")


def test_a_key_that_another_action_has_is_refused_in_a_sentence(opened: Application) -> None:
    trigger(opened, "keys")
    approve = opened.window.actions_.approve
    press(opened, approve, "Ctrl+E")
    sheet = opened.window.comfort.sheet
    assert sheet is not None
    assert "belongs to “Export”" in find(opened, QLabel, "shortcutFault").text()
    assert approve.shortcut() == QKeySequence("A") == sheet.editor(approve).keySequence()
    press(opened, approve, "")
    assert approve.shortcut().isEmpty()
    sheet.close()


def test_recent_projects_are_offered_and_open(start: Open, picture: Path, tmp_path: Path) -> None:
    first = start(picture)
    until(first, lambda: first.window._workspace.session.item)
    first.close()
    second = start(on=FakeService(tmp_path / "documents"))
    menu = second.window.comfort.recent
    menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert names == ["harbour"]
    menu.actions()[0].trigger()
    until(second, lambda: second.window._workspace.session.item)


def test_the_window_comes_back_as_it_was_left(start: Open, tmp_path: Path) -> None:
    first = start()
    first.window.resize(960, 650)  # a window larger than the screen would come back smaller
    trigger(first, "surround")
    name = first.window._theme.tokens.name
    first.close()
    second = start(on=FakeService(tmp_path / "documents"))
    assert (second.window.width(), second.window.height()) == (960, 650)
    assert second.window._theme.tokens.name == name
    while second.window._theme.tokens.name != "Grey":
        trigger(second, "surround")


def test_four_hints_come_once_and_never_again(start: Open, picture: Path, tmp_path: Path, tour: None) -> None:
    first = start(picture)
    until(first, lambda: first.window.comfort.tour and first.window.comfort.tour.isVisible())
    seen = []
    while first.window.comfort.tour is not None and first.window.comfort.tour.isVisible():
        seen.append(first.window.comfort.tour._title.text())
        assert first.window.rect().contains(first.window.comfort.tour.geometry())
        QTest.mouseClick(find(first, QPushButton, "tourNext"), Qt.MouseButton.LeftButton)
    assert len(set(seen)) == 4
    first.close()
    second = start(picture, on=FakeService(tmp_path / "documents"))
    until(second, lambda: second.window.compare.viewport)
    second.spin(0.3)
    assert second.window.comfort.tour is None


def test_hints_that_are_sent_away_stay_away(start: Open, picture: Path, tour: None) -> None:
    first = start(picture)
    until(first, lambda: first.window.comfort.tour and first.window.comfort.tour.isVisible())
    QTest.mouseClick(find(first, QPushButton, "tourSkip"), Qt.MouseButton.LeftButton)
    assert first.window._workspace.preferences.toured


def test_a_shortened_layout_is_as_if_none_had_been_kept(qapp: object, tmp_path: Path) -> None:
    path = tmp_path / "window.ini"
    Preferences(path).set_layout(b"0123456789", "grey")
    kept = path.read_text()
    whole = Preferences(path)
    assert whole.layout == b"0123456789"
    for length in range(1, 16):
        path.write_text(kept.replace("MDEyMzQ1Njc4OQ==", "MDEyMzQ1Njc4OQ=="[:length]))
        assert Preferences(path).layout in {b"0123456789"[: length * 3 // 4], b""}
        path.unlink()
