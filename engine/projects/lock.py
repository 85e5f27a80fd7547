"""Who may write in a project folder: one program at a time. Others open it read-only and are told who has it.

The holder renews the lock's heartbeat twice a minute. A lock whose heartbeat stopped ten minutes ago is taken over: its
machine is off, or its number belongs to another program since the last start. Whoever wakes up later finds another
token in the lock before the next write, and writes no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import ProjectError, WriteError
from engine.projects.atomic import replacing, temporary_for
from engine.projects.processes import is_alive, this_host, user

NAME = ".lock"
_TAKING_OVER = ".lock-takeover"
_ATTEMPTS = 10
_PATIENCE = 0.03  # seconds between attempts
BEAT = 30.0  # seconds between two heartbeats
STALE = 600.0  # seconds without one after which a lock may be taken over
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
    heartbeat: str = ""  # ISO 8601, UTC; older versions wrote none

    @property
    def is_gone(self) -> bool:
        """Whether the program that wrote the lock has certainly ended; of another machine nobody can tell."""
        if self.host != this_host():
            return False
        if self.pid == os.getpid():
            return not self.is_us
        return not is_alive(self.pid)

    @property
    def is_us(self) -> bool:
        """Whether this very process holds it."""
        with _held_guard:
            return self.token in _held


class FolderLock:
    """The right to write in a folder, from `acquire` to `release`."""

    def __init__(self, path: Path, holder: Holder, before: Holder | None) -> None:
        self._path = path
        self._holder = holder
        self._beaten = time.monotonic()
        self.taken_from = before  # a living or foreign program that fell silent

    @classmethod
    def acquire(cls, folder: Path) -> FolderLock:
        """Takes the lock, also from a program that has died or fallen silent.

        Raises `ProjectError` in a sentence: who has the project, or that the folder may not be written.
        """
        path = folder / NAME
        mine = Holder(this_host(), user(), os.getpid(), secrets.token_hex(8), _now())
        with _held_guard:
            _held.add(mine.token)
        try:
            for _ in range(_ATTEMPTS):
                holder = _holder_of(path)
                if _create(path, mine):
                    return cls(path, mine, None)
                if _take_over(path, mine):
                    return cls(path, mine, holder if holder is not None and not holder.is_gone else None)
                holder = _holder_of(path)
                if holder is not None and not _is_abandoned(path):
                    raise ProjectError(_taken_by(holder))
                time.sleep(_PATIENCE)
            raise ProjectError("Another program is just opening this project; close it there and open it again.")
        except BaseException:
            with _held_guard:
                _held.discard(mine.token)
            raise

    def beat(self) -> None:
        """Says that we are alive, where that was not said for a while. Failures are nobody's fault: somebody may look.

        The file is written in place, never replaced: if another program has taken the lock, its file is another one.
        """
        if time.monotonic() - self._beaten < BEAT:
            return
        self._beaten = time.monotonic()
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                content = os.read(descriptor, 4096)
                if _parsed(content) == self._holder:
                    self._holder = replace(self._holder, heartbeat=_now())
                    os.lseek(descriptor, 0, os.SEEK_SET)
                    os.write(descriptor, _encoded(self._holder))  # of the same length: never half a lock
            finally:
                os.close(descriptor)

    def lost_to(self) -> Holder | None:
        """Who has taken the lock since; None while it is ours, or while nobody can tell."""
        holder = _holder_of(self._path)
        return holder if holder is not None and holder.token != self._holder.token else None

    def release(self) -> None:
        """Gives the lock back, unless somebody else has taken it by force; a second call does nothing."""
        with _held_guard:
            _held.discard(self._holder.token)
        holder = _holder_of(self._path)
        if holder is not None and holder.token == self._holder.token:
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
            file.write(_encoded(holder))
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
        if _is_abandoned(marker):
            _remove(marker)
        return False
    try:
        if not _is_abandoned(path):  # somebody was quicker
            return False
        with replacing(path) as temporary:
            temporary.write_bytes(_encoded(mine))
    except WriteError as error:
        raise ProjectError(str(error)) from error
    finally:
        _remove(marker)
    return True


def _is_abandoned(path: Path) -> bool:
    holder = _holder_of(path)
    if holder is None:
        return _age(path) > _WRITING_TIME
    return holder.is_gone or (bool(holder.heartbeat) and not holder.is_us and _silence(path) > STALE)


def _silence(path: Path) -> float:
    """Seconds since the last heartbeat by the clock of the disk, since clocks of machines differ."""
    probe = temporary_for(path)
    try:
        descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            return os.fstat(descriptor).st_mtime - path.stat().st_mtime
        finally:
            os.close(descriptor)
            _remove(probe)
    except OSError:
        return 0.0


def _holder_of(path: Path) -> Holder | None:
    """Who the file names; nobody if it is gone, or just being written."""
    try:
        return _parsed(path.read_bytes())
    except OSError:
        return None


def _parsed(content: bytes) -> Holder | None:
    try:
        data = json.loads(content)
        who = str(data["host"]), str(data["user"]), int(data["pid"]), str(data["token"])
        return Holder(*who, str(data.get("heartbeat", "")))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _encoded(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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
