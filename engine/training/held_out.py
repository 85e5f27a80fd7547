"""What a fine-tuning is judged by: pictures of the collection that it never learns from, and the general aging."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from engine.models.generator import NOISE, Understanding, condition
from engine.training.aging import Aged, age, joined
from engine.training.collection import Collection
from engine.training.dataset import Pictures
from engine.training.run import Networks, Run
from engine.training.validation import fitted_psnr, lab_distance, texture

SEED = 30_011
COUNT = 8  # squares of the collection
DRAWN = 2  # of them at a time: all eight took a tenth of a second
ORDINARY = 12  # squares aged in general
SIZE = 160
ALLOWED_LOSS = 0.2  # dB that the general aging may lose before it counts against a model
ALPHAS = (0.1, 1.0, 10.0)
FAITHFUL = math.inf  # what alpha is called where the head adds nothing


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Two fixed batches of squares from pictures held out: as the collection is damaged, and aged in general."""

    own: Aged
    general: Aged
    before: Networks  # what the run began from
    former: dict[float, Tensor] = field(default_factory=dict)  # its pictures of the general aging, once asked for

    @classmethod
    def of(
        cls, collection: Collection, ordinary: Sequence[Tensor], before: Networks, device: torch.device
    ) -> Generator[None, None, HeldOut]:
        """Squares (8, 3, 160, 160) of a collection's held-out part, and (12, 3, 160, 160) of ordinary photographs, of
        the collection's truth where there are none; rests after each of these."""
        squares = Pictures(ordinary or collection.truth).batch(ORDINARY, SIZE, SEED + 1)
        general = []
        for n, square in enumerate(torch.split(squares, 1)):
            general.append(age(square, SEED + n, severity=0.3 + 0.6 * n / ORDINARY, keep_clean=0.0))
            yield None
        own = []
        for n in range(0, COUNT, DRAWN):
            own.append(collection.batch(DRAWN, SIZE, SEED + n))
            yield None
        return cls(joined(own).to(device), joined(general).to(device), before)

    def measure(self, run: Run) -> Generator[None, None, tuple[dict[str, float], list[Tensor]]]:
        """The averaged weights' figures, a picture a step: PSNR in dB after gain and offset at three alphas ("own_10"),
        texture at the default, what the watches look at, and what ordinary pictures have "lost" in dB (`lost`), in all
        and by the backbone alone ("lost_faithful").

        Beside them a strip for a person to look at: squares as they are, restored at alpha 10, at 1, and their truth.
        """
        kept = {name: value.clone() for name, value in run.nets.state_dict().items()}
        if not self.former:
            self.former.update((yield from _outputs(self.before, self.general, (10.0,))))
        run.adopt_average()
        try:
            own = yield from _outputs(run.nets, self.own)
            general = yield from _outputs(run.nets, self.general, (0.1, 10.0))
        finally:
            run.nets.load_state_dict(kept)
        yield None
        figures: dict[str, float] = {}
        for name, figure in self._figures(own, general).items():
            figures[name] = figure()
            yield None
        strip = [pictures[:4] for pictures in (self.own.aged, own[10.0], own[1.0], self.own.toned)]
        return figures, strip

    def _figures(self, own: dict[float, Tensor], general: dict[float, Tensor]) -> dict[str, Callable[[], float]]:
        """How each figure is got of pictures by alpha, (8, 3, H, W) of the collection and (12, 3, H, W) of others."""
        truth, others = self.own.toned, self.general.toned
        figures = {f"own_{alpha:g}": partial(fitted_psnr, own[alpha], truth) for alpha in ALPHAS}
        return figures | {
            "own_input": partial(fitted_psnr, self.own.aged, truth),
            "general_10": partial(fitted_psnr, general[10.0], others),
            "texture_1": partial(texture, own[1.0], truth),
            "lab_shift": partial(lab_distance, own[1.0], own[10.0]),
            # The deviation of two, without `std`, which takes a tenth of a second over so short an axis.
            "spread": lambda: float((general[0.1] - general[10.0]).abs().mean()) / math.sqrt(2),
            "lost": partial(lost, general[10.0], self.former[10.0], others),
            "lost_faithful": partial(lost, general[FAITHFUL], self.former[FAITHFUL], others),
        }


def lost(now: Tensor, former: Tensor, truth: Tensor) -> float:
    """How many dB pictures (N, 3, H, W) lose by the step from `former` to `now`: as measured here, or as it would be
    where the step has nothing to do with the error that was left, whichever is more.

    A few photographs tell too little: on one with stripes that look like a collection's grain the step is all loss, on
    another a gain by chance (`docs/experiments.md`). How far the step goes is known much better than where it leads.
    """
    left, step = ((former - truth).square().mean((1, 2, 3)), (now - former).square().mean((1, 2, 3)))
    expected = float((10 * torch.log10(1 + step / left.clamp_min(1e-6))).mean())
    return max(expected, fitted_psnr(former, truth) - fitted_psnr(now, truth))


@torch.no_grad()
def _outputs(
    nets: Networks, batch: Aged, alphas: tuple[float, ...] = ALPHAS
) -> Generator[None, None, dict[float, Tensor]]:
    """The pictures (N, 3, H, W) of a batch by alpha; as of alpha `FAITHFUL`, those to which the head adds nothing."""
    rows: dict[float, list[Tensor]] = {alpha: [] for alpha in (*alphas, FAITHFUL)}
    for x in torch.split(batch.aged, 1):
        _, _, height, width = x.shape
        drawn = torch.rand(1, NOISE, height // 4, width // 4, generator=torch.Generator().manual_seed(SEED))
        noise, style = drawn.to(x) * 2 - 1, x.new_zeros(1, 64)
        seen: Understanding | None = None
        for seen in nets.backbone.steps(x):  # noqa: B007 - the last one counts
            yield None
        assert seen is not None
        rows[FAITHFUL].append(x + seen.residual)
        for alpha in alphas:
            z = condition(x.new_full((1,), alpha), x.new_zeros(1), style)
            rows[alpha].append(x + nets.head(seen, noise, z))
            yield None
    return {alpha: torch.cat(row) for alpha, row in rows.items()}
