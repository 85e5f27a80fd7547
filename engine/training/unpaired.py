"""Two heaps, old and wanted, of which no picture is on both: the way back learns the look of the old heap.

    python -m engine.training.unpaired --data DIR --out resources/models/archivist-1-reverse.safetensors --steps 1500

As in CycleGAN (Zhu et al. 2017) a network makes clean pictures old, so that there is something to mend whose truth is
known. It comes with Archivist, taught the general aging by the command above. On a collection's two heaps it goes on
learning, against a discriminator that sees the old heap and against the heap's mean spectrum of fine detail (as Durall
et al. 2020 use it: what few pictures tell soonest about grain and blur). Then it stands still: what is measured with it
must not change under the measurement.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import ModelError
from engine.models import losses
from engine.models.blocks import luma
from engine.models.critic import Critic
from engine.models.reverse import Reverse, drawn
from engine.models.weights import load_reverse, save_reverse
from engine.projects.atomic import replacing
from engine.training.adversary import ADVERSARIES
from engine.training.aging import age
from engine.training.augment import augment
from engine.training.collection import Collection, Squares
from engine.training.dataset import APART, PhotoSet, Pictures
from engine.types import Progress, Tuning

SIDE, BATCH = 96, 3
RATE = 1e-3
SPECTRUM, TONE = 1.0, 10.0  # weights, beside the discriminator's, of the spectrum and of keeping the tone
SHARE = 0.25  # of the time of a fine-tuning goes into the way back
TARGET = 64  # squares of the old heap from which its spectrum is known
Cut = Callable[[int, int, int], Tensor]
"""A count, a size and a seed -> pictures (count, 3, size, size)."""


class Wanted(Protocol):
    """What of an order for a fine-tuning matters here."""

    @property
    def wish(self) -> Tuning: ...
    @property
    def folder(self) -> Path: ...
    @property
    def device(self) -> str: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def reverse(self) -> Path | None: ...


@dataclass
class WayBack:
    """The network that ages, in training against its discriminator."""

    reverse: Reverse
    critic: Critic = field(default_factory=lambda: Critic(16))
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        self.game = ADVERSARIES["relativistic"]
        self.reverse.to(self.device).requires_grad_(True)
        self.critic.to(self.device)
        self._optimisers = [
            torch.optim.Adam(net.parameters(), lr=RATE, betas=betas)
            for net, betas in ((self.reverse, (0.5, 0.99)), (self.critic, self.game.betas))
        ]

    def step(
        self, clean: Tensor, old: Tensor, severity: float, wanted: Tensor, seed: int
    ) -> Generator[None, None, None]:
        """One step on clean and old pictures (N, 3, H, W); `wanted` is the spectrum to reach, see `spectrum`."""
        generator = torch.Generator().manual_seed(seed)
        level = torch.full((len(clean),), severity)
        made = self.reverse(clean, level, drawn(clean, generator))
        yield None
        real, fake = self._shown(old, seed), self._shown(made, seed)
        loss = self.game.critic(self.critic(real), self.critic(fake.detach())).mean()
        if self.game.penalty is not None and seed % self.game.every == 0:
            loss = loss + self.game.every * self.game.penalty(self.critic, real, fake.detach(), generator)
        self._take(1, loss)
        yield None
        with torch.no_grad():
            true = self.critic(real)
        loss = self.game.generator(true, self.critic(fake)).mean()
        loss = loss + SPECTRUM * (spectrum(made) - wanted).abs().mean()
        kept = [F.avg_pool2d(x, 8) for x in (made, clean)]
        self._take(0, loss + TONE * losses.charbonnier(kept[0], kept[1]))
        yield None

    def _shown(self, x: Tensor, seed: int) -> Tensor:
        return augment(luma(x).expand_as(x), torch.Generator().manual_seed(seed + 900_000_011))

    def _take(self, which: int, loss: Tensor) -> None:
        for optimiser in self._optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = self._optimisers[which].param_groups[0]["params"]
        if bool(torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 1.0))):
            self._optimisers[which].step()


def spectrum(x: Tensor) -> Tensor:
    """The logarithm of the mean Fourier magnitudes (SIDE, SIDE // 2 + 1) of what is finer than 9 pixels in pictures
    (N, 3, SIDE, SIDE), in grey."""
    grey = luma(x)
    fine = grey - F.avg_pool2d(F.pad(grey, (4, 4, 4, 4), mode="reflect"), 9, stride=1)
    window = torch.hann_window(x.shape[-1], device=x.device)
    magnitudes = torch.fft.rfft2(fine * window[:, None] * window, norm="ortho").abs()
    smooth = F.avg_pool2d(magnitudes.mean((0, 1))[None, None], 3, stride=1, padding=1)[0, 0]
    return (smooth + 1e-3).log()


def with_a_way_back(collection: Collection, order: Wanted) -> Generator[Progress, None, Collection]:
    """The collection with a network that has learned to make pictures old as its scans are, for a share of the time.

    It is kept in the run's folder when it is done; a run that was interrupted before begins it anew.
    """
    kept, device = order.folder / "reverse.safetensors", torch.device(order.device)
    if not _is_learned(kept):
        torch.manual_seed(order.wish.seed)
        way = WayBack(load_reverse(order.reverse) if order.reverse else Reverse(), device=device)
        learned, _ = collection.split(order.wish.seed)
        for done in _adapt(way, Squares(collection.scans), Squares(learned.truth), order):
            yield Progress(int(1000 * done), 1000, "learning how your scans have aged")
        order.folder.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary:
            save_reverse(temporary, way.reverse.state_dict(), {"id": f"{order.wish.name}-reverse"})
    reverse = load_reverse(kept).requires_grad_(False).to(device)
    return replace(collection, grown_old=imitation(reverse, device))


def _is_learned(kept: Path) -> bool:
    """Whether a way back is there, whole: a damaged one is learned anew."""
    try:
        load_reverse(kept)
    except ModelError:
        return False
    return True


def _adapt(way: WayBack, old: Cut, clean: Cut, order: Wanted) -> Generator[float, None, None]:
    """Teaches the way back the look of the old heap; yields how much of its share of time is used."""
    wanted = torch.stack([spectrum(old(8, SIDE, 70_000 + n)) for n in range(TARGET // 8)]).mean(0).to(way.device)
    number, seconds, limit = 0, 0.0, 60 * order.wish.minutes * SHARE
    while (done := number / order.steps if order.steps else seconds / limit) < 1:
        number += 1
        last = time.monotonic()
        pictures = [cut(BATCH, SIDE, number).to(way.device) for cut in (clean, old)]
        for _ in way.step(pictures[0], pictures[1], random.Random(number + APART).uniform(0.5, 1.0), wanted, number):
            seconds += time.monotonic() - last  # what others did with the engine meanwhile is not this run's time
            yield done
            last = time.monotonic()


def imitation(reverse: Reverse, device: torch.device) -> Callable[[Tensor, int], Tensor]:
    """Pictures (N, 3, H, W) in 0..1 and a seed -> the same grown old."""

    @torch.no_grad()
    def grown_old(clean: Tensor, seed: int) -> Tensor:
        severity = torch.full((len(clean),), random.Random(seed + APART).uniform(0.5, 1.0))
        noise = drawn(clean, torch.Generator().manual_seed(seed))
        made: Tensor = reverse(clean.to(device), severity, (noise[0].to(device), noise[1].to(device)))
        return made.clamp(0, 1).cpu()

    return grown_old


def pretrain(photos: Pictures, steps: int, seed: int = 1) -> Generator[Reverse, None, None]:
    """The way back of the general aging, after every step; whole batches are of one severity, so that it is learned
    what that means."""
    torch.manual_seed(seed)
    way = WayBack(Reverse())
    for number in range(steps):
        severity = random.Random(number + APART).uniform(0.1, 1.0)
        batch = age(photos.batch(2 * BATCH, SIDE, number), number, severity=severity, keep_clean=0.0)
        target = spectrum(batch.aged)
        for _ in way.step(batch.toned[:BATCH], batch.aged[BATCH:], severity, target, number):
            pass
        yield way.reverse


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: see `--help`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of clean photographs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--limit", type=int, help="at most so many photographs")
    given = parser.parse_args(arguments)
    photos = PhotoSet(given.data, limit=given.limit, pages=4)
    for step, reverse in enumerate(pretrain(photos, given.steps), start=1):
        if step % 100 and step < given.steps:
            continue
        card = {
            "id": given.out.stem,
            "licence": "MIT",
            "description": "Makes clean photographs old: where fine-tuning on unpaired heaps starts from.",
            "training": f"{step} steps on squares of photographs listed in docs/training-data.csv, aged in general",
            "failures": ["It makes grain, blur and specks; it draws no cracks, stains or torn corners."],
        }
        save_reverse(given.out, reverse.state_dict(), card)
        print(json.dumps({"step": step}), flush=True)


if __name__ == "__main__":
    main()
