"""Signatures, judged by the C2PA reader."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.errors import EngineError
from engine.export import credentials
from engine.imaging.xmp import COMPOSITE

CLAIM = credentials.Claim("scan_restored.tif", COMPOSITE, "Restored", "Archivist", "0.1.0", {"recipe": {"alpha": 1.0}})


@pytest.fixture
def master(tmp_path: Path) -> Path:
    return picture(tmp_path / "scan.tif", 1)


def picture(path: Path, seed: int, pages: int = 1) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (pages, 40, 50, 3), np.uint8)
    tifffile.imwrite(path, pixels if pages > 1 else pixels[0], compression="lzw", metadata=None, photometric="rgb")
    return path


def test_a_signed_file_is_trusted_with_our_root_and_invalid_after_one_flipped_pixel(
    tmp_path: Path, master: Path
) -> None:
    keys = tmp_path / "keys"
    path = picture(tmp_path / "out.tif", 2)
    assert credentials.sign(path, CLAIM, master, credentials.identity(keys, "Stadtarchiv")) == path
    found = credentials.read(path, credentials.anchors(keys))
    assert (found.state, found.signer) == ("trusted", "Stadtarchiv")
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.dataoffsets[0] + 100
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    broken = credentials.read(path, credentials.anchors(keys))
    assert broken.state == "invalid"
    assert "changed afterwards" in broken.words


def test_the_pixels_of_a_signed_file_are_those_of_before(tmp_path: Path, master: Path) -> None:
    path = picture(tmp_path / "out.tif", 2)
    before = tifffile.imread(path)
    credentials.sign(path, CLAIM, master, credentials.identity(tmp_path / "keys"))
    assert np.array_equal(tifffile.imread(path), before)


def test_without_our_root_the_signature_holds_but_nobody_knows_whose_it_is(tmp_path: Path, master: Path) -> None:
    path = picture(tmp_path / "out.tif", 2)
    credentials.sign(path, CLAIM, master, credentials.identity(tmp_path / "keys"))
    others = credentials.identity(tmp_path / "others").root
    assert credentials.read(path, (others,)).state == "valid"
    assert credentials.read(master).state == "none"


def test_the_key_is_made_once_is_for_its_owner_alone_and_is_told_of(tmp_path: Path) -> None:
    first = credentials.identity(tmp_path, "Stadtarchiv")
    (notice,) = first.notices
    assert "keep a copy in a safe place" in notice
    again = credentials.identity(tmp_path, "Somebody else")
    assert (again.chain, again.key, again.notices) == (first.chain, first.key, ())
    assert first.root.decode() == (tmp_path / credentials.ROOT).read_text()
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / credentials.SIGNER).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="other systems keep rights in another way")
def test_a_key_that_others_may_read_is_warned_of_every_time(tmp_path: Path) -> None:
    credentials.identity(tmp_path)
    (tmp_path / credentials.SIGNER).chmod(0o644)
    for _ in range(2):
        assert "may read the signing key" in credentials.identity(tmp_path).notices[0]


def test_an_archives_own_certificate_signs_where_there_is_one(tmp_path: Path, master: Path) -> None:
    theirs = credentials.identity(tmp_path / "theirs", "Landesarchiv")
    put_own(tmp_path / "keys", theirs.chain, theirs.key)
    path = picture(tmp_path / "out.tif", 2)
    credentials.sign(path, CLAIM, master, credentials.identity(tmp_path / "keys", "Stadtarchiv"))
    assert credentials.read(path, credentials.anchors(tmp_path / "keys")).signer == "Landesarchiv"


def put_own(folder: Path, chain: bytes, key: bytes) -> None:
    own = folder / credentials.OWN
    own.mkdir(parents=True)
    (own / credentials.CHAIN).write_bytes(chain)
    (own / credentials.KEY).write_bytes(key)


def test_a_certificate_that_cannot_sign_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = credentials.identity(tmp_path / "theirs")
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    put_own(tmp_path / "a", theirs.chain, other)
    with pytest.raises(EngineError, match="not that of the certificate"):
        credentials.identity(tmp_path / "a")
    put_own(tmp_path / "b", b"nonsense", theirs.key)
    with pytest.raises(EngineError, match="cannot be used"):
        credentials.identity(tmp_path / "b")
    put_own(tmp_path / "c", theirs.chain, theirs.key)
    (tmp_path / "c" / "own" / "key.pem").unlink()
    with pytest.raises(EngineError, match=r"“key.pem” cannot be read"):
        credentials.identity(tmp_path / "c")
    put_own(tmp_path / "d", theirs.chain, theirs.key)

    class InFiftyYears(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=50 * 365)

    monkeypatch.setattr(credentials, "datetime", InFiftyYears)
    with pytest.raises(EngineError, match="not valid today"):
        credentials.identity(tmp_path / "d")


@pytest.mark.parametrize("kind", ["pages.tif", "picture.jp2"])
def test_what_cannot_hold_a_signature_gets_one_beside_it(tmp_path: Path, master: Path, kind: str) -> None:
    path = tmp_path / kind
    if path.suffix == ".tif":
        picture(path, 3, pages=2)
    else:
        path.write_bytes(imagecodecs.jpeg2k_encode(np.zeros((30, 40, 3), np.uint8)))
    before = path.read_bytes()
    who = credentials.identity(tmp_path / "keys")
    assert credentials.sign(path, CLAIM, master, who) == path.with_name(path.name + ".c2pa")
    assert path.read_bytes() == before
    found = credentials.read(path, (who.root,))
    assert (found.state, found.sidecar) == ("trusted", True)


@pytest.mark.parametrize("name", ["m.jp2", "m.webp", "m.png", "m.jpg"])
def test_any_master_is_named_as_what_was_edited(tmp_path: Path, name: str) -> None:
    pixels = np.full((30, 40, 3), 90, np.uint8)
    codecs: dict[str, Any] = {
        ".jp2": imagecodecs.jpeg2k_encode,
        ".webp": imagecodecs.webp_encode,
        ".png": imagecodecs.png_encode,
    }
    codecs[".jpg"] = imagecodecs.jpeg8_encode
    (tmp_path / name).write_bytes(codecs[Path(name).suffix](pixels))
    who = credentials.identity(tmp_path / "keys")
    path = picture(tmp_path / "out.tif", 2)
    credentials.sign(path, CLAIM, tmp_path / name, who)
    with path.open("rb") as file, credentials._reading(file, "image/tiff", None, (who.root,)) as reader:
        active = reader.get_active_manifest()
    (ingredient,) = active["ingredients"]
    assert (ingredient["title"], ingredient["relationship"]) == (name, "parentOf")
    actions = next(a["data"]["actions"] for a in active["assertions"] if a["label"] == "c2pa.actions.v2")
    edited = next(action for action in actions if action["action"] == "c2pa.edited")
    assert edited["digitalSourceType"] == COMPOSITE
    assert edited["softwareAgent"]["name"] == "Archivist"
    assert edited["parameters"]["org.archivist.recipe"] == {"alpha": 1.0}


def test_a_file_that_is_no_picture_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(b"II*\0nonsense")
    assert credentials.read(path).state in ("none", "invalid")
    (tmp_path / "y.tif").write_bytes(b"")
    assert credentials.read(tmp_path / "y.tif").words
