"""The commands that make what is shipped: each hands its arguments to the function of its name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.training import publish

CASES: dict[str, tuple[list[str], str, list[object]]] = {
    "weights": (
        ["RUN", "--out", "OUT", "--card", "CARD", "--start", "W", "--share", "0.5"],
        "publish_checkpoint",
        ["RUN", "OUT", {"id": "m"}, "W", 0.5],
    ),
    "card": (["MODEL", "--card", "CARD"], "publish_card", ["MODEL", {"id": "m"}]),
    "critic": (["RUN", "--model", "MODEL"], "publish_critic", ["RUN", "MODEL"]),
    "upscaler": (["RUN", "--model", "MODEL", "--card", "CARD"], "publish_upscaler", ["RUN", "MODEL", {"id": "m"}]),
    "crisp": (["RUN", "--tail", "T", "--card", "CARD"], "publish_crisp", ["RUN", "T", {"id": "m"}, 1.0]),
    "longer": (
        ["RUN", "--tail", "T", "--card", "CARD", "--beyond", "0.05"],
        "publish_longer_taught",
        ["RUN", "T", {"id": "m"}, 0.05],
    ),
    "carry": (["T", "--model", "MODEL", "--card", "CARD"], "carry_upscaler", ["T", "MODEL", {"id": "m"}]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_command_does_what_it_is_called(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, function, wanted = CASES[name]
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"id": "m"}), encoding="utf-8")
    got: list[Any] = []
    monkeypatch.setattr(publish, function, lambda *given: got.extend(given))
    monkeypatch.setattr(sys, "argv", ["publish", name, *(str(card) if a == "CARD" else a for a in arguments)])
    publish.main()
    assert [str(one) if isinstance(one, Path) else one for one in got] == wanted
