"""Masters that are copied into a project rather than referred to: `masters/`, read back after copying."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from engine.errors import ImageError, WriteError
from engine.projects.atomic import replacing, write_error
from engine.projects.places import MASTERS
from engine.runtime.io import sha256_of
from engine.types import Progress


def copy_master(source: Path, sha256: str, folder: Path, progress: Callable[[Progress], None] | None = None) -> Path:
    """Copies a master into the project `folder`, byte for byte, and returns where it is; the original is not touched.

    A copy with the same bytes is not made twice; one of that name with others gets a number. Raises `WriteError` where
    it cannot be written or reads back as something else, `ImageError` where the original cannot be read.
    """
    target = folder / MASTERS / source.name
    number = 1
    while os.path.lexists(target):
        if target.is_file() and sha256_of(target, progress) == sha256:
            return target
        number += 1
        target = folder / MASTERS / f"{source.stem}_{number}{source.suffix}"
    try:
        target.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(error, target) from error
    try:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
            shutil.copystat(source, temporary)
            temporary.chmod(0o644)  # of a write-protected original too: it could not be written to the disk otherwise
            if sha256_of(temporary, progress) != sha256:
                raise WriteError(
                    f"The copy of {source.name} is not the same as the original; check the disk, and try again."
                )
    except OSError as error:  # with the original's name, also where the disk of the copy is full
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise write_error(error, target) from error
        reason = error.strerror or "unknown error"
        raise ImageError(f"{source.name} cannot be read ({reason}); check the disk or the network.") from error
    return target
