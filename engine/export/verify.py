"""Is an exported file, a package or a project still what it says it is? Nothing is written to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from engine.errors import EngineError, ImageError, ProjectError
from engine.export import bag, credentials, premis, told
from engine.export.iiif import FULL, is_iiif
from engine.export.metadata import MIME, in_words
from engine.imaging.reader import check_pixels, probe
from engine.projects.checking import check_project
from engine.projects.events import EVENTS, EventLog
from engine.projects.places import is_project
from engine.types import CheckState, Finding, Progress, Verified

Report = Callable[[Progress], None]
_UP = 4  # folders above a file that may be the package it lies in
_LARGEST_XML = 16 << 20
_SIGNED: dict[credentials.State, CheckState] = {
    "none": "warning", "trusted": "good", "valid": "warning", "invalid": "bad",
}  # fmt: skip


def verify(path: Path, trusted: tuple[bytes, ...], report: Report) -> Verified:
    """Checks whatever lies at `path`. EngineError where it is nothing that can be checked.

    `trusted` are certificates (PEM) whose signatures are known to be good. `report` gets bytes, rows or images done;
    what it raises stops the check. Pictures are decoded, every page of them.
    """
    if path.is_dir() and bag.is_bag(path):
        return Verified(str(path), "package", tuple(_package(path, trusted, report)))
    if path.is_dir() and is_project(path):
        return Verified(str(path), "project", tuple(_project(path, report)))
    if path.is_dir() and is_iiif(path):
        return Verified(str(path), "web", tuple(_about_picture(path / FULL, trusted, report, "")))
    if path.is_dir():
        raise ProjectError(
            f"“{path.name}” is neither a package, a web export nor a project; name one of these, or a picture."
        )
    if not path.is_file():
        raise EngineError(f"“{path.name}” does not exist; check the name and the folder.")
    return Verified(str(path), "file", tuple(_file(path, trusted, report)))


def find_master(path: Path, name: str, sha256: str) -> Path | None:
    """The master of an exported file, beside it or in the package it lies in, by its bytes; a file of that name with
    other bytes is none."""
    return next((place for place in _places(path, name) if _sha256(place) == sha256), None)


def _package(folder: Path, trusted: tuple[bytes, ...], report: Report) -> Iterator[Finding]:
    def check(step: Progress | None) -> None:
        report(step or Progress(0, 0, folder.name))

    found = bag.verify(folder, check)
    for fault in found.faults:
        yield Finding("package", "bad", fault)
    if found.whole:
        yield Finding("package", "good", f"All {found.files} files are those that were packed.")
    objects, metadata = folder / bag.PAYLOAD / "objects", folder / bag.PAYLOAD / "metadata"
    for picture in sorted(objects.glob("*")):
        if picture.stem.endswith(("_restored", "_access")) and picture.suffix.lower() in MIME:
            yield from _about_picture(picture, trusted, report, f"{picture.name}: ")
    if (metadata / "premis.xml").is_file():
        yield _premis(folder, metadata / "premis.xml")
    if (metadata / EVENTS).is_file():
        yield _log(metadata)


def _file(path: Path, trusted: tuple[bytes, ...], report: Report) -> Iterator[Finding]:
    digest = bag.digests_of(path, ("sha256",), lambda step: report(step or Progress(0, 0, path.name)))["sha256"]
    home = next((folder for folder in list(path.absolute().parents)[:_UP] if bag.is_bag(folder)), None)
    if home is None:
        yield Finding("checksum", "good", f"Its SHA-256 is {digest}.")
    else:
        listed = _listed(home, path.absolute())
        if listed is None:
            yield Finding("checksum", "bad", f"Its package “{home.name}” does not list it.")
        elif listed != digest:
            yield Finding("checksum", "bad", f"It is not what was packed in “{home.name}”: its SHA-256 differs.")
        else:
            yield Finding("checksum", "good", f"It is what was packed in “{home.name}”: its SHA-256 is {digest}.")
    if path.suffix.lower() in MIME:
        yield from _about_picture(path, trusted, report, "")
    else:
        yield Finding("picture", "warning", "It is no picture that could be signed or hold a recipe.")


def _about_picture(path: Path, trusted: tuple[bytes, ...], report: Report, prefix: str) -> Iterator[Finding]:
    """Pixels, signature, recipe and master of one exported picture."""
    yield _pixels(path, report, prefix)
    signed = credentials.read(path, trusted)
    yield Finding("signature", _SIGNED[signed.state], prefix + signed.words)
    try:
        said = told.read(path)
    except ImageError:  # which was told of the pixels
        return
    except EngineError as error:
        yield Finding("recipe", "bad", prefix + str(error))
        return
    if said is None:
        yield Finding("recipe", "warning", f"{prefix}It tells of no recipe: it is not from Archivist, or lost it.")
        return
    settings = in_words(said.recipe, said.ignored)
    yield Finding("recipe", "good", f"{prefix}Made from “{said.master_name}” with {settings or 'the usual settings'}.")
    if said.maker is not None:
        yield Finding("model", "good", prefix + said.maker.sentence())
    if said.faces:
        sentence = f"{prefix}A network replaced faces in it ({said.faces}); the file tells where and who consented."
        yield Finding("faces", "warning", sentence)
        if said.face_maker is not None:
            yield Finding("model", "good", prefix + said.face_maker.sentence("Its faces were made"))
    yield _about_master(path, said, prefix)


def _pixels(path: Path, report: Report, prefix: str) -> Finding:
    """Whether every page of a picture can be decoded from its first pixel to its last."""
    try:
        pages = probe(path).pages
        for page in range(pages):
            report(Progress(page, pages, path.name))
            for step in check_pixels(path, page):
                report(step)
    except ImageError as error:
        return Finding("picture", "bad", prefix + str(error))
    return Finding("picture", "good", f"{prefix}Every pixel of it can be read.")


def _about_master(path: Path, said: told.Told, prefix: str) -> Finding:
    if find_master(path, said.master_name, said.master_sha256) is not None:
        return Finding("master", "good", f"{prefix}The master is beside it, with the SHA-256 it was made from.")
    if any(place.is_file() for place in _places(path, said.master_name)):
        sentence = f"{prefix}“{said.master_name}” beside it is not the file it was made from."
        return Finding("master", "bad", sentence)
    sentence = f"{prefix}The master “{said.master_name}” is not beside it; its SHA-256 is {said.master_sha256}."
    return Finding("master", "warning", sentence)


def _places(path: Path, name: str) -> Iterator[Path]:
    """Where the master of a file may lie."""
    if name:
        yield path.with_name(name)
    stem = path.stem
    for end in ("_restored", "_access"):
        if stem.endswith(end):
            yield from sorted(path.parent.glob(f"{_literal(stem.removesuffix(end))}_master.*"))


def _literal(text: str) -> str:
    """A text that a glob takes for itself."""
    return "".join(f"[{c}]" if c in "[]*?" else c for c in text)


def _sha256(path: Path) -> str:
    try:
        return bag.digests_of(path, ("sha256",))["sha256"] if path.is_file() else ""
    except OSError:
        return ""


def _listed(folder: Path, path: Path) -> str | None:
    """The SHA-256 that a package's manifest gives for a file in it."""
    try:
        return bag.listed(folder, "sha256").get(path.relative_to(folder.absolute()).as_posix())
    except (EngineError, OSError):
        return None


def _premis(folder: Path, path: Path) -> Finding:
    """Whether the checksums that PREMIS gives for files in the package are theirs."""
    try:
        text = path.read_bytes()
        if len(text) > _LARGEST_XML or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise ValueError
        root = ET.fromstring(text)
    except (OSError, ValueError, ET.ParseError):
        return Finding("premis", "bad", "premis.xml cannot be read; the package was damaged.")
    space = f"{{{premis.NAMESPACE}}}"
    compared = 0
    for node in root.iter(f"{space}object"):
        name = node.findtext(f"{space}objectIdentifier/{space}objectIdentifierValue", "")
        digest = node.findtext(f".//{space}messageDigest", "")
        place = folder / name
        if not name.startswith(f"{bag.PAYLOAD}/") or not place.resolve().is_relative_to(folder.resolve()):
            continue
        if _sha256(place) != digest:
            return Finding("premis", "bad", f"premis.xml gives another SHA-256 for {name} than it has.")
        compared += 1
    files = "one file" if compared == 1 else f"{compared} files"
    return Finding("premis", "good", f"premis.xml gives the right SHA-256 for {files}.")


def _log(folder: Path) -> Finding:
    try:
        found = EventLog(folder).verify()
    except ProjectError as error:
        return Finding("log", "bad", str(error))
    return Finding("log", "good" if found.intact else "bad", found.message)


def _project(folder: Path, report: Report) -> Iterator[Finding]:
    found = check_project(folder, report)
    for _, outcome in found.masters:
        yield Finding("master", "good" if outcome.intact else "bad", outcome.message)
    yield Finding("log", "good" if found.log.intact else "bad", found.log.message)
    for sentence in (*found.masks, *found.files):
        yield Finding("project", "bad", sentence)
    for sentence in found.notes:
        yield Finding("project", "warning", sentence)
