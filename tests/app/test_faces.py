"""Faces in the window: marked by mouse and keys, a consent each, offered only where there is a network for them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton, QSpinBox, QToolButton, QWidget

from archivist_app.app import Application
from archivist_app.state.face_marks import FaceMarks
from archivist_app.views.face_board import FaceBoard
from archivist_app.views.face_dialog import FaceDialog
from archivist_app.views.model_card import ModelCardView
from archivist_app.views.model_import import ImportDialog
from engine.types import FACE_STRENGTH, SHIPPED_MODEL, Recipe, Region
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FACES, Costs, FakeService
from tests.app.test_jobs import exports, jobs
from tests.app.test_reach import name_of


@pytest.fixture
def equipped(opened: Application, service: FakeService) -> Application:
    """A program with an image of 640 x 480 and a network for faces."""
    return with_network(opened, service)


def with_network(application: Application, service: FakeService) -> Application:
    service.more_models.append(FACES)
    application._workspace.models.reload()
    until(application, lambda: find(application, QAction, "facesAction").isEnabled())
    return application


def ask(application: Application) -> FaceDialog:
    """The question, with the picture on it."""
    trigger(application, "faces")
    until(application, lambda: application.window.findChild(FaceDialog))
    dialog = find(application, FaceDialog, "faceDialog")
    until(application, lambda: dialog.board._picture is not None)
    return dialog


def board_at(board: FaceBoard, x: int, y: int) -> QPoint:
    """A pixel of the master on the board."""
    return board.rectangle_of(Region(x, y, 0, 0)).topLeft().toPoint()


def drag(board: FaceBoard, start: tuple[int, int], end: tuple[int, int]) -> None:
    """From one pixel of the master to another."""
    QTest.mousePress(board, Qt.MouseButton.LeftButton, pos=board_at(board, *start))
    for share in (0.3, 0.7, 1.0):
        at = tuple(round(a + share * (b - a)) for a, b in zip(start, end, strict=True))
        QTest.mouseMove(board, board_at(board, at[0], at[1]))
    QTest.mouseRelease(board, Qt.MouseButton.LeftButton, pos=board_at(board, *end))


def say(application: Application, number: int, who: str, ground: str) -> None:
    for name, text in ((f"faceWho{number}", who), (f"faceGround{number}", ground)):
        field = find(application, QLineEdit, name)
        field.clear()
        QTest.keyClicks(field, text)


def near(found: Region, wanted: Region) -> bool:
    """The same within the board's own pixels."""
    pairs = ((found.x, wanted.x), (found.y, wanted.y), (found.width, wanted.width), (found.height, wanted.height))
    return all(abs(a - b) <= 3 for a, b in pairs)


def test_without_a_network_for_faces_the_entry_is_grey_and_says_how_to_get_one(opened: Application) -> None:
    action = find(opened, QAction, "facesAction")
    until(opened, lambda: opened._workspace.models.cards)
    assert not action.isEnabled()
    assert "Add a model…" in action.toolTip()
    assert "plausible face" in action.toolTip()
    assert action in opened.window.menus["&File"].actions()
    assert opened.window.menus["&File"].toolTipsVisible()


def test_a_network_for_faces_is_offered_for_faces_alone(equipped: Application, service: FakeService) -> None:
    menu = equipped.window.adjust.models.button.menu()
    choices = [action.text() for action in menu.actions() if action.isCheckable()]
    assert choices == ["Archivist 1"]
    about = next(action for action in menu.actions() if "for faces" in action.text())
    about.trigger()
    assert find(equipped, ModelCardView, "modelCard").title.text() == "Faces"
    equipped._workspace.models.choose_by_id(FACES.id)
    assert equipped._workspace.document.recipe.model == SHIPPED_MODEL
    find(equipped, ModelCardView, "modelCard").close()
    service.more_models.clear()
    equipped._workspace.models.reload()
    until(equipped, lambda: not find(equipped, QAction, "facesAction").isEnabled())


def test_faces_are_drawn_and_ordered_with_their_consents(equipped: Application, service: FakeService) -> None:
    dialog = ask(equipped)
    start = find(equipped, QPushButton, "faceStart")
    assert not start.isEnabled()
    drag(dialog.board, (100, 80), (200, 220))
    drag(dialog.board, (420, 300), (300, 200))  # upwards and to the left
    assert [near(mark.region, wanted) for mark, wanted in zip(
        dialog.marks.marks, (Region(100, 80, 100, 140), Region(300, 200, 120, 100)), strict=True
    )] == [True, True]  # fmt: skip
    assert "faces 1, 2" in start.toolTip()
    say(equipped, 1, "Board of the archive, Ötztal", "letter of 12 May 2026")
    assert not start.isEnabled()
    assert "face 2" in start.toolTip()
    say(equipped, 2, "The sitter", "  ")
    assert not start.isEnabled(), "blanks are no ground"
    say(equipped, 2, "The sitter", "asked for it")
    assert start.isEnabled()
    find(equipped, QSpinBox, "faceStrength").setValue(60)
    before = datetime.now(UTC).replace(microsecond=0)
    regions = tuple(mark.region for mark in dialog.marks.marks)
    start.click()
    until(equipped, lambda: jobs(equipped) and jobs(equipped)[0].state == "done")
    ((recipe, wish),) = service.face_orders
    assert recipe == equipped._workspace.document.recipe
    assert (wish.model, wish.strength) == (FACES.id, 0.6)
    assert tuple(face.region for face in wish.faces) == regions
    assert [(face.consent.who, face.consent.ground) for face in wish.faces] == [
        ("Board of the archive, Ötztal", "letter of 12 May 2026"),
        ("The sitter", "asked for it"),
    ]
    assert datetime.fromisoformat(wish.faces[0].consent.when) >= before
    assert [path.name for path in exports(equipped).iterdir()] == ["harbour_restored_v01.tif"]
    assert "2 faces replaced by a network" in jobs(equipped)[0].text


def test_a_rectangle_is_moved_sized_and_removed_by_mouse(equipped: Application) -> None:
    dialog = ask(equipped)
    drag(dialog.board, (100, 80), (200, 220))
    drag(dialog.board, (150, 150), (250, 130))
    assert near(dialog.marks.marks[0].region, Region(200, 60, 100, 140))
    drag(dialog.board, (300, 200), (340, 260))
    assert near(dialog.marks.marks[0].region, Region(200, 60, 140, 200))
    drag(dialog.board, (220, 100), (900, 900))
    region = dialog.marks.marks[0].region
    assert (region.right, region.bottom) == (640, 480), "it stays within the picture"
    QTest.mouseClick(dialog.board, Qt.MouseButton.LeftButton, pos=board_at(dialog.board, 20, 20))
    assert len(dialog.marks.marks) == 1, "a click marks nothing"
    assert dialog.marks.chosen == -1
    find(equipped, QToolButton, "faceRemove1").click()
    assert list(dialog.marks.marks) == []
    dialog.reject()


def test_everything_can_be_done_by_keys_and_has_a_name(equipped: Application) -> None:
    dialog = ask(equipped)
    board = dialog.board
    board.setFocus()
    QTest.keyClick(board, Qt.Key.Key_Insert)
    first = dialog.marks.marks[0].region
    QTest.keyClick(board, Qt.Key.Key_Left)
    moved = dialog.marks.marks[0].region
    assert moved.x < first.x
    assert (moved.width, moved.y) == (first.width, first.y)
    QTest.keyClick(board, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert dialog.marks.marks[0].region.height > moved.height
    QTest.keyClick(board, Qt.Key.Key_Insert)
    assert dialog.marks.chosen == 1
    QTest.keyClick(board, Qt.Key.Key_PageUp)
    assert dialog.marks.chosen == 0
    QTest.keyClick(board, Qt.Key.Key_PageDown)
    QTest.keyClick(board, Qt.Key.Key_Delete)
    assert len(dialog.marks.marks) == 1
    equipped.spin(0.05)
    inner = [w for w in dialog.findChildren(QWidget) if w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    inner = [w for w in inner if not isinstance(w.parent(), QSpinBox)]
    assert not [f"{type(w).__name__} {w.objectName()}" for w in inner if not name_of(w)]
    say(equipped, 1, "A", "b")
    reached: list[QWidget] = [board]
    while (following := reached[-1].nextInFocusChain()) is not None and following is not board:
        reached.append(following)
    reached.append(reached.pop(0))
    order = [w.objectName() for w in reached if w.objectName().startswith("face") and w in inner]
    assert order == [
        "faceNetwork", "faceStrength", "faceAdd", "faceRemove1", "faceWho1", "faceGround1", "faceStart", "faceBoard",
    ]  # fmt: skip
    dialog.reject()


def test_the_words_stay_with_their_face_when_another_goes(equipped: Application) -> None:
    dialog = ask(equipped)
    for x in (50, 250, 450):
        drag(dialog.board, (x, 80), (x + 100, 200))
    for number, who in enumerate("ABC", start=1):
        say(equipped, number, who, f"ground {who}")
    assert dialog.marks.chosen == 2
    find(equipped, QLineEdit, "faceWho1").setFocus()
    equipped.spin(0.05)
    assert dialog.marks.chosen == 0, "the picture shows which face the words are about"
    find(equipped, QToolButton, "faceRemove2").click()
    equipped.spin(0.05)
    assert [(mark.who, mark.ground) for mark in dialog.marks.marks] == [("A", "ground A"), ("C", "ground C")]
    assert find(equipped, QLineEdit, "faceWho2").text() == "C"
    assert dialog.marks.marks[1].region.x > 400
    dialog.reject()


def test_nothing_starts_when_somebody_changes_their_mind(equipped: Application, service: FakeService) -> None:
    dialog = ask(equipped)
    drag(dialog.board, (100, 80), (200, 220))
    dialog.reject()
    equipped.spin(0.05)
    assert jobs(equipped) == ()
    assert service.face_orders == []


def _told(application: Application, words: str) -> bool:
    return any(words in fault for fault in application.window.messages.faults)


def test_a_recipe_that_leaves_no_room_for_faces_is_a_sentence(equipped: Application) -> None:
    for recipe, words in ((Recipe(scale=2), "size to 1"), (Recipe(scope="damage"), "“whole”")):
        equipped._workspace.document.recipe = recipe
        trigger(equipped, "faces")
        until(equipped, partial(_told, equipped, words))
        assert equipped.window.findChild(FaceDialog) is None


def test_cancelled_it_leaves_nothing(start: Open, picture: Path, tmp_path: Path) -> None:
    service = FakeService(tmp_path, Costs(export_step=0.2))
    application = start(picture, on=service)
    until(application, lambda: application.window.compare.viewport is not None)
    with_network(application, service)
    dialog = ask(application)
    for x in (50, 250, 450):
        drag(dialog.board, (x, 80), (x + 100, 200))
    for number in (1, 2, 3):
        say(application, number, "A", "b")
    find(application, QPushButton, "faceStart").click()
    until(application, lambda: jobs(application) and jobs(application)[0].progress is not None)
    application._workspace.jobs.cancel(jobs(application)[0].number)
    until(application, lambda: jobs(application)[0].state == "cancelled")
    assert list(exports(application).iterdir()) == []


def test_the_import_dialog_takes_networks_for_faces_only_when_told(opened: Application) -> None:
    dialog = ImportDialog(opened.window, "faces.pth")
    assert not dialog.wish().faces
    box = dialog.findChild(QCheckBox, "importFaces")
    assert isinstance(box, QCheckBox)
    assert "another person" in box.text()
    box.setChecked(True)
    assert dialog.wish().faces
    dialog.deleteLater()


def test_marks_stay_within_the_picture_and_are_large_enough() -> None:
    marks = FaceMarks(200, 100)
    marks.add(Region(-10, -10, 3, 300))
    assert marks.marks[0].region == Region(0, 0, 16, 100)
    marks.put(0, Region(500, 500, 40, 40))
    assert marks.marks[0].region == Region(160, 60, 40, 40)
    marks.add(Region(158, 58, 40, 40))
    assert "same place" in marks.fault()
    marks.remove(1)
    assert "who decides" in marks.fault()
    marks.say(0, who=" A ", ground=" b ")
    assert marks.fault() == ""
    (face,) = marks.faces(lambda: datetime(2026, 5, 12, 10, tzinfo=UTC))
    assert (face.consent.who, face.consent.ground, face.consent.when) == ("A", "b", "2026-05-12T10:00:00+00:00")


def test_the_strength_is_offered_as_documented(equipped: Application) -> None:
    dialog = ask(equipped)
    assert dialog.strength == FACE_STRENGTH == 0.8
    dialog.reject()
