"""A question that waits in the message bar until somebody answers it; nobody is stopped from working by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer, and what it does; `name` is the object name of its button."""

    name: str
    text: str
    do: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Offer:
    """What happened, and what may be done about it. To send it away is an answer too, and does nothing."""

    text: str
    choices: tuple[Choice, ...]
    about: str = ""  # of two questions about the same thing only the later waits
