"""Fine-tuning on the pictures of a project: a job row, and what its measurements tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QModelIndex, QObject, Signal, Slot

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, StoppableHandle
from archivist_app.state.jobs_model import Job, JobRole, JobsModel, Ways
from archivist_app.state.session import Session
from engine.errors import Cancelled, EngineError, NameTakenError
from engine.types import NOTHING_BETTER, Progress, ProjectItem, Tuned, Tuning

Which = Literal["selected", "approved", "all"]


class Tuner(QObject):
    """Starts fine-tunings and follows them, one at a time; the models go into the project."""

    started = Signal(object)  # Tuning
    moved = Signal(object)  # Job: it rests, goes on, is stopping, has made a step
    progressed = Signal(object)  # Progress, and TuningStep once it learns
    checked = Signal(object)  # TuningCheck
    taken = Signal(object)  # Tuning: its name is that of a model that something else taught; it ends at once
    ended = Signal(object, str)  # Tuned or None, and a sentence

    def __init__(self, session: Session, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks
        self._number = 0
        jobs.dataChanged.connect(self._follow_job)

    @property
    def running(self) -> bool:
        """Whether one has not ended yet."""
        return self._number > 0

    def folder(self) -> str:
        """Where a model of this project lies."""
        project = self._session.project
        return str(Path(project.folder) / "models") if project is not None else ""

    def pictures(self, which: Which, selected: Sequence[str]) -> tuple[str, ...]:
        """The masters of these images of the project; `selected` are uuids. Raises EngineError where one is gone."""
        project = self._session.project
        if project is None:
            return ()
        return tuple(self._bridge.register(project, item) for item in self._items(which, selected))

    def count(self, which: Which, selected: Sequence[str]) -> int:
        """How many images that is."""
        return len(self._items(which, selected))

    def _items(self, which: Which, selected: Sequence[str]) -> list[ProjectItem]:
        project = self._session.project
        items = project.items if project is not None else ()
        if which == "all":
            return list(items)
        if which == "approved":
            return [item for item in items if item.decision == "approved"]
        return [item for item in items if item.uuid in selected]

    def start(self, wish: Tuning) -> None:
        """Teach; nothing happens while another is running."""
        if self.running:
            return

        def progress(step: Progress) -> None:
            self._jobs.advance(number, step)
            self.progressed.emit(step)

        ways = Ways(stop=lambda: handle.stop(), hold=lambda paused: handle.hold(paused), retry=lambda: self.start(wish))
        number = self._number = self._jobs.add(f"Fine-tune {wish.name}", lambda: handle.cancel(), ways)
        handle = self._bridge.finetune(wish, progress, self.checked.emit)
        self.started.emit(wish)
        self._tasks.spawn(self._follow(number, handle, wish))

    def stop(self) -> None:
        """Learn no more, and keep the best so far."""
        self._jobs.stop(self._number)

    def hold(self, paused: bool) -> None:
        """Let it rest, or go on."""
        self._jobs.hold(self._number, paused)

    @Slot(QModelIndex)
    def _follow_job(self, index: QModelIndex) -> None:
        job = index.data(JobRole.JOB)
        if isinstance(job, Job) and job.number == self._number:
            self.moved.emit(job)

    async def _follow(self, number: int, handle: StoppableHandle[Tuned], wish: Tuning) -> None:
        tuned, text = None, "Stopped by an unforeseen fault; your originals are untouched."
        state: Literal["done", "failed", "cancelled"] = "failed"
        try:
            tuned = await handle.result()
            state, text = "done", sentence_of(tuned)
        except Cancelled:
            state, text = "cancelled", "Stopped; no model was written. The same again goes on from here."
        except EngineError as error:
            text = str(error)
            if isinstance(error, NameTakenError):
                self.taken.emit(wish)
        finally:
            self._number = 0
            self._jobs.finish(number, state, text, tuned.path if tuned else "")
            self.ended.emit(tuned, text)


def sentence_of(tuned: Tuned) -> str:
    """What came of it, with the figure that counts."""
    gain = tuned.after["own_10"] - tuned.before["own_10"]
    if not tuned.learned:
        return NOTHING_BETTER
    return f"Held-out pictures gained {gain:.1f} dB ({tuned.before['own_10']:.1f} to {tuned.after['own_10']:.1f})"
