"""The model of an image: chosen in the adjust panel, its controls alone shown, its card beside the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QLineEdit, QMessageBox, QPushButton, QToolButton

from archivist_app.app import Application
from archivist_app.state.commands import Edit
from archivist_app.state.model_facts import facts
from archivist_app.state.models import Models
from archivist_app.views.model_card import ModelCardView
from archivist_app.views.model_import import ImportDialog
from engine.types import ModelCard, NewModel, Recipe
from tests.app.conftest import find, until
from tests.app.fake_service import FOREIGN, FakeService


def state(application: Application) -> Models:
    return application._workspace.models


def recipe(application: Application) -> Recipe:
    return application._workspace.document.recipe


def entry(application: Application, text: str) -> QAction:
    menu = application.window.adjust.models.button.menu()
    return next(action for action in menu.actions() if action.text() == text)


def known(application: Application, service: FakeService) -> Application:
    """With a network of other people's beside the shipped one."""
    service.more_models.append(FOREIGN)
    state(application).reload()
    until(application, lambda: len(state(application).cards) == 2)
    return application


def with_foreign(application: Application, service: FakeService) -> Application:
    known(application, service)
    entry(application, "Foreign").trigger()
    until(application, lambda: recipe(application).model == FOREIGN.id)
    return application


def test_the_panel_names_the_model_of_the_image(opened: Application) -> None:
    until(opened, lambda: state(opened).card)
    assert find(opened, QToolButton, "modelButton").text() == "Archivist 1"
    assert not opened.window.adjust.models.pace.isVisible()


def test_only_the_controls_a_model_has_are_shown(opened: Application, service: FakeService) -> None:
    with_foreign(opened, service)
    adjust = opened.window.adjust
    shown = {name for name, row in adjust.rows.items() if row.isVisible()}
    assert shown == {"strength", "grain"}
    assert not adjust.pad_button.isVisible()
    assert adjust.keep_tone.isVisible()
    assert [scale for scale, button in adjust.size_control.buttons.items() if button.isVisible()] == [1, 2]
    assert not opened.window.gallery.isVisible()
    assert "knows no styles" in find(opened, QLabel, "stylesUnusable").text()
    entry(opened, "Archivist 1").trigger()
    until(opened, lambda: adjust.rows["alpha"].isVisible())
    assert opened.window.gallery.isVisible()
    assert adjust.pad_button.isVisible()


def test_a_slow_model_says_so_beforehand(opened: Application, service: FakeService) -> None:
    with_foreign(opened, service)
    assert opened.window.adjust.models.pace.text() == "Needs about 27 s a megapixel here."


def test_choosing_a_model_is_one_step_that_can_be_undone_and_keeps_every_setting(
    opened: Application, service: FakeService
) -> None:
    known(opened, service)
    before = recipe(opened)
    entry(opened, "Foreign").trigger()
    assert recipe(opened) == Recipe(model=FOREIGN.id, alpha=before.alpha)
    until(opened, lambda: service.requests[-1].recipe.model == FOREIGN.id)
    find(opened, QAction, "undoAction").trigger()
    assert recipe(opened) == before


def test_a_size_the_model_cannot_give_becomes_the_largest_it_can(opened: Application, service: FakeService) -> None:
    known(opened, service)
    opened.window.adjust.size_control.buttons[4].click()
    entry(opened, "Foreign").trigger()
    assert recipe(opened).scale == 2


def test_an_image_whose_model_is_not_here_says_so(opened: Application, service: FakeService) -> None:
    with_foreign(opened, service)
    service.more_models.clear()
    state(opened).reload()
    until(opened, lambda: state(opened).card is None)
    assert find(opened, QToolButton, "modelButton").text() == "Not installed"


def test_a_card_tells_everything_and_does_not_stop_the_work(opened: Application, service: FakeService) -> None:
    with_foreign(opened, service)
    entry(opened, "About this model…").trigger()
    view = find(opened, ModelCardView, "modelCard")
    assert view.isVisible()
    assert not view.isModal()
    told = " ".join(label.text().replace("\u200b", "") for label in view.findChildren(QLabel))
    for text in ("Foreign", FOREIGN.sha256, "unknown", "foreign.pth", "Known to fail", "89 MB", "27 s a megapixel"):
        assert text in told
    view.close()


def test_a_card_hides_nothing_that_is_unknown() -> None:
    told = dict(facts(ModelCard("x", "X")))
    assert told["Licence"] == told["Training data"] == "unknown"
    assert told["Known to fail"]
    assert told["Figures"].startswith("none")


def choose_file(opened: Application, file: Path) -> None:
    """Ask to add a model, and choose this file, which is made."""
    file.write_bytes(b"x")
    entry(opened, "Add a model…").trigger()
    until(opened, lambda: opened.window.findChild(QFileDialog, "addModelDialog"))
    chooser = find(opened, QFileDialog, "addModelDialog")
    name = chooser.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(name, QLineEdit)
    name.setText(str(file))
    chooser.accept()


def test_a_model_is_added_once_somebody_has_answered_for_its_licence(
    opened: Application, service: FakeService, tmp_path: Path
) -> None:
    file = tmp_path / "net.pth"
    choose_file(opened, file)
    until(opened, lambda: opened.window.findChild(ImportDialog, "importModelDialog"))
    dialog = find(opened, ImportDialog, "importModelDialog")
    assert not dialog.isModal()
    assert not dialog.start.isEnabled()
    assert dialog.reason.text().startswith("Say under which licence")
    find(opened, QComboBox, "importLicence").setCurrentText("BSD-3-Clause")
    assert not dialog.reason.text()
    dialog.source.setText("a colleague")
    dialog.start.click()
    until(opened, lambda: recipe(opened).model == FOREIGN.id)
    assert service.new_models == [NewModel(str(file), "", "BSD-3-Clause", "a colleague")]
    assert "net" in opened.window.messages.text.text()
    view = find(opened, ModelCardView, "modelCard")
    assert view.title.text() == "net"  # what it is can be read at once
    view.close()


def test_a_name_somebody_typed_is_told(opened: Application, tmp_path: Path) -> None:
    dialog = ImportDialog(opened.window, str(tmp_path / "net.pth"))
    assert dialog.wish().title == ""
    QTest.keyClicks(dialog.title, "-2")
    assert dialog.wish().title == "net-2"
    dialog.deleteLater()


def test_a_tuned_model_is_added_without_a_question_and_can_be_removed(
    opened: Application, service: FakeService, tmp_path: Path
) -> None:
    file = tmp_path / "m1.safetensors"
    choose_file(opened, file)
    until(opened, lambda: recipe(opened).model == "m1")
    assert service.new_models == [NewModel(str(file))]
    assert opened.window.findChild(ImportDialog, "importModelDialog") is None
    view = find(opened, ModelCardView, "modelCard")
    assert dict(facts(service.more_models[0]))["Enlarges"].endswith("the model it was tuned from has learned of it")
    assert view.remove.isVisible()
    view.remove.click()
    until(opened, lambda: opened.window.findChild(QMessageBox, "removeModelQuestion"))
    find(opened, QPushButton, "removeModel").click()
    until(opened, lambda: not service.more_models)
    assert recipe(opened).model == "archivist-1"


def test_weights_that_were_here_already_are_said_to_be(opened: Application, service: FakeService) -> None:
    known(opened, service)
    state(opened).add(NewModel("/x/foreign.pth"))
    until(opened, lambda: opened.window.messages.text.text() == "It was here already.")
    find(opened, ModelCardView, "modelCard").close()


def test_a_refused_file_is_told_in_its_job_and_changes_nothing(opened: Application, service: FakeService) -> None:
    service.refuse_models = "“trap.pth” holds more than weights and is refused."
    before = recipe(opened)
    state(opened).add(NewModel("/x/trap.pth"))
    jobs = opened._workspace.jobs
    until(opened, lambda: [job.text for job in jobs.jobs] == [service.refuse_models])
    assert recipe(opened) == before
    service.refuse_models = ""  # the file was mended
    jobs.retry(jobs.jobs[0].number)
    until(opened, lambda: recipe(opened).model == FOREIGN.id)
    find(opened, ModelCardView, "modelCard").close()


def test_a_long_line_of_the_history_needs_no_scroll_bar(opened: Application, service: FakeService) -> None:
    with_foreign(opened, service)
    steps = opened.window.history.steps
    opened._workspace.session.push(Edit(replace(recipe(opened), alpha=3.0), "A line far longer than the list is wide"))
    opened.spin(0.1)
    assert steps.horizontalScrollBar().maximum() == 0
    assert steps.visualRect(steps.model().index(2, 0)).right() <= steps.viewport().width()


def test_presets_that_set_nothing_of_a_model_are_hidden(opened: Application) -> None:
    adjust = opened.window.adjust
    adjust.show_model(replace(FOREIGN, controls=("strength",)))
    presets = [find(opened, QPushButton, name) for name in ("conservatorButton", "modernButton")]
    assert not any(button.isVisible() for button in presets)
    adjust.show_model(replace(FOREIGN, controls=("strength", "keep_tone")))
    assert [button.isVisible() for button in presets] == [False, True]


def test_a_tuned_model_that_gained_nothing_says_so() -> None:
    before = ModelCard("one", "One", origin="tuned", metrics={"before_own_10": 26.18, "held_out_own_10": 26.19})
    assert dict(facts(before))["Gain"].startswith("none")
    better = replace(before, metrics={"before_own_10": 24.0, "held_out_own_10": 26.1})
    assert dict(facts(better))["Gain"].startswith("2.1 dB")
    assert "Gain" not in dict(facts(FOREIGN))


def test_an_imported_model_is_removed_after_a_question_and_the_image_leaves_it(
    opened: Application, service: FakeService
) -> None:
    with_foreign(opened, service)
    entry(opened, "About this model…").trigger()
    view = find(opened, ModelCardView, "modelCard")
    find(opened, QPushButton, "removeModelButton").click()
    until(opened, lambda: opened.window.findChild(QMessageBox, "removeModelQuestion"))
    find(opened, QPushButton, "removeModel").click()
    until(opened, lambda: not service.more_models)
    until(opened, lambda: len(state(opened).cards) == 1)
    assert recipe(opened).model == "archivist-1"
    assert not view.isVisible()


def test_the_shipped_model_cannot_be_removed(opened: Application) -> None:
    until(opened, lambda: state(opened).card)
    entry(opened, "About this model…").trigger()
    view = find(opened, ModelCardView, "modelCard")
    assert not view.remove.isVisible()
    view.close()
