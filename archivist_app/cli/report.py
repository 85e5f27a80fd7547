"""What the command line prints, and how it waits: sentences, tables, JSON lines, progress on a terminal."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from engine.types import Progress

T = TypeVar("T")
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130  # exit statuses
OnProgress = Callable[["Progress"], None]

_TICK = 0.1  # seconds; Windows delivers Ctrl+C only between waits
_PATIENCE = 30.0  # seconds that interrupted work has for tidying up


class _Job(Protocol[T]):
    @property
    def future(self) -> Future[T]: ...

    def cancel(self) -> None: ...


def complain(sentence: str) -> None:
    """One sentence on standard error, on one line."""
    print(" ".join(sentence.split()), file=sys.stderr, flush=True)


def explain(error: Exception) -> None:
    """What nobody foresaw, in one sentence; the traceback goes to a log."""
    from archivist_app.cli.checkup import log_folder  # rarely needed, and it loads much

    log = keep_traceback(error, log_folder())
    kept = f"details are in “{log}”" if log else "details could not be saved"
    complain(f"Something unforeseen went wrong ({type(error).__name__}: {error}); {kept}.")


def stopped() -> None:
    """Says that a request to stop was heard."""
    complain("Stopped; nothing half-written was left behind.")


def keep_traceback(error: Exception, folder: Path) -> Path | None:
    """Adds the traceback to a log in `folder` and returns that file; None where it cannot be written."""
    log = folder / "command-line.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return log


def say(line: str) -> None:
    """One line of results on standard output."""
    print(line, flush=True)


def emit(record: Mapping[str, Any]) -> None:
    """One JSON object on one line, ASCII so that any terminal can carry it; an infinite or undefined figure is null."""
    import json

    print(json.dumps(_finite(record), allow_nan=False), flush=True)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def forgiving_streams() -> None:
    """A file name the terminal cannot show must not end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """What libraries log or warn of does not come between our sentences; it goes to the log file, if there is one."""
    root = logging.getLogger()
    silence = logging.NullHandler()
    root.addHandler(silence)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(silence)


def drop_output() -> None:
    """The reader of our output has gone (`archivist styles | head`): nothing more is written to it."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, sys.stdout.fileno())
    os.close(silent)


def await_result(future: Future[T]) -> T:
    """The future's result. Raises its error, KeyboardInterrupt where the user or the system asked to stop."""
    while not wait([future], timeout=_TICK).done:
        pass
    try:
        return future.result()
    except CancelledError:
        raise KeyboardInterrupt from None


def await_work(work: _Job[T]) -> T:
    """As `await_result`; interrupted work is cancelled and has tidied up before this returns."""
    try:
        return await_result(work.future)
    except KeyboardInterrupt:
        work.cancel()
        wait([work.future], timeout=_PATIENCE)
        raise


@contextmanager
def stoppable() -> Iterator[None]:
    """A termination signal interrupts like Ctrl+C, so that no half-written file is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> Iterator[OnProgress]:
    """A callback for `Progress` that draws a bar on standard error; silent where that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        row = bars.add_task(escape(title), total=None)

        def advance(step: Progress) -> None:
            name = f"{title}: {step.message}" if step.message else title
            bars.update(row, description=escape(name), completed=step.done, total=step.total)

        yield advance


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output: ruled on a terminal, tab-separated in a pipe."""
    if not sys.stdout.isatty():
        for row in (headings, *rows):
            say("\t".join(row))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(escape(heading), overflow="fold")
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    Console().print(grid)
