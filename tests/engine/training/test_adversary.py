import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from skimage.color import rgb2lab
from torch import nn

from engine.training.adversary import ADVERSARIES, AdversaryName
from engine.training.pretrain import new_run
from engine.training.run import Run
from engine.training.validation import lab
from engine.training.watches import REST, Watches

NAMES = sorted(ADVERSARIES)


@pytest.mark.parametrize("name", NAMES)
def test_telling_right_costs_the_critic_less_and_the_generator_more(name: AdversaryName) -> None:
    game = ADVERSARIES[name]
    high, low = torch.full((2, 1, 3, 3), 2.0), torch.full((2, 1, 3, 3), -2.0)
    assert float(game.critic(high, low).mean()) < float(game.critic(low, high).mean())
    assert float(game.generator(high, low).mean()) > float(game.generator(low, high).mean())


@pytest.mark.parametrize("name", [n for n in NAMES if ADVERSARIES[n].blind])
def test_a_blind_critic_loses_what_is_said(name: AdversaryName) -> None:
    game = ADVERSARIES[name]
    nothing = torch.zeros(2, 1, 3, 3)
    assert float(game.critic(nothing, nothing).mean()) == pytest.approx(game.blind, abs=1e-3)


@pytest.mark.parametrize("name", [n for n in NAMES if ADVERSARIES[n].penalty])
def test_penalties_teach_the_critic(name: AdversaryName) -> None:
    penalty = ADVERSARIES[name].penalty
    assert penalty is not None
    torch.manual_seed(0)
    critic = nn.Conv2d(3, 1, 3)
    real, fake = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    loss = penalty(critic, real, fake, torch.Generator().manual_seed(2))
    loss.backward()  # type: ignore[no-untyped-call]
    torch.manual_seed(3)  # what else is drawn says nothing of it: a run that goes on goes on in the same way
    assert torch.equal(loss, penalty(critic, real, fake, torch.Generator().manual_seed(2)))
    assert float(loss.detach()) > 0
    assert critic.weight.grad is not None
    assert float(critic.weight.grad.abs().sum()) > 0
    assert real.grad is None


@pytest.mark.parametrize("name", NAMES)
def test_each_game_leads_a_dark_generator_to_bright_pictures(name: AdversaryName) -> None:
    """The smallest game: the generator knows nothing but its critic. (All of them circle round the goal afterwards.)"""
    torch.manual_seed(1)
    game = ADVERSARIES[name]
    critic = nn.Sequential(nn.Conv2d(1, 8, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 1))
    level = nn.Parameter(torch.tensor(0.1))
    chances = torch.Generator().manual_seed(1)
    teach = torch.optim.Adam(critic.parameters(), 0.02, betas=game.betas)
    learn = torch.optim.Adam([level], 0.01, betas=(0.0, 0.9))
    seen = []
    for step in range(150):
        real = 0.8 + 0.05 * torch.randn(8, 1, 4, 4)
        fake = level + 0.05 * torch.randn(8, 1, 4, 4)
        loss = game.critic(critic(real), critic(fake.detach())).mean()
        if game.penalty is not None and step % game.every == 0:
            loss = loss + game.every * game.penalty(critic, real, fake.detach(), chances)
        teach.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        teach.step()
        with torch.no_grad():
            real_score = critic(real)
        learn.zero_grad()
        game.generator(real_score, critic(fake)).mean().backward()  # type: ignore[no-untyped-call]
        learn.step()
        seen.append(float(level.detach()))
    assert min(seen) > -0.1
    assert max(seen) > 0.6


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path, torch.device("cpu"), 1)


def test_a_critic_far_ahead_rests_until_the_generator_has_caught_up(run: Run) -> None:
    watches = Watches(run.scales, 0.6931)
    told = [watches.step({"accuracy": 1.0, "critic": 0.1}, n) for n in range(1000)]
    assert sum(t is not None for t in told) == (1000 - told.index(next(filter(None, told))) - 1) // REST + 1
    assert watches.skip_critic
    assert run.scales["critic_rate"] < 1 < run.scales["r1"]
    for n in range(1000, 1400):
        watches.step({"accuracy": 0.5, "critic": 0.6}, n)
    assert not watches.skip_critic


def test_a_blind_critic_trains_alone(run: Run) -> None:
    watches = Watches(run.scales, 0.6931)
    told = [watches.step({"accuracy": 0.5, "critic": 0.6931}, n) for n in range(4000)]
    first = told.index(next(filter(None, told)))
    assert first > 500
    assert watches.alone(first + 1)
    assert run.scales["critic_rate"] > 1


def test_one_wild_gradient_is_skipped_two_send_the_run_back(run: Run) -> None:
    watches = Watches(run.scales, 0.6931)
    assert [watches.gradient(1.0) for _ in range(5)] == [None] * 5
    assert watches.gradient(float("nan")) == "skip"
    assert watches.gradient(1.0) is None
    assert watches.gradient(50.0) == "skip"
    assert watches.gradient(float("inf")) == "back"


HEALTHY = {"lab_shift": 0.3, "texture_1": 0.8, "spread": 0.02}


@pytest.mark.parametrize(
    ("change", "word", "memory"),
    [
        ({"lab_shift": 3.0}, "colours", "gan"),
        ({"texture_1": 1.9}, "texture", "gan"),
        ({"spread": 0.002}, "alike", "contrast"),
    ],
)
def test_a_bad_validation_names_its_reason_and_changes_a_weight(
    run: Run, change: dict[str, float], word: str, memory: str
) -> None:
    watches = Watches(run.scales, 0.6931)
    assert watches.validation(HEALTHY) is None
    reason = watches.validation(HEALTHY | change)
    assert reason is not None
    assert word in reason
    assert run.scales[memory] != 1.0


@pytest.mark.parametrize("name", HEALTHY)
def test_a_validation_that_is_not_finite_is_a_reason_to_go_back(run: Run, name: str) -> None:
    reason = Watches(run.scales, 0.6931).validation(HEALTHY | {name: math.nan})
    assert reason is not None
    assert "not finite" in reason


def test_figures_that_are_not_watched_this_time_are_no_reason(run: Run) -> None:
    """A fine-tuning leaves out the texture that came nearer to the truth's than it was at the start."""
    assert Watches(run.scales, 0.6931).validation({"lab_shift": 0.3, "spread": 0.02}) is None


def test_going_back_brings_the_average_and_forgets_the_momentum(run: Run) -> None:
    run.save("best-joint")
    kept = {k: v.clone() for k, v in run.average.items()}
    loss = run.nets.head.first.weight.square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimisers["joint"].step()
    run.follow("head")
    run.counters["step"] = 7
    assert run.back_to("best-joint")
    assert not run.optimisers["joint"].state
    assert run.counters["step"] == 7
    assert torch.equal(run.nets.head.first.weight, kept["head.first.weight"])
    assert not replace(run, folder=run.folder / "elsewhere").back_to("best-joint")


def test_lab_is_what_a_colour_library_says() -> None:
    x = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(3))
    expected = rgb2lab(x.permute(0, 2, 3, 1).numpy())
    assert torch.allclose(lab(x).permute(0, 2, 3, 1), torch.from_numpy(expected).float(), atol=0.02)
