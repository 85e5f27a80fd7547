"""Comparison sheets: what stands on them, and where they break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QPushButton

from archivist_app.app import Application
from archivist_app.state.sheets import SheetEntry, facts_of, sheet_requests, words_for
from archivist_app.views.sheet import HONEST, Paper, draw_sheet
from archivist_app.views.sheet_dialog import SheetDialog
from engine.types import ImageInfo, ImageRef, ModelCard, ProjectItem, Recipe
from tests.app.conftest import find, trigger, until

INFO = ImageInfo("box/a.tif", 4000, 3000, 3, 16, "TIFF", profile="Adobe RGB (1998)", dpi=(600.0, 600.0))


def entry(width: int = 60, height: int = 40, generated: bool = True) -> SheetEntry:
    pixels: Any = np.random.default_rng(1).integers(0, 255, (height, width, 4), np.uint8)
    facts = (("Original", "a.tif"), ("SHA-256", "ab" * 32), ("Model", "archivist-1"), ("Decision", "Approved by jo"))
    return SheetEntry("a.tif", pixels, pixels, pixels, 0.25, ("Faithfulness α 1 (balanced)",), facts, generated)


def pages(data: bytes) -> int:
    assert data.startswith(b"%PDF-")
    return data.count(b"/Type /Page\n")


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("size", ["a4", "a3", "letter"])
def test_a_page_an_image(size: str) -> None:
    assert pages(draw_sheet([entry(), entry(40, 80)], Paper("Box 12", size))) == 2


@pytest.mark.usefixtures("qapp")
def test_a_wall_breaks_between_rows_and_a_larger_page_takes_more() -> None:
    entries = [entry(60, 60)] * 9
    assert pages(draw_sheet(entries, Paper("Box 12", "a4", "wall"))) == 3
    assert pages(draw_sheet(entries, Paper("Box 12", "a3", "wall"))) == 2
    assert pages(draw_sheet([entry(90, 30)] * 6, Paper("Box 12", "a4", "wall"))) == 1


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2000, 3), (3, 2000)])
@pytest.mark.parametrize("layout", ["page", "wall"])
def test_pictures_of_any_shape_fit(width: int, height: int, layout: Any) -> None:
    assert pages(draw_sheet([entry(width, height)], Paper("Box", layout=layout))) == 1


def test_a_sheet_tells_no_setting_that_the_model_does_not_have() -> None:
    item = ProjectItem("1", ImageRef("a.tif", "ab" * 32, 9), Recipe(model="net", alpha=5.0))
    net = ModelCard("net", "Net", origin="imported", controls=("strength", "scope"))
    assert not any("α" in words or "β" in words for words in words_for(item, (), (net,)))
    assert words_for(item, (), ())[0] == "Faithfulness α 5 (invents nothing)"


@pytest.mark.usefixtures("qapp")
def test_a_sheet_warns_of_a_model_only_where_one_took_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from archivist_app.views import sheet

    said: list[str] = []
    draw = sheet._Canvas.text

    def text(self: Any, place: Any, words: str, *more: Any, **options: Any) -> float:
        said.append(words)
        return draw(self, place, words, *more, **options)

    monkeypatch.setattr(sheet._Canvas, "text", text)
    draw_sheet([entry()], Paper("Box", by="jo"))
    assert HONEST in said
    assert any(words.startswith("Made by jo on ") for words in said)
    assert "ab" * 32 in said
    assert "Pictures are shown at 25 % of their size, rendered at it." in said
    said.clear()
    draw_sheet([entry(generated=False)], Paper("Box"))
    assert HONEST not in said


def test_the_engine_is_asked_for_what_the_paper_can_show() -> None:
    image = ImageRef("a.tif", "ab" * 32, 1)
    rendering, mapping = sheet_requests(image, Recipe(alpha=2.0), INFO, 1000)
    assert rendering.view == mapping.view
    assert (rendering.view.region, rendering.view.scale) == (INFO.bounds, 0.25)
    assert (rendering.quality, mapping.kind) == ("refine", "fidelity")


def test_where_an_image_comes_from_is_told_in_full() -> None:
    item = ProjectItem(
        "u",
        ImageRef("box/a.tif", "ab" * 32, 1, 2),
        decision="approved",
        stars=4,
        note="torn",
        decided_by="jo",
        decided_at="2031-05-04T10:00:00Z",
    )
    facts = dict(facts_of(item, INFO, (ModelCard("archivist-1", "One", sha256="cd" * 32),), "Box 12"))
    assert facts["Original"] == "a.tif, page 3"
    assert facts[""] == "4000 × 3000 pixels · TIFF, 16 bit · Adobe RGB (1998) · 600 dpi"
    assert facts["SHA-256"] == "ab" * 32
    assert facts["Its weights"] == f"SHA-256 {'cd' * 32}"
    assert facts["Decision"] == "Approved by jo, 2031-05-04 · 4 of 5 stars"
    assert (facts["Project"], facts["Note"]) == ("Box 12", "torn")


def test_a_sheet_from_the_window_is_a_job(opened: Application, tmp_path: Path) -> None:
    trigger(opened, "sheet")
    dialog = find(opened, SheetDialog, "sheetDialog")
    assert not dialog.isModal()
    assert find(opened, QComboBox, "sheetWhich").count() == 3, "nothing is approved"
    find(opened, QComboBox, "sheetWhich").setCurrentIndex(2)
    assert find(opened, QComboBox, "sheetLayout").currentData() == "wall"
    assert find(opened, QPushButton, "sheetCreate").isDefault()
    dialog.close()
    work = opened.window._workspace
    project, item = work.session.project, work.session.item
    assert project is not None
    assert item is not None
    opened.window.sheets.make(project, (item,), tmp_path / "sheet.pdf", "a4", "page")
    until(opened, lambda: work.jobs.jobs and not work.jobs.running)
    (job,) = work.jobs.jobs
    assert (job.state, job.path) == ("done", str(tmp_path / "sheet.pdf"))
    assert pages((tmp_path / "sheet.pdf").read_bytes()) == 1


def test_a_sheet_that_cannot_be_written_or_is_stopped_says_so(opened: Application, tmp_path: Path) -> None:
    work = opened.window._workspace
    project, item = work.session.project, work.session.item
    assert project is not None
    assert item is not None
    opened.window.sheets.make(project, (item,), tmp_path / "nowhere" / "sheet.pdf", "a4", "page")
    until(opened, lambda: not work.jobs.running)
    assert work.jobs.jobs[0].text == "“sheet.pdf” cannot be written; choose another folder."
    opened.window.sheets.make(project, (item,), tmp_path / "sheet.pdf", "a4", "page")
    work.jobs.cancel(work.jobs.jobs[1].number)
    until(opened, lambda: not work.jobs.running)
    assert work.jobs.jobs[1].state == "cancelled"
    assert not (tmp_path / "sheet.pdf").exists()
