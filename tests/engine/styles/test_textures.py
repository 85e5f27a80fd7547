import pytest
import torch

from engine import resources
from engine.styles.library import read_cards
from engine.styles.processes import BY_ID, PROCESSES, Process, colours, palette
from engine.styles.textures import _DRAWERS, draw_texture, strength

CARDS = read_cards(resources.path("styles/styles.json"))
TEXTURES = sorted(_DRAWERS)


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_part_of_a_sheet_shows_what_the_whole_shows_there(texture: str) -> None:
    picture = torch.rand(1, 3, 96, 120, generator=torch.Generator().manual_seed(3))
    whole = draw_texture(picture, texture, 0.3, 1000, 2000, 5)
    part = draw_texture(picture[:, :, 31:80, 17:90], texture, 0.3, 1031, 2017, 5)
    assert (whole[:, :, 31:80, 17:90] - part).abs().max() < 0.5 / 255
    assert (whole - picture).abs().mean() > 2 / 255


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_texture_keeps_the_light_of_a_grey_card(texture: str) -> None:
    card = torch.full((1, 3, 256, 256), 0.5)
    amount = max((c.grain for c in CARDS if c.texture == texture), default=0.1)
    assert abs(float(draw_texture(card, texture, amount, 0, 0, 1).mean()) - 0.5) < 0.1


def test_no_amount_and_no_texture_change_nothing() -> None:
    picture = torch.rand(1, 3, 16, 16)
    assert torch.equal(draw_texture(picture, "film", 0.0, 0, 0, 0), picture)
    assert torch.equal(draw_texture(picture, "", 1.0, 0, 0, 0), picture)
    assert torch.equal(draw_texture(picture, "a later version's", 1.0, 0, 0, 0), picture)


def test_more_beta_always_draws_more_but_never_buries_the_picture() -> None:
    drawn = [strength(beta) for beta in (0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0)]
    assert drawn == sorted(drawn)
    assert len(set(drawn)) == len(drawn)
    assert drawn[0] == 0
    assert strength(1.0) == pytest.approx(1.0)
    assert drawn[-1] < 1.5


def test_every_texture_a_shipped_card_names_can_be_drawn() -> None:
    assert {card.texture for card in CARDS} <= {"", *TEXTURES}
    assert {(c.texture, c.grain) for c in CARDS if c.id in BY_ID and c.simulated} == {
        (p.texture, p.grain) for p in PROCESSES
    }


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.id)
def test_a_process_has_its_exact_colours_as_parameters_of_the_tone_stage(process: Process) -> None:
    picture = 0.05 + 0.9 * torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    difference = (palette(process).apply(picture) - colours(process, picture)).abs()
    assert difference.mean() < 1 / 255
    assert difference.max() < 0.08


def test_black_and_white_leaves_no_colour_at_all() -> None:
    grey = palette(BY_ID["modern-grey"]).apply(torch.rand(1, 3, 32, 32))
    assert (grey - grey.mean(1, keepdim=True)).abs().max() < 1e-5
