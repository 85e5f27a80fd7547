"""The program is killed: edits come back, the project is offered again. Projects are real here, the engine is not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from archivist_app.app import Application
from engine.projects.desk import ProjectDesk
from engine.projects.journal import JOURNAL
from engine.projects.left_open import OpenNote
from engine.projects.project import ProjectFolder
from engine.types import Project, ProjectItem, Recipe
from tests.app.conftest import Open, find, until
from tests.app.fake_service import FakeService


class RealProjects(FakeService):
    """The fake engine on real project folders."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.desk = ProjectDesk(lambda path: (self._open(str(path)).ref.sha256, path.stat().st_size))
        self.note = OpenNote(root / "state")
        self.saving = True

    def open_project(self, folder: str) -> Future[Project]:
        return self._io.submit(self.desk.open, Path(folder))

    def project_for(self, paths: Sequence[str], folder: str | None = None) -> Future[tuple[Project, tuple[str, ...]]]:
        return self._io.submit(self.desk.join, [Path(path) for path in paths], None)

    def journal(self, project: Project, items: Sequence[ProjectItem]) -> Future[None]:
        return self._io.submit(self.desk.journal, project, items)

    def save_item(self, project: Project, item: ProjectItem) -> Future[Project]:
        self.saves.append(item)
        return self._io.submit(self.desk.save, project, item) if self.saving else Future()

    def locate(self, project: Project, item: ProjectItem) -> str:
        return self.desk.locate(project, item)

    def close_project(self, project: Project) -> None:
        self.desk.close(project)

    def note_open(self, project: Project | None) -> Future[None]:
        return self._io.submit(self.note.note, Path(project.folder) if project else None)

    def left_open(self) -> Future[tuple[str, ...]]:
        return self._io.submit(lambda: tuple(str(one) for one in self.note.take_left_open()))


def session_alpha(application: Application) -> float:
    item = application.window._workspace.session.item
    assert item is not None
    return item.recipe.alpha


def press(application: Application, name: str) -> None:
    until(application, lambda: application.window.findChild(QPushButton, name) is not None)
    find(application, QPushButton, name).click()


def killed_with_edits(folder: Path, *recipes: Recipe) -> None:
    """Leaves a project as a program that was killed between an edit and its saving."""
    with ProjectFolder.open(folder) as opened:
        item = opened.value.items[0]
        for recipe in recipes:
            item = item.with_recipe(recipe)
            opened.journal([item])


@pytest.fixture
def folder(tmp_path: Path, picture: Path) -> Path:
    desk = RealProjects(tmp_path / "made")
    made, _ = desk.desk.join([picture], None)
    desk.desk.close()
    return Path(made.folder)


@pytest.fixture
def real(tmp_path: Path) -> Callable[[], RealProjects]:
    (tmp_path / "user").mkdir()
    return lambda: RealProjects(tmp_path / "user")


def test_an_edit_is_in_the_journal_within_half_a_second_and_leaves_it_once_saved(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    application = start(folder, on=real())
    until(application, lambda: application.window._workspace.session.item is not None)
    application.window.adjust.rows["alpha"].slider.setValue(900)
    until(application, lambda: list((folder / JOURNAL).glob("*.jsonl")), seconds=0.9)
    (journal,) = (folder / JOURNAL).glob("*.jsonl")
    entry = json.loads(journal.read_text().splitlines()[-1])
    assert entry["recipe"]["alpha"] == session_alpha(application)
    until(application, lambda: not journal.exists(), seconds=4)
    (item,) = (folder / "items").glob("*.json")
    assert json.loads(item.read_text())["recipe"]["alpha"] == session_alpha(application)


def test_edits_of_a_killed_program_are_brought_back_and_said_so(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    killed_with_edits(folder, Recipe(alpha=2.0), Recipe(alpha=7.0))
    application = start(folder, on=real())
    until(application, lambda: application.window.messages.offers)
    assert "the last edits of one image were brought back" in application.window.messages.text.text()
    assert session_alpha(application) == 7.0
    press(application, "keepButton")
    assert not application.window.messages.isVisible()
    application.close()
    with ProjectFolder.open(folder) as opened:
        assert opened.value.items[0].recipe.alpha == 7.0
        assert opened.value.recovered == ()
        assert [line.event.type for line in opened.events()].count("recovery") == 1


def test_what_was_brought_back_can_be_discarded_and_that_undone(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    killed_with_edits(folder, Recipe(alpha=7.0))
    application = start(folder, on=real())
    press(application, "discardButton")
    until(application, lambda: session_alpha(application) == 1.0)
    assert application.window.adjust.rows["alpha"].slider.value() != 900
    application.window.actions_.undo.trigger()
    assert session_alpha(application) == 7.0
    application.window.actions_.redo.trigger()
    application.close()
    with ProjectFolder.open(folder) as opened:
        assert opened.value.items[0].recipe.alpha == 1.0


def test_the_project_of_a_killed_program_is_offered_at_the_next_start(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    service = real()
    (service.root / "state").mkdir()
    note = service.root / "state" / f"open-{OpenNote(service.root)._path.stem.split('-')[1]}-{2**22 + 1}.json"
    note.write_text(json.dumps({"project": str(folder)}))
    application = start(on=service)
    until(application, lambda: application.window.messages.offers)
    assert f"“{folder.stem}” was open" in application.window.messages.text.text()
    press(application, "reopenButton")
    until(application, lambda: application.window._workspace.session.project is not None)
    assert application.window.windowTitle() == f"{folder.stem} — Archivist"
    assert not note.exists()
    until(application, lambda: service.note._path.exists())
    application.close()
    assert not list((service.root / "state").glob("open-*.json")), "it ended in an orderly way"


def test_nothing_is_offered_after_an_orderly_end(start: Open, folder: Path, real: Callable[[], RealProjects]) -> None:
    first = start(folder, on=real())
    until(first, lambda: first.window._workspace.session.item is not None)
    first.close()
    again = start(on=real())
    again.spin(0.5)
    assert again.window.messages.offers == ()


def test_what_a_project_had_to_be_mended_of_is_told(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    (folder / "project (conflicted copy).json").write_text("{}")
    application = start(folder, on=real())
    until(application, lambda: application.window.messages.faults)
    assert "project (conflicted copy).json" in application.window.messages.faults[0]


def test_a_project_is_said_to_be_in_use_while_it_is_open(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    service = real()
    application = start(folder, on=service)
    until(application, lambda: application.window._workspace.session.item is not None)
    heart = application.window._workspace.session._heart
    assert heart.isActive()
    assert heart.interval() <= 30_000
    heart.timeout.emit()
    until(application, lambda: "beat" in service.calls)
    assert os.path.exists(folder / ".lock")


def test_edits_made_while_saving_is_stuck_are_not_lost(
    start: Open, folder: Path, real: Callable[[], RealProjects]
) -> None:
    service = real()
    application = start(folder, on=service)
    session = application.window._workspace.session
    until(application, lambda: session.item is not None)
    service.saving = False  # as on a share that does not answer
    application.window.adjust.rows["alpha"].slider.setValue(900)
    until(application, lambda: service.saves, seconds=3)
    application.window.adjust.rows["strength"].slider.setValue(500)
    until(application, lambda: not session._unjournaled, seconds=3)
    assert session.item is not None
    wanted = session.item.recipe
    application.spin(0.3)
    service.saving = True
    service.desk.close()  # the lock goes, nothing is saved: what a kill leaves
    with ProjectFolder.open(folder) as opened:
        assert opened.value.items[0].recipe == wanted
        assert replace(opened.value.recovered[0], recipe=Recipe()).revision == 0
    session._unsaved.clear()
    session._saving = type(session._saving)()
