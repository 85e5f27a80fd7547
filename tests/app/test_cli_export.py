"""`archivist export` and `archivist sheet` with the real engine and the shipped network, on small images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archivist_app import cli
from archivist_app.cli.exporting import _filter
from engine.errors import RecipeError
from engine.service import EngineService
from engine.types import ImageRef, Project, ProjectItem, Recipe


def picture(path: Path, seed: int) -> Path:
    values = np.random.default_rng(seed).integers(60, 200, (6, 8, 3), np.uint8)
    Image.fromarray(values).resize((64, 48), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    return tmp_path


@pytest.fixture
def project(here: Path) -> Project:
    """Three pictures: one approved and edited, one with four stars."""
    service = EngineService(device="cpu")
    service.start()
    paths = [str(picture(here / f"{name}.png", seed)) for seed, name in enumerate(("one", "two", "three"))]
    made = service.project_for(paths, None).result(30)[0]
    approved = replace(made.items[0], decision="approved", recipe=Recipe(alpha=5.0), revision=1)
    made = service.save_item(made, approved).result(30)
    made = service.save_item(made, replace(made.items[1], stars=4, revision=1)).result(30)
    service.close()
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], str]:
    """Exit status, lines of standard output, standard error."""
    capsys.readouterr()
    status = cli.main([*words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return status, captured.out.splitlines(), captured.err


def test_a_project_goes_into_its_own_exports_and_is_left_alone_the_second_time(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines, _ = run(capsys, "export", project.folder, "--preset", "access", "--report")
    assert status == 0
    exports = Path(project.folder) / "exports"
    names = sorted(path.name for path in exports.iterdir() if path.suffix == ".jpg")
    assert names == ["one_access_v01.jpg", "three_access_v01.jpg", "two_access_v01.jpg"]
    assert " s); A signing key was made" in lines[0], "the first export of this person"
    assert Path(lines[-1].removeprefix("Report: ")).is_file()
    status, lines, _ = run(capsys, "export", project.folder, "--preset", "access", "--json")
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert status == 0
    assert [row["state"] for row in rows] == ["unchanged"] * 3 + ["done"]
    assert rows[-1]["unchanged"] == 3


def test_only_those_that_are_wanted_are_exported(
    project: Project, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wanted, name in (("approved", "one.tif"), ("stars>=3", "two.tif")):
        out = here / name.removesuffix(".tif")
        status, _, _ = run(capsys, "export", project.folder, "-o", str(out), "--only", wanted, "--template", "{name}")
        assert status == 0
        assert [path.name for path in out.iterdir()] == [name]
    status, lines, _ = run(capsys, "export", project.folder, "--only", "approved", "--only", "stars=5")
    assert (status, lines) == (0, ["Nothing to export: no image is among those wanted."])


def test_an_image_is_exported_as_its_project_has_it_and_a_loose_one_as_it_comes(
    project: Project, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loose = picture(here / "loose.png", 9)
    status, lines, _ = run(
        capsys, "export", "one.png", str(loose), "-o", "out", "--template", "{name}_{alpha}", "--json"
    )
    assert status == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["loose_1.tif", "one_5.tif"]
    assert json.loads(lines[0])["restored"]["recipe"]["alpha"] == 5.0


def test_a_bad_input_is_reported_and_the_rest_go_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = picture(here / "good.png", 1)
    (here / "bad.png").write_text("no picture")
    status, _, err = run(capsys, "export", "bad.png", str(good), "missing.png", "-o", "out", "--preset", "web")
    assert status == 1
    assert [path.name for path in (here / "out").iterdir()] == ["good_iiif"]
    assert (here / "out/good_iiif/full/max/0/default.jpg").is_file()
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--preset web --dpi 300", "has no --dpi"),
        ("--template {nobody}", "{nobody}"),
        ("--quality 0 --preset access", "from 1 to 100"),
        ("--only pretty", "chooses nothing"),
        ("--preset poster", "poster"),
    ],
)
def test_a_wrong_use_is_one_sentence_and_writes_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], words: str, told: str
) -> None:
    picture(here / "a.png", 1)
    status, _, err = run(capsys, "export", "a.png", "-o", "out", *words.split())
    assert status == 2
    assert told in err
    assert not (here / "out").exists()


def test_loose_images_need_a_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(here / "a.png", 1)
    status, _, err = run(capsys, "export", "a.png")
    assert status == 2
    assert "give it with -o" in err


@pytest.mark.parametrize(
    ("text", "stars", "decision", "passes"),
    [
        ("approved", 0, "approved", True),
        ("rejected", 0, "approved", False),
        ("undecided", 0, "", True),
        ("stars >= 3", 3, "", True),
        ("stars>3", 3, "", False),
        ("stars<=3", 2, "", True),
        ("stars<2", 2, "", False),
        ("stars=2", 2, "", True),
        ("edited", 0, "", False),
    ],
)
def test_filters_choose_by_what_was_decided(text: str, stars: int, decision: str, passes: bool) -> None:
    item = ProjectItem("u", ImageRef("a.png", "0", 1), stars=stars, decision=decision)
    assert _filter(text)(item) == passes


@pytest.mark.parametrize("text", ["", "stars", "stars>=9", "stars>=three", "approved!"])
def test_a_filter_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="chooses nothing"):
        _filter(text)


@pytest.mark.usefixtures("qapp")
def test_sheets_are_made_without_a_display(project: Project, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, pages in ((("one.png", "--page", "letter"), 1), ((project.folder, "--layout", "page"), 3)):
        status, _, err = run(capsys, "sheet", *words, "-o", "sheet.pdf")
        assert (status, err) == (0, "")
        data = (here / "sheet.pdf").read_bytes()
        assert data.startswith(b"%PDF-")
        assert data.count(b"/Type /Page\n") == pages
    status, lines, _ = run(capsys, "sheet", project.folder, "-o", "wall.pdf", "--json")
    assert json.loads(lines[0]) == {"output": "wall.pdf", "images": 3, "layout": "wall", "page": "a4"}


def test_a_sheet_is_a_pdf_and_never_a_master(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(here / "a.png", 1)
    status, _, err = run(capsys, "sheet", "a.png", "-o", "a.png")
    assert status == 2
    assert ".pdf" in err
    status, _, err = run(capsys, "sheet", "nothing.png", "-o", "a.pdf")
    assert status == 1
    assert not (here / "a.pdf").exists()
