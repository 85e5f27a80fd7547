"""`archivist restore` with the real engine and the shipped network, on good, odd and bad images."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from archivist_app import cli

Maker = Callable[[Path], object]


def scene(height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """An (H, W, 3) picture with edges and grain."""
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack([x * 5 % 256, y * 7 % 256, (x // 8 + y // 8) % 2 * 200], axis=2)
    noise = np.random.default_rng(0).integers(0, 40, values.shape)
    return np.asarray(np.clip(values + noise, 0, 255), dtype=np.uint8)


def samples(path: Path) -> NDArray[np.generic]:
    """What is in the file, read by others than our own reader."""
    if path.suffix == ".tif":
        return np.asarray(tifffile.imread(path))
    with Image.open(path) as image:
        return np.asarray(image)


def truncated(kind: str) -> Maker:
    def make(path: Path) -> None:
        Image.fromarray(scene(200, 200)).save(path, kind)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3])

    return make


def png_of_no_size(path: Path) -> None:
    Image.fromarray(scene()).save(path, "PNG")
    content = bytearray(path.read_bytes())
    content[16:24] = bytes(8)  # width and height in the header
    path.write_bytes(content)


BAD: dict[str, Maker] = {
    "missing.jpg": lambda path: None,
    "folder.jpg": Path.mkdir,
    "empty.jpg": Path.touch,
    "text.jpg": lambda path: path.write_text("Dear archivist, this is a letter."),
    "half.jpg": truncated("JPEG"),
    "half.png": truncated("PNG"),
    "half.tif": truncated("TIFF"),
    "nothing.png": png_of_no_size,
    "float.tif": lambda path: tifffile.imwrite(path, np.zeros((8, 8, 3), np.float32), photometric="rgb"),
    "inks.tif": lambda path: tifffile.imwrite(path, np.zeros((8, 8, 4), np.uint8), photometric="separated"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_one_sentence_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / name, tmp_path / "out"
    BAD[name](source)
    before = source.read_bytes() if source.is_file() else None
    assert cli.main(["restore", str(source), "-o", str(out)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1, captured.err
    assert name in captured.err
    assert not out.exists() or not list(out.iterdir())
    assert before is None or source.read_bytes() == before


ODD: dict[str, Maker] = {
    "dot.png": lambda path: Image.fromarray(scene(1, 1)).save(path),
    "thread.png": lambda path: Image.fromarray(scene(2, 30_000)).save(path),
    "grey.jpg": lambda path: Image.fromarray(scene()[..., 0]).save(path),
    "palette.png": lambda path: Image.fromarray(scene()).convert("P").save(path),
    "alpha.png": lambda path: Image.fromarray(np.dstack([scene(), scene()[..., 0]])).save(path),
    "colour.jpg": lambda path: Image.fromarray(scene()).save(path),
    "colour.png": lambda path: Image.fromarray(scene()).save(path),
    "colour.webp": lambda path: Image.fromarray(scene()).save(path, lossless=True),
    "deep.tif": lambda path: tifffile.imwrite(path, scene().astype(np.uint16) * 257, photometric="rgb"),
    "deep.png": lambda path: path.write_bytes(imagecodecs.png_encode(scene().astype(np.uint16) * 257)),
    "deep-grey.tif": lambda path: tifffile.imwrite(path, scene()[..., 0].astype(np.uint16) * 257),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_image_is_restored_at_its_own_size_and_depth(name: str, tmp_path: Path) -> None:
    source, out = tmp_path / name, tmp_path / "out"
    ODD[name](source)
    before = source.read_bytes()
    assert cli.main(["restore", str(source), "-o", str(out)]) == 0
    (result,) = out.iterdir()
    deep = name.startswith("deep")
    assert result.name == f"{source.stem}_restored{'.tif' if deep else source.suffix}"
    assert source.read_bytes() == before
    if deep:
        assert tifffile.imread(result).dtype == np.uint16
    with Image.open(source) as master, Image.open(result) as restored:
        assert restored.size == master.size


@pytest.mark.parametrize("name", ["colour.png", "alpha.png", "deep.tif", "deep-grey.tif"])
def test_at_strength_0_the_result_is_the_master_bit_for_bit(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / name, tmp_path / f"same{Path(name).suffix}"
    ODD[name](source)
    assert cli.main(["restore", str(source), "-o", str(target), "--strength", "0"]) == 0
    np.testing.assert_array_equal(samples(target), samples(source))


def pages(path: Path) -> list[NDArray[np.uint8]]:
    """A TIFF of three pages, each of its own size."""
    made = [scene(20 + 4 * number, 30 - number) for number in range(3)]
    with tifffile.TiffWriter(path) as file:
        for page in made:
            file.write(page, photometric="rgb", metadata=None)
    return made


def test_every_page_becomes_a_file_of_its_own_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = pages(tmp_path / "box.tif"), tmp_path / "out"
    assert cli.main(["restore", str(tmp_path / "box.tif"), "-o", f"{out}/", "--strength", "0", "--json"]) == 0
    assert [json.loads(line)["page"] for line in capsys.readouterr().out.splitlines()] == [1, 2, 3]
    assert sorted(path.name for path in out.iterdir()) == [f"box_p0{number}_restored.tif" for number in (1, 2, 3)]
    for number, page in enumerate(made, 1):
        np.testing.assert_array_equal(samples(out / f"box_p0{number}_restored.tif"), page)


def test_one_page_can_be_chosen_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, box, target = pages(tmp_path / "box.tif"), str(tmp_path / "box.tif"), tmp_path / "second.png"
    words = ["--strength", "0"]
    assert cli.main(["restore", box, "-o", str(target), "--page", "2", *words]) == 0
    np.testing.assert_array_equal(samples(target), made[1])
    assert cli.main(["restore", box, "-o", str(target), *words]) == 1
    assert "has 3 pages, each with a result of its own" in capsys.readouterr().err
    assert cli.main(["restore", box, "-o", str(target), "--page", "4", *words]) == 1
    assert capsys.readouterr().err.strip() == "“box.tif” has no page 4; its last page is 3."


def test_an_unwritable_target_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.png"
    Image.fromarray(scene()).save(source)
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["restore", str(source), "-o", str(tmp_path / "file" / "out.png")]) == 1
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1, captured.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "file"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_full_target_is_one_sentence_and_leaves_nothing(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource

    source, out = tmp_path / "a.png", tmp_path / "out"
    Image.fromarray(scene(200, 200)).save(source)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        status = cli.main(["restore", str(source), "-o", str(out / f"b{suffix}")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    captured = capsys.readouterr()
    assert status == 1
    assert len(captured.err.splitlines()) == 1, captured.err
    assert list(out.iterdir()) == []


def test_what_is_aged_can_be_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, aged = tmp_path / "clean", tmp_path / "aged"
    clean.mkdir()
    aged.mkdir()
    Image.fromarray(scene(48, 64)).save(clean / "a.png")
    for name, seed in (("a.png", "1"), ("again.png", "1"), ("other.png", "2")):
        words = ["-o", str(tmp_path / name), "--seed", seed, "--mask", str(tmp_path / f"mask-{name}")]
        assert cli.main(["age", str(clean / "a.png"), *words]) == 0
    assert (samples(tmp_path / "a.png") == samples(tmp_path / "again.png")).all()
    assert (samples(tmp_path / "a.png") != samples(tmp_path / "other.png")).any()
    assert samples(tmp_path / "mask-a.png").shape[:2] == (48, 64)
    (tmp_path / "a.png").rename(aged / "a.png")
    capsys.readouterr()
    assert cli.main(["evaluate", str(clean), str(aged), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pairs"] == 1
    assert {"input", "non-local means"} < set(report["candidates"])
    assert all(figures["seconds_per_megapixel"] >= 0 for figures in report["candidates"].values())


def test_folders_that_do_not_pair_up_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", str(tmp_path), str(tmp_path / "gone")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_slow_way_asks_which_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages, out = tmp_path / "pages.tif", tmp_path / "out.png"
    tifffile.imwrite(pages, scene(), photometric="rgb")
    tifffile.imwrite(pages, scene()[::-1], photometric="rgb", append=True)
    assert cli.main(["optimise", str(pages), "-o", str(out), "--steps", "1"]) == 2
    assert "has 2 pages; choose one with --page" in capsys.readouterr().err
    assert not out.exists()
    assert cli.main(["optimise", str(pages), "-o", str(out), "--steps", "1", "--page", "2"]) == 0
    difference = [np.abs(samples(out).astype(int) - page).mean() for page in (scene()[::-1], scene())]
    assert difference[0] < difference[1]
