"""A network of other people's in the place of our own: the same promises, and what is its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from engine.errors import RecipeError
from engine.imaging.color import WorkingSpace
from engine.imaging.icc import srgb_profile
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.models import catalog
from engine.models.upscale import enlarge
from engine.models.weights import load_restorer
from engine.rendering import foreign, maps
from engine.rendering.borrowed import Borrowed
from engine.rendering.foreign import Foreign
from engine.rendering.importing import CONTROLS
from engine.rendering.pipeline import Pipeline
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.types import (
    PROTECTED,
    SHIPPED_MODEL,
    Frame,
    ImageInfo,
    ImageRef,
    ModelCard,
    Recipe,
    Region,
    RenderRequest,
    View,
)
from tests.engine.rendering import networks

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def old() -> NDArray[np.uint8]:
    """A photograph with grain and scratches, of several tiles."""
    photo: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()  # noqa: B009 (it has no annotations)
    rng = np.random.default_rng(11)
    picture = photo[60:235, 100:391] + rng.normal(0, 14, (175, 291, 1))
    for column in rng.integers(0, 291, 6):
        picture[:, column : column + 2] = 245
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def helper() -> Iterator[Pipeline]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    path, card = catalog.find(SHIPPED_MODEL)
    yield Pipeline(load_restorer(path, CPU, torch.float32), card, CPU, 1 << 28)
    torch.set_num_threads(threads)


def network(kind: str, **options: Any) -> Foreign:
    return foreign.build(networks.state(lambda: networks.KINDS[kind](**options)), kind, CPU, torch.float32)


def borrowed(net: Foreign, helper: Pipeline, **facts: Any) -> Borrowed:
    scale = max(size for size in (1, 2, 4) if size <= net.enlarges)
    card = ModelCard(
        "x", "X", sha256="0" * 64, origin="imported", scale=scale, enlarges=net.enlarges, tile=128, halo=32,
        controls=CONTROLS, channels=net.channels,
    )  # fmt: skip
    return Borrowed(net, replace(card, **facts), helper, 1 << 28)


@pytest.fixture(scope="module")
def four(helper: Pipeline) -> Borrowed:
    """The compact network, which enlarges four times."""
    return borrowed(network("compact"), helper)


def subject(pixels: NDArray[Any], recipe: Recipe, icc: bytes | None = None, **more: Any) -> Subject:
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    master = Master(pixels, ImageInfo("", width, height, channels, bits, "TIFF"))
    source = Source(Path(), master, WorkingSpace(icc, channels, bits), Pyramid(pixels))
    return Subject(str(hash(pixels.tobytes())), source, recipe, **more)


def restore(pipeline: Pipeline, pixels: NDArray[Any], recipe: Recipe, **more: Any) -> NDArray[Any]:
    result: NDArray[Any] = at_once(pipeline.whole(subject(pixels, recipe, **more)))[0]
    return result


def request(pixels: NDArray[Any], recipe: Recipe, scale: float = 1.0, region: Region | None = None) -> RenderRequest:
    region = region or Region(0, 0, pixels.shape[1], pixels.shape[0])
    return RenderRequest(ImageRef("x", "0", 0), recipe, View(region, scale))


def as_16_bit(old: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return old.astype(np.uint16) * 257 + np.arange(old.shape[1], dtype=np.uint16)[None, :, None] % 97


def bicubic(pixels: NDArray[Any], scale: int) -> NDArray[Any]:
    large = enlarge(torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None], scale)[0].permute(1, 2, 0)
    levels: NDArray[Any] = np.clip(np.rint(large.numpy()), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    return levels


def in_one_pass(net: Foreign, pixels: NDArray[np.uint8], scale: int = 1) -> NDArray[np.float32]:
    """What the network makes of the whole picture in one pass, in levels of 255, shrunk to `scale`."""
    x = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    answer = F.interpolate(net(x), scale_factor=scale / net.enlarges, mode="area") if net.enlarges != scale else net(x)
    levels: NDArray[np.float32] = 255 * answer[0].permute(1, 2, 0).numpy()
    return levels


@pytest.mark.parametrize(("kind", "halo"), [("compact", 8), ("rrdb", 32), ("swinir", 32), ("scunet", 64)])
def test_tiles_are_within_a_level_of_one_pass_over_the_whole(
    helper: Pipeline, old: NDArray[np.uint8], kind: str, halo: int
) -> None:
    net = network(kind)
    apart = np.abs(restore(borrowed(net, helper, halo=halo), old, Recipe()) - in_one_pass(net, old))
    assert apart.max() <= 1.0 + 0.5  # and what rounding to a level takes


class Weighing:
    """A network whose answer depends on the mean of everything it is given."""

    enlarges, channels = 1, 3

    def steps(self, x: torch.Tensor) -> Generator[torch.Tensor | None, None, None]:
        yield None
        yield (0.5 * x + 0.5 * x.mean()).clamp(0, 1)


def test_tiles_of_a_network_that_weighs_each_as_a_whole_fade_into_each_other(helper: Pipeline) -> None:
    flat = np.full((100, 300, 3), 60, np.uint8)
    flat[:, 128:] = 180
    net = cast("Foreign", Weighing())
    rows = [restore(borrowed(net, helper, blend=blend), flat, Recipe())[50, :, 0].astype(int) for blend in (0, 8)]
    hard, soft = (np.abs(np.diff(row)) for row in rows)
    assert hard[127] > 60 + 15  # half of the picture's own edge, and the tiles' own
    assert soft[127] <= 60 + 6
    assert soft[120:136].max() == soft[127]
    assert np.array_equal(rows[0][:110], rows[1][:110])


@pytest.mark.parametrize("factor", [1, 2])
def test_blended_tiles_of_a_network_that_sees_little_are_those_without(
    helper: Pipeline, old: NDArray[np.uint8], factor: int
) -> None:
    net = network("compact", scale=2)
    plain, blended = (restore(borrowed(net, helper, blend=b), old, Recipe(scale=factor)).astype(int) for b in (0, 8))
    assert np.abs(plain - blended).max() <= 1


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_size_gives_the_network_s_own_picture_shrunk_to_it(
    four: Borrowed, old: NDArray[np.uint8], scale: int
) -> None:
    restored = restore(four, old, Recipe(scale=scale))
    assert restored.shape == (scale * old.shape[0], scale * old.shape[1], 3)
    assert np.abs(restored - in_one_pass(network("compact"), old, scale)).max() <= 1.5


@pytest.mark.parametrize(("native", "scale"), [(3, 1), (3, 2), (8, 1), (8, 2), (8, 4), (2, 2)])
def test_networks_of_other_sizes_are_shrunk_to_what_is_asked(
    helper: Pipeline, old: NDArray[np.uint8], native: int, scale: int
) -> None:
    net = network("compact", scale=native)
    restored = restore(borrowed(net, helper), old[:96, :130], Recipe(scale=scale))
    assert restored.shape == (scale * 96, scale * 130, 3)
    plain = bicubic(old[:96, :130], scale).astype(int)
    assert 0.2 < np.abs(restored.astype(int) - plain).mean() < 25  # the same picture, not shifted


def test_a_size_beyond_the_network_s_is_refused_in_words(helper: Pipeline, old: NDArray[np.uint8]) -> None:
    with pytest.raises(RecipeError, match="2 times at most"):
        restore(borrowed(network("compact", scale=3), helper), old, Recipe(scale=4))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("scale", [1, 2])
def test_strength_zero_gives_the_master_bit_for_bit(
    four: Borrowed, old: NDArray[np.uint8], bits: int, scale: int
) -> None:
    master = old if bits == 8 else as_16_bit(old)
    expected = master if scale == 1 else bicubic(master, scale)
    recipe = Recipe(strength=0.0, keep_tone=False, scale=scale)
    assert np.array_equal(restore(four, master, recipe, icc=srgb_profile()), expected)


def test_half_the_strength_goes_half_the_way(four: Borrowed, old: NDArray[np.uint8]) -> None:
    full, half = (restore(four, old, Recipe(strength=s)).astype(float) - old for s in (1.0, 0.5))
    assert np.abs(half - full / 2).max() <= 1


def test_outside_the_damage_the_master_stays_bit_for_bit(four: Borrowed) -> None:
    scratched: NDArray[np.uint8] = getattr(skimage.data, "camera")()[100:275, 100:391, None].repeat(3, 2)  # noqa: B009
    scratched[60:63, 30:250] = scratched[20:150, 90:93] = 255
    master = as_16_bit(scratched)
    restored = restore(four, master, Recipe(scope="damage", keep_tone=False))
    probability = at_once(four.damage(subject(master, Recipe())))
    far = F.max_pool2d(torch.from_numpy(probability > 120).float()[None, None], 15, 1, 7)[0, 0] == 0
    changed = (restored != master).any(axis=2)
    assert changed.any()
    assert not changed[far.numpy()].any()


def test_a_mask_of_ones_own_decides_where(four: Borrowed, old: NDArray[np.uint8]) -> None:
    mask = np.zeros(old.shape[:2], np.uint8)
    mask[40:120, 50:200] = 255
    mask[60:80, 60:80] = PROTECTED
    restored = restore(four, old, Recipe(scope="damage", mask="m"), mask=mask)
    changed = (restored != old).any(axis=2)
    assert changed[44:116, 84:196].mean() > 0.5
    assert not changed[60:80, 60:80].any()
    changed[38:122, 48:202] = False
    assert not changed.any()


def test_grain_is_laid_back_where_nothing_is_damaged(four: Borrowed, old: NDArray[np.uint8]) -> None:
    without, kept = (restore(four, old, Recipe(grain=g)).astype(float) for g in (0.0, 1.0))
    assert np.abs(kept - without).mean() > 0.2


def test_what_it_ignores_changes_nothing(four: Borrowed, old: NDArray[np.uint8]) -> None:
    recipe = four.card.heeded(Recipe(alpha=0.1, beta=3.0, style="albumen", strength=0.7))
    assert recipe == Recipe(strength=0.7)
    assert np.array_equal(restore(four, old, replace(recipe, alpha=10.0)), restore(four, old, recipe))


def test_a_grey_photograph_stays_grey(four: Borrowed, old: NDArray[np.uint8]) -> None:
    grey = np.ascontiguousarray(old.mean(axis=2, keepdims=True).astype(np.uint8))
    restored = restore(four, grey, Recipe())
    assert restored.shape == grey.shape
    colourless = restore(four, np.repeat(grey, 3, axis=2), Recipe()).astype(int)
    assert (colourless.max(axis=2) - colourless.min(axis=2)).max() <= 1


def test_a_draft_waits_for_nothing_and_shows_the_scan_where_no_tile_is_known(
    helper: Pipeline, old: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network("compact")
    pipeline = borrowed(net, helper)
    one = subject(old, Recipe())
    monkeypatch.setattr(net, "steps", lambda _x: pytest.fail("a draft runs no network"))
    first = pipeline.draft(request(old, Recipe()), one)
    assert np.array_equal(first.pixels, first.before)
    monkeypatch.undo()
    tile = Region(0, 0, 128, 128)
    at_once(pipeline.refine(request(old, Recipe(), region=tile), one, lambda _: None))
    second = pipeline.draft(request(old, Recipe()), one)
    apart = (second.pixels != second.before).any(axis=2)
    assert apart[:128, :128].mean() > 0.5
    assert not apart[128:].any()


@pytest.mark.parametrize("scale", [1, 2])
def test_the_screen_at_full_size_shows_what_an_export_writes(
    four: Borrowed, old: NDArray[np.uint8], scale: int
) -> None:
    recipe, tiles = Recipe(scale=scale, scope="whole"), list[Frame]()
    frame = at_once(four.refine(request(old, recipe, float(scale)), subject(old, recipe), tiles.append))
    exported = restore(four, old, recipe)
    assert frame.exact
    assert len(tiles) > 2
    assert np.array_equal(frame.pixels[..., 2::-1], exported)


def test_changing_the_scope_asks_the_network_nothing_again(
    helper: Pipeline, old: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network("compact")
    pipeline = borrowed(net, helper)
    at_once(pipeline.refine(request(old, Recipe()), subject(old, Recipe()), lambda _: None))
    monkeypatch.setattr(net, "steps", lambda _x: pytest.fail("it was asked already"))
    for recipe in (Recipe(scope="damage"), Recipe(grain=0.5), Recipe(strength=0.2)):
        at_once(pipeline.refine(request(old, recipe), subject(old, recipe), lambda _: None))


def test_where_nothing_is_repaired_the_network_is_not_asked(
    helper: Pipeline, old: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network("compact")
    pipeline, asked = borrowed(net, helper), list[torch.Size]()
    steps = net.steps

    def counted(x: torch.Tensor) -> Generator[torch.Tensor | None, None, None]:
        asked.append(x.shape)
        return steps(x)

    monkeypatch.setattr(net, "steps", counted)
    mask = np.zeros(old.shape[:2], np.uint8)
    mask[20:40, 20:40] = 255
    restored = restore(pipeline, old, Recipe(scope="damage", mask="m"), mask=mask)
    assert len(asked) == 1  # of six tiles
    assert np.array_equal(restored[50:], old[50:])
    flat = np.full((150, 300, 3), 120, np.uint8)
    assert np.array_equal(restore(pipeline, flat, Recipe(scope="damage")), flat)
    assert len(asked) == 1


def test_provenance_names_the_model_that_found_the_damage(four: Borrowed, helper: Pipeline) -> None:
    assert four.notes(Recipe(scale=4)) == {}
    for recipe in (Recipe(scope="damage"), Recipe(keep_tone=False), Recipe(grain=1.0)):
        assert four.notes(recipe) == {"helper": f"{SHIPPED_MODEL} sha256:{helper.card.sha256}"}
    assert four.notes(Recipe(scope="damage", mask="m")).keys() == {"filledIn"}


def test_what_it_invents_is_told_beside_our_most_faithful_setting(four: Borrowed, old: NDArray[np.uint8]) -> None:
    one = subject(old, Recipe())
    survey = maps.survey(four, one, "fidelity", 0)
    values = np.concatenate([at_once(survey.measure(tile)).reshape(-1, 2) for tile in survey.tiles])
    assert values[:, 0].mean() > 0.5
    assert values[:, 1].mean() > 0.1
    uncertain = maps.survey(four, one, "uncertainty", 0)
    assert at_once(uncertain.measure(uncertain.tiles[0])).mean() > 0


def test_a_very_small_picture_is_padded_to_what_the_network_needs(helper: Pipeline) -> None:
    tiny = np.random.default_rng(1).integers(0, 255, (9, 5, 3), np.uint8)
    for kind in networks.KINDS:
        assert restore(borrowed(network(kind), helper), tiny, Recipe()).shape == tiny.shape
