"""Exports that the end of an earlier program cut off: each a row among the jobs, to go on with or to drop."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from archivist_app.bridge import Bridge
from archivist_app.state.exporting import Exporter
from archivist_app.state.jobs_model import JobsModel, Ways
from engine.types import UnfinishedExport

log = logging.getLogger(__name__)


class Unfinished(QObject):
    """Asks once, after the first window is on screen."""

    noticed = Signal(str)

    def __init__(self, exporter: Exporter, bridge: Bridge, jobs: JobsModel) -> None:
        super().__init__(exporter)
        self._exporter = exporter
        self._bridge = bridge
        self._jobs = jobs
        bridge.awoken.connect(lambda: bridge.unfinished_exports(self._list, log.warning))

    def _list(self, found: tuple[UnfinishedExport, ...]) -> None:
        for one in found:
            self._add(one)
        if found:
            what, it = ("An export was", "it") if len(found) == 1 else (f"{len(found)} exports were", "them")
            self.noticed.emit(f"{what} cut off when Archivist ended; the list below can go on with {it}.")

    def _add(self, one: UnfinishedExport) -> None:
        name = Path(one.target).name
        ways = Ways(retry=lambda: self._exporter.resume(one), forget=lambda: self._bridge.discard_export(one))
        number = self._jobs.add(name, lambda: None, ways)
        share = round(100 * one.done / max(1, one.total))
        self._jobs.finish(number, "cancelled", f"Cut off at {share} %; it can go on from there.")
