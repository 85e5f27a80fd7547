"""What holds for every test: no display, no network, no folder of the user's, no thread left behind."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_API"] = "pyside6"

_THREAD_PATIENCE = 3.0  # seconds a thread may take to end after its test
_NETWORK_EVENTS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"))


class _NetworkGuard:
    """Refuses every road out of this machine, also from C and from code that swallows the error.

    An audit hook cannot be removed, so one hook serves the whole run.
    """

    def __init__(self) -> None:
        self.attempts: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in _NETWORK_EVENTS or _is_local(args):
            return
        self.attempts.append(f"{event}{args[1:] if event != 'socket.getaddrinfo' else args[:2]}")
        raise OSError("tests do not reach the network")


def _is_local(args: tuple[Any, ...]) -> bool:
    endpoint = args[0]
    if not isinstance(endpoint, socket.socket):
        return False
    if hasattr(socket, "AF_UNIX") and endpoint.family == socket.AF_UNIX:
        return True
    # Windows has no socket pairs; asyncio makes its own over the loopback.
    return sys.platform == "win32" and len(args) > 1 and args[1][0] in ("127.0.0.1", "::1")


_GUARD = _NetworkGuard()


@pytest.fixture(autouse=True)
def network_attempts() -> Iterator[list[str]]:
    """What tried to reach the network during this test; a test that provokes it on purpose clears the list."""
    _GUARD.attempts.clear()
    yield _GUARD.attempts
    assert not _GUARD.attempts, f"reached for the network: {_GUARD.attempts}"


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no test reads or leaves anything in the user's folders."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("ARCHIVIST_PROJECTS", str(home / "projects"))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_DOCUMENTS_DIR"):
        monkeypatch.setenv(name, str(home / name.lower()))
    return home


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fails a test after which more threads run than before it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _THREAD_PATIENCE
    while left := [thread for thread in threading.enumerate() if thread not in before and not _is_foreign(thread)]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left behind: {[thread.name for thread in left]}")
        time.sleep(0.01)


def _is_foreign(thread: threading.Thread) -> bool:
    """A thread of libvips or Qt that once called into Python: the library's own, kept in its pool."""
    return isinstance(thread, threading._DummyThread)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test marked `gpu` where there is no GPU."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread: small tensors come sooner, and numbers do not depend on the machine's cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
