"""Exports from the first click to the file, and closing the window meanwhile."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QToolButton

from archivist_app.app import Application
from archivist_app.state.exporting import next_target
from archivist_app.state.jobs_model import Job, JobsModel, Ways, overall
from engine.types import Progress
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService


def long_export(start: Open, picture: Path, folder: Path) -> tuple[Application, FakeService]:
    """A program in which an export runs that would take a minute."""
    service = FakeService(folder, Costs(export_step=0.02, export_steps=3000))
    application = start(picture, on=service)
    until(application, lambda: application.window.compare.viewport is not None)
    trigger(application, "exportAgain")
    until(application, lambda: jobs(application)[0].progress is not None)
    return application, service


def jobs(application: Application) -> tuple[Job, ...]:
    return application.window._workspace.jobs.jobs


def exports(application: Application) -> Path:
    project = application.window._workspace.session.project
    assert project is not None
    return Path(project.folder, "exports")


def button(application: Application, name: str) -> QPushButton:
    """A button of the question that is asked before closing."""
    until(application, lambda: application.window.findChild(QMessageBox, "stopJobsQuestion"))
    return find(application, QPushButton, name)


def test_an_export_goes_into_the_project_and_names_its_file(opened: Application) -> None:
    trigger(opened, "exportAgain")
    until(opened, lambda: jobs(opened)[0].state == "done")
    assert [path.name for path in exports(opened).iterdir()] == ["harbour_restored_v01.tif"]
    assert jobs(opened)[0].path == str(exports(opened) / "harbour_restored_v01.tif")
    assert "640 × 480" in jobs(opened)[0].text


def test_the_next_export_is_the_next_version_also_while_one_runs(opened: Application) -> None:
    trigger(opened, "exportAgain")
    trigger(opened, "exportAgain")
    until(opened, lambda: all(job.state == "done" for job in jobs(opened)))
    assert sorted(path.name for path in exports(opened).iterdir()) == [
        "harbour_restored_v01.tif",
        "harbour_restored_v02.tif",
    ]


def test_versions_count_on_from_the_highest(tmp_path: Path) -> None:
    (tmp_path / "a(1)_restored_v09.tif").touch()
    (tmp_path / "b_restored_v40.tif").touch()
    assert next_target(tmp_path, "scans/a(1).jpg", {"a(1)_restored_v10.tif"}).name == "a(1)_restored_v11.tif"
    assert next_target(tmp_path / "not there", "c.png", set()).name == "c_restored_v01.tif"


def test_cancel_leaves_no_file_and_is_not_a_failure(start: Open, picture: Path, tmp_path: Path) -> None:
    application, _service = long_export(start, picture, tmp_path)
    (stop,) = (
        found
        for found in application.window.jobs.findChildren(QToolButton)
        if found.accessibleName().startswith("Stop harbour")
    )
    stop.click()
    until(application, lambda: jobs(application)[0].state == "cancelled")
    assert list(exports(application).iterdir()) == []
    assert application.window.messages.faults == ()


def test_a_failed_export_tells_the_reason_in_its_row(opened: Application, tmp_path: Path) -> None:
    opened.window._workspace.exporter.export(tmp_path / "nowhere" / "x.tif")
    until(opened, lambda: jobs(opened)[0].state == "failed")
    texts = [label.text() for label in opened.window.jobs.findChildren(QLabel)]
    assert "“x.tif” cannot be written; choose another folder." in texts


def test_the_window_stays_usable_during_an_export(start: Open, picture: Path, tmp_path: Path) -> None:
    application, _service = long_export(start, picture, tmp_path)
    shown: list[object] = []
    application.window.compare.frame_shown.connect(shown.append)
    application.window.adjust.rows["alpha"].slider.setValue(800)
    until(application, lambda: shown)
    assert jobs(application)[0].running


def test_closing_during_an_export_asks_and_may_be_declined(start: Open, picture: Path, tmp_path: Path) -> None:
    application, _service = long_export(start, picture, tmp_path)
    application.window.close()
    button(application, "keepWorking").click()
    until(application, lambda: application.window.findChild(QMessageBox, "stopJobsQuestion") is None)
    assert application.window.isVisible()
    assert jobs(application)[0].running


def test_closing_during_an_export_cancels_it_and_leaves_no_thread(start: Open, picture: Path, tmp_path: Path) -> None:
    application, service = long_export(start, picture, tmp_path)
    folder = exports(application)
    application.window.adjust.rows["alpha"].slider.setValue(800)
    application.window.close()
    button(application, "stopAndClose").click()
    until(application, lambda: application._closed.done())
    assert not application.window.isVisible()
    assert list(folder.iterdir()) == []
    assert service.saves[-1].recipe.alpha > 3, "what was changed last is saved"
    assert not [thread for thread in threading.enumerate() if thread.name == "engine" and thread.is_alive()]


def test_run_shows_the_window_and_ends_when_it_is_closed(start: Open, picture: Path) -> None:
    application = start(picture, show=False)
    seen: list[bool] = []
    application.window.first_painted.connect(lambda: seen.append(application.window.isVisible()))
    application.window.first_painted.connect(application.window.close)
    assert application.run() == 0
    assert seen == [True]


def test_time_left_follows_the_pace() -> None:
    job = Job(1, "x.tif", progress=Progress(25, 100), started=100.0)
    assert job.seconds_left(110.0) == 30.0
    assert job.seconds_left(100.1) is None


def test_a_job_cannot_be_removed_while_it_runs() -> None:
    model = JobsModel()
    asked: list[str] = []
    number = model.add("x.tif", lambda: asked.append("stop"))
    model.remove(number)
    assert model.rowCount() == 1
    model.cancel(number)
    model.cancel(number)
    assert asked == ["stop"]
    model.finish(number, "cancelled", "Stopped.")
    model.remove(number)
    assert model.rowCount() == 0


def test_a_paused_job_rests_and_its_rest_does_not_count() -> None:
    model = JobsModel()
    held: list[bool] = []
    number = model.add("x.tif", lambda: None, Ways(hold=held.append))
    model.advance(number, Progress(1, 4))
    started = model.jobs[0].started
    model.hold(number, True)
    model.hold(number, True)
    assert model.jobs[0].paused
    assert model.jobs[0].seconds_left(started + 60) is None
    time.sleep(0.05)
    model.hold(number, False)
    assert held == [True, False]
    assert model.jobs[0].started >= started + 0.04
    model.finish(number, "done", "Saved.")
    model.hold(number, True)
    assert held == [True, False]


def test_only_what_ended_without_a_result_can_be_tried_again() -> None:
    model = JobsModel()
    again: list[str] = []
    for state in ("done", "failed"):
        number = model.add("x.tif", lambda: None, Ways(retry=lambda: again.append("x")))
        model.finish(number, state, "")
        assert model.jobs[-1].can_retry == (state == "failed")
        model.retry(number)
    assert again == ["x"]
    assert [job.state for job in model.jobs] == ["done"]


def test_an_export_that_failed_is_tried_again_with_a_click(
    opened: Application, service: FakeService, tmp_path: Path
) -> None:
    folder = tmp_path / "away"
    model = opened.window._workspace.jobs
    opened.window._workspace.exporter.export(folder / "a.tif")
    until(opened, lambda: [job.state for job in model.jobs] == ["failed"])
    row = opened.window.jobs._rows[0]
    assert row.retry.isVisible()
    folder.mkdir()
    row.retry.click()
    until(opened, lambda: [job.state for job in model.jobs] == ["done"])


def test_a_running_export_rests_and_goes_on_with_a_click(start: Open, picture: Path, tmp_path: Path) -> None:
    application, _ = long_export(start, picture, tmp_path / "documents")
    row = application.window.jobs._rows[0]
    row.pause.click()
    assert jobs(application)[0].paused
    assert "paused" in row.text.text()
    row.pause.click()
    assert not jobs(application)[0].paused
    application.window._workspace.jobs.cancel_all()
    until(application, lambda: not application.window._workspace.jobs.running)


def test_failures_are_found_below_the_rest_and_tried_again_together(opened: Application, tmp_path: Path) -> None:
    window, folder = opened.window, tmp_path / "away"
    window._workspace.exporter.export(folder / "x.tif")
    window._workspace.exporter.export(folder / "y.tif")
    window._workspace.exporter.export()
    until(opened, lambda: not any(job.running for job in jobs(opened)))
    assert [job.state for job in jobs(opened)] == ["done", "failed", "failed"]
    assert [row.number for row in window.jobs._rows] == [job.number for job in jobs(opened)]
    assert find(opened, QLabel, "jobsSummary").text() == "3 of 3 jobs ended · 2 failed"
    folder.mkdir()
    find(opened, QPushButton, "retryFailedJobs").click()
    until(opened, lambda: [job.state for job in jobs(opened)] == ["done"] * 3)
    find(opened, QPushButton, "clearJobs").click()
    assert jobs(opened) == ()
    assert not window.jobs.isVisible()


def test_the_time_left_of_all_counts_those_that_wait() -> None:
    done = Job(1, "a", state="done", took=10.0)
    running = Job(2, "b", progress=Progress(1, 2), started=100.0)
    waiting = Job(3, "c")
    assert overall((done, running, waiting), 105.0).seconds_left == 15.0
    assert overall((running, waiting), 105.0).seconds_left == 15.0
    assert overall((waiting,), 105.0).seconds_left is None
    assert overall((done,), 105.0).seconds_left is None


def test_a_failed_row_looks_like_one(opened: Application, tmp_path: Path) -> None:
    opened.window._workspace.exporter.export(tmp_path / "nowhere" / "x.tif")
    until(opened, lambda: jobs(opened)[0].state == "failed")
    text = opened.window.jobs._rows[0].text
    assert text.palette().color(text.foregroundRole()).name() == opened.window._theme.tokens.fault


def test_in_a_low_window_jobs_leave_the_adjustments_their_room(opened: Application) -> None:
    window, adjust = opened.window, opened.window.adjust
    window.resize(1280, 800)
    for number in range(3):
        opened._workspace.jobs.finish(opened._workspace.jobs.add(f"Job {number}", lambda: None), "done", "Done")
    opened.spin(0.1)
    lowest = adjust.thorough.mapTo(adjust, adjust.thorough.rect().bottomLeft()).y()
    scroll = adjust.parentWidget()
    assert scroll is not None
    assert lowest < scroll.height()  # all of it is seen, without scrolling
    window.resize(1280, 1000)
    opened.spin(0.1)
    assert window.jobs._scroll.height() == 3 * 32
