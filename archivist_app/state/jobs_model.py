"""What runs in the background: how far it is, how long it still takes, how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from engine.types import Progress

State = Literal["running", "stopping", "done", "failed", "cancelled"]
Index = QModelIndex | QPersistentModelIndex


class JobRole(IntEnum):
    """What a row holds beyond its text."""

    JOB = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True, slots=True)
class Ways:
    """What can be done with a job besides cancelling it."""

    stop: Callable[[], None] | None = None  # end early and keep what has been reached; called at most once
    hold: Callable[[bool], None] | None = None  # rest, or go on
    retry: Callable[[], None] | None = None  # begin anew, or go on
    forget: Callable[[], None] | None = None  # it was taken from the list: nobody will go on with it


NO_WAYS = Ways()


@dataclass(frozen=True, slots=True)
class Job:
    """One row. `text` is the step while it runs, the result or the reason afterwards."""

    number: int
    name: str
    state: State = "running"
    progress: Progress | None = None  # None before the first step
    started: float = 0.0  # time.monotonic() at the first step, 0 before it
    text: str = ""
    path: str = ""  # the file a finished job wrote
    report: str = ""  # a page that tells what it did
    losses: tuple[float, ...] = ()  # of an optimisation, a pass each
    keeps: bool = False  # whether stopping it keeps what it has reached
    keeping: bool = False  # whether it is ending early and keeps what it has reached
    can_pause: bool = False
    paused_at: float = 0.0  # time.monotonic() since when it rests, 0 while it does not
    can_retry: bool = False  # whether it ended without a result and can be begun anew
    kept: bool = False  # whether what it has computed is still there, until it is taken from the list
    took: float = 0.0  # seconds from its first step to its end

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in ("running", "stopping")

    @property
    def paused(self) -> bool:
        """Whether it rests until somebody lets it go on."""
        return self.paused_at > 0

    def seconds_left(self, now: float) -> float | None:
        """What the time since the first step suggests; None while it suggests nothing."""
        step = self.progress
        if (
            not self.running
            or self.paused
            or step is None
            or step.done <= 0
            or step.total <= 0
            or now - self.started < 0.5
        ):
            return None
        return (now - self.started) * (step.total - step.done) / step.done


@dataclass(frozen=True, slots=True)
class Overall:
    """All jobs of the list taken together."""

    total: int
    ended: int
    failed: int
    seconds_left: float | None  # None while nothing suggests how long the rest takes

    @property
    def text(self) -> str:
        """In a line."""
        parts = [f"{self.ended} of {self.total} jobs ended"]
        parts += [f"{self.failed} failed"] if self.failed else []
        return " · ".join(filter(None, (*parts, time_left(self.seconds_left))))


def overall(jobs: Sequence[Job], now: float) -> Overall:
    """How far they are. Those that wait for their turn will take as long as the others did."""
    ended = [job for job in jobs if not job.running]
    begun = [left for job in jobs if (left := job.seconds_left(now)) is not None]
    waiting = sum(job.running and job.progress is None for job in jobs)
    took = [job.took for job in ended if job.state == "done"]
    took = took or [now - job.started + left for job in jobs if (left := job.seconds_left(now)) is not None]
    known = bool(took) and any(job.running and not job.paused for job in jobs)
    left = max(begun, default=0.0) + waiting * sum(took) / len(took) if known else None
    return Overall(len(jobs), len(ended), sum(job.state == "failed" for job in jobs), left)


def time_left(seconds: float | None) -> str:
    """ "about 40 s left": coarse on purpose, so that it does not flicker."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 60:
        return f"about {5 * round(seconds / 5)} s left"
    return f"about {round(seconds / 60)} min left"


class JobsModel(QAbstractListModel):
    """One row per job, newest last."""

    running_changed = Signal(int)  # how many jobs run now

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._cancels: dict[int, Callable[[], None]] = {}
        self._stops: dict[int, Callable[[], None]] = {}
        self._holds: dict[int, Callable[[bool], None]] = {}
        self._retries: dict[int, Callable[[], None]] = {}
        self._forgets: dict[int, Callable[[], None]] = {}
        self._next = 1

    @property
    def running(self) -> int:
        """How many jobs have not ended yet."""
        return sum(job.running for job in self._jobs)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job in the list, oldest first."""
        return tuple(self._jobs)

    def add(self, name: str, cancel: Callable[[], None], ways: Ways = NO_WAYS) -> int:
        """A new running job; `cancel` leaves nothing and is called at most once. Returns the job's number."""
        number = self._next
        self._next += 1
        row = len(self._jobs)
        self.beginInsertRows(QModelIndex(), row, row)
        self._jobs.append(Job(number, name, keeps=ways.stop is not None, can_pause=ways.hold is not None))
        self._cancels[number] = cancel
        if ways.stop is not None:
            self._stops[number] = ways.stop
        if ways.hold is not None:
            self._holds[number] = ways.hold
        if ways.retry is not None:
            self._retries[number] = ways.retry
        if ways.forget is not None:
            self._forgets[number] = ways.forget
        self.endInsertRows()
        self.running_changed.emit(self.running)
        return number

    def advance(self, number: int, progress: Progress) -> None:
        """The job has made a step."""
        job = self._job(number)
        if job is not None and job.running:
            started = job.started or time.monotonic()
            text = progress.message if job.state == "running" else job.text
            self._put(replace(job, progress=progress, started=started, text=text))

    def tell_loss(self, number: int, loss: float) -> None:
        """An optimisation has made a pass."""
        job = self._job(number)
        if job is not None and job.running:
            self._put(replace(job, losses=(*job.losses, loss)))

    def finish(self, number: int, state: State, text: str, path: str = "", report: str = "") -> None:
        """The job has ended: `text` says with what, in a sentence."""
        job = self._job(number)
        if job is not None:
            self._cancels.pop(number, None)
            self._stops.pop(number, None)
            self._holds.pop(number, None)
            again = number in self._retries and state in ("failed", "cancelled")
            took = time.monotonic() - job.started if job.started else 0.0
            ended = replace(job, state=state, text=text, path=path, report=report, took=took)
            ended = replace(ended, paused_at=0.0, can_pause=False, can_retry=again)
            self._put(replace(ended, kept=number in self._forgets))
            if state == "failed":
                self._move_to_end(number)
            self.running_changed.emit(self.running)

    def set_retry(self, number: int, retry: Callable[[], None]) -> None:
        """What "try again" will mean, where that is known only at its end."""
        self._retries[number] = retry

    def cancel(self, number: int) -> None:
        """Ask the job to stop; it says itself when it has."""
        cancel, job = self._cancels.pop(number, None), self._job(number)
        if cancel is not None and job is not None:
            self._put(replace(job, state="stopping", paused_at=0.0, text="Stopping…"))
            cancel()

    def stop(self, number: int) -> None:
        """Ask the job to end early with what it has reached, where it can; else as `cancel`."""
        stop, job = self._stops.pop(number, None), self._job(number)
        if stop is None or job is None:
            self.cancel(number)
        else:
            hold = self._holds.get(number) if job.paused else None
            self._put(replace(job, state="stopping", keeping=True, paused_at=0.0, text="Writing what was reached…"))
            stop()
            if hold is not None:  # what rests would never come to its end
                hold(False)

    def hold(self, number: int, paused: bool) -> None:
        """Let a job rest, or go on; the time it rests does not count."""
        hold, job = self._holds.get(number), self._job(number)
        if hold is None or job is None or job.state != "running" or job.paused == paused:
            return
        hold(paused)
        now = time.monotonic()
        rested = now - job.paused_at if job.paused and job.started else 0.0
        self._put(replace(job, paused_at=now if paused else 0.0, started=job.started + rested))

    def retry(self, number: int) -> None:
        """Begin a job anew that ended without a result; its row goes."""
        again, job = self._retries.get(number), self._job(number)
        if again is not None and job is not None and job.can_retry:
            self._forgets.pop(number, None)
            self.remove(number)
            again()

    def retry_all(self) -> None:
        """Begin anew whatever failed."""
        for job in self.jobs:
            if job.state == "failed":
                self.retry(job.number)

    def remove_ended(self) -> None:
        """Take every finished job from the list, those that failed too; not those that can go on."""
        for job in self.jobs:
            if not job.kept:
                self.remove(job.number)

    def cancel_all(self) -> None:
        """Ask every running job to stop."""
        for job in self.jobs:
            self.cancel(job.number)

    def remove(self, number: int) -> None:
        """Take a finished job from the list."""
        job = self._job(number)
        if job is not None and not job.running:
            row = self._jobs.index(job)
            self._retries.pop(number, None)
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._jobs[row]
            self.endRemoveRows()
            forget = self._forgets.pop(number, None)
            if forget is not None:
                forget()

    def _move_to_end(self, number: int) -> None:
        """What failed is found together, below everything else."""
        row = next(row for row, job in enumerate(self._jobs) if job.number == number)
        if row < len(self._jobs) - 1:
            self.beginMoveRows(QModelIndex(), row, row, QModelIndex(), len(self._jobs))
            self._jobs.append(self._jobs.pop(row))
            self.endMoveRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """How many jobs are listed."""
        return 0 if parent.isValid() else len(self._jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text or Job of a row."""
        if not 0 <= index.row() < len(self._jobs):
            return None
        job = self._jobs[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{job.name}: {job.text}" if job.text else job.name
        return job if role == JobRole.JOB else None

    def _job(self, number: int) -> Job | None:
        return next((job for job in self._jobs if job.number == number), None)

    def _put(self, job: Job) -> None:
        row = next(row for row, old in enumerate(self._jobs) if old.number == job.number)
        self._jobs[row] = job
        self.dataChanged.emit(self.index(row), self.index(row))
