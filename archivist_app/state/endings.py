"""How a job that the window follows ends where it does not end well, told in its row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from archivist_app.state.jobs_model import JobsModel
from engine.errors import Cancelled, EngineError


@contextmanager
def endings(
    jobs: JobsModel, number: int, *, stopped: str = "Stopped; nothing was written.", several: bool = False
) -> Iterator[None]:
    """Around waiting for a job's result and telling it: a stop, a failure and a fault end the row, each in a sentence.

    `stopped` says what a stop leaves; `several` is whether more than one original is concerned. Faults go on.
    """
    try:
        yield
    except Cancelled:
        jobs.finish(number, "cancelled", stopped)
    except EngineError as error:
        jobs.finish(number, "failed", str(error))
    except Exception:
        untouched = "your originals are" if several else "your original is"
        jobs.finish(number, "failed", f"Stopped by an unforeseen fault; {untouched} untouched.")
        raise
