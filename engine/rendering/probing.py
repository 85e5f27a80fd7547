"""What is found out about a network of other people's by running it once: how far it looks, what it takes.

How far a network looks around a pixel stands in no file. A part of a test picture is given to it with more and more of
its surroundings, until the answer is that of the whole picture.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from engine.errors import ModelError
from engine.rendering.foreign import Foreign
from engine.runtime.failures import is_device_lost, is_out_of_memory
from engine.types import Progress

HALOS = (16, 32, 64)  # tried in this order; multiples of what windows and strides are aligned to
_SIDE = 256  # of the test picture
_CORE = 64
_AT = 128  # where the part begins: on the grid of tiles, since windows and strides are told from where a tile begins
_SAME = 0.5 / 255  # what counts as no difference; the promise for any picture is twice that
_HEAVY = 3_000.0  # thousands of multiplications a pixel from which tiles are small
_FADE = 8  # pixels on both sides of an edge that does not vanish
_SLACK = 1.15  # of the memory that layers need besides their results


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run showed, in the units of `ModelCard`."""

    tile: int
    halo: int
    blend: int
    seam: float
    memory: int
    effort: float
    pace: float
    pace_on: str


def probe(foreign: Foreign, device: torch.device, name: str) -> Generator[Progress, None, Findings]:
    """Steps that measure a network; ModelError where it answers with no picture."""
    picture = chart().to(device)
    whole, trial = yield from _try(foreign, picture, name)
    effort = trial.multiplications / _SIDE**2 / 1e3
    halo, seam = yield from _halo(foreign, picture, whole)
    tile = 256 if effort < _HEAVY else 128
    window = (tile + 2 * halo) ** 2
    yield Progress(len(HALOS) + 1, len(HALOS) + 1, "measuring")
    return Findings(
        tile=tile,
        halo=halo,
        blend=_FADE if seam > 255 * _SAME or _weighs_the_whole(foreign.module) else 0,
        seam=round(seam, 2),
        memory=int(_SLACK * trial.peak * window / _SIDE**2) + 4 * foreign.parameters,
        effort=round(effort, 1),
        pace=round(trial.seconds / _SIDE**2 * window / tile**2 * 1e6, 2),
        pace_on=_ran_on(device),
    )


def probe_face(foreign: Foreign, device: torch.device, name: str) -> Generator[Progress, None, Findings]:
    """The same for a network for faces, which sees one square and no more: how long that takes, and how much memory."""
    side = foreign.face
    _, trial = yield from _try(foreign, chart(side).to(device), name)
    yield Progress(len(HALOS) + 1, len(HALOS) + 1, "measuring")
    return Findings(
        tile=256,  # it has no tiles and looks at nothing around them: the least that a card may say
        halo=8,
        blend=0,
        seam=0.0,
        memory=int(_SLACK * trial.peak) + 4 * foreign.parameters,
        effort=round(trial.multiplications / side**2 / 1e3, 1),
        pace=round(trial.seconds / side**2 * 1e6, 2),
        pace_on=_ran_on(device),
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """What one pass took: seconds (of all threads), bytes of results at once, multiplications."""

    seconds: float
    peak: int
    multiplications: float


def _try(foreign: Foreign, picture: Tensor, name: str) -> Generator[Progress, None, tuple[Tensor, _Trial]]:
    """Steps of one pass over a picture (1, 3, H, W) -> its answer and what that took; ModelError where it is none."""
    meter, counter = _Meter(), _Counter(foreign.module)
    device = picture.device
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    start = clock()
    try:
        with counter:
            whole = yield from _run(foreign, picture, meter)
        end = clock()
    except Exception as error:
        if is_out_of_memory(error) or is_device_lost(error):
            raise
        raise ModelError(f"“{name}” fails when it is run, and cannot be used; get its file once more.") from error
    if not _is_picture(foreign, picture, whole):
        raise ModelError(f"“{name}” answers a picture with something else, and cannot be used; get its file once more.")
    seconds = (end - start) / (torch.get_num_threads() if device.type == "cpu" else 1)
    return whole, _Trial(seconds, meter.peak, counter.total)


def _ran_on(device: torch.device) -> str:
    if device.type != "cpu":
        return "graphics card"
    threads = torch.get_num_threads()
    return f"processor, {threads} thread{'s' * (threads != 1)}"


def chart(side: int = _SIDE) -> Tensor:
    """Edges, grain and soft shades (1, 3, side, side) in 0..1, the same everywhere."""
    random = torch.Generator().manual_seed(7)
    coarse = torch.rand(1, 3, 12, 12, generator=random)
    picture = 0.7 * F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False) + 0.15
    blocks = (torch.rand(1, 1, 24, 24, generator=random) > 0.75).float()
    picture = picture - 0.3 * F.interpolate(blocks, size=(side, side), mode="nearest")
    return (picture + 0.04 * torch.randn(1, 3, side, side, generator=random)).clamp(0, 1)


def _run(foreign: Foreign, x: Tensor, meter: _Meter | None = None) -> Generator[Progress, None, Tensor]:
    steps = foreign.steps(x)
    while True:
        with torch.inference_mode():
            if meter is None:
                answer = next(steps)
            else:
                with meter:
                    answer = next(steps)
        if answer is not None:
            return answer
        yield Progress(0, len(HALOS) + 1, "measuring")


def _is_picture(foreign: Foreign, picture: Tensor, answer: Tensor) -> bool:
    """Of the size it should have, and made of numbers."""
    size = (1, 3, *(foreign.enlarges * side for side in picture.shape[2:]))
    return tuple(answer.shape) == size and not foreign.faltered


def _halo(foreign: Foreign, picture: Tensor, whole: Tensor) -> Generator[Progress, None, tuple[int, float]]:
    """The first halo with which a part looks as in the whole, or the last one; and the difference it leaves."""
    exact = _reach(foreign.module) if _is_chain(foreign) else None
    if exact is not None:
        return max(8, -(-exact // 8) * 8), 0.0
    start, n = _AT, foreign.enlarges
    middle = whole[:, :, n * start : n * (start + _CORE), n * start : n * (start + _CORE)]
    halo = seam = 0.0
    for number, halo in enumerate(HALOS):
        top, side = start - halo, _CORE + 2 * halo
        part = yield from _run(foreign, picture[:, :, top : top + side, top : top + side])
        inner = part[:, :, n * halo : n * (halo + _CORE), n * halo : n * (halo + _CORE)]
        seam = float((inner - middle).abs().max())
        yield Progress(number + 1, len(HALOS) + 1, "measuring")
        if seam <= _SAME:
            break
    return int(halo), 255 * seam


def _is_chain(foreign: Foreign) -> bool:
    """Whether its convolutions follow each other with nothing beside them, so that their reaches add up."""
    return bool(foreign.descriptor.architecture.id == "Compact")


def _weighs_the_whole(module: nn.Module) -> bool:
    """Whether means over everything it is given go into its answer: then every tile's answer is a little another."""
    means = (nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool1d)
    return any(isinstance(part, means) and set(_pair(part.output_size)) == {1} for part in module.modules())


def _pair(size: Any) -> tuple[Any, ...]:
    return tuple(size) if isinstance(size, list | tuple) else (size,)


def _reach(module: nn.Module) -> int:
    """Pixels that a chain of convolutions looks at on each side."""
    sides = (max(p.kernel_size) for p in module.modules() if isinstance(p, nn.Conv2d))
    return sum(side // 2 for side in sides)


class _Counter:
    """Multiplications of convolutions and linear layers while it is open."""

    def __init__(self, module: nn.Module) -> None:
        self.total = 0.0
        self._parts = [p for p in module.modules() if isinstance(p, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
        self._hooks: list[Any] = []

    def __enter__(self) -> None:
        self._hooks = [part.register_forward_hook(self._count) for part in self._parts]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _count(self, part: nn.Module, _given: object, answer: Tensor) -> None:
        weight: Any = part.weight
        if isinstance(part, nn.ConvTranspose2d):
            self.total += answer.numel() * weight.numel() / weight.shape[1] / math.prod(part.stride)
        else:
            self.total += answer.numel() * weight.numel() / weight.shape[0]


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes of results that were alive at once while it was open; it may be opened again."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        for value in answer if isinstance(answer, list | tuple) else (answer,):
            if isinstance(value, Tensor):
                self._note(value)
        return answer

    def _note(self, value: Tensor) -> None:
        storage = value.untyped_storage()
        address = storage.data_ptr()
        if address in self._known:
            return
        self._known.add(address)
        size = storage.nbytes()
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._forget, address, size)

    def _forget(self, address: int, size: int) -> None:
        self._known.discard(address)
        self._alive -= size
