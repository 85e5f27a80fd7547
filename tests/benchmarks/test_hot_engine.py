"""What a restoration spends its time on, as multiples of what this machine does plainly."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch

from engine.evaluation.bench_files import photograph, write_measured
from engine.evaluation.bench_speed import backbone_macs, head_macs
from engine.evaluation.ours import in_memory
from engine.imaging.color import WorkingSpace
from engine.imaging.reader import read_master
from engine.imaging.tiles import plan
from engine.models.generator import FEATURES, FINE, NOISE
from engine.rendering import maps, stages
from engine.rendering.pipeline import Pipeline
from engine.rendering.sketches import Haste
from engine.rendering.subject import Subject
from engine.types import CONSERVATOR, ImageRef, MapKind, MapRequest, Recipe, Region, RenderRequest, View
from tests.benchmarks.conftest import Compare, computing

pytestmark = computing

SIDE = 1024
Convolutions = Callable[[float], Callable[[], None]]


def test_decoding_a_tiff_costs_little_more_than_unpacking_its_strips(compare: Compare, tmp_path: Path) -> None:
    pixels = photograph(2000, 1500)
    path = tmp_path / "master.tif"
    write_measured(path, pixels, "TIFF")
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        assert page.compression == tifffile.COMPRESSION.LZW
        data = path.read_bytes()
        strips = [data[at : at + size] for at, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
    assert sum(len(imagecodecs.lzw_decode(strip)) for strip in strips) == pixels.nbytes
    assert np.array_equal(read_master(path).pixels, pixels)

    def unpack() -> None:
        for strip in strips:
            imagecodecs.lzw_decode(strip)

    compare(lambda: read_master(path), unpack, "unpacking the same strips", at_most=2)


def test_planning_tiles_costs_what_making_as_many_objects_costs(compare: Compare) -> None:
    width, height, core = 20_000, 15_000, 512
    count = len(plan(width, height, core, 64, 8))

    def plain() -> list[tuple[Region, Region]]:
        return [(Region(i, i, core, core), Region(i, i, core, core)) for i in range(count)]

    compare(lambda: plan(width, height, core, 64, 8), plain, "making as many pairs of regions", at_most=6)


def test_the_backbone_keeps_near_the_speed_of_plain_convolutions(
    compare: Compare, pipeline: Pipeline, convolutions: Convolutions
) -> None:
    backbone = pipeline.restorer.backbone
    x = torch.rand(1, 3, SIDE, SIDE).to(backbone.stem.weight.dtype).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run() -> None:
        backbone(x)

    equal = convolutions(backbone_macs(backbone) * SIDE * SIDE / 1e6)
    compare(run, equal, "plain convolutions of as many multiplications", at_most=3, rounds=7)


def test_the_head_keeps_near_the_speed_of_plain_convolutions(
    compare: Compare, pipeline: Pipeline, convolutions: Convolutions
) -> None:
    dtype, cells = pipeline.restorer.backbone.stem.weight.dtype, SIDE // 4
    with torch.inference_mode():
        ready = stages.prepare(pipeline.restorer, Recipe(), None, torch.rand(1, 3, 64, 64))
    features, fine, room, residual, noise = (
        torch.rand(1, channels, side, side).to(dtype).contiguous(memory_format=torch.channels_last)
        for channels, side in ((FEATURES, cells), (FINE, 2 * cells), (1, SIDE), (3, SIDE), (NOISE, cells))
    )

    @torch.inference_mode()
    def run() -> None:
        ready.head(features, fine, room, residual, noise)

    equal = convolutions(head_macs(pipeline.restorer.head) * SIDE * SIDE / 1e6)
    compare(run, equal, "plain convolutions of as many multiplications", at_most=6)


def test_a_slider_tick_over_cached_tiles_is_a_fraction_of_a_full_pass(compare: Compare, pipeline: Pipeline) -> None:
    subject = Subject("tick", in_memory(photograph(SIDE, SIDE)), Recipe())
    request = RenderRequest(ImageRef("", "tick", 0), subject.recipe, View(Region(0, 0, SIDE, SIDE)))
    moved = replace(subject.recipe, alpha=3.0)

    def tick() -> None:
        pipeline.draft(replace(request, recipe=moved), replace(subject, recipe=moved))

    def full_pass() -> None:
        pipeline.forget(subject.sha256)
        for _step in pipeline.refine(request, subject, lambda _frame: None):
            pass

    compare(tick, full_pass, "a full pass over the same view", at_most=0.3, rounds=7)


def test_a_sketch_is_a_fraction_of_a_whole_draft(
    compare: Compare, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject("sketch", in_memory(photograph(SIDE, SIDE)), Recipe())
    request = RenderRequest(ImageRef("", "sketch", 0), subject.recipe, View(Region(0, 0, SIDE, SIDE)))
    for _step in pipeline.refine(request, subject, lambda _frame: None):
        pass
    monkeypatch.setattr(Haste, "sketches", lambda _self, _pixels: True)
    alphas = itertools.cycle((0.3, 3.0, 0.7, 1.5))

    def draft(moving: bool) -> None:
        recipe = replace(subject.recipe, alpha=next(alphas))
        pipeline.draft(replace(request, recipe=recipe, moving=moving), replace(subject, recipe=recipe))

    compare(lambda: draft(True), lambda: draft(False), "a whole draft of the same view", at_most=0.5)


def test_packing_pixels_for_the_screen_is_a_few_copies(compare: Compare) -> None:
    pixels = photograph(2048, 1536)
    space = WorkingSpace(None, 3, 8)
    target = np.empty((1536, 2048, 4), np.uint8)
    source = space.to_display(pixels)
    compare(lambda: space.to_display(pixels), lambda: np.copyto(target, source), "one copy of the result", at_most=40)


@pytest.mark.parametrize("work", ["fidelity", "uncertainty", "export"])
@pytest.mark.parametrize("recipe", [Recipe(), CONSERVATOR, Recipe(keep_tone=False, grain=0.5)])
def test_no_step_holds_the_engine_for_long(pipeline: Pipeline, recipe: Recipe, work: str) -> None:
    """Against the backbone over one tile, which took half a second where a step may take 50 ms."""
    side = 448  # one tile of a fidelity map
    source, whole = in_memory(photograph(side, side)), Region(0, 0, side, side)

    def steps(number: int) -> Iterator[object]:
        subject = Subject(f"steps {number}", source, recipe)
        if work == "export":
            return pipeline.whole(subject)
        kind: MapKind = "fidelity" if work == "fidelity" else "uncertainty"
        request = MapRequest(kind, ImageRef("", subject.sha256, 0), recipe, View(whole))
        return maps.view(pipeline, subject, request, lambda _frame: None)

    network = pipeline.restorer.backbone
    tile = torch.rand(1, 3, side, side).to(network.stem.weight.dtype).contiguous(memory_format=torch.channels_last)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # whose own time is all there is
    try:
        backbone = min(_own_time(lambda: torch.inference_mode()(network)(tile)) for _ in range(3))
        runs = [_times(steps(number)) for number in range(2)]
    finally:
        torch.set_num_threads(threads)
    longest = max(min(times) for times in zip(*runs, strict=True))
    assert longest <= 0.2 * backbone, f"{longest:.3f} s; the backbone over a tile takes {backbone:.3f} s"


def _own_time(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _times(steps: Iterator[object]) -> list[float]:
    taken, going = [], True

    def go() -> None:
        nonlocal going
        going = next(steps, steps) is not steps

    while going:
        taken.append(_own_time(go))
    return taken
