import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import tifffile
from numpy.typing import NDArray
from PIL import Image

from engine.errors import EngineError, ImageError, ModelError, ProjectError, RecipeError, WriteError
from engine.rendering.source import Source
from engine.service import EngineService
from engine.types import (
    PROTECTED,
    ExportOptions,
    ImageRef,
    MapFrame,
    MapRequest,
    Progress,
    Recipe,
    Region,
    RenderRequest,
    View,
)


def chelsea() -> NDArray[np.uint8]:
    photo: NDArray[np.uint8] = getattr(skimage.data, "chelsea")()  # noqa: B009 (it has no annotations)
    return photo


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
    Image.fromarray(chelsea()[:160, :200]).save(path, dpi=(300, 300))
    return path


def opened(service: EngineService, photo: Path) -> ImageRef:
    return service.open_image(str(photo)).result(20).ref


def nothing(_: Progress) -> None:
    return


def whole(ref: ImageRef, recipe: Recipe, generation: int = 0) -> RenderRequest:
    return RenderRequest(ref, recipe, View(Region(0, 0, 200, 160), 1.0), generation=generation)


def test_maps_come_tile_by_tile_beside_the_picture_and_can_be_left(service: EngineService, photo: Path) -> None:
    ref = opened(service, photo)
    asked = MapRequest("fidelity", ref, Recipe(alpha=0.1), View(Region(0, 0, 200, 160), 1.0))
    parts: list[MapFrame] = []
    steps: list[Progress] = []
    frame = service.survey(asked, parts.append, steps.append).future.result(60)
    assert frame.request == asked
    assert frame.values.shape == (160, 200, 2)
    assert [part.region for part in parts] == [frame.region]
    assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, 1, 1)
    slow = service.survey(replace(asked, kind="uncertainty"), parts.append, steps.append)
    draft = service.draft(whole(ref, Recipe())).result(60)
    assert draft.pixels.shape == (160, 200, 4), "a map keeps nobody waiting"
    assert not slow.future.done()
    slow.cancel()
    with pytest.raises(CancelledError):
        slow.future.result(60)


def test_a_variant_is_rendered_beside_the_picture_with_the_pixels_of_its_export(
    service: EngineService, photo: Path
) -> None:
    ref = opened(service, photo)
    asked = whole(ref, Recipe(alpha=5.0), 3)
    beside = service.beside(asked, lambda _: None)
    service.draft(whole(ref, Recipe(), 4)).result(60)  # which would drop a refinement
    frame = beside.future.result(60)
    assert frame.exact
    assert frame.request == asked
    assert np.array_equal(frame.pixels, service.refine(asked, lambda _: None).result(60).pixels)


def test_a_pixel_is_told_in_the_master_s_own_depth(service: EngineService, tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    master = chelsea()[:160, :200].astype(np.uint16) * 257
    tifffile.imwrite(path, master, photometric="rgb")
    ref = opened(service, path)
    recipe = Recipe(alpha=2.0)
    service.draft(whole(ref, recipe)).result(60)
    service.refine(whole(ref, recipe), lambda _: None).result(60)
    sample = service.sample(ref, recipe, 20, 30).result(60)
    assert (sample.bits, sample.before) == (16, tuple(master[30, 20].tolist()))
    assert sample.after is not None
    assert any(value % 257 for value in sample.after), "finer than 8 bit"
    with pytest.raises(CancelledError):
        service.sample(replace(ref, sha256="unknown"), recipe, 20, 30).result(60)


def test_torch_comes_in_with_the_first_warming_and_not_before() -> None:
    script = (
        "import sys\n"
        "from engine.service import EngineService\n"
        "service = EngineService(device='cpu'); service.start()\n"
        "cards = service.styles(), service.models()\n"
        "early = 'torch' in sys.modules\n"
        "ready = service.warm().result()\n"
        "print(early, 'torch' in sys.modules, 'torchvision' in sys.modules, ready.device)\n"
        "service.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False", "True", "False", "cpu"]


def test_screen_and_export_agree(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref = opened(service, photo)
    recipe = Recipe(alpha=2.0)
    frame = service.refine(whole(ref, recipe), lambda _: None).result(60)
    done = service.export(ref, recipe, ExportOptions(str(tmp_path / "out.png")), nothing).future.result(60)
    exported = np.asarray(Image.open(done.output))
    assert frame.exact
    assert np.array_equal(frame.pixels[..., 2::-1], exported)
    assert 0 < done.changed <= 1
    assert done.recipe.weights == service.models()[0].sha256


def test_masters_are_never_touched(service: EngineService, photo: Path, tmp_path: Path) -> None:
    before = photo.read_bytes(), photo.stat().st_mtime_ns
    ref = opened(service, photo)
    service.export(ref, Recipe(), ExportOptions(str(tmp_path / "out.jpg")), nothing).future.result(60)
    with pytest.raises(WriteError, match="is a master"):
        service.export(ref, Recipe(), ExportOptions(str(photo), "overwrite"), nothing).future.result(60)
    assert (photo.read_bytes(), photo.stat().st_mtime_ns) == before


def test_exports_into_a_folder_are_numbered(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref, folder = opened(service, photo), tmp_path / "exports"
    outputs = [
        service.export(ref, Recipe(), ExportOptions(str(folder)), nothing).future.result(60).output for _ in range(2)
    ]
    assert [Path(o).name for o in outputs] == ["cat_restored_v01.tif", "cat_restored_v02.tif"]
    skipped = service.export(ref, Recipe(), ExportOptions(str(folder), "skip"), nothing).future.result(60)
    assert skipped.output == ""
    with tifffile.TiffFile(outputs[0]) as tif:
        assert "AI-restored derivative of cat.png" in tif.pages[0].description  # type: ignore[union-attr]


def test_no_known_master_is_written_over(service: EngineService, photo: Path, tmp_path: Path) -> None:
    other = photo.with_name("other.png")
    Image.fromarray(chelsea()[:90, :90]).save(other)
    ref, _ = opened(service, photo), opened(service, other)
    before = other.read_bytes()
    (tmp_path / "link.png").symlink_to(other)
    for target in (other, tmp_path / "link.png"):
        with pytest.raises(WriteError, match="is a master"):
            service.export(ref, Recipe(), ExportOptions(str(target), "overwrite"), nothing).future.result(60)
    assert other.read_bytes() == before


def test_exports_side_by_side_do_not_share_a_name(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref = opened(service, photo)
    works = [service.export(ref, Recipe(), ExportOptions(str(tmp_path)), nothing) for _ in range(3)]
    assert len({work.future.result(60).output for work in works}) == 3


def test_masks_for_several_images_do_not_wait_for_each_other(service: EngineService, tmp_path: Path) -> None:
    futures = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.fromarray(chelsea()[: 60 + number, :80]).save(path)
        Image.new("L", (80, 60 + number), 255).save(tmp_path / f"mask{number}.png")
        ref = ImageRef(str(path), f"{number:064d}", 1)
        futures.append(service.add_mask(str(tmp_path / f"mask{number}.png"), ref))
    assert all(len(future.result(20)) == 64 for future in futures)


def test_what_nobody_foresaw_is_still_a_sentence(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref = opened(service, photo)
    for name in ("x" * 300 + ".png", "a\0b.png"):
        with pytest.raises(EngineError) as caught:
            service.export(ref, Recipe(), ExportOptions(str(tmp_path / name)), nothing).future.result(60)
        assert "\n" not in str(caught.value)
    with pytest.raises(EngineError):
        service.score(str(photo), str(photo.parent / "missing.png")).result(20)


def test_a_recipe_of_other_weights_is_not_passed_off(service: EngineService, photo: Path) -> None:
    with pytest.raises(RecipeError, match="other weights"):
        service.draft(whole(opened(service, photo), Recipe(weights="0" * 64))).result(60)


def test_progress_reaches_its_end(service: EngineService, photo: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    work = service.export(opened(service, photo), Recipe(), ExportOptions(str(tmp_path / "o.png")), seen.append)
    work.future.result(60)
    assert seen[-1].done == seen[-1].total > 0


def test_a_cancelled_export_leaves_nothing(service: EngineService, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    Image.fromarray(np.tile(chelsea(), (6, 6, 1))).save(large)
    target = tmp_path / "out" / "large.tif"
    work = service.export(opened(service, large), Recipe(), ExportOptions(str(target)), nothing)
    time.sleep(0.3)
    work.cancel()
    with pytest.raises(CancelledError):
        work.future.result(30)
    assert not target.parent.exists() or not list(target.parent.iterdir())


def test_unwritable_targets_are_one_sentence(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref = opened(service, photo)
    for target in (photo / "inside.png", tmp_path / "out.gif"):
        with pytest.raises(WriteError) as caught:
            service.export(ref, Recipe(), ExportOptions(str(target)), nothing).future.result(60)
        assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("recipe", "error"),
    [
        (Recipe(style="nobody", beta=1.0), RecipeError),
        (Recipe(model="nobody"), ModelError),
        (Recipe(mask="0" * 64, scope="damage"), RecipeError),
    ],
)
def test_recipes_for_things_that_do_not_exist_are_refused(
    service: EngineService, photo: Path, recipe: Recipe, error: type[EngineError]
) -> None:
    ref = opened(service, photo)
    with pytest.raises(error):
        service.draft(whole(ref, recipe)).result(60)
    assert service.draft(whole(ref, Recipe())).result(60).pixels.shape[2] == 4


def test_bad_files_are_refused_and_the_engine_goes_on(service: EngineService, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    for path in (tmp_path / "missing.png", tmp_path / "text.jpg", tmp_path):
        with pytest.raises(ImageError):
            service.open_image(str(path)).result(20)
    assert opened(service, photo).size == photo.stat().st_size


def test_a_mask_must_have_the_size_of_the_image(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref = opened(service, photo)
    Image.new("L", (10, 10)).save(tmp_path / "small.png")
    with pytest.raises(RecipeError, match="size"):
        service.add_mask(str(tmp_path / "small.png"), ref).result(20)
    mask = Image.new("L", (200, 160))
    mask.paste(255, (20, 20, 60, 60))
    mask.save(tmp_path / "mask.png")
    sha256 = service.add_mask(str(tmp_path / "mask.png"), ref).result(20)
    recipe = Recipe(scope="damage", mask=sha256)
    done = service.export(ref, recipe, ExportOptions(str(tmp_path / "o.png")), nothing).future.result(60)
    changed = (np.asarray(Image.open(done.output)) != chelsea()[:160, :200]).any(axis=2)
    assert changed.any()
    changed[18:62, 18:62] = False
    assert not changed.any()


def test_the_detected_damage_can_be_edited_kept_in_the_project_and_used_after_a_restart(
    service: EngineService, photo: Path, tmp_path: Path
) -> None:
    ref = opened(service, photo)
    found = service.find_damage(ref, Recipe(), nothing).future.result(60)
    assert found.shape == (160, 200)
    assert set(np.unique(found)) <= {0, 255}
    edited = found.copy()
    edited[20:60, 20:60] = 255
    project, _ = service.project_for([str(photo)]).result(20)
    mask = service.keep_mask(edited, project).result(20)
    recipe = Recipe(scope="damage", mask=mask)
    service.save_item(project, project.items[0].with_recipe(recipe)).result(20)
    service.close()
    again = EngineService(device="cpu")
    again.start()
    try:
        project, _ = again.project_for([str(photo)]).result(20)
        assert project.items[0].recipe == recipe
        assert np.array_equal(again.mask(mask).result(20), edited)
        ref = opened(again, photo)
        done = again.export(ref, recipe, ExportOptions(str(tmp_path / "o.png")), nothing).future.result(60)
        assert done.changed > 0
    finally:
        again.close()


@pytest.mark.parametrize("bits", [8, 16])
def test_every_exported_pixel_outside_an_edited_mask_is_the_master_s(
    service: EngineService, tmp_path: Path, bits: int
) -> None:
    """Outside: where the mask, with the 2 px over which it fades, is 0; and wherever it is protected."""
    master = chelsea()[:160, :200].copy()
    master[:, 60:62] = 250  # a scratch
    if bits == 16:
        master = master.astype(np.uint16) * 257 + np.arange(200, dtype=np.uint16)[None, :, None] % 97
    tifffile.imwrite(tmp_path / "scan.tif", master, photometric="rgb")
    ref = service.open_image(str(tmp_path / "scan.tif")).result(20).ref
    edited = service.find_damage(ref, Recipe(), nothing).future.result(60).copy()
    down, across = np.mgrid[:160, :200]
    brush = np.clip(255 * (30 - np.hypot(down - 90, across - 140)) / 15, 0, 255).astype(np.uint8)  # a feathered dab
    edited = np.maximum(edited, brush)
    edited[40:120, 55:70] = 0  # erased
    edited[85:95, 135:145] = PROTECTED
    mask = service.keep_mask(edited, None).result(20)
    recipe = Recipe(scope="damage", mask=mask, alpha=0.3)
    done = service.export(ref, recipe, ExportOptions(str(tmp_path / "o.tif")), nothing).future.result(60)
    restored = tifffile.imread(done.output)
    assert restored.dtype == master.dtype
    open_ = np.where(edited == PROTECTED, 0, edited) > 0
    near = np.lib.stride_tricks.sliding_window_view(np.pad(open_, 2), (5, 5)).any(axis=(2, 3))
    outside = ~near | (edited == PROTECTED)
    changed = (restored != master).any(axis=2)
    assert not changed[outside].any()
    assert changed[70:110, 120:160].mean() > 0.5
    assert outside.mean() > 0.3


def test_an_imported_mask_protects_nothing(service: EngineService, photo: Path, tmp_path: Path) -> None:
    ref = opened(service, photo)
    grey = np.tile(np.arange(200, dtype=np.uint8), (160, 1))
    for name, picture in (("m.png", grey), ("m.tif", np.repeat(grey[..., None], 3, axis=2))):
        if name.endswith("png"):
            Image.fromarray(picture).save(tmp_path / name)
        else:
            tifffile.imwrite(tmp_path / name, picture, photometric="rgb")
        read = service.mask(service.add_mask(str(tmp_path / name), ref).result(20)).result(20)
        assert np.array_equal(read, np.where(grey == PROTECTED, 0, grey)), name


def test_thumbnails_show_the_image_in_a_style(service: EngineService, photo: Path) -> None:
    ref = opened(service, photo)
    plain = service.thumbnail(ref, Recipe(), 100).result(60)
    styled = service.thumbnail(ref, Recipe(style="cyanotype", beta=1.0), 100).result(60)
    assert plain.pixels.shape == (80, 100, 4)
    blueness = [float(f.pixels[..., 0].mean() - f.pixels[..., 2].mean()) for f in (plain, styled)]
    assert blueness[1] > blueness[0] + 20


def test_a_thumbnail_may_show_a_region_at_its_own_scale(service: EngineService, photo: Path) -> None:
    ref = opened(service, photo)
    region = Region(40, 32, 64, 48)
    piece = service.thumbnail(ref, Recipe(), 64, region).result(60)
    whole = service.refine(RenderRequest(ref, Recipe(), View(region)), lambda _tile: None).result(60)
    assert (piece.region, piece.exact) == (region, True)
    assert np.array_equal(piece.pixels, whole.pixels)
    smaller = service.thumbnail(ref, Recipe(), 32, region).result(60)
    assert smaller.pixels.shape == (24, 32, 4)


def test_any_picture_becomes_a_style(service: EngineService, photo: Path) -> None:
    card = service.add_style(str(photo)).result(60)
    assert len(card.code) == 64
    assert card in service.styles()
    frame = service.thumbnail(opened(service, photo), Recipe(style=card.id, beta=1.0), 64).result(60)
    assert frame.pixels.any()


def test_a_style_of_ones_own_carries_its_source_and_can_be_removed(service: EngineService, photo: Path) -> None:
    card = service.add_style(str(photo), title="Studio Wall", licence="CC0").result(60)
    assert card.id.startswith("own-studio-wall-")
    assert (card.title, card.source, card.licence) == ("Studio Wall", photo.name, "CC0")
    again = service.add_style(str(photo), title="Studio Wall", source="Box 12").result(60)
    assert (again.source, again.licence) == ("Box 12", "CC0")
    assert service.add_style(str(photo), title="Studio Wall").result(60) == again
    renamed = service.add_style(str(photo), title="Harbour 1889", date="1889").result(60)
    assert renamed == replace(again, title="Harbour 1889", date="1889")
    assert service.add_style(str(photo), licence="MIT").result(60) == replace(renamed, licence="MIT")
    assert [style.title for style in service.styles() if style.code == card.code] == ["Harbour 1889"]
    service.remove_style(card.id)
    assert card.id not in {style.id for style in service.styles()}
    for other in (card.id, "albumen"):
        with pytest.raises(RecipeError):
            service.remove_style(other)
    assert "albumen" in {style.id for style in service.styles()}


def test_a_project_brings_back_every_slider(service: EngineService, photo: Path) -> None:
    before = set(photo.parent.iterdir())
    project, refused = service.project_for([str(photo), str(photo.parent / "missing.png")]).result(20)
    assert len(refused) == 1
    recipe = Recipe(alpha=0.4, beta=2.0, style="sepia", strength=0.7, keep_tone=False, grain=0.2)
    service.save_item(project, project.items[0].with_recipe(recipe)).result(20)
    service.close_project(project)
    again, _ = service.project_for([str(photo)]).result(20)
    assert again.uuid == project.uuid
    assert again.items[0].recipe == recipe
    assert service.locate(again, again.items[0]) == str(photo)
    assert set(photo.parent.iterdir()) == before


def test_a_project_needs_an_image(service: EngineService, tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        service.project_for([]).result(20)


def test_demo_is_made_once_and_knows_its_truth(service: EngineService, tmp_path: Path) -> None:
    folder = tmp_path / "Demo.archivist"
    project = service.demo_project(str(folder)).result(120)
    assert len(project.items) == 6
    made = {path: path.stat().st_mtime_ns for path in folder.glob("masters/*")}
    truths = {path.stem for path in folder.glob("truth/*")}
    assert {path.stem.removesuffix("_aged") for path in made} == truths
    assert service.demo_project(str(folder)).result(60).uuid == project.uuid
    assert {path: path.stat().st_mtime_ns for path in folder.glob("masters/*")} == made


def test_aging_is_reproducible_and_shows_its_mask(service: EngineService, photo: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    mask = tmp_path / "mask.png"
    for file in files:
        service.age(str(photo), str(file), seed=3, severity=0.9, mask=str(mask)).result(60)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert np.asarray(Image.open(mask)).shape == (160, 200)
    with pytest.raises(WriteError, match="is a folder; name a file in it"):
        service.age(str(photo), str(tmp_path), seed=3, severity=0.9, mask=None).result(60)


def test_a_closed_service_leaves_its_futures_cancelled(photo: Path) -> None:
    service = EngineService(device="cpu")
    service.start()
    ref = opened(service, photo)
    service.close()
    future = service.draft(replace(whole(ref, Recipe())))
    assert future.cancelled()


def test_a_large_master_that_was_touched_or_moved_is_opened_anew(
    service: EngineService, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.imaging.reader.WHOLE_BYTES", 0)
    path = photo.with_suffix(".tif")
    tifffile.imwrite(path, chelsea()[:160, :200], photometric="rgb")
    ref = opened(service, path)
    service.draft(whole(ref, Recipe(strength=0.0))).result(60)
    path.touch()
    assert opened(service, path) == ref
    first = service.draft(whole(ref, Recipe(strength=0.0))).result(60)
    moved = path.rename(path.with_name("elsewhere.tif"))
    again = opened(service, moved)
    assert again.sha256 == ref.sha256
    frame = service.draft(whole(again, Recipe(strength=0.0))).result(60)
    assert np.array_equal(frame.before, first.before)


def flat(path: Path, value: int) -> Path:
    """A master of one grey."""
    Image.fromarray(np.full((64, 64, 3), value, np.uint8)).save(path)
    return path


def exported(service: EngineService, ref: ImageRef, target: Path) -> int:
    """The grey of an export at strength 0."""
    done = service.export(ref, Recipe(strength=0.0), ExportOptions(str(target)), nothing)
    with Image.open(done.future.result(60).output) as picture:
        return int(np.asarray(picture)[0, 0, 0])


@pytest.mark.parametrize("tidily", [True, False])
def test_an_export_is_made_of_the_master_it_names_also_after_another_file_was_shown_at_its_place(
    service: EngineService, tmp_path: Path, tidily: bool
) -> None:
    photo = flat(tmp_path / "a.png", 50)
    original, ref = photo.read_bytes(), opened(service, photo)
    service.refine(whole(ref, Recipe()), lambda _: None).result(60)
    flat(photo, 200)  # somebody writes over it, and the window goes on showing the image
    changed = service.refine(whole(ref, Recipe(strength=0.0)), lambda _: None).result(60)
    assert changed.pixels[0, 0, 0] == 200
    with pytest.raises(ImageError, match="not the file that was added"):
        exported(service, ref, tmp_path / "out.png")
    photo.write_bytes(original)
    if tidily:  # the window looks at the file anew
        assert opened(service, photo) == ref
    assert exported(service, ref, tmp_path / "out.png") == 50


def test_what_was_seen_of_another_file_has_no_part_in_a_master_s_export(service: EngineService, photo: Path) -> None:
    ref, recipe, original = opened(service, photo), Recipe(alpha=3.0, keep_tone=False), photo.read_bytes()
    Image.fromarray(255 - chelsea()[:160, :200]).save(photo)
    service.refine(whole(ref, recipe), lambda _: None).result(60)
    photo.write_bytes(original)
    unaware = EngineService(device="cpu")
    unaware.start()
    pictures = []
    try:
        for number, engine in enumerate((service, unaware)):
            options = ExportOptions(str(photo.with_name(f"{number}.png")))
            made = engine.export(opened(engine, photo), recipe, options, nothing).future.result(60)
            with Image.open(made.output) as picture:
                pictures.append(np.asarray(picture))
    finally:
        unaware.close()
    made_here, expected = pictures
    np.testing.assert_array_equal(made_here, expected)


def test_a_master_that_is_written_over_while_it_is_proven_is_not_exported(
    service: EngineService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = flat(tmp_path / "a.png", 50)
    original, ref = photo.read_bytes(), opened(service, photo)
    assert exported(service, ref, tmp_path / "first.png") == 50
    decoded, times = EngineService._decoded, list[Path]()

    def late(self: EngineService, image: ImageRef) -> Generator[None, None, Source]:
        time.sleep(0.02)  # a file's times are as fine as the clock that the system looks at for them
        times.append(flat(photo, 200))
        source = yield from decoded(self, image)
        photo.write_bytes(original)
        return source

    monkeypatch.setattr(EngineService, "_decoded", late)
    with pytest.raises(ImageError, match="is being changed while it is read"):
        exported(service, ref, tmp_path / "out.png")
    assert len(times) == 3
    assert not (tmp_path / "out.png").exists()


def test_an_image_whose_file_is_out_of_reach_is_shown_from_memory(service: EngineService, photo: Path) -> None:
    ref = opened(service, photo)
    service.draft(whole(ref, Recipe())).result(60)
    photo.unlink()
    assert service.draft(whole(ref, Recipe(alpha=3.0))).result(60).pixels.shape == (160, 200, 4)
