"""The export dialog, driven as hands would: what is exported, how, under which names, where to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QToolButton,
    QWidget,
)

from archivist_app.app import Application
from archivist_app.state.export_choice import Choice, Which
from archivist_app.state.jobs_model import Job
from archivist_app.views.export_dialog import ExportDialog, in_words
from engine.types import (
    EXPORT_PRESETS,
    ExportBatch,
    ExportEstimate,
    ExportSettings,
    InterruptedExport,
    Recipe,
    export_preset,
)
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService, save_picture

OPTIONS = ("Depth", "Profile", "Compression", "Quality", "Longest", "Dpi", "Tile", "Address", "Label", "Sign")


@pytest.fixture
def three(start: Open, service: FakeService, tmp_path: Path) -> Application:
    """A program with a project of three pictures."""
    pictures = [save_picture(tmp_path / f"{name}.png", 64, 48, seed=n) for n, name in enumerate(("a", "b", "c"))]
    application = start(*pictures)
    until(application, lambda: application.window._workspace.session.filmstrip.rowCount() == 3)
    until(application, lambda: application.window._workspace.session.item)
    return application


def dialog(application: Application) -> ExportDialog:
    """The open dialog."""
    trigger(application, "export")
    return find(application, ExportDialog, "exportDialog")


def choose(application: Application, which: Which) -> None:
    find(application, ExportDialog, "exportDialog").button_for(which).click()


def press(application: Application, name: str) -> None:
    find(application, QPushButton, name).click()


def jobs(application: Application) -> tuple[Job, ...]:
    return application.window._workspace.jobs.jobs


def ended(application: Application) -> bool:
    return bool(jobs(application)) and not application.window._workspace.jobs.running


def only(service: FakeService) -> ExportBatch:
    (batch,) = service.batches
    return batch


def test_the_dialog_is_beside_the_window_and_not_in_its_way(three: Application) -> None:
    box = dialog(three)
    assert box.isVisible()
    assert not box.isModal()
    before = three.window._workspace.document.recipe
    three.window.adjust.rows["alpha"].slider.setValue(800)
    assert three.window._workspace.document.recipe != before
    trigger(three, "export")
    assert three.window.findChildren(ExportDialog) == [box], "there is one"


@pytest.mark.parametrize("preset", [preset.id for preset in EXPORT_PRESETS])
def test_a_preset_shows_its_own_options_and_no_others(three: Application, preset: str) -> None:
    dialog(three)
    press(three, f"exportPreset_{preset}")
    shown = {name.lower() for name in OPTIONS if find(three, QWidget, f"export{name}").isVisible()}
    assert shown == set(export_preset(preset).options)


def test_every_option_reaches_the_job(three: Application, service: FakeService) -> None:
    dialog(three)
    press(three, "exportPreset_preservation")
    for name, value in (("exportDepth", "source"), ("exportProfile", "srgb"), ("exportCompression", "none")):
        box = find(three, QComboBox, name)
        box.setCurrentIndex(box.findData(value))
    find(three, QComboBox, "exportConflict").setCurrentIndex(2)
    press(three, "exportStart")
    until(three, lambda: ended(three))
    settings = only(service).settings
    assert (settings.depth, settings.profile, settings.compression, settings.conflict) == (
        "source",
        "srgb",
        "none",
        "skip",
    )


def test_numbers_label_and_address_reach_the_job(three: Application, service: FakeService, tmp_path: Path) -> None:
    dialog(three)
    press(three, "exportPreset_web")
    find(three, QSpinBox, "exportQuality").setValue(70)
    find(three, QSpinBox, "exportLongest").setValue(2000)
    find(three, QSpinBox, "exportTile").setValue(256)
    find(three, QCheckBox, "exportLabel").click()
    address = find(three, QLineEdit, "exportAddress")
    address.setText("https://archive.example/iiif")
    address.textEdited.emit(address.text())
    three.window._workspace.export_choice.choose(folder=str(tmp_path / "elsewhere"))
    press(three, "exportStart")
    until(three, lambda: service.batches)
    batch = only(service)
    assert batch.settings == ExportSettings.from_json(
        export_preset("web").settings.to_json()
        | {"quality": 70, "longest": 2000, "tile": 256, "label": False, "address": "https://archive.example/iiif"}
    )
    assert batch.folder == str(tmp_path / "elsewhere")


def test_the_name_is_shown_while_the_template_is_typed(three: Application) -> None:
    dialog(three)
    template, example = find(three, QLineEdit, "exportTemplate"), find(three, QLabel, "exportExample")
    assert example.text().endswith("a_restored_v01.tif")
    template.setText("{project}_{number}_{name}")
    template.textEdited.emit(template.text())
    assert example.text().endswith("_001_a.tif")


@pytest.mark.parametrize(("template", "told"), [("{nobody}", "{nobody}"), ("../{name}", "stays inside"), ("", "empty")])
def test_a_template_that_makes_no_name_cannot_be_exported(three: Application, template: str, told: str) -> None:
    dialog(three)
    line = find(three, QLineEdit, "exportTemplate")
    line.setText(template)
    line.textEdited.emit(template)
    assert told in find(three, QLabel, "exportFault").text()
    assert not find(three, QPushButton, "exportStart").isEnabled()
    assert line.text() == template, "what was typed stays"
    press(three, "exportReset")
    assert find(three, QPushButton, "exportStart").isEnabled()


def test_an_address_that_is_none_is_told(three: Application) -> None:
    dialog(three)
    press(three, "exportPreset_web")
    line = find(three, QLineEdit, "exportAddress")
    line.textEdited.emit("archive.example")
    assert "no web address" in find(three, QLabel, "exportFault").text()
    assert not find(three, QPushButton, "exportStart").isEnabled()


def test_a_whole_project_is_one_job(three: Application, service: FakeService) -> None:
    dialog(three)
    choose(three, Which.ALL)
    assert find(three, QPushButton, "exportStart").text() == "Export 3 images"
    press(three, "exportStart")
    until(three, lambda: ended(three))
    (job,) = jobs(three)
    assert (job.state, job.name, job.text) == ("done", "Preservation: 3 images", "3 saved")
    assert len(only(service).items) == 3
    assert job.report.endswith("report.html")
    assert not find(three, ExportDialog, "exportDialog").isVisible()
    row = three.window.jobs._rows[0]
    assert find(three, QToolButton, "jobReport").isVisible()
    assert row.open_folder.isVisible()


def test_a_selection_and_what_is_approved_are_exported(three: Application, service: FakeService) -> None:
    session = three.window._workspace.session
    items = [session.filmstrip.item(row) for row in range(3)]
    three.window._workspace.assessing.decide([items[2].uuid], "approved")
    three.window.filmstrip.selectAll()
    dialog(three)
    assert find(three, QPushButton, "exportStart").text() == "Export 3 images", "a selection is what is meant"
    choose(three, Which.APPROVED)
    press(three, "exportStart")
    until(three, lambda: ended(three))
    assert [item.uuid for item in only(service).items] == [items[2].uuid]


def test_nothing_approved_is_nothing_to_export(three: Application) -> None:
    box = dialog(three)
    assert not box.button_for(Which.APPROVED).isEnabled()
    three.window._workspace.export_choice.choose(which=Which.APPROVED)
    assert "No image is approved" in find(three, QLabel, "exportFault").text()
    assert not find(three, QPushButton, "exportStart").isEnabled()


def test_recipes_are_those_at_the_time_of_the_click(three: Application, service: FakeService) -> None:
    dialog(three)
    three.window._workspace.document.recipe = Recipe(alpha=5.0)
    press(three, "exportStart")
    until(three, lambda: service.batches)
    assert only(service).items[0].recipe == Recipe(alpha=5.0)


def test_what_failed_is_told_and_tried_again_alone(three: Application, service: FakeService) -> None:
    service.refuse_exports = {1}
    dialog(three)
    choose(three, Which.ALL)
    press(three, "exportStart")
    until(three, lambda: ended(three))
    assert jobs(three)[0].state == "failed"
    assert jobs(three)[0].text == "2 saved, 1 failed. b.png: Its disk is gone; reconnect it."
    service.refuse_exports = set()
    three.window.jobs._rows[0].retry.click()
    until(three, lambda: ended(three) and jobs(three)[0].state == "done")
    assert [Path(item.source.path).name for item in service.batches[1].items] == ["b.png"]


def test_replacing_is_asked_once_and_may_be_declined(three: Application, service: FakeService) -> None:
    dialog(three)
    find(three, QComboBox, "exportConflict").setCurrentIndex(1)
    choose(three, Which.ALL)
    press(three, "exportStart")
    until(three, lambda: ended(three))
    assert three.window.findChild(QMessageBox, "replaceQuestion") is None, "there was nothing to replace"
    for answer, jobs_then in (("keepExisting", 1), ("replaceExisting", 2)):
        dialog(three)
        choose(three, Which.ALL)
        press(three, "exportStart")
        until(three, lambda: three.window.findChild(QMessageBox, "replaceQuestion"))
        question = find(three, QMessageBox, "replaceQuestion")
        assert "3 files or folders exist" in question.text()
        press(three, answer)
        until(three, lambda: three.window.findChild(QMessageBox, "replaceQuestion") is None)
        three.spin(0.1)
        assert len(service.batches) == jobs_then
    until(three, lambda: ended(three))


def test_the_last_way_is_remembered_for_the_project(
    three: Application, start: Open, service: FakeService, tmp_path: Path
) -> None:
    dialog(three)
    press(three, "exportPreset_access")
    find(three, QSpinBox, "exportQuality").setValue(60)
    choose(three, Which.ALL)
    press(three, "exportStart")
    until(three, lambda: ended(three))
    project = three.window._workspace.session.project
    assert project is not None
    three.close()
    again = start(Path(project.folder), on=FakeService(tmp_path / "documents"))
    until(again, lambda: again.window._workspace.session.item)
    dialog(again)
    choice = again.window._workspace.export_choice
    assert (choice.choice.preset, choice.settings.quality) == ("access", 60)
    assert choice.choice.which is Which.CURRENT, "a project is not exported whole because one was"


def test_export_as_last_time_asks_nothing(three: Application, service: FakeService) -> None:
    trigger(three, "exportAgain")
    until(three, lambda: ended(three))
    assert only(service).settings == export_preset("preservation").settings
    assert three.window.findChild(ExportDialog, "exportDialog") is None


@pytest.mark.parametrize(
    "kept",
    ["", "{", "[]", '{"preset": "poster"}', '{"preset": "web", "settings": {"web": {"quality": 900}}, "folder": 1}'],
)
def test_a_kept_choice_that_makes_no_sense_is_forgotten(kept: str) -> None:
    assert Choice.from_text(kept) == Choice()


def test_a_choice_survives_being_kept() -> None:
    settings = dict(Choice().settings)
    settings["web"] = replace(settings["web"], quality=50)
    choice = Choice(Which.ALL, "web", settings, "/somewhere", False)
    assert Choice.from_text(choice.to_text()) == replace(choice, which=Which.CURRENT)
    assert json.loads(choice.to_text())["preset"] == "web"


def test_what_a_job_will_come_to_is_told(three: Application) -> None:
    dialog(three)
    choose(three, Which.ALL)
    label = find(three, QLabel, "exportEstimate")
    until(three, lambda: label.text())
    assert label.text() == "At most 36.9 MB · about 4 min"


def test_an_estimate_says_only_what_is_known() -> None:
    first = in_words(ExportEstimate(1, 0, 900, None, None), "version")
    assert first == "At most 1 kB · the time is known after the first export"
    told = in_words(ExportEstimate(3, 1, 9 * 10**9, 2_500_000_000, 3.0), "overwrite")
    said = "one of these names exists and is replaced where something has changed"
    assert told == f"About 2.5 GB · a few seconds · {said}"


def test_a_whole_project_rests_goes_on_and_is_stopped(start: Open, tmp_path: Path) -> None:
    slow = FakeService(tmp_path, Costs(export_step=0.02, export_steps=500))
    application = start(*(save_picture(tmp_path / f"{n}.png", 64, 48, seed=n) for n in (1, 2)), on=slow)
    until(application, lambda: application.window._workspace.session.filmstrip.rowCount() == 2)
    dialog(application)
    choose(application, Which.ALL)
    press(application, "exportStart")
    until(application, lambda: jobs(application) and jobs(application)[0].progress is not None)
    row = application.window.jobs._rows[0]
    row.pause.click()
    assert jobs(application)[0].paused
    row.pause.click()
    row.stop.click()
    until(application, lambda: ended(application))
    assert (jobs(application)[0].state, jobs(application)[0].text) == ("cancelled", "Stopped; what was finished stays.")


def test_an_interrupted_job_is_offered_and_goes_on(start: Open, service: FakeService, picture: Path) -> None:
    first = start(picture)
    until(first, lambda: first.window._workspace.session.item)
    project, item = first.window._workspace.session.project, first.window._workspace.session.item
    assert project is not None
    assert item is not None
    first.close()
    fresh = FakeService(Path(project.folder).parent)
    batch = ExportBatch((item,) * 3, ExportSettings(), str(Path(project.folder) / "exports"), project, True, "job7")
    fresh.interrupted = [InterruptedExport(batch, 2)]
    second = start(Path(project.folder), on=fresh)
    until(second, lambda: jobs(second))
    (job,) = jobs(second)
    assert (job.state, job.text) == ("cancelled", "Interrupted after 2 of 3 images; those are done and stay.")
    assert "go on with it" in second.window.messages.text.text()
    second.window.jobs._rows[0].retry.click()
    until(second, lambda: fresh.batches)
    assert fresh.batches[0].resumes == "job7"
    assert "forget job7" not in fresh.calls
    until(second, lambda: ended(second))


def test_an_interrupted_job_that_is_removed_is_forgotten(start: Open, service: FakeService, picture: Path) -> None:
    application = start(picture)
    until(application, lambda: application.window._workspace.session.item)
    work = application.window._workspace
    item = work.session.item
    assert item is not None
    batch = ExportBatch((item,), ExportSettings(), "exports", work.session.project, True, "job8")
    work.export_jobs._list([InterruptedExport(batch, 0)])
    work.export_jobs._list([InterruptedExport(batch, 0)])
    assert len(jobs(application)) == 1, "offered once"
    application.window.jobs._rows[0].stop.click()
    assert service.calls.count("forget job8") == 1


def test_everything_in_the_dialog_has_a_name_for_those_who_hear_it(three: Application) -> None:
    box = dialog(three)
    fields = [*box.findChildren(QComboBox), *box.findChildren(QSpinBox)]
    lines = [line for line in box.findChildren(QLineEdit) if line.objectName().startswith("export")]
    cards = [cast(QPushButton, box.findChild(QPushButton, f"exportPreset_{preset.id}")) for preset in EXPORT_PRESETS]
    assert all(widget.accessibleName() for widget in (*fields, *lines, *cards))
