"""Exports as jobs, with a network that makes everything a little brighter, and small pictures."""

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
import torch
from PIL import Image

from engine.errors import RecipeError, WriteError
from engine.export import journal
from engine.imaging.icc import srgb_profile
from engine.models import catalog
from engine.models.weights import save_restorer
from engine.service import EngineService
from engine.training.run import Networks
from engine.types import (
    EXPORT_PRESETS,
    SHIPPED_MODEL,
    ExportBatch,
    ExportReport,
    ExportSettings,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    export_preset,
)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    card = {"id": SHIPPED_MODEL, "title": "Tiny", "scales": {"content": 0.03, "style": 0.3}}
    state = dict(Networks().state_dict())
    # Three residuals and a damage, four pixels each: a little brighter everywhere, and damaged nowhere.
    state["backbone.out.bias"] = torch.tensor([0.0317] * 12 + [-5.0] * 4)
    save_restorer(path, state, card)
    monkeypatch.setattr(catalog, "shipped", lambda: (path,))
    return path


@pytest.fixture
def service(weights: Path) -> Iterator[EngineService]:
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


def cat(height: int = 70, width: int = 90) -> Any:
    return getattr(skimage.data, "chelsea")()[:height, :width]  # noqa: B009 (it has no annotations)


@pytest.fixture
def project(service: EngineService, tmp_path: Path) -> Project:
    """Three photographs: two of one name, one with 16 bits."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.fromarray(cat()[:: 1 if folder == "a" else -1]).save(tmp_path / folder / "cat.png", dpi=(300, 300))
    tifffile.imwrite(tmp_path / "deep.tif", cat(60, 80).astype(np.uint16) * 257 + 3, photometric="rgb")
    paths = [str(tmp_path / name) for name in ("a/cat.png", "b/cat.png", "deep.tif")]
    made, refused = service.project_for(paths, str(tmp_path / "box.archivist")).result(60)
    assert not refused
    return made


def nothing(_: Progress) -> None:
    return


def batch_of(project: Project, folder: Path, preset: str = "preservation", **changes: Any) -> ExportBatch:
    settings = replace(export_preset(preset).settings, **changes)
    return ExportBatch(project.items, settings, str(folder), project)


def export(service: EngineService, batch: ExportBatch) -> ExportReport:
    return service.export_batch(batch, nothing).future.result(120)


def states(report: ExportReport) -> list[str]:
    return [outcome.state for outcome in report.outcomes]


def names(report: ExportReport) -> list[str]:
    return [Path(outcome.output).name for outcome in report.outcomes]


def journals(own_home: Path) -> list[Path]:
    return list(own_home.rglob("job.json"))


def test_a_project_is_exported_as_one_job(
    service: EngineService, project: Project, tmp_path: Path, own_home: Path
) -> None:
    steps: list[Progress] = []
    report = service.export_batch(batch_of(project, tmp_path / "out"), steps.append).future.result(120)
    assert states(report) == ["written"] * 3
    assert names(report) == ["cat_restored_v01.tif", "cat_restored_v02.tif", "deep_restored_v01.tif"]
    assert (steps[-1].done, steps[-1].total) == (3000, 3000)
    assert [step.done for step in steps] == sorted(step.done for step in steps), "progress never goes back"
    assert "2 of 3 · cat.png" in {step.message for step in steps}
    assert not journals(own_home)
    for outcome, item in zip(report.outcomes, project.items, strict=True):
        with tifffile.TiffFile(outcome.output) as tif:
            (page,) = tif.pages
            assert page.dtype == np.uint16
            assert "AI-restored derivative" in page.description  # type: ignore[union-attr]
        assert outcome.restored is not None
        assert outcome.restored.recipe.weights
        assert outcome.source == service.locate(project, item)


def test_sixteen_bits_of_an_eight_bit_master_are_finer_than_the_master(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    one = replace(batch_of(project, tmp_path / "out"), items=project.items[:1])
    deep = tifffile.imread(export(service, one).outcomes[0].output).astype(int)
    shallow_one = replace(one, settings=replace(one.settings, depth="source", template="{name}_8"))
    shallow = tifffile.imread(export(service, shallow_one).outcomes[0].output)
    assert shallow.dtype == np.uint8
    assert (deep % 257).any()
    assert np.abs(deep / 257 - shallow).max() <= 0.51


def test_what_is_unchanged_is_not_exported_again(service: EngineService, project: Project, tmp_path: Path) -> None:
    batch = batch_of(project, Path(project.folder) / "exports")
    first = export(service, batch)
    again = export(service, batch)
    assert states(again) == ["unchanged"] * 3
    assert names(again) == names(first)
    edited = project.items[1].with_recipe(Recipe(alpha=3.0))
    project = service.save_item(project, edited).result(20)
    third = export(service, replace(batch, items=project.items))
    assert states(third) == ["unchanged", "written", "unchanged"]
    assert export(service, batch_of(project, tmp_path / "elsewhere")).count("written") == 3
    assert export(service, batch_of(project, Path(batch.folder), compression="none")).count("written") == 3


def test_a_result_that_somebody_changed_or_took_away_is_exported_again(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    batch = batch_of(project, tmp_path / "out")
    first = [Path(outcome.output) for outcome in export(service, batch).outcomes]
    first[0].unlink()
    changed = bytearray(first[1].read_bytes())
    changed[-1] ^= 1
    first[1].write_bytes(changed)
    os.utime(first[2])  # touched, but the same bytes
    assert states(export(service, batch)) == ["written", "written", "unchanged"]


def test_a_moved_project_knows_what_it_exported(service: EngineService, project: Project, tmp_path: Path) -> None:
    export(service, batch_of(project, Path(project.folder) / "exports"))
    service.close_project(project)
    moved = Path(project.folder).rename(tmp_path / "moved.archivist")
    again = service.open_project(str(moved)).result(20)
    assert states(export(service, batch_of(again, moved / "exports"))) == ["unchanged"] * 3


def test_what_fails_is_told_and_the_rest_go_on(service: EngineService, project: Project, tmp_path: Path) -> None:
    (tmp_path / "b" / "cat.png").unlink()
    report = export(service, batch_of(project, tmp_path / "out"))
    assert states(report) == ["written", "failed", "written"]
    assert "cat.png is not where it was" in report.outcomes[1].sentence
    page = Path(report.html).read_text()
    assert "What failed (1)" in page
    assert page.count("data:image/jpeg;base64,") == 4
    rows = list(csv.DictReader(Path(report.csv).read_text(encoding="utf-8-sig").splitlines()))
    assert [row["state"] for row in rows] == ["written", "failed", "written"]
    assert rows[1]["reason"] == report.outcomes[1].sentence
    assert rows[0]["master_sha256"] == project.items[0].source.sha256
    assert (rows[0]["width"], rows[0]["height"], rows[0]["model"]) == ("90", "70", SHIPPED_MODEL)


def test_a_report_is_one_file_that_asks_for_nothing(service: EngineService, project: Project, tmp_path: Path) -> None:
    nasty = tmp_path / "a" / "<script>alert(1)</script>&=cmd.png".replace("/", "_")
    Image.fromarray(cat()).save(nasty)
    project = service.add_images(project, [str(nasty)]).result(20)[0]
    report = export(service, batch_of(project, tmp_path / "out"))
    page = Path(report.html).read_text()
    assert "<script" not in page
    assert "http://" not in page.replace("http://cv.iptc.org", "")
    assert "&lt;script&gt;" in page
    assert 'href="cat_restored_v01.tif"' in page
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page


def test_no_spreadsheet_takes_a_name_for_a_formula(service: EngineService, project: Project, tmp_path: Path) -> None:
    from engine.export.report import _cell

    assert [_cell(text) for text in ("=1+1", "@x", "-5", "harbour", -5)] == ["'=1+1", "'@x", "'-5", "harbour", "-5"]


def test_no_report_where_none_is_wanted(service: EngineService, project: Project, tmp_path: Path) -> None:
    report = export(service, replace(batch_of(project, tmp_path / "out"), report=False))
    assert (report.html, report.csv) == ("", "")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".tif"}


def test_an_access_copy_is_srgb_with_its_label_outside_the_picture(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    plain = export(service, batch_of(project, tmp_path / "plain", "access", label=False, quality=100))
    labelled = export(service, batch_of(project, tmp_path / "out", "access", quality=100))
    for bare, copy in zip(plain.outcomes, labelled.outcomes, strict=True):
        with Image.open(bare.output) as one, Image.open(copy.output) as other:
            assert other.mode == "RGB"
            assert other.info["icc_profile"] == srgb_profile()
            assert other.height > one.height
            assert one.width == other.width
            top = np.asarray(other)[: one.height - 8].astype(int)
            assert np.abs(top - np.asarray(one)[: one.height - 8]).max() <= 4, "the picture itself is as without"
            if Path(copy.output).name.startswith("cat"):
                assert round(other.info["dpi"][0]) == 300


def test_a_limit_of_the_longer_side_shrinks_and_keeps_the_paper_s_size(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    report = export(service, batch_of(project, tmp_path / "out", "access", longest=45, label=False))
    with Image.open(report.outcomes[0].output) as copy:
        assert copy.size == (45, 35)
        assert round(copy.info["dpi"][0]) == 150
    whole = export(service, batch_of(project, tmp_path / "big", "access", longest=9000, label=False))
    assert whole.outcomes[0].restored is not None
    assert whole.outcomes[0].restored.width == 90


def test_a_resolution_is_written_and_changes_no_pixel(service: EngineService, project: Project, tmp_path: Path) -> None:
    plain = export(service, batch_of(project, tmp_path / "plain"))
    dense = export(service, batch_of(project, tmp_path / "out", dpi=600.0))
    for one, other in zip(plain.outcomes, dense.outcomes, strict=True):
        assert np.array_equal(tifffile.imread(one.output), tifffile.imread(other.output))
        with tifffile.TiffFile(other.output) as tif:
            assert tif.pages.first.tags["XResolution"].value == (600, 1)


@pytest.mark.parametrize(("compression", "tag"), [("lzw", 5), ("deflate", 8), ("none", 1)])
def test_compression_changes_no_pixel(
    service: EngineService, project: Project, tmp_path: Path, compression: str, tag: int
) -> None:
    report = export(service, batch_of(project, tmp_path / "out", compression=compression))
    for outcome in report.outcomes:
        with tifffile.TiffFile(outcome.output) as tif:
            assert int(tif.pages.first.compression) in (tag, 32946)
            assert tif.asarray().std() > 0


def test_a_profile_that_is_wanted_is_what_the_pixels_are_in(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    report = export(service, batch_of(project, tmp_path / "out", profile="srgb"))
    with tifffile.TiffFile(report.outcomes[0].output) as tif:
        assert tif.pages.first.iccprofile == srgb_profile()


def test_a_web_export_is_a_folder_that_answers_viewers(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    batch = batch_of(project, tmp_path / "out", "web", tile=64, address="https://archive.example/iiif")
    report = export(service, batch)
    assert names(report) == ["cat_iiif", "cat_iiif_v02", "deep_iiif"]
    told = json.loads((tmp_path / "out/cat_iiif/info.json").read_text())
    assert told["id"] == "https://archive.example/iiif/cat_iiif"
    full = (tmp_path / "out/cat_iiif/full/max/0/default.jpg").read_bytes()
    assert b"AI-restored derivative" in full
    assert (told["width"], report.outcomes[0].restored.height) == (90, told["height"])  # type: ignore[union-attr]
    assert states(export(service, batch)) == ["unchanged"] * 3


def test_overwriting_replaces_a_web_export_but_no_other_folder(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    batch = batch_of(project, tmp_path / "out", "web", conflict="overwrite", tile=64)
    batch = replace(batch, items=project.items[:1])
    export(service, batch)
    again = export(service, replace(batch, settings=replace(batch.settings, quality=50)))
    assert names(again) == ["cat_iiif"]
    (tmp_path / "other" / "cat_iiif").mkdir(parents=True)
    (tmp_path / "other" / "cat_iiif" / "precious.txt").write_text("x")
    kept = export(service, replace(batch, folder=str(tmp_path / "other")))
    assert states(kept) == ["failed"]
    assert (tmp_path / "other" / "cat_iiif" / "precious.txt").read_text() == "x"
    assert not [path for path in (tmp_path / "other").iterdir() if path.name.startswith(".")]


def test_conflicts_are_settled_by_the_rule(service: EngineService, project: Project, tmp_path: Path) -> None:
    def settled(conflict: str, alpha: float) -> ExportReport:
        item = project.items[2]
        batch = batch_of(project, tmp_path / "out", template="{name}", conflict=conflict)
        return export(service, replace(batch, items=(replace(item, recipe=Recipe(alpha=alpha)),)))

    assert names(settled("version", 1.0)) == ["deep.tif"]
    assert names(settled("version", 2.0)) == ["deep_v02.tif"]
    assert states(settled("skip", 3.0)) == ["skipped"]
    before = (tmp_path / "out/deep.tif").read_bytes()
    assert names(settled("overwrite", 4.0)) == ["deep.tif"]
    assert (tmp_path / "out/deep.tif").read_bytes() != before


def test_no_master_is_written_over_by_any_name(service: EngineService, project: Project, tmp_path: Path) -> None:
    before = (tmp_path / "deep.tif").read_bytes()
    item = (project.items[2],)
    batch = replace(batch_of(project, tmp_path, template="{name}", conflict="overwrite"), items=item)
    report = export(service, batch)
    assert states(report) == ["failed"]
    assert "master" in report.outcomes[0].sentence
    web = replace(batch, settings=replace(export_preset("web").settings, template="a", conflict="overwrite"))
    (tmp_path / "a" / "info.json").write_text('{"type": "ImageService3"}')
    assert states(export(service, web)) == ["failed"], "nor a folder that holds one"
    assert (tmp_path / "a" / "cat.png").exists()
    assert (tmp_path / "deep.tif").read_bytes() == before


def test_a_template_that_makes_no_name_stops_before_anything_is_written(
    service: EngineService, project: Project, tmp_path: Path, own_home: Path
) -> None:
    with pytest.raises(RecipeError, match=r"\{nobody\}"):
        export(service, batch_of(project, tmp_path / "out", template="{nobody}"))
    assert not (tmp_path / "out").exists()
    assert not journals(own_home)


def test_a_cancelled_job_keeps_what_is_done_and_reports_it(
    service: EngineService, project: Project, tmp_path: Path, own_home: Path
) -> None:
    def stop_at_the_second(step: Progress) -> None:
        if step.message.startswith("2 of 3"):
            work.cancel()

    work = service.export_batch(batch_of(project, tmp_path / "out"), stop_at_the_second)
    with pytest.raises(CancelledError):
        work.future.result(60)
    kinds = sorted(path.suffix for path in (tmp_path / "out").iterdir())
    assert kinds == [".csv", ".html", ".tif"]
    (page,) = (tmp_path / "out").glob("*.html")
    assert "2 not reached" in page.read_text()
    assert not journals(own_home)
    assert states(export(service, batch_of(project, tmp_path / "out"))) == ["unchanged", "written", "written"]


def test_a_paused_job_goes_on_where_it_was(service: EngineService, project: Project, tmp_path: Path) -> None:
    seen: list[Progress] = []

    def rest(step: Progress) -> None:
        if not seen:
            work.pause()
        seen.append(step)

    work = service.export_batch(batch_of(project, tmp_path / "out"), rest)
    with pytest.raises(TimeoutError):
        work.future.result(0.5)
    work.resume()
    assert states(work.future.result(120)) == ["written"] * 3


def test_a_large_image_that_was_cut_off_goes_on_within_itself(
    service: EngineService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.export import making, renditions

    monkeypatch.setattr(making, "LEDGER_FROM", 1)
    tifffile.imwrite(tmp_path / "wide.tif", np.tile(cat(60, 80), (1, 12, 1)), photometric="rgb")
    project, _ = service.project_for([str(tmp_path / "wide.tif")], str(tmp_path / "w.archivist")).result(20)
    with monkeypatch.context() as full:
        full.setattr(renditions, "write_image", _refuse)
        failed = export(service, batch_of(project, tmp_path / "out", depth="source"))
    assert states(failed) == ["failed"]
    done = export(service, batch_of(project, tmp_path / "out", depth="source")).outcomes[0]
    assert done.restored is not None
    assert done.restored.resumed == 1.0, "no tile was computed twice"
    assert tifffile.imread(done.output).shape == (60, 960, 3)


@pytest.mark.parametrize("preset", ["access", "web", "preservation", "package"])
def test_every_kind_of_export_goes_on_within_a_large_image(
    service: EngineService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path, preset: str
) -> None:
    from engine.export import making, renditions

    monkeypatch.setattr(making, "LEDGER_FROM", 1)
    tifffile.imwrite(tmp_path / "wide.tif", np.tile(cat(60, 80), (1, 12, 1)), photometric="rgb")
    project, _ = service.project_for([str(tmp_path / "wide.tif")], str(tmp_path / "w.archivist")).result(20)
    with monkeypatch.context() as full:
        full.setattr(renditions, "write_image", _refuse)
        assert states(export(service, batch_of(project, tmp_path / "out", preset))) == ["failed"]
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix not in (".csv", ".html")] == []
    assert service.unfinished_exports().result(20) == (), "it goes on with its job, not by itself"
    assert len(list(own_home.rglob("pixels.raw"))) == 1
    done = export(service, batch_of(project, tmp_path / "out", preset)).outcomes[0]
    assert done.restored is not None, done.sentence
    assert done.restored.resumed == 1.0, "no tile was computed twice"
    assert not list(own_home.rglob("pixels.raw"))
    with monkeypatch.context() as full:
        full.setattr(renditions, "write_image", _refuse)
        export(service, batch_of(project, tmp_path / "other", preset))
    service.forget_export("some job")
    assert not list(own_home.rglob("pixels.raw")), "who goes on with nothing keeps nothing"


@pytest.mark.parametrize("preset", ["access", "web", "preservation"])
def test_a_large_image_is_written_as_a_small_one_is(
    service: EngineService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    from engine.export import making

    pixels = np.dstack([cat(), np.full((70, 90), 255, np.uint8)])
    pixels[:20, :, 3] = 90
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    project, _ = service.project_for([str(tmp_path / "clear.png")], str(tmp_path / "p.archivist")).result(20)
    more: dict[str, Any] = {} if preset == "preservation" else {"longest": 80}
    pictures = []
    for limit in (1 << 40, 0):
        monkeypatch.setattr(making, "LEDGER_FROM", limit)
        report = export(service, batch_of(project, tmp_path / str(limit), preset, **more))
        path = Path(report.outcomes[0].output)
        path = path / "full/max/0/default.jpg" if preset == "web" else path
        pictures.append(tifffile.imread(path) if preset == "preservation" else np.asarray(Image.open(path)))
    np.testing.assert_array_equal(pictures[0], pictures[1])


def _refuse(*_: Any, **__: Any) -> Any:
    raise WriteError("The disk is full; make room.")


_KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from engine.models import catalog
catalog.shipped = lambda: (Path(sys.argv[1]),)
from engine.service import EngineService
from engine.types import ExportBatch, export_preset
service = EngineService(device="cpu")
service.start()
project = service.open_project(sys.argv[2]).result()
def die(step):
    if step.message.startswith("3 of 3"):
        os.kill(os.getpid(), signal.SIGKILL)
batch = ExportBatch(project.items, export_preset("access").settings, sys.argv[3], project)
service.export_batch(batch, die).future.result()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that kills")
def test_after_a_crash_what_is_done_stays_done_and_the_rest_is_offered(
    service: EngineService, project: Project, weights: Path, tmp_path: Path, own_home: Path
) -> None:
    service.close_project(project)
    target = tmp_path / "out"
    code = textwrap.dedent(_KILLED)
    done = subprocess.run(
        [sys.executable, "-c", code, str(weights), project.folder, str(target)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    written = {path.name: path.stat().st_mtime_ns for path in target.glob("*.jpg")}
    assert len(written) == 2
    project = service.open_project(project.folder).result(20)
    (left,) = service.interrupted_exports(project).result(20)
    assert (left.done, len(left.batch.items), left.batch.folder) == (2, 3, str(target))
    report = export(service, left.batch)
    assert states(report) == ["written"] * 3
    assert {path.name: path.stat().st_mtime_ns for path in target.glob("cat*.jpg")} == written
    assert Path(report.html).read_text().count("data:image/jpeg") == 6, "the report tells of all of them"
    assert service.interrupted_exports(project).result(20) == []
    assert not journals(own_home)


def test_an_interrupted_job_can_be_forgotten_and_other_projects_do_not_see_it(
    service: EngineService, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = journal.Journal.begin(batch_of(project, tmp_path / "out"))
    assert service.interrupted_exports(project).result(20) == [], "its program lives"
    monkeypatch.setattr(journal, "is_alive", lambda _: False)
    (left,) = service.interrupted_exports(project).result(20)
    assert service.interrupted_exports(replace(project, uuid="another")).result(20) == []
    service.forget_export(left.batch.resumes)
    assert not begun.folder.exists()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"project": 5}', b"[]", b"\xff\xfe"])
def test_a_damaged_journal_is_no_obstacle(
    service: EngineService, project: Project, tmp_path: Path, own_home: Path, damage: bytes
) -> None:
    begun = journal.Journal.begin(batch_of(project, tmp_path / "out"))
    (begun.folder / "job.json").write_bytes(damage)
    assert service.interrupted_exports(project).result(20) == []


def test_a_damaged_register_costs_no_more_than_a_second_export(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    batch = batch_of(project, tmp_path / "out")
    export(service, batch)
    register = Path(project.folder) / "exports.jsonl"
    lines = register.read_bytes().split(b"\n")
    register.write_bytes(b"\xff{}\n[1]\n" + lines[0] + b"\n" + lines[1][:50])
    assert states(export(service, batch)) == ["unchanged", "written", "written"]
    assert states(export(service, batch)) == ["unchanged"] * 3


def test_a_job_without_a_project_needs_none(service: EngineService, tmp_path: Path) -> None:
    Image.fromarray(cat()).save(tmp_path / "loose.png")
    ref = service.open_image(str(tmp_path / "loose.png")).result(20).ref
    batch = ExportBatch((ProjectItem("", ref),), ExportSettings(), str(tmp_path / "out"))
    assert names(export(service, batch)) == ["loose_restored_v01.tif"]
    assert states(export(service, batch)) == ["unchanged"]


def test_a_folder_that_cannot_be_written_is_one_sentence_an_image(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError):
        export(service, batch_of(project, tmp_path / "file"))
    report = export(service, replace(batch_of(project, tmp_path / "file"), report=False))
    assert states(report) == ["failed"] * 3
    assert all("\n" not in outcome.sentence for outcome in report.outcomes)


def test_names_and_estimates_are_known_before_the_work(
    service: EngineService, project: Project, tmp_path: Path
) -> None:
    batch = batch_of(project, tmp_path / "out")
    assert service.export_name(batch, 2) == "deep_restored_v01.tif"
    with pytest.raises(RecipeError):
        service.export_name(replace(batch, settings=replace(batch.settings, template="{x}")))
    before = service.estimate_export(batch).result(20)
    assert (before.images, before.existing, before.likely, before.seconds) == (3, 0, None, None)
    assert before.largest == (2 * 70 * 90 + 60 * 80) * 6
    report = export(service, batch)
    after = service.estimate_export(batch).result(20)
    assert after.existing == 3
    sizes = sum(Path(outcome.output).stat().st_size for outcome in report.outcomes)
    assert after.likely is not None
    assert 0.5 * sizes < after.likely < 2 * sizes
    assert after.seconds is not None
    slow = replace(batch, items=tuple(replace(i, recipe=replace(i.recipe, thorough=True)) for i in batch.items))
    assert service.estimate_export(slow).result(20).seconds is None  # none was exported yet
    report = export(service, replace(slow, folder=str(tmp_path / "slow")))
    slower = service.estimate_export(slow).result(20).seconds
    assert slower is not None
    assert slower > after.seconds
    (tmp_path / "deep.tif").unlink()
    assert service.estimate_export(batch).result(20).images == 2


def test_alpha_stays_in_a_tiff_and_lies_on_white_in_a_jpeg(service: EngineService, tmp_path: Path) -> None:
    pixels = np.dstack([cat(), np.full((70, 90), 255, np.uint8)])
    pixels[:20, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    project, _ = service.project_for([str(tmp_path / "clear.png")], str(tmp_path / "p.archivist")).result(20)
    kept = export(service, batch_of(project, tmp_path / "out"))
    assert tifffile.imread(kept.outcomes[0].output).shape == (70, 90, 4)
    flat = export(service, batch_of(project, tmp_path / "out", "access"))
    with Image.open(flat.outcomes[0].output) as copy:
        assert np.asarray(copy)[:10].mean() > 250


def test_every_preset_with_files_has_a_title_and_an_explanation() -> None:
    assert [preset.id for preset in EXPORT_PRESETS] == ["preservation", "access", "web", "package"]
    assert all(preset.title and preset.explanation.endswith(".") for preset in EXPORT_PRESETS)
