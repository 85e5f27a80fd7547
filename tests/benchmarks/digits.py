"""Stacked digits: three of scikit-learn's 8 x 8 digits as one colour picture: there are 1,000 kinds of pictures.

The field's own test of mode collapse (Metz et al. 2017; Srivastava et al., VEEGAN, 2017; R3GAN, 2024), small enough for
a processor. One small DCGAN (Radford et al. 2016, without normalisation) plays two games on the same data:

plain    the minimax of Goodfellow et al. 2014 with Adam at 2e-4; the watches only tell what they see
watched  the game of Archivist's own trainings (`adversary.py`) under their watches (`watches.py`), which go back to the
         best weights where the pictures grow alike
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from engine.training.adversary import ADVERSARIES, Adversary
from engine.training.watches import Watches

Training = Literal["plain", "watched"]

MODES = 1000
LATENT = 64
BATCH = 64
LOOK = 250  # steps from one measurement of the modes to the next
SAMPLES = 2_000  # pictures of such a measurement
R1 = 100.0  # times the penalty that pictures of thousands of pixels need
RATES: dict[Training, float] = {"plain": 2e-4, "watched": 2e-3}
EARLY = 500  # steps before which pictures are still allowed to be alike


class Digits:
    """The pictures, and who tells which of the 1,000 kinds a picture is."""

    def __init__(self) -> None:
        pixels, labels = load_digits(return_X_y=True)
        self._planes = torch.from_numpy(pixels / 16.0).float().view(-1, 8, 8)
        self._labels = torch.from_numpy(labels)

    def batch(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 3, 8, 8) in 0..1."""
        return self._planes[torch.randint(len(self._planes), (count, 3), generator=generator)]

    def modes(self, pictures: Tensor) -> int:
        """How many of the 1,000 kinds are among pictures (N, 3, 8, 8): each plane is the digit it is nearest to."""
        known = self._planes.flatten(1)
        nearest = [torch.cdist(part, known).argmin(1) for part in torch.split(pictures.reshape(-1, 64), 6000)]
        digits = self._labels[torch.cat(nearest)].view(-1, 3)
        return len(torch.unique(digits @ torch.tensor([100, 10, 1])))


class Generator(nn.Sequential):
    """(N, 64) -> (N, 3, 8, 8) in 0..1."""

    def __init__(self, width: int = 16) -> None:
        super().__init__(
            nn.Linear(LATENT, 4 * width * 4), nn.Unflatten(1, (4 * width, 2, 2)), nn.ReLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width, 3, 3, padding=1), nn.Sigmoid(),
        )  # fmt: skip


class Critic(nn.Sequential):
    """(N, 3, 8, 8) -> scores (N, 1, 1, 1)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__(
            nn.Conv2d(3, width, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 2),
        )  # fmt: skip


@dataclass
class Game:
    """One training; `told` is what the watches said, `counted` the modes at every look."""

    digits: Digits
    how: Training
    seed: int = 1
    told: list[str] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.dice = torch.Generator().manual_seed(self.seed)
        self.adversary: Adversary = ADVERSARIES["minimax" if self.how == "plain" else "relativistic"]
        self.generator, self.critic = Generator(), Critic()
        self.average = copy.deepcopy(self.generator)
        self._best: tuple[int, dict[str, Tensor], dict[str, Tensor]] | None = None
        self.memory = {"r1": R1}
        if self.how == "plain":  # it never gets as far apart as real pictures, which the watches are told beforehand
            self.memory["widest"] = spread(self.digits.batch(SAMPLES, self.dice))
        self.watches = Watches(self.memory, self.adversary.blind)
        self.optimisers = [
            torch.optim.Adam(net.parameters(), lr=RATES[self.how], betas=self.adversary.betas)
            for net in (self.generator, self.critic)
        ]

    def play(self, steps: int) -> Iterator[int]:
        """Trains, and counts the modes every `LOOK` steps."""
        for number in range(steps):
            figures = self._critic_step(number)
            self._generator_step()
            if (words := self.watches.step(figures, number)) and self.how == "watched":
                self.told.append(f"step {number}: {words}")
            if (number + 1) % LOOK == 0:
                yield self._look(number + 1)

    @torch.no_grad()
    def pictures(self, count: int) -> Tensor:
        """(count, 3, 8, 8) of what is proposed: the trained weights, the averaged ones where it is watched."""
        net = self.generator if self.how == "plain" else self.average
        return torch.cat([net(torch.randn(1000, LATENT, generator=self.dice)) for _ in range(-(-count // 1000))])[
            :count
        ]

    def _critic_step(self, number: int) -> dict[str, float]:
        real = self.digits.batch(BATCH, self.dice)
        with torch.no_grad():
            fake = self.generator(torch.randn(BATCH, LATENT, generator=self.dice))
        scores = self.critic(real), self.critic(fake)
        loss = self.adversary.critic(*scores).mean()
        figures = {"critic": loss.item(), "accuracy": float((scores[0] > scores[1]).float().mean())}
        game = self.adversary
        if game.penalty is not None and number % game.every == 0:
            chances = torch.Generator().manual_seed(number)
            loss = loss + game.every * self.memory["r1"] * game.penalty(self.critic, real, fake, chances)
        if self.how == "plain" or not self.watches.skip_critic:
            self._take(1, loss)
        return figures

    def _generator_step(self) -> None:
        real = self.digits.batch(BATCH, self.dice)
        fake = self.generator(torch.randn(BATCH, LATENT, generator=self.dice))
        with torch.no_grad():
            true = self.critic(real)
        self._take(0, self.adversary.generator(true, self.critic(fake)).mean())
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(value, 0.005)

    def _take(self, which: int, loss: Tensor) -> None:
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[which].step()

    def _look(self, number: int) -> int:
        """Counts the modes, and lets the watches see how far the pictures are apart, beside real ones."""
        pictures = self.pictures(SAMPLES)
        wide, count = spread(pictures), self.digits.modes(pictures)
        self.counted.append(count)
        words = self.watches.validation({"spread": wide}) if number >= EARLY else None
        if words:
            self.told.append(f"step {number}: {words}")
        if self.how == "watched" and words and self._best is not None:
            self.generator.load_state_dict(self._best[1])
            self.average.load_state_dict(self._best[1])
            self.critic.load_state_dict(self._best[2])
        elif self._best is None or count > self._best[0]:
            self._best = (count, copy.deepcopy(self.average.state_dict()), copy.deepcopy(self.critic.state_dict()))
        return count


def spread(pictures: Tensor) -> float:
    """How far apart pictures (N, C, H, W) are: the mean over the pixels of their deviation."""
    return float(pictures.std(dim=0).mean())
