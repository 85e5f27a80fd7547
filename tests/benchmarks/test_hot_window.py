"""What a person waits for between the picture and the screen, and what a project costs to open and to save."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QColorSpace, QImage

from archivist_app.cli import bench_report
from archivist_app.state.brush import Brush, Stroke, reach
from archivist_app.state.mask_raster import MaskRaster, MaskTiles
from archivist_app.views.compare_view import CompareView
from archivist_app.views.modes import Mode
from archivist_app.views.pixels import Monitor, to_image
from engine.projects.project import ProjectFolder
from engine.types import Frame, ImageRef, Recipe, Region, RenderRequest, View
from tests.benchmarks.conftest import Compare, computing, waiting

pytestmark = computing

WIDTH, HEIGHT = 1280, 800
IMAGES = 1000


@pytest.fixture
def viewer(qapp: object) -> Iterator[CompareView]:
    """The viewer at the size of a window, with a restored picture in it."""
    view = CompareView()
    view.resize(WIDTH, HEIGHT)
    whole = Region(0, 0, 2 * WIDTH, 2 * HEIGHT)
    request = RenderRequest(ImageRef("a.tif", "a", 1), Recipe(), View(whole, 0.5))
    before, after = (np.random.default_rng(n).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8) for n in (1, 2))
    view.show_overview(Frame(request, before, before, whole))
    view.show_frame(Frame(request, after, before, whole))
    yield view
    view.close()
    view.deleteLater()
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def test_painting_the_comparison_is_a_few_copies_of_the_screen(compare: Compare, viewer: CompareView) -> None:
    canvas = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    viewer.render(canvas)
    assert canvas.pixel(WIDTH // 4, HEIGHT // 2) != canvas.pixel(3 * WIDTH // 4, HEIGHT // 2)
    source = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    target = np.empty_like(source)
    compare(
        lambda: viewer.render(canvas), lambda: np.copyto(target, source), "one copy of the screen's bytes", at_most=60
    )


@pytest.mark.parametrize(("mode", "at_most"), [(Mode.SPLIT, 70), (Mode.SIDE, 120), (Mode.DIFFERENCE, 200)])
def test_panning_a_hundred_megapixels_is_a_few_copies_of_the_screen(
    compare: Compare, viewer: CompareView, mode: Mode, at_most: int
) -> None:
    whole, image = Region(0, 0, 10_000, 10_000), ImageRef("b.tif", "b", 1)
    overview = np.random.default_rng(3).integers(0, 256, (2048, 2048, 4), np.uint8)
    viewer.show_overview(Frame(RenderRequest(image, Recipe(), View(whole, 0.2)), overview, overview, whole))
    viewer.set_mode(mode)
    viewer.zoom_to(0.51)  # where a view has nearly four times the screen's pixels
    assert viewer.viewport is not None
    canvas = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    for number in range(40):  # as many views as a long drag refines
        viewer._move(viewer.viewport.panned(-200, -50))
        view = viewer.viewport.view
        pixels = np.full((view.region.height, view.region.width, 4), number, np.uint8)
        viewer.show_frame(Frame(RenderRequest(image, Recipe(), view, "refine", number), pixels, pixels, view.region))
    assert viewer._layers is not None
    assert viewer._layers.nbytes < 400 << 20, "what is kept is bounded"
    source = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    target = np.empty_like(source)

    def pan() -> None:
        assert viewer.viewport is not None
        viewer._move(viewer.viewport.panned(7, 3))
        viewer.render(canvas)

    compare(pan, lambda: np.copyto(target, source), "one copy of the screen's bytes", at_most=at_most)


@pytest.mark.parametrize(("size", "at_most"), [(24.0, 0.8), (400.0, 2.0)])
def test_a_stroke_on_a_hundred_megapixels_costs_what_it_covers(compare: Compare, size: float, at_most: float) -> None:
    raster, brush = MaskRaster(MaskTiles.empty(10_000, 10_000)), Brush(size=size, feather=0.5)
    start, end = (5000.0, 5000.0), (5040.0, 5020.0)

    def stroke() -> None:
        Stroke(raster, brush).paint(start, end)
        raster.freeze()

    stroke()
    assert raster.read(reach(start, end, brush)).any()
    whole = np.zeros((10_000, 10_000), np.uint8)
    target = np.ones_like(whole)
    compare(stroke, lambda: np.copyto(target, whole), "one copy of the mask's bytes", at_most=at_most)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A project of a thousand images. Their items are copies of one that the program wrote."""
    master = tmp_path / "plate.tif"
    master.write_bytes(b"pixels")
    folder = tmp_path / "Harbour.archivist"
    with ProjectFolder.create(folder, "Harbour") as project:
        project.add(master, hashlib.sha256(b"pixels").hexdigest(), 6)
    (first,) = (folder / "items").glob("*.json")
    record = json.loads(first.read_text(encoding="utf-8"))
    for number in range(1, IMAGES):
        record["uuid"] = str(uuid.UUID(int=number))
        record["source"]["sha256"] = f"{number:064x}"
        (folder / "items" / f"{record['uuid']}.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
    return folder


def test_opening_a_thousand_images_is_a_few_readings_of_their_files(compare: Compare, archive: Path) -> None:
    with ProjectFolder.open(archive) as opened:
        assert len(opened.value.items) == IMAGES

    def open_and_close() -> None:
        with ProjectFolder.open(archive) as project:
            project.value  # noqa: B018 - sorts a thousand items

    def read() -> None:
        for path in (archive / "items").iterdir():
            json.loads(path.read_bytes())

    compare(open_and_close, read, "reading and parsing the same files", at_most=8, rounds=7)


@waiting
def test_an_autosave_costs_little_more_than_writing_its_file_safely(
    compare: Compare, archive: Path, tmp_path: Path
) -> None:
    with ProjectFolder.open(archive) as project:
        state = {"item": project.value.items[0]}
        plain, text = tmp_path / "plain.json", json.dumps({"number": list(range(100))})

        def autosave() -> None:
            item = state["item"]
            saved = project.save_item(item.with_recipe(Recipe(alpha=0.5 + item.revision % 9)))
            state["item"] = next(one for one in saved.items if one.uuid == item.uuid)

        def write() -> None:
            temporary = plain.with_suffix(".tmp")
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(plain)

        compare(autosave, write, "writing, flushing and renaming one small file", at_most=20)


@waiting
def test_the_first_window_takes_little_longer_than_a_bare_one(compare: Compare, tmp_path: Path) -> None:
    def until_painted(probe: str) -> Callable[[], object]:
        return lambda: bench_report.seconds_until_painted(probe, str(tmp_path))

    compare(until_painted("ours"), until_painted("bare"), "a window that holds nothing", at_most=2, rounds=9)


def test_converting_a_view_to_the_monitor_is_a_few_copies_of_it(compare: Compare) -> None:
    array = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
    monitor, target = Monitor(), np.empty_like(array)
    assert monitor.use(bytes(QColorSpace(QColorSpace.NamedColorSpace.DisplayP3).iccProfile().data()))
    assert monitor.converts
    compare(
        lambda: monitor.show(to_image(array)), lambda: np.copyto(target, array), "one copy of the view", at_most=120
    )
