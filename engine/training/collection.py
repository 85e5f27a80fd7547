"""An archive's own pictures as lessons: clean ones, pairs of before and after, or damaged ones alone.

clean    the wanted look; aged by the general aging
pairs    a scan and its restoration by hand, of one size: what was really wrong, and what is wanted
damaged  scans alone. Their truth is not known, so one is made: the restoration of the shipped network at half the
         size, where what it left of grain and blur is averaged away. Onto it goes the collection's own damage, cut
         out of the scans: grain from where they are flat (noise patches as in Chen et al. 2018 and Ji et al.
         2020), and what the network finds damaged, with its mask
unpaired scans, and other pictures that look as wanted. These are the truth; a network that has learned the look of the
         scans makes them old (`unpaired.py`)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.models.blocks import luma
from engine.models.generator import Backbone, Understanding
from engine.training.aging import Aged, age
from engine.training.copies import Named, on_both, without_copies
from engine.types import CollectionKind

LEAST = 4  # pictures without which there is nothing to learn from and something to be judged by
ADVISED = 10
LONGEST = 1024  # pixels; larger pictures are shrunk as the general training shrank its own
SMALLEST = 160  # pixels of the shorter side below which no square can be cut out
HELD_OUT = 6  # one picture in so many is never learned from
IDENTITY = 0.125  # share of single wanted pictures that are shown as they are
PATCH = 48  # pixels a side of the patches of grain
TILE, HALO = 208, 24  # pixels a side of what is seen at once, and what of it is only surroundings
FLAT = 0.02  # deviation of a scan's means, of 15 x 15 pixels, below which a patch is flat


@dataclass(frozen=True, slots=True)
class Collection:
    """Pictures uint8 (3, H, W). `truth[i]` belongs to `scans[i]` where there are pairs; `grain` (P, 3, 48, 48) and
    `marks` are what was cut out of damaged scans; `grown_old` makes pictures (N, 3, H, W) old where heaps are unpaired,
    once it has learned to. `copies` are sentences about pictures that were left out as copies of others."""

    kind: CollectionKind
    names: tuple[str, ...]
    truth: tuple[Tensor, ...]
    scans: tuple[Tensor, ...] = ()
    grain: Tensor | None = None
    marks: tuple[Mark, ...] = ()
    grown_old: Callable[[Tensor, int], Tensor] | None = None
    copies: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    def part(self, indices: Sequence[int]) -> Collection:
        """The same with these pictures alone; grain and marks are those of all, for they are no picture's truth."""
        names, truth = tuple(self.names[i] for i in indices), tuple(self.truth[i] for i in indices)
        scans = tuple(self.scans[i] for i in indices) if self.kind == "pairs" else self.scans
        return replace(self, names=names, truth=truth, scans=scans)

    def split(self, seed: int) -> tuple[Collection, Collection]:
        """What is learned from, and what is held out to judge by."""
        order = list(range(len(self)))
        random.Random(seed).shuffle(order)
        held = max(2, len(order) // HELD_OUT)
        return self.part(sorted(order[held:])), self.part(sorted(order[:held]))

    def batch(self, count: int, size: int, seed: int) -> Aged:
        """`count` lessons (3, size, size), all drawn from the seed."""
        dice = random.Random(seed)
        if self.kind == "clean":
            crops = torch.stack([_square(self.truth, dice, size)[0] for _ in range(count)])
            return age(crops, seed, severity=0.25 + 0.75 * dice.random() ** 0.5)
        if self.kind == "unpaired":
            return self._round_trip(count, size, seed)
        lessons = [
            self._pair(dice, size) if self.kind == "pairs" else self._imitation(dice, size) for _ in range(count)
        ]
        aged, truth, mask = (torch.stack(part) for part in zip(*lessons, strict=True))
        if self.kind == "damaged":  # whatever else befell the scans: mildly, as the general aging does it
            general = age(truth, seed, severity=0.3 * dice.random())
            aged = (general.aged + aged - truth).clamp(0, 1)
            return Aged(aged, general.toned, truth, torch.maximum(mask, general.mask))
        return Aged(aged, truth, truth, mask)

    def _round_trip(self, count: int, size: int, seed: int) -> Aged:
        """Wanted pictures grown old; one in eight is left as it is, and is to stay so."""
        dice = random.Random(seed)
        crops = torch.stack([_square(self.truth, dice, size)[0] for _ in range(count)])
        if self.grown_old is None or (count == 1 and dice.random() < IDENTITY):
            return Aged(crops, crops, crops, torch.zeros(count, 1, size, size))
        old = self.grown_old(crops, seed)
        mask = torch.stack([_differs(one, other) for one, other in zip(old, crops, strict=True)])
        return Aged(old, crops, crops, mask)

    def _pair(self, dice: random.Random, size: int) -> tuple[Tensor, Tensor, Tensor]:
        truth, place = _square(self.truth, dice, size)
        scan = place.cut(self.scans)
        return scan, truth, _differs(scan, truth)

    def _imitation(self, dice: random.Random, size: int) -> tuple[Tensor, Tensor, Tensor]:
        truth, _ = _square(self.truth, dice, size)
        aged = truth
        if self.grain is not None and len(self.grain):
            aged = aged + dice.uniform(0.5, 1.2) * _tiled(self.grain, dice, size)
        mask = torch.zeros(1, size, size)
        for _ in range(dice.choice((0, 1, 1, 2, 3)) if self.marks else 0):
            aged, mask = dice.choice(self.marks).laid_on(aged, mask, dice)
        return aged.clamp(0, 1), truth, mask


@dataclass(frozen=True, slots=True)
class Squares:
    """Random squares of pictures, uint8 (3, H, W): `squares(count, size, seed)` are (count, 3, size, size) in 0..1."""

    pictures: tuple[Tensor, ...]

    def __call__(self, count: int, size: int, seed: int) -> Tensor:
        dice = random.Random(seed)
        return torch.stack([_square(self.pictures, dice, size)[0] for _ in range(count)])


@dataclass(frozen=True, slots=True)
class Mark:
    """A damaged place of a scan: pixels (3, h, w) in 0..1 and how surely each is damaged, (1, h, w)."""

    pixels: Tensor
    cover: Tensor

    def laid_on(self, picture: Tensor, mask: Tensor, dice: random.Random) -> tuple[Tensor, Tensor]:
        """picture (3, H, W) and mask (1, H, W) with the mark at a random place, mirrored at random."""
        pixels, cover = self.pixels, self.cover
        for axis in (1, 2):
            if dice.random() < 0.5:
                pixels, cover = pixels.flip(axis), cover.flip(axis)
        size = picture.shape[1]
        height, width = (min(side, size) for side in cover.shape[1:])
        pixels, cover = pixels[:, :height, :width], cover[:, :height, :width]
        top, left = dice.randint(0, size - height), dice.randint(0, size - width)
        rows, columns = slice(top, top + height), slice(left, left + width)
        picture, mask = picture.clone(), mask.clone()
        under = picture[:, rows, columns]
        picture[:, rows, columns] = under + cover * (pixels - under)
        mask[:, rows, columns] = torch.maximum(mask[:, rows, columns], cover)
        return picture, mask


def clean_collection(pictures: Sequence[Named]) -> Collection:
    """Clean pictures. TrainingError in a sentence where they are too few, too small or all the same."""
    kept, copies = without_copies(pictures)
    return _checked(Collection("clean", *_apart([pictures[i] for i in kept]), copies=copies), len(pictures))


def paired_collection(before: Sequence[Named], after: Sequence[Named]) -> Collection:
    """Scans and their restorations, in the same order; TrainingError where a pair is of two sizes, or as above.

    What was done to the tone of a picture as a whole is taken out of its truth: that is the tone stage's, and the
    pixels' network keeps the tone it finds.
    """
    if len(before) != len(after):
        raise TrainingError(
            f"There are {len(before)} scans and {len(after)} restorations; give one restoration for each scan."
        )
    for (name, scan), (_, truth) in zip(before, after, strict=True):
        if scan.shape != truth.shape:
            raise TrainingError(
                f"“{name}” and its restoration are of different sizes; give pairs that match pixel for pixel."
            )
    kept, copies = without_copies(before)
    names, scans = _apart([before[i] for i in kept])
    _checked(Collection("pairs", names, scans), len(before))  # before their truths are made, which asks for some pixels
    truths = tuple(in_tone_of(after[i][1], scan) for i, scan in zip(kept, scans, strict=True))
    return _checked(Collection("pairs", names, truths, scans, copies=copies), len(before))


def unpaired_collection(old: Sequence[Named], wanted: Sequence[Named]) -> Collection:
    """Two heaps of which no picture is on both; TrainingError as above, for either."""
    (scans, left), (others, out) = without_copies(old), without_copies(wanted)
    heap = _checked(Collection("damaged", *_apart([old[i] for i in scans])), len(old))
    truth = _apart([wanted[i] for i in others])
    both = _checked(Collection("unpaired", *truth, heap.truth, copies=left + out), len(wanted))
    if same := on_both(tuple(zip(heap.names, heap.truth, strict=True)), tuple(zip(*truth, strict=True))):
        raise TrainingError(
            f"“{same[0]}” of the scans and “{same[1]}” of the wanted pictures are the same picture; leave it out on "
            "one side."
        )
    return both


def damaged_collection(pictures: Sequence[Named], backbone: Backbone) -> Generator[None, None, Collection]:
    """Scans alone, with the truth, the grain and the marks that the backbone lets us make of them; rests often."""
    kept, copies = without_copies(pictures)
    names, scans = _apart([pictures[i] for i in kept])
    _checked(Collection("damaged", names, scans), len(pictures))
    truths: list[Tensor] = []
    grain: list[Tensor] = []
    marks: list[Mark] = []
    for scan in scans:
        x = scan.float()[None] / 255
        y, damage = yield from _seen(backbone, x)
        truths.append(_halved(y))
        grain += _grain(x, damage)
        marks += _marks(x[0], damage[0])
        yield None
    stock = torch.stack(grain) if grain else None
    return Collection("damaged", names, tuple(truths), (), stock, tuple(marks[:400]), copies=copies)


def in_tone_of(truth: Tensor, scan: Tensor) -> Tensor:
    """truth (3, H, W) uint8 with the tone of the scan: the affine change of colours that brings them nearest, by least
    squares over means of 8 x 8 pixels, twice, the second time without the tenth that fits worst (damage)."""
    small = [F.avg_pool2d(p.float()[None] / 255, 8)[0].flatten(1).T for p in (truth, scan)]
    source = torch.cat([small[0], torch.ones(len(small[0]), 1)], 1)
    kept = torch.ones(len(source), dtype=torch.bool)
    for _ in range(2):
        change = torch.linalg.lstsq(source[kept], small[1][kept], driver="gelsd").solution
        error = (source @ change - small[1]).abs().amax(1)
        kept = error <= error.quantile(0.9)
    flat = truth.float().flatten(1).T / 255
    toned = torch.cat([flat, torch.ones(len(flat), 1)], 1) @ change
    levels: Tensor = (toned.T.reshape(truth.shape).clamp(0, 1) * 255).round()
    return levels.to(torch.uint8)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which picture a square was cut, and how it was turned."""

    index: int
    top: int
    left: int
    side: int
    mirrored: bool
    turned: bool

    def cut(self, pictures: Sequence[Tensor]) -> Tensor:
        part = pictures[self.index][:, self.top : self.top + self.side, self.left : self.left + self.side]
        part = part.float() / 255
        part = part.flip(2) if self.mirrored else part
        return part.transpose(1, 2) if self.turned else part


def _square(pictures: Sequence[Tensor], dice: random.Random, size: int) -> tuple[Tensor, _Place]:
    index = dice.randrange(len(pictures))
    height, width = pictures[index].shape[1:]
    top, left = dice.randint(0, height - size), dice.randint(0, width - size)
    place = _Place(index, top, left, size, dice.random() < 0.5, dice.random() < 0.25)
    return place.cut(pictures), place


def _apart(pictures: Sequence[Named]) -> tuple[tuple[str, ...], tuple[Tensor, ...]]:
    return tuple(name for name, _ in pictures), tuple(picture for _, picture in pictures)


@torch.no_grad()
def _seen(backbone: Backbone, x: Tensor) -> Generator[None, None, tuple[Tensor, Tensor]]:
    """x (1, 3, H, W) -> restored, tone kept (1, 3, H, W), and the probability of damage (1, 1, H, W), in tiles."""
    parameter = next(backbone.parameters())
    height, width = x.shape[2:]
    reach = TILE - 2 * HALO
    padded = F.pad(x, (HALO, HALO + reach, HALO, HALO + reach), mode="replicate")
    y, damage = x.clone(), x.new_zeros(1, 1, height, width)
    for top in range(0, height, reach):
        for left in range(0, width, reach):
            tile = padded[..., top : top + TILE, left : left + TILE].to(parameter)
            seen: Understanding | None = None
            for seen in backbone.steps(tile):  # noqa: B007 - the last one counts
                yield None
            assert seen is not None
            inner = (..., slice(HALO, HALO + reach), slice(HALO, HALO + reach))
            place = (..., slice(top, min(height, top + reach)), slice(left, min(width, left + reach)))
            rows, columns = y[place].shape[2:]
            y[place] += seen.residual[inner][..., :rows, :columns].float().cpu()
            damage[place] = seen.damage[inner][..., :rows, :columns].float().sigmoid().cpu()
    return y, damage


def _checked(collection: Collection, given: int) -> Collection:
    """What is unsuitable is said before the training; `given` are the pictures with their copies."""
    if given < LEAST:
        count = "1 picture is" if given == 1 else f"{given} pictures are"
        raise TrainingError(
            f"{count} too few to learn from and to judge by; choose at least {ADVISED}, {LEAST} at the very least."
        )
    for name, picture in zip(collection.names, collection.truth, strict=True):
        if min(picture.shape[1:]) < SMALLEST:
            raise TrainingError(f"“{name}” is smaller than {SMALLEST} pixels; leave it out or scan it larger.")
    if len(collection) < LEAST:
        kinds = "all are the same" if len(collection) == 1 else f"only {len(collection)} are different"
        raise TrainingError(f"Of these {given} pictures {kinds}; choose more of the collection.")
    return collection


def warnings_about(collection: Collection) -> tuple[str, ...]:
    """What a person should know before a training starts, in sentences."""
    told = [*collection.copies]
    if len(collection) < ADVISED:
        told.append(f"{len(collection)} pictures are few; from {ADVISED} on a training is more likely to be worth it.")
    if collection.kind == "damaged":
        told.append(
            "The truth of these scans is not known, so the training is judged on imitations of their damage: look at "
            "the strip before you use the model."
        )
        if collection.grain is None:
            told.append("Nowhere are these scans flat enough to see their grain; it will not be imitated.")
    if collection.kind == "unpaired":
        told.append(
            "No scan here has a known truth. The figures are of a round trip: wanted pictures that were held out, made "
            "old by a network that learned your scans’ look, and restored again."
        )
    return tuple(told)


def _halved(y: Tensor) -> Tensor:
    """(1, 3, H, W) in 0..1 -> uint8 (3, H/2, W/2), or as large as it was where that would be too small."""
    if min(y.shape[2:]) >= 2 * SMALLEST:
        y = F.interpolate(y, scale_factor=0.5, mode="area")
    return (y[0].clamp(0, 1) * 255).round().to(torch.uint8)


def _grain(x: Tensor, damage: Tensor) -> list[Tensor]:
    """What is finer than 15 pixels in flat, undamaged squares (3, 48, 48) of a scan, with a mean of 0.

    Flat is where the scan's own means are: the restoration cannot be asked, for it leaves grain that it does not know.
    """
    smooth = F.avg_pool2d(F.pad(x, (7, 7, 7, 7), mode="replicate"), 15, stride=1)
    fine = x - smooth
    found = []
    for top in range(0, x.shape[2] - PATCH + 1, PATCH):
        for left in range(0, x.shape[3] - PATCH + 1, PATCH):
            part = (..., slice(top, top + PATCH), slice(left, left + PATCH))
            if float(luma(smooth[part]).std()) < FLAT and float((damage[part] > 0.5).float().mean()) < 0.01:
                patch = fine[part][0]
                found.append(patch - patch.mean((1, 2), keepdim=True))
    return found[:64]


def _marks(x: Tensor, damage: Tensor) -> list[Mark]:
    """Damaged places in squares of 64 pixels; x (3, H, W), damage (1, H, W)."""
    side = 64
    found = []
    for top in range(0, x.shape[1] - side + 1, side):
        for left in range(0, x.shape[2] - side + 1, side):
            cover = damage[:, top : top + side, left : left + side]
            sure = (cover > 0.5).float()
            if 12 <= float(sure.sum()) <= 0.25 * side * side:
                found.append(Mark(x[:, top : top + side, left : left + side].clone(), sure * cover))
    return found


def _tiled(grain: Tensor, dice: random.Random, size: int) -> Tensor:
    """Patches that lie together in the stock of grain, mirrored at random so that no seam repeats, (3, size, size)."""
    rows = []
    start = dice.randrange(len(grain))
    for _ in range(0, size, PATCH):
        row = []
        for _ in range(0, size, PATCH):
            patch = grain[(start + dice.randrange(4)) % len(grain)]
            for axis in (1, 2):
                patch = patch.flip(axis) if dice.random() < 0.5 else patch
            row.append(patch)
        rows.append(torch.cat(row, 2))
    return torch.cat(rows, 1)[:, :size, :size]


def _differs(scan: Tensor, truth: Tensor) -> Tensor:
    """(1, H, W): where a person took something out. Grain is not meant: only what is far off, and more than a dot."""
    difference = F.avg_pool2d((scan - truth).abs().amax(0, keepdim=True)[None], 3, stride=1, padding=1)[0]
    usual = float(difference.median())
    return (difference > max(0.12, 4 * usual)).float()
