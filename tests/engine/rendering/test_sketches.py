"""What a moving hand is shown where whole drafts come too late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from engine import resources
from engine.imaging.color import WorkingSpace
from engine.imaging.pyramid import Pyramid
from engine.imaging.reader import Master
from engine.rendering.maps import survey
from engine.rendering.pipeline import Pipeline
from engine.rendering.sketches import SHORT, TOO_LONG, Haste
from engine.rendering.source import Source
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.styles.library import read_cards
from engine.types import Frame, ImageInfo, ImageRef, Recipe, Region, RenderRequest, View

STYLES = {card.id: card for card in read_cards(resources.path("styles/styles.json"))}
VIEW = Region(13, 21, 180, 150)


@pytest.fixture(scope="module")
def source() -> Source:
    """A grainy photograph with a crack, of odd sides."""
    photo: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()  # noqa: B009 (it has no annotations)
    rng = np.random.default_rng(11)
    pixels = np.clip(photo[60:257, 100:331] + rng.normal(0, 10, (197, 231, 1)), 0, 255).astype(np.uint8)
    pixels[:, 90:93] = 245
    info = ImageInfo("", 231, 197, 3, 8, "TIFF")
    return Source(Path(), Master(pixels, info), WorkingSpace(None, 3, 8), Pyramid(pixels))


def ask(source: Source, recipe: Recipe, **more: Any) -> tuple[RenderRequest, Subject]:
    style = STYLES[recipe.style] if recipe.style else None
    mask = more.pop("mask", None)
    view = View(more.pop("region", VIEW), more.pop("scale", 1.0))
    return RenderRequest(ImageRef("x", "x", 0), recipe, view, **more), Subject("x", source, recipe, 0, style, mask)


def see(pipeline: Pipeline, source: Source, recipe: Recipe, **more: Any) -> Frame:
    """The refined view; afterwards its tiles are known."""
    steps = pipeline.refine(*ask(source, recipe, quality="refine", **more), lambda _: None, followed=True)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            frame: Frame = stop.value
            return frame


def sketch(pipeline: Pipeline, source: Source, recipe: Recipe, **more: Any) -> Frame:
    """What a slow machine shows while a hand moves."""
    pipeline.drafts.haste = Haste()
    pipeline.drafts.haste.note(10.0, 1)
    return pipeline.draft(*ask(source, recipe, moving=True, **more))


def shown_in(view: Region, frame: Frame) -> NDArray[np.int64]:
    """The part of a frame's pixels that was asked for, RGB."""
    top, left = view.y - frame.region.y, view.x - frame.region.x
    part = frame.pixels[top : top + view.height, left : left + view.width, 2::-1]
    return part.astype(np.int64)


def likeness(one: NDArray[Any], other: NDArray[Any]) -> float:
    """PSNR in dB."""
    return float(10 * np.log10(255**2 / max(1e-9, np.square(one.astype(float) - other).mean())))


MOVED = [
    Recipe(alpha=10.0),
    Recipe(alpha=1.0),
    Recipe(alpha=0.1),
    Recipe(alpha=1.0, strength=0.5, grain=0.5),
    Recipe(alpha=1.0, style="sepia", beta=1.0, keep_tone=False),
    Recipe(alpha=1.0, style="autochrome", beta=3.0),
    Recipe(alpha=1.0, scope="damage"),
]


@pytest.mark.parametrize("recipe", MOVED)
@pytest.mark.parametrize("alpha", [10.0, 0.3])
def test_a_sketch_is_like_the_whole_draft_and_covers_what_was_asked_for(
    pipeline: Pipeline, source: Source, recipe: Recipe, alpha: float
) -> None:
    refined = see(pipeline, source, recipe)
    see(pipeline, source, replace(recipe, alpha=alpha))  # where the hand comes from
    drawn = sketch(pipeline, source, recipe)
    assert not drawn.exact
    assert VIEW.intersect(drawn.region) == VIEW
    assert drawn.pixels.shape == drawn.before.shape == (drawn.region.height, drawn.region.width, 4)
    assert (drawn.pixels[..., 3] == 255).all()
    truth = refined.pixels[..., 2::-1]
    assert likeness(shown_in(VIEW, drawn), truth) > max(26, 3 + likeness(refined.before[..., 2::-1], truth))


@pytest.mark.parametrize(
    ("recipe", "nearer"),  # dB than the scan is: what the head adds is as coarse as two pixels here
    [(recipe, 1.0 if recipe.alpha < 1 else 3.0) for recipe in MOVED if recipe.style != "autochrome"],
)
def test_a_sketch_of_a_view_that_was_never_drawn_whole_is_like_it_too(
    pipeline: Pipeline, source: Source, recipe: Recipe, nearer: float
) -> None:
    refined = see(pipeline, source, recipe)
    see(pipeline, source, recipe, region=Region(0, 0, 20, 20))
    truth = refined.pixels[..., 2::-1]
    drawn = shown_in(VIEW, sketch(pipeline, source, recipe))
    assert likeness(drawn, truth) > max(26, nearer + likeness(refined.before[..., 2::-1], truth))


def test_a_sketch_of_what_was_just_drawn_whole_is_the_same(pipeline: Pipeline, source: Source) -> None:
    """So that nothing seems to jump when a hand begins to move."""
    recipe = Recipe(alpha=0.3)
    refined = see(pipeline, source, recipe)
    assert np.abs(shown_in(VIEW, sketch(pipeline, source, recipe)) - refined.pixels[..., 2::-1]).max() <= 1


def test_the_first_move_in_a_view_that_was_not_refined_is_what_sketches_follow(
    pipeline: Pipeline, source: Source
) -> None:
    recipe = Recipe(alpha=0.3)
    see(pipeline, source, recipe)
    see(pipeline, source, recipe, region=Region(0, 0, 20, 20))
    pipeline.drafts.haste = Haste()
    first = pipeline.draft(*ask(source, recipe))
    assert np.abs(shown_in(VIEW, sketch(pipeline, source, recipe)) - first.pixels[..., 2::-1]).max() <= 1


def test_sketches_of_one_side_follow_the_refinement_of_the_whole_view(pipeline: Pipeline, source: Source) -> None:
    recipe, side = Recipe(alpha=0.3), Region(90, 21, 103, 150)
    refined = see(pipeline, source, recipe)
    drawn = sketch(pipeline, source, recipe, region=side)
    left = side.x - VIEW.x
    assert np.abs(shown_in(side, drawn) - refined.pixels[:, left : left + side.width, 2::-1]).max() <= 1


@pytest.mark.parametrize(
    ("other", "recipe"),
    [
        (Recipe(alpha=0.1), Recipe(scope="damage")),
        (Recipe(style="autochrome", beta=3.0), Recipe(style="tintype", beta=3.0)),
        (Recipe(style="autochrome", beta=3.0), Recipe(style="autochrome", beta=3.0, seed=9)),
        (Recipe(strength=0.2), Recipe()),
    ],
)
def test_a_sketch_takes_nothing_from_a_picture_that_is_made_otherwise(
    pipeline: Pipeline, source: Source, other: Recipe, recipe: Recipe
) -> None:
    see(pipeline, source, recipe)
    see(pipeline, source, recipe, region=Region(0, 0, 20, 20))
    alone = shown_in(VIEW, sketch(pipeline, source, recipe))
    see(pipeline, source, other)
    assert np.array_equal(shown_in(VIEW, sketch(pipeline, source, recipe)), alone)


def test_a_thumbnail_that_is_made_meanwhile_takes_nothing_away(pipeline: Pipeline, source: Source) -> None:
    see(pipeline, source, Recipe())
    before = sketch(pipeline, source, Recipe(alpha=0.1))
    for _step in pipeline.refine(*ask(source, Recipe(), scale=0.4), lambda _: None):
        pass
    assert np.array_equal(sketch(pipeline, source, Recipe(alpha=0.1)).pixels, before.pixels)


def test_a_style_made_anew_under_its_id_is_another(pipeline: Pipeline, source: Source) -> None:
    recipe = Recipe(style="sepia", beta=3.0)
    request, sepia = ask(source, recipe)
    other = replace(sepia, style=replace(STYLES["cyanotype"], id="sepia"))
    truth = at_once(pipeline.refine(request, other, lambda _: None)).pixels[..., 2::-1]
    see(pipeline, source, recipe)
    pipeline.drafts.haste = Haste()
    pipeline.drafts.haste.note(10.0, 1)
    drawn = pipeline.draft(replace(request, moving=True), other)
    assert likeness(shown_in(VIEW, drawn), truth) > 26
    tile = survey(pipeline, sepia, "fidelity", 0).tiles[0]
    first, second = (at_once(survey(pipeline, one, "fidelity", 0).measure(tile)) for one in (sepia, other))
    assert not np.array_equal(first, second)


def test_what_is_laid_over_a_sketch_is_rounded_not_cut(pipeline: Pipeline, source: Source) -> None:
    """Or everything would be darker by half a level while a hand moves."""
    recipe = Recipe(strength=0.5)
    whole = see(pipeline, source, recipe)
    see(pipeline, source, Recipe())
    drawn = sketch(pipeline, source, recipe)
    assert abs((shown_in(VIEW, drawn) - whole.pixels[..., 2::-1].astype(float)).mean()) < 0.15


def test_a_sketch_without_strength_is_the_scan(pipeline: Pipeline, source: Source) -> None:
    see(pipeline, source, Recipe())
    drawn = sketch(pipeline, source, Recipe(strength=0.0, alpha=0.3, style="autochrome", beta=2.0))
    assert np.array_equal(drawn.pixels, drawn.before)


def test_a_sketch_reaches_to_the_last_row_and_column(pipeline: Pipeline, source: Source) -> None:
    corner = Region(120, 100, 111, 97)
    refined = see(pipeline, source, Recipe(), region=corner)
    drawn = sketch(pipeline, source, Recipe(), region=corner)
    assert (drawn.region.right, drawn.region.bottom) == (231, 197)
    assert likeness(shown_in(corner, drawn)[-6:, -6:], refined.pixels[-6:, -6:, 2::-1]) > 25


def test_what_nobody_marked_stays_as_scanned_in_a_sketch(pipeline: Pipeline, source: Source) -> None:
    mask = np.zeros(source.shape[:2], np.uint8)
    mask[60:120, 80:140] = 255
    recipe = Recipe(scope="damage", mask="m")
    see(pipeline, source, recipe, mask=mask)
    drawn = sketch(pipeline, source, recipe, mask=mask)
    same = (drawn.pixels == drawn.before).all(axis=2)
    y, x = drawn.region.y, drawn.region.x
    assert not same[64 - y : 116 - y, 84 - x : 136 - x].all()
    same[54 - y : 126 - y, 74 - x : 146 - x] = True
    assert same.all()


def test_where_the_screen_has_no_room_for_more_a_sketch_has_half_as_many_pixels(
    pipeline: Pipeline, source: Source
) -> None:
    refined = see(pipeline, source, Recipe(), scale=0.51)
    assert refined.pixels.shape[:2] == (150, 180), "the level is the master's own"
    drawn = sketch(pipeline, source, Recipe(), scale=0.51)
    assert drawn.pixels.shape[:2] == tuple(-(-side // 2) for side in (drawn.region.height, drawn.region.width))
    assert drawn.before.shape[:2] == (drawn.region.height, drawn.region.width)


def test_a_sketch_is_followed_by_pixels_that_are_those_of_the_export(pipeline: Pipeline, source: Source) -> None:
    recipe = Recipe(alpha=0.4)
    see(pipeline, source, Recipe())
    sketch(pipeline, source, recipe)
    refined = see(pipeline, source, recipe)
    steps = pipeline.whole(ask(source, recipe)[1])
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            exported = stop.value[0]
            break
    assert refined.exact
    assert np.array_equal(refined.pixels[..., 2::-1], exported[VIEW.y : VIEW.bottom, VIEW.x : VIEW.right])


def test_what_is_fast_enough_or_rests_or_is_not_known_yet_is_drafted_whole(pipeline: Pipeline, source: Source) -> None:
    see(pipeline, source, Recipe())
    pipeline.drafts.haste = Haste()
    pipeline.drafts.haste.note(1e-9, 1)
    whole = pipeline.draft(*ask(source, Recipe()))
    assert pipeline.draft(*ask(source, Recipe(), moving=True)).region == whole.region == VIEW
    pipeline.drafts.haste.note(1000.0, 1)
    assert pipeline.draft(*ask(source, Recipe())).region == VIEW
    pipeline.drafts.haste.note(1000.0, 1)
    pipeline.forget("x")
    assert pipeline.draft(*ask(source, Recipe(), moving=True)).region != VIEW, "one coarse look at the whole"


def test_the_scan_beside_sketches_is_one_array(pipeline: Pipeline, source: Source) -> None:
    see(pipeline, source, Recipe())
    first, second = (sketch(pipeline, source, Recipe(alpha=alpha)) for alpha in (2.0, 3.0))
    assert first.before is second.before
    assert not np.array_equal(first.pixels, second.pixels)


def test_what_is_shown_does_not_change_its_kind_with_every_tick() -> None:
    haste, pixels = Haste(), 1000
    assert not haste.sketches(pixels), "nothing is known yet"
    haste.note((SHORT + TOO_LONG) / 2, pixels)
    assert not haste.sketches(pixels)
    assert haste.sketches(2 * pixels)
    assert haste.sketches(pixels), "in between it stays as it is"
    assert not haste.sketches(pixels // 2)
    assert not haste.sketches(pixels)
