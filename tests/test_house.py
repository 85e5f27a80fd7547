"""The walls as they are at run time, beyond what a reading of the imports shows; and the guards of the tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def loaded_by(statement: str, suspects: tuple[str, ...]) -> set[str]:
    """Which of the suspects a fresh Python holds after `statement`."""
    code = f"import sys\n{statement}\nprint(*[name for name in {suspects!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "suspects"),
    [
        ("engine.types", ("torch", "numpy", "pydantic", "PySide6")),
        ("engine.errors", ("torch", "numpy", "pydantic", "PySide6")),
        ("engine.resources", ("torch", "numpy", "pydantic", "PySide6")),
        ("engine.runtime.worker", ("torch", "PySide6")),
        ("engine.runtime.io", ("torch", "PySide6")),
        ("engine.runtime.cache", ("torch", "PySide6")),
        ("engine.projects.project", ("torch", "PySide6")),
        ("engine.service", ("torch", "PySide6", "skimage")),
        ("archivist_app.cli", ("torch", "PySide6", "numpy", "rich.console")),
    ],
)
def test_what_starts_first_loads_nothing_heavy(module: str, suspects: tuple[str, ...]) -> None:
    assert loaded_by(f"import {module}", suspects) == set()


def test_a_training_run_starts_without_the_libraries_of_the_desktop() -> None:
    absent = ("PySide6", "pyvips", "tifffile", "imagecodecs", "pydantic", "platformdirs", "typer", "rich", "skimage")
    blocked = f"sys.modules.update(dict.fromkeys({absent!r}))"  # None: importing it fails
    assert loaded_by(f"{blocked}\nimport engine.training.pretrain", ("torch",)) == {"torch"}


def test_the_network_is_out_of_reach(network_attempts: list[str]) -> None:
    with socket.socket() as endpoint, pytest.raises(OSError, match="do not reach the network"):
        endpoint.connect(("192.0.2.1", 80))
    with pytest.raises(OSError, match="do not reach the network"):
        socket.getaddrinfo("example.org", 80)
    assert len(network_attempts) == 2
    network_attempts.clear()


def test_threads_of_one_machine_may_still_talk() -> None:
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=left.sendall, args=(b"hello",))
        sender.start()
        sender.join()
        assert right.recv(5) == b"hello"
