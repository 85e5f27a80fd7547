"""Projects through the engine's door: what is logged, what is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageError, MasterChangedError, ProjectError
from engine.service import EngineService
from engine.types import (
    Event,
    EventObject,
    ExportBatch,
    ExportOptions,
    FixityReport,
    ImageRef,
    Progress,
    Project,
    Recipe,
    export_preset,
)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")


@pytest.fixture
def service() -> Iterator[EngineService]:
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "masters" / "cat.png"
    path.parent.mkdir()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def project(service: EngineService, photo: Path) -> Project:
    made, _ = service.project_for([str(photo)]).result(10)
    service.register(made.items[0].source, service.locate(made, made.items[0]))
    return made


def kinds(service: EngineService, project: Project) -> list[tuple[str, str]]:
    return [(line.event.type, line.event.outcome) for line in service.events(project).result(10)]


def test_what_happens_to_a_project_is_logged(service: EngineService, project: Project) -> None:
    made = EventObject("exports/cat.tif", "cd" * 32, 9, "outcome", project.items[0].uuid)
    service.record(project, Event("exporting", "cat.tif was written.", objects=(made,))).result(10)
    assert kinds(service, project) == [("creation", "success"), ("ingestion", "success"), ("exporting", "success")]
    last = service.events(project).result(10)[-1]
    assert last.event.objects == (made,)


def test_master_is_read_again_before_every_export(service: EngineService, project: Project, tmp_path: Path) -> None:
    item = project.items[0]
    options = ExportOptions(str(tmp_path / "out.png"))
    service.export(item.source, Recipe(strength=0.0), options, lambda _: None).future.result(60)
    last = service.events(project).result(10)[-1]
    assert (last.event.type, last.event.outcome) == ("fixity check", "success")
    assert last.event.objects[0].sha256 == item.source.sha256
    assert last.event.objects[0].item == item.uuid


def test_what_is_new_is_decoded_where_that_is_asked_for(
    service: EngineService, project: Project, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = tmp_path / "half.png"
    half.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    same, refused = service.add_images(project, [str(half), str(photo)], inspect=True).result(10)
    assert (same.items, len(refused)) == (project.items, 1)
    assert "half.png” is damaged or incomplete" in refused[0]
    filled, refused = service.add_images(project, [str(half)]).result(10)
    assert (len(filled.items), refused) == (2, ()), "its header is sound, and the window tells of the rest"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("what is in the project already was decoded again")

    monkeypatch.setattr("engine.imaging.reader.check_pixels", refuse)
    assert service.add_images(filled, [str(half), str(photo)], inspect=True).result(10) == (filled, ())


def test_changed_master_is_not_exported_even_if_it_was_decoded_before(
    service: EngineService, project: Project, photo: Path, tmp_path: Path
) -> None:
    item = project.items[0]
    service.picture(item.source, 32).result(10)
    content = bytearray(photo.read_bytes())
    content[len(content) // 2] ^= 1
    photo.write_bytes(content)
    options = ExportOptions(str(tmp_path / "out.png"))
    with pytest.raises(ImageError, match=r"cat\.png is not the file that was added"):
        service.export(item.source, Recipe(), options, lambda _: None).future.result(60)
    assert not (tmp_path / "out.png").exists()
    assert kinds(service, project)[-1] == ("fixity check", "failure")


def nothing(_: Progress) -> None:
    return


def damaged(photo: Path) -> None:
    content = bytearray(photo.read_bytes())
    content[len(content) // 2] ^= 1
    photo.write_bytes(content)


def test_masters_are_checked_in_the_background_and_each_outcome_is_logged(
    service: EngineService, project: Project, photo: Path, tmp_path: Path
) -> None:
    more = tmp_path / "masters" / "more.png"
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(more)
    filled, _ = service.add_images(project, [str(more)]).result(10)
    damaged(photo)
    seen: list[Progress] = []
    reports = service.check_masters(filled, filled.items, seen.append).future.result(30)
    assert [(uuid, report.state) for uuid, report in reports] == [
        (filled.items[0].uuid, "changed"),
        (filled.items[1].uuid, "intact"),
    ]
    assert [(step.done, step.total) for step in seen] == [(0, 2), (1, 2)]
    assert kinds(service, project)[-2:] == [("fixity check", "failure"), ("fixity check", "success")]


def test_acknowledged_master_is_exported_again(
    service: EngineService, project: Project, photo: Path, tmp_path: Path
) -> None:
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(photo)
    options = ExportOptions(str(tmp_path / "out.png"))
    with pytest.raises(MasterChangedError):
        service.export(project.items[0].source, Recipe(strength=0.0), options, nothing).future.result(60)
    changed = service.acknowledge(project, project.items[0]).result(10)
    item = changed.items[0]
    service.register(item.source, service.locate(changed, item))
    service.export(item.source, Recipe(strength=0.0), options, nothing).future.result(60)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.full((64, 64, 3), 90))


def test_file_that_is_no_image_is_not_acknowledged(service: EngineService, project: Project, photo: Path) -> None:
    photo.write_text("Dear Sir")
    with pytest.raises(ImageError):
        service.acknowledge(project, project.items[0]).result(10)


def test_check_of_an_open_project_and_search_and_rescue_go_through_the_door(
    service: EngineService, project: Project, photo: Path
) -> None:
    assert service.check_project(project.folder, nothing).future.result(30).intact
    new = photo.rename(photo.with_name("renamed.png"))
    assert len(service.missing(project).result(10)) == 1
    found, moved = service.relocate(project, None, nothing).future.result(30)
    assert [one.new for one in moved] == [str(new)]
    assert service.locate(found, found.items[0]) == str(new)
    with pytest.raises(ProjectError, match="already open"):
        service.rescue_project(project.folder, nothing).future.result(30)
    service.close_project(project)
    assert service.rescue_project(project.folder, nothing).future.result(30).images == 1
    looked, places = service.look_at_project(project.folder).result(10)
    assert (looked.writable, places[0].state) == (False, "there")


def test_check_can_be_cancelled_in_the_middle_of_a_master(
    service: EngineService, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, stopped = threading.Event(), threading.Event()

    def slow(source: ImageRef, path: Path, progress: Callable[[Progress], None]) -> FixityReport:
        reading.set()
        try:
            while True:
                progress(Progress(0, 1))
                time.sleep(0.005)
        finally:
            stopped.set()

    monkeypatch.setattr("engine.projects.checking.verify", slow)
    work = service.check_masters(project, project.items, nothing)
    assert reading.wait(10)
    start = time.monotonic()
    work.cancel()
    with pytest.raises(CancelledError):
        work.future.result(10)
    assert stopped.wait(1)
    assert time.monotonic() - start < 1


def test_journal_of_a_closed_project_opens_nothing(service: EngineService, project: Project) -> None:
    service.close_project(project)
    service.journal(project, [project.items[0].with_recipe(Recipe(alpha=2.0))]).result(10)
    assert not (Path(project.folder) / ".lock").exists()
    assert not (Path(project.folder) / "journal").exists()


def test_open_project_is_noted_until_it_is_closed_in_an_orderly_way(
    service: EngineService, project: Project, own_home: Path
) -> None:
    service.note_open(project).result(10)
    assert len(list(own_home.rglob("open-*.json"))) == 1
    assert service.left_open().result(10) == (), "its program lives"
    service.note_open(None).result(10)
    assert not list(own_home.rglob("open-*.json"))


def test_a_job_of_many_images_makes_nothing_of_a_changed_master_and_logs_what_it_made(
    service: EngineService, project: Project, photo: Path, tmp_path: Path
) -> None:
    more = tmp_path / "masters" / "more.png"
    Image.fromarray(np.full((40, 40, 3), 99, np.uint8)).save(more)
    filled, _ = service.add_images(project, [str(more)]).result(10)
    damaged(photo)
    batch = ExportBatch(filled.items, export_preset("preservation").settings, str(tmp_path / "out"), filled)
    report = service.export_batch(batch, nothing).future.result(120)
    assert [(one.state, one.doubted) for one in report.outcomes] == [("failed", True), ("written", False)]
    assert "is not the file that was added" in report.outcomes[0].sentence
    events = [line.event for line in service.events(project).result(10)]
    assert [(event.type, event.outcome) for event in events[-3:]] == [
        ("fixity check", "failure"),
        ("fixity check", "success"),
        ("exporting", "success"),
    ]
    assert events[-1].objects[0].sha256 == filled.items[1].source.sha256
    assert events[-1].objects[1].name == Path(report.outcomes[1].output).name


def test_others_may_write_in_a_project_although_a_read_holds_this_program_up(photo: Path) -> None:
    service, began, free = EngineService(device="cpu"), threading.Event(), threading.Event()
    service.start()
    project, _ = service.project_for([str(photo)]).result(10)

    def read() -> None:
        began.set()
        free.wait(20)

    hanging = service.aside(read)
    assert began.wait(10)
    closing = threading.Thread(target=lambda: service.close(1.0))
    closing.start()
    other = EngineService(device="cpu")
    other.start()
    try:
        deadline = time.monotonic() + 5
        while Path(project.folder, ".lock").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not hanging.done()
        assert other.open_project(project.folder).result(10).writable
        closing.join(10)
        assert not closing.is_alive(), "it waits a second, not for ever"
        assert not hanging.done()
    finally:
        free.set()
        closing.join(30)
        other.close()
