"""What a person's mask names goes, whether the network sees it or not."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from engine.rendering import filling
from engine.rendering.pipeline import Pipeline
from engine.rendering.subject import Subject, within
from engine.runtime.steps import at_once
from engine.types import PROTECTED, Recipe, Region
from tests.engine.rendering.test_pipeline import request, restore, subject

NAMED = Recipe(alpha=10.0, scope="damage", mask="m")


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()[40:340, 60:440].copy()  # noqa: B009
    return picture


@pytest.fixture(scope="module")
def hair(photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A photograph with a dark hair and a bright speck on it that look like parts of it, and a mask that names both."""
    rows = np.arange(20, 280)
    columns = np.rint(190 + 40 * np.sin(rows / 50)).astype(int)
    there = np.zeros(photo.shape[:2], bool)
    for shift in (0, 1):
        there[rows, columns + shift] = True
    there[140:150, 60:70] = True
    damaged = photo.copy()
    damaged[there] = 20
    damaged[140:150, 60:70] = 250
    return damaged, wider(there, 3).astype(np.uint8) * 255


def wider(mask: NDArray[Any], reach: int) -> NDArray[np.bool_]:
    """What lies within so many pixels (a square)."""
    found: NDArray[np.bool_] = ndimage.maximum_filter(mask > 0, 2 * reach + 1)
    return found


def error(x: NDArray[np.uint8], photo: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    return float(np.sqrt(((x.astype(float) - photo)[where] ** 2).mean()))


def plane(height: int, width: int) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return (0.2 + rows / 800 + columns / 900).expand(1, 3, -1, -1).contiguous()


def test_what_a_mask_names_goes_though_the_network_does_not_see_it(
    pipeline: Pipeline, photo: NDArray[np.uint8], hair: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> None:
    damaged, mask = hair
    where = (damaged != photo).any(axis=2)
    restored = restore(pipeline, damaged, NAMED, mask=mask)
    assert error(restored, photo, where) < 0.4 * error(damaged, photo, where)
    beyond = ~wider(mask, 2)
    np.testing.assert_array_equal(restored[beyond], damaged[beyond])


def test_naming_something_spoils_no_answer_that_is_kept(
    pipeline: Pipeline, hair: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> None:
    damaged, mask = hair
    plain = Recipe(alpha=10.0)
    before = restore(pipeline, damaged, plain)
    restore(pipeline, damaged, NAMED, mask=mask)
    np.testing.assert_array_equal(restore(pipeline, damaged, plain), before)


def test_a_smooth_place_is_filled_in_smoothly() -> None:
    x, hole = plane(200, 260), torch.zeros(1, 1, 200, 260, dtype=torch.bool)
    hole[..., 60:108, 90:138] = True
    hole[..., 20:24, :] = True
    damaged = torch.where(hole, torch.ones(()), x)
    filled = at_once(filling.fill(damaged, hole))
    assert float((filled - x).abs().max()) < 6 / 255
    torch.testing.assert_close(filled[~hole.expand_as(x)], x[~hole.expand_as(x)], rtol=0, atol=0)


def test_what_is_wide_is_left_for_the_network_to_see() -> None:
    mask = torch.zeros(1, 1, 300, 300)
    mask[..., 40:240, 60:260] = 255  # a face, painted over as a whole
    assert not filling.fillable(mask).any()
    mask[..., 270:280, 20:280] = 255
    found = filling.fillable(mask)
    assert found[..., 270:280, 20:280].all()
    assert not found[..., 20:264, :].any()


def test_what_is_protected_is_not_filled_in() -> None:
    mask = torch.zeros(1, 1, 60, 60)
    mask[..., 20:30, 10:50] = 255
    mask[..., 24, 12:40] = PROTECTED
    found = filling.fillable(mask)
    assert found[0, 0, 22, 12:40].all()
    assert not found[0, 0, 24, 12:40].any()


def test_two_tiles_are_shown_the_same_where_they_overlap(photo: NDArray[np.uint8]) -> None:
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[100:140, 20:360] = 255
    of = subject(photo, NAMED, mask=mask)
    one, other = Region(8, 16, 200, 200), Region(104, 64, 240, 180)
    both = one.intersect(other)
    parts = [at_once(filling.shown(of, 0, region))[within(both, region)] for region in (one, other)]
    assert np.abs(parts[0] - of.source.working(0, both)).max() > 0.1
    assert np.abs(parts[0] - parts[1]).max() < 1 / 255


@pytest.mark.parametrize("change", [{"scope": "whole"}, {"mask": None}])
def test_without_a_mask_that_holds_the_scan_is_shown(photo: NDArray[np.uint8], change: dict[str, Any]) -> None:
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[100:110, 20:360] = 255
    recipe = dataclasses.replace(NAMED, **change)
    of: Subject = subject(photo, recipe, mask=mask if recipe.mask else None)
    region = Region(0, 0, 200, 200)
    assert not filling.Marks().of(of, 0, region)
    np.testing.assert_array_equal(at_once(filling.shown(of, 0, region)), of.source.working(0, region))


def test_a_view_from_afar_fills_it_in_too(
    pipeline: Pipeline, photo: NDArray[np.uint8], hair: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> None:
    damaged, mask = hair
    mask = mask[:299, :377]  # no multiple of anything
    damaged, photo = damaged[:299, :377], photo[:299, :377]
    pixels, _ = at_once(pipeline.whole(subject(damaged, NAMED, mask=mask), 1))
    true, _ = at_once(pipeline.whole(subject(photo, NAMED, mask=mask), 1))
    assert np.abs(pixels.astype(float) - true)[71:74, 31:34].max() < 12  # the middle of the speck


def test_a_stroke_asks_again_only_for_the_tiles_it_counts_for(photo: NDArray[np.uint8]) -> None:
    first = np.zeros(photo.shape[:2], np.uint8)
    first[20:30, 20:60] = 255
    second = first.copy()
    second[250:260, 300:340] = 255
    marks, near, far = filling.Marks(), Region(0, 0, 64, 64), Region(256, 200, 120, 100)
    told = [[marks.of(subject(photo, NAMED, mask=mask), 0, part) for part in (near, far)] for mask in (first, second)]
    assert told[0][0]
    assert told[0][0] == told[1][0]
    assert not told[0][1]
    assert told[1][1]


def test_a_draft_after_a_stroke_is_as_sharp_as_before(
    pipeline: Pipeline, photo: NDArray[np.uint8], hair: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> None:
    """The tiles it counts for have not been seen anew yet; a coarse look at the whole would blur them meanwhile."""
    damaged, mask = hair
    at_once(pipeline.refine(request(damaged, NAMED), subject(damaged, Recipe(alpha=10.0)), lambda _: None))
    draft = pipeline.draft(request(damaged, NAMED), subject(damaged, NAMED, mask=mask))
    beyond = ~wider(mask, 2)
    shown = draft.pixels[..., 2::-1].astype(int)  # as a screen takes them
    assert np.abs(shown - damaged)[beyond].max() <= 1


def relaxed(x: Tensor, hole: Tensor) -> Tensor:
    """What filling comes to on one scale, by its plain definition: all pixels of the hole at once, again and again."""
    x = x.clone()
    for _ in range(filling._RELAXED):
        wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
        beside = wide[..., :-2, 1:-1] + wide[..., 2:, 1:-1] + wide[..., 1:-1, :-2] + wide[..., 1:-1, 2:]
        x = torch.where(hole, beside / 4, x)
    return x


@pytest.mark.parametrize("pixels", [7, 1000, 1 << 16])
def test_however_finely_the_filling_is_cut_into_steps_it_is_the_same(
    pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = torch.Generator().manual_seed(3)
    x, hole = torch.rand(1, 3, 40, 53, generator=random), torch.rand(1, 1, 40, 53, generator=random) < 0.4
    monkeypatch.setattr(filling, "_AT_ONCE", pixels)
    found = x.clone()
    at_once(filling._relax(found, hole))
    assert torch.equal(found, relaxed(x, hole))


def test_heavy_brushwork_is_filled_in_in_steps_of_so_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long one takes is measured elsewhere; here, that no step looks at more than it may."""
    monkeypatch.setattr(filling, "_AT_ONCE", 500)
    x, hole = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)) < 0.4
    steps = sum(1 for _ in filling._relax(x, hole))
    assert steps >= filling._RELAXED * int(hole.sum()) // (2 * 500)
    few = torch.zeros_like(hole)
    few[..., :5, :5] = True
    assert not list(filling._relax(x, few))
