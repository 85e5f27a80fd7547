"""Where a restored image goes: the naming rules of the command line, apart from anything that opens a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.errors import RecipeError, WriteError
from engine.types import ImageInfo

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
WRITABLE = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


class Conflict(StrEnum):
    """What happens where a file of the wanted name exists."""

    VERSION = "version"
    OVERWRITE = "overwrite"
    SKIP = "skip"


@dataclass
class Targets:
    """Hands out one output path an input, never the path of an input and never the same path twice."""

    output: Path
    names_file: bool
    conflict: Conflict
    inputs: tuple[Path, ...]  # with everything else that is read
    _given: set[Path] = field(default_factory=set)

    def path_for(self, source: Path, info: ImageInfo, page: int | None = None) -> Path | None:
        """The file to write for `source`, or None where it exists already and is to be skipped.

        `page` (from 1) names one of several, each a file of its own. Makes the folder. Raises WriteError where that
        fails or an input would be written over.
        """
        folder = self.output.parent if self.names_file else self.output
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"The folder “{folder}” cannot be made ({_reason(error)}); choose another one.") from error
        if self.names_file:
            return self.output
        target = self._in_folder(source, info, page)
        if target is None:
            return None
        if is_one_of(target, self.inputs):
            raise WriteError(
                f"“{target.name}” is itself one of the files that are read, never written over; choose another folder."
            )
        self._given.add(target)
        return target

    def _in_folder(self, source: Path, info: ImageInfo, page: int | None) -> Path | None:
        numbered = f"_p{page:02d}" if page is not None else ""
        stem, suffix = f"{source.stem}{numbered}_restored", suffix_for(source, info)
        target = self.output / f"{stem}{suffix}"
        # Two inputs of one name in one run are two images: the second is no reason to lose or to skip one of them.
        if target not in self._given:
            if not target.exists() or self.conflict is Conflict.OVERWRITE:
                return target
            if self.conflict is Conflict.SKIP:
                return None
        version = 2
        while target.exists() or target in self._given:
            target = self.output / f"{stem}_v{version:02d}{suffix}"
            version += 1
        return target


def plan(output: str, inputs: Iterable[Path], conflict: Conflict, beside: Iterable[Path | None] = ()) -> Targets:
    """Reads `-o`: one input and a name with an extension name a file, everything else is a folder.

    `beside` are other files that are read: a mask, the picture of a style. Raises RecipeError for a wrong use of the
    option, before anything is opened.
    """
    sources, others = tuple(inputs), tuple(file for file in beside if file is not None)
    if not output.strip():  # a variable of a script that is not set
        raise RecipeError("-o names no file and no folder; give it one.")
    path = Path(output)
    if path.is_dir() or output.endswith(("/", "\\")) or not path.suffix:
        if path.exists() and not path.is_dir():
            raise RecipeError(f"“{output}” is a file, not a folder; give -o another name.")
        return Targets(path, False, conflict, (*sources, *others))
    if len(sources) > 1:
        raise RecipeError(f"Several images need a folder, and “{output}” names a file; give -o a folder.")
    if path.suffix.lower() not in WRITABLE:
        raise RecipeError(
            f"Archivist writes TIFF, PNG, JPEG and WebP, not “{path.suffix}”; end a folder’s name with a /."
        )
    if is_one_of(path, sources):
        raise RecipeError(
            f"“{output}” is the image to restore, and masters are never written over; choose another name."
        )
    if is_one_of(path, others):
        raise RecipeError(
            f"“{output}” is read for this, and nothing that is read is written over; choose another name."
        )
    if conflict is Conflict.SKIP and path.exists():
        raise RecipeError(
            f"“{output}” exists; with --skip-existing name a folder, or leave the option out to replace it."
        )
    return Targets(path, True, Conflict.OVERWRITE, (*sources, *others))


def suffix_for(source: Path, info: ImageInfo) -> str:
    """TIFF for 16-bit masters and for kinds that are not written, else the kind of the input."""
    kind = "TIFF" if info.bits > 8 else info.format.upper()
    suffixes = SUFFIXES.get(kind, SUFFIXES["TIFF"])
    own = source.suffix.lower()
    return own if own in suffixes else suffixes[0]


def is_one_of(target: Path, files: Iterable[Path]) -> bool:
    """Whether `target` is one of `files`, also by another path, a link or another spelling of its name."""
    resolved = target.resolve()
    for file in files:
        if file.resolve() == resolved:
            return True
        try:
            if target.samefile(file):
                return True
        except OSError:  # one of them does not exist: they are not the same
            continue
    return False


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
