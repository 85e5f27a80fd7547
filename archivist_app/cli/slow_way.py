"""The slow way on the command line: passes that are told as they come, and an interruption that keeps what there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from archivist_app.cli import report
from engine.types import Frame, ImageRef, Losses, Optimisation, Optimised, Progress, Recipe

if TYPE_CHECKING:
    from engine.service import EngineService


def run(service: EngineService, image: ImageRef, recipe: Recipe, order: Optimisation, as_json: bool) -> Optimised:
    """Optimises and writes. The first interruption ends the passes and keeps what they reached, a second one leaves
    nothing and is passed on. Raises EngineError."""
    with report.progress_bar("Optimising", quiet=as_json) as draw:

        def advance(step: Progress) -> None:
            draw(step)

        def told(losses: Losses, _frame: Frame | None) -> None:
            if as_json:
                report.emit(_row(losses))

        job = service.optimise(image, recipe, order, advance, told)
        try:
            return report.await_result(job.work.future)
        except KeyboardInterrupt:
            report.complain("Stopping; what has been reached is written. Interrupt again to leave nothing.")
            job.stop()
            return report.await_work(job.work)


def show(done: Optimised, as_json: bool) -> None:
    """What came of it: the losses before and after, and the file."""
    if as_json:
        record = {
            **asdict(done.restored),
            "losses": [_row(losses) for losses in done.losses],
            "stopped": done.stopped,
            "is_better": done.is_better,
        }
        report.emit(record)
        return
    if done.losses:
        first, last = done.losses[0], done.losses[-1]
        rows = [(name, *(f"{value:.4f}" for value in _row(losses).values() if isinstance(value, float)))
                for name, losses in (("before", first), (f"after {last.number} passes", last))]  # fmt: skip
        report.table(("", "content", "style", "total"), rows)
    if not done.is_better:
        report.say("The fast result was better, and is what was written; more passes go further.")
    report.say(f"{done.restored.source} -> {done.restored.output} ({done.restored.seconds:.1f} s)")


def _row(losses: Losses) -> dict[str, Any]:
    return {"pass": losses.number, "content": losses.content, "style": losses.style, "total": losses.total}
