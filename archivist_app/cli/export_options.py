"""What `archivist export` can be asked for, an option each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.types import EXPORT_PRESETS, TEMPLATE_FIELDS

_TEMPLATE = "How files are called; fields: " + ", ".join(f"{{{name}}}" for name in TEMPLATE_FIELDS) + "."
_PRESETS = " ".join(f"{preset.id}: {preset.explanation}" for preset in EXPORT_PRESETS)


class Preset(StrEnum):
    """What the export is for."""

    PRESERVATION = "preservation"
    ACCESS = "access"
    WEB = "web"
    PACKAGE = "package"


class Conflict(StrEnum):
    """What happens where a name exists."""

    VERSION = "version"
    OVERWRITE = "overwrite"
    SKIP = "skip"


class Depth(StrEnum):
    """Bits a sample."""

    SOURCE = "source"
    EIGHT = "8"
    SIXTEEN = "16"


class Profile(StrEnum):
    """The colour profile the pixels are in."""

    SOURCE = "source"
    SRGB = "srgb"


class Compression(StrEnum):
    """Of TIFF."""

    LZW = "lzw"
    DEFLATE = "deflate"
    NONE = "none"


Inputs = Annotated[
    list[Path], typer.Argument(metavar="PROJECT|IMAGE...", help="Projects, and images.", show_default=False)
]
PresetOption = Annotated[Preset, typer.Option("--preset", help=_PRESETS)]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="A folder; a project’s own exports without it.")
]
Template = Annotated[str | None, typer.Option(help=_TEMPLATE)]
ConflictOption = Annotated[
    Conflict, typer.Option("--conflict", help="Where a name exists: a new version, replace it, leave it alone.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="WHICH", help="approved, rejected, undecided, edited, or as stars>=3; all of them must hold."),
]

# Of presets
DepthOption = Annotated[Depth | None, typer.Option("--depth", help="Bits a sample.")]
ProfileOption = Annotated[Profile | None, typer.Option("--profile", help="The master’s profile, or sRGB.")]
CompressionOption = Annotated[
    Compression | None, typer.Option("--compression", help="Of TIFF; validators warn of deflate.")
]
Quality = Annotated[int | None, typer.Option(help="Of JPEG, 1 to 100.")]
Dpi = Annotated[float | None, typer.Option(help="Resolution written into files; 0: the master’s.")]
Longest = Annotated[int | None, typer.Option(help="Pixels of the longer side at most; 0: no limit.")]
Label = Annotated[bool | None, typer.Option("--label/--no-label", help="Say below the picture what it is.")]
Sign = Annotated[bool | None, typer.Option("--sign/--no-sign", help="Content Credentials (C2PA) in files; on.")]
Tile = Annotated[int | None, typer.Option(help="Pixels a side of a web export’s tiles.")]
Address = Annotated[str | None, typer.Option(help="Where a web export will be served.")]

# Of packages
Organization = Annotated[str | None, typer.Option(help="Of a package: the archive’s name.")]
Contact = Annotated[str | None, typer.Option(help="Of a package: whom to ask.")]
Identifier = Annotated[str | None, typer.Option(help="Of a package: the original’s reference.")]
WithMaster = Annotated[
    bool | None, typer.Option("--with-master/--without-master", help="Of a package: a byte copy of the master.")
]

Report = Annotated[bool, typer.Option("--report", help="Write a report, as HTML and CSV.")]
