"""Where the files that come with the program lie: weights, style cards, icons, themes.

Standard library only, so that the window may ask before the engine is warm.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from engine.errors import EngineError

_PACKAGE = Path(__file__).resolve().parent
# In this order: a wheel or a bundle carries them inside the package, a checkout beside it.
_ROOTS = (_PACKAGE / "_resources", _PACKAGE.parent / "resources")


def path(name: str) -> Path:
    """The file or folder `name` (POSIX, relative to `resources/`), e.g. `models/archivist-1.safetensors`.

    Raises EngineError where it is not there, ValueError for a name that leaves the folder.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"not a name inside resources/: {name!r}")
    for root in _ROOTS:
        candidate = root.joinpath(*relative.parts)
        if candidate.exists():
            return candidate
    raise EngineError(f"This installation is incomplete: “{name}” is missing; install Archivist again.")
