"""Files as they are opened for reading, and what their failures are called."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.errors import ImageError


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, and the only place where a library's exception becomes a sentence."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ImageError(f"“{path.name}” is a device, not an image file; choose another one.")
        with path.open("rb") as file:
            yield file
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"“{path.name}” does not exist; check the name and the folder.") from None
    except IsADirectoryError:
        raise ImageError(f"“{path.name}” is a folder; choose an image file.") from None
    except PermissionError as error:
        if path.is_dir():  # how Windows says it
            raise ImageError(f"“{path.name}” is a folder; choose an image file.") from None
        raise ImageError(f"“{path.name}” may not be read; ask for the right to open it.") from error
    except MemoryError as error:
        raise ImageError(f"“{path.name}” does not fit into memory; close other programs or split it.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise ImageError(f"“{path.name}” could not be read; check the disk or the network.") from error
        raise damaged(path.name) from error


def damaged(name: str) -> ImageError:
    return ImageError(f"“{name}” is damaged or incomplete; copy or scan it again.")
