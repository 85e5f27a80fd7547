"""What stands in a project's JSON files, checked on the way in and out.

A record is the part this version understands. The file's whole content is kept beside it, and writing merges the two,
so that keys from other versions survive at every level.
"""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NoReturn, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from engine.errors import EngineError, ProjectError
from engine.projects.migrations import SCHEMA_VERSION, migrate, version_of
from engine.types import ImageRef, PackageFacts, ProjectItem, Recipe, Snapshot

R = TypeVar("R", bound="_Record")


def portable(path: str) -> str:
    """A path as projects store it: one spelling of each accented letter (NFC), whatever the file system prefers."""
    return unicodedata.normalize("NFC", path)


PortablePath = Annotated[str, Field(min_length=1), AfterValidator(portable)]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _File(_Record):
    """What every file of a project begins with."""

    schema_version: Annotated[int, Field(ge=1)] = SCHEMA_VERSION
    uuid: Uuid

    @property
    def is_newer(self) -> bool:
        return self.schema_version > SCHEMA_VERSION


class PackageRecord(_Record):
    """What every package of the project tells of the archive: see `PackageFacts`."""

    organization: str = ""
    contact: str = ""
    identifier: str = ""
    description: str = ""
    with_master: bool = False
    longest: Annotated[int, Field(ge=0, le=100_000)] = PackageFacts().longest


class ProjectRecord(_File):
    """`project.json`. `roots` are further folders to look for masters in, relative to the project."""

    name: str
    app_version: str = ""
    created: str = ""  # ISO 8601, UTC
    roots: tuple[PortablePath, ...] = ()
    needs_approval: bool = False
    package: PackageRecord = PackageRecord()


class EarlierRecord(_Record):
    """What a master was before somebody acknowledged that it is another file now."""

    sha256: Sha256
    size: Count
    until: str  # ISO 8601, UTC
    acknowledged_by: str


class SourceRecord(_Record):
    """One page of a master. `path` is relative to the project wherever the system knows such a path."""

    path: PortablePath
    size: Count
    modified: str | None = None  # ISO 8601, UTC: what the file system said when it was added
    sha256: Sha256
    page: Count = 0
    seen_at: str | None = None  # absolute place when it was added, tried when the project itself was moved
    earlier: tuple[EarlierRecord, ...] = ()


class SnapshotRecord(_Record):
    """A recipe that somebody gave a name."""

    name: str
    recipe: Recipe
    created: str  # ISO 8601, UTC


class ItemRecord(_File):
    """`items/<uuid>.json`."""

    added: str = ""  # ISO 8601, UTC: the order of the images
    source: SourceRecord
    recipe: Recipe = Recipe()
    snapshots: tuple[SnapshotRecord, ...] = ()
    decision: Literal["", "approved", "rejected"] = ""
    decided_by: str = ""
    decided_at: str = ""  # ISO 8601, UTC
    decided_recipe: Recipe | None = None
    stars: Annotated[int, Field(ge=0, le=5)] = 0
    note: str = ""
    revision: Count = 0

    def to_value(self) -> ProjectItem:
        """What the rest of the program sees of this file."""
        source = self.source
        return ProjectItem(
            uuid=self.uuid,
            source=ImageRef(source.path, source.sha256, source.size, source.page),
            recipe=self.recipe,
            snapshots=tuple(Snapshot(s.name, s.recipe, s.created) for s in self.snapshots),
            decision=self.decision,
            decided_by=self.decided_by,
            decided_at=self.decided_at,
            decided_recipe=self.decided_recipe,
            stars=self.stars,
            note=self.note,
            revision=self.revision,
        )

    def with_value(self, item: ProjectItem, by: str = "", at: str = "") -> Self:
        """This record with what a person decided; the source stays. Raises `ProjectError` for impossible values.

        Who decided, when and on which recipe is kept where the decision is a new one.
        """
        known = dict(self)
        known |= {name: getattr(item, name) for name in ("recipe", "decision", "stars", "note", "revision")}
        known["snapshots"] = [{"name": s.name, "recipe": s.recipe, "created": s.created} for s in item.snapshots]
        if item.decision != self.decision:
            told = (by, at, item.decided_recipe or item.recipe) if item.decision else ("", "", None)
            known |= dict(zip(("decided_by", "decided_at", "decided_recipe"), told, strict=True))
        return checked(type(self), known, f"The settings of {self.source.path}")


def checked(kind: type[R], data: Any, what: str) -> R:
    """The record in `data`. Raises `ProjectError` in a sentence that begins with `what` and names the first fault."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        fault = f"“{place}”: {first['msg']}" if place else first["msg"]
    except EngineError as error:  # the recipe checks its own ranges
        fault = str(error).rstrip(".")
    raise ProjectError(f"{what} cannot be used ({fault}); correct the value or restore the file from a backup.")


@dataclass(frozen=True, slots=True)
class Content(Generic[R]):
    """A file: what this version understands of it, all of it as this version writes it, and who wrote it."""

    record: R
    raw: dict[str, Any]
    version: int  # on the disk

    @property
    def is_older(self) -> bool:
        """Whether the file on the disk must be migrated."""
        return self.version < SCHEMA_VERSION


def read_record(path: Path, kind: type[R]) -> Content[R]:
    """What stands in a file of this version or an older one. Raises `ProjectError` in a sentence."""
    try:
        data = json.loads(path.read_bytes(), parse_constant=_no_number, parse_float=_finite)
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise ProjectError(f"{path.name} cannot be read ({reason}); check the disk or the network.") from error
    except (ValueError, RecursionError) as error:
        raise ProjectError(f"{path.name} is damaged and cannot be read; restore it from a backup.") from error
    if not isinstance(data, dict):
        raise ProjectError(f"{path.name} is damaged and cannot be read; restore it from a backup.")
    version, data = version_of(data), migrate(data)
    try:
        return Content(checked(kind, data, path.name), data, version)
    except ProjectError as error:
        if version > SCHEMA_VERSION:
            raise ProjectError(f"{path.name} was made by a newer Archivist; update this one to open it.") from error
        raise


def to_json(record: _Record, stored: dict[str, Any] | None = None) -> dict[str, Any]:
    """The record as JSON data, with the keys of `stored` that this version does not know."""
    return _merged(stored or {}, record.model_dump(mode="json"))


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return old | {key: _merged_value(old.get(key), value) for key, value in new.items()}


def _merged_value(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return _merged(old, new)
    if isinstance(old, list) and isinstance(new, list):
        earlier = {_identity(entry): entry for entry in old if isinstance(entry, dict)}
        return [
            _merged_value(earlier.get(_identity(entry)), entry) if isinstance(entry, dict) else entry for entry in new
        ]
    return new


def _identity(entry: dict[str, Any]) -> tuple[str, ...]:
    """Which entry of a list this is: they are never edited, only added and removed."""
    return tuple(str(entry.get(key)) for key in ("name", "created", "sha256", "until"))


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value
