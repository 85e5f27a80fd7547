"""The one engine thread: it steps generators, and the next step always comes from the highest lane that has work.

Only this thread may touch torch, so nothing here needs a lock around a model, and a cancelled job is closed where it
ran. A step is what lies between two `yield`s; it is never interrupted. This module imports no torch.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from enum import Enum
from types import TracebackType
from typing import Any, Generic, TypeVar

from engine.errors import Cancelled
from engine.types import Progress

T = TypeVar("T")

Steps = Generator[Progress | None, None, T]
"""Work cut into steps: each `yield` is a place to be paused or closed, the return value is the result."""

REST_AFTER_DRAFT = 0.150
"""Seconds without a draft before the queue goes on: a slow hand leaves no gap in which a long step begins."""

_ORPHAN_CHECK = 1.0
"""Seconds between looks at whether the program ended without `close()`, which would otherwise never let it exit."""

_log = logging.getLogger(__name__)


class Lane(Enum):
    """Who goes first, from top to bottom."""

    CONTROL = "control"  # short calls, in order, before the next step of anything else
    DRAFT = "draft"  # runs whole; a newer one replaces one that still waits, and drops all refines
    REFINE = "refine"  # dropped for a newer draft or a newer refine
    BESIDE = "beside"  # what somebody waits for beside the picture: maps, variants; first in, first out
    BACKGROUND = "background"  # first in, first out
    QUEUE = "queue"  # all take turns, step by step, and rest while somebody draws


class _WorkFuture(Future[T]):
    """A future whose `cancel()` waits for the cleanup: it is cancelled once the steps have been closed.

    asyncio cancels the future it wraps, not the work behind it; here the two are the same thing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ask: Callable[[], None] | None = None

    def cancel(self) -> bool:
        """Asks the work to stop; False if it is already done. A step that was just ending may still win."""
        if self.done():
            return self.cancelled()
        ask = self.ask
        if ask is not None:
            ask()
        return True

    def end_cancelled(self) -> None:
        super().cancel()
        self.set_running_or_notify_cancel()  # else concurrent.futures.wait() never hears of it


class Work(Generic[T]):
    """A job on the engine thread. All methods may be called from any thread, at any time, more than once.

    `future` receives the return value of the steps, their exception, or is cancelled; never before the steps'
    `finally` blocks have run. Its callbacks run on the engine thread.
    """

    def __init__(
        self,
        worker: Worker,
        lane: Lane,
        steps: Steps[T] | Callable[[], Steps[T]],
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.lane = lane
        self._future: _WorkFuture[T] = _WorkFuture()
        self._future.ask = self.cancel
        self._worker = worker
        self._steps: Steps[T] = steps if isinstance(steps, Generator) else _begin(steps)
        self._on_progress = on_progress
        # The three below are written under the worker's lock only.
        self._begun = False
        self._dropped = False
        self._paused = False

    @property
    def future(self) -> Future[T]:
        """The outcome; its `cancel()` does what `Work.cancel()` does."""
        return self._future

    @property
    def paused(self) -> bool:
        """Whether the next step waits for `resume()`."""
        return self._paused

    def cancel(self) -> None:
        """Closes the steps on the engine thread, before its next step; what has finished stays finished."""
        with self._worker._changed:
            self._dropped = True
            self._worker._changed.notify()

    def pause(self) -> None:
        """Takes no further step until `resume()`; work in lower lanes and other turns of the queue go on."""
        with self._worker._changed:
            self._paused = True

    def resume(self) -> None:
        """Lets paused work take its turns again."""
        with self._worker._changed:
            self._paused = False
            self._worker._changed.notify()

    def _step(self) -> bool:
        """One step on the engine thread; False once the future is settled."""
        try:
            progress = next(self._steps)
        except StopIteration as stop:
            self._settle(self._future.set_result, stop.value)
            return False
        except (Cancelled, CancelledError):
            self._settle(self._future.end_cancelled)
            return False
        except BaseException as error:  # even SystemExit belongs to the job: the thread lives on
            self._fail(error)
            return False
        if progress is not None and self._on_progress is not None and not self._dropped:
            _guarded(self._on_progress, progress)
        return True

    def _close(self) -> None:
        """Runs the steps' `finally` blocks; a failing cleanup is a failure, not a cancellation."""
        try:
            self._steps.close()
        except (Cancelled, CancelledError):
            pass
        except BaseException as error:
            self._fail(error)
            return
        self._settle(self._future.end_cancelled)

    def _fail(self, error: BaseException) -> None:
        # The outermost frame is ours and holds this work, which holds the future, which would hold the error.
        trace = error.__traceback__
        self._settle(self._future.set_exception, error.with_traceback(trace.tb_next if trace else None))

    def _settle(self, resolve: Callable[..., None], *outcome: object) -> None:
        # Opens the circles of work, future and callback: a result is megabytes, and the garbage collector is slow.
        self._on_progress = None
        self._future.ask = None
        _guarded(resolve, *outcome)


def _begin(factory: Callable[[], Steps[T]]) -> Steps[T]:
    """Calls the factory in the first step, that is on the engine thread."""
    return (yield from factory())


class Worker:
    """One thread named "engine" and its lanes. Submitting is allowed from any thread, also before `start()`.

    The thread is not a daemon, so a file is never cut off in the middle; `close()` ends it, and so does the end of
    the main thread. After that, whatever is submitted comes back cancelled.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lanes: dict[Lane, deque[Work[Any]]] = {lane: deque() for lane in Lane}
        self._thread: threading.Thread | None = None
        self._closed = False
        self._last_draft = -math.inf

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Starts the thread; a second call does nothing."""
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=False)
                self._thread.start()

    def submit(
        self,
        lane: Lane,
        steps: Steps[T] | Callable[[], Steps[T]],
        *,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Work[T]:
        """Puts work into a lane. A callable is called on the engine thread to make the generator.

        `on_progress` gets every `Progress` that the steps yield, on the engine thread; what it raises is logged.
        """
        work: Work[T] = Work(self, lane, steps, on_progress)
        with self._changed:
            if not self._closed:
                self._make_room(lane)
                self._lanes[lane].append(work)
                self._changed.notify()
                return work
        work._close()
        return work

    def call(self, fn: Callable[[], T]) -> Future[T]:
        """Runs a short function on the engine thread before anything's next step. Never wait for it from there."""

        def once() -> Steps[T]:
            yield from ()  # a generator of a single step
            return fn()

        return self.submit(Lane.CONTROL, once).future

    def drop_background(self) -> None:
        """Cancels everything in the background lane, as when another image is opened."""
        with self._changed:
            self._drop(Lane.BACKGROUND)
            self._changed.notify()

    def close(self, timeout: float | None = None) -> bool:
        """Closes what runs, cancels what waits, joins the thread. False if a step still holds it after `timeout` s.

        A step cannot be interrupted; the thread ends by itself once the step does, and everything is settled then.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is None:
            self._close_all()
            return True
        if thread is not threading.current_thread():
            thread.join(timeout)
        return not thread.is_alive()

    def _make_room(self, lane: Lane) -> None:
        if lane is Lane.DRAFT:
            self._last_draft = time.monotonic()
            self._drop(Lane.DRAFT, only_waiting=True)
        if lane in (Lane.DRAFT, Lane.REFINE):
            self._drop(Lane.REFINE)

    def _drop(self, lane: Lane, *, only_waiting: bool = False) -> None:
        for work in self._lanes[lane]:
            if not (only_waiting and work._begun):
                work._dropped = True

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            with self._changed:
                self._closed = True
            self._close_all()

    def _turn(self) -> bool:
        """One step of one job. A function of its own, so that an idle thread holds on to no frame."""
        work = self._take()
        if work is None:
            return False
        if work._dropped:
            self._forget(work)
            work._close()
            return True
        alive = work._step()
        with self._changed:
            if work.lane is Lane.DRAFT:
                self._last_draft = time.monotonic()
            if alive and work.lane is Lane.QUEUE:
                self._lanes[Lane.QUEUE].remove(work)
                self._lanes[Lane.QUEUE].append(work)
        if not alive:
            self._forget(work)
        return True

    def _take(self) -> Work[Any] | None:
        """Waits for the next job to step or to close; None when it is time to end."""
        with self._changed:
            while True:
                if self._closed or not threading.main_thread().is_alive():
                    return None
                work, patience = self._choose(time.monotonic())
                if work is not None:
                    work._begun = True
                    return work
                self._changed.wait(patience)

    def _choose(self, now: float) -> tuple[Work[Any] | None, float]:
        """The job whose turn it is, or how long to sleep if nothing changes meanwhile."""
        for works in self._lanes.values():
            for work in works:
                if work._dropped:
                    return work, 0.0
        rest = self._last_draft + REST_AFTER_DRAFT - now
        for lane, works in self._lanes.items():
            ready = next((work for work in works if not work._paused), None)
            if ready is None:
                continue
            if lane is Lane.QUEUE and rest > 0.0:
                return None, rest
            return ready, 0.0
        return None, _ORPHAN_CHECK

    def _forget(self, work: Work[Any]) -> None:
        with self._changed:
            self._lanes[work.lane].remove(work)

    def _close_all(self) -> None:
        with self._changed:
            works = [work for lane in self._lanes.values() for work in lane]
            for lane in self._lanes.values():
                lane.clear()
        for work in works:
            work._close()


def _guarded(callback: Callable[..., None], *args: object) -> None:
    """Calls what others wrote: its failure is theirs to read in the log, and must not end the thread."""
    try:
        callback(*args)
    except BaseException:
        _log.exception("A callback of the engine failed.")
