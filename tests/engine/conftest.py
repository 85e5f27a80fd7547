"""An engine of one's own, for tests of what it does as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.service import EngineService


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Iterator[EngineService]:
    """On the processor, on one thread."""
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    made = EngineService(device="cpu")
    made.start()
    yield made
    made.close()
