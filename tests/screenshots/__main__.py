"""Makes pictures of every state of the window at three sizes: `python -m tests.screenshots OUT [STATE ...]`.

The real program on the real engine, with the demo's photographs and nothing of the user's own: each size runs in a
process of its own, without a display and in a home that is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = {"1280x800": (1280, 800, 1), "1920x1080": (1920, 1080, 1), "3840x2160": (1920, 1080, 2)}


def main() -> int:
    """Exit status 0 where every state was reached at every size."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures, one subfolder a size")
    parser.add_argument("states", nargs="*", help="some states only, by the beginning of their names")
    parser.add_argument("--size", choices=SIZES, action="append", help="one size only; may be given again")
    parser.add_argument("--child", choices=SIZES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        from tests.screenshots.states import take

        width, height, _ = SIZES[asked.child]
        return take(asked.out, (width, height), tuple(asked.states))
    failed = 0
    for size in asked.size or SIZES:
        with tempfile.TemporaryDirectory(prefix="archivist-") as home:
            command = [sys.executable, "-m", "tests.screenshots", str(asked.out / size), *asked.states, "--child", size]
            failed += subprocess.run(command, env=_environment(Path(home), size), check=False).returncode
    return 1 if failed else 0


def _environment(home: Path, size: str) -> dict[str, str]:
    """An empty home, and a display that only exists in memory."""
    width, height, ratio = SIZES[size]
    screen = {"name": size, "x": 0, "y": 0, "width": width * ratio, "height": height * ratio, "logicalDpi": 96}
    layout = home / "screen.json"
    layout.write_text(json.dumps({"screens": [screen | {"logicalBaseDpi": 96, "dpr": 1}]}), encoding="utf-8")
    own = {name: str(home / folder) for name, folder in (("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache"))}
    return (
        os.environ
        | own
        | {
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "ARCHIVIST_PROJECTS": str(home / "projects"),
            "QT_QPA_PLATFORM": f"offscreen:configfile={layout}",
            "QT_SCALE_FACTOR": str(ratio),
        }
    )


if __name__ == "__main__":
    raise SystemExit(main())
