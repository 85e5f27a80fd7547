"""The files that come with the program are found from a checkout and from a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import resources
from engine.errors import EngineError


def test_a_wheel_carries_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, beside = tmp_path / "engine" / "_resources", tmp_path / "resources"
    monkeypatch.setattr(resources, "_ROOTS", (inside, beside))
    (beside / "styles").mkdir(parents=True)
    assert resources.path("styles") == beside / "styles"
    (inside / "styles").mkdir(parents=True)
    assert resources.path("styles") == inside / "styles"


def test_what_is_missing_is_told_in_a_sentence() -> None:
    with pytest.raises(EngineError, match=r"“models/none\.safetensors” is missing; install Archivist again"):
        resources.path("models/none.safetensors")


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "models/../../secret"])
def test_no_name_leaves_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="not a name inside"):
        resources.path(name)
