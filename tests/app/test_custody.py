"""Masters in the window: checked, doubted, accepted, found again."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QPushButton

from archivist_app.app import Application
from archivist_app.state.filmstrip_model import FilmRole
from archivist_app.state.jobs_model import Job
from engine.types import ExportBatch, ExportOutcome, ExportReport, Progress, export_preset
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import FakeService, FakeWork, save_picture


def ended(application: Application) -> Job:
    jobs = application.window._workspace.jobs
    until(application, lambda: jobs.jobs and not jobs.running)
    return jobs.jobs[-1]


def doubts(application: Application) -> list[str]:
    model = application.window._workspace.session.filmstrip
    return [str(model.index(row).data(FilmRole.DOUBT)) for row in range(model.rowCount())]


def press(application: Application, name: str) -> None:
    until(application, lambda: application.window.findChild(QPushButton, name) is not None)
    find(application, QPushButton, name).click()


def three(start: Open, tmp_path: Path) -> tuple[Application, list[Path]]:
    pictures = [save_picture(tmp_path / f"plate-{n}.png", 90, 70, seed=n) for n in range(3)]
    application = start(*pictures)
    until(application, lambda: application.window.filmstrip.model().rowCount() == 3)
    return application, pictures


def test_a_check_of_unchanged_masters_says_so_in_its_row(start: Open, tmp_path: Path) -> None:
    application, _ = three(start, tmp_path)
    trigger(application, "checkMasters")
    job = ended(application)
    assert (job.name, job.state) == ("Check of 3 masters", "done")
    assert job.text == "All 3 are unchanged since they were added."
    assert doubts(application) == ["", "", ""]


def test_a_check_names_each_master_that_is_not_what_it_was(start: Open, tmp_path: Path) -> None:
    application, pictures = three(start, tmp_path)
    save_picture(pictures[1], 90, 70, seed=50)
    pictures[2].unlink()
    trigger(application, "checkMasters")
    job = ended(application)
    assert job.state == "failed"
    assert job.text == "1 changed, 1 could not be read: plate-1.png, plate-2.png"
    assert ["plate-1.png" in doubts(application)[1], "plate-2.png" in doubts(application)[2]] == [True, True]
    (offer,) = application.window.messages.offers
    assert offer.text.startswith("plate-1.png is not the file that was added")
    assert application.window.messages.isVisible()


def test_a_changed_master_is_accepted_by_a_person_and_shown_anew(start: Open, tmp_path: Path) -> None:
    application, pictures = three(start, tmp_path)
    session = application.window._workspace.session
    save_picture(pictures[0], 90, 70, seed=50)
    trigger(application, "checkMasters")
    ended(application)
    assert session.item is not None
    before = session.item.source.sha256
    assert find(application, QAction, "acceptMasterAction").isEnabled()
    press(application, "acceptMasterButton")
    until(application, lambda: session.item is not None and session.item.source.sha256 != before)
    until(application, lambda: application.window.messages.text.text().startswith("“plate-0.png” is accepted"))
    assert doubts(application)[0] == ""
    assert not find(application, QAction, "acceptMasterAction").isEnabled()
    assert application.window.messages.offers == ()
    assert session.document.image == session.item.source


def test_settings_made_before_a_changed_master_is_accepted_are_kept(start: Open, tmp_path: Path) -> None:
    application, pictures = three(start, tmp_path)
    session = application.window._workspace.session
    save_picture(pictures[0], 90, 70, seed=50)
    trigger(application, "checkMasters")
    ended(application)
    application.window.adjust.rows["alpha"].slider.setValue(900)
    trigger(application, "acceptMaster")
    until(application, lambda: doubts(application)[0] == "")
    until(application, lambda: session.item is not None and session.item.uuid in session._items)
    assert session.item is not None
    assert session.item.recipe.alpha > 6


class Refusing(FakeService):
    """An engine that finds a master changed when it is to export it."""

    def export_batch(
        self, batch: ExportBatch, on_progress: object, on_outcome: object = None
    ) -> FakeWork[ExportReport]:
        work: FakeWork[ExportReport] = FakeWork()
        text = "harbour.png is not the file that was added; look."
        outcome = ExportOutcome(batch.items[0].source.path, "failed", sentence=text, doubted=True)
        work.future.set_result(ExportReport((outcome,), batch.folder, 0.1))
        return work


def test_an_export_that_was_refused_asks_what_to_do_with_the_master(
    start: Open, picture: Path, service: FakeService
) -> None:
    application = start(picture, on=Refusing(service.root))
    until(application, lambda: application.window._workspace.session.document.image is not None)
    work = application.window._workspace
    item = work.session.item
    assert item is not None
    settings = export_preset("access").settings
    work.export_jobs.start(lambda: ExportBatch((item,), settings, str(service.root), work.session.project))
    assert ended(application).state == "failed"
    until(application, lambda: application.window.messages.offers)
    assert application.window.messages.offers[0].text.startswith("harbour.png is not the file that was added")
    press(application, "laterButton")
    assert application.window.messages.offers == ()
    assert doubts(application) != [""], "the filmstrip goes on warning"


def test_moved_masters_are_found_in_a_folder_somebody_names(start: Open, tmp_path: Path) -> None:
    application, pictures = three(start, tmp_path)
    (tmp_path / "moved").mkdir()
    for picture in pictures[1:]:
        shutil.move(picture, tmp_path / "moved" / f"renamed-{picture.name}")
    trigger(application, "findMasters")
    until(application, lambda: application.window.findChild(QFileDialog, "findMastersDialog") is not None)
    dialog = find(application, QFileDialog, "findMastersDialog")
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile(str(tmp_path / "moved"))
    dialog.accept()
    job = ended(application)
    assert (job.state, job.text) == ("done", "2 of 2 found.")
    names = [application.window.filmstrip.model().index(row, 0).data() for row in range(3)]
    assert names == ["plate-0.png", "renamed-plate-1.png", "renamed-plate-2.png"]


def test_a_master_that_is_not_where_it_was_is_looked_for_nearby(start: Open, tmp_path: Path) -> None:
    application, pictures = three(start, tmp_path)
    shutil.move(pictures[1], tmp_path / "elsewhere.png")
    session = application.window._workspace.session
    session.step(1)
    until(application, lambda: application.window.messages.offers)
    assert "plate-1.png" in application.window.messages.text.text()
    press(application, "lookNearbyButton")
    assert ended(application).text.endswith("“Find moved masters”."), "the fake engine looks nowhere unasked"
    assert application.window.messages.offers == ()


def test_one_master_is_asked_about_once_however_often_it_is_doubted(start: Open, tmp_path: Path) -> None:
    application, pictures = three(start, tmp_path)
    save_picture(pictures[1], 90, 70, seed=50)
    application.window._workspace.session.step(1)
    until(application, lambda: application.window.messages.offers)
    trigger(application, "checkMasters")
    ended(application)
    assert len(application.window.messages.offers) == 1


def test_a_check_can_be_stopped(start: Open, tmp_path: Path, service: FakeService) -> None:
    application, _ = three(start, tmp_path)
    progress: list[Progress] = []
    trigger(application, "checkMasters")
    jobs = application.window._workspace.jobs
    jobs.cancel(jobs.jobs[-1].number)
    job = ended(application)
    assert job.state in ("cancelled", "done"), progress
