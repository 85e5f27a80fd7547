"""What the window shows at 1:1 is what the export writes: the real engine, the real viewer, a file on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from archivist_app.app import Application, create_application
from archivist_app.views.modes import Mode
from engine.types import ExportOptions, Recipe
from tests.app.conftest import until

BELOW_LABELS = 40  # rows of the picture that its label lies on


@pytest.fixture
def real(qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """A program on the real engine, with a photograph that lies whole on the pane at 1:1."""
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    photo = tmp_path / "cat.png"
    Image.fromarray(getattr(skimage.data, "chelsea")()[60:210, 120:320]).save(photo)  # noqa: B009 (no annotations)
    application = create_application([str(photo)])
    application.window.show()
    return application


def on_screen(application: Application) -> NDArray[np.uint8]:
    """The picture below its label, as the viewer painted it, (rows, columns, 3) RGB."""
    compare = application.window.compare
    assert compare.viewport is not None
    where = compare.viewport.image_rect
    image = compare.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    return pixels[where.top + BELOW_LABELS : where.bottom, where.left : where.right].copy()


def test_the_viewer_at_one_to_one_shows_the_pixels_of_the_exported_file(real: Application, tmp_path: Path) -> None:
    window, work = real.window, real.window._workspace
    compare = window.compare
    try:
        until(real, lambda: compare._layers is not None and compare._layers.rendered, 60)
        work.document.recipe = Recipe(alpha=0.3, style="sepia", beta=0.8, keep_tone=False)
        compare.zoom_to(1.0)
        compare.set_mode(Mode.BLINK)
        compare.pause_blink(True)
        real.spin(0.3)
        until(real, lambda: not compare._busy, 60)
        assert compare._layers is not None
        assert compare._layers.exact
        target = tmp_path / "out.png"
        recipe, image = work.document.recipe, work.document.image
        assert image is not None
        work.bridge.drop_background()  # the thumbnails of the styles
        handle = work.bridge.export(image, recipe, ExportOptions(str(target)), lambda _: None)
        until(real, lambda: handle._work.future.done(), 60)
        with Image.open(target) as exported, Image.open(tmp_path / "cat.png") as scan:
            after, before = np.asarray(exported)[BELOW_LABELS:], np.asarray(scan)[BELOW_LABELS:]
        assert np.array_equal(on_screen(real), before)
        compare._turn_blink()
        assert np.array_equal(on_screen(real), after)
        assert np.abs(after.astype(int) - before).mean() > 1, "there is something to see"
    finally:
        real.close()


def test_a_stroke_in_the_window_changes_what_is_exported_there_and_nothing_else(
    real: Application, tmp_path: Path
) -> None:
    window, work = real.window, real.window._workspace
    compare, editor = window.compare, work.mask
    try:
        until(real, lambda: compare._layers is not None and compare._layers.rendered, 60)
        compare.zoom_to(1.0)
        QTest.keyClick(window, Qt.Key.Key_B)
        until(real, lambda: editor.raster is not None, 60)
        assert compare.viewport is not None
        left, top = compare.viewport.origin
        places = [QPoint(left + x, top + y) for x, y in ((40, 50), (60, 60), (80, 50))]
        QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=places[0])
        for place in places:
            QTest.mouseMove(compare, place)
        QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=places[-1])
        until(real, lambda: not editor.stroking, 60)
        document, project = work.document, work.session.project
        assert document.image is not None
        assert document.recipe.mask is not None
        assert project is not None
        assert (Path(project.folder) / "masks" / f"{document.recipe.mask}.png").is_file()
        target = tmp_path / "out.png"
        handle = work.bridge.export(document.image, document.recipe, ExportOptions(str(target)), lambda _: None)
        until(real, lambda: handle._work.future.done(), 60)
        with Image.open(target) as exported, Image.open(tmp_path / "cat.png") as scan:
            changed = (np.asarray(exported) != np.asarray(scan)).any(axis=2)
        assert editor.raster is not None
        marked = editor.raster.read(editor.raster.bounds) > 0
        near = np.lib.stride_tricks.sliding_window_view(np.pad(marked, 2), (5, 5)).any(axis=(2, 3))
        assert marked[50, 45:75].all()
        assert changed[45:60, 45:75].mean() > 0.5
        assert not changed[~near].any()
    finally:
        real.close()
