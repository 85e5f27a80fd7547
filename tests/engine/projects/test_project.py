"""Project folders: what was decided comes back, nothing is doubled, and nobody writes where they may not."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ProjectError, WriteError
from engine.projects.project import (
    ProjectFolder,
    default_folder,
    find_project_for,
    is_project,
    new_project_folder,
)
from engine.types import ProjectItem, Recipe, Snapshot


@pytest.fixture(autouse=True)
def own_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVIST_PROJECTS", str(tmp_path / "projects"))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    with ProjectFolder.create(tmp_path / "projects" / "Harbour.archivist", "Harbour") as opened:
        yield opened


def master(folder: Path, name: str = "plate.tif") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(f"pixels of {unicodedata.normalize('NFC', name)}".encode(errors="surrogateescape"))
    return path


def add(project: ProjectFolder, path: Path, page: int = 0) -> ProjectItem:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    items = project.add(path, digest, len(content), page).items
    return next(item for item in items if (item.source.sha256, item.source.page) == (digest, page))


def reopened(project: ProjectFolder) -> ProjectFolder:
    project.close()
    return ProjectFolder.open(Path(project.value.folder))


def edit_file(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_new_project_is_empty_writable_and_named(project: ProjectFolder) -> None:
    value = project.value
    assert (value.name, value.items, value.writable, value.reason) == ("Harbour", (), True, "")
    assert is_project(Path(value.folder))
    assert project.problems == ()


def test_everything_decided_comes_back_after_reopening(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path / "scans"))
    recipe = Recipe(
        style="albumen", alpha=3.5, beta=0.25, strength=0.8, scope="damage", mask="ab" * 32, grain=0.5, seed=7
    )
    decided = replace(
        item.with_recipe(recipe),
        snapshots=(Snapshot("first try", Recipe(alpha=10.0), "2030-05-01T10:00:00+00:00"),),
        decision="approved",
        stars=4,
        note="Sailor on the left: Ørsted?",
    )
    saved = project.save_item(decided)
    assert saved.items == (decided,)
    with reopened(project) as again:
        assert again.value == saved


def test_images_keep_the_order_in_which_they_were_added(project: ProjectFolder, tmp_path: Path) -> None:
    names = ["c.tif", "a.tif", "d.tif", "b.tif"]
    for name in names:
        add(project, master(tmp_path, name))
    with reopened(project) as again:
        assert [Path(item.source.path).name for item in again.value.items] == names


def test_same_bytes_and_page_are_one_item(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path / "scans")
    copy = shutil.copy(path, tmp_path / "copy.tif")
    first = add(project, path)
    assert add(project, Path(copy)) == first
    assert add(project, path, page=1) != first
    assert len(project.value.items) == 2


def test_masters_are_referred_to_relative_to_the_project_and_never_written(
    project: ProjectFolder, tmp_path: Path
) -> None:
    path = master(tmp_path / "scans" / "1911")
    before = (path.read_bytes(), path.stat().st_mtime_ns, os.listdir(path.parent))
    item = add(project, path)
    assert item.source.path == "../../scans/1911/plate.tif"
    assert project.locate(item) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns, os.listdir(path.parent)) == before


def test_project_moved_together_with_its_masters_finds_them(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path / "projects" / "scans"))
    project.close()
    shutil.move(tmp_path / "projects", tmp_path / "elsewhere" / "deeper")
    with ProjectFolder.open(tmp_path / "elsewhere" / "deeper" / "Harbour.archivist") as moved:
        assert moved.locate(item) == tmp_path / "elsewhere" / "deeper" / "scans" / "plate.tif"


def test_project_moved_without_its_masters_finds_them(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path / "scans")
    item = add(project, path)
    project.close()
    shutil.move(project.value.folder, tmp_path / "a" / "b" / "c")
    with ProjectFolder.open(tmp_path / "a" / "b" / "c") as moved:
        assert moved.locate(item) == path


def test_master_is_found_under_a_root(project: ProjectFolder, tmp_path: Path) -> None:
    folder = Path(project.value.folder)
    item = add(project, master(folder / "1911"))
    project.close()
    shutil.move(folder / "1911", tmp_path / "share" / "1911")
    edit_file(folder / "project.json", roots=["../../share"])
    with ProjectFolder.open(folder) as again:
        assert again.locate(item) == tmp_path / "share" / "1911" / "plate.tif"


def test_file_of_the_right_length_is_preferred(project: ProjectFolder, tmp_path: Path) -> None:
    folder = Path(project.value.folder)
    path = master(folder / "1911")
    item = add(project, path)
    project.close()
    edit_file(folder / "project.json", roots=["../../share"])
    kept = tmp_path / "share" / "1911" / "plate.tif"
    kept.parent.mkdir(parents=True)
    shutil.copy(path, kept)
    path.write_bytes(b"something else")
    with ProjectFolder.open(folder) as again:
        assert again.locate(item) == kept
        kept.unlink()
        assert again.locate(item) == path, "a changed master is found; its checksum tells the rest"


def test_name_with_accents_is_found_however_the_disk_spells_it(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path / "Zu\u0308rich", "Bru\u0308cke.tif")
    item = add(project, path)
    assert item.source.path == "../../Zürich/Brücke.tif"
    project.close()
    item_file = next((Path(project.value.folder) / "items").glob("*.json"))
    source = json.loads(item_file.read_text())["source"]
    edit_file(item_file, source={key: source[key] for key in source if key != "seen_at"})
    with ProjectFolder.open(Path(project.value.folder)) as again:
        assert again.locate(item) == path


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_name_that_is_no_text_is_refused_in_a_printable_sentence(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path, os.fsdecode(b"caf\xe9.tif"))
    with pytest.raises(ProjectError, match=r"caf\?\.tif has bytes that are not text; rename"):
        project.add(path, "0" * 64, 1)
    assert project.value.items == ()


def test_lost_master_is_told_in_a_sentence_and_adding_it_again_finds_it(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path / "scans")
    item = add(project, path)
    new = Path(shutil.move(path, tmp_path / "moved.tif"))
    with pytest.raises(ProjectError, match=r"plate\.tif is not where it was"):
        project.locate(item)
    found = add(project, new)
    assert (found.uuid, found.revision) == (item.uuid, item.revision + 1)
    assert project.locate(found) == new


def test_stale_item_is_refused_and_an_equal_one_needs_no_writing(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    newer = item.with_recipe(Recipe(alpha=2.0))
    project.save_item(newer)
    path = Path(project.value.folder) / "items" / f"{item.uuid}.json"
    written = path.stat().st_mtime_ns
    assert project.save_item(newer).items == (newer,)
    assert path.stat().st_mtime_ns == written
    for stale in (item, item.with_recipe(Recipe(alpha=3.0)), replace(newer, stars=2)):
        with pytest.raises(ProjectError, match="was changed elsewhere meanwhile"):
            project.save_item(stale)
    assert project.value.items == (newer,)
    leap = replace(newer, stars=2, revision=newer.revision + 5)
    assert project.save_item(leap).items == (leap,)


def test_item_of_another_project_or_source_is_refused(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    with pytest.raises(ProjectError, match="is not in the project Harbour"):
        project.save_item(replace(item, uuid="other"))
    with pytest.raises(ProjectError, match="cannot become another image"):
        project.save_item(replace(item, source=replace(item.source, sha256="1" * 64), revision=9))
    with pytest.raises(ProjectError, match="stars"):
        project.save_item(replace(item, stars=6, revision=9))
    assert project.value.items == (item,)


def test_unknown_keys_survive_saving(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    path = Path(project.value.folder) / "items" / f"{item.uuid}.json"
    project.close()
    edit_file(path, faces=[1, 2], recipe=item.recipe.to_json() | {"colour": {"warm": True}})
    with ProjectFolder.open(Path(project.value.folder)) as again:
        again.save_item(item.with_recipe(Recipe(alpha=2.0)))
    data = json.loads(path.read_text())
    assert data["faces"] == [1, 2]
    assert data["recipe"]["colour"] == {"warm": True}
    assert data["recipe"]["alpha"] == 2.0


def test_full_disk_keeps_the_saved_state(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = add(project, master(tmp_path))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match="disk is full"):
            project.save_item(item.with_recipe(Recipe(alpha=2.0)))
    assert project.value.items == (item,)
    assert len(os.listdir(Path(project.value.folder) / "items")) == 1
    with reopened(project) as again:
        assert again.value.items == (item,)


def test_second_opening_is_read_only_and_says_why(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    with ProjectFolder.open(Path(project.value.folder)) as second:
        assert not second.value.writable
        assert "already open" in second.value.reason
        assert second.locate(item)
        with pytest.raises(ProjectError, match="already open"):
            second.save_item(item.with_recipe(Recipe(alpha=2.0)))
    assert project.value.writable
    assert project.save_item(item.with_recipe(Recipe(alpha=2.0)))


def test_closed_project_writes_no_more_and_frees_the_folder(project: ProjectFolder, tmp_path: Path) -> None:
    project.close()
    project.close()
    with pytest.raises(ProjectError, match="was closed"):
        add(project, master(tmp_path))
    assert ".lock" not in os.listdir(project.value.folder)


@pytest.mark.parametrize("newer", ["project.json", "items"])
def test_newer_project_opens_read_only_and_stays_as_it_is(project: ProjectFolder, tmp_path: Path, newer: str) -> None:
    item = add(project, master(tmp_path))
    project.close()
    folder = Path(project.value.folder)
    path = folder / newer if newer.endswith("json") else folder / "items" / f"{item.uuid}.json"
    edit_file(path, schema_version=3, more="later")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with ProjectFolder.open(folder) as opened:
        assert not opened.value.writable
        assert "newer Archivist" in opened.value.reason
        assert opened.value.items == (item,)
        with pytest.raises(ProjectError, match="newer Archivist"):
            opened.save_item(item.with_recipe(Recipe(alpha=2.0)))
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_folder_that_cannot_be_written_opens_read_only(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = add(project, master(tmp_path))
    project.close()
    system_open = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return system_open(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    with ProjectFolder.open(Path(project.value.folder)) as opened:
        assert not opened.value.writable
        assert "Read-only file system" in opened.value.reason
        assert opened.value.items == (item,)


@pytest.mark.parametrize("damage", ["", '{"schema_version": 1', "gone"])
def test_damaged_project_file_is_mended_from_its_backup(project: ProjectFolder, tmp_path: Path, damage: str) -> None:
    item = add(project, master(tmp_path))
    project.close()
    path = Path(project.value.folder) / "project.json"
    good = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_text(damage)
    with ProjectFolder.open(Path(project.value.folder)) as opened:
        assert (opened.value.name, opened.value.items, opened.value.writable) == ("Harbour", (item,), True)
        assert len(opened.problems) == 1
        assert "backups" in opened.problems[0]
    assert path.read_bytes() == good


def test_damage_without_backup_is_one_sentence_and_leaves_no_lock(project: ProjectFolder) -> None:
    project.close()
    folder = Path(project.value.folder)
    shutil.rmtree(folder / "backups")
    (folder / "project.json").write_text("{")
    with pytest.raises(ProjectError, match=r"^project\.json is damaged .*\.$"):
        ProjectFolder.open(folder)
    assert ".lock" not in os.listdir(folder)
    assert (folder / "project.json").read_text() == "{"


def test_damaged_item_does_not_hide_the_others_and_is_left_alone(project: ProjectFolder, tmp_path: Path) -> None:
    good, bad = add(project, master(tmp_path, "a.tif")), add(project, master(tmp_path, "b.tif"))
    project.close()
    items = Path(project.value.folder) / "items"
    (items / f"{bad.uuid}.json").write_text("{")
    shutil.copy(items / f"{good.uuid}.json", items / f"{good.uuid} (conflicted copy).json")
    with ProjectFolder.open(Path(project.value.folder)) as opened:
        assert opened.value.items == (good,)
        assert len(opened.problems) == 2
        assert any(problem.startswith(f"{bad.uuid}.json is damaged") for problem in opened.problems)
        assert any("(conflicted copy).json” is a copy" in problem for problem in opened.problems)
    assert (items / f"{bad.uuid}.json").read_text() == "{"


def test_leftovers_of_a_crash_are_cleared_on_opening(project: ProjectFolder) -> None:
    items = Path(project.value.folder) / "items"
    code = (
        "import os, sys; from pathlib import Path; from engine.projects.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as temporary: os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(items / "a.json")], check=False, timeout=20)
    assert len(os.listdir(items)) == 1
    with reopened(project) as again:
        assert os.listdir(items) == []
        assert again.problems == ()


def test_folder_in_use_or_without_a_project_is_refused(project: ProjectFolder, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not empty; choose another name"):
        ProjectFolder.create(Path(project.value.folder), "Another")
    (tmp_path / "plain").mkdir()
    for folder in (tmp_path / "plain", tmp_path / "gone"):
        with pytest.raises(ProjectError, match="is not an Archivist project"):
            ProjectFolder.open(folder)
    assert os.listdir(tmp_path / "plain") == []
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        ProjectFolder.create(tmp_path / "file" / "below", "Another")


def test_many_threads_may_add_and_save_at_once(project: ProjectFolder, tmp_path: Path) -> None:
    paths = [master(tmp_path / "scans", f"{number}.tif") for number in range(12)]

    def work(path: Path) -> None:
        item = add(project, path)
        project.save_item(item.with_recipe(Recipe(seed=int(path.stem))))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, paths))
    with reopened(project) as again:
        assert sorted(item.recipe.seed for item in again.value.items) == list(range(12))


def test_default_folder_is_among_the_documents_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_folder() == tmp_path / "projects"
    monkeypatch.delenv("ARCHIVIST_PROJECTS")
    assert default_folder().name == "Archivist"
    assert default_folder().is_absolute()


def test_new_project_folder_counts_up_where_a_name_is_taken() -> None:
    first = new_project_folder("Harbour")
    assert first == default_folder() / "Harbour.archivist"
    for expected in ("Harbour_2.archivist", "Harbour_3.archivist"):
        ProjectFolder.create(new_project_folder("Harbour"), "Harbour").close()
        assert new_project_folder("Harbour").name == expected


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("a/b\\c:d", "a_b_c_d.archivist"),
        ("", "Project.archivist"),
        ("..", "Project.archivist"),
        ("nul", "Project nul.archivist"),
        ("line\nbreak", "line_break.archivist"),
        ("Zu\u0308rich ", "Zürich.archivist"),
        ("caf\udce9", "caf_.archivist"),
        ("写" * 200, "写" * 60 + ".archivist"),
    ],
)
def test_any_name_becomes_a_folder_every_system_allows(name: str, folder: str) -> None:
    made = new_project_folder(name)
    assert made.name == folder
    made.mkdir(parents=True)


def test_project_that_holds_an_image_is_found_by_its_bytes(project: ProjectFolder, tmp_path: Path) -> None:
    path = master(tmp_path / "scans")
    item = add(project, path)
    assert find_project_for(path, item.source.sha256) == Path(project.value.folder)
    assert find_project_for(path, "f" * 64) is None
    with ProjectFolder.create(new_project_folder("Later"), "Later") as later:
        copy = Path(shutil.copy(path, tmp_path / "copy.tif"))
        add(later, copy)
        assert find_project_for(copy, item.source.sha256) == Path(later.value.folder)
        assert find_project_for(path, item.source.sha256) == Path(project.value.folder)


def test_search_passes_over_what_it_cannot_read(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path))
    digest = item.source.sha256
    (Path(project.value.folder) / "items" / "broken.json").write_text(f'{{"sha256": "{digest}"')
    (Path(project.value.folder) / "items" / "odd.json").write_text(f'["{digest}"]')
    (default_folder() / "stray file").touch()
    assert find_project_for(tmp_path / "plate.tif", digest) == Path(project.value.folder)


def test_there_is_nothing_to_find_before_the_first_project(tmp_path: Path) -> None:
    assert find_project_for(tmp_path / "plate.tif", "0" * 64) is None


def test_projects_need_neither_torch_nor_qt() -> None:
    code = (
        "import sys, engine.projects.project, engine.projects.fixity\n"
        "assert not {'torch', 'numpy', 'PySide6'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
