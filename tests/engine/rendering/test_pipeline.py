import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray

from engine import resources
from engine.imaging.color import WorkingSpace
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.styles.library import read_cards
from engine.types import PROTECTED, Frame, ImageInfo, ImageRef, Recipe, Region, RenderRequest, View

STYLES = {card.id: card for card in read_cards(resources.path("styles/styles.json"))}


@pytest.fixture(scope="module")
def old() -> NDArray[np.uint8]:
    """A photograph with grain and scratches: damage that stays the same when the aging learns more."""
    photo: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()  # noqa: B009 (it has no annotations)
    rng = np.random.default_rng(11)
    picture = photo[60:260, 100:340] + rng.normal(0, 14, (200, 240, 1))
    for column in rng.integers(0, 240, 6):
        picture[:, column : column + 2] = 245
    return np.clip(picture, 0, 255).astype(np.uint8)


def subject(pixels: NDArray[Any], recipe: Recipe, **more: Any) -> Subject:
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    master = Master(pixels, ImageInfo("", width, height, channels, bits, "TIFF"))
    source = Source(Path(), master, WorkingSpace(None, channels, bits), Pyramid(pixels))
    style = STYLES[recipe.style] if recipe.style else None
    return Subject(str(hash(pixels.tobytes())), source, recipe, style=style, **more)


def restore(pipeline: Pipeline, pixels: NDArray[Any], recipe: Recipe, **more: Any) -> NDArray[Any]:
    result: NDArray[Any] = at_once(pipeline.whole(subject(pixels, recipe, **more)))[0]
    return result


def as_16_bit(old: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return old.astype(np.uint16) * 257 + np.arange(old.shape[1], dtype=np.uint16)[None, :, None] % 97


def request(pixels: NDArray[Any], recipe: Recipe, scale: float = 1.0, region: Region | None = None) -> RenderRequest:
    region = region or Region(0, 0, pixels.shape[1], pixels.shape[0])
    return RenderRequest(ImageRef("x", "0", 0), recipe, View(region, scale))


def test_restoration_changes_a_damaged_picture(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    restored = restore(pipeline, old, Recipe())
    assert restored.shape == old.shape
    assert restored.dtype == np.uint8
    assert np.abs(restored.astype(int) - old).mean() > 1


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("recipe", [Recipe(strength=0.0), Recipe(strength=0.0, keep_tone=False, alpha=0.1)])
def test_strength_zero_gives_the_master_bit_for_bit(
    pipeline: Pipeline, old: NDArray[np.uint8], bits: int, recipe: Recipe
) -> None:
    master = old if bits == 8 else as_16_bit(old)
    assert np.array_equal(restore(pipeline, master, recipe), master)


def test_outside_the_damage_the_master_stays_bit_for_bit(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    master = as_16_bit(old)
    restored = restore(pipeline, master, Recipe(scope="damage", keep_tone=False, style="sepia", beta=1.0))
    probability = at_once(pipeline.damage(subject(master, Recipe())))
    far = torch.nn.functional.max_pool2d(torch.from_numpy(probability > 120).float()[None, None], 15, 1, 7)[0, 0] == 0
    changed = (restored != master).any(axis=2)
    assert changed.any()
    assert not changed[far.numpy()].any()


def test_a_mask_of_ones_own_decides_where(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    mask = np.zeros(old.shape[:2], np.uint8)
    mask[40:120, 50:200] = 255
    restored = restore(pipeline, old, Recipe(scope="damage"), mask=mask)
    changed = (restored != old).any(axis=2)
    assert changed[44:116, 54:196].mean() > 0.5
    changed[38:122, 48:202] = False
    assert not changed.any()


@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_protected_stays_bit_for_bit_beside_what_is_repaired(
    pipeline: Pipeline, old: NDArray[np.uint8], bits: int
) -> None:
    master = old if bits == 8 else as_16_bit(old)
    mask = np.full(old.shape[:2], 255, np.uint8)
    mask[50:140, 60:61] = mask[100:150, 100:180] = PROTECTED  # a line thinner than the mask's soft edge, and an area
    restored = restore(pipeline, master, Recipe(scope="damage", grain=0.3), mask=mask)
    changed = (restored != master).any(axis=2)
    assert not changed[mask == PROTECTED].any()
    assert changed[mask != PROTECTED].mean() > 0.9
    recipe = Recipe(scope="damage")
    steps = pipeline.refine(request(master, recipe, 0.5), subject(master, recipe, mask=mask), lambda _: None)
    frame = at_once(steps)
    inside = (slice(52, 73), slice(52, 88))  # half as large, less a pixel that lies half outside
    assert np.array_equal(frame.pixels[inside], frame.before[inside])


def test_tiles_meet_without_a_seam(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    """Tiled and untiled agree within 1/255: the proof that the halo suffices."""
    master = as_16_bit(old)
    whole_card = dataclasses.replace(pipeline.card, tile=1024)
    whole = Pipeline(pipeline.restorer, whole_card, torch.device("cpu"), 0)
    for recipe in (Recipe(), Recipe(alpha=0.1), Recipe(style="vangogh-starry-night", beta=10.0), Recipe(grain=1.0)):
        tiled, untiled = (restore(p, master, recipe).astype(np.int64) for p in (pipeline, whole))
        assert np.abs(tiled - untiled).max() <= 257


def test_a_picture_smaller_than_the_network_s_grid_works(pipeline: Pipeline) -> None:
    for shape in ((1, 1, 3), (2, 130, 1), (9, 3, 4)):
        master = np.full(shape, 90, np.uint8)
        assert restore(pipeline, master, Recipe()).shape == shape


def test_alpha_is_continuous_and_matters(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    results = [restore(pipeline, old, Recipe(alpha=a)).astype(float) for a in (0.1, 1.0, 1.02, 10.0)]
    assert np.abs(results[0] - results[3]).mean() > 3 * np.abs(results[1] - results[2]).mean()
    assert np.abs(results[1] - results[2]).mean() < 0.5


def test_beta_zero_silences_every_style(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    plain = restore(pipeline, old, Recipe())
    assert np.array_equal(restore(pipeline, old, Recipe(style="cyanotype", beta=0.0)), plain)
    assert not np.array_equal(restore(pipeline, old, Recipe(style="cyanotype", beta=1.0)), plain)


@pytest.mark.parametrize("style", ["modern-colour", "process-daguerreotype-thoreau"])  # no texture: palettes alone
def test_a_style_goes_on_growing_to_the_end_of_its_slider(
    pipeline: Pipeline, old: NDArray[np.uint8], style: str
) -> None:
    plain = restore(pipeline, old, Recipe()).astype(float)
    changes = [np.abs(restore(pipeline, old, Recipe(style=style, beta=b)) - plain).mean() for b in (0.1, 0.3, 1, 3, 10)]
    assert all(more > less for less, more in pairwise(changes))


def test_the_same_recipe_gives_the_same_bits(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    recipe = Recipe(alpha=0.3, style="autochrome", beta=2.0, keep_tone=False, grain=0.5, seed=7)
    first = restore(pipeline, old, recipe)
    pipeline.forget(subject(old, recipe).sha256)
    assert np.array_equal(restore(pipeline, old, recipe), first)


def test_a_screen_at_full_size_shows_the_pixels_of_the_export(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    recipe = Recipe(alpha=0.5, style="sepia", beta=1.0)
    exported = restore(pipeline, old, recipe)
    tiles: list[Frame] = []
    region = Region(33, 21, 180, 150)
    frame = at_once(pipeline.refine(request(old, recipe, region=region), subject(old, recipe), tiles.append))
    assert frame.exact
    assert frame.region == region
    assert np.array_equal(frame.pixels[..., 2::-1], exported[21:171, 33:213])
    assert np.array_equal(frame.before[..., 2::-1], old[21:171, 33:213])
    for tile in tiles:
        r = tile.region
        assert np.array_equal(tile.pixels[..., 2::-1], exported[r.y : r.bottom, r.x : r.right])
    assert sum(t.region.width * t.region.height for t in tiles) == 180 * 150


@pytest.mark.parametrize("recipe", [Recipe(alpha=0.5), Recipe(style="sepia", beta=1.0, scope="damage", grain=0.5)])
def test_a_sampled_pixel_is_the_one_that_an_export_writes(
    pipeline: Pipeline, old: NDArray[np.uint8], recipe: Recipe
) -> None:
    master = as_16_bit(old)
    what = subject(master, recipe)
    pipeline.forget(what.sha256)
    assert pipeline.sample(what, 5, 5) is None, "nothing has been seen yet"
    at_once(pipeline.refine(request(master, recipe), what, lambda _: None))
    exported = at_once(pipeline.whole(what))[0]
    for x, y in ((0, 0), (127, 127), (128, 130), (239, 199), (70, 33)):
        pixel = pipeline.sample(what, x, y)
        assert pixel is not None
        assert np.abs(pixel.astype(int) - exported[y, x]).max() <= 1


def test_a_draft_over_known_tiles_agrees_with_the_refined_view(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    recipe = Recipe(alpha=2.0)
    asked = request(old, recipe, region=Region(10, 30, 200, 160))
    refined = at_once(pipeline.refine(asked, subject(old, recipe), lambda _: None))
    draft = pipeline.draft(asked, subject(old, recipe))
    assert draft.region == refined.region
    assert not draft.exact
    assert np.abs(draft.pixels.astype(int) - refined.pixels).max() <= 1


def test_a_draft_of_an_unseen_picture_is_coarse_but_there(pipeline: Pipeline) -> None:
    rng = np.random.default_rng(1)
    large = np.repeat(np.repeat(rng.integers(0, 255, (70, 90, 3), dtype=np.uint8), 10, axis=0), 10, axis=1)
    asked = request(large, Recipe(), region=Region(100, 80, 400, 300))
    draft = pipeline.draft(asked, subject(large, Recipe()))
    assert draft.pixels.shape == draft.before.shape == (38, 51, 4)
    assert draft.region == Region(96, 80, 408, 304)  # what was asked for, out to whole pixels of the level


def test_a_small_view_reads_a_small_level(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    frame = at_once(pipeline.refine(request(old, Recipe(), 0.3), subject(old, Recipe()), lambda _: None))
    assert frame.pixels.shape == (100, 120, 4)
    assert not frame.exact


def test_grain_comes_back_as_far_as_wished(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    results = [restore(pipeline, old, Recipe(alpha=10.0, grain=g)).astype(float) for g in (0.0, 0.5, 1.0)]

    def rough(x: NDArray[Any]) -> float:
        return float(np.abs(np.diff(x, axis=0)).mean())

    assert rough(results[0]) < rough(results[1]) < rough(results[2]) <= 1.1 * rough(old.astype(float))


def test_grey_masters_stay_grey(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    grey = old.mean(axis=2, keepdims=True).astype(np.uint8)
    assert restore(pipeline, grey, Recipe(alpha=0.1)).shape == grey.shape


def test_black_and_white_stays_neutral_in_a_colour_file(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    grey = np.repeat(old.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    restored = restore(pipeline, grey, Recipe(alpha=0.1)).astype(int)
    assert np.ptp(restored, axis=2).max() == 0
    assert np.abs(restored - grey).mean() > 1


def test_steps_are_many_and_a_closed_restoration_ends(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    steps = pipeline.whole(subject(old[:180, :180].copy(), Recipe(seed=99)))
    for _ in range(3):
        next(steps)
    steps.close()
    assert not torch.is_inference_mode_enabled()


def test_inference_mode_does_not_leak_out_of_a_step(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    steps = pipeline.whole(subject(old[:150, :150].copy(), Recipe()))
    for _ in steps:
        assert not torch.is_inference_mode_enabled()


def test_the_way_back_from_fading_is_read_off_a_picture_without_its_grain(pipeline: Pipeline) -> None:
    photo = getattr(skimage.data, "astronaut")()[:384, :384]  # noqa: B009
    noise = np.random.default_rng(2).normal(0, 60, photo.shape)
    grainy = np.clip(photo + noise, 0, 255).astype(np.uint8)
    plain, mended = (
        [pipeline.thumbnails.of(subject(pixels, Recipe(keep_tone=keeps))) for pixels in (photo, grainy)]
        for keeps in (True, False)
    )
    apart = [float((one - other).abs().mean()) for one, other in (plain, mended)]
    assert apart[1] < 0.8 * apart[0]
    assert float((mended[0] - plain[0]).abs().mean()) < 0.01  # what is sound stays as it is


def test_a_picture_that_is_met_for_the_first_time_is_read_in_steps_and_then_no_more(pipeline: Pipeline) -> None:
    photo = getattr(skimage.data, "astronaut")()[:256, :256]  # noqa: B009
    one = subject(photo, Recipe(keep_tone=False))
    steps = pipeline.plan_steps(one)
    resting = [torch.is_inference_mode_enabled() for _ in steps]
    assert len(resting) > 6
    assert not any(resting)
    assert not list(pipeline.plan_steps(one))
    assert not list(pipeline.plan_steps(subject(photo, Recipe())))  # nothing is to be undone


def test_a_neutral_picture_is_still_neutral_when_its_fading_is_looked_for(pipeline: Pipeline) -> None:
    photo = getattr(skimage.data, "astronaut")()[:256, :256]  # noqa: B009
    grey = np.repeat(photo.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    seen = pipeline.thumbnails.of(subject(grey, Recipe(keep_tone=False)))
    assert float((seen - seen.mean(1, keepdim=True)).abs().max()) < 1e-5


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 3)])
def test_fading_is_undone_in_a_sliver(pipeline: Pipeline, size: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), (190, 170, 140), np.uint8)
    assert restore(pipeline, pixels, Recipe(keep_tone=False)).shape == pixels.shape
