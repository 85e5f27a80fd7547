"""BagIt 1.0 (RFC 8493): a folder of payload with the checksums that prove it whole, written and checked.

Nothing is moved or renamed: the payload is built where it belongs, and `seal` adds what makes a bag of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError, WriteError
from engine.types import Progress

PAYLOAD = "data"
ALGORITHMS = ("sha256", "sha512")
DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

Check = Callable[[Progress | None], None]
"""Asked between two pieces of a long read; raises `Cancelled` to stop it."""

_CHUNK = 1 << 20
_LARGEST_TAG_FILE = 64 << 20  # bytes; a manifest that is larger lies
_FORBIDDEN = re.compile(r"[%\r\n]")  # what RFC 8493 wants escaped, and what readers disagree about
_LINE = re.compile(r"(?P<digest>[0-9A-Fa-f]+)[ \t]+\*?(?P<path>.+)")
_MANIFEST = re.compile(r"(?P<tag>tag)?manifest-(?P<algorithm>[a-z0-9]+)\.txt")


@dataclass(frozen=True, slots=True)
class BagReport:
    """What a check of a bag found: `faults` are sentences, none where every byte is as it was packed."""

    folder: Path
    files: int
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.faults


def is_bag(folder: Path) -> bool:
    """Whether a folder says that it is a bag."""
    return (folder / "bagit.txt").is_file()


def is_ours(folder: Path) -> bool:
    """Whether a folder is a bag that Archivist made, and may thus be replaced by a newer one."""
    try:
        facts = (folder / "bag-info.txt").read_bytes()[:_CHUNK].decode("utf-8", "replace")
    except OSError:
        return False
    return is_bag(folder) and re.search(r"^Bag-Software-Agent: Archivist\b", facts, re.MULTILINE) is not None


def seal(folder: Path, info: Mapping[str, str], check: Check = lambda _: None) -> None:
    """Makes a bag of a folder whose payload lies in `data`: declaration, facts and manifests.

    `info` are the fields of bag-info.txt; Payload-Oxum is added. WriteError for payload names that no manifest can
    carry, OSError where the disk refuses.
    """
    payload = list(_files(folder / PAYLOAD))
    for path in payload:
        if _FORBIDDEN.search(path.relative_to(folder).as_posix()):
            raise WriteError(f"“{path.name}” cannot stand in a package; choose a name without “%” and line breaks.")
    sizes = [path.stat().st_size for path in payload]
    oxum = {"Payload-Oxum": f"{sum(sizes)}.{len(sizes)}"}
    _write(folder / "bagit.txt", DECLARATION)
    _write(folder / "bag-info.txt", "".join(f"{key}: {_line(value)}\n" for key, value in {**info, **oxum}.items()))
    _write_manifests(folder, "manifest", payload, check)
    _write_manifests(folder, "tagmanifest", [path for path in sorted(folder.iterdir()) if path.is_file()], check)


def verify(folder: Path, check: Check = lambda _: None) -> BagReport:
    """Reads every file of a bag again and compares. Failures are faults in the report, not exceptions."""
    faults: list[str] = []
    payload = {path.relative_to(folder).as_posix() for path in _files(folder / PAYLOAD)}
    manifests = [path for path in sorted(folder.glob("*manifest-*.txt")) if _MANIFEST.fullmatch(path.name)]
    wanted: dict[str, dict[str, str]] = {}
    try:
        faults += _declaration_faults(folder)
        faults += _oxum_faults(folder, payload)
        listed = {path.name: _read_manifest(path) for path in manifests}
    except (EngineError, OSError) as error:
        return BagReport(folder, len(payload), (*faults, _sentence(error)))
    if not any(not name.startswith("tag") for name in listed):
        faults.append("There is no manifest: nothing says what the package held.")
    for name, entries in listed.items():
        match = _MANIFEST.fullmatch(name)
        assert match is not None
        if match["algorithm"] not in hashlib.algorithms_available:
            faults.append(f"{name} uses “{match['algorithm']}”, which is not known here.")
            continue
        if not match["tag"]:
            faults += [f"{path} is not listed in {name}." for path in sorted(payload - set(entries))]
        for path, digest in entries.items():
            wanted.setdefault(path, {})[match["algorithm"]] = digest
    for path, digests in sorted(wanted.items()):
        faults += _file_faults(folder, path, digests, check)
    return BagReport(folder, len(payload), tuple(dict.fromkeys(faults)))


def listed(folder: Path, algorithm: str) -> dict[str, str]:
    """What a bag's manifest gives for each file of its payload. EngineError or OSError where it cannot be read."""
    return _read_manifest(folder / f"manifest-{algorithm}.txt")


def digests_of(path: Path, algorithms: tuple[str, ...], check: Check = lambda _: None) -> dict[str, str]:
    """Several checksums of a file, lower-case hex, from one reading."""
    made = {name: hashlib.new(name) for name in algorithms}
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_CHUNK):
            for digest in made.values():
                digest.update(piece)
            check(None)
    return {name: digest.hexdigest() for name, digest in made.items()}


def _write_manifests(folder: Path, kind: str, files: list[Path], check: Check) -> None:
    found = [(path.relative_to(folder).as_posix(), digests_of(path, ALGORITHMS, check)) for path in files]
    for name in ALGORITHMS:
        lines = "".join(f"{digests[name]}  {path}\n" for path, digests in found)
        _write(folder / f"{kind}-{name}.txt", lines)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _line(value: str) -> str:
    """A value on one line: what follows a line break would be read as another field."""
    return " ".join(value.split())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _declaration_faults(folder: Path) -> list[str]:
    text = _text(folder / "bagit.txt")
    known = re.fullmatch(r"BagIt-Version: (0\.9[3-7]|1\.0)\s+Tag-File-Character-Encoding: UTF-8\s*", text)
    return [] if known else ["bagit.txt does not declare a version of BagIt that is known here."]


def _oxum_faults(folder: Path, payload: set[str]) -> list[str]:
    path = folder / "bag-info.txt"
    match = re.search(r"^Payload-Oxum:\s*(\d+)\.(\d+)\s*$", _text(path), re.MULTILINE) if path.is_file() else None
    if match is None:
        return []
    bytes_found = sum((folder / name).stat().st_size for name in payload)
    if (int(match[1]), int(match[2])) == (bytes_found, len(payload)):
        return []
    return [f"The payload should be {match[1]} bytes in {match[2]} files; it is {bytes_found} in {len(payload)}."]


def _read_manifest(path: Path) -> dict[str, str]:
    """Paths with their checksums. EngineError where a line is none, or leads out of the bag."""
    found = {}
    for line in _text(path).splitlines():
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise EngineError(f"{path.name} holds a line that is no checksum; the package was damaged.")
        name = match["path"].removeprefix("./")
        if name.startswith(("/", "~", "\\")) or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
            raise EngineError(f"{path.name} names a file outside the package (“{name}”); do not trust it.")
        found[name] = match["digest"].lower()
    return found


def _file_faults(folder: Path, name: str, wanted: Mapping[str, str], check: Check) -> list[str]:
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return [f"{name} leads out of the package."]
        if not path.is_file():
            return [f"{name} is missing."]
        found = digests_of(path, tuple(wanted), check)
    except OSError as error:
        return [f"{name} cannot be read ({error.strerror})."]
    wrong = [algorithm for algorithm, digest in wanted.items() if found[algorithm] != digest]
    return [f"{name} is not what was packed ({', '.join(wrong)})."] if wrong else []


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST_TAG_FILE:
        raise EngineError(f"{path.name} is too large to be part of a bag.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise EngineError(f"{path.name} is not UTF-8 text; the package was damaged.") from error


def _sentence(error: EngineError | OSError) -> str:
    if isinstance(error, EngineError):
        return str(error)
    return f"{Path(str(error.filename or '')).name} cannot be read ({error.strerror})."
