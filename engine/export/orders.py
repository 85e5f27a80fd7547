"""What is to be exported, and what exports that run side by side must know of each other."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import WriteError
from engine.export.metadata import Origin
from engine.imaging.writer import Format
from engine.rendering.subject import Subject
from engine.types import EngineReady, ExportOptions, ModelCard

FORMATS: dict[str, Format] = {
    ".tif": "TIFF", ".tiff": "TIFF", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pen:
    """What signs exported pictures: the folder of the credentials, and the archive's name, for a key that is made."""

    folder: Path
    organization: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What to export: the subject as rendered, the master's path as a person knows it, where to, and what ran it."""

    subject: Subject
    master: Path
    options: ExportOptions
    engine: EngineReady
    notes: dict[str, str] = field(default_factory=dict)  # what else the provenance tells, known once it is made
    identifier: str = ""  # the archive's own for the original
    pen: Pen | None = None  # None: not signed
    card: ModelCard | None = None  # of the recipe's model, for the provenance

    @property
    def ignored(self) -> tuple[str, ...]:
        """The recipe's settings that its model does not have."""
        return tuple(sorted(self.card.ignored)) if self.card else ()


class Desk:
    """What exports that run side by side must know of each other: names in use, and masters nobody may write.

    Engine thread only.
    """

    def __init__(self, masters: Callable[[], Iterable[str]]) -> None:
        self._masters = _Masters(masters)
        self._taken: set[Path] = set()
        self.ledgers: set[Path] = set()
        """Folders in which large results are coming about."""

    @contextmanager
    def claim(self, order: Order) -> Iterator[Path | None]:
        """The file this export may write until the block ends; None where one exists and is to be kept.

        WriteError for a name that cannot be used, and for any master.
        """
        try:
            target = _target_for(order, self._taken)
            refused = target is not None and self._masters.has(target, order.master)
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, a loop of links
            raise WriteError(f"“{order.options.target}” cannot be a file’s name; choose another.") from error
        if target is None:
            yield None
            return
        if refused:
            raise WriteError(f"“{target.name}” is a master, which is never written over; choose another name.")
        self._taken.add(target)
        try:
            yield target
        finally:
            self._taken.discard(target)

    def is_taken(self, target: Path) -> bool:
        """Whether an export writes a file or folder of that name now."""
        return target in self._taken

    @contextmanager
    def hold(self, target: Path, master: Path) -> Iterator[None]:
        """Keeps a name that was found elsewhere for one export until the block ends.

        WriteError for a name that cannot be used, for any master, and for a folder that holds one.
        """
        try:
            refused = self._masters.has(target, master, below=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WriteError(f"“{target}” cannot be a file’s name; choose another.") from error
        if refused:
            raise WriteError(
                f"“{target.name}” is a master or holds one, which is never written over; choose another name."
            )
        self._taken.add(target)
        try:
            yield
        finally:
            self._taken.discard(target)


class _Masters:
    """Where all masters are, to be asked about for every file that is to be written: there may be thousands.

    Where each of them is, links followed, is kept as long as the same ones are known. That protects also the places of
    those that are missing now; what can be written over is what exists, and that is compared with the files themselves.
    """

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names
        self._known: list[str] = []
        self._places: set[str] = set()

    def has(self, target: Path, master: Path, *, below: bool = False) -> bool:
        """Whether the target is one of them or that master, also under another spelling of its name or through a link;
        `below` asks as well whether it is a folder that one of them is in. What `Path.resolve` raises for the target.
        """
        resolved = str(target.resolve())
        place, there = os.path.normcase(resolved), _state(resolved)
        names = list(self._names())
        if there is not None:  # looked at as they are now
            return _is_any([str(master), *names], place, there, below)
        if names != self._known:
            self._known, self._places = names, {one for one, _ in _followed(names)}
        return place in self._places or any(one == place for one, _ in _followed([str(master)]))


def _is_any(names: list[str], place: str, there: os.stat_result, below: bool) -> bool:
    """Whether one of these is at that place or the same file; or, if asked, in the folder that is there."""
    inside = os.path.join(place, "")
    for one, found in _followed(names):
        if one == place or (below and one.startswith(inside)):
            return True
        if found is not None and found.st_ino == there.st_ino and os.path.samestat(found, there):
            return True
    return False


def _state(path: str) -> os.stat_result | None:
    """What is at a place, links not followed; None where nothing is."""
    try:
        return os.lstat(path)
    except (OSError, ValueError):
        return None


def _followed(names: list[str]) -> Iterator[tuple[str, os.stat_result | None]]:
    """Where files are, links followed, and what is there. The links in a folder's own path are followed once for all
    that is in it."""
    folders: dict[str, str] = {}
    for name in names:
        folder, own = os.path.split(name)
        if folder not in folders:
            folders[folder] = os.path.join(os.path.realpath(folder), "")
        place = folders[folder] + own
        found = _state(place)
        if own in ("", os.curdir, os.pardir) or (found is not None and stat.S_ISLNK(found.st_mode)):
            place = os.path.realpath(place)
            found = _state(place)
        yield os.path.normcase(place), found


def _target_for(order: Order, taken: set[Path]) -> Path | None:
    """The file to write, None where one exists and `conflict` says skip. WriteError for a kind that is not written."""
    target = Path(order.options.target)
    if target.suffix.lower() in FORMATS and not target.is_dir():
        path = target
    elif target.suffix and not target.is_dir() and re.fullmatch(r"\.[A-Za-z0-9]{1,5}", target.suffix):
        raise WriteError(f"Archivist writes TIFF, PNG, JPEG and WebP, not “{target.suffix}”; choose another name.")
    else:
        path = target / f"{order.master.stem}_restored_v01.tif"
    if path not in taken and (order.options.conflict == "overwrite" or not path.exists()):
        return path
    return None if order.options.conflict == "skip" else _next_version(path, taken)


def _next_version(path: Path, taken: set[Path]) -> Path:
    stem = re.sub(r"_v\d+$", "", path.stem)
    number = 1
    while (candidate := path.with_name(f"{stem}_v{number:02d}{path.suffix}")).exists() or candidate in taken:
        number += 1
    return candidate


def make_folder(folder: Path) -> None:
    """Makes a folder for exports. WriteError where that is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder “{folder}” cannot be made ({error.strerror}); choose another.") from error


def origin(order: Order, changed: float) -> Origin:
    """How the result of an order came about; `changed` is the share of its pixels that differ from the master."""
    subject = order.subject
    return Origin(
        master=order.master.name,
        sha256=subject.sha256,
        recipe=subject.recipe,
        engine=order.engine,
        style=subject.style,
        page=subject.page,
        changed=changed,
        identifier=order.identifier,
        notes=order.notes,
        card=order.card,
    )
