"""What an export is asked for, and what it answers: presets, settings, one job for one image or a thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from engine.errors import RecipeError
from engine.types.packaging import PackageFacts
from engine.types.projects import Project, ProjectItem
from engine.types.work import Restored

PresetId = Literal["preservation", "access", "web", "package"]
Conflict = Literal["version", "overwrite", "skip"]
Depth = Literal["source", "8", "16"]
Profile = Literal["source", "srgb"]
Compression = Literal["lzw", "deflate", "none"]
State = Literal["written", "unchanged", "skipped", "failed"]

TEMPLATE_FIELDS: Mapping[str, str] = {
    "name": "the master’s file name without its ending",
    "ref": "the reference of the image in its archive; its name where there is none",
    "project": "the project’s name",
    "number": "001, 002 … in the order of this export",
    "page": "which page of the file, from 1",
    "preset": "preservation, access, web or package",
    "style": "the style’s id, “none” without one",
    "alpha": "faithfulness",
    "beta": "how far the style goes",
    "strength": "share of the change",
    "scope": "whole or damage",
    "scale": "1, 2 or 4",
    "model": "the network’s id",
    "sha": "the first eight digits of the master’s SHA-256",
    "date": "today, 2031-05-04",
    "time": "now, 142233",
    "version": "v01, or the next that is free",
}


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How pictures are written. Numbers of 0 mean: as the master has it. RecipeError for what makes no sense."""

    preset: PresetId = "preservation"
    template: str = "{name}_restored_{version}"
    conflict: Conflict = "version"
    depth: Depth = "16"
    profile: Profile = "source"
    compression: Compression = "lzw"  # of TIFF
    quality: int = 95  # of JPEG, 1..100
    dpi: float = 0.0  # written into the file; the pixels stay as they are
    longest: int = 0  # pixels of the longer side at most; 0 leaves the size
    label: bool = False  # words below the picture that say what it is
    sign: bool = True  # Content Credentials in the file; packages are signed in any case
    tile: int = 512  # pixels a side, of a web export
    address: str = "http://localhost:8000"  # where a web export will be served, without the image's own name

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise RecipeError(f"{name.capitalize()} is one of {', '.join(allowed)}, not “{getattr(self, name)}”.")
        _whole("The quality", self.quality, 1, 100)
        _whole("The size of a tile", self.tile, 64, 4096)
        if self.longest:
            _whole("The longer side", self.longest, 16, 100_000)
        if not (self.dpi == 0 or 1 <= self.dpi <= 100_000):  # also refuses NaN
            raise RecipeError(f"The resolution lies between 1 and 100000 dpi, not {self.dpi:g}; 0 keeps the master’s.")
        if not self.template.strip():
            raise RecipeError("The template for names is empty; “{name}_restored_{version}” is the usual one.")
        if not self.address.startswith(("http://", "https://")) or any(c.isspace() for c in self.address):
            raise RecipeError(f"“{self.address}” is no web address; it begins with http:// or https://.")

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ExportSettings:
        """The reverse; what this version does not know is left out, RecipeError for values of the wrong kind."""
        known = {field.name: field.type for field in fields(cls)}
        try:
            return cls(**{name: value for name, value in data.items() if name in known})
        except (TypeError, AttributeError) as error:
            raise RecipeError("The settings of this export cannot be read; choose them again.") from error


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "preset": get_args(PresetId),
    "conflict": get_args(Conflict),
    "depth": get_args(Depth),
    "profile": get_args(Profile),
    "compression": get_args(Compression),
}


def _whole(what: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise RecipeError(f"{what} is a whole number from {low} to {high}, not {value}.")


@dataclass(frozen=True, slots=True)
class ExportPreset:
    """A purpose, in words, and the settings that serve it; `options` are those somebody may want to change."""

    title: str
    explanation: str
    options: tuple[str, ...]
    settings: ExportSettings

    @property
    def id(self) -> PresetId:
        """The preset's name on the command line."""
        return self.settings.preset


EXPORT_PRESETS: tuple[ExportPreset, ...] = (
    ExportPreset(
        "Preservation",
        "TIFF with 16 bits in the master’s own profile and resolution: what an archive keeps.",
        ("depth", "profile", "compression", "dpi", "sign"),
        ExportSettings(),
    ),
    ExportPreset(
        "Access",
        "JPEG in sRGB with a label below the picture that says a model restored it: what readers get.",
        ("quality", "longest", "label", "profile", "dpi", "sign"),
        ExportSettings("access", "{name}_access_{version}", depth="8", profile="srgb", label=True),
    ),
    ExportPreset(
        "Web",
        "Tiles for zooming in any IIIF viewer, to be put on any web server: no program needs to run there.",
        ("quality", "longest", "label", "tile", "address", "sign"),
        ExportSettings("web", "{name}_iiif", depth="8", profile="srgb", quality=85, label=True),
    ),
    ExportPreset(
        "Package",
        "A BagIt folder with restoration, access copy, maps and PREMIS: what a repository takes in.",
        (),
        ExportSettings("package", "{ref}_bag", label=True),
    ),
)


def export_preset(name: str) -> ExportPreset:
    """The preset of that id; RecipeError, with those there are, where there is none."""
    for preset in EXPORT_PRESETS:
        if preset.id == name:
            return preset
    raise RecipeError(f"There is no preset “{name}”; these exist: {', '.join(one.id for one in EXPORT_PRESETS)}.")


@dataclass(frozen=True, slots=True)
class ExportBatch:
    """One job: these images as they stand now, written in one way into one folder.

    Images without a project have a `uuid` of "" and an absolute path. `resumes` names a job that was interrupted and
    that this one goes on with.
    """

    items: tuple[ProjectItem, ...]
    settings: ExportSettings
    folder: str
    project: Project | None = None
    report: bool = True
    resumes: str = ""
    package: PackageFacts | None = None  # what packages tell of the archive; None: what the project keeps


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """What became of one image of a job."""

    source: str
    state: State
    output: str = ""  # the file or folder, also one written by an earlier job
    sentence: str = ""  # why, where it failed or was left alone
    restored: Restored | None = None  # where it was written now
    doubted: bool = False  # it failed because the master is no longer the file that was added


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How a job ended. `html` and `csv` are paths, "" where no report was wanted."""

    outcomes: tuple[ExportOutcome, ...]
    folder: str
    seconds: float
    html: str = ""
    csv: str = ""

    def count(self, state: State) -> int:
        """How many images ended like that."""
        return sum(outcome.state == state for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class InterruptedExport:
    """A job that somebody's crash interrupted, and how many of its images were done by then."""

    batch: ExportBatch
    done: int


@dataclass(frozen=True, slots=True)
class ExportEstimate:
    """What a job will come to, as far as that is known. `seconds` is None before this machine has exported anything."""

    images: int  # that can be read
    existing: int  # of the names it would use
    largest: int  # bytes at most, before compression
    likely: int | None  # bytes, by what earlier exports of this preset came to
    seconds: float | None
