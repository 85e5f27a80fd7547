import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray

from engine import resources
from engine.errors import RecipeError
from engine.evaluation.demo import age_picture
from engine.imaging.color import WorkingSpace
from engine.imaging.icc import srgb_profile
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.models import catalog
from engine.models.upscale import Upscaler, enlarge
from engine.models.weights import load_restorer
from engine.rendering import stages
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.styles.library import read_cards
from engine.types import SHIPPED_MODEL, Frame, ImageInfo, ImageRef, Recipe, Region, RenderRequest, View

STYLES = {card.id: card for card in read_cards(resources.path("styles/styles.json"))}


@pytest.fixture(scope="module")
def old() -> NDArray[np.uint8]:
    photo: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()  # noqa: B009 (it has no annotations)
    picture, _ = age_picture(photo[60:161, 100:239], 11, 0.5)
    return picture


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    path, card = catalog.find(SHIPPED_MODEL)
    small = dataclasses.replace(card, tile=64, scale=4)  # several tiles of a small picture
    cpu = torch.device("cpu")
    yield Pipeline(load_restorer(path, cpu, torch.float32), small, cpu, 1 << 28, untaught)
    torch.set_num_threads(threads)


def untaught() -> Upscaler:
    """A tail that does something everywhere: detail of a few levels and gates between shut and open."""
    torch.manual_seed(3)
    made = Upscaler().eval().requires_grad_(False)
    for layer in (*made.outs.values(), made.gate, made.modulation[2]):
        torch.nn.init.normal_(layer.weight, std=0.02)  # type: ignore[arg-type]
    return made


def subject(pixels: NDArray[Any], recipe: Recipe, icc: bytes | None = None) -> Subject:
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    master = Master(pixels, ImageInfo("", width, height, channels, bits, "TIFF"))
    source = Source(Path(), master, WorkingSpace(icc, channels, bits), Pyramid(pixels))
    style = STYLES[recipe.style] if recipe.style else None
    return Subject(str(hash(pixels.tobytes())), source, recipe, style=style)


def restore(pipeline: Pipeline, pixels: NDArray[Any], recipe: Recipe) -> NDArray[Any]:
    result: NDArray[Any] = at_once(pipeline.whole(subject(pixels, recipe)))[0]
    return result


def bicubic(pixels: NDArray[Any], scale: int) -> NDArray[Any]:
    large = enlarge(torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None], scale)[0].permute(1, 2, 0)
    levels: NDArray[Any] = np.clip(np.rint(large.numpy()), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return levels


def as_16_bit(old: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return old.astype(np.uint16) * 257 + np.arange(old.shape[1], dtype=np.uint16)[None, :, None] % 97


@pytest.mark.parametrize("scale", [2, 4])
def test_the_result_has_the_size_and_is_more_than_bicubic(
    pipeline: Pipeline, old: NDArray[np.uint8], scale: int
) -> None:
    restored = restore(pipeline, old, Recipe(scale=scale))
    assert restored.dtype == np.uint8
    assert restored.shape == (101 * scale, 139 * scale, 3)
    apart = np.abs(restored.astype(int) - bicubic(old, scale)).mean()
    assert 0.5 < apart < 20


@pytest.mark.parametrize("bits", [8, 16])
def test_strength_zero_gives_the_bicubic_enlargement_of_the_master(
    pipeline: Pipeline, old: NDArray[np.uint8], bits: int
) -> None:
    master = old if bits == 8 else as_16_bit(old)
    recipe = Recipe(strength=0.0, scale=2, keep_tone=False)
    assert np.array_equal(restore(pipeline, master, recipe), bicubic(master, 2))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(scale=2),
        Recipe(scale=4, alpha=0.1),
        Recipe(scale=2, grain=1.0),
        Recipe(scale=2, style="vangogh-starry-night", beta=10.0),
        Recipe(scale=4, style="halftone", beta=1.0, keep_tone=False),
    ],
)
def test_enlarged_tiles_meet_without_a_seam(pipeline: Pipeline, old: NDArray[np.uint8], recipe: Recipe) -> None:
    """Tiled and untiled agree within 1/255."""
    master = as_16_bit(old)
    whole_card = dataclasses.replace(pipeline.card, tile=1024)
    whole = Pipeline(pipeline.restorer, whole_card, torch.device("cpu"), 0, untaught)
    tiled, untiled = (restore(p, master, recipe).astype(np.int64) for p in (pipeline, whole))
    assert np.abs(tiled - untiled).max() <= 257


@pytest.mark.parametrize(("scale", "zoom"), [(2, 2.0), (2, 1.5), (4, 4.0), (4, 3.0)])
def test_a_screen_shows_the_pixels_of_the_enlarged_export(
    pipeline: Pipeline, old: NDArray[np.uint8], scale: int, zoom: float
) -> None:
    recipe = Recipe(alpha=0.5, style="sepia", beta=1.0, scale=scale)
    exported = restore(pipeline, old, recipe)
    region = Region(13, 21, 101, 60)
    tiles: list[Frame] = []
    frame = refined(pipeline, old, recipe, zoom, region, tiles)
    assert frame.exact
    assert frame.region == region
    part = exported[21 * scale : 81 * scale, 13 * scale : 114 * scale]
    assert np.array_equal(frame.pixels[..., 2::-1], part)
    plain = bicubic(old, scale)[21 * scale : 81 * scale, 13 * scale : 114 * scale]
    assert np.array_equal(frame.before[..., 2::-1], plain)
    for tile in tiles:
        r = tile.region
        at = exported[r.y * scale : r.bottom * scale, r.x * scale : r.right * scale]
        assert np.array_equal(tile.pixels[..., 2::-1], at)
    assert sum(t.region.width * t.region.height for t in tiles) == 101 * 60


def refined(
    pipeline: Pipeline, old: NDArray[np.uint8], recipe: Recipe, zoom: float, region: Region, tiles: list[Frame]
) -> Frame:
    request = RenderRequest(ImageRef("x", "0", 0), recipe, View(region, zoom))
    frame: Frame = at_once(pipeline.refine(request, subject(old, recipe), tiles.append))
    return frame


def test_a_smaller_view_than_the_enlargement_is_a_preview(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    region, recipe = Region(0, 0, 64, 64), Recipe(scale=4)
    assert not refined(pipeline, old, recipe, 1.0, region, []).exact
    twice = refined(pipeline, old, recipe, 2.0, region, [])
    assert not twice.exact
    assert twice.pixels.shape == (128, 128, 4)


def test_black_and_white_stays_neutral_when_enlarged(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    grey = np.repeat(old.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    restored = restore(pipeline, grey, Recipe(scale=2)).astype(int)
    assert np.ptp(restored, axis=2).max() == 0


def test_alpha_channels_and_grey_masters_are_enlarged_too(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    opacity = np.linspace(0, 255, old.shape[1]).astype(np.uint8)[None, :, None].repeat(old.shape[0], axis=0)
    with_alpha = np.concatenate([old, opacity], axis=2)
    restored = restore(pipeline, with_alpha, Recipe(scale=2))
    assert np.array_equal(restored[..., 3:], bicubic(opacity, 2))
    assert restore(pipeline, old[..., :1].copy(), Recipe(scale=2)).shape == (202, 278, 1)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 65, 1), (9, 3, 4)])
def test_a_picture_smaller_than_the_grid_is_enlarged(pipeline: Pipeline, shape: tuple[int, int, int]) -> None:
    master = np.full(shape, 90, np.uint8)
    assert restore(pipeline, master, Recipe(scale=4)).shape == (4 * shape[0], 4 * shape[1], shape[2])


def test_what_is_thicker_than_a_scratch_is_not_taken_for_damage_when_enlarged() -> None:
    """A dot of 5 pixels and a line of one, both suspected: only the line stays open to repair."""
    damage = torch.zeros(1, 1, 64, 64)
    damage[..., 12:17, 12:17] = 1
    damage[..., 44, 8:56] = 1
    whole = Region(0, 0, 64, 64)
    nothing = torch.zeros(1, 3, 64, 64)
    features, fine = torch.zeros(1, 32, 16, 16), torch.zeros(1, 12, 32, 32)
    ones = torch.ones(1, 1, 64, 64)
    seen = stages.Seen(whole, nothing, features, fine, ones, damage, ones)
    trust = stages.fine_trust(seen, whole)[0, 0]
    assert trust[11:18, 11:18].max() == 0
    assert trust[44, 8:56].min() == 1
    part = stages.fine_trust(seen, Region(8, 8, 32, 40))[0, 0]
    assert torch.equal(part, trust[8:48, 8:40])


def test_repairing_damage_only_does_not_go_with_enlarging() -> None:
    with pytest.raises(RecipeError, match="size"):
        Recipe(scope="damage", scale=2)


def test_a_model_without_a_tail_says_so(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    without = Pipeline(pipeline.restorer, pipeline.card, torch.device("cpu"), 0)
    with pytest.raises(RecipeError, match="does not enlarge"):
        restore(without, old, Recipe(scale=2))


def test_a_profile_is_respected_when_enlarging(pipeline: Pipeline, old: NDArray[np.uint8]) -> None:
    """The same pixels, tagged as sRGB or not, come out the same."""
    recipe = Recipe(scale=2)
    tagged = at_once(pipeline.whole(subject(old, recipe, srgb_profile())))[0]
    assert np.array_equal(tagged, restore(pipeline, old, recipe))
