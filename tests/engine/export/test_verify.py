"""Checks of what was exported, and recipes run again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from engine.errors import Cancelled, EngineError, ImageError, RecipeError
from engine.export import credentials
from engine.export.verify import verify
from engine.imaging import reader
from engine.imaging.reader import read_metadata
from engine.models import catalog
from engine.models.weights import save_restorer
from engine.service import EngineService
from engine.service.packaging import credentials_folder
from engine.training.run import Networks
from engine.types import PROTECTED, SHIPPED_MODEL, ExportOptions, PackageFacts, Progress, Recipe, Reproduced, Verified


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


def reproduced(
    archivist: EngineService, path: Path, master: Path | None = None, mask: Path | None = None
) -> Reproduced:
    where, marked = (str(place) if place else None for place in (master, mask))
    return archivist.reproduce(str(path), where, nothing, mask=marked).future.result(120)


def exported(archivist: EngineService, scan: Path, target: Path, recipe: Recipe | None = None) -> Path:
    """A restoration of the scan, of the kind that the target's ending says."""
    image = archivist.open_image(str(scan)).result(20).ref
    archivist.export(image, recipe or Recipe(strength=0.5), ExportOptions(str(target)), nothing).future.result(60)
    return target


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
        "picture": {"good"},
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
        "checksum": {"good"}, "picture": {"good"}, "signature": {"good"}, "recipe": {"good"}, "model": {"good"},
        "master": {"warning"},
    }  # fmt: skip
    (alone.parent / "Fräulein 12.tif").write_bytes(b"another picture")
    assert states(verified(archivist, alone))["master"] == {"bad"}


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.webp"])
def test_a_picture_whose_pixels_cannot_be_read_is_bad_whatever_it_says_of_itself(
    archivist: EngineService, scan: Path, tmp_path: Path, name: str
) -> None:
    path = exported(archivist, scan, tmp_path / name)
    assert states(verified(archivist, path))["picture"] == {"good"}
    path.write_bytes(path.read_bytes()[:-500])
    found = verified(archivist, path)
    assert not found.good
    assert states(found)["picture"] == {"bad"}
    told = [finding.sentence for finding in found.findings if "copy or scan it again" in finding.sentence]
    assert len(told) == 1


def test_every_page_of_a_picture_is_decoded(archivist: EngineService, tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        for number in range(3):
            page = np.random.default_rng(number).integers(0, 255, (40, 50), np.uint8)
            file.write(page, metadata=None, compression="zlib")
    assert verified(archivist, path).good
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[2].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(content)
    assert states(verified(archivist, path))["picture"] == {"bad"}


def test_the_check_of_a_large_picture_tells_its_rows_and_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "WHOLE_BYTES", 0)
    path = tmp_path / "high.tif"
    tifffile.imwrite(path, np.zeros((600, 20), np.uint8), metadata=None, compression="lzw", rowsperstrip=64)
    seen: list[Progress] = []
    assert verify(path, (), seen.append).good
    assert [step.done for step in seen if step.total == 600] == [256, 512, 600]

    def stop(step: Progress) -> None:
        if step.done == 512:
            raise Cancelled

    with pytest.raises(Cancelled):
        verify(path, (), stop)


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


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A damage mask of the scan as a person draws it, with a soft edge."""
    marked = np.zeros((64, 80), np.uint8)
    marked[10:30, 20:50] = 255
    marked[30:33, 20:50] = 90
    Image.fromarray(marked).save(tmp_path / "drawn.png")
    return tmp_path / "drawn.png"


@pytest.fixture
def masked(archivist: EngineService, scan: Path, drawn: Path, tmp_path: Path) -> Path:
    """The scan restored where that mask says."""
    image = archivist.open_image(str(scan)).result(20).ref
    mask = archivist.add_mask(str(drawn), image).result(20)
    return exported(archivist, scan, tmp_path / "masked.tif", Recipe(scope="damage", mask=mask))


@pytest.fixture
def later(masked: Path) -> Iterator[EngineService]:
    """A program that was started after the restoration, and knows no mask."""
    other = EngineService(device="cpu")
    other.start()
    yield other
    other.close()


def test_what_was_made_with_a_mask_is_made_again_with_that_mask_however_it_is_stored(
    later: EngineService, masked: Path, scan: Path, drawn: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="say with --mask where it is"):
        reproduced(later, masked, scan)
    same = tmp_path / "the same.tif"
    Image.open(drawn).convert("RGB").save(same)
    for mask in (drawn, same):
        assert reproduced(later, masked, scan, mask).likeness == "identical"


def test_another_mask_than_it_was_made_with_is_refused_in_words(
    later: EngineService, masked: Path, scan: Path, drawn: Path, tmp_path: Path
) -> None:
    pixels = np.asarray(Image.open(drawn)).copy()
    pixels[40, 40] = 255
    Image.fromarray(pixels).save(tmp_path / "other.png")
    with pytest.raises(RecipeError, match=r"“other\.png” is not the damage mask that “masked\.tif” was made with"):
        reproduced(later, masked, scan, tmp_path / "other.png")
    Image.fromarray(pixels[:, :70]).save(tmp_path / "narrow.png")
    with pytest.raises(RecipeError, match="must have the size of the image"):
        reproduced(later, masked, scan, tmp_path / "narrow.png")
    with pytest.raises(ImageError, match="nowhere"):
        reproduced(later, masked, scan, tmp_path / "nowhere.png")
    plain = exported(later, scan, tmp_path / "plain.tif")
    with pytest.raises(RecipeError, match=r"was made without a damage mask; leave out --mask\."):
        reproduced(later, plain, scan, drawn)


def test_the_mask_of_a_package_is_taken_as_the_file_it_is_protection_included(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    marked = np.zeros((64, 80), np.uint8)
    marked[10:30, 20:50], marked[20:25] = 255, PROTECTED
    mask = archivist.keep_mask(marked, None).result(20)
    image = archivist.open_image(str(scan)).result(20).ref
    folder, recipe = tmp_path / "box_bag", Recipe(scope="damage", mask=mask)
    archivist.package(image, recipe, str(folder), PackageFacts(), nothing).future.result(120)
    alone, moved = tmp_path / "alone_restored.tif", tmp_path / "moved.png"
    shutil.copy(folder / "data/objects/box_restored.tif", alone)
    shutil.copy(folder / "data/objects/box_damagemask.png", moved)
    other = EngineService(device="cpu")
    other.start()
    try:
        assert reproduced(other, alone, scan, moved).likeness == "identical"
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
    renamed = tmp_path / "access.tif"
    shutil.copy(folder / "data/objects/box_access.jpg", renamed)
    for path in (folder / "data/objects/box_access.jpg", renamed):
        with pytest.raises(RecipeError, match="is a JPEG, which keeps no exact pixels; take a TIFF or PNG"):
            reproduced(archivist, path)
    with pytest.raises(RecipeError, match="is a lossy WebP, which keeps no exact pixels"):
        reproduced(archivist, exported(archivist, scan, tmp_path / "a.webp"), scan)
    with pytest.raises(RecipeError, match="holds no recipe"):
        reproduced(archivist, scan)


def test_a_webp_that_lost_nothing_is_compared(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    said = read_metadata(exported(archivist, scan, tmp_path / "a.webp"))
    with Image.open(exported(archivist, scan, tmp_path / "a.png")) as exact:
        options = {"xmp": said.xmp, "icc_profile": exact.info["icc_profile"]}
        exact.save(tmp_path / "exact.webp", lossless=True, **options)
    assert reproduced(archivist, tmp_path / "exact.webp", scan).likeness == "identical"


def test_a_signature_is_looked_for_beside_the_file_too(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages.tif"
    tifffile.imwrite(pages, np.zeros((2, 20, 30, 3), np.uint8), photometric="rgb", metadata=None)
    claim = credentials.Claim("pages.tif", "urn:x", "Restored", "Archivist", "1", {})
    credentials.sign(pages, claim, scan, credentials.identity(credentials_folder()))
    assert states(verified(archivist, pages))["signature"] == {"good"}
