"""Whether a bundle works on a machine that has nothing of ours: every kind of thing it carries is made to run once.

    python packaging/check.py dist/archivist [--screenshot FILE.png]

Runs in the environment the bundle was built from, which writes the test pictures; the bundle itself sees nothing of it.
The window needs Xvfb and xdotool (and ImageMagick for the screenshot) and is otherwise reported as not checked.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
import window_check
from PIL import Image
from window_check import BundleError

TIFF_KINDS = ("lzw", "adobe_deflate", "packbits", "lzma", "zstd", "webp", "jpeg", "jpeg2000", "none")
PATIENCE = 900  # seconds for one command on a busy machine
MB = 1_000_000


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder, and an empty home folder for it to run in."""

    folder: Path
    home: Path

    @property
    def program(self) -> Path:
        return self.folder / ("archivist.exe" if sys.platform == "win32" else "archivist")

    @property
    def environment(self) -> dict[str, str]:
        """What a process has after `env -i HOME=... PATH=...`, and on Windows what nothing starts without."""
        if sys.platform == "win32":
            own = dict.fromkeys(("USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP"), str(self.home))
            return own | {"SYSTEMROOT": os.environ["SYSTEMROOT"], "PATH": os.environ["SYSTEMROOT"] + r"\System32"}
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}

    def run(self, *arguments: str | Path) -> str:
        """Standard output of the command. BundleError where it fails or does not end."""
        command = [str(self.program), *map(str, arguments)]
        words = " ".join(map(str, arguments))
        try:
            done = subprocess.run(
                command, env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            raise BundleError(f"`archivist {words}` did not end within {PATIENCE} s.") from None
        if done.returncode:
            told = (done.stderr or done.stdout).strip()
            raise BundleError(f"`archivist {words}` answered {done.returncode}: {told}\n{self._log_tail()}")
        return done.stdout

    def _log_tail(self) -> str:
        """What the program wrote down before it failed; its home folder goes with the check."""
        logs = self.home.rglob("command-line.log")
        return "\n".join(line for log in logs for line in log.read_text(encoding="utf-8").splitlines()[-8:])


def check_help(bundle: Bundle) -> str:
    """The command starts, in how many seconds (the second time)."""
    bundle.run("--help")
    start = time.perf_counter()
    if "restore" not in bundle.run("--help"):
        raise BundleError("`archivist --help` does not list the commands.")
    return f"{time.perf_counter() - start:.2f} s"


def check_doctor(bundle: Bundle) -> str:
    """The program finds its version, its libraries, Qt and the engine."""
    findings = json.loads(bundle.run("doctor", "--json"))["findings"]
    facts = {finding["topic"]: finding["value"] for finding in findings}
    if "unknown" in facts["archivist"]:
        raise BundleError("The bundle does not know its version; the package's metadata is missing.")
    return f"archivist {facts['archivist']}, torch {facts['torch']}, {facts['device']}"


def check_resources(bundle: Bundle) -> str:
    """Weights and style cards are found."""
    counts = {kind: len(json.loads(bundle.run(kind, "list", "--json"))[kind]) for kind in ("models", "styles")}
    if not all(counts.values()):
        raise BundleError(f"The bundle lacks resources: {counts}.")
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def check_demo(bundle: Bundle) -> str:
    """The demo's photographs are there, are aged and restored."""
    answer = json.loads(bundle.run("demo", "--no-window", "--json"))
    missing = [item["output"] for item in answer["restored"] if not Path(item["output"]).is_file()]
    if missing or not answer["restored"]:
        raise BundleError(f"The demo did not write {missing or 'anything'}.")
    return f"{len(answer['restored'])} photographs restored"


def check_codecs(bundle: Bundle) -> str:
    """A picture of every kind that the engine reads is restored."""
    folder = bundle.home / "kinds"
    folder.mkdir()
    pictures = list(_pictures(folder))
    bundle.run("restore", *pictures, "-o", bundle.home / "restored")
    return f"{len(pictures)} kinds of files"


def _pictures(folder: Path) -> Iterable[Path]:
    """Small pictures, one for each codec; each is yielded once it is written."""
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for kind in TIFF_KINDS:
        path = folder / f"{kind}.tif"
        tifffile.imwrite(path, pixels, photometric="rgb", compression=None if kind == "none" else kind)
        yield path
    path = folder / "profile.tif"
    wide = imagecodecs.cms_profile("adobergb")
    tifffile.imwrite(path, pixels.astype(np.uint16) * 257, photometric="rgb", compression="lzw", iccprofile=wide)
    yield path
    path = folder / "group4.tif"
    Image.fromarray(pixels[..., 0]).convert("1").save(path, compression="group4")
    yield path
    for ending in (".jpg", ".png", ".webp"):
        path = folder / f"plain{ending}"
        Image.fromarray(pixels).save(path)
        yield path


def check_evaluation(bundle: Bundle) -> str:
    """scikit-image and SciPy measure a restoration."""
    clean, aged = _pair(bundle.home / "pairs")
    bundle.run("evaluate", clean, aged, "--json")
    return "against a clean picture"


def check_training(bundle: Bundle) -> str:
    """The optimisers and what they drag in are there."""
    clean, _ = _pair(bundle.home / "pairs")
    bundle.run("train", "--preset", "tiny", "--data", clean, "--out", bundle.home / "trained", "--json")
    return "the preset “tiny”"


def _pair(folder: Path) -> tuple[Path, Path]:
    """A folder of smooth pictures and one of the same with noise."""
    clean, aged = folder / "clean", folder / "aged"
    if not folder.exists():
        rng = np.random.default_rng(1)
        for place in (clean, aged):
            place.mkdir(parents=True)
        for name in ("a.png", "b.png"):
            picture = Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).resize((160, 160))
            picture.save(clean / name)
            noise = rng.normal(0, 12, (160, 160, 3))
            Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)).save(aged / name)
    return clean, aged


CHECKS: dict[str, Callable[[Bundle], str]] = {
    "help": check_help,
    "doctor": check_doctor,
    "resources": check_resources,
    "demo": check_demo,
    "codecs": check_codecs,
    "evaluation": check_evaluation,
    "training": check_training,
}


def check(folder: Path, screenshot: Path | None = None) -> None:
    """Runs all checks and prints what they found. BundleError at the first that fails."""
    for line in sizes(folder):
        print(line)
    with tempfile.TemporaryDirectory(prefix="archivist-check-") as home:
        bundle = Bundle(folder.resolve(), Path(home))
        for name, run in CHECKS.items():
            print(f"{name:<12} {run(bundle)}", flush=True)
        missing = window_check.missing_tools()
        if missing:
            print(f"{'window':<12} not checked: {', '.join(missing)} not found")
            return
        picture = next(bundle.home.rglob("*_aged.jpg"))  # of the demo
        for line in window_check.check(bundle.program, bundle.environment, picture, screenshot):
            print(f"{'window':<12} {line}", flush=True)


def sizes(folder: Path) -> Iterable[str]:
    """How large the bundle is, and its largest parts."""
    files = [(path, path.stat().st_size) for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    parts: dict[str, int] = {}
    for path, size in files:
        name = path.relative_to(folder).parts
        part = name[1] if len(name) > 2 else name[0] if len(name) == 1 else "libraries beside them"
        parts[part] = parts.get(part, 0) + size
    largest = sorted(parts.items(), key=lambda item: -item[1])[:8]
    yield f"{'size':<12} {sum(size for _, size in files) / MB:.0f} MB in {len(files)} files"
    yield f"{'':<12} " + ", ".join(f"{name} {size / MB:.0f}" for name, size in largest)


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a bundle in an empty environment.")
    parser.add_argument("folder", type=Path, help="the bundle, e.g. dist/archivist")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="where to put a picture of the window")
    options = parser.parse_args()
    if not shutil.which(str(Bundle(options.folder, options.folder).program)):
        parser.error(f"there is no program in {options.folder}; build the bundle first")
    try:
        check(options.folder, options.screenshot)
    except BundleError as error:
        print(f"The bundle does not work: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
