"""What a fine-tuning is judged by: pictures of the collection that it never learns from, and the general aging."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

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
ORDINARY = 12  # squares aged in general
SIZE = 160
ALLOWED_LOSS = 0.2  # dB that the general aging may lose before it counts against a model
ALPHAS = (0.1, 1.0, 10.0)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Two fixed batches of squares from pictures held out: as the collection is damaged, and aged in general."""

    own: Aged
    general: Aged
    before: Networks  # what the run began from
    former: list[Tensor] = field(default_factory=list)  # its pictures of the general aging, once they were asked for

    @classmethod
    def of(cls, collection: Collection, ordinary: Sequence[Tensor], before: Networks, device: torch.device) -> HeldOut:
        """Squares (8, 3, 160, 160) of a collection's held-out part, and (12, 3, 160, 160) of ordinary photographs, of
        the collection's truth where there are none."""
        pictures = Pictures(ordinary or collection.truth)
        squares = pictures.batch(ORDINARY, SIZE, SEED + 1)
        general = [
            age(square, SEED + n, severity=0.3 + 0.6 * n / ORDINARY, keep_clean=0.0)
            for n, square in enumerate(torch.split(squares, 1))
        ]
        return cls(collection.batch(COUNT, SIZE, SEED).to(device), joined(general).to(device), before)

    def measure(self, run: Run) -> Generator[None, None, tuple[dict[str, float], list[Tensor]]]:
        """The averaged weights' figures, a picture a step: PSNR in dB after gain and offset at three alphas ("own_10"),
        texture at the default, and what the watches look at. "score" is the mean of alpha 10 and 1 on the collection's
        own damage, less what ordinary pictures have "lost" in dB (`lost`) beyond 0.2 dB.

        Beside them a strip for a person to look at: squares as they are, restored at alpha 10, at 1, and their truth.
        """
        kept = {name: value.clone() for name, value in run.nets.state_dict().items()}
        if not self.former:
            former = yield from _outputs(self.before, self.general, (10.0,))
            self.former.append(former[10.0])
        run.adopt_average()
        try:
            own = yield from _outputs(run.nets, self.own)
            general = yield from _outputs(run.nets, self.general, (0.1, 10.0))
        finally:
            run.nets.load_state_dict(kept)
        yield None
        figures = {f"own_{alpha:g}": fitted_psnr(own[alpha], self.own.toned) for alpha in ALPHAS}
        figures["own_input"] = fitted_psnr(self.own.aged, self.own.toned)
        figures["general_10"] = fitted_psnr(general[10.0], self.general.toned)
        figures["texture_1"] = texture(own[1.0], self.own.toned)
        figures["lab_shift"] = lab_distance(own[1.0], own[10.0])
        figures["spread"] = float(torch.stack([general[0.1], general[10.0]]).std(dim=0).mean())
        figures["lost"] = lost(general[10.0], self.former[0], self.general.toned)
        figures["score"] = (figures["own_10"] + figures["own_1"]) / 2 - max(0.0, figures["lost"] - ALLOWED_LOSS)
        strip = [pictures[:4] for pictures in (self.own.aged, own[10.0], own[1.0], self.own.toned)]
        return figures, strip


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
    rows: dict[float, list[Tensor]] = {alpha: [] for alpha in alphas}
    for x in torch.split(batch.aged, 1):
        _, _, height, width = x.shape
        drawn = torch.rand(1, NOISE, height // 4, width // 4, generator=torch.Generator().manual_seed(SEED))
        noise, style = drawn.to(x) * 2 - 1, x.new_zeros(1, 64)
        seen: Understanding | None = None
        for seen in nets.backbone.steps(x):  # noqa: B007 - the last one counts
            yield None
        assert seen is not None
        for alpha, row in rows.items():
            z = condition(x.new_full((1,), alpha), x.new_zeros(1), style)
            row.append(x + nets.head(seen, noise, z))
            yield None
    return {alpha: torch.cat(row) for alpha, row in rows.items()}
