"""Exports that an earlier run of the program did not end, and large masters that are shown before they are known."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from archivist_app.state import session
from archivist_app.state.jobs_model import JobsModel, Ways
from archivist_app.views.jobs_panel import JobsPanel
from engine.types import Frame, UnfinishedExport
from tests.app.conftest import Open, find, until
from tests.app.fake_service import FakeService


def cut_off(picture: Path, folder: Path) -> UnfinishedExport:
    return UnfinishedExport("abc", str(picture), str(folder / "harbour_restored_v01.tif"), 3, 12)


def test_what_was_cut_off_waits_among_the_jobs_and_goes_on_when_asked(
    start: Open, service: FakeService, picture: Path, tmp_path: Path
) -> None:
    service.unfinished = (cut_off(picture, tmp_path),)
    application = start()
    model = application.window._workspace.jobs
    until(application, lambda: model.jobs)
    (job,) = model.jobs
    assert (job.name, job.text, job.can_retry) == (
        "harbour_restored_v01.tif",
        "Cut off at 25 %; it can go on from there.",
        True,
    )
    row = find(application, JobsPanel, "jobsPanel")._rows[0]
    assert (row.retry.toolTip(), row.stop.toolTip()) == ("Go on where it was", "Drop it, with what it has computed")
    assert "An export was cut off" in application.window.messages.text.text()
    model.retry(job.number)
    until(application, lambda: model.jobs[0].state == "done")
    assert (tmp_path / "harbour_restored_v01.tif").is_file()
    assert "resume abc" in service.calls
    assert "discard abc" not in service.calls


def test_what_is_taken_from_the_list_is_discarded(
    start: Open, service: FakeService, picture: Path, tmp_path: Path
) -> None:
    service.unfinished = (cut_off(picture, tmp_path),)
    application = start()
    model = application.window._workspace.jobs
    until(application, lambda: model.jobs)
    model.remove_ended()
    assert len(model.jobs) == 1, "tidying up drops nothing that was computed"
    model.remove(model.jobs[0].number)
    until(application, lambda: "discard abc" in service.calls)
    assert not model.jobs


def test_a_job_that_is_begun_anew_is_not_forgotten(qapp: object) -> None:
    model = JobsModel()
    told: list[str] = []
    ways = Ways(retry=lambda: told.append("again"), forget=lambda: told.append("forgotten"))
    for end in (model.retry, model.remove):
        number = model.add("a.tif", lambda: None, ways)
        model.finish(number, "cancelled", "Cut off.")
        end(number)
    assert told == ["again", "forgotten"]


def test_a_large_master_is_shown_before_its_checksum_is_known(
    start: Open, service: FakeService, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = service.project_for
    joined: Future[Any] = Future()
    monkeypatch.setattr(session, "LARGE", 0)
    monkeypatch.setattr(service, "project_for", lambda paths: joined)  # the checksum takes its time
    application = start()
    shown: list[Frame] = []
    work = application.window._workspace
    work.session.overview_arrived.connect(shown.append)
    work.session.open_paths([str(picture)])
    until(application, lambda: shown)
    join([str(picture)]).add_done_callback(lambda done: joined.set_result(done.result()))
    until(application, lambda: work.document.image is not None and len(shown) > 1)
    assert shown[0].request.image.sha256 == ""
    assert shown[-1].request.image == work.document.image
    until(application, lambda: application.window.compare.viewport is not None)
