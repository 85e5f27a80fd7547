"""Who may write in a project folder: one program at a time. Others open it read-only and are told who has it."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import ProjectError, WriteError
from engine.projects.atomic import write_json
from engine.projects.processes import is_alive, this_host

NAME = ".lock"
_TAKING_OVER = ".lock-takeover"
_ATTEMPTS = 10
_PATIENCE = 0.03  # seconds between attempts
_WRITING_TIME = 5.0  # seconds after which a lock file that names nobody was left by a program that died

_held: set[str] = set()
"""Tokens of this process: a lock with our process id but another token was left by one that had the id before us."""
_held_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as the file says."""

    host: str
    user: str
    pid: int
    token: str

    @property
    def is_gone(self) -> bool:
        """Whether the program that wrote the lock has certainly ended; of another machine nobody can tell."""
        if self.host != this_host():
            return False
        if self.pid == os.getpid():
            with _held_guard:
                return self.token not in _held
        return not is_alive(self.pid)


class FolderLock:
    """The right to write in a folder, from `acquire` to `release`."""

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._token = token

    @classmethod
    def acquire(cls, folder: Path) -> FolderLock:
        """Takes the lock, also from a program of this machine that has died.

        Raises `ProjectError` in a sentence: who has the project, or that the folder may not be written.
        """
        path = folder / NAME
        mine = Holder(this_host(), _user(), os.getpid(), secrets.token_hex(8))
        with _held_guard:
            _held.add(mine.token)
        try:
            for _ in range(_ATTEMPTS):
                if _create(path, mine) or _take_over(path, mine):
                    return cls(path, mine.token)
                holder = _holder_of(path)
                if holder is not None and not holder.is_gone:
                    raise ProjectError(_taken_by(holder))
                time.sleep(_PATIENCE)
            raise ProjectError("Another program is just opening this project; close it there and open it again.")
        except BaseException:
            with _held_guard:
                _held.discard(mine.token)
            raise

    def release(self) -> None:
        """Gives the lock back, unless somebody else has taken it by force; a second call does nothing."""
        with _held_guard:
            _held.discard(self._token)
        holder = _holder_of(self._path)
        if holder is not None and holder.token == self._token:
            _remove(self._path)


def _create(path: Path, holder: Holder) -> bool:
    """Whether the lock file could be made; False where there is one already."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    except OSError as error:
        raise _not_writable(error) from error
    try:
        with open(descriptor, "wb") as file:
            file.write(json.dumps(asdict(holder)).encode())
    except OSError as error:
        _remove(path)
        raise _not_writable(error) from error
    return True


def _take_over(path: Path, mine: Holder) -> bool:
    """Writes our name over that of a program that has died. A second file lets only one program do so at a time."""
    if not _is_abandoned(path):
        return False
    marker = path.with_name(_TAKING_OVER)
    if not _create(marker, mine):
        if _age(marker) > _WRITING_TIME:
            _remove(marker)
        return False
    try:
        if not _is_abandoned(path):  # somebody was quicker
            return False
        write_json(path, asdict(mine))
    except WriteError as error:
        raise ProjectError(str(error)) from error
    finally:
        _remove(marker)
    return True


def _is_abandoned(path: Path) -> bool:
    holder = _holder_of(path)
    return holder.is_gone if holder is not None else _age(path) > _WRITING_TIME


def _holder_of(path: Path) -> Holder | None:
    """Who the file names; nobody if it is gone, or just being written."""
    try:
        data = json.loads(path.read_bytes())
        return Holder(str(data["host"]), str(data["user"]), int(data["pid"]), str(data["token"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _age(path: Path) -> float:
    """Seconds since the file was written; 0 where there is none."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _not_writable(error: OSError) -> ProjectError:
    reason = error.strerror or "unknown error"
    return ProjectError(
        f"This project's folder cannot be written ({reason}), so it opens read-only; copy it elsewhere."
    )


def _taken_by(holder: Holder) -> str:
    if holder.pid == os.getpid() and holder.host == this_host():
        return "This project is already open in this program, so it opens read-only here; use the other window."
    where = "this computer" if holder.host == this_host() else holder.host
    return f"{holder.user} has this project open on {where}, so it opens read-only; close it there to edit it here."


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return "Somebody"
