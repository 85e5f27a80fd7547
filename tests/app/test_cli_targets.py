"""The naming rules of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_app.cli.targets import WRITABLE, Conflict, is_one_of, plan, suffix_for
from engine.errors import RecipeError, WriteError
from engine.types import ImageInfo


def info(kind: str = "JPEG", bits: int = 8) -> ImageInfo:
    return ImageInfo("x", 10, 10, 3, bits, kind)


def made(path: Path, content: bytes = b"master") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_name_with_an_extension_names_the_one_output(tmp_path: Path) -> None:
    source = made(tmp_path / "a.jpg")
    targets = plan(str(tmp_path / "new" / "b.png"), [source], Conflict.VERSION)
    assert targets.path_for(source, info()) == tmp_path / "new" / "b.png"
    assert targets.conflict is Conflict.OVERWRITE
    assert (tmp_path / "new").is_dir()


def test_an_existing_folder_with_a_dot_in_its_name_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "scans.tif"
    folder.mkdir()
    source = made(tmp_path / "a.jpg")
    assert plan(str(folder), [source], Conflict.VERSION).path_for(source, info()) == folder / "a_restored.jpg"


def test_a_trailing_slash_makes_a_folder_of_any_name(tmp_path: Path) -> None:
    source = made(tmp_path / "a.jpg")
    targets = plan(f"{tmp_path}/scans.1936/", [source], Conflict.VERSION)
    assert targets.path_for(source, info()) == tmp_path / "scans.1936" / "a_restored.jpg"


@pytest.mark.parametrize(
    ("name", "kind", "bits", "suffix"),
    [
        ("a.jpg", "JPEG", 8, ".jpg"),
        ("a.JPEG", "JPEG", 8, ".jpeg"),
        ("a.png", "PNG", 8, ".png"),
        ("a.png", "PNG", 16, ".tif"),
        ("a.tiff", "TIFF", 16, ".tiff"),
        ("a.webp", "WEBP", 8, ".webp"),
        ("a.jpg", "PNG", 8, ".png"),  # a PNG that somebody renamed
        ("a.jp2", "JPEG2000", 8, ".tif"),
    ],
)
def test_the_kind_follows_the_master_and_16_bit_becomes_tiff(name: str, kind: str, bits: int, suffix: str) -> None:
    assert suffix_for(Path(name), info(kind, bits)) == suffix


def test_an_existing_result_is_kept_and_the_new_one_gets_a_version(tmp_path: Path) -> None:
    source = made(tmp_path / "a.jpg")
    out = tmp_path / "out"
    for name in ("a_restored.jpg", "a_restored_v02.jpg"):
        made(out / name)
    assert plan(str(out), [source], Conflict.VERSION).path_for(source, info()) == out / "a_restored_v03.jpg"


def test_overwrite_takes_the_plain_name_and_skip_takes_none(tmp_path: Path) -> None:
    source = made(tmp_path / "a.jpg")
    result = made(tmp_path / "out" / "a_restored.jpg")
    assert plan(str(result.parent), [source], Conflict.OVERWRITE).path_for(source, info()) == result
    assert plan(str(result.parent), [source], Conflict.SKIP).path_for(source, info()) is None


@pytest.mark.parametrize("conflict", list(Conflict))
def test_two_inputs_of_one_name_never_share_an_output(tmp_path: Path, conflict: Conflict) -> None:
    sources = [made(tmp_path / part / "a.jpg") for part in ("x", "y", "z")]
    targets = plan(str(tmp_path / "out"), sources, conflict)
    names = []
    for source in sources:
        target = targets.path_for(source, info())
        assert target is not None
        made(target)
        names.append(target.name)
    assert names == ["a_restored.jpg", "a_restored_v02.jpg", "a_restored_v03.jpg"]


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    source = made(tmp_path / "a.jpg")
    with pytest.raises(RecipeError, match="never written over"):
        plan(str(source), [source], Conflict.OVERWRITE)


def test_an_output_that_links_to_an_input_is_refused(tmp_path: Path) -> None:
    source = made(tmp_path / "a.jpg")
    symbolic, hard = tmp_path / "s.jpg", tmp_path / "h.jpg"
    symbolic.symlink_to(source)
    hard.hardlink_to(source)
    for link in (symbolic, hard, tmp_path / "x" / ".." / "a.jpg"):
        with pytest.raises(RecipeError, match="never written over"):
            plan(str(link), [source], Conflict.OVERWRITE)


def test_nothing_else_that_is_read_is_written_over(tmp_path: Path) -> None:
    source, mask = made(tmp_path / "a.jpg"), made(tmp_path / "a_restored.jpg")
    with pytest.raises(RecipeError, match="nothing that is read is written over"):
        plan(str(mask), [source], Conflict.OVERWRITE, (None, mask))
    with pytest.raises(WriteError, match="one of the files that are read"):
        plan(str(tmp_path), [source], Conflict.OVERWRITE, (mask,)).path_for(source, info())


def test_overwriting_in_a_folder_spares_the_inputs(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a.jpg"), made(tmp_path / "a_restored.jpg")
    targets = plan(str(tmp_path), [first, second], Conflict.OVERWRITE)
    with pytest.raises(WriteError, match="one of the files that are read"):
        targets.path_for(first, info())


@pytest.mark.parametrize(
    ("output", "count", "sentence"),
    [
        ("out.tif", 2, "give -o a folder"),
        ("out.xyz", 1, "writes TIFF, PNG, JPEG and WebP"),
        ("plain", 1, "is a file, not a folder"),
    ],
)
def test_a_wrong_output_is_told_before_anything_is_opened(
    tmp_path: Path, output: str, count: int, sentence: str
) -> None:
    made(tmp_path / "plain")
    sources = [tmp_path / f"{number}.jpg" for number in range(count)]
    with pytest.raises(RecipeError, match=sentence):
        plan(str(tmp_path / output), sources, Conflict.VERSION)


def test_an_output_that_is_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="names no file and no folder"):
        plan("", [tmp_path / "a.jpg"], Conflict.VERSION)


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    made(tmp_path / "file")
    source = made(tmp_path / "a.jpg")
    targets = plan(str(tmp_path / "file" / "out"), [source], Conflict.VERSION)
    with pytest.raises(WriteError, match="choose another one"):
        targets.path_for(source, info())


@given(
    name=st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1, max_size=20),
    kind=st.sampled_from(("JPEG", "PNG", "TIFF", "WEBP", "GIF", "JPEG2000")),
    bits=st.sampled_from((8, 16)),
)
def test_every_name_gets_a_suffix_that_can_be_written(name: str, kind: str, bits: int) -> None:
    suffix = suffix_for(Path(name), info(kind, bits))
    assert suffix in WRITABLE
    assert bits == 8 or suffix in (".tif", ".tiff")


def test_files_that_do_not_exist_are_compared_by_path(tmp_path: Path) -> None:
    assert is_one_of(tmp_path / "x" / ".." / "a", [tmp_path / "a"])
    assert not is_one_of(tmp_path / "b", [tmp_path / "a"])
