"""The scoreboard as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from archivist_app.cli import report
from engine.types import Trial

if TYPE_CHECKING:
    from engine.service import EngineService


def run(service: EngineService, trial: Trial, as_json: bool) -> None:
    """Judges, and shows every figure with its bound and verdict."""
    with report.progress_bar("Judging", quiet=as_json) as advance:
        found = report.await_work(service.judge(trial, advance))
    if as_json:
        figures = [{**asdict(figure), "verdict": figure.verdict} for figure in found.figures]
        report.emit({**asdict(found), "figures": figures, "reached": found.reached, "wanted": found.wanted})
    else:
        report.table(("theme", "figure", "value", "wanted", "", "note"), [_row(figure) for figure in found.figures])
        where = f"{found.device}, {found.dtype}, {found.threads} threads, {found.pictures} pictures"
        report.say(f"{found.reached} of {found.wanted} reached ({found.model}, {where}, {found.seconds:.0f} s)")


def _row(figure: Any) -> tuple[str, ...]:
    value = "" if figure.value is None else f"{figure.value:.3f}"
    return (figure.theme, figure.name, value, figure.wanted, figure.verdict, figure.note)
