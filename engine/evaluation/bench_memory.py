"""Restores one file into another and prints the most memory that took, as one line of JSON.

Run as a process of its own (`python -m engine.evaluation.bench_memory INPUT OUTPUT DEVICE`): a peak never falls.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import torch

from engine.export.making import Tools
from engine.export.orders import Desk, Order
from engine.export.single import export
from engine.rendering.source import open_source
from engine.rendering.studio import Studio
from engine.rendering.subject import Subject
from engine.runtime.io import IoPool
from engine.types import SHIPPED_MODEL, ExportOptions, Recipe

_CACHE_BYTES = 1 << 30  # as the service gives it


def peak_bytes() -> int | None:
    """The most memory this process ever held; None where the system does not tell.

    On Linux `getrusage` also counts what the parent held when it started us, so the kernel's own line is read there.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return _peak_by_usage()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else _peak_by_usage()


def _peak_by_usage() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def restore(source: Path, target: Path, device: str) -> None:
    """Restores a file with the defaults, along the road of an export."""
    studio = Studio(device, interactive=False, cache_bytes=_CACHE_BYTES)
    subject = Subject("measured", open_source(source), Recipe())
    io = IoPool()
    try:
        order = Order(subject, source, ExportOptions(str(target), "overwrite"), studio.ready)
        for _step in export(order, Tools(studio.pipeline(SHIPPED_MODEL), io, Desk(lambda: ()))):
            pass
    finally:
        io.close()


def main(arguments: list[str]) -> int:
    """Does what the module says; returns the exit status."""
    source, target, device = arguments
    restore(Path(source), Path(target), device)
    card = (torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0) or None  # None: no card was used
    print(json.dumps({"peak_bytes": peak_bytes(), "device_peak_bytes": card}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
