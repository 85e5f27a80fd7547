"""`archivist verify` and `archivist reproduce`, as a person and as a program call them."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from archivist_app.cli import checking, main
from engine.errors import RecipeError
from engine.types import Finding, Reproduced, Verified


class _Done:
    """Work that is done, or failed."""

    def __init__(self, outcome: Any) -> None:
        self.future: Future[Any] = Future()
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)

    def cancel(self) -> None:
        return


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a service that is none answers, by the file's name."""
    known: dict[str, Any] = {}

    class Service:
        def __enter__(self) -> Any:
            return SimpleNamespace(
                verify=lambda path, roots, _: _Done(known[Path(path).name]),
                reproduce=lambda path, master, _: _Done(known[Path(path).name]),
            )

        def __exit__(self, *_: object) -> None:
            return

    monkeypatch.setattr(checking, "engine", lambda *_: Service())
    return known


def verified(state: Literal["good", "warning", "bad"]) -> Verified:
    return Verified("/x/a.tif", "file", (Finding("signature", state, "It carries no signature."),))


def test_a_check_says_what_it_found_and_fails_where_something_is_wrong(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers |= {"a.tif": verified("good"), "b.tif": verified("warning"), "c.tif": verified("bad")}
    assert main(["verify", "a.tif", "b.tif"]) == 0
    assert main(["verify", "a.tif", "c.tif"]) == 1
    out = capsys.readouterr().out
    assert "a.tif: as it should be" in out
    assert "c.tif: NOT as it should be" in out
    assert "BAD   It carries no signature." in out


def test_a_bad_one_is_reported_and_the_rest_go_on(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers |= {"a.tif": RecipeError("Nothing there."), "b.tif": verified("good")}
    assert main(["verify", "a.tif", "b.tif", "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "Nothing there.\n"
    first, second = map(json.loads, captured.out.splitlines())
    assert first == {"path": "a.tif", "good": False, "error": "Nothing there."}
    assert second["good"]
    assert second["findings"][0]["state"] == "good"


@pytest.mark.parametrize(("likeness", "status"), [("identical", 0), ("close", 0), ("different", 1)])
def test_a_recipe_run_again_is_told_in_words_and_in_json(
    answers: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    likeness: Literal["identical", "close", "different"],
    status: int,
) -> None:
    answers["a.tif"] = Reproduced("/x/a.tif", "/x/m.tif", likeness, 0.0, 0.0, "A sentence.", ("A note.",))
    assert main(["reproduce", "a.tif"]) == status
    assert capsys.readouterr().out == "a.tif: A sentence.\n  A note.\n"
    assert main(["reproduce", "a.tif", "--json", "--master", "m.tif"]) == status
    assert json.loads(capsys.readouterr().out)["likeness"] == likeness
