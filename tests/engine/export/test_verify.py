"""Checks of what was exported, and recipes run again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from engine.errors import EngineError, RecipeError
from engine.export import credentials
from engine.models import catalog
from engine.models.weights import save_restorer
from engine.service import EngineService
from engine.service.packaging import credentials_folder
from engine.training.run import Networks
from engine.types import SHIPPED_MODEL, ExportOptions, PackageFacts, Progress, Recipe, Reproduced, Verified


def nothing(_: Progress) -> None:
    return


@pytest.fixture
def folder(archivist: EngineService, scan: Path, tmp_path: Path) -> Path:
    """A package of the scan, with its master."""
    image = archivist.open_image(str(scan)).result(20).ref
    facts = PackageFacts("Stadtarchiv", with_master=True)
    made = archivist.package(image, Recipe(alpha=2), str(tmp_path / "box_bag"), facts, nothing).future.result(120)
    return Path(made.folder)


def verified(archivist: EngineService, path: Path, *roots: Path) -> Verified:
    return archivist.verify(str(path), [str(root) for root in roots], nothing).future.result(60)


def states(found: Verified) -> dict[str, set[str]]:
    kinds = {finding.what for finding in found.findings}
    return {kind: {one.state for one in found.findings if one.what == kind} for kind in kinds}


def reproduced(archivist: EngineService, path: Path, master: Path | None = None) -> Reproduced:
    return archivist.reproduce(str(path), str(master) if master else None, nothing).future.result(120)


def change(path: Path) -> None:
    """Flips a bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_package_is_checked_whole(archivist: EngineService, folder: Path) -> None:
    found = verified(archivist, folder)
    assert found.kind == "package"
    assert found.good
    assert states(found) == {
        "package": {"good"},
        "signature": {"good"},
        "recipe": {"good"},
        "model": {"good"},
        "master": {"good"},
        "premis": {"good"},
        "log": {"good"},
    }


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("data/objects/box_restored.tif", {"package", "premis"}),
        ("data/objects/box_access.jpg", {"package", "signature"}),
        ("data/objects/box_master.tif", {"package", "premis", "master"}),
        ("data/objects/box_aimask.png", {"package"}),
        ("data/metadata/events.jsonl", {"package", "log"}),
    ],
)
def test_one_changed_byte_is_found_and_named(
    archivist: EngineService, folder: Path, name: str, kinds: set[str]
) -> None:
    change(folder / name)
    found = verified(archivist, folder)
    assert not found.good
    assert {kind for kind, state in states(found).items() if "bad" in state} >= kinds
    assert any(Path(name).name in finding.sentence for finding in found.findings if finding.state == "bad")


def test_a_file_is_checked_against_the_package_it_lies_in(archivist: EngineService, folder: Path) -> None:
    mask = folder / "data/objects/box_aimask.png"
    assert verified(archivist, mask).good
    change(mask)
    found = verified(archivist, mask)
    assert not found.good
    assert "not what was packed in “box_bag”" in found.findings[0].sentence
    assert not verified(archivist, copied(folder, "stray.png")).good


def copied(folder: Path, name: str) -> Path:
    return Path(shutil.copy(folder / "data/objects/box_uncertainty.png", folder / "data/objects" / name))


def test_a_file_alone_says_what_it_is_and_what_is_missing(
    archivist: EngineService, folder: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone" / "picture.tif"
    alone.parent.mkdir()
    shutil.copy(folder / "data/objects/box_restored.tif", alone)
    found = verified(archivist, alone)
    assert found.good
    assert states(found) == {
        "checksum": {"good"}, "signature": {"good"}, "recipe": {"good"}, "model": {"good"}, "master": {"warning"},
    }  # fmt: skip
    (alone.parent / "Fräulein 12.tif").write_bytes(b"another picture")
    assert states(verified(archivist, alone))["master"] == {"bad"}


def test_whose_signature_it_is_can_be_told_from_elsewhere(
    archivist: EngineService, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "data/objects/box_restored.tif"
    monkeypatch.setattr("engine.service.packaging.credentials_folder", lambda: tmp_path / "another computer")
    assert states(verified(archivist, path))["signature"] == {"warning"}
    assert states(verified(archivist, path, folder / "data/metadata/c2pa-root.pem"))["signature"] == {"good"}
    with pytest.raises(EngineError, match="holds no certificate"):
        verified(archivist, path, folder / "data/metadata/README.txt")
    assert not (tmp_path / "another computer").exists()


def test_a_project_is_checked_with_its_masters_and_its_log(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    project, _ = archivist.project_for([str(scan)], str(tmp_path / "Box.archivist")).result(20)
    archivist.close_project(project)
    assert verified(archivist, Path(project.folder)).good
    change(scan)
    found = verified(archivist, Path(project.folder))
    assert found.kind == "project"
    assert states(found) == {"master": {"bad"}, "log": {"good"}}


def test_what_cannot_be_checked_is_told_in_a_sentence(archivist: EngineService, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="neither a package, a web export nor a project"):
        verified(archivist, tmp_path)
    with pytest.raises(EngineError, match="does not exist"):
        verified(archivist, tmp_path / "nothing.tif")
    (tmp_path / "letter.txt").write_text("x")
    assert verified(archivist, tmp_path / "letter.txt").good


def test_the_recipe_in_a_file_gives_the_same_pixels_again(archivist: EngineService, folder: Path) -> None:
    found = reproduced(archivist, folder / "data/objects/box_restored.tif")
    assert (found.likeness, found.largest, found.differing, found.notes) == ("identical", 0.0, 0.0, ())
    assert Path(found.master) == folder / "data/objects/box_master.tif"


def test_every_export_can_be_made_again_and_not_only_packages(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    image = archivist.open_image(str(scan)).result(20).ref
    for name in ("a.tif", "b.png"):
        options = ExportOptions(str(tmp_path / name))
        archivist.export(image, Recipe(strength=0.5), options, nothing).future.result(60)
        assert reproduced(archivist, tmp_path / name).likeness == "identical"


def repainted(path: Path, by: int) -> None:
    with tifffile.TiffFile(path, mode="r+") as file:
        pixels = file.pages.first.asarray().astype(np.int32)
        pixels[10, 10] += np.where(pixels[10, 10] > 30_000, -by, by)
        tags = {tag.code: tag for tag in file.pages.first.tags.values()}
        packet, icc = tags[700].value, tags[34675].value
    tifffile.imwrite(
        path,
        pixels.astype(np.uint16),
        photometric="rgb",
        iccprofile=icc,
        metadata=None,
        extratags=[(700, 1, len(packet), packet, True)],
    )


@pytest.mark.parametrize(("by", "likeness"), [(200, "close"), (2000, "different")])
def test_how_far_a_changed_file_is_from_its_recipe_is_measured(
    archivist: EngineService, folder: Path, by: int, likeness: str
) -> None:
    path = folder / "data/objects/box_restored.tif"
    repainted(path, by)
    found = reproduced(archivist, path)
    assert found.likeness == likeness
    assert found.largest == pytest.approx(by / 65535)
    assert found.differing == pytest.approx(1 / (64 * 80))


def test_what_it_was_made_on_is_told_where_that_differs(
    archivist: EngineService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archivist.warm().result(20)
    studio = archivist._studio_made
    assert studio is not None
    monkeypatch.setattr(studio, "ready", replace(studio.ready, torch="9.9", threads=64))
    (note,) = reproduced(archivist, folder / "data/objects/box_restored.tif").notes
    assert "(here 9.9)" in note
    assert "(here 64)" in note


def test_a_master_that_is_missing_or_another_is_told_in_a_sentence(
    archivist: EngineService, folder: Path, scan: Path, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(folder / "data/objects/box_restored.tif", tmp_path / "alone_restored.tif"))
    scan.rename(tmp_path / "moved.tif")
    with pytest.raises(RecipeError, match="say with --master where it is"):
        reproduced(archivist, alone)
    assert reproduced(archivist, alone, tmp_path / "moved.tif").likeness == "identical"
    with pytest.raises(RecipeError, match="is not the master"):
        reproduced(archivist, alone, alone)


def test_weights_that_are_not_here_are_told_in_a_sentence(
    archivist: EngineService, folder: Path, brightening: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    other = tmp_path / "other.safetensors"
    save_restorer(other, Networks().state_dict(), {"id": SHIPPED_MODEL, "title": "Other"})
    monkeypatch.setattr(catalog, "shipped", lambda: (other,))
    service = EngineService(device="cpu")
    service.start()
    try:
        with pytest.raises(RecipeError, match="other weights"):
            reproduced(service, folder / "data/objects/box_restored.tif")
    finally:
        service.close()


def test_a_damage_mask_is_found_in_the_package(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    image = archivist.open_image(str(scan)).result(20).ref
    marked = np.zeros((64, 80), np.uint8)
    marked[10:30, 20:50] = 255
    mask = archivist.keep_mask(marked, None).result(20)
    recipe = Recipe(scope="damage", mask=mask)
    folder = tmp_path / "box_bag"
    archivist.package(image, recipe, str(folder), PackageFacts(), nothing).future.result(120)
    other = EngineService(device="cpu")
    other.start()
    try:
        path = folder / "data/objects/box_restored.tif"
        assert reproduced(other, path, scan).likeness == "identical"
        (folder / "data/objects/box_damagemask.png").unlink()
        with pytest.raises(RecipeError, match="damage mask that is not here"):
            reproduced(other, path, scan)
    finally:
        other.close()


def test_a_style_of_ones_own_is_in_the_file(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    image = archivist.open_image(str(scan)).result(20).ref
    card = archivist.add_style(str(scan), title="Mine").result(60)
    options = ExportOptions(str(tmp_path / "styled.tif"))
    archivist.export(image, Recipe(style=card.id, beta=1.0), options, nothing).future.result(60)
    archivist.remove_style(card.id)
    assert reproduced(archivist, tmp_path / "styled.tif").likeness == "identical"


def test_files_that_hold_no_exact_result_are_refused_in_words(
    archivist: EngineService, folder: Path, scan: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="keeps no exact pixels"):
        reproduced(archivist, folder / "data/objects/box_access.jpg")
    with pytest.raises(RecipeError, match="holds no recipe"):
        reproduced(archivist, scan)


def test_a_signature_is_looked_for_beside_the_file_too(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages.tif"
    tifffile.imwrite(pages, np.zeros((2, 20, 30, 3), np.uint8), photometric="rgb", metadata=None)
    claim = credentials.Claim("pages.tif", "urn:x", "Restored", "Archivist", "1", {})
    credentials.sign(pages, claim, scan, credentials.identity(credentials_folder()))
    assert states(verified(archivist, pages))["signature"] == {"good"}
