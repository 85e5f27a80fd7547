"""Is a model of one's own worth it? A collection made for the purpose, `archivist finetune` on it, and what came of it.

    python -m tests.benchmarks.own_collection make PHOTOS OUT [--count 24] [--seed 1]
    python -m tests.benchmarks.own_collection tune COLLECTION OUT --kind pairs|damaged|unpaired [--minutes 15]
    python -m tests.benchmarks.own_collection measure MODEL COLLECTION ORDINARY [--count 12]

`make` ages the photographs of a folder as no training of Archivist does (see `aged`) into OUT/scans and keeps what they
were made from in OUT/truth. `tune` is the real command on these files; for "unpaired" the damaged half of the
collection goes with the truth of the other half. `measure` restores a collection that is made of other photographs, and
ordinarily aged photographs, with the shipped model and with MODEL at alpha 10: PSNR in dB after gain and offset.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from engine.evaluation.benchmark import Pixels
from engine.evaluation.demo import age_picture
from engine.evaluation.metrics import score
from engine.evaluation.ours import candidate
from engine.rendering.studio import Studio
from engine.types import SHIPPED_MODEL, Recipe

Plane = NDArray[np.float64]

LONGEST = 1024  # pixels
SIDE = 448  # of the squares that are measured
GAIN, LOSS = 0.7, 0.2  # dB that are wanted, and that may be lost elsewhere
SUFFIXES = (".webp", ".jpg", ".jpeg", ".png", ".tif")


def aged(clean: Pixels, seed: int) -> Pixels:
    """clean (H, W, 3) as this collection has aged: a vertical blur over 7 pixels; grain in vertical streaks that grows
    with the light; fading by a third towards a warm grey, here and not there; rings of rust, pale inside."""
    rng = np.random.default_rng(seed)
    height, width, _ = clean.shape
    x = ndimage.uniform_filter1d(clean / 255.0, 7, axis=0, mode="nearest")
    streaks = ndimage.gaussian_filter(rng.normal(size=(height, width)), (2.2, 0.4))
    x = x * (1 + rng.uniform(0.10, 0.16) * streaks[..., None] / streaks.std())
    place = ndimage.zoom(rng.random((4, 4)), (height / 4, width / 4), order=3, grid_mode=True, mode="nearest")
    faded = (rng.uniform(0.25, 0.35) * np.clip(place, 0, 1))[..., None]
    x = x * (1 - faded) + faded * np.array([0.62, 0.58, 0.5])
    return np.asarray(np.rint(255 * np.clip(_rusty(x, rng), 0, 1)), dtype=np.uint8)


def _rusty(x: Plane, rng: np.random.Generator) -> Plane:
    height, width, _ = x.shape
    rows, columns = np.mgrid[:height, :width]
    for _ in range(rng.integers(6, 14)):
        centre, radius = rng.uniform(0, 1, 2) * (height, width), rng.uniform(5, 26)
        distance = np.hypot(rows - centre[0], (columns - centre[1]) * rng.uniform(0.8, 1.25))
        ring = np.exp(-(((distance - radius) / rng.uniform(1.5, 4)) ** 2))[..., None] * rng.uniform(0.5, 0.9)
        inside = (distance < radius)[..., None] * 0.15
        x = x * (1 - ring) + ring * np.array([0.45, 0.24, 0.1])
        x = x * (1 - inside) + inside * 0.85
    return x


def make(photos: Path, out: Path, count: int, seed: int) -> None:
    """Writes OUT/truth and OUT/scans, PNG files of one name; `count` photographs, evenly over the folder."""
    files = sorted(p for p in photos.iterdir() if p.suffix in SUFFIXES)
    for folder in ("truth", "scans"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for number in range(min(count, len(files))):
        file = files[number * len(files) // min(count, len(files))]
        clean = _read(file)
        for folder, pixels in (("truth", clean), ("scans", aged(clean, 1000 * seed + number))):
            Image.fromarray(pixels).save(out / folder / f"{file.stem}.png")


def tune(collection: Path, out: Path, kind: str, minutes: float) -> dict[str, float | str]:
    """Runs the command; its model lies in OUT. Processor seconds are those of the command as a whole."""
    scans = sorted((collection / "scans").iterdir())
    truth = sorted((collection / "truth").iterdir())
    order: list[str] = [str(collection / "scans")]
    if kind == "pairs":
        order += ["--restored", str(collection / "truth")]
    if kind == "unpaired":  # no picture is on both heaps
        _link(scans[::2], out / "old")
        _link(truth[1::2], out / "wanted")
        order = [str(out / "old"), "--wanted", str(out / "wanted")]
    command = [sys.executable, "-m", "archivist_app", "finetune", *order, "--kind", kind]
    command += ["--name", f"own-{kind}", "-o", str(out), "--minutes", f"{minutes:g}", "--device", "cpu"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"model": str(out / f"own-{kind}.safetensors"), "processor_seconds": used.ru_utime + used.ru_stime}


def _link(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        if not (folder / file.name).exists():
            (folder / file.name).symlink_to(file.resolve())


def measure(model: Path, collection: Path, ordinary: Path, count: int) -> dict[str, Any]:
    """Means over `count` squares: of the collection, and of the photographs in `ordinary`, aged with fixed seeds."""
    studio = Studio("cpu", interactive=False, cache_bytes=1 << 28)
    recipe = Recipe(alpha=10.0)
    rivals: dict[str, Callable[[Pixels], Pixels]] = {
        "as it is": lambda x: x,
        "shipped": candidate(studio.pipeline(SHIPPED_MODEL), recipe),
        "tuned": candidate(studio.pipeline_of(model), recipe),
    }
    names = sorted(p.name for p in (collection / "scans").iterdir())[:count]
    own = [tuple(_square(collection / folder / name) for folder in ("scans", "truth")) for name in names]
    photos = [_square(p) for p in sorted(ordinary.iterdir()) if p.suffix in SUFFIXES][:count]
    general = [(age_picture(photo, 500 + number, 0.7)[0], photo) for number, photo in enumerate(photos)]
    found: dict[str, Any] = {}
    for what, pairs in (("collection", own), ("ordinary", general)):
        for name, restore in rivals.items():
            values = [score(restore(scan), truth).fitted_psnr for scan, truth in pairs]
            found.setdefault(what, {})[name] = round(float(np.mean(values)), 2)
    gain = found["collection"]["tuned"] - found["collection"]["shipped"]
    lost = found["ordinary"]["shipped"] - found["ordinary"]["tuned"]
    return found | {"gain": round(gain, 2), "lost": round(lost, 2), "worth it": bool(gain >= GAIN and lost <= LOSS)}


def _read(file: Path) -> Pixels:
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _square(file: Path) -> Pixels:
    """The middle of a picture."""
    pixels = _read(file)
    top, left = (max(0, (side - SIDE) // 2) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])


def main() -> None:
    """The command: see `--help`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "tune", "measure"))
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--kind", choices=("pairs", "damaged", "unpaired"), default="pairs")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15)
    given = parser.parse_args()
    paths: list[Path] = given.paths
    if given.what == "make":
        make(paths[0], paths[1], given.count, given.seed)
    elif given.what == "tune":
        print(json.dumps(tune(paths[0], paths[1], given.kind, given.minutes)), flush=True)
    else:
        print(json.dumps(measure(paths[0], paths[1], paths[2], given.count), indent=1), flush=True)


if __name__ == "__main__":
    main()
