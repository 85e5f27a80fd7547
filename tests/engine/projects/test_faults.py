"""Full and write-protected disks, lost rights, vanishing files, two programs: one sentence each, and nothing lost."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError, ImageError, ProjectError, WriteError
from engine.projects.fixity import verify
from engine.projects.importing import copy_master
from engine.projects.project import ProjectFolder
from engine.projects.rescue import rescue
from engine.runtime.io import sha256_of
from engine.types import Event, ImageRef, Progress, Recipe
from tests.engine.projects.helpers import add, everything, item_file, master

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    with ProjectFolder.create(tmp_path / "Box.archivist", "Box") as opened:
        yield opened


def nothing(_: Progress) -> None:
    return


def fill(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """From now on the disk takes so many bytes, then no more; what is there stays readable."""
    left = after
    system_write = os.write

    def write(descriptor: int, data: Any) -> int:
        nonlocal left
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = system_write(descriptor, bytes(data)[: min(len(data), left)])
        left -= count
        return count

    def sync(_: int) -> None:
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "fsync", sync)


@pytest.mark.parametrize("after", [0, 1, 100, 500])
@pytest.mark.parametrize("act", ["journal", "save", "approve", "event", "add", "copy"])
def test_full_disk_is_told_and_nothing_is_lost(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, after: int
) -> None:
    item = add(project, master(tmp_path / "scans"))
    other = master(tmp_path / "scans", "other.tif", b"x" * 2000)
    folder = Path(project.value.folder)
    edit = item.with_recipe(Recipe(alpha=2.0))
    project.journal([edit])
    approved = replace(edit, decision="approved", revision=edit.revision + 1)
    acts: dict[str, Callable[[], object]] = {
        "journal": lambda: project.journal([approved]),
        "save": lambda: project.save_item(edit),
        "approve": lambda: project.save_item(approved),
        "event": lambda: project.record(Event("exporting", "picture.tif was written.", details={"much": "x" * 900})),
        "add": lambda: add(project, other),
        "copy": lambda: copy_master(other, sha256_of(other), folder),
    }
    with monkeypatch.context() as patch:
        fill(patch, after)
        try:
            acts[act]()
            went_well = True
        except WriteError as error:
            went_well = False
            assert "disk is full" in str(error)  # noqa: PT017 - some acts fit into what is left
    assert went_well <= (after > 0)
    with ProjectFolder.open(folder) as looking:
        assert looking.check_log().intact
    project.close()
    with ProjectFolder.open(folder) as again:
        assert again.problems == ()
        kept = next(one for one in again.value.items if one.uuid == item.uuid)
        assert kept.recipe == edit.recipe, "the journal had it"
        assert kept.decision in ("", "approved")
        assert again.check_log().intact
        assert not [path for path in folder.rglob("*") if path.name.endswith("-tmp")]


def test_full_disk_while_opening_leaves_the_journal_for_the_next_start(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = add(project, master(tmp_path / "scans"))
    edit = item.with_recipe(Recipe(alpha=2.0))
    project.journal([edit])
    project.close()
    folder = Path(project.value.folder)
    with monkeypatch.context() as patch:
        fill(patch, 300)
        with ProjectFolder.open(folder) as full:
            assert any("disk is full" in problem for problem in full.problems)
    with ProjectFolder.open(folder) as again:
        assert again.value.items == (edit,)


def test_full_disk_while_rescuing_deletes_nothing(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = item_file(project, add(project, master(tmp_path / "scans")))
    project.close()
    content = path.read_bytes()[:-40]
    path.write_bytes(content)
    folder = Path(project.value.folder)
    with monkeypatch.context() as patch:
        fill(patch, 250)
        with pytest.raises(EngineError, match="disk is full"):
            rescue(folder, nothing)
    assert content in everything(folder).values()
    assert rescue(folder, nothing).images == 1
    assert content in everything(folder).values()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets not even root mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def stuff(path: Path) -> None:
    """Fills a disk with one file."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)


def test_disk_that_is_really_full_is_told_and_nothing_is_lost(small_disk: Path, tmp_path: Path) -> None:
    with ProjectFolder.create(small_disk / "Box.archivist", "Box") as project:
        item = add(project, master(tmp_path / "scans"))
        large = master(tmp_path / "scans", "large.tif", b"x" * 300_000)
        with pytest.raises(WriteError, match="disk is full"):
            copy_master(large, sha256_of(large), small_disk / "Box.archivist")
        stuff(small_disk / "ballast")
        with pytest.raises(WriteError, match="disk is full"):
            project.save_item(replace(item, note="x" * 9000, revision=item.revision + 1))
        assert project.check_log().intact
    (small_disk / "ballast").unlink()
    with ProjectFolder.open(small_disk / "Box.archivist") as again:
        assert again.problems == ()
        assert again.value.items[0].source == item.source
        assert again.check_log().intact


def test_disk_that_is_really_write_protected_opens_read_only(small_disk: Path, tmp_path: Path) -> None:
    with ProjectFolder.create(small_disk / "Box.archivist", "Box") as project:
        item = add(project, master(tmp_path / "scans"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with ProjectFolder.open(small_disk / "Box.archivist") as opened:
        assert not opened.value.writable
        assert "cannot be written" in opened.value.reason
        assert opened.value.items == (item,)
        with pytest.raises(ProjectError, match="cannot be written"):
            opened.save_item(item.with_recipe(Recipe(alpha=2.0)))
    with pytest.raises(WriteError, match="write-protected"):
        ProjectFolder.create(small_disk / "Other.archivist", "Other")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write and read everything")
def test_folder_without_write_permission_opens_read_only(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path / "scans"))
    project.close()
    folder = Path(project.value.folder)
    folder.chmod(0o555)
    try:
        with ProjectFolder.open(folder) as opened:
            assert "Permission denied" in opened.value.reason
            assert opened.value.items == (item,)
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write and read everything")
def test_master_that_may_not_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = master(tmp_path)
    source = ImageRef("plate.tif", sha256_of(path), path.stat().st_size)
    path.chmod(0)
    report = verify(source, path)
    assert report.state == "unreadable"
    assert "may not be read by you" in report.message


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOENT])
def test_refusal_of_the_system_is_one_sentence_and_leaves_the_item(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    item = add(project, master(tmp_path / "scans"))
    system_open = os.open

    def refuse(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(refusal, os.strerror(refusal), str(path))
        return system_open(path, flags, mode, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(WriteError, match=r"\.$"):
            project.save_item(item.with_recipe(Recipe(alpha=2.0)))
        with pytest.raises(WriteError, match=r"\.$"):
            project.journal([item.with_recipe(Recipe(alpha=2.0))])
        with pytest.raises(WriteError, match=r"\.$"):
            project.record(Event("exporting", "picture.tif was written."))
    assert project.value.items == (item,)


def test_master_that_shrinks_or_vanishes_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = master(tmp_path, content=b"x" * (3 << 20))
    source = ImageRef("plate.tif", sha256_of(path), path.stat().st_size)

    def shrink(step: Progress) -> None:
        if step.done == 1 << 20:
            os.truncate(path, 1 << 20)

    assert verify(source, path, shrink).state == "changed"
    path.unlink()
    report = verify(source, path)
    assert (report.state, report.actual) == ("unreadable", "")
    assert "not there any more" in report.message


def test_master_that_vanishes_before_it_is_copied_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = master(tmp_path / "card")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    with pytest.raises(ImageError, match=r"plate\.tif cannot be read"):
        copy_master(path, digest, tmp_path)
    assert os.listdir(tmp_path / "masters") == []


WORK = """
import sys
from pathlib import Path
from engine.projects.project import ProjectFolder
with ProjectFolder.open(Path(sys.argv[1])) as project:
    print(project.value.writable, project.value.reason, flush=True)
    sys.stdin.readline()
"""


def start_other(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORK, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_of_several_programs_that_open_a_project_at_once_one_may_write(project: ProjectFolder, tmp_path: Path) -> None:
    item = add(project, master(tmp_path / "scans"))
    project.close()
    folder = Path(project.value.folder)
    programs = [start_other(folder) for _ in range(4)]
    try:
        told = [program.stdout.readline() for program in programs if program.stdout]
        assert sorted(line.split()[0] for line in told) == ["False", "False", "False", "True"]
        for line in told:
            assert line.startswith("True") or "open" in line, "the others are told who has it"
        with ProjectFolder.open(folder) as ours:
            assert not ours.value.writable
            assert "has this project open on this computer" in ours.value.reason
            assert ours.value.items == (item,)
            with pytest.raises(ProjectError, match="has this project open"):
                ours.save_item(item.with_recipe(Recipe(alpha=2.0)))
    finally:
        for program in programs:
            program.communicate("\n", timeout=30)
    with ProjectFolder.open(folder) as ours:
        assert ours.value.writable
        assert ours.save_item(item.with_recipe(Recipe(alpha=2.0)))
        assert ours.check_log().intact
