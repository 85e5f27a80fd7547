import pytest
import torch

from engine.errors import RecipeError
from engine.models.features import TextureFeatures
from engine.models.objective import Objective
from engine.rendering.optimise import Aim, Canvas, descend, enlarged, grid, level_for, picture_of, print_of
from engine.styles.processes import BY_ID
from engine.types import ExportOptions, Losses, Optimisation, Region


@pytest.fixture(scope="module")
def objective() -> Objective:
    torch.manual_seed(0)
    return Objective(TextureFeatures().requires_grad_(False), 0.03, 0.3)


def picture(seed: int, height: int = 64, width: int = 80) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def run(objective: Objective, canvas: Canvas, aim: Aim) -> list[Losses]:
    return [step for step in descend(objective, canvas, aim) if step is not None]


@pytest.mark.parametrize("offset", [(0, 0), (8, 120), (64, 64)])
@pytest.mark.parametrize("size", [(16, 20), (130, 300), (448, 191)])
def test_every_pixel_lies_in_exactly_one_square_of_a_measurable_size(
    size: tuple[int, int], offset: tuple[int, int]
) -> None:
    seen = torch.zeros(size, dtype=torch.int)
    for square in grid(*size, offset):
        seen[square.y : square.bottom, square.x : square.right] += 1
        assert min(square.width, square.height) >= min(32, *size)
        assert max(square.width, square.height) < 160
    assert bool((seen == 1).all())


def test_both_distances_fall_towards_a_style(objective: Objective) -> None:
    target = 0.4 + 0.2 * picture(1)
    canvas = Canvas.begin(picture(2), target, print_of(BY_ID["halftone"]))
    losses = run(objective, canvas, Aim(1.0, 1.0, 12, rate=0.05))
    assert [step.number for step in losses] == list(range(13))
    assert losses[-1].total < 0.8 * losses[0].total
    assert losses[-1].content < losses[0].content
    assert losses[-1].style < losses[0].style
    assert losses[0].total == pytest.approx(losses[0].content + losses[0].style)


def test_without_a_style_only_the_content_counts(objective: Objective) -> None:
    target = picture(1)
    canvas = Canvas.begin(picture(2), target, None)
    before = float((canvas.y - target).abs().mean())
    losses = run(objective, canvas, Aim(2.0, 0.0, 10))
    assert {step.style for step in losses} == {0.0}
    assert float((canvas.y - target).abs().mean()) < before


def test_a_result_is_never_worse_than_its_start(objective: Objective) -> None:
    target = picture(1)
    start = (target + 1e-4).clamp(max=1)  # hardly anything can be gained, so long steps are losses
    canvas = Canvas.begin(start, target, None)
    losses = run(objective, canvas, Aim(1.0, 0.0, 3, rate=0.1))
    assert losses[-1].total > losses[0].total
    assert torch.equal(canvas.y, start)


def test_stopping_keeps_what_was_reached(objective: Objective) -> None:
    target, wish = picture(1), [False]
    canvas, losses = Canvas.begin(picture(2), target, None), []
    for step in descend(objective, canvas, Aim(1.0, 0.0, 1000), lambda: wish[0]):
        if step is not None:
            losses.append(step)
            wish[0] = len(losses) >= 5
    assert [step.number for step in losses] == [0, 1, 2, 3, 4, 5]
    assert losses[-1].total < losses[0].total


def test_black_and_white_stays_neutral_and_the_same_seed_gives_the_same_pixels(objective: Objective) -> None:
    start, target = (picture(seed)[:, :1].expand(-1, 3, -1, -1) for seed in (1, 2))
    found = []
    for _ in range(2):
        canvas = Canvas.begin(start, target, picture_of(picture(5, 30, 40)), neutral=True)
        run(objective, canvas, Aim(1.0, 1.0, 4, seed=3))
        found.append(canvas.y)
    assert torch.equal(*found)
    assert torch.equal(found[0][:, 0], found[0][:, 2])
    assert not torch.equal(found[0], start)


def test_steps_start_from_pictures_made_in_inference_mode(objective: Objective) -> None:
    with torch.inference_mode():
        start, target = picture(1) * 1, picture(2) * 1
    assert run(objective, Canvas.begin(start, target, None), Aim(1.0, 0.0, 1))[-1].total > 0


def test_a_small_reference_is_repeated_by_reflection() -> None:
    small = picture(1, 10, 12)
    wide = picture_of(small)(picture(0), Region(0, 0, 24, 20))
    assert torch.equal(wide[:, :, :10, :12], small)
    assert torch.equal(wide[:, :, 10:, :12], small.flip(2))
    shifted = picture_of(small)(picture(0), Region(3, 2, 24, 20))
    assert torch.equal(shifted[:, :, :5, :5], small[:, :, 2:7, 3:8])


def test_a_change_found_on_a_halved_level_is_the_same_for_every_tile() -> None:
    delta = picture(1, 21, 33) - 0.5
    change = enlarged(delta, 1)
    whole = change(0, Region(0, 0, 65, 42))
    assert whole.shape == (1, 3, 42, 65)
    for region in (Region(0, 0, 32, 16), Region(32, 16, 33, 26), Region(31, 5, 8, 9)):
        part = whole[:, :, region.y : region.bottom, region.x : region.right]
        assert torch.allclose(change(0, region), part, atol=1e-6)
    assert torch.equal(change(1, Region(4, 3, 8, 8)), delta[:, :, 3:11, 4:12])
    assert torch.allclose(enlarged(torch.full((1, 3, 8, 8), 0.25), 2)(0, Region(5, 0, 27, 32)), torch.tensor(0.25))


def test_at_most_four_megapixels_are_optimised() -> None:
    assert level_for(2000, 2000) == 0
    assert level_for(2001, 2000) == 1
    assert level_for(8000, 6000) == 2


def test_the_number_of_passes_is_checked_in_words() -> None:
    with pytest.raises(RecipeError, match="between 1 and"):
        Optimisation(ExportOptions("x.png"), passes=0)
