"""Mode collapse, the field's own proof: the plain game loses nearly all of 1,000 modes, the watched one keeps them."""

from __future__ import annotations

import pytest
import torch

from tests.benchmarks import digits
from tests.benchmarks.digits import LOOK, MODES, Digits, Game

pytestmark = pytest.mark.usefixtures("one_thread")

KEPT = 950  # modes of 1,000, among 26,000 pictures as in the literature
COUNTED = 26_000


@pytest.fixture(scope="module")
def stacked() -> Digits:
    return Digits()


def test_real_digits_have_all_their_modes(stacked: Digits) -> None:
    pictures = stacked.batch(10_000, torch.Generator().manual_seed(1))
    assert stacked.modes(pictures) > 0.99 * MODES
    assert stacked.modes(pictures[:1].expand(500, -1, -1, -1)) == 1


def test_a_loss_of_modes_is_told(stacked: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "EARLY", 0)
    monkeypatch.setattr(digits, "LOOK", 2)
    game = Game(stacked, "plain")
    for parameter in game.generator[0].parameters():
        parameter.requires_grad_(False).zero_()  # whatever is drawn, the same picture
    assert list(game.play(2)) == [1]
    assert "became alike" in game.told[0]


@pytest.mark.long
def test_the_plain_game_loses_modes_and_the_watch_says_so(stacked: Digits) -> None:
    game = Game(stacked, "plain")
    for _ in game.play(6 * LOOK):
        pass
    assert stacked.modes(game.pictures(COUNTED)) < MODES / 2
    assert any("became alike" in sentence for sentence in game.told)


@pytest.mark.long
def test_the_watched_game_keeps_its_modes(stacked: Digits) -> None:
    game = Game(stacked, "watched")
    for _ in game.play(16 * LOOK):
        pass
    assert stacked.modes(game.pictures(COUNTED)) >= KEPT
