"""What every command that computes begins with: the engine, and the options that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from archivist_app.cli import report

if TYPE_CHECKING:
    from engine.service import EngineService


class Device(StrEnum):
    """What computes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DeviceOption = Annotated[Device, typer.Option(help="What computes.")]


def new_service(device: str = "auto") -> EngineService:
    """The engine, not yet started. Imported here because its rooms take a moment to load."""
    from engine.service import EngineService

    service = EngineService(device=device)
    service.watch(lambda _ready, sentence: report.complain(sentence))
    return service


@contextmanager
def engine(device: str = "auto") -> Iterator[EngineService]:
    """The engine at work, until the block ends; a request to stop interrupts it."""
    service = new_service(device)
    with report.stoppable():
        service.start()
        try:
            yield service
        finally:
            service.close()
