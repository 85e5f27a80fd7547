"""Edits reach the disk: none is kept back by another, none is undone by an old answer, none is lost unsaid."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archivist_app.app import Application
from archivist_app.state.meanwhile import newest, set_aside, snapshot_of
from archivist_app.state.saving import HOPELESS
from archivist_app.state.session import Session
from engine.errors import ProjectError, WriteError
from engine.projects.journal import JOURNAL
from engine.projects.project import ProjectFolder
from engine.types import ImageRef, Project, ProjectItem, Recipe
from tests.app.conftest import Open, until
from tests.app.fake_service import save_picture
from tests.app.test_recovery import RealProjects

FULL = "The disk is full, so x.json was not saved; make room on it."


class Unlucky(RealProjects):
    """Real project folders, and items that cannot be saved."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.refused: set[str] = set()
        self.error: type[Exception] = ProjectError
        self.slowness = 0.0
        self.tries = 0

    def save_item(self, project: Project, item: ProjectItem) -> Future[Project]:
        def save() -> Project:
            self.tries += 1
            time.sleep(self.slowness)
            if item.uuid in self.refused:
                raise self.error(FULL)
            return self.desk.save(project, item)

        return self._io.submit(save)


@pytest.fixture
def unlucky(tmp_path: Path) -> Unlucky:
    (tmp_path / "user").mkdir()
    return Unlucky(tmp_path / "user")


def box(folder: Path, name: str, *, images: int = 1, seed: int = 0) -> Path:
    """A project with some pictures."""
    maker = RealProjects(folder)
    pictures = [save_picture(folder / f"{name}-{n}.png", 90, 70, seed=seed + n) for n in range(images)]
    made, _ = maker.desk.join(pictures, folder / f"{name}.archivist")
    maker.desk.close()
    return Path(made.folder)


def session_of(application: Application) -> Session:
    return application.window._workspace.session


def on_disk(folder: Path, uuid: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "items" / f"{uuid}.json").read_text())
    return data


def heard(session: Session) -> list[str]:
    told: list[str] = []
    session.failed.connect(told.append)
    return told


def test_one_item_that_cannot_be_saved_keeps_no_other_from_it(start: Open, unlucky: Unlucky, tmp_path: Path) -> None:
    folder = box(tmp_path, "plates", images=3)
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told = heard(session)
    uuids = list(session._items)
    unlucky.refused = {uuids[0], uuids[1]}
    session.decide([replace(item, stars=4) for item in session.items(uuids)], "stars")
    until(application, lambda: told)
    assert on_disk(folder, uuids[2])["stars"] == 4
    assert told == [f"{FULL} One image more could not be saved either."]
    assert session._unsaved == unlucky.refused
    unlucky.refused = set()
    application.close()
    assert [on_disk(folder, uuid)["stars"] for uuid in uuids] == [4, 4, 4]


def test_a_disk_that_takes_nothing_is_not_asked_for_every_item(start: Open, unlucky: Unlucky, tmp_path: Path) -> None:
    application = start(box(tmp_path, "plates", images=6), on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told, uuids = heard(session), list(session._items)
    unlucky.refused, unlucky.error = set(uuids), WriteError
    session.decide([replace(item, stars=4) for item in session.items(uuids)], "stars")
    until(application, lambda: told)
    assert unlucky.tries == HOPELESS
    assert told == [f"{FULL} 5 images more could not be saved either."]
    unlucky.refused = set()


def test_an_answer_that_was_long_on_its_way_undoes_no_saved_edit(start: Open, unlucky: Unlucky, tmp_path: Path) -> None:
    folder = box(tmp_path, "plates", images=2)
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told, slow, item = heard(session), session.project, session.item
    assert slow is not None
    assert item is not None
    more = save_picture(tmp_path / "more.png", 80, 60, seed=9)
    unlucky.desk.add(slow, [more])
    session.open_paths([str(folder)])
    until(application, lambda: len(session._items) == 3)
    session.document.recipe = replace(session.document.recipe, alpha=5.0)
    until(application, lambda: session._unsaved)
    until(application, lambda: on_disk(folder, item.uuid)["recipe"]["alpha"] == 5.0)
    until(application, lambda: not session._saving.locked())
    application.window._workspace.tasks.spawn(session.take_over(slow, item.uuid))
    application.spin(0.1)
    assert session.document.recipe.alpha == 5.0
    assert len(session._items) == session.filmstrip.rowCount() == 3, "what was added during the search stays"
    assert session.filmstrip.item(session.filmstrip.row_of(item.uuid)).recipe.alpha == 5.0
    session.document.recipe = replace(session.document.recipe, alpha=2.0)
    until(application, lambda: on_disk(folder, item.uuid)["recipe"]["alpha"] == 2.0)
    assert told == []


def test_an_old_answer_takes_the_new_place_of_a_master_and_keeps_unsaved_edits(
    start: Open, unlucky: Unlucky, tmp_path: Path
) -> None:
    folder = box(tmp_path, "plates", images=2)
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told, item = heard(session), session.item
    assert item is not None
    moved = (tmp_path / "plates-0.png").rename(tmp_path / "found.png")
    answer = unlucky.desk._folder(folder).relocate({item.uuid: moved})
    session.document.recipe = replace(session.document.recipe, alpha=5.0)
    application.window._workspace.tasks.spawn(session.take_over(answer, item.uuid))
    until(application, lambda: on_disk(folder, item.uuid)["recipe"]["alpha"] == 5.0)
    assert on_disk(folder, item.uuid)["source"]["path"] == "../found.png"
    assert session.item is not None
    assert session.item.source.path == "../found.png"
    assert told == []


def test_a_project_whose_edits_cannot_be_saved_is_left_only_when_asked_twice(
    start: Open, unlucky: Unlucky, tmp_path: Path
) -> None:
    folder, other = box(tmp_path, "first"), box(tmp_path, "other", seed=7)
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told = heard(session)
    unlucky.refused = set(session._items)
    session.document.recipe = replace(session.document.recipe, alpha=5.0)
    session.open_paths([str(other)])
    until(application, lambda: len(told) == 2)
    assert told[1].startswith("The last edits of one image could not be saved, so this project stays open")
    assert session.project is not None
    assert session.project.folder == str(folder)
    assert session.document.recipe.alpha == 5.0
    assert not (other / ".lock").exists(), "nobody is kept out of what is not open"
    session.open_paths([str(other)])
    until(application, lambda: session.project is not None and session.project.folder == str(other))
    unlucky.refused = set()
    session.open_paths([str(folder)])
    until(application, lambda: session.project is not None and session.project.folder == str(folder))
    assert session.document.recipe.alpha == 5.0, "the journal had it"


def test_an_edit_made_while_the_project_is_being_left_is_saved(start: Open, unlucky: Unlucky, tmp_path: Path) -> None:
    folder, other = box(tmp_path, "first"), box(tmp_path, "other", seed=7)
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    item = session.item
    assert item is not None
    unlucky.slowness = 0.2
    session.document.recipe = replace(session.document.recipe, alpha=2.0)
    session.open_paths([str(other)])
    until(application, lambda: unlucky.tries)
    session.document.recipe = replace(session.document.recipe, alpha=5.0)
    until(application, lambda: session.project is not None and session.project.folder == str(other))
    assert on_disk(folder, item.uuid)["recipe"]["alpha"] == 5.0


def test_what_is_just_being_written_is_waited_for(start: Open, unlucky: Unlucky, tmp_path: Path) -> None:
    application = start(box(tmp_path, "first"), on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    unlucky.slowness, unlucky.refused = 0.3, set(session._items)
    session.document.recipe = replace(session.document.recipe, alpha=2.0)
    until(application, lambda: unlucky.tries)
    assert not session._unsaved, "it is on its way"
    written = application.window._workspace.tasks.spawn(session.flush())
    until(application, written.done)
    assert not written.result()
    assert session._unsaved
    unlucky.refused = set()


def test_an_edit_made_while_the_program_ends_is_saved(start: Open, unlucky: Unlucky, tmp_path: Path) -> None:
    folder = box(tmp_path, "first")
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    item = session.item
    assert item is not None
    unlucky.slowness = 0.2
    session.document.recipe = replace(session.document.recipe, alpha=3.0)
    ending = application.window._workspace.tasks.spawn(session.close())
    until(application, lambda: unlucky.tries)
    session.document.recipe = replace(session.document.recipe, alpha=9.0)
    until(application, ending.done)
    assert on_disk(folder, item.uuid)["recipe"]["alpha"] == 9.0


def test_a_window_with_edits_that_cannot_be_saved_closes_only_when_asked_twice(
    start: Open, unlucky: Unlucky, tmp_path: Path
) -> None:
    folder = box(tmp_path, "first")
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    unlucky.refused = set(session._items)
    session.document.recipe = replace(session.document.recipe, alpha=5.0)
    application.window.close()
    until(application, lambda: any("stays open" in text for text in application.window.messages.faults))
    application.spin(0.1)
    assert application.window.isVisible()
    told = heard(session)
    application.window.close()
    until(application, lambda: application._closed.done())
    assert told[-1].endswith("could not be saved and are kept in the project's journal.")
    assert list((folder / JOURNAL).glob("*.jsonl"))
    with ProjectFolder.open(folder) as opened:
        assert opened.value.items[0].recipe.alpha == 5.0


def test_a_project_that_others_took_over_and_gave_back_is_edited_again(
    start: Open, unlucky: Unlucky, tmp_path: Path
) -> None:
    folder = box(tmp_path, "first")
    application = start(folder, on=unlucky)
    item, _ = edited_while_eve_had_it(application, folder)
    session = session_of(application)
    session.open_paths([str(folder)])
    until(application, lambda: on_disk(folder, item.uuid)["recipe"]["alpha"] == 4.0)
    session.document.recipe = replace(session.document.recipe, alpha=6.0)
    until(application, lambda: on_disk(folder, item.uuid)["recipe"]["alpha"] == 6.0)


def test_what_somebody_else_decided_stands_and_our_own_settings_are_kept_beside_it(
    start: Open, unlucky: Unlucky, tmp_path: Path
) -> None:
    folder = box(tmp_path, "first")
    application = start(folder, on=unlucky)
    item, told = edited_while_eve_had_it(application, folder)
    session = session_of(application)
    with ProjectFolder.open(folder) as theirs:
        theirs.save_item(replace(item.with_recipe(Recipe(alpha=8.0)), decision="approved"))
    session.open_paths([str(folder)])
    until(application, lambda: any("was changed elsewhere meanwhile; your own" in text for text in told))
    assert session.document.recipe.alpha == 8.0
    until(application, lambda: on_disk(folder, item.uuid)["snapshots"])
    kept = on_disk(folder, item.uuid)
    assert (kept["recipe"]["alpha"], kept["decision"]) == (8.0, "approved")
    assert [(one["name"], one["recipe"]["alpha"]) for one in kept["snapshots"]] == [("Unsaved 1", 4.0)]


def test_edits_of_a_read_only_project_are_said_once_not_to_be_saved(
    start: Open, unlucky: Unlucky, tmp_path: Path
) -> None:
    folder = box(tmp_path, "first")
    held_by_eve(folder)
    application = start(folder, on=unlucky)
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told, greetings, item = heard(session), list[str](), session.item
    session.noticed.connect(greetings.append)
    assert item is not None
    for alpha in (2.0, 3.0):
        session.document.recipe = replace(session.document.recipe, alpha=alpha)
    assert len(told) == 1
    assert told[0].startswith("What you change now is not saved. eve has this project open on elsewhere")
    (folder / ".lock").unlink()
    session.open_paths([str(folder)])
    until(application, lambda: greetings)
    assert greetings == ["This project can be edited again; changes are saved."]
    until(application, lambda: on_disk(folder, item.uuid)["recipe"]["alpha"] == 3.0)


def held_by_eve(folder: Path) -> None:
    holder = {"host": "elsewhere", "user": "eve", "pid": 1, "token": "ffff", "heartbeat": ""}
    (folder / ".lock").write_text(json.dumps(holder))


def edited_while_eve_had_it(application: Application, folder: Path) -> tuple[ProjectItem, list[str]]:
    """Somebody else takes the open project over, our edit of alpha 4 cannot be saved, and they let go of it. The item
    before it, and what was said."""
    session = session_of(application)
    until(application, lambda: session.item is not None)
    told, item = heard(session), session.item
    assert item is not None
    held_by_eve(folder)
    session.document.recipe = replace(session.document.recipe, alpha=4.0)
    until(application, lambda: any("eve on elsewhere took this project over" in text for text in told))
    (folder / ".lock").unlink()
    return item, told


def test_of_two_states_the_later_one_is_the_newest() -> None:
    item = ProjectItem("u", ImageRef("a.png", "a", 1))
    later = item.with_recipe(Recipe(alpha=2.0))
    assert newest(item, later) == newest(later, item) == newest(later, None) == later


def test_settings_set_aside_get_a_name_of_their_own() -> None:
    item = ProjectItem("u", ImageRef("a.png", "a", 1))
    theirs = replace(item, snapshots=(snapshot_of(Recipe(), (), "Unsaved"),), revision=7)
    both = set_aside(item.with_recipe(Recipe(alpha=2.0)), theirs)
    assert [one.name for one in both.snapshots] == ["Unsaved 1", "Unsaved 2"]
    assert both.revision == 8
