"""Bags, judged by the Library of Congress's own reader."""

from __future__ import annotations

from pathlib import Path

import bagit
import pytest

from engine.errors import Cancelled, WriteError
from engine.export import bag
from engine.types import Progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "box 12_bag"
    (made / "data" / "objects").mkdir(parents=True)
    (made / "data" / "objects" / "Fräulein Müller.tif").write_bytes(b"II*\0" + bytes(5000))
    (made / "data" / "README.txt").write_text("hello\n")
    bag.seal(made, {"Source-Organization": "Stadt\narchiv", "External-Identifier": "StA 12/7"})
    return made


def is_valid(folder: Path) -> bool:
    try:
        return bool(bagit.Bag(str(folder)).validate())
    except bagit.BagError:
        return False


def test_a_bag_is_valid_for_the_reference_reader_and_for_ours(folder: Path) -> None:
    assert is_valid(folder)
    assert bag.verify(folder).whole
    read = bagit.Bag(str(folder))
    assert read.version_info == (1, 0)
    assert read.info["Payload-Oxum"] == "5010.2"
    assert read.info["Source-Organization"] == "Stadt archiv"
    assert sorted(read.algorithms) == ["sha256", "sha512"]


@pytest.mark.parametrize("name", ["data/README.txt", "data/objects/Fräulein Müller.tif", "bag-info.txt"])
def test_one_changed_byte_anywhere_makes_it_invalid_for_both(folder: Path, name: str) -> None:
    path = folder / name
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    assert not is_valid(folder)
    assert any(name in fault for fault in bag.verify(folder).faults)


def test_a_missing_and_an_added_file_are_named(folder: Path) -> None:
    (folder / "data" / "README.txt").rename(folder / "data" / "other.txt")
    faults = " ".join(bag.verify(folder).faults)
    assert "data/README.txt is missing" in faults
    assert "data/other.txt is not listed" in faults
    assert not is_valid(folder)


@pytest.mark.parametrize("line", ["../../etc/passwd", "/etc/passwd", "C:\\x", "data/../../x"])
def test_a_manifest_that_leads_out_of_the_bag_is_not_followed(folder: Path, line: str) -> None:
    manifest = folder / "manifest-sha256.txt"
    manifest.write_text(manifest.read_text() + f"{'0' * 64}  {line}\n")
    assert any("outside the package" in fault for fault in bag.verify(folder).faults)


def test_a_link_that_leads_out_of_the_bag_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hello\n")
    (folder / "data" / "README.txt").unlink()
    (folder / "data" / "README.txt").symlink_to(tmp_path / "secret")
    assert any("leads out" in fault for fault in bag.verify(folder).faults)


@pytest.mark.parametrize("name", ["100 %.tif", "a\nb.tif"])
def test_names_that_manifests_disagree_about_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(b"x")
    with pytest.raises(WriteError, match="cannot stand in a package"):
        bag.seal(tmp_path, {})


def test_a_long_check_is_stopped(folder: Path) -> None:
    def stop(_: Progress | None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        bag.verify(folder, stop)


def test_a_damaged_manifest_is_a_fault_and_no_crash(folder: Path) -> None:
    (folder / "manifest-sha512.txt").write_bytes(b"\xff\xfe nonsense")
    assert not bag.verify(folder).whole
