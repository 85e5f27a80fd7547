"""The only module that replaces files: a reader sees the old file or the new one, whole, whenever the power fails."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.errors import WriteError
from engine.projects.processes import is_alive, this_host

SUFFIX = ".archivist-tmp"
_RETRIES = (0.02, 0.05, 0.1, 0.2)  # seconds: a virus scanner lets go of a file within moments
_BLOCK = 1 << 16  # bytes read at a time from a file's end
_FOREIGN_AGE = 24 * 3600.0  # seconds without a change after which another machine's temporary is a leftover
_TEMPORARY = re.compile(rf"\..*\.(?P<host>\w+)-(?P<pid>\d+)-[0-9a-f]{{8}}{re.escape(SUFFIX)}")


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Gives the path of an empty temporary file beside `target`; what the body writes there becomes the target.

    The name is hidden and ends in `SUFFIX`, so a writer must be told its format. If the body raises, or the generator
    it stands in is closed, the temporary is removed and the target stays as it was. Raises `WriteError` for a failure
    to write; an `OSError` about another file, such as a source being read, passes unchanged.
    """
    temporary = temporary_for(target)
    try:
        _create(temporary, target)
        yield temporary
        with contextlib.suppress(OSError):  # there is no target yet, or its disk knows no permissions
            shutil.copymode(target, temporary)
        _sync_file(temporary)
        _replace(temporary, target)
    except OSError as error:
        _remove(temporary)
        if error.filename is not None and str(error.filename) not in (str(temporary), str(target)):
            raise
        raise write_error(error, target) from error
    except BaseException:
        _remove(temporary)
        raise
    _sync_folder(target.parent)


@contextlib.contextmanager
def replacing_folder(target: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Gives the path of an empty temporary folder beside `target`; what the body makes there becomes the target.

    A folder that is there already is replaced where `is_ours` says that it may be; `WriteError` where not. If the
    body raises, or the generator it stands in is closed, the temporary is removed and the target stays as it was.
    """
    temporary = temporary_for(target)
    try:
        _check_folder(target, is_ours)
        temporary.mkdir()
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                _sync_file(path)
        _check_folder(target, is_ours)
        _replace_folder(temporary, target)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if error.filename is not None and not str(error.filename).startswith((str(temporary), str(target))):
            raise
        raise write_error(error, target) from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(target.parent)


def _check_folder(target: Path, is_ours: Callable[[Path], bool]) -> None:
    if os.path.lexists(target) and (target.is_symlink() or not target.is_dir() or not is_ours(target)):
        raise WriteError(f"“{target.name}” in {target.parent} is something else; choose another name or folder.")


def _replace_folder(temporary: Path, target: Path) -> None:
    """The old folder steps aside first, since no system replaces a full one in one step."""
    if not target.exists():
        _replace(temporary, target)
        return
    aside = temporary_for(target)
    _replace(target, aside)
    try:
        _replace(temporary, target)
    except OSError:
        _replace(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def write_json(target: Path, data: Any) -> None:
    """Replaces `target` by `data` as indented UTF-8 JSON. Raises `WriteError`; `ValueError` for NaN and infinities."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2)
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair can only be written escaped
        encoded = json.dumps(data, allow_nan=False, indent=2).encode()
    with replacing(target) as temporary, temporary.open("wb") as file:
        file.write(encoded + b"\n")


def append_lines(target: Path, lines: Sequence[bytes]) -> None:
    """Adds lines to a file that only ever grows, and waits until the disk has them.

    A last line that somebody was killed in the middle of is ended first, and stays. Raises `WriteError` where they
    could not be written whole; the file is as it was then.
    """
    is_new = not target.exists()
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        try:
            length = os.lseek(descriptor, 0, os.SEEK_END)
            try:
                _write_all(descriptor, _end_of(descriptor, length) + b"".join(line + b"\n" for line in lines))
                os.fsync(descriptor)
            except BaseException:
                os.ftruncate(descriptor, length)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise write_error(error, target) from error
    if is_new:
        _sync_folder(target.parent)


def lines_backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from the last to the first, without their ends. Raises `OSError`; no file has no lines."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position, rest, is_end = file.seek(0, os.SEEK_END), b"", True
        if position == 0:
            return
        while position:
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            block = file.read(step)
            if is_end:
                block, is_end = block.removesuffix(b"\n"), False
            block += rest
            rest, *lines = block.split(b"\n")
            yield from reversed(lines)
        yield rest


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Removes the temporaries in `folder` (not below it) whose writers are gone; returns those it removed.

    Another machine's processes cannot be seen, so its temporaries must also have rested for a day.
    """
    removed = []
    try:
        names = os.listdir(folder)
    except OSError:
        return ()
    for name in names:
        match = _TEMPORARY.fullmatch(name)
        if match and _is_abandoned(folder / name, match["host"], int(match["pid"])) and _remove(folder / name):
            removed.append(folder / name)
    return tuple(removed)


def make_folder_for(target: Path) -> None:
    """Makes the folder that is to hold `target`, and those above it; `WriteError` where that fails."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, target) from error


def check_writable(target: Path) -> None:
    """Tries whether `target` can be written, before long work for it, and leaves nothing; `WriteError` where not."""
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    temporary = temporary_for(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _create(temporary, target)
    except OSError as error:
        raise write_error(error, target) from error
    finally:
        _remove(temporary)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def write_error(error: OSError, target: Path) -> WriteError:
    """What a failure to write means for the person who asked for `target`: one sentence."""
    name, folder = target.name, target.parent
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return WriteError(f"The disk is full, so {name} was not saved; make room on it or choose another folder.")
        case errno.EFBIG:
            return WriteError(f"{name} is larger than this disk allows for one file; choose a folder on another disk.")
        case errno.EROFS:
            return WriteError(f"The disk of {folder} is write-protected; choose another folder for {name}.")
        case errno.EACCES | errno.EPERM:
            return WriteError(f"You may not write {name} in {folder}; choose another folder or ask for permission.")
        case errno.ENOENT | errno.ENOTDIR:
            return WriteError(f"The folder {folder} is not there, so {name} was not saved; create or reconnect it.")
        case errno.EEXIST if folder.exists() and not folder.is_dir():
            return WriteError(f"{folder} is a file and no folder, so {name} cannot be saved in it; choose a folder.")
        case errno.EISDIR:
            return WriteError(f"{name} is the name of a folder in {folder}; choose another name.")
        case errno.ENAMETOOLONG:
            return WriteError(f"The name {name[:40]}… is too long for this disk; choose a shorter one.")
    reason = error.strerror or "unknown error"
    return WriteError(f"{name} could not be saved in {folder} ({reason}); check the disk or the network and try again.")


def temporary_for(target: Path) -> Path:
    """A free name beside `target` that `remove_leftovers` knows, should its writer be killed."""
    stem = target.stem.encode()[:64].decode(errors="ignore")  # a long target leaves room for what is added
    return target.with_name(f".{stem}.{this_host()}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")


def _create(temporary: Path, target: Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if target.exists() and not os.access(target, os.W_OK):  # a rename would ignore that somebody protected the file
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def _end_of(descriptor: int, length: int) -> bytes:
    """What must come before the next line."""
    if length == 0:
        return b""
    os.lseek(descriptor, length - 1, os.SEEK_SET)
    return b"" if os.read(descriptor, 1) == b"\n" else b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)  # Windows syncs only what it may write
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(temporary: Path, target: Path) -> None:
    for delay in _RETRIES:
        try:
            os.replace(temporary, target)
        except PermissionError:
            time.sleep(delay)
        else:
            return
    os.replace(temporary, target)


def _sync_folder(folder: Path) -> None:
    """Makes the new name last; where folders cannot be synced (Windows, some shares) it is there all the same."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_abandoned(path: Path, host: str, pid: int) -> bool:
    if host == this_host():
        return not is_alive(pid)
    try:
        return time.time() - path.stat().st_mtime > _FOREIGN_AGE
    except OSError:
        return False


def _remove(path: Path) -> bool:
    for delay in (*_RETRIES, None):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except PermissionError:
            if delay is not None:
                time.sleep(delay)
        except OSError:
            return False
        else:
            return True
    return False
