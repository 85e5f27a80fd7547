"""Signing changes no pixel, no profile and no tag but its own, and is undone where it fails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import c2pa
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import WriteError
from engine.export import credentials, embedding, signing
from engine.export.credentials import Claim, Identity
from engine.imaging.metadata import Metadata
from engine.imaging.writer import write_image
from engine.imaging.xmp import COMPOSITE
from engine.service import EngineService
from engine.types import ExportBatch, ExportOptions, ExportSettings, Progress, ProjectItem, Recipe, export_preset
from tests.engine.export.tools import exiftool_warnings
from tests.engine.imaging.pictures import ADOBE, noise, save_tiff

CLAIM = Claim("x.tif", COMPOSITE, "Restored by a trained model", "Archivist", "0", {"alpha": 1.0})


@pytest.fixture(scope="module")
def who(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return credentials.identity(tmp_path_factory.mktemp("key"), "Stadtarchiv")


def ours(path: Path, pixels: Any) -> None:
    write_image(
        path, pixels, icc=ADOBE, metadata=Metadata(dpi=(600, 600)), format="TIFF", description="x", software="y"
    )


def big_endian(path: Path, pixels: Any) -> None:
    save_tiff(path, pixels, byteorder=">", iccprofile=ADOBE)


def big(path: Path, pixels: Any) -> None:
    save_tiff(path, pixels, bigtiff=True, iccprofile=ADOBE, tile=(32, 32))


@pytest.mark.parametrize("save", [ours, big_endian, big])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_signed_tiff_is_the_same_picture_and_any_change_is_noticed(
    tmp_path: Path, who: Identity, save: Callable[[Path, Any], None], dtype: Any
) -> None:
    path, pixels = tmp_path / "x.tif", noise(3, dtype, size=(70, 91))
    save(path, pixels)
    with tifffile.TiffFile(path) as before:
        tags = {tag.code: tag.value for tag in before.pages.first.tags}
    assert credentials.sign(path, CLAIM, path, who) == path
    assert credentials.read(path, (who.root,)).state == "trusted"
    with tifffile.TiffFile(path) as after:
        assert len(after.pages) == 1
        assert {tag.code: tag.value for tag in after.pages.first.tags if tag.code != embedding.TAG} == tags
        assert after.pages.first.tags[34675].value == ADOBE
        np.testing.assert_array_equal(after.asarray(), pixels)
        place = after.pages.first.dataoffsets[0]
    changed = bytearray(path.read_bytes())
    changed[place + 40] ^= 1
    path.write_bytes(changed)
    assert credentials.read(path, (who.root,)).state == "invalid"


def test_a_signature_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, who: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.tif"
    ours(path, noise(3, np.uint16))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def fail(*_: object) -> bytes:
        raise c2pa.C2paError("no")

    monkeypatch.setattr(embedding, "_signed", fail)
    with pytest.raises(WriteError, match="could not be signed"):
        credentials.sign(path, CLAIM, path, who)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_a_classic_tiff_without_room_is_refused_before_it_is_damaged(tmp_path: Path, who: Identity) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(b"MM\0*junk")
    with pytest.raises(WriteError):
        credentials.sign(path, CLAIM, path, who)
    assert path.read_bytes() == b"MM\0*junk"


# Exports


def nothing(_: Progress) -> None:
    return


def exported(service: EngineService, scan: Path, folder: Path, settings: ExportSettings) -> Path:
    ref = service.open_image(str(scan)).result(20).ref
    report = service.export_batch(ExportBatch((ProjectItem("", ref),), settings, str(folder)), nothing).future.result(
        60
    )
    assert report.outcomes[0].state == "written", report.outcomes[0].sentence
    return Path(report.outcomes[0].output)


def trusted(archivist: EngineService, path: Path) -> bool:
    found = archivist.verify(str(path), [], nothing).future.result(60)
    states = [(finding.what, finding.state) for finding in found.findings]
    assert found.good
    return ("signature", "good") in states


@pytest.mark.parametrize("preset", ["preservation", "access", "web"])
def test_exports_are_signed_unless_somebody_says_no(
    archivist: EngineService, scan: Path, tmp_path: Path, preset: str
) -> None:
    settings = export_preset(preset).settings
    path = exported(archivist, scan, tmp_path / "signed", settings)
    plain = exported(archivist, scan, tmp_path / "plain", replace(settings, sign=False))
    assert trusted(archivist, path)
    assert not trusted(archivist, plain)
    if preset == "web":
        path, plain = (folder / "full/max/0/default.jpg" for folder in (path, plain))
    read = tifffile.imread if preset == "preservation" else lambda file: np.asarray(Image.open(file))
    np.testing.assert_array_equal(read(path), read(plain))
    assert exiftool_warnings(path) == []


def test_a_signed_preservation_copy_keeps_sixteen_bits_and_the_profile_exactly(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    ref = archivist.open_image(str(scan)).result(20).ref
    batch = ExportBatch((ProjectItem("", ref, Recipe(strength=0.0)),), ExportSettings(), str(tmp_path / "out"))
    (outcome,) = archivist.export_batch(batch, nothing).future.result(60).outcomes
    with tifffile.TiffFile(outcome.output) as copy, tifffile.TiffFile(scan) as master:
        np.testing.assert_array_equal(copy.asarray(), master.asarray().astype(np.uint16) * 257)
        assert copy.pages.first.tags[34675].value == master.pages.first.tags[34675].value
    again = archivist.reproduce(outcome.output, str(scan), nothing).future.result(60)
    assert again.likeness == "identical"


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.webp"])
def test_one_image_may_be_signed_too(archivist: EngineService, scan: Path, tmp_path: Path, name: str) -> None:
    ref = archivist.open_image(str(scan)).result(20).ref
    options = ExportOptions(str(tmp_path / name), sign=True)
    done = archivist.export(ref, Recipe(), options, nothing).future.result(60)
    assert trusted(archivist, tmp_path / name)
    assert any("signing key was made" in notice for notice in done.notices), "the first time"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_certificate_that_cannot_sign_is_told_before_the_work(
    archivist: EngineService, scan: Path, tmp_path: Path
) -> None:
    from engine.service.packaging import credentials_folder

    own = credentials_folder() / credentials.OWN
    own.mkdir(parents=True)
    (own / credentials.CHAIN).write_text("nothing")
    ref = archivist.open_image(str(scan)).result(20).ref
    batch = ExportBatch((ProjectItem("", ref),), ExportSettings(), str(tmp_path / "out"), report=False)
    (outcome,) = archivist.export_batch(batch, nothing).future.result(60).outcomes
    assert outcome.state == "failed"
    assert "cannot be read" in outcome.sentence
    assert list((tmp_path / "out").iterdir()) == []
    unsigned = replace(batch, settings=replace(batch.settings, sign=False))
    (outcome,) = archivist.export_batch(unsigned, nothing).future.result(60).outcomes
    assert outcome.state == "written"


def test_a_large_file_is_signed_without_being_read_back(
    archivist: EngineService, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "READ_BACK", 0)
    path = exported(archivist, scan, tmp_path / "out", ExportSettings())
    assert trusted(archivist, path)
    assert imagecodecs.tiff_decode(path.read_bytes()).dtype == np.uint16
