"""Packages, judged by exiftool, xmllint, bagit, tiffinfo, pngcheck and a C2PA reader."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import bagit
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import EngineError, MasterChangedError, ProjectError, WriteError
from engine.export import credentials, objects
from engine.export.package import reference_of
from engine.imaging.icc import parse, srgb_profile
from engine.imaging.xmp import COMPOSITE, ENHANCED
from engine.projects.events import EventLog
from engine.runtime.worker import Lane, Work
from engine.service import EngineService
from engine.service.packaging import credentials_folder
from engine.types import (
    CONSERVATOR,
    PROTECTED,
    ExportBatch,
    ExportOptions,
    ExportReport,
    OpenedImage,
    Optimisation,
    Packaged,
    PackageFacts,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    export_preset,
)
from tests.engine.export.tools import exiftool_value, exiftool_warnings, run, schema_errors

FACTS = PackageFacts("Stadtarchiv", "A. Archivar", "StA 12/7", "Glasnegativ", with_master=True)


def nothing(_: Progress) -> None:
    return


def opened(archivist: EngineService, scan: Path) -> OpenedImage:
    return archivist.open_image(str(scan)).result(20)


def packed(
    archivist: EngineService, scan: Path, folder: Path, recipe: Recipe = Recipe(), facts: PackageFacts = FACTS
) -> Packaged:
    image = opened(archivist, scan).ref
    return archivist.package(image, recipe, str(folder), facts, nothing).future.result(120)


def test_a_package_is_what_an_archive_takes_in(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    made = packed(archivist, scan, tmp_path / "box12_bag")
    folder = Path(made.folder)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == [
        "bag-info.txt",
        "bagit.txt",
        "data/metadata/README.txt",
        "data/metadata/c2pa-root.pem",
        "data/metadata/events.jsonl",
        "data/metadata/premis.xml",
        "data/metadata/recipe.json",
        "data/objects/box12_access.jpg",
        "data/objects/box12_aimask.png",
        "data/objects/box12_master.tif",
        "data/objects/box12_restored.tif",
        "data/objects/box12_uncertainty.png",
        "manifest-sha256.txt",
        "manifest-sha512.txt",
        "tagmanifest-sha256.txt",
        "tagmanifest-sha512.txt",
    ]
    bag = bagit.Bag(str(folder))
    assert bag.validate()
    wanted = {
        "Source-Organization": "Stadtarchiv",
        "Contact-Name": "A. Archivar",
        "External-Identifier": "StA 12/7",
        "External-Description": "Glasnegativ",
    }
    assert wanted.items() <= bag.info.items()
    assert {"Bagging-Date", "Bag-Software-Agent", "Payload-Oxum"} <= bag.info.keys()
    assert (folder / "data/objects/box12_master.tif").read_bytes() == scan.read_bytes()
    assert any("signing key was made" in notice for notice in made.restored.notices)
    mentioned = (folder / "data/metadata/README.txt").read_text()
    assert all(name.removeprefix("data/") in mentioned for name in names if name.startswith("data/objects"))
    (folder / "data/metadata/recipe.json").write_text("{}")
    with pytest.raises(bagit.BagError):
        bag.validate()


def test_exiftool_has_nothing_against_any_of_its_pictures(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    folder = Path(packed(archivist, scan, tmp_path / "box12_bag").folder) / "data" / "objects"
    for name in ("box12_restored.tif", "box12_access.jpg", "box12_aimask.png", "box12_uncertainty.png"):
        assert exiftool_warnings(folder / name) == []
    checked = run("pngcheck", folder / "box12_aimask.png", folder / "box12_uncertainty.png")
    assert checked.returncode == 0, checked.stdout
    told = run("tiffinfo", folder / "box12_restored.tif")
    assert told.returncode == 0
    for line in ("Bits/Sample: 16", "Resolution: 600, 600 pixels/inch", "Orientation: row 0 top, col 0 lhs"):
        assert line in told.stdout
    assert "ICC Profile: <present>" in told.stdout
    assert "AI-restored derivative of Fräulein 12.tif" in told.stdout


def test_the_restoration_says_of_itself_what_archives_ask_for(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    made = packed(archivist, scan, tmp_path / "box12_bag")
    path = Path(made.folder) / "data/objects/box12_restored.tif"
    recipe = made.restored.recipe
    wanted = {
        "SubfileType": "Full-resolution image",
        "XMP-dc:Format": "image/tiff",
        "XMP-dc:Identifier": "StA 12/7",
        "XMP-dc:Title": "Fräulein am See [AI-restored access copy]",
        "XMP-dc:Source": f"Fräulein 12.tif sha256:{opened(archivist, scan).ref.sha256}",
        "XMP-dc:Creator": "Inge Muster",
        "XMP-xmpMM:OriginalDocumentID": "xmp.did:1234",
        "XMP-xmpMM:DerivedFromDocumentID": "xmp.did:1234",
        "XMP-xmpMM:DerivedFromInstanceID": "xmp.iid:5678",
        "XMP-xmpMM:HistoryAction": "created, edited",
        "XMP-xmpMM:HistoryChanged": "/content",
        "XMP-iptcExt:DigitalSourceType": COMPOSITE,
        "XMP-archivist:Alpha": "1",
        "XMP-archivist:Beta": "0",
        "XMP-archivist:Seed": "0",
        "XMP-archivist:MasterSHA256": opened(archivist, scan).ref.sha256,
        "XMP-archivist:ChangedPixelFraction": f"{made.restored.changed:.6f}",
        "IPTC:Caption-Abstract": "Glasnegativ",
    }
    assert {tag: exiftool_value(path, tag) for tag in wanted} == wanted
    description = exiftool_value(path, "XMP-dc:Description")
    assert description.startswith("AI-restored derivative. Parts of this image were generated by a trained model")
    assert description.endswith("The original’s own description: Glasnegativ")
    assert exiftool_value(path, "XMP-xmp:CreatorTool").startswith("Archivist")
    assert exiftool_value(path, "XMP-xmp:ModifyDate") == exiftool_value(path, "XMP-xmp:MetadataDate") != ""
    packet = path.read_bytes().decode("utf-8", "ignore")
    assert f"<Iptc4xmpExt:AISystemUsed>Archivist, model {recipe.model}<" in packet
    assert f"weights sha256:{recipe.weights}</Iptc4xmpExt:AISystemVersionUsed>" in packet
    assert json.loads(exiftool_value(path, "XMP-archivist:Recipe")) == recipe.to_json()
    with tifffile.TiffFile(path) as file, tifffile.TiffFile(scan) as before:
        assert file.pages.first.tags[34675].value == before.pages.first.tags[34675].value
        assert file.pages.first.dtype == np.uint16
        assert len(file.pages) == 1


def test_both_pictures_are_trusted_with_the_root_in_the_package(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    folder = Path(packed(archivist, scan, tmp_path / "box12_bag").folder) / "data"
    root = (folder / "metadata/c2pa-root.pem").read_bytes()
    for name in ("box12_restored.tif", "box12_access.jpg"):
        assert credentials.read(folder / "objects" / name, (root,)).state == "trusted"
        assert credentials.read(folder / "objects" / name, credentials.anchors(credentials_folder())).state == "trusted"


def test_premis_is_valid_and_names_both_files_what_happened_and_who_did_it(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    folder = Path(packed(archivist, scan, tmp_path / "box12_bag", CONSERVATOR).folder)
    path = folder / "data/metadata/premis.xml"
    assert schema_errors(path) == ""
    text = path.read_text()
    for word in ("fix", "mod", "dsg", "dig"):
        assert f"http://id.loc.gov/vocabulary/preservation/eventType/{word}" in text
    assert text.count("eventType/fix") == 2
    assert "Preset: Conservator" in text
    assert text.count('xsi:type="premis:file"') == 2
    assert "fmt/353" in text
    assert ">derivation</" in text
    assert ">has source</" in text
    for kind in ("person", "software", "organization"):
        assert f">{kind}</premis:agentType>" in text
    broken = tmp_path / "broken.xml"
    broken.write_text(text.replace("<premis:eventDateTime>", "<premis:when>").replace("eventDateTime>", "when>"))
    assert "when" in schema_errors(broken)


def test_the_ai_mask_marks_what_was_changed_and_nothing_else(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    image = opened(archivist, scan).ref
    marked = np.zeros((64, 80), np.uint8)
    marked[10:30, 20:50] = 255
    marked[12:14, 22:24] = PROTECTED
    mask = archivist.keep_mask(marked, None).result(20)
    made = packed(archivist, scan, tmp_path / "box12_bag", Recipe(scope="damage", mask=mask))
    folder = Path(made.folder) / "data" / "objects"
    drawn = imagecodecs.png_decode((folder / "box12_aimask.png").read_bytes())
    result, master = tifffile.imread(folder / "box12_restored.tif"), tifffile.imread(scan)
    assert np.array_equal(drawn == 255, (result != master.astype(np.uint16) * 257).any(axis=2))
    assert set(np.unique(drawn)) == {0, 255}
    assert (drawn == 255).mean() == pytest.approx(made.restored.changed)
    assert not drawn[12:14, 22:24].any()
    assert not drawn[:, 60:].any()
    assert (folder / "box12_damagemask.png").read_bytes() == archivist._masks.file(mask)
    assert image.sha256 in (Path(made.folder) / "data/metadata/premis.xml").read_text()


def test_the_label_stands_below_the_picture_and_not_on_it(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    facts = replace(FACTS, longest=40)
    folder = Path(packed(archivist, scan, tmp_path / "box12_bag", Recipe(strength=0.5), facts).folder) / "data/objects"
    with Image.open(folder / "box12_access.jpg") as copy:
        assert copy.width == 40
        assert copy.height > 32
        assert parse(copy.info["icc_profile"]).description == parse(srgb_profile()).description
        assert copy.info["dpi"][0] == pytest.approx(300, abs=1)  # half the pixels on the same sheet


def test_what_no_model_touched_is_not_called_restored(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    made = packed(archivist, scan, tmp_path / "box12_bag", Recipe(strength=0))
    path = Path(made.folder) / "data/objects/box12_restored.tif"
    assert made.restored.changed == 0
    assert exiftool_value(path, "XMP-iptcExt:DigitalSourceType") == ENHANCED
    packet = path.read_bytes().decode("utf-8", "ignore")
    assert "AISystemUsed" not in packet
    assert "AI-restored" not in packet
    assert "No trained model changed this image" in packet
    premis = (Path(made.folder) / "data/metadata/premis.xml").read_text()
    assert "model:" not in premis


def test_uncertainty_is_measured_where_a_model_worked(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    folder = Path(packed(archivist, scan, tmp_path / "box12_bag").folder) / "data/objects"
    drawn = imagecodecs.png_decode((folder / "box12_uncertainty.png").read_bytes())
    assert drawn.shape == (64, 80)
    assert drawn.dtype == np.uint8


def test_a_master_that_was_changed_is_not_packed(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    image = opened(archivist, scan).ref
    archivist.export(image, Recipe(), ExportOptions(str(tmp_path / "x.tif")), nothing).future.result(60)
    scan.write_bytes(scan.read_bytes() + b"\0")
    with pytest.raises(MasterChangedError, match="is not the file that was added"):
        archivist.package(image, Recipe(), str(tmp_path / "out_bag"), FACTS, nothing).future.result(60)
    assert not (tmp_path / "out_bag").exists()


def test_a_package_that_is_stopped_leaves_nothing(
    archivist: EngineService, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = opened(archivist, scan).ref
    target = tmp_path / "out" / "box_bag"
    target.parent.mkdir()
    works: list[Work[Packaged]] = []

    def halfway(step: Progress) -> None:
        if step.done > 300:
            works[0].cancel()

    works.append(archivist.package(image, Recipe(), str(target), FACTS, halfway))
    with pytest.raises(CancelledError):
        works[0].future.result(60)
    assert list(target.parent.iterdir()) == []
    monkeypatch.setattr(objects, "write_access_copy", lambda *_: 1 / 0)
    with pytest.raises(EngineError):
        archivist.package(image, Recipe(), str(target), FACTS, nothing).future.result(60)
    assert list(target.parent.iterdir()) == []


def test_a_package_is_replaced_whole_and_anything_else_is_left_alone(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out_bag"
    packed(archivist, scan, target)
    (target / "data/stray.txt").write_text("x")
    packed(archivist, scan, target)
    assert bagit.Bag(str(target)).validate()
    other = tmp_path / "letters"
    other.mkdir()
    (other / "will.txt").write_text("x")
    theirs = tmp_path / "theirs_bag"
    theirs.mkdir()
    bagit.make_bag(str(theirs))
    with pytest.raises(WriteError, match="something else"):
        packed(archivist, scan, theirs)
    with pytest.raises(WriteError, match="something else"):
        packed(archivist, scan, other)
    assert (other / "will.txt").read_text() == "x"


@pytest.mark.parametrize(
    ("name", "reference"),
    [("box12_bag", "box12"), ("box12_bag_v02", "box12"), ("box12", "box12"), ("_bag", "_bag"), ("a_bag_bag", "a_bag")],
)
def test_files_are_called_after_their_package(name: str, reference: str) -> None:
    assert reference_of(Path(name)) == reference


# In a project


def project_of(archivist: EngineService, scan: Path, folder: Path) -> tuple[Project, ProjectItem]:
    project, refused = archivist.project_for([str(scan)], str(folder / "Box.archivist")).result(20)
    assert refused == ()
    archivist.register(project.items[0].source, str(scan))
    return project, project.items[0]


def export(archivist: EngineService, project: Project, folder: Path, *items: ProjectItem) -> ExportReport:
    settings = export_preset("package").settings
    batch = ExportBatch(items, settings, str(folder), project, report=False)
    return archivist.export_batch(batch, nothing).future.result(120)


def test_a_project_may_demand_that_a_person_approved_what_leaves_it(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    project, item = project_of(archivist, scan, tmp_path)
    project = archivist.set_rules(project, replace(FACTS, with_master=False), needs_approval=True).result(20)
    assert project.needs_approval
    assert project.package.organization == "Stadtarchiv"
    (outcome,) = export(archivist, project, tmp_path / "out", item).outcomes
    assert outcome.state == "failed"
    assert "was not approved" in outcome.sentence
    options = ExportOptions(str(tmp_path / "x.tif"))
    with pytest.raises(ProjectError, match="was not approved"):
        archivist.export(item.source, item.recipe, options, nothing).future.result(30)
    approved = replace(item, decision="approved", revision=item.revision + 1)
    project = archivist.save_item(project, approved).result(20)
    (item,) = project.items
    assert item.decided_by
    assert item.decided_at.endswith("+00:00")
    (outcome,) = export(archivist, project, tmp_path / "out", item).outcomes
    assert outcome.state == "written", outcome.sentence
    premis = (Path(outcome.output) / "data/metadata/premis.xml").read_text()
    assert f"{item.decided_by} approved the image for export." in premis
    assert f"<premis:eventDateTime>{item.decided_at}<" in premis
    assert ">authorizer</" in premis
    assert schema_errors(Path(outcome.output) / "data/metadata/premis.xml") == ""


def test_a_rule_holds_for_what_was_ordered_in_a_project_that_is_closed_by_then(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    project, item = project_of(archivist, scan, tmp_path)
    project = archivist.set_rules(project, FACTS, needs_approval=True).result(20)
    archivist.warm().result(60)
    free, ahead = threading.Event(), archivist._worker.submit(Lane.QUEUE, lambda: until(free))
    options, passes = ExportOptions(str(tmp_path / "x.tif")), Optimisation(ExportOptions(str(tmp_path / "y.tif")), 1)
    orders: list[Future[Any]] = [
        archivist.export(item.source, item.recipe, options, nothing).future,
        archivist.optimise(item.source, item.recipe, passes, nothing, lambda *_: None).work.future,
        archivist.package(item.source, item.recipe, str(tmp_path / "z_bag"), FACTS, nothing).future,
    ]
    time.sleep(0.1)
    archivist.close_project(project)
    free.set()
    ahead.future.result(20)
    for order in orders:
        with pytest.raises(ProjectError, match="was not approved; this project exports only what"):
            order.result(30)
    assert not list(tmp_path.glob("[xyz]*"))


def test_a_rule_holds_for_a_batch_whose_project_is_closed_on_the_way(
    archivist: EngineService, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, item = project_of(archivist, scan, tmp_path)
    project = archivist.set_rules(project, FACTS, needs_approval=True).result(20)
    resolved = archivist._resolved

    def closing(recipe: Recipe) -> tuple[Recipe, dict[str, str]]:
        archivist.close_project(project)  # another one is opened just now
        return resolved(recipe)

    monkeypatch.setattr(archivist, "_resolved", closing)
    (outcome,) = export(archivist, project, tmp_path / "out", item).outcomes
    assert outcome.state == "failed"
    assert "was not approved" in outcome.sentence


def until(event: threading.Event) -> Generator[None, None, None]:
    while not event.wait(0.01):
        yield None


def test_an_approval_holds_for_the_recipe_that_was_seen(archivist: EngineService, scan: Path, tmp_path: Path) -> None:
    project, item = project_of(archivist, scan, tmp_path)
    project = archivist.set_rules(project, FACTS, needs_approval=True).result(20)
    approved = replace(item, decision="approved", revision=item.revision + 1)
    project = archivist.save_item(project, approved).result(20)
    changed = project.items[0].with_recipe(Recipe(alpha=0.3))
    project = archivist.save_item(project, changed).result(20)
    (outcome,) = export(archivist, project, tmp_path / "out", project.items[0]).outcomes
    assert outcome.state == "failed"
    assert "was changed after it was approved" in outcome.sentence
    back = project.items[0].with_recipe(Recipe())
    project = archivist.save_item(project, back).result(20)
    (outcome,) = export(archivist, project, tmp_path / "out", project.items[0]).outcomes
    assert outcome.state == "written", outcome.sentence


def test_the_audit_log_in_a_package_goes_on_where_the_projects_stood(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    project, item = project_of(archivist, scan, tmp_path)
    (outcome,) = export(archivist, project, tmp_path / "out", item).outcomes
    log = EventLog(Path(outcome.output) / "data/metadata")
    assert log.verify().intact
    kinds = [one.event.type for one in log.read()]
    assert kinds[:2] == ["creation", "ingestion"]
    signed = ["digital signature generation", "digital signature validation"]
    assert kinds[-5:] == ["fixity check", "modification", *signed, "fixity check"]
    own = [one.event.type for one in archivist.events(project).result(20)]
    assert "information package creation" in own


def test_the_rules_of_a_project_survive_and_a_newer_programs_keys_too(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    project, _ = project_of(archivist, scan, tmp_path)
    file = Path(project.folder) / "project.json"
    archivist.close_project(project)
    data = json.loads(file.read_text()) | {"from_2031": [1]}
    file.write_text(json.dumps(data))
    project = archivist.open_project(project.folder).result(20)
    archivist.set_rules(project, FACTS, needs_approval=True).result(20)
    archivist.close_project(project)
    stored = json.loads(file.read_text())
    assert stored["from_2031"] == [1]
    assert stored["needs_approval"] is True
    assert stored["package"]["contact"] == "A. Archivar"
    again = archivist.open_project(project.folder).result(20)
    assert (again.needs_approval, again.package) == (True, FACTS)


def test_grey_masters_with_alpha_are_packed_too(archivist: EngineService, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 65535, (40, 50, 2), np.uint16)
    path = tmp_path / "grey.png"
    path.write_bytes(imagecodecs.png_encode(pixels))
    folder = Path(packed(archivist, path, tmp_path / "grey_bag").folder)
    assert bagit.Bag(str(folder)).validate()
    assert exiftool_warnings(folder / "data/objects/grey_restored.tif") == []
    assert (folder / "data/objects/grey_master.png").read_bytes() == path.read_bytes()
    assert "fmt/13" in (folder / "data/metadata/premis.xml").read_text()


def test_exif_that_a_scanner_left_incomplete_does_not_spoil_the_exports(
    archivist: EngineService, tmp_path: Path
) -> None:
    block = Image.Exif()
    block[271] = "Heidelberg"
    block.get_ifd(0x8769)[36867] = "1998:05:04 10:00:00"
    path = tmp_path / "print.jpg"
    Image.fromarray(np.full((40, 50, 3), 90, np.uint8)).save(path, exif=block, dpi=(300, 300))
    folder = Path(packed(archivist, path, tmp_path / "print_bag").folder) / "data/objects"
    for name in ("print_restored.tif", "print_access.jpg"):
        assert exiftool_warnings(folder / name) == []
        assert exiftool_value(folder / name, "ExifIFD:DateTimeOriginal") == "1998:05:04 10:00:00"
        assert exiftool_value(folder / name, "IFD0:Make") == "Heidelberg"


def test_all_of_it_works_where_there_is_no_network(scan: Path, tmp_path: Path) -> None:
    if run("unshare", "-rn", "true").returncode != 0:
        pytest.skip("this machine does not let a process leave the network")
    script = f"""
from pathlib import Path
from engine.service import EngineService
from engine.types import PackageFacts, Recipe
service = EngineService(device="cpu")
service.start()
image = service.open_image({str(scan)!r}).result(60).ref
work = service.package(image, Recipe(), {str(tmp_path / "cut_bag")!r}, PackageFacts(), lambda _: None)
made = work.future.result(200)
found = service.verify(made.folder, [], lambda _: None).future.result(60)
print(found.good, sorted(finding.state for finding in found.findings))
service.close()
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("True"), done.stderr
