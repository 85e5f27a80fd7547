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
from tests.app.fake_service import save_picture


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

    def reproduce(path: str, master: str | None, _: object, *, mask: str | None) -> _Done:
        known["asked"] = (master, mask)
        return _Done(known[Path(path).name])

    class Service:
        def __enter__(self) -> Any:
            return SimpleNamespace(
                verify=lambda path, roots, _: _Done(known[Path(path).name]),
                reproduce=reproduce,
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


def test_master_and_mask_reach_the_engine_from_any_folder(
    answers: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answers["a.tif"] = Reproduced("/x/a.tif", "/x/m.tif", "identical", 0.0, 0.0, "A sentence.")
    assert main(["reproduce", "a.tif"]) == 0
    assert answers["asked"] == (None, None)
    assert main(["reproduce", "a.tif", "--master", "m.tif", "--mask", "marked.png"]) == 0
    assert answers["asked"] == (str(tmp_path / "m.tif"), str(tmp_path / "marked.png"))


def test_the_help_names_all_that_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--help"]) == 0
    assert "FILE|PACKAGE|WEB FOLDER|PROJECT}..." in " ".join(capsys.readouterr().out.split())


def test_a_picture_that_was_cut_off_is_bad_and_the_others_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, half = (save_picture(tmp_path / name, 200, 150) for name in ("whole.png", "half.png"))
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    assert main(["verify", str(half), str(whole)]) == 1
    out = capsys.readouterr().out
    assert f"{half}: NOT as it should be" in out
    assert "BAD   “half.png” is damaged or incomplete; copy or scan it again." in out
    assert f"{whole}: as it should be" in out
    assert "ok    Every pixel of it can be read." in out
