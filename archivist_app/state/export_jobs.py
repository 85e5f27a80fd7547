"""Exports of one image or many: one row among the jobs each, also those that a crash interrupted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, JobHandle
from archivist_app.state.endings import endings
from archivist_app.state.jobs_model import JobsModel, Ways
from archivist_app.state.session import Session
from engine.errors import EngineError
from engine.types import ExportBatch, ExportReport, InterruptedExport, Project, export_preset

log = logging.getLogger(__name__)
_WORDS = {"written": "saved", "unchanged": "unchanged", "skipped": "left alone", "failed": "failed"}


class ExportJobs(QObject):
    """Starts jobs, follows them to their end, and lists those that were interrupted."""

    noticed = Signal(str)

    master_changed = Signal(object, str)  # ProjectItem, sentence: nothing is made of it until somebody accepts it

    def __init__(self, session: Session, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks
        self._listed: set[str] = set()  # interrupted jobs that have a row
        session.project_changed.connect(self._look_for_interrupted)

    def start(self, make: Callable[[], ExportBatch | None]) -> None:
        """Start a job once the changes that are on their way have arrived; `make` tells it as it stands then."""

        def begin() -> None:
            batch = make()
            if batch is not None:
                self._start(batch)

        self._session.when_settled(begin)

    def _start(self, batch: ExportBatch) -> None:
        ways = Ways(hold=lambda paused: handle.hold(paused), retry=lambda: self._start(batch))
        number = self._jobs.add(self._title(batch), lambda: handle.cancel(), ways)
        handle = self._bridge.export_batch(batch, lambda progress: self._jobs.advance(number, progress))
        self._tasks.spawn(self._follow(number, batch, handle))

    def _title(self, batch: ExportBatch) -> str:
        try:
            first = self._bridge.export_name(batch)
        except EngineError:
            first = Path(batch.items[0].source.path).name
        preset = export_preset(batch.settings.preset).title
        return first if len(batch.items) == 1 else f"{preset}: {len(batch.items)} images"

    async def _follow(self, number: int, batch: ExportBatch, handle: JobHandle[ExportReport]) -> None:
        kept = "Stopped; nothing was written." if len(batch.items) == 1 else "Stopped; what was finished stays."
        with endings(self._jobs, number, stopped=kept, several=True):
            self._finish(number, batch, await handle.result())

    def _finish(self, number: int, batch: ExportBatch, report: ExportReport) -> None:
        outputs = [outcome.output for outcome in report.outcomes if outcome.output]
        path = outputs[0] if outputs else ""
        failed = [index for index, outcome in enumerate(report.outcomes) if outcome.state == "failed"]
        for index in failed:
            if report.outcomes[index].doubted:
                self.master_changed.emit(batch.items[index], report.outcomes[index].sentence)
        if failed:
            again = replace(batch, items=tuple(batch.items[index] for index in failed), resumes="")
            self._jobs.set_retry(number, lambda: self._start(again))
        self._jobs.finish(number, "failed" if failed else "done", told(report), path, report.html)

    # after a crash

    def _look_for_interrupted(self, project: Project) -> None:
        self._bridge.interrupted_exports(project, self._list, log.warning)

    def _list(self, found: Sequence[InterruptedExport]) -> None:
        fresh = [one for one in found if one.batch.resumes not in self._listed]
        for one in fresh:
            self._add(one)
        if fresh:
            what = "An export was" if len(fresh) == 1 else f"{len(fresh)} exports were"
            self.noticed.emit(f"{what} interrupted when Archivist ended; the list below can go on with it.")

    def _add(self, one: InterruptedExport) -> None:
        batch = one.batch
        self._listed.add(batch.resumes)
        ways = Ways(retry=lambda: self._start(batch), forget=lambda: self._bridge.forget_export(batch.resumes))
        number = self._jobs.add(self._title(batch), lambda: None, ways)
        self._jobs.finish(
            number, "cancelled", f"Interrupted after {one.done} of {len(batch.items)} images; those are done and stay."
        )


def told(report: ExportReport) -> str:
    """How a job ended, in a line."""
    if len(report.outcomes) == 1:
        (one,) = report.outcomes
        if one.restored is not None:
            size = f"{one.restored.width} × {one.restored.height} pixels"
            said = f"Saved in {Path(one.output).parent.name}, {size}"
            return f"{said}. {one.sentence}" if one.sentence else said
        return one.sentence
    counts = [f"{report.count(state)} {word}" for state, word in _WORDS.items() if report.count(state)]  # type: ignore[arg-type]
    line = ", ".join(counts)
    failures = [f"{Path(one.source).name}: {one.sentence}" for one in report.outcomes if one.state == "failed"]
    return f"{line}. {' '.join(failures)}" if failures else f"{line[:1].upper()}{line[1:]}"
