"""Work in steps: generators that rest between them and end with a result; how they are run, and told of."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, TypeVar

from engine.errors import Cancelled

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")


def at_once(steps: Generator[Any, None, T]) -> T:
    """What the steps come to, without a rest."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result


def retold(steps: Generator[S, None, T], tell: Callable[[S], R]) -> Generator[R, None, T]:
    """The same steps as those of something larger, which reports `tell` of each report. Closed, it closes them."""
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            yield tell(step)


def quietly(steps: Generator[Any, None, T]) -> Generator[None, None, T]:
    """The same steps without their reports, where they are one step of something larger."""
    return retold(steps, lambda _: None)


def unless(stop: Callable[[], bool], steps: Generator[S, None, T]) -> Generator[S, None, T]:
    """The same steps; Cancelled, and they are closed, as soon as `stop` says so between two of them."""

    def passed(step: S) -> S:
        if stop():
            raise Cancelled
        return step

    return retold(steps, passed)
