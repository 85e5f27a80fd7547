"""The engine thread: who goes first, what is dropped, and that every future is settled."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Cancelled, EngineError, ModelError
from engine.runtime.worker import REST_AFTER_DRAFT, Lane, Steps, Work, Worker
from engine.types import Progress

SOON = 5.0  # seconds that nothing here should ever need


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker() as running:
        yield running
    assert "engine" not in {thread.name for thread in threading.enumerate()}


class Gate:
    """Holds the engine thread inside one step until the test has arranged what comes next."""

    def __init__(self, worker: Worker) -> None:
        self.entered, self._leave = threading.Event(), threading.Event()
        self.future = worker.call(self._hold)
        assert self.entered.wait(SOON)

    def _hold(self) -> None:
        self.entered.set()
        assert self._leave.wait(SOON)

    def open(self) -> None:
        self._leave.set()
        self.future.result(SOON)


def counting(total: int, log: list[str] | None = None, name: str = "", pause: float = 0.0) -> Steps[int]:
    for done in range(1, total + 1):
        if pause:
            time.sleep(pause)
        if log is not None:
            log.append(f"{name}{done}")
        yield Progress(done, total)
    return total


def endless(closed: list[str] | None = None, started: threading.Event | None = None) -> Steps[None]:
    try:
        while True:
            time.sleep(0.001)
            if started is not None:
                started.set()
            yield None
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


def test_return_value_and_progress_arrive(worker: Worker) -> None:
    seen: list[Progress] = []
    work = worker.submit(Lane.QUEUE, counting(3), on_progress=seen.append)
    assert work.future.result(SOON) == 3
    assert seen == [Progress(1, 3), Progress(2, 3), Progress(3, 3)]


def test_steps_are_made_run_and_called_back_on_the_engine_thread(worker: Worker) -> None:
    names: list[str] = []

    def note(*_: object) -> None:
        names.append(threading.current_thread().name)

    def factory() -> Steps[None]:
        note()
        return counting_once()

    def counting_once() -> Steps[None]:
        note()
        yield Progress(1, 1)

    gate = Gate(worker)
    work = worker.submit(Lane.BACKGROUND, factory, on_progress=note)
    work.future.add_done_callback(note)
    assert names == []
    gate.open()
    work.future.result(SOON)
    worker.call(lambda: None).result(SOON)
    assert names == ["engine"] * 4


def test_work_submitted_before_start_waits_for_it() -> None:
    worker = Worker()
    work = worker.submit(Lane.DRAFT, counting(1))
    assert not work.future.done()
    with worker:
        assert work.future.result(SOON) == 1


def test_next_step_comes_from_the_highest_lane_with_work(worker: Worker) -> None:
    log: list[str] = []
    gate = Gate(worker)
    lower_first = (Lane.QUEUE, Lane.BACKGROUND, Lane.BESIDE, Lane.DRAFT, Lane.REFINE)
    works = [worker.submit(lane, counting(2, log, lane.value)) for lane in lower_first]
    called = worker.call(lambda: log.append("control"))
    gate.open()
    called.result(SOON)
    wait([work.future for work in works], SOON)
    order = ("draft", "refine", "beside", "background", "queue")
    assert log == ["control", *(f"{lane}{i}" for lane in order for i in (1, 2))]


def test_background_is_first_in_first_out_and_the_queue_takes_turns(worker: Worker) -> None:
    for lane, order in ((Lane.BACKGROUND, "a1 a2 b1 b2"), (Lane.QUEUE, "a1 b1 a2 b2")):
        log: list[str] = []
        gate = Gate(worker)
        works = [worker.submit(lane, counting(2, log, name)) for name in "ab"]
        gate.open()
        wait([work.future for work in works], SOON)
        assert " ".join(log) == order


def test_control_goes_before_the_next_step_of_a_running_draft(worker: Worker) -> None:
    log: list[str] = []

    def draft() -> Steps[None]:
        log.append("draft begins")
        called = worker.call(lambda: log.append("control"))
        yield None
        assert called.done()
        log.append("draft ends")

    worker.submit(Lane.DRAFT, draft).future.result(SOON)
    assert log == ["draft begins", "control", "draft ends"]


def test_newer_draft_replaces_only_the_one_that_waits(worker: Worker) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def running() -> Steps[str]:
        begun.set()
        assert go_on.wait(SOON)
        yield None
        return "ran whole"

    first = worker.submit(Lane.DRAFT, running)
    assert begun.wait(SOON)
    replaced = worker.submit(Lane.DRAFT, counting(1))
    last = worker.submit(Lane.DRAFT, counting(1))
    go_on.set()
    assert first.future.result(SOON) == "ran whole"
    assert last.future.result(SOON) == 1
    assert replaced.future.cancelled()


@pytest.mark.parametrize("newer", [Lane.DRAFT, Lane.REFINE])
def test_running_refine_is_dropped_for_newer_work(worker: Worker, newer: Lane) -> None:
    closed: list[str] = []
    started = threading.Event()
    refine = worker.submit(Lane.REFINE, endless(closed, started))
    assert started.wait(SOON)
    assert worker.submit(newer, counting(1)).future.result(SOON) == 1
    assert refine.future.cancelled()
    assert closed == ["engine"]


def test_refine_does_not_drop_the_draft_before_it(worker: Worker) -> None:
    gate = Gate(worker)
    draft = worker.submit(Lane.DRAFT, counting(1))
    refine = worker.submit(Lane.REFINE, counting(2))
    gate.open()
    assert (draft.future.result(SOON), refine.future.result(SOON)) == (1, 2)


def test_drop_background_leaves_other_lanes_alone(worker: Worker) -> None:
    gate = Gate(worker)
    thumbnails = [worker.submit(Lane.BACKGROUND, counting(2)) for _ in range(3)]
    export = worker.submit(Lane.QUEUE, counting(2))
    worker.drop_background()
    gate.open()
    assert export.future.result(SOON) == 2
    assert all(work.future.cancelled() for work in thumbnails)


def drag(worker: Worker, moves: int, interval: float, render: float) -> list[Future[Any]]:
    """A hand on a slider: drafts at a steady pace, as the window submits them."""
    futures: list[Future[Any]] = []
    begin = time.monotonic()
    for move in range(moves):
        futures.append(worker.submit(Lane.DRAFT, counting(1, pause=render)).future)
        time.sleep(max(0.0, begin + (move + 1) * interval - time.monotonic()))
    return futures


def test_last_slider_position_is_always_shown_at_60_moves_a_second(worker: Worker) -> None:
    export = worker.submit(Lane.QUEUE, endless())
    futures = drag(worker, moves=60, interval=1 / 60, render=0.024)
    stopped = time.monotonic()
    assert futures[-1].result(SOON) == 1
    assert time.monotonic() - stopped < 0.5
    shown = sum(not future.cancelled() for future in futures)
    assert 5 <= shown < 60, "frames are shown while dragging, and stale positions are skipped"
    export.cancel()


def test_queue_rests_between_the_moves_of_a_slow_hand(worker: Worker) -> None:
    steps: list[float] = []
    drafts: list[float] = []

    def export() -> Steps[None]:
        while True:
            steps.append(time.monotonic())
            time.sleep(0.002)
            yield None

    work = worker.submit(Lane.QUEUE, export)
    for _ in range(6):  # 10 events a second
        draft = worker.submit(Lane.DRAFT, counting(1, pause=0.005))
        drafts.append(time.monotonic())
        draft.future.add_done_callback(lambda _: drafts.append(time.monotonic()))
        time.sleep(0.1)
    time.sleep(REST_AFTER_DRAFT + 0.2)
    work.cancel()
    wait([work.future], SOON)
    rests = [step - max(draft for draft in drafts if draft < step) for step in steps if step > drafts[0]]
    assert rests, "the queue goes on after the rest"
    assert min(rests) > REST_AFTER_DRAFT - 0.01


def test_cancel_closes_the_generator_on_the_engine_thread_before_the_future_is_cancelled(worker: Worker) -> None:
    closed: list[str] = []
    at_cancel: list[list[str]] = []
    started = threading.Event()
    work = worker.submit(Lane.QUEUE, endless(closed, started))
    work.future.add_done_callback(lambda _: at_cancel.append(list(closed)))
    assert started.wait(SOON)
    work.cancel()
    with pytest.raises(CancelledError):
        work.future.result(SOON)
    assert wait([work.future], SOON).done == {work.future}
    assert at_cancel == [["engine"]]


def test_cancelling_the_future_cancels_the_work(worker: Worker) -> None:
    closed: list[str] = []
    started = threading.Event()
    work = worker.submit(Lane.QUEUE, endless(closed, started))
    assert started.wait(SOON)
    assert work.future.cancel()
    assert wait([work.future], SOON).done
    assert work.future.cancelled()
    assert closed == ["engine"]


def test_waiter_that_came_before_the_cancellation_is_woken(worker: Worker) -> None:
    gate = Gate(worker)
    work = worker.submit(Lane.QUEUE, counting(1))

    def cancel_later() -> None:
        time.sleep(0.02)
        work.cancel()
        gate.open()

    canceller = threading.Thread(target=cancel_later)
    canceller.start()
    assert wait([work.future], SOON).done == {work.future}
    canceller.join()


def test_what_has_finished_cannot_be_cancelled(worker: Worker) -> None:
    work = worker.submit(Lane.DRAFT, counting(1))
    assert work.future.result(SOON) == 1
    work.cancel()
    assert not work.future.cancel()
    assert work.future.result(SOON) == 1


@pytest.mark.parametrize("signal", [Cancelled, CancelledError])
def test_cancelled_raised_inside_is_cancelled_not_failed(worker: Worker, signal: type[Exception]) -> None:
    def steps() -> Steps[None]:
        yield None
        raise signal

    work = worker.submit(Lane.DRAFT, steps)
    wait([work.future], SOON)
    assert work.future.cancelled()


@pytest.mark.parametrize("error", [ModelError("The weight file is damaged."), SystemExit(3), StopIteration(4)])
def test_exception_goes_to_the_future_only_and_the_thread_lives_on(worker: Worker, error: BaseException) -> None:
    def steps() -> Steps[None]:
        yield None
        raise error

    failed = worker.submit(Lane.QUEUE, steps).future.exception(SOON)
    assert failed is error or (isinstance(failed, RuntimeError) and failed.__cause__ is error)
    assert worker.call(lambda: "alive").result(SOON) == "alive"


def test_exception_while_making_the_generator_goes_to_the_future(worker: Worker) -> None:
    def factory() -> Steps[None]:
        raise ModelError("There is no such model.")

    with pytest.raises(ModelError, match="no such model"):
        worker.submit(Lane.DRAFT, factory).future.result(SOON)


def test_failing_cleanup_of_a_cancelled_job_is_reported(worker: Worker) -> None:
    started = threading.Event()

    def steps() -> Steps[None]:
        try:
            while True:
                started.set()
                yield None
        finally:
            raise EngineError("The temporary file could not be removed.")

    work = worker.submit(Lane.QUEUE, steps)
    assert started.wait(SOON)
    work.cancel()
    with pytest.raises(EngineError, match="temporary"):
        work.future.result(SOON)


def test_callbacks_that_raise_do_not_kill_the_thread(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def bad(_: object) -> None:
        raise SystemExit("a bad callback")

    gate = Gate(worker)
    work = worker.submit(Lane.QUEUE, counting(2), on_progress=bad)
    work.future.add_done_callback(bad)
    gate.open()
    assert work.future.result(SOON) == 2
    assert worker.call(lambda: "alive").result(SOON) == "alive"
    assert [record.message for record in caplog.records] == ["A callback of the engine failed."] * 3


def test_paused_work_takes_no_step_and_lets_others_pass(worker: Worker) -> None:
    log: list[str] = []
    gate = Gate(worker)
    paused = worker.submit(Lane.QUEUE, counting(3, log, "a"))
    other = worker.submit(Lane.QUEUE, counting(2, log, "b"))
    paused.pause()
    assert paused.paused
    gate.open()
    assert other.future.result(SOON) == 2
    assert log == ["b1", "b2"]
    assert not paused.future.done()
    paused.resume()
    assert paused.future.result(SOON) == 3
    assert not paused.paused


def test_paused_work_can_be_cancelled(worker: Worker) -> None:
    work = worker.submit(Lane.QUEUE, endless())
    work.pause()
    work.cancel()
    wait([work.future], SOON)
    assert work.future.cancelled()


def test_work_can_be_cancelled_from_its_own_progress(worker: Worker) -> None:
    work: Work[int]
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        work.cancel()

    gate = Gate(worker)
    work = worker.submit(Lane.QUEUE, counting(5), on_progress=stop)
    gate.open()
    wait([work.future], SOON)
    assert work.future.cancelled()
    assert seen == [Progress(1, 5)]


def test_close_ends_everything_and_leaves_no_thread() -> None:
    closed: list[str] = []
    started = threading.Event()
    worker = Worker()
    worker.start()
    running = worker.submit(Lane.QUEUE, endless(closed, started))
    waiting = [worker.submit(Lane.QUEUE, counting(1)) for _ in range(3)]
    waiting[0].pause()
    assert started.wait(SOON)
    assert worker.close(SOON)
    assert running.future.cancelled()
    assert all(work.future.done() for work in waiting)
    assert waiting[0].future.cancelled()
    assert closed == ["engine"]
    assert "engine" not in {thread.name for thread in threading.enumerate()}
    assert worker.submit(Lane.DRAFT, counting(1)).future.cancelled()
    assert worker.close(SOON)
    worker.start()
    assert "engine" not in {thread.name for thread in threading.enumerate()}


def test_close_without_start_cancels_what_waits() -> None:
    worker = Worker()
    work = worker.submit(Lane.QUEUE, counting(1))
    assert worker.close()
    assert work.future.cancelled()


def test_close_says_when_a_step_still_holds_the_thread() -> None:
    worker = Worker()
    worker.start()
    gate = Gate(worker)
    waiting = worker.submit(Lane.DRAFT, counting(1))
    assert not worker.close(0.01)
    gate.open()
    assert worker.close(SOON)
    assert waiting.future.cancelled()


def test_close_from_a_callback_does_not_lock_up() -> None:
    worker = Worker()
    worker.start()
    assert worker.call(lambda: worker.close()).result(SOON) is False
    assert worker.close(SOON)


def test_idle_worker_and_finished_work_hold_no_result(worker: Worker) -> None:
    class Pixels:
        pass

    gc.disable()  # what only the collector could free would stay here
    try:
        future = worker.submit(Lane.DRAFT, _returning(Pixels)).future
        held = weakref.ref(future.result(SOON))
        worker.call(lambda: None).result(SOON)
        del future
        deadline = time.monotonic() + SOON
        while held() is not None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert held() is None
    finally:
        gc.enable()


def _returning(make: Callable[[], Any]) -> Steps[Any]:
    yield None
    return make()


def test_program_that_forgets_to_close_still_ends() -> None:
    code = (
        "from engine.runtime.worker import *\n"
        "def steps():\n"
        "    try:\n"
        "        while True: yield None\n"
        "    finally: print('cleaned up')\n"
        "w = Worker(); w.start(); w.submit(Lane.QUEUE, steps)\n"
        "w.call(int).result(); w.call(int).result()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cleaned up\n", "")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "submit", "cancel", "cancel future", "pause", "resume", "drop", "call"]),
        st.sampled_from(list(Lane)),
        st.integers(0, 4),
        st.sampled_from(["ends", "fails", "stops"]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_no_future_is_lost_and_no_generator_left_open_whatever_happens(
    actions: list[tuple[str, Lane, int, str]],
) -> None:
    open_now: list[int] = []
    works: list[Work[int]] = []
    calls: list[Future[None]] = []

    def steps(number: int, total: int, end: str) -> Generator[None, None, int]:
        open_now.append(number)
        try:
            for _ in range(total):
                yield None
            if end != "ends":
                raise (ModelError("It broke.") if end == "fails" else Cancelled)
            return total
        finally:
            assert threading.current_thread().name == "engine"
            open_now.remove(number)

    worker = Worker()
    worker.start()
    for action, lane, number, end in actions:
        if action == "submit":
            works.append(worker.submit(lane, steps(len(works), number, end)))
        elif action == "call":
            calls.append(worker.call(lambda: None))
        elif action == "drop":
            worker.drop_background()
        elif works:
            chosen = works[number % len(works)]
            act = chosen.future.cancel if action == "cancel future" else getattr(chosen, action)
            act()
    assert worker.close(SOON)
    assert open_now == []
    for work in works:
        assert work.future.done()
        if not work.future.cancelled() and (error := work.future.exception()) is not None:
            assert isinstance(error, ModelError)
    assert all(future.done() for future in calls)
