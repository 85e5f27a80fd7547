"""The one door to libvips, silenced before it starts: what it warns of are details of the error it then raises."""

from __future__ import annotations

import os

os.environ.setdefault("VIPS_WARNING", "0")  # read once, when the library is loaded
import pyvips

# pyvips would call Python's logging from libvips's own threads, also while the interpreter shuts down.
pyvips._remove_log_handler()

__all__ = ["pyvips"]
