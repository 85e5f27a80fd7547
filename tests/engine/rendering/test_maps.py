"""What the maps of a restoration promise."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.rendering import maps
from engine.rendering.maps import GUISES
from engine.rendering.pipeline import Pipeline
from engine.runtime.steps import at_once
from engine.types import MAP_SCALES, ImageRef, MapFrame, MapKind, MapRequest, Recipe, Region, View
from tests.engine.rendering.test_pipeline import old as whole_photograph
from tests.engine.rendering.test_pipeline import restore, subject

__all__ = ["whole_photograph"]  # a fixture

KINDS: tuple[MapKind, ...] = ("fidelity", "uncertainty")
DARING = Recipe(alpha=0.1)


@pytest.fixture(scope="module")
def old(whole_photograph: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A part of it: several tiles still."""
    return np.ascontiguousarray(whole_photograph[:104, 60:200])


def request(kind: MapKind, pixels: NDArray[np.uint8], recipe: Recipe, scale: float = 1.0) -> MapRequest:
    region = Region(0, 0, pixels.shape[1], pixels.shape[0])
    return MapRequest(kind, ImageRef("x", "0", 0), recipe, View(region, scale))


def mapped(
    pipeline: Pipeline, kind: MapKind, pixels: NDArray[np.uint8], recipe: Recipe, scale: float = 1.0
) -> MapFrame:
    asked = request(kind, pixels, recipe, scale)
    frame: MapFrame = at_once(maps.view(pipeline, subject(pixels, recipe), asked, lambda _: None))
    return frame


def test_changed_is_how_far_the_export_is_from_the_scan(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    changed = mapped(pipeline, "fidelity", old, DARING).values[..., 0].astype(float)
    exported = restore(pipeline, old, DARING)
    difference = np.abs(exported.astype(int) - old).max(axis=2)
    inside = (exported > 0).all(axis=2) & (exported < 255).all(axis=2)  # an export is clipped
    assert np.abs(changed - difference)[inside].max() <= 0.6  # and rounded
    assert changed.max() > 20


def test_the_most_faithful_setting_invents_nothing_and_a_daring_one_does(
    pipeline: Pipeline, old: NDArray[np.uint8]
) -> None:
    def invented(recipe: Recipe) -> float:
        return float(mapped(pipeline, "fidelity", old, recipe).values[..., 1].mean())

    assert invented(Recipe(alpha=10.0)) == 0
    assert invented(Recipe(alpha=10.0, style="sepia", beta=0.0)) == 0
    assert invented(DARING) > 2 * invented(Recipe(alpha=3.0)) > 0


def test_what_was_not_changed_is_not_called_invented(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    values = mapped(pipeline, "fidelity", old, replace(DARING, scope="damage")).values
    assert (values[..., 1] <= values[..., 0]).all()
    assert (values[..., 0] == 0).any()
    assert not mapped(pipeline, "fidelity", old, replace(DARING, strength=0.0)).values.any()


def test_detail_removed_is_a_change_and_no_invention() -> None:
    x = torch.zeros(1, 3, 32, 32)
    x[..., 16, 16] = 0.5  # a speck that both settings remove, ours a little less
    removed, mostly = -x, -0.8 * x
    values = maps._told_apart(x, removed, mostly)
    assert values[0, 0].max() == pytest.approx(0.5)
    assert values[0, 1].max() < 0.01
    added = torch.zeros_like(x)
    added[..., 8, 8] = 0.25
    assert maps._told_apart(x, added, torch.zeros_like(x))[0, 1, 8, 8] == pytest.approx(0.25, rel=0.02)


def test_nothing_is_uncertain_where_nothing_changes_and_something_is_where_much_does(
    pipeline: Pipeline, old: NDArray[np.uint8]
) -> None:
    old = np.ascontiguousarray(old[:64, :64])
    frame = mapped(pipeline, "uncertainty", old, DARING)
    assert frame.values.shape == (*old.shape[:2], 1)
    assert frame.values.max() > 1
    assert not mapped(pipeline, "uncertainty", old, replace(DARING, strength=0.0)).values.any()
    half = mapped(pipeline, "uncertainty", old, replace(DARING, strength=0.5))
    assert half.values.mean() == pytest.approx(frame.values.mean() / 2, rel=0.02)


@pytest.mark.parametrize("guise", GUISES)
def test_a_guise_comes_off_as_it_was_put_on(guise: maps._Guise) -> None:
    down, across = torch.meshgrid(torch.arange(48.0), torch.arange(40.0), indexing="ij")
    x = torch.stack((down.sin(), (across / 2).cos(), (down / 3 + across / 2).sin()))[None]
    back = guise.take_off(guise.put_on(x))
    assert (back - x)[..., 8:-8, 8:-8].abs().max() < 0.02


def test_a_shift_is_by_half_a_pixel() -> None:
    x = torch.arange(40.0).expand(1, 1, 8, 40)
    moved = maps._shifted(x, 3, forward=True)
    assert moved[0, 0, 4, 10:30].numpy() == pytest.approx(np.arange(10.5, 30.5), abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_of_a_view_add_up_to_it_and_are_not_measured_twice(
    pipeline: Pipeline, old: NDArray[np.uint8], kind: MapKind
) -> None:
    recipe = Recipe(alpha=0.2, seed=5)
    region = Region(49, 21, 90, 70)
    asked = replace(request(kind, old, recipe), view=View(region))
    parts: list[MapFrame] = []
    frame = at_once(maps.view(pipeline, subject(old, recipe), asked, parts.append))
    assert frame.region == region
    assert len(parts) > 1
    for part in parts:
        top, left = part.region.y - region.y, part.region.x - region.x
        where = slice(top, top + part.region.height), slice(left, left + part.region.width)
        assert np.array_equal(part.pixels, frame.pixels[where])
        assert np.array_equal(part.values, frame.values[where])
    whole = mapped(pipeline, kind, old, recipe)
    assert np.array_equal(whole.values[21:91, 49:139], frame.values), "a view and the whole agree"
    before = pipeline.measured.statistics
    again = mapped(pipeline, kind, old, replace(recipe, scale=2))
    after = pipeline.measured.statistics
    assert np.array_equal(again.values, whole.values), "the size of the result does not matter"
    assert after.misses == before.misses


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_is_made_in_short_steps_and_may_be_left_at_any(
    pipeline: Pipeline, old: NDArray[np.uint8], kind: MapKind
) -> None:
    recipe = Recipe(alpha=0.4, seed=6)
    steps = maps.view(pipeline, subject(old, recipe), request(kind, old, recipe), lambda _: None)
    taken, start = 0, time.monotonic()
    for _ in steps:
        assert not torch.is_inference_mode_enabled()
        taken += 1
    assert taken > 8
    assert time.monotonic() - start < 0.2 * taken
    steps = maps.view(pipeline, subject(old, recipe), request(kind, old, replace(recipe, seed=7)), lambda _: None)
    next(steps)
    steps.close()


def test_a_map_in_a_small_view_is_small_and_its_colours_say_how_much(
    pipeline: Pipeline, old: NDArray[np.uint8]
) -> None:
    frame = mapped(pipeline, "fidelity", old, DARING, 0.5)
    assert frame.pixels.shape == (52, 70, 4)
    assert frame.region == Region(0, 0, 140, 104)
    survey = maps.survey(pipeline, subject(old, DARING), "fidelity", 0)
    full = np.zeros((4, 4, 2), np.float16)
    full[:2, :, 0] = MAP_SCALES["fidelity"][0].full
    full[2:, :, 1] = 1000
    drawn = survey.draw(full, Region(0, 0, 4, 4))
    assert tuple(drawn[0, 0, 2::-1]) == MAP_SCALES["fidelity"][0].colour
    assert tuple(drawn[3, 0, 2::-1]) == MAP_SCALES["fidelity"][1].colour
    plain = survey.draw(np.zeros_like(full), Region(0, 0, 4, 4))
    assert np.ptp(plain[..., :3].astype(int), axis=2).max() <= 1, "where nothing happened the picture is grey"


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 130, 1), (9, 3, 4), (70, 67, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_any_size_and_kind_have_maps(pipeline: Pipeline, shape: tuple[int, ...], kind: MapKind) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, shape, dtype=np.uint8)
    mask = np.full(shape[:2], 255, np.uint8)
    for recipe, more in ((DARING, {}), (Recipe(scope="damage"), {"mask": mask})):
        steps = maps.view(pipeline, subject(pixels, recipe, **more), request(kind, pixels, recipe), lambda _: None)
        assert at_once(steps).values.shape[:2] == shape[:2]


def test_forgetting_an_image_forgets_its_maps(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    mapped(pipeline, "fidelity", old, DARING)
    assert pipeline.measured.statistics.entries
    known = {key[0] for key in pipeline.measured._entries}
    for sha256 in known:
        pipeline.forget(sha256)
    assert not pipeline.measured.statistics.entries
