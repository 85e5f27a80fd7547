"""Faces through the engine's door: nothing but the marked changes, every consent is kept, cancelled leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ModelError, RecipeError
from engine.export import told
from engine.imaging.metadata import Metadata
from engine.imaging.reader import read_master, read_metadata
from engine.imaging.writer import write_image
from engine.imaging.xmp import own_properties
from engine.rendering import foreign, importing
from engine.service import EngineService
from engine.types import (
    SHIPPED_MODEL,
    Consent,
    ExportOptions,
    Face,
    FaceOrder,
    FacesRestored,
    ImageRef,
    ModelCard,
    NewModel,
    Progress,
    Recipe,
    Region,
)
from tests.engine.rendering import networks

WHO, GROUND = "Board of the archive, Ötztal", "the sitter’s family agreed, letter of 12 May 2026 <no. 4>"
WHEN = "2026-05-12T10:00:00+00:00"
AT = Region(20, 15, 40, 48)


@pytest.fixture(autouse=True)
def small_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What networks see: takes no time."""
    monkeypatch.setattr(foreign, "_FACE", 64)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    """A scan in colour, 16 bits."""
    path = tmp_path / "scan.tif"
    rng = np.random.default_rng(2)
    pixels = (rng.normal(120, 30, (90, 110, 3)).clip(0, 255) * 257).astype(np.uint16)
    write_image(path, pixels, icc=None, metadata=Metadata(), format="TIFF", description="", software="test")
    return path


@pytest.fixture
def image(service: EngineService, master: Path) -> ImageRef:
    return service.open_image(str(master)).result(60).ref


@pytest.fixture
def card(service: EngineService, tmp_path: Path) -> ModelCard:
    file = networks.saved(tmp_path, "restoreformer", ".safetensors", networks.restoreformer)
    new = NewModel(str(file), title="Faces", licence="MIT", faces=True)
    return service.import_model(new, lambda _: None).future.result(120).card


def face(at: Region = AT, who: str = WHO, ground: str = GROUND) -> Face:
    return Face(at, Consent(who, ground, WHEN))


def restore(service: EngineService, image: ImageRef, wish: FaceOrder, recipe: Recipe | None = None) -> FacesRestored:
    return service.restore_faces(image, recipe or Recipe(), wish, lambda _: None).future.result(120)


def plain(service: EngineService, image: ImageRef, target: Path, recipe: Recipe | None = None) -> np.ndarray:
    options = ExportOptions(str(target))
    service.export(image, recipe or Recipe(), options, lambda _: None).future.result(120)
    return read_master(target).pixels


def covered(shape: tuple[int, ...], *regions: Region) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    for at in regions:
        mask[at.y : at.bottom, at.x : at.right] = True
    return mask


@pytest.mark.parametrize(
    "recipe",
    [Recipe(), Recipe(alpha=3.0, beta=1.0, style="albumen", keep_tone=False, grain=0.5, strength=0.7)],
    ids=["default", "everything"],
)
def test_outside_the_marked_faces_it_is_the_restoration_bit_for_bit(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path, recipe: Recipe
) -> None:
    other = Region(70, 60, 40, 30)  # in the corner of the picture, so that its square reaches beyond
    wish = FaceOrder(ExportOptions(str(tmp_path / "faces.tif")), card.id, (face(), face(other)))
    done = restore(service, image, wish, recipe)
    found = read_master(Path(done.restored.output)).pixels
    usual = plain(service, image, tmp_path / "plain.tif", recipe)
    differs = (found != usual).any(axis=2)
    assert found.dtype == np.uint16
    inside = covered(found.shape, AT, other)
    assert not differs[~inside].any()
    for at in (AT, other):
        assert differs[at.y : at.bottom, at.x : at.right].mean() > 0.5
    assert (done.model, done.sha256, done.faces) == (card.id, card.sha256, wish.faces)


def test_a_large_face_is_seen_on_a_halved_level_and_changes_nothing_around_it(
    service: EngineService, card: ModelCard, tmp_path: Path
) -> None:
    noise = np.random.default_rng(4).normal(120, 30, (420, 400, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    image = service.open_image(str(tmp_path / "large.png")).result(60).ref
    at = Region(101, 53, 299, 350)  # of 64 pixels a network sees, so three times halved; its square reaches beyond
    wish = FaceOrder(ExportOptions(str(tmp_path / "faces.png")), card.id, (face(at),))
    found = read_master(Path(restore(service, image, wish).restored.output)).pixels
    differs = (found != plain(service, image, tmp_path / "plain.png")).any(axis=2)
    assert not differs[~covered(found.shape, at)].any()
    assert differs[at.y : at.bottom, at.x : at.right].mean() > 0.5


def test_strength_is_how_far_the_face_is_replaced(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path
) -> None:
    usual = plain(service, image, tmp_path / "plain.tif").astype(float)
    far = []
    for strength in (0.0, 0.4, 0.8):
        wish = FaceOrder(ExportOptions(str(tmp_path / f"{strength}.tif")), card.id, (face(),), strength)
        found = read_master(Path(restore(service, image, wish).restored.output)).pixels
        far.append(np.abs(found - usual).mean())
    assert far[0] == 0
    assert far[2] == pytest.approx(2 * far[1], rel=0.02)


def test_a_result_is_the_same_every_time(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path
) -> None:
    results = []
    for number in range(2):
        wish = FaceOrder(ExportOptions(str(tmp_path / f"{number}.tif")), card.id, (face(),))
        results.append(read_master(Path(restore(service, image, wish).restored.output)).pixels)
    assert np.array_equal(results[0], results[1])


def test_black_and_white_stays_black_and_white(service: EngineService, card: ModelCard, tmp_path: Path) -> None:
    grey = np.random.default_rng(2).normal(120, 30, (90, 110)).clip(0, 255).astype(np.uint8)
    Image.fromarray(grey).convert("RGB").save(tmp_path / "grey.png")
    image = service.open_image(str(tmp_path / "grey.png")).result(60).ref
    wish = FaceOrder(ExportOptions(str(tmp_path / "out.png")), card.id, (face(),))
    found = read_master(Path(restore(service, image, wish).restored.output)).pixels
    assert not np.array_equal(found[..., 0], plain(service, image, tmp_path / "plain.png")[..., 0])
    assert np.array_equal(found[..., 0], found[..., 1])
    assert np.array_equal(found[..., 0], found[..., 2])


def test_the_file_tells_of_every_face_and_its_consent(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path
) -> None:
    other = face(Region(70, 20, 30, 30), "Board of the archive", "no relatives are known; decision 7/2026")
    wish = FaceOrder(ExportOptions(str(tmp_path / "out.tif"), sign=True), card.id, (face(), other), 0.6)
    done = restore(service, image, wish)
    path = Path(done.restored.output)
    kept = json.loads(own_properties(read_metadata(path).xmp)["faces"])
    by = {"model": card.id, "sha256": card.sha256, "strength": 0.6}
    rectangle = {"x": 20, "y": 15, "width": 40, "height": 48}
    assert kept[0] == {**rectangle, "who": WHO, "ground": GROUND, "when": WHEN, **by}
    assert (kept[1]["who"], kept[1]["ground"]) == ("Board of the archive", "no relatives are known; decision 7/2026")
    content = path.read_bytes().decode("utf-8", "ignore")
    assert f"2 faces were replaced by the network {card.id}" in content
    assert "org.archivist.faces" in content, "the signature vouches for it too"
    said = told.read(path)
    assert said is not None
    assert (said.faces, said.recipe.model) == (2, SHIPPED_MODEL)


def test_it_is_not_reproduced_and_a_check_of_the_file_tells_of_the_faces(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path
) -> None:
    wish = FaceOrder(ExportOptions(str(tmp_path / "out.tif")), card.id, (face(),))
    path = restore(service, image, wish).restored.output
    with pytest.raises(RecipeError, match=r"faces were replaced by a network.*only recipes"):
        service.reproduce(path, None, lambda _: None).future.result(60)
    found = service.verify(path, (), lambda _: None).future.result(60)
    assert [finding.state for finding in found.findings if finding.what == "faces"] == ["warning"]


def test_a_project_s_log_keeps_every_consent(
    service: EngineService, master: Path, card: ModelCard, tmp_path: Path
) -> None:
    project, _ = service.project_for([str(master)], str(tmp_path / "box.archivist")).result(60)
    (item,) = project.items
    service.register(item.source, service.locate(project, item))
    faces = (face(), face(Region(70, 20, 30, 30), "The sitter", "she asked for it on 3 March 2026"))
    wish = FaceOrder(ExportOptions(str(tmp_path / "out.tif")), card.id, faces)
    restore(service, item.source, wish)
    logged = [one.event for one in service.events(project).result(60) if one.event.type == "modification"]
    service.close_project(project)
    assert [event.details["face"]["who"] for event in logged] == [WHO, "The sitter"]
    assert [event.details["face"]["ground"] for event in logged] == [GROUND, "she asked for it on 3 March 2026"]
    assert logged[0].details["face"]["sha256"] == card.sha256
    assert WHO in logged[0].note
    assert GROUND in logged[0].note
    assert {one.item for one in logged[0].objects} == {item.uuid}


def test_where_the_log_cannot_be_written_the_result_says_so(
    service: EngineService, master: Path, card: ModelCard, tmp_path: Path
) -> None:
    folder = tmp_path / "box.archivist"
    first = EngineService(device="cpu")
    first.start()
    try:
        first.project_for([str(master)], str(folder)).result(60)  # has the project from now on
        project = service.open_project(str(folder)).result(60)
        assert not project.writable
        image = service.open_image(str(master)).result(60).ref
        wish = FaceOrder(ExportOptions(str(tmp_path / "out.tif")), card.id, (face(),))
        (notice,) = restore(service, image, wish).restored.notices
        assert "does not tell of the consents; the file does" in notice
        assert project.name in notice
    finally:
        first.close()


def test_a_network_for_faces_restores_no_whole_picture(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path
) -> None:
    target = tmp_path / "out.tif"
    for _ in range(2):  # also once it is known
        work = service.export(image, Recipe(model=card.id), ExportOptions(str(target)), lambda _: None)
        with pytest.raises(RecipeError, match=r"single faces, never a whole picture"):
            work.future.result(60)
    wish = FaceOrder(ExportOptions(str(target)), SHIPPED_MODEL, (face(),))
    with pytest.raises(RecipeError, match="is no network for faces"):
        restore(service, image, wish)
    with pytest.raises(ModelError, match="no model “gone”"):
        restore(service, image, replace(wish, model="gone"))
    assert not target.exists()


@pytest.mark.parametrize(
    ("recipe", "at", "words"),
    [
        (Recipe(scale=2), AT, "set the size to 1"),
        (Recipe(scope="damage"), AT, "choose “whole”"),
        (Recipe(strength=0.0), AT, "At strength 0"),
        (Recipe(), Region(100, 80, 30, 30), "does not lie within the picture of 110 × 90"),
        (Recipe(), Region(10, 10, 0, 30), "is empty"),
        (Recipe(), Region(10, 10, 12, 30), "smaller than 16"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(
    service: EngineService,
    image: ImageRef,
    card: ModelCard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: Recipe,
    at: Region,
    words: str,
) -> None:
    monkeypatch.setattr(importing, "load", lambda *_: pytest.fail("it was loaded"))
    wish = FaceOrder(ExportOptions(str(tmp_path / "out.tif")), card.id, (face(at),))
    with pytest.raises(RecipeError, match=words):
        restore(service, image, wish, recipe)
    assert not (tmp_path / "out.tif").exists()


def test_cancelled_it_leaves_nothing(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "_STEP", 0.0)  # a step a layer
    steps: list[Progress] = []
    out = tmp_path / "out"
    wish = FaceOrder(ExportOptions(str(out / "out.tif")), card.id, (face(), face(Region(70, 20, 30, 30))))
    cancel: list[Callable[[], None]] = []

    def advance(step: Progress) -> None:  # on the engine thread, in the middle of the work
        steps.append(step)
        if step.message == "restoring faces" and step.done == 1 and cancel:
            cancel[0]()

    work = service.restore_faces(image, Recipe(), wish, advance)
    cancel.append(work.cancel)
    with pytest.raises(CancelledError):
        work.future.result(60)
    assert steps
    assert all(step.done <= step.total for step in steps)
    assert not list(out.iterdir())
    assert restore(service, image, wish).faces == wish.faces, "and nothing of it is in the way of the next"


def test_a_file_that_is_kept_says_of_no_face_that_it_was_replaced(
    service: EngineService, image: ImageRef, card: ModelCard, tmp_path: Path
) -> None:
    (tmp_path / "out.tif").write_bytes(b"mine")
    wish = FaceOrder(ExportOptions(str(tmp_path / "out.tif"), "skip"), card.id, (face(),))
    assert restore(service, image, wish).faces == ()
    assert (tmp_path / "out.tif").read_bytes() == b"mine"
