"""How fast the networks run here, next to the fastest plain convolution that this machine manages in the same run."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.evaluation.bench_timing import time_calls, time_steps, typical
from engine.evaluation.ours import in_memory
from engine.imaging.tiles import Tile
from engine.models.generator import MULTIPLE_OF, NOISE, Head
from engine.rendering import stages
from engine.rendering.pipeline import Pipeline
from engine.rendering.stages import Plan, Seen
from engine.rendering.studio import Studio
from engine.rendering.subject import Subject
from engine.rendering.tensors import to_tensor
from engine.types import SHIPPED_MODEL, ImageRef, Recipe, Region, RenderRequest, View

PEAK_CHANNELS = (32, 64)  # the widths of most of the backbone
_TICKS = (0.3, 3.0, 0.7, 1.5, 8.0, 1.0)  # alpha as a hand moves it; every tick folds the head anew


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: seconds for each short thing, and runs of each long one."""

    seconds: float = 0.5
    repeat: int = 3


@dataclass(frozen=True, slots=True)
class Passes:
    """Speed over one picture held in memory; MAC are the multiplications and additions of the convolutions.

    `full_pass_*` is `Pipeline.whole`, from decoded pixels to decoded pixels, per pixel of the picture: what tiles
    compute twice counts as lost. `computed_share` counts it as work. `backbone_*` is the network alone on one tile.
    A tick is `Pipeline.draft` over cached tiles; `head_ms_mpx` is the part of it that is the network.
    """

    picture_mpx: float
    kmac_per_px: float
    full_pass_ms_mpx: float
    full_pass_gmac_s: float
    full_pass_share: float
    computed_share: float
    backbone_ms_mpx: float
    backbone_share: float
    tick_ms_mpx: float
    head_ms_mpx: float
    tick_to_full_pass: float


Peaks = Mapping[str, Mapping[str, float]]
"""Number format -> channels, as text for JSON -> GMAC/s."""


def peaks(studio: Studio, effort: Effort) -> Generator[None, None, Peaks]:
    """The machine's own speed at 3 x 3 convolutions in float32, bfloat16 and the format in use.

    A format that the device does not have is left out.
    """
    device = studio.device.device
    found: dict[str, dict[str, float]] = {}
    for dtype in dict.fromkeys((torch.float32, torch.bfloat16, studio.device.dtype)):
        name = str(dtype).removeprefix("torch.")
        rates: dict[str, float] = {}
        try:
            for channels in PEAK_CHANNELS:
                rates[str(channels)] = yield from _peak(device, dtype, channels, effort)
        except (RuntimeError, TypeError):  # how torch says that a device lacks a format
            continue
        found[name] = rates
    return found


def _peak(device: torch.device, dtype: torch.dtype, channels: int, effort: Effort) -> Generator[None, None, float]:
    # On a processor a tensor that stays in its cache, on a graphics card enough work to fill it.
    batch, side, calls = (1, 192, 4) if device.type == "cpu" else (16, 512, 8)
    x = torch.rand(batch, channels, side, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(channels, channels, 3, 3, device=device).to(dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)
    taken = yield from time_calls(partial(_convolve, x, weight, calls), device, seconds=effort.seconds)
    return calls * batch * side * side * channels * channels * 9 / min(taken) / 1e9


@torch.inference_mode()
def _convolve(x: Tensor, weight: Tensor, calls: int) -> None:
    for _ in range(calls):
        F.conv2d(x, weight, padding=1)


def passes(
    studio: Studio, pixels: NDArray[np.uint8], peak_gmac_s: float, effort: Effort
) -> Generator[None, None, Passes]:
    """Measures the shipped model on `pixels` (H, W, 3) against `peak_gmac_s` of the format in use."""
    pipeline = studio.pipeline(SHIPPED_MODEL)
    subject = Subject(hashlib.sha256(pixels.data).hexdigest(), in_memory(pixels), Recipe())
    tiles = subject.source.tiles(0, pipeline.card)
    mpx = pixels.shape[0] * pixels.shape[1] / 1e6
    padded_mpx = sum(tile.padded.width * tile.padded.height for tile in tiles) / 1e6
    backbone_mac, head_mac = backbone_macs(studio.restorer.backbone), head_macs(studio.restorer.head)
    full = typical((yield from time_steps(partial(_afresh, pipeline, subject), repeat=effort.repeat)))
    backbone, head = yield from _networks(pipeline, subject, effort)
    tick = yield from _tick(pipeline, subject, effort)
    pipeline.forget(subject.sha256)
    full_rate = mpx * (backbone_mac + head_mac) / full / 1e3
    computed_rate = (padded_mpx * backbone_mac + mpx * head_mac) / full / 1e3
    return Passes(
        picture_mpx=mpx,
        kmac_per_px=(backbone_mac + head_mac) / 1e3,
        full_pass_ms_mpx=1e3 * full / mpx,
        full_pass_gmac_s=full_rate,
        full_pass_share=full_rate / peak_gmac_s,
        computed_share=computed_rate / peak_gmac_s,
        backbone_ms_mpx=1e3 * backbone,
        backbone_share=backbone_mac / backbone / 1e3 / peak_gmac_s,
        tick_ms_mpx=1e3 * tick / mpx,
        head_ms_mpx=1e3 * head,
        tick_to_full_pass=tick / full,
    )


def _afresh(pipeline: Pipeline, subject: Subject) -> Generator[object, None, object]:
    pipeline.forget(subject.sha256)
    return pipeline.whole(subject)


def _networks(pipeline: Pipeline, subject: Subject, effort: Effort) -> Generator[None, None, tuple[float, float]]:
    """Seconds a megapixel of the backbone and of the head, each alone, on the largest tile of the picture."""
    source, restorer, device = subject.source, pipeline.restorer, pipeline.device
    tile = max(source.tiles(0, pipeline.card), key=lambda t: t.padded.width * t.padded.height)
    x = to_tensor(source.working(0, tile.padded), device)
    x = x[:, :, : x.shape[2] // MULTIPLE_OF * MULTIPLE_OF, : x.shape[3] // MULTIPLE_OF * MULTIPLE_OF]
    prepared = x.to(restorer.backbone.stem.weight.dtype).contiguous(memory_format=torch.channels_last)
    backbone = yield from time_calls(
        partial(_without_gradients, restorer.backbone, prepared), device, seconds=effort.seconds
    )
    seen = _understood(pipeline, x, tile)
    noise = torch.zeros(1, NOISE, *seen.features.shape[2:], device=device, dtype=seen.features.dtype)
    plan = _plan(pipeline, x)
    run_head = partial(_without_gradients, plan.head, seen.features, seen.fine, seen.room, seen.residual, noise)
    head = yield from time_calls(run_head, device, seconds=effort.seconds)
    return typical(backbone) / _mpx(prepared), typical(head) / _mpx(seen.residual)


@torch.inference_mode()
def _without_gradients(network: Any, *inputs: Tensor) -> None:
    network(*inputs)


@torch.inference_mode()
def _understood(pipeline: Pipeline, x: Tensor, tile: Tile) -> Seen:
    padded = Region(tile.padded.x, tile.padded.y, x.shape[3], x.shape[2])
    *_, seen = stages.understand(pipeline.restorer, x, padded, tile.core.intersect(padded))
    assert seen is not None
    return seen


@torch.inference_mode()
def _plan(pipeline: Pipeline, x: Tensor) -> Plan:
    return stages.prepare(pipeline.restorer, Recipe(), None, stages.tone_thumbnail(x))


def _mpx(x: Tensor) -> float:
    return x.shape[2] * x.shape[3] / 1e6


def _tick(pipeline: Pipeline, subject: Subject, effort: Effort) -> Generator[None, None, float]:
    """Seconds of one slider tick over the whole picture at 1:1, its tiles in the cache."""
    image = ImageRef("", subject.sha256, 0)
    height, width = subject.source.shape[:2]
    first = RenderRequest(image, subject.recipe, View(Region(0, 0, width, height)))
    for _step in pipeline.refine(first, subject, lambda _frame: None):
        yield None
    taken: list[float] = []
    for alpha in _TICKS[: max(2, effort.repeat * 2)]:
        recipe = replace(subject.recipe, alpha=alpha)
        draw = partial(pipeline.draft, replace(first, recipe=recipe), replace(subject, recipe=recipe))
        taken += yield from time_calls(draw, pipeline.device, seconds=effort.seconds / len(_TICKS), at_least=1)
    return typical(taken)


def backbone_macs(backbone: nn.Module) -> float:
    """Multiplications of the backbone's convolutions for each pixel of a picture."""
    side, counted = 8 * MULTIPLE_OF, 0

    def count(layer: nn.Module, _inputs: object, out: Tensor) -> None:
        nonlocal counted
        counted += out.shape[2] * out.shape[3] * int(layer.weight.numel())  # type: ignore[operator]

    hooks = [part.register_forward_hook(count) for part in backbone.modules() if isinstance(part, nn.Conv2d)]
    try:
        weight = next(backbone.parameters())
        _without_gradients(backbone, torch.zeros(1, 3, side, side, device=weight.device, dtype=weight.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return counted / side**2


def head_macs(head: Head) -> float:
    """The same of the head, which works on cells of 4 x 4 pixels and then of 2 x 2."""
    return sum(layer.weight.numel() / (16 if number < 2 else 4) for number, layer in enumerate(head.layers))
