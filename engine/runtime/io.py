"""The two threads that read files while the engine thread renders: decoding, hashing, project folders. No torch."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from engine.errors import Cancelled, ImageError
from engine.types import Progress

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
_TRIES = 3
_log = logging.getLogger(__name__)
_CHUNK = 1 << 20  # bytes read at a time: hashing keeps up with a disk, and stops within milliseconds


class IoPool:
    """Two threads named "io_0" and "io_1", made when there is something to read. Usable from any thread."""

    def __init__(self, prepare: Callable[[], None] | None = None) -> None:
        """`prepare` runs before anything else: on the first thread, while the second one waits."""
        self._closing = threading.Event()
        self._prepare = prepare
        self._preparing = threading.Lock()
        self._going: set[Future[Any]] = set()  # what waits or runs
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="io", initializer=self._begin)

    def _begin(self) -> None:
        with self._preparing:
            prepare, self._prepare = self._prepare, None
            if prepare is None:
                return
            try:
                prepare()
            except Exception:  # else the pool is broken for good; who needs it will fail in words, or find it mended
                _log.exception("what the io threads begin with failed")

    def submit(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Runs `fn` on a thread of the pool. After `close()` the future comes back cancelled."""
        try:
            future = self._executor.submit(fn, *args, **kwargs)
        except RuntimeError:  # the only word an executor has for being shut down
            refused: Future[T] = Future()
            refused.cancel()
            refused.set_running_or_notify_cancel()
            return refused
        self._going.add(future)
        future.add_done_callback(self._going.discard)
        return future

    def check(self, progress: Progress | None = None) -> None:
        """Raises `Cancelled` once the pool is closing: what long reads ask between two pieces."""
        if self._closing.is_set():
            raise Cancelled

    def stop(self) -> None:
        """Cancels what waits, and stops reads that ask `check`."""
        self._closing.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def close(self, timeout: float | None = None) -> bool:
        """The same, and waits for the rest. False if something still holds a thread after `timeout` seconds, as a read
        from a server that does not answer; the thread ends by itself once that does."""
        self.stop()
        if wait(self._going.copy(), timeout).not_done:
            return False
        self._executor.shutdown(wait=True)
        return True


Identity = tuple[int, int, int, int]
"""What tells a file from the one that was at its place before: length, times in ns of its last changes, inode."""


def identity_of(path: Path) -> Identity | None:
    """The identity of the file that is at a place now; None where none can be asked for."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


def import_whole(module: str, package: str) -> None:
    """Imports `module`, which brings in `package`; where that fails half-way, forgets the halves and tries again.

    Qt's Python binding looks at every module that is imported, and looks for an attribute of it; a package that imports
    on being asked for one sometimes finds itself unfinished when two threads import at once. Raises ImportError where
    it goes on failing.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            import_module(module)
            return
        except ImportError:
            for name in [name for name in sys.modules if name.split(".")[0] == package]:
                sys.modules.pop(name, None)
            if not tries_left:
                raise


def sha256_of(path: str | os.PathLike[str], progress: Callable[[Progress], None] | None = None) -> str:
    """The SHA-256 of a file in lower-case hex, read in pieces. Raises `ImageError` if it cannot be read.

    `progress` gets the bytes done of the bytes in all, after every piece; raising `Cancelled` there stops the reading.
    """
    import hashlib  # with OpenSSL, which the window does without until a file is opened

    digest = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    name = os.path.basename(os.fspath(path))
    try:
        with open(path, "rb", buffering=0) as file:
            total = os.fstat(file.fileno()).st_size
            done = 0
            while count := file.readinto(buffer):
                digest.update(view[:count])
                done += count
                if progress is not None:
                    progress(Progress(done, total, name))
    except FileNotFoundError as error:
        raise ImageError(f"{name} is not there any more; check whether it was moved or renamed.") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name} is a folder; choose an image file.") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read by you; ask for permission to read it.") from error
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise ImageError(f"{name} cannot be read ({reason}); check the disk or the network and try again.") from error
    return digest.hexdigest()
