"""Builds the one-folder bundle `archivist/` and checks it.

    python packaging/build.py [--out DIR] [--torch VERSION] [--work DIR] [--python PATH] [--allow-cuda] [--no-check]

Standard library only: any Python from 3.11 to 3.13 starts it, and the bundle carries the Python that starts it.
"""

from __future__ import annotations

import argparse
import email
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
TOOLS = ("pyinstaller>=6.16,<7",)
# Never imported at run time, and does not import beside a CPU torch of another make (`torchvision::nms`).
LEFT_OUT = ("torchvision",)
# Asked of the environment's Python. torch may not be imported yet: what it needs is not there.
ABOUT_TORCH = """
import importlib.util, json, pathlib, runpy
facts = runpy.run_path(str(pathlib.Path(importlib.util.find_spec("torch").origin).with_name("version.py")))
print(json.dumps([facts["__version__"], facts.get("cuda") or facts.get("hip")]))
"""


class BuildError(Exception):
    """Why there is no bundle, in a sentence."""


@dataclass(frozen=True)
class Order:
    """What was asked for. `python` and `work` are None where they are to be made for this build only."""

    out: Path
    work: Path | None
    python: Path | None
    torch: str | None
    allow_cuda: bool
    check: bool
    screenshot: Path | None


def build(order: Order, work: Path) -> Path:
    """The bundle's folder. BuildError where a step fails or torch is a CUDA build that was not asked for."""
    start = time.monotonic()
    python = order.python or _new_environment(work / "environment")
    wheel = _wheel(python, work / "wheel")
    _say("installing what the wheel asks for", start)
    needed = _requirements(wheel) + ([] if order.torch is None else [f"torch=={order.torch}"])
    _pip(python, "install", "--no-deps", *(line for line in needed if _name(line) == "torch"))
    _refuse_cuda(python, order.allow_cuda)  # before the gigabytes that a CUDA build needs are fetched
    _pip(python, "install", *TOOLS, *needed)
    _pip(python, "install", "--no-deps", "--force-reinstall", str(wheel))
    _say("running PyInstaller", start)
    spec, log = HERE / "archivist.spec", work / "pyinstaller.log"
    _freeze(python, ["--distpath", str(order.out), "--workpath", str(work / "freeze"), str(spec)], log)
    bundle = order.out / "archivist"
    _say(f"built {bundle}", start)
    if order.check:
        shot = [] if order.screenshot is None else ["--screenshot", str(order.screenshot)]
        _run([python, HERE / "check.py", bundle, *shot], "The bundle was built but does not work; see above.")
        _say("checked", start)
    return bundle


def _new_environment(folder: Path) -> Path:
    """The Python of a new environment, or of the one that an earlier build left there."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    return python


def _wheel(python: Path, folder: Path) -> Path:
    """Builds the project as whoever installs it gets it, resources inside."""
    shutil.rmtree(folder, ignore_errors=True)
    _pip(python, "wheel", "--no-deps", "--wheel-dir", str(folder), str(PROJECT))
    return next(folder.glob("archivist-*.whl"))


def _requirements(wheel: Path) -> list[str]:
    """What the wheel needs at run time, as its own metadata says, without what is left out."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    needed: list[str] = metadata.get_all("Requires-Dist") or []
    return [line for line in needed if _name(line) not in LEFT_OUT]


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def _refuse_cuda(python: Path, allowed: bool) -> None:
    """A CUDA torch makes a bundle of several GB, and cannot be pruned: it links its CUDA libraries."""
    done = subprocess.run([python, "-I", "-c", ABOUT_TORCH], capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{python} has no torch that can be looked at: {done.stderr.strip().splitlines()[-1]}")
    version, platform = json.loads(done.stdout)
    if platform and not allowed:
        raise BuildError(
            f"pip found torch {version}, built for graphics cards, which makes a bundle of several GB; make PyTorch's "
            "CPU build what pip finds (see packaging/README.md and --torch), or give --allow-cuda."
        )


def _freeze(python: Path, arguments: Sequence[str], log: Path) -> None:
    """Runs PyInstaller; what it tells goes to `log`, and its last lines here where it fails."""
    command: list[str | Path] = [
        python,
        "-m",
        "PyInstaller",
        "--noconfirm",
        "--clean",
        "--log-level",
        "WARN",
        *arguments,
    ]
    with log.open("w", encoding="utf-8") as file:
        # Not in the checkout: `-m` looks in the current folder first, and would bundle it instead of the wheel.
        done = subprocess.run(command, cwd=log.parent, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise BuildError(f"{last}\nPyInstaller failed; its last lines are above.")


def _pip(python: Path, *arguments: str) -> None:
    command: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "-qq", *arguments]
    _run(command, "pip could not do its part; what it said is above.")


def _run(command: Sequence[str | Path], otherwise: str) -> None:
    if subprocess.run(command).returncode:
        raise BuildError(otherwise)


def _say(what: str, start: float) -> None:
    print(f"== {what} ({time.monotonic() - start:.0f} s)", flush=True)


def _order() -> Order:
    parser = argparse.ArgumentParser(description="Builds the bundle and checks it.")
    parser.add_argument("--out", type=_place, default=PROJECT / "dist", metavar="DIR", help="default: dist")
    parser.add_argument("--torch", metavar="VERSION", help="the version of torch whose CPU build pip finds")
    parser.add_argument(
        "--python", type=_place, metavar="PATH", help="use this environment; what it lacks is installed"
    )
    parser.add_argument("--work", type=_place, metavar="DIR", help="keep the environment there for the next build")
    parser.add_argument("--allow-cuda", action="store_true", help="bundle a torch with its CUDA libraries")
    parser.add_argument("--no-check", action="store_false", dest="check", help="do not start the bundle")
    parser.add_argument(
        "--screenshot", type=_place, metavar="FILE", help="where the check puts a picture of the window"
    )
    options = parser.parse_args()
    if options.python is not None and not options.python.is_file():
        parser.error(f"there is no Python at {options.python}")
    return Order(**vars(options))


def _place(text: str) -> Path:
    """Absolute but not resolved: an environment's Python is a link, and only under its own name it is its Python."""
    return Path(os.path.abspath(text))


def main() -> int:
    """Exit status 0: built, and works; 1: not."""
    order = _order()
    try:
        if order.work is not None:
            order.work.mkdir(parents=True, exist_ok=True)
            build(order, order.work)
        else:
            with tempfile.TemporaryDirectory(prefix="archivist-bundle-") as folder:
                build(order, Path(folder))
    except BuildError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
