"""What a fine-tuning is asked for, how it stands, and what it made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import RecipeError
from engine.types.recipe import SHIPPED_MODEL
from engine.types.work import Progress

CollectionKind = Literal["clean", "pairs", "damaged", "unpaired"]
LEAST_PICTURES = 4  # without which there is nothing to learn from and something to be judged by
TUNING_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
NO_GAIN = 0.05  # dB at alpha 10 on held-out pictures below which nothing was learned
NOTHING_BETTER = "Nothing better was found than the model it began from; more or other pictures may help."


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a fine-tuning is asked for: which pictures teach, under what name, for how long, from which model.

    `kind` says what the pictures are: "clean" ones as the wanted look, "pairs" of scans and their restorations
    (`restored`, in the same order), "damaged" scans alone, or "unpaired": scans, and in `wanted` any number of other
    pictures that look as wanted. `folder` is the folder of models that gets the file; `overwrite` says that it may take
    the place of a tuned model of that name that was taught by something else.
    """

    name: str
    kind: CollectionKind
    pictures: tuple[str, ...]
    folder: str
    restored: tuple[str, ...] = ()
    model: str = SHIPPED_MODEL
    minutes: float = 15.0
    seed: int = 1
    wanted: tuple[str, ...] = ()
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not TUNING_NAME.fullmatch(self.name):
            raise RecipeError(
                f"“{self.name}” cannot be a model's name; use up to 60 small letters, digits and hyphens."
            )
        if not 0 < self.minutes <= 24 * 60:
            raise RecipeError(
                f"A fine-tuning takes more than 0 minutes and at most a day, not {self.minutes:g} minutes."
            )


@dataclass(frozen=True, slots=True)
class TuningStep(Progress):
    """Progress of a fine-tuning that also tells how its last step went.

    `step` is how many are behind it, with those of an earlier sitting; `figures` are the last one's, by its kind: its
    losses ("pixel", "play_content", "adversarial"), and the share of comparisons that the critic got right
    ("accuracy").
    """

    step: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TuningBegun(Progress):
    """Progress of a fine-tuning that is told once, before it learns: what a person should know of the pictures."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TuningCheck:
    """How a fine-tuning stood at one of its measurements, on pictures it does not learn from.

    `figures` are PSNR in dB after gain and offset at three alphas ("own_10"), the same for general aging
    ("general_10"), the texture at the default, and the "score" that the best is chosen by. `strip` is a PNG of four
    squares: as they are, restored at alpha 10, at alpha 1, and their truth.
    """

    step: int
    figures: Mapping[str, float]
    strip: str
    best: bool  # whether this is the best so far
    told: str = ""  # what went wrong and was undone, in a sentence
    seconds: float = 0.0  # that it had learned for
    first: Mapping[str, float] = field(default_factory=dict)  # the run's own first figures, also where it went on
    earlier: bool = False  # made in an earlier sitting, and told again as the run goes on


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of a fine-tuning: the file, the held-out figures before and after, what was undone on the way, and the
    style code of the collection. Where nothing was learned there is no file, and neither path nor style."""

    path: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    told: tuple[str, ...]
    warnings: tuple[str, ...]  # about the pictures, said before it learned (`TuningBegun`)
    steps: int
    seconds: float
    style: tuple[float, ...] = ()

    @property
    def learned(self) -> bool:
        """Whether held-out pictures gained enough to be worth a file."""
        return self.after["own_10"] - self.before["own_10"] >= NO_GAIN
