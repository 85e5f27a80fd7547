"""Project settings: whose packages these are, and what may leave the house, in the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QDialog, QLineEdit, QSpinBox, QWidget

from archivist_app.app import Application
from engine.types import PackageFacts, Project
from tests.app.conftest import find, trigger, until
from tests.app.fake_service import FakeService
from tests.app.test_reach import name_of


def saved(application: Application) -> Project:
    project = application.window._workspace.session.project
    assert project is not None
    return project


def shown(application: Application) -> QDialog:
    trigger(application, "projectSettings")
    dialog = find(application, QDialog, "projectDialog")
    assert dialog.isVisible()
    return dialog


def test_what_is_typed_is_kept_when_the_field_is_left(opened: Application) -> None:
    dialog = shown(opened)
    name, contact = (find(opened, QLineEdit, f"project{what}") for what in ("Organization", "Contact"))
    QTest.keyClicks(name, " Stadtarchiv ")
    QTest.keyClick(name, Qt.Key.Key_Return)
    until(opened, lambda: saved(opened).package.organization == "Stadtarchiv")
    assert dialog.isVisible(), "the return key keeps, and closes nothing"
    QTest.keyClicks(contact, "A. Archivar")
    dialog.close()
    until(opened, lambda: saved(opened).package.contact == "A. Archivar")
    find(opened, QSpinBox, "projectLongest").setValue(2000)
    find(opened, QCheckBox, "projectWithMaster").click()
    wanted = PackageFacts("Stadtarchiv", "A. Archivar", with_master=True, longest=2000)
    until(opened, lambda: saved(opened).package == wanted)
    assert not saved(opened).needs_approval


def test_every_field_is_a_step_that_is_taken_back(opened: Application) -> None:
    dialog = shown(opened)
    line, approval = find(opened, QLineEdit, "projectOrganization"), find(opened, QCheckBox, "projectNeedsApproval")
    QTest.keyClicks(line, "Stadtarchiv")
    QTest.keyClick(line, Qt.Key.Key_Return)
    approval.click()
    until(opened, lambda: saved(opened).needs_approval)
    trigger(opened, "undo")
    until(opened, lambda: not saved(opened).needs_approval)
    assert not approval.isChecked()
    assert saved(opened).package.organization == "Stadtarchiv"
    trigger(opened, "undo")
    until(opened, lambda: saved(opened).package.organization == "")
    assert line.text() == ""
    trigger(opened, "redo")
    until(opened, lambda: saved(opened).package.organization == "Stadtarchiv")
    assert line.text() == "Stadtarchiv"
    history = opened.window._workspace.session.history.activeStack()
    steps = history.count()
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert history.count() == steps, "what changes nothing is no step"
    dialog.close()


def test_every_field_has_a_name_and_is_reached_by_keyboard(opened: Application) -> None:
    dialog = shown(opened)
    fields = [
        widget
        for widget in dialog.findChildren(QWidget)
        if not isinstance(widget.parent(), QSpinBox)
        and widget.isVisible()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert len(fields) >= 7
    assert not [widget.objectName() for widget in fields if not name_of(widget)]
    dialog.close()


def test_what_cannot_be_kept_is_told_and_the_field_shows_what_is(opened: Application, service: FakeService) -> None:
    dialog = shown(opened)
    service.refuse_saves = "The disk is full; free some space."
    approval = find(opened, QCheckBox, "projectNeedsApproval")
    approval.click()
    until(opened, lambda: not approval.isChecked())
    assert not saved(opened).needs_approval
    service.refuse_saves = ""
    dialog.close()


def test_a_project_that_may_only_be_read_shows_its_rules_and_says_why(opened: Application) -> None:
    from dataclasses import replace

    work = opened.window._workspace
    work.session._project = replace(saved(opened), writable=False, reason="Somebody else has it open.")
    dialog = shown(opened)
    work.rules.changed.emit()
    assert not find(opened, QLineEdit, "projectOrganization").isEnabled()
    assert "Somebody else" in find(opened, QWidget, "projectFault").text()  # type: ignore[attr-defined]
    dialog.close()
