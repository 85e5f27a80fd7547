"""What is to be exported, and what exports that run side by side must know of each other."""

from __future__ import annotations

import re
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
        self._masters = masters
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
            masters = [order.master, *map(Path, self._masters())]
            refused = target is not None and any(_same(target, master) for master in masters)
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
            places = [place.resolve() for place in (master, *map(Path, self._masters()))]
            refused = any(_same(target, place) or target.resolve() in place.parents for place in places)
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


def _same(a: Path, b: Path) -> bool:
    """One file, also under another spelling of its name or through a link."""
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))


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
