"""Promises about large exports: what outlives a killed program, and what does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
from numpy.typing import NDArray

from engine.errors import EngineError, RecipeError, WriteError
from engine.export import ledger, making, single
from engine.export.ledger import Errand, Ledger
from engine.imaging import writer
from engine.rendering.canvas import Tally
from engine.service import EngineService
from engine.types import ExportOptions, ImageRef, Progress, Recipe, Region

SHAPE = (40, 60, 3)
EXPORT = """
import sys
from engine.export import making
from engine.imaging import writer
from engine.service import EngineService
from engine.types import ExportOptions, Recipe

making.LEDGER_FROM = 0
service = EngineService(device="cpu")
service.start()
ref = service.open_image(sys.argv[1]).result(60).ref
options = ExportOptions(sys.argv[2], "overwrite")
tell = lambda step: print(step.message, step.done, step.total, flush=True)
print("resumed", service.export(ref, Recipe(alpha=3.0), options, tell).future.result(100).resumed, flush=True)
service.close()
"""


def errand(**changes: Any) -> Errand:
    image = ImageRef("/masters/a.tif", "ab" * 32, 10)
    made = Errand({"recipe": 1}, image, Recipe(), ExportOptions("/out/a.tif"), SHAPE, np.dtype(np.uint16), 4)
    return replace(made, **changes)


def pixels(seed: int = 0) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 65535, SHAPE, np.uint16)


TILES = [Region(0, 0, 32, 24), Region(32, 0, 28, 24), Region(0, 24, 32, 16), Region(32, 24, 28, 16)]


def put(book: Ledger, tile: int, picture: NDArray[np.uint16]) -> None:
    region = TILES[tile]
    book.put(region, picture[region.y : region.bottom, region.x : region.right])
    book.finish(tile, Tally(tile, 10 * tile))


def begun(tiles: int, picture: NDArray[np.uint16]) -> Path:
    """What a program leaves that was killed after so many tiles."""
    folder = ledger.place_for(errand(), ())
    book = Ledger(errand(), folder)
    book.prepare(None)
    for tile in range(tiles):
        put(book, tile, picture)
    book.close()
    return folder


def test_tiles_that_were_finished_are_known_again_and_the_others_are_not() -> None:
    picture = pixels()
    folder = begun(3, picture)
    book = Ledger(errand(), folder)
    book.prepare(None)
    assert [book.known(tile) for tile in range(4)] == [Tally(0, 0), Tally(1, 10), Tally(2, 20), None]
    assert book.resumed == 0.75
    put(book, 3, picture)
    np.testing.assert_array_equal(book.raster.read(Region(0, 0, 60, 40)), picture)
    book.remove()
    assert not folder.exists()


def test_a_tile_whose_bytes_are_not_as_written_is_made_again() -> None:
    folder = begun(3, pixels())
    with (folder / ledger.PIXELS).open("r+b") as file:
        file.seek((5 * 60 + 40) * 6)  # within the second tile
        file.write(b"\0")
    with (folder / ledger.TILES).open("ab") as file:
        file.write(b'{"tile": 3, "damaged": 0, "cha')  # the power failed here
    book = Ledger(errand(), folder)
    book.prepare(None)
    assert [book.known(tile) is None for tile in range(4)] == [False, True, False, True]
    book.remove()


@pytest.mark.parametrize(
    "line",
    [b"[]", b"\xff\xfe", b'{"tile": 0}', b'{"tile": 9, "damaged": 0, "changed": 0, "parts": [[0, 0, 1, 1, 0]]}',
     b'{"tile": 0, "damaged": 0, "changed": 0, "parts": [[50, 30, 60, 60, 0]]}',
     b'{"tile": 0, "damaged": 0, "changed": 0, "parts": []}',
     b'{"tile": 0, "damaged": 0, "changed": 0, "parts": [["a", 0, 1, 1, 0]]}'],
)  # fmt: skip
def test_a_ledger_with_nonsense_in_it_is_a_ledger_without(line: bytes) -> None:
    folder = begun(0, pixels())
    (folder / ledger.TILES).write_bytes(line + b"\n")
    book = Ledger(errand(), folder)
    book.prepare(None)
    assert [book.known(tile) for tile in range(4)] == [None] * 4
    book.remove()


def test_whatever_else_determines_the_pixels_is_another_export() -> None:
    assert errand(pixels={"recipe": 2}).key != errand().key
    assert errand(options=ExportOptions("/elsewhere/b.png")).key == errand().key


def test_two_at_once_do_not_share_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(1, pixels())
    assert ledger.place_for(errand(), ()) == folder, "ours, and nobody is at it"
    assert ledger.place_for(errand(), {folder}) != folder, "ours, and at work"
    assert ledger.unfinished({folder}) == ()
    monkeypatch.setattr(os, "getpid", lambda: 1)  # another program, and this one lives
    assert ledger.place_for(errand(), ()) != folder
    assert ledger.unfinished() == ()


def test_what_was_cut_off_is_listed_and_can_be_discarded() -> None:
    folder = begun(2, pixels())
    (found,) = ledger.unfinished()
    assert (found.source, found.target, found.done, found.total) == ("/masters/a.tif", "/out/a.tif", 2, 4)
    assert ledger.recall(found.key) == (errand().image, Recipe(), ExportOptions("/out/a.tif"))
    ledger.discard(folder)
    assert ledger.unfinished() == ()
    with pytest.raises(RecipeError, match="is gone; restore the image again"):
        ledger.recall(found.key)


def test_what_nobody_went_on_with_for_a_month_goes() -> None:
    folder = begun(1, pixels())
    os.utime(folder / ledger.TILES, (0, 0))
    ledger.place_for(errand(pixels={"recipe": 2}), ())
    assert not folder.exists()


def test_a_cache_without_room_is_told_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = __import__("shutil")._ntuple_diskusage(10, 10, 0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(WriteError, match="on its way; make room there"):
        Ledger(errand(), ledger.place_for(errand(), ()))


# Whole exports


@pytest.fixture(autouse=True)
def every_export_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "LEDGER_FROM", 0)
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")


@pytest.fixture
def service() -> Iterator[EngineService]:
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Six tiles: two whole ones and what is left at the edges; 16 bit."""
    photo: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()  # noqa: B009 (it has no annotations)
    picture = np.tile(photo, (2, 3, 1))[:520, :1040].astype(np.uint16) * 257
    noise = np.random.default_rng(1).integers(0, 3000, picture.shape, np.uint16)
    path = tmp_path / "masters" / "scan.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.maximum(picture, noise) - noise // 2, photometric="rgb", metadata=None)
    return path


def left(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if "exports" in path.parts)


def child(scan: Path, target: Path) -> subprocess.Popen[str]:
    script = [sys.executable, "-c", EXPORT, str(scan), str(target)]
    return subprocess.Popen(script, stdout=subprocess.PIPE, text=True)


def undated(path: Path) -> bytes:
    """A file without what tells when it was written: times, and the id that follows from them."""
    instance = rb"xmp\.iid:[0-9a-f-]{36}"
    return re.sub(rb"\d{4}[:-]\d\d[:-]\d\d[T ]\d\d:\d\d:\d\d|" + instance, b"", path.read_bytes())


def kill_after(scan: Path, target: Path, line: str) -> None:
    """A real process that is killed with SIGKILL once it has told so."""
    with child(scan, target) as process:
        assert process.stdout is not None
        told = next((told for told in process.stdout if told.startswith(line)), None)
        process.kill()
    assert told is not None
    assert process.wait() != 0


@pytest.mark.parametrize(
    "moments",
    [["restoring 3"], pytest.param(["restoring 2", "restoring 5", "writing"], marks=pytest.mark.long)],
)
def test_a_killed_export_goes_on_and_ends_with_the_same_bytes(
    service: EngineService, scan: Path, tmp_path: Path, own_home: Path, moments: list[str]
) -> None:
    target, whole = tmp_path / "out" / "scan.tif", tmp_path / "whole" / "scan.tif"
    for moment in moments:
        kill_after(scan, target, moment)
        assert not target.exists()
    with child(scan, target) as process:
        assert process.stdout is not None
        told = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert float(told[-1].split()[1]) > 0, "it went on"
    assert told[0].startswith("going on where it was interrupted")
    ref = service.open_image(str(scan)).result(60).ref
    uninterrupted = service.export(ref, Recipe(alpha=3.0), ExportOptions(str(whole)), lambda _: None).future.result(100)
    assert uninterrupted.resumed == 0
    assert undated(target) == undated(whole)
    assert [path.name for path in target.parent.iterdir()] == ["scan.tif"], "no temporary is left"
    assert left(own_home) == []


def test_the_window_can_go_on_with_a_killed_export_or_discard_it(
    service: EngineService, scan: Path, tmp_path: Path, own_home: Path
) -> None:
    target = tmp_path / "out" / "scan.tif"
    kill_after(scan, target, "restoring 4")
    (found,) = service.unfinished_exports().result(20)
    assert (found.source, found.target, found.total) == (str(scan), str(target), 6)
    assert found.done >= 3
    steps: list[Progress] = []
    restored = service.resume_export(found, steps.append).future.result(100)
    assert restored.resumed >= 0.5
    assert Path(restored.output) == target
    assert service.unfinished_exports().result(20) == ()
    assert left(own_home) == []
    kill_after(scan, target, "restoring 2")
    (found,) = service.unfinished_exports().result(20)
    service.discard_export(found).result(20)
    assert left(own_home) == []


def test_a_master_that_changed_since_is_not_gone_on_with(service: EngineService, scan: Path, tmp_path: Path) -> None:
    kill_after(scan, tmp_path / "out.tif", "restoring 2")
    (found,) = service.unfinished_exports().result(20)
    scan.write_bytes(scan.read_bytes()[:-1] + b"\1")
    with pytest.raises(EngineError, match="was changed since this export began"):
        service.resume_export(found, lambda _: None).future.result(60)


def test_a_cancelled_export_leaves_nothing(service: EngineService, scan: Path, tmp_path: Path, own_home: Path) -> None:
    ref = service.open_image(str(scan)).result(20).ref
    work = service.export(ref, Recipe(), ExportOptions(str(tmp_path / "out" / "a.tif")), lambda step: work.cancel())
    with pytest.raises(BaseException):  # noqa: B017, PT011 - a cancelled future's own error
        work.future.result(60)
    assert work.future.cancelled()
    assert list((tmp_path / "out").iterdir()) == []
    assert left(own_home) == []


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_writing_is_left_within_a_second_and_nothing_appears(
    service: EngineService, scan: Path, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    write = writer.write_image

    def slow(path: Path, pixels: Any, **facts: Any) -> None:
        watch = facts.pop("watch")

        def watched(rows: int, height: int) -> None:
            watch(rows, height)
            time.sleep(0.3)

        write(path, pixels, watch=watched, **facts)

    monkeypatch.setattr(single, "write_image", slow)
    monkeypatch.setattr("engine.imaging.writer._STRIP_BYTES", 20_000)
    asked = 0.0

    def tell(step: Progress) -> None:
        nonlocal asked
        if step.message.startswith("writing") and not asked:
            asked = time.monotonic()
            work.cancel()

    ref = service.open_image(str(scan)).result(20).ref
    work = service.export(ref, Recipe(strength=0.0), ExportOptions(str(tmp_path / "out" / f"a{suffix}")), tell)
    wait([work.future], timeout=60)
    assert work.future.cancelled()
    assert time.monotonic() - asked < 3.0, "a second and what a busy machine adds; to its end it takes ten times that"
    deadline = time.monotonic() + 10
    while list((tmp_path / "out").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)  # what cannot be interrupted tidies up by itself
    assert list((tmp_path / "out").iterdir()) == []
    assert left(own_home) == []


def test_a_file_that_could_not_be_written_is_tried_again_without_the_work(
    service: EngineService, scan: Path, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = service.open_image(str(scan)).result(20).ref
    with monkeypatch.context() as patched:
        patched.setattr(single, "write_image", failing)
        options = ExportOptions(str(tmp_path / "a" / "out.tif"))
        with pytest.raises(WriteError, match="full"):
            service.export(ref, Recipe(), options, lambda _: None).future.result(60)
    restored = service.export(ref, Recipe(), ExportOptions(str(tmp_path / "b" / "out.png")), lambda _: None)
    assert restored.future.result(60).resumed == 1.0
    assert left(own_home) == []


def failing(*_: object, **__: object) -> None:
    raise WriteError("The disk is full; choose another folder.")


def test_enlarged_exports_go_on_too(service: EngineService, scan: Path, tmp_path: Path, own_home: Path) -> None:
    ref = service.open_image(str(scan)).result(20).ref
    recipe, target = Recipe(scale=2), tmp_path / "out.tif"
    steps: list[Progress] = []
    work = service.export(ref, recipe, ExportOptions(str(target)), lambda step: None)
    expected = work.future.result(120)
    folder = ledger.home()
    assert not folder.exists()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(single, "write_image", failing)
        with pytest.raises(WriteError):
            service.export(ref, recipe, ExportOptions(str(tmp_path / "b.tif")), steps.append).future.result(120)
    (book,) = (path for path in folder.iterdir())
    lines = (book / ledger.TILES).read_text().splitlines()
    assert len(json.loads(lines[0])["parts"]) > 1, "blocks"
    (book / ledger.TILES).write_text("\n".join(lines[:4]))
    again = service.export(ref, recipe, ExportOptions(str(tmp_path / "c" / "out.tif")), steps.append)
    done = again.future.result(120)
    assert (done.resumed, done.changed, done.damage) == (4 / 6, expected.changed, expected.damage)
    assert undated(tmp_path / "c" / "out.tif") == undated(target)
