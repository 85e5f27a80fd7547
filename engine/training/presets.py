"""How long, how large, how fast: a training run is one of these, and the same command runs them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.training.adversary import AdversaryName

Kind = Literal[
    "content",
    "content_kept",
    "tone",
    "features",
    "critic",
    "joint",
    "palette",
    "unfade",
    "upscale",
    "upscale_mixed",
    "upscale_critic",
    "upscale_joint",
]


WHITE_NOISE = ("white noise",)
DOTS = ("dot screen",)
MASK = 0.05  # weight of finding damage beside mending it


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of a run. It ends after `minutes`, or after `steps` where given; `rate` falls along a cosine."""

    kind: Kind
    minutes: float
    rate: float
    batch: int = 8
    size: int = 128
    steps: int | None = None
    corner: tuple[float, float] | None = None  # alpha and beta of every picture; None draws them
    single: float = 0.16  # share of batches with one kind of damage alone, on pictures that are otherwise as they were
    singles: tuple[tuple[str, ...], ...] = (
        WHITE_NOISE,
        WHITE_NOISE,
        ("cracks",),
        ("lost areas",),
    )  # which, drawn evenly
    mildest: float = 0.25  # severity of the other batches at least
    mask: float = MASK  # weight of finding damage beside mending it
    look_alikes: float = 0.2  # share of pictures that get patches which look like damage and are none
    varied: bool = False  # photographs also enlarged, upside down and as negatives


@dataclass(frozen=True, slots=True)
class Preset:
    """A whole run: phases in order, the seed, and how often to measure and save."""

    name: str
    phases: tuple[Phase, ...]
    seed: int = 1
    checkpoint_minutes: float = 2.0
    validation_pictures: int = 16
    validation_size: int = 256
    photos: int | None = None  # at most this many; None: all
    adversary: AdversaryName = "relativistic"
    needs_start: bool = False  # whether it goes on with a finished model, which is to be named


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "cpu-100min",
            (
                Phase("content", 70, 1.2e-3),
                Phase("tone", 5, 2e-3, batch=32, size=64),
                Phase("features", 2, 1e-3, batch=16, size=96),
                Phase("critic", 3, 5e-4, batch=6, size=128),
                Phase("joint", 15, 5e-4, batch=6, size=128),
                Phase("palette", 5, 2e-3, batch=32, size=64),
                Phase("unfade", 5, 1.5e-3, batch=128, size=48),
            ),
        ),
        Preset(
            "cpu-3h",
            (
                Phase("content", 75, 1.2e-3),
                Phase("tone", 10, 2e-3, batch=32, size=64),
                Phase("features", 3, 1e-3, batch=16, size=96),
                Phase("critic", 4, 5e-4, batch=6, size=128),
                Phase("joint", 40, 5e-4, batch=6, size=128),
                Phase("palette", 7, 2e-3, batch=32, size=64),
                Phase("unfade", 8, 1.5e-3, batch=128, size=48),
            ),
        ),
        Preset(
            "gpu-20min",
            (
                Phase("content", 9, 1.5e-3, batch=64, size=160),
                Phase("tone", 1, 2e-3, batch=256, size=64),
                Phase("features", 0.5, 1e-3, batch=64, size=128),
                Phase("critic", 1, 5e-4, batch=32, size=160),
                Phase("joint", 7.5, 5e-4, batch=32, size=160),
                Phase("palette", 1, 2e-3, batch=256, size=64),
                Phase("unfade", 1, 1.5e-3, batch=256, size=48),
            ),
        ),
        Preset(
            "tiny",
            (
                Phase("content", 1, 1e-3, batch=2, size=64, steps=6),
                Phase("tone", 1, 2e-3, batch=4, size=64, steps=4),
                Phase("features", 1, 1e-3, batch=2, size=64, steps=4),
                Phase("critic", 1, 5e-4, batch=3, size=64, steps=3),
                Phase("joint", 1, 5e-4, batch=3, size=64, steps=4),
                Phase("palette", 1, 2e-3, batch=4, size=64, steps=3),
                Phase("unfade", 1, 1.5e-3, batch=4, size=48, steps=3),
            ),
            validation_pictures=2,
            validation_size=96,
        ),
        Preset("backbone", (Phase("content", 50, 7e-4),), seed=3, needs_start=True),  # for a finished model (`--start`)
        Preset(  # the same with the head, which keeps what it adds: the slider and the cards still hold
            "backbone-kept",
            (
                Phase(
                    "content_kept",
                    64,
                    4e-4,
                    batch=6,
                    size=192,  # squares that show what is around a hole
                    single=0.5,
                    singles=(
                        WHITE_NOISE,
                        WHITE_NOISE,
                        ("scratches and dust",),
                        ("scratches and dust",),
                        (*WHITE_NOISE, "scratches and dust"),
                        ("grain", "creases", "scratches and dust"),
                        ("cracks",),
                        ("lost areas",),
                        ("lost areas",),
                        ("grain", "lost areas"),
                        (*WHITE_NOISE, "lost areas"),
                        ("lost areas", "creases"),
                        ("lost areas", "scratches and dust"),
                        DOTS,
                        (*DOTS, "blur"),
                    ),
                    mildest=0.4,
                    mask=0.15,
                    look_alikes=0.3,
                    varied=True,
                ),
            ),
            seed=41,
            checkpoint_minutes=5,
            needs_start=True,
        ),
        Preset(  # short and of a fixed length: what is compared gets the same number of steps
            "head-short",
            (
                Phase("critic", 3, 5e-4, batch=6, size=128, steps=100),
                Phase("joint", 10, 7e-4, batch=6, size=128, steps=500),
            ),
            seed=7,
            checkpoint_minutes=30,
            needs_start=True,
        ),
        Preset(  # the head alone, on a finished backbone
            "head",
            (Phase("critic", 2, 5e-4, batch=6, size=128), Phase("joint", 38, 7e-4, batch=6, size=128)),
            seed=5,
            needs_start=True,
        ),
        Preset(  # on a finished head
            "head-again", (Phase("joint", 14, 5e-4, batch=6, size=128),), seed=8, needs_start=True
        ),
        Preset(
            "unfade",
            (Phase("unfade", 5, 1.5e-3, batch=128, size=48, steps=2500),),
            checkpoint_minutes=5,
            needs_start=True,
        ),  # on a finished model (`--start`)
        # The upscaling tail, on a finished backbone and head (`--start`); `size` is that of the picture to be enlarged.
        Preset(
            "upscale",
            (
                Phase("upscale", 20, 7e-4, size=48),
                Phase("upscale_mixed", 20, 4e-4, size=48),
                Phase("upscale_critic", 3, 5e-4, size=48),
                Phase("upscale_joint", 25, 5e-4, size=48),
            ),
            needs_start=True,
        ),
        Preset(  # the same tail on another backbone and head: `--start OLD_RUN --start NEW_WEIGHTS`
            "upscale-again",
            (
                Phase("upscale_mixed", 8, 4e-4, size=48),
                Phase("upscale_joint", 5, 3e-4, size=48),
            ),
            needs_start=True,
        ),
        Preset(  # a tail whose backbone has moved
            "upscale-kept", (Phase("upscale", 20, 4e-4, size=48),), seed=23, needs_start=True
        ),
        Preset(  # a copy of a finished tail for a low alpha: `--start WEIGHTS --start CRITIC --start TAIL`
            "upscale-crisp",
            (Phase("upscale_critic", 0.7, 5e-4, batch=6, size=48), Phase("upscale_joint", 11, 6e-4, batch=6, size=48)),
            seed=13,
            needs_start=True,
        ),
        Preset(
            "upscale-tiny",
            (
                Phase("upscale", 1, 1e-3, batch=2, size=32, steps=4),
                Phase("upscale_mixed", 1, 1e-3, batch=2, size=32, steps=2),
                Phase("upscale_critic", 1, 5e-4, batch=2, size=32, steps=2),
                Phase("upscale_joint", 1, 5e-4, batch=2, size=32, steps=4),
            ),
            validation_pictures=2,
            validation_size=64,
            needs_start=True,
        ),
    )
}
