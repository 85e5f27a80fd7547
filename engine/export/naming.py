"""Names by template: checked before the work, safe on every system, and never outside the folder that was chosen."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath

from engine.errors import RecipeError
from engine.types import TEMPLATE_FIELDS, ExportSettings, ProjectItem

_LONGEST = 200  # bytes of one part of a path: most disks take 255, and an ending and a version come on top
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%]+')  # Windows refuses these; % has a meaning in bags and addresses
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # device names on Windows
_ENDINGS = {"preservation": ".tif", "access": ".jpg", "web": "", "package": ""}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template can tell of one image in one job."""

    item: ProjectItem
    project: str = ""
    number: int = 1
    reference: str = ""
    now: datetime | None = None

    def values(self, settings: ExportSettings) -> dict[str, str]:
        """Every field's text but the version's."""
        recipe, name = self.item.recipe, PurePath(self.item.source.path.replace("\\", "/")).stem
        now = self.now or datetime.now()
        return {
            "name": name,
            "ref": self.reference or name,
            "project": self.project or "no project",
            "number": f"{self.number:03d}",
            "page": str(self.item.source.page + 1),
            "preset": settings.preset,
            "style": recipe.style or "none",
            "alpha": f"{recipe.alpha:g}",
            "beta": f"{recipe.beta:g}",
            "strength": f"{recipe.strength:g}",
            "scope": recipe.scope,
            "scale": str(recipe.scale),
            "model": recipe.model,
            "sha": self.item.source.sha256[:8] or "unknown",
            "date": f"{now:%Y-%m-%d}",
            "time": f"{now:%H%M%S}",
        }


def check_template(template: str) -> None:
    """RecipeError, in a sentence, for a template that no name can be made by."""
    for _, name, spec, conversion in _parsed(template):
        if name is None:
            continue
        if name not in TEMPLATE_FIELDS:
            known = ", ".join(f"{{{one}}}" for one in TEMPLATE_FIELDS)
            raise RecipeError(f"A name has no {{{name}}}; these exist: {known}.")
        if spec or conversion:
            raise RecipeError(f"Only the plain {{{name}}} can be in a template; leave out what follows “{name}”.")
    path = PurePath(template.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", template):
        raise RecipeError("A template stays inside the chosen folder; leave out drives, “..” and a leading slash.")


def _parsed(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(string.Formatter().parse(template))
    except ValueError as error:
        raise RecipeError("A brace in the template is open; write fields as {name}.") from error


def name_for(settings: ExportSettings, facts: Facts, version: int = 1) -> PurePath:
    """The relative path an image gets; from the second version on it says so, in its place or at the end.

    RecipeError for a template that does not work.
    """
    check_template(settings.template)
    values = facts.values(settings) | {"version": f"v{version:02d}"}
    values = {name: _FORBIDDEN.sub("_", value) for name, value in values.items()}
    path = settings.template.replace("\\", "/").format_map(values)
    parts = [_safe(part) for part in path.split("/") if part.strip()]
    if not parts:
        raise RecipeError("The template makes an empty name; put {name} into it.")
    last = parts[-1]
    if version > 1 and "{version}" not in settings.template:
        last = f"{last}_v{version:02d}"
    return PurePath(*parts[:-1], last + _ENDINGS[settings.preset])


def _safe(part: str) -> str:
    """One part of a path that every system takes."""
    text = unicodedata.normalize("NFC", part).encode(errors="replace").decode()
    text = _FORBIDDEN.sub("_", text).encode()[:_LONGEST].decode(errors="ignore").strip(". ")
    if not text or _RESERVED.fullmatch(text):
        text = f"_{text}"
    return text


def free_name(
    folder: Path, settings: ExportSettings, facts: Facts, taken: Callable[[Path], bool], exists: Callable[[Path], bool]
) -> Path | None:
    """The path to write; None where one exists and is to be kept.

    `taken` are names that this run has given away or writes now: those get another version whatever the rule, since
    two images are no reason to lose one of them.
    """
    for version in range(1, 100_000):
        path = folder / name_for(settings, facts, version)
        if taken(path):
            continue
        if not exists(path) or settings.conflict == "overwrite":
            return path
        if settings.conflict == "skip":
            return None
    raise RecipeError(f"All versions of “{path.name}” exist; choose another folder or another template.")
