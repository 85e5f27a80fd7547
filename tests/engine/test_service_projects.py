"""Projects through the engine's door: what is logged, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageError
from engine.service import EngineService
from engine.types import Event, EventObject, ExportOptions, Project, Recipe


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
