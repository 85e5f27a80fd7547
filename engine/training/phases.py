"""One step of each kind of phase. A step gets the run, the phase and a step number that seeds all it draws."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.models import losses, objective
from engine.models.blocks import luma
from engine.models.generator import NOISE, STYLE_SIZE, Understanding, condition, together
from engine.models.style_encoder import REFERENCE_SIZE
from engine.runtime.device import multiplies_bfloat16
from engine.styles import processes
from engine.training import optics
from engine.training.adversary import ADVERSARIES, Adversary
from engine.training.aging import Aged, age
from engine.training.augment import augment
from engine.training.dataset import APART, WRITTEN, PhotoSet, Pictures
from engine.training.presets import DOTS, MASK, Phase
from engine.training.run import Networks, Run
from engine.training.sheet import Dice
from engine.training.watches import Watches

CHANNELS_LAST = torch.channels_last
LAMBDA = 2.0  # weight of the adversarial term beside alpha and beta
PLAUSIBLE: tuple[tuple[str, float, Callable[[Tensor, Tensor], Tensor]], ...] = (  # beside what the critic says
    ("texture", 3.0, losses.texture_distance),  # as much fine detail as the truth has, place by place
    ("grid", 6.0, losses.grid_distance),  # no texture that keeps step with the network's own grid
    ("specks", 2.0, losses.beyond_range),  # nothing darker or brighter than all around it in the truth
    ("calm", 1.0, losses.busy_where_flat),  # calm where the truth is
)
WRITTEN_IN_DOTS = 0.6  # share of pages among what is printed in dots: strokes are not to go with the screen
CONTRAST = 0.2  # weight, within the style term, of being nearer to the wished style than to another
WARM_UP = 50  # joint steps over which the scales of content and style are measured


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a step needs besides the run: the pictures, the device, the seed of this very step."""

    photos: Pictures
    styles: PhotoSet | None  # paintings and prints; without them only the simulated processes are learned
    phase: Phase
    device: torch.device
    seed: int
    adversary: Adversary = ADVERSARIES["relativistic"]
    watches: Watches | None = None
    few: bool = False  # whether the pictures are so few that the critic could learn them by heart
    teacher: Networks | None = None  # the finished model a phase is to stay near in part

    def aged(self) -> Aged:
        """A batch and its truth. Severity varies, or the network smooths what was hardly damaged at all."""
        severity, only = self.damage()
        written = WRITTEN_IN_DOTS if only and DOTS[0] in only else WRITTEN
        drawn = self.phase.batch, self.phase.size, self.seed
        clean = self.photos.batch(*drawn, written=written, varied=self.phase.varied).to(self.device)
        return age(clean, self.seed, severity=severity, look_alikes=self.phase.look_alikes, only=only)

    def damage(self) -> tuple[float, tuple[str, ...] | None]:
        """How severe this batch's damage is, and which kinds it has alone, None for all together."""
        chance = random.Random(self.seed + APART)  # with the seed itself it would say which picture comes first
        severity = self.phase.mildest + (1 - self.phase.mildest) * chance.random() ** 0.5
        only = chance.choice(self.phase.singles) if chance.random() < self.phase.single else None
        return severity, only

    def autocast(self) -> torch.autocast:
        """Half of the precision where that is faster: a processor that emulates bfloat16 takes eight times as long."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=multiplies_bfloat16(self.device.type))

    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        """Where pictures are few a person is at work beside the training: then one at a time."""
        return torch.split(x, 1 if self.few else max(1, len(x)))

    def shown(self, x: Tensor) -> Tensor:
        """What the critic sees of a picture: grey, for colour it would reward too, and what is invented is to have
        none; changed at random where pictures are few."""
        grey = luma(x).expand_as(x)
        if self.few:
            grey = augment(grey, torch.Generator().manual_seed(self.seed + 900_000_011))
        return grey.contiguous(memory_format=CHANNELS_LAST)


Step = Callable[[Run, Lesson], dict[str, float]]


def take(run: Run, group: str, loss: Tensor, limit: float = 1.0) -> float:
    """One optimiser step with the gradient clipped to `limit`; a loss or gradient that is not finite is skipped."""
    optimiser = run.optimisers[group]
    optimiser.zero_grad(set_to_none=True)
    if not bool(torch.isfinite(loss)):
        return float("nan")
    loss.backward()  # type: ignore[no-untyped-call]
    return step_optimiser(optimiser, limit)


def step_optimiser(optimiser: torch.optim.Optimizer, limit: float) -> float:
    """Clips the gradients there are to `limit` and follows them; not where they are not finite. Their norm."""
    parameters = [p for g in optimiser.param_groups for p in g["params"]]
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, limit))
    if norm == norm and norm != float("inf"):
        optimiser.step()
    return norm


def content(run: Run, lesson: Lesson) -> dict[str, float]:
    """Backbone alone: the faithful residual and the damage logit, without a critic (NoGAN: the long first part)."""
    loss, figures = mending_loss(run, lesson, lesson.aged())
    norm = take(run, "content", loss, limit=0.5)
    run.follow("backbone")
    return figures | {"norm": norm}


def mending_loss(run: Run, lesson: Lesson, batch: Aged) -> tuple[Tensor, dict[str, float]]:
    """How far the backbone's own residual is from the truth in pixels and frequencies, and its mask from the mask."""
    x = batch.aged.contiguous(memory_format=CHANNELS_LAST)
    with lesson.autocast():
        seen = run.nets.backbone(x)
    return seen_loss(seen, batch)


def seen_loss(seen: Understanding, batch: Aged, mask_weight: float = MASK) -> tuple[Tensor, dict[str, float]]:
    """The same, of what the backbone has said of this batch already."""
    y = batch.aged + seen.residual.float()
    pixel = losses.charbonnier(y, batch.toned)
    frequency = losses.fft_magnitude(y, batch.toned)
    mask = losses.damage_mask(seen.damage, batch.mask)
    loss = pixel + 0.1 * frequency + mask_weight * mask
    return loss, {"pixel": pixel.item(), "frequency": frequency.item(), "mask": mask.item()}


def any_process(dice: Dice) -> processes.Process:
    return processes.PROCESSES[dice.count(0, len(processes.PROCESSES) - 1)]


def as_print(process: processes.Process, picture: Tensor, dice: Dice) -> Tensor:
    """picture (1, 3, H, W) as a print of this process, texture included, at a random place of its sheet."""
    return processes.as_print(process, picture, dice.count(0, 4096), dice.count(0, 4096))


def features(run: Run, lesson: Lesson) -> dict[str, float]:
    """Teaches the texture features to tell how blurred and how noisy a picture is."""
    count = lesson.phase.batch
    x = lesson.photos.batch(count, lesson.phase.size, lesson.seed).to(lesson.device)
    dice = Dice(torch.Generator().manual_seed(lesson.seed))
    blur, noise = dice.uniforms(count).to(lesson.device), dice.uniforms(count).to(lesson.device)
    generator = torch.Generator(lesson.device).manual_seed(lesson.seed)
    x = optics.gaussian_blur(x, 3 * blur, 3 * blur, torch.zeros_like(blur))
    x = optics.white_noise(x, 0.15 * noise, generator)
    net = run.nets.features
    maps = net.raw(x)
    net.follow_energy(maps)
    answer = run.nets.features_out(net(x)[-1].mean((2, 3)))
    loss = (answer - torch.stack([blur, noise], 1)).square().mean()
    norm = take(run, "features", loss)
    run.follow("features", "features_out")
    run.scales.pop("measured", None)  # other features, other sizes of content and style
    return {"recognition": loss.item(), "norm": norm}


def restore(nets: Networks, lesson: Lesson, batch: Aged, weights: Weights) -> Tensor:
    """The head's picture (N, 3, H, W) for these loss weights. Of the backbone, fixed by now, only the projections to
    the head's features learn on: nothing taught them before."""
    *_, restored = restore_parts(nets, lesson, batch, weights)
    assert restored is not None
    return restored


def restore_parts(nets: Networks, lesson: Lesson, batch: Aged, weights: Weights) -> Iterator[Tensor | None]:
    """The same, cut where others may have the engine for a moment; the last item is the picture."""
    x = batch.aged.contiguous(memory_format=CHANNELS_LAST)
    n, _, height, width = x.shape
    noise = torch.rand(n, NOISE, height // 4, width // 4, generator=weights.generator).to(x.device) * 2 - 1
    looked = []
    for part in lesson.parts(x):
        with torch.no_grad(), lesson.autocast():
            looked.append(nets.backbone(part, keep_inner=True))
        yield None
    seen = together(looked)
    assert seen.inner is not None
    with lesson.autocast():
        features, fine = nets.backbone.project(*seen.inner)
        z = condition(weights.alpha, weights.beta, weights.style)
        r = nets.head(replace(seen, features=features, fine=fine), noise, z)
    yield x + r.float()


@dataclass(frozen=True, slots=True)
class Weights:
    """The loss weights drawn for a batch, alpha and beta (N,), and the style codes (N, 64). The first pictures are
    plain, with beta 0; `references` are those of the styled rest."""

    alpha: Tensor
    beta: Tensor
    style: Tensor
    references: Tensor
    generator: torch.Generator


def draw_weights(run: Run, lesson: Lesson) -> Weights:
    """alpha = 10^U(-1, 1); beta = 0 for two thirds of a batch, else 10^U(-2, 1) with a reference of some style. A phase
    for one corner has its alpha and beta everywhere, but for the one picture a batch needs of the other part."""
    count, size, corner = lesson.phase.batch, lesson.phase.size, lesson.phase.corner
    plain = plain_part(lesson.phase)
    # Not the seed itself: the aging draws with it which pictures stay clean, and alpha would be told by that.
    generator = torch.Generator().manual_seed(lesson.seed + APART)
    dice = Dice(generator)
    alpha = 10 ** (2 * dice.uniforms(count) - 1)
    beta = 10 ** (3 * dice.uniforms(count) - 2) * (torch.arange(count) >= plain)
    if corner is not None:
        alpha, beta = torch.full_like(alpha, corner[0]), (torch.arange(count) >= plain) * corner[1]
    if lesson.styles is not None and dice.chance(0.6):
        references = lesson.styles.batch(count - plain, REFERENCE_SIZE, lesson.seed + 2)
    else:
        photos = lesson.photos.batch(count - plain, REFERENCE_SIZE, lesson.seed + 2)
        references = torch.cat([as_print(any_process(dice), p, dice) for p in torch.split(photos, 1)])
    references = references.to(lesson.device)
    style = torch.zeros(count, STYLE_SIZE, device=lesson.device)
    with torch.no_grad():
        style[plain:] = run.nets.encoder(references)
    return Weights(alpha.to(lesson.device), beta.to(lesson.device), style, references[..., :size, :size], generator)


def plain_part(phase: Phase) -> int:
    """How many pictures of a batch have beta = 0; they come first."""
    styled = max(1, phase.batch // 3)
    if phase.corner is not None:
        styled = phase.batch - 1 if phase.corner[1] > 0 else 1
    return phase.batch - styled


def critic(run: Run, lesson: Lesson) -> dict[str, float]:
    """The critic alone, against a generator that stands still."""
    batch, weights = lesson.aged(), draw_weights(run, lesson)
    with torch.no_grad():
        fake = restore(run.nets, lesson, batch, weights)
    plain = plain_part(lesson.phase)  # a painted one is not meant to pass for a photograph
    figures = critic_step(run, lesson, batch.toned[:plain], fake[:plain])
    run.follow("critic")
    return figures


def critic_step(run: Run, lesson: Lesson, real: Tensor, fake: Tensor) -> dict[str, float]:
    """One step of the critic; some carry its penalty, in float32 and as many times as heavy as it is rare."""
    *_, figures = critic_parts(run, lesson, real, fake)
    return figures


def critic_parts(run: Run, lesson: Lesson, real: Tensor, fake: Tensor) -> Iterator[dict[str, float]]:
    """The same, cut where others may have the engine for a moment; the last item holds the figures."""
    net, game, watches = run.nets.critic, lesson.adversary, lesson.watches
    real, fake = lesson.shown(real.detach()), lesson.shown(fake.detach())
    with lesson.autocast():
        scores = net(real), net(fake)
    real_score, fake_score = (s.float() for s in scores)
    loss = game.critic(real_score, fake_score).mean()
    figures = {"critic": loss.item(), "accuracy": float((real_score > fake_score).float().mean())}
    if watches is not None and watches.skip_critic:
        yield figures
        return
    optimiser = run.optimisers["critic"]
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    yield figures
    if game.penalty is not None and lesson.seed % game.every == 0:
        strength = game.every * (watches.memory["r1"] if watches is not None else 1.0)
        parts = list(zip(lesson.parts(real), lesson.parts(fake), strict=True))
        chances = torch.Generator().manual_seed(lesson.seed + 700_000_027)  # apart from what the aging draws
        for one, other in parts:
            (strength * game.penalty(net, one, other, chances) / len(parts)).backward()  # type: ignore[no-untyped-call]
            yield figures
    yield figures | {"critic_norm": step_optimiser(optimiser, limit=5.0)}


def joint(run: Run, lesson: Lesson) -> dict[str, float]:
    """Head against critic: L = (lambda L_adv + alpha L_content + beta L_style) / (lambda + alpha + beta)."""
    *_, figures = joint_parts(run, lesson)
    return figures


def joint_parts(run: Run, lesson: Lesson) -> Iterator[dict[str, float]]:
    """The same, cut where others may have the engine for a moment; the last item holds the figures."""
    batch, weights = lesson.aged(), draw_weights(run, lesson)
    yield {}
    y: Tensor | None = None
    for y in restore_parts(run.nets, lesson, batch, weights):  # noqa: B007 - the last one counts
        yield {}
    assert y is not None
    plain = plain_part(lesson.phase)
    figures: dict[str, float] = {}
    for figures in critic_parts(run, lesson, batch.toned[:plain], y[:plain]):  # noqa: B007 - the last one counts
        yield {}
    for more in _head_step(run, lesson, batch, weights, y):
        figures = figures | more
        yield {}
    yield figures


def _head_step(run: Run, lesson: Lesson, batch: Aged, weights: Weights, y: Tensor) -> Iterator[dict[str, float]]:
    """Gathers the gradient of L at the picture y term by term, then sends it through the head once, so that no part
    takes long; figures come with each part."""
    plain, scales = plain_part(lesson.phase), run.scales
    lam = LAMBDA * scales.get("gan", 1.0)
    share = 1 / ((lam + weights.alpha + weights.beta) * len(y))
    seen = y.detach().requires_grad_(True)
    content, style = _distances(run, lesson, seen, batch.toned, weights.references)
    _freeze_scales(run, content, style)
    styled = _styled(run, lesson, seen[plain:], batch.toned[plain:], weights, style)
    yield {"content": content.mean().item(), "style": style.mean().item()}
    total = (share * weights.alpha * content).sum() / scales["content"] + (share[plain:] * styled).sum()
    total.backward()  # type: ignore[no-untyped-call]
    yield {}
    adversarial = generator_loss(run, lesson, batch.toned[:plain], seen[:plain])
    (lam * share[:plain] * adversarial).sum().backward()  # type: ignore[no-untyped-call]
    run.nets.critic.zero_grad(set_to_none=True)
    yield {"adversarial": adversarial.mean().item()}
    for name, weight, measure in PLAUSIBLE:
        distance = measure(seen[:plain], batch.toned[:plain])
        (lam * weight * share[:plain] * distance).sum().div(scales["content"]).backward()  # type: ignore[no-untyped-call]
        yield {name: distance.mean().item() / scales["content"]}
    run.optimisers["joint"].zero_grad(set_to_none=True)
    y.backward(seen.grad)  # type: ignore[no-untyped-call]
    norm = step_optimiser(run.optimisers["joint"], limit=1.0)
    run.follow("head", "backbone.features", "backbone.fine", "critic")
    yield {"norm": norm}


def _styled(run: Run, lesson: Lesson, y: Tensor, truth: Tensor, weights: Weights, style: Tensor) -> Tensor:
    """beta * L_style of styled pictures, (N,), with the term against styles that grow alike; `style` is their distance
    from their references."""
    apart = _nearer_to_another(run, lesson, y, truth, weights.references, style)
    contrast = CONTRAST * run.scales.get("contrast", 1.0)
    return weights.beta[-len(y) :] * (style + contrast * apart) / run.scales["style"]


def generator_loss(run: Run, lesson: Lesson, real: Tensor, fake: Tensor) -> Tensor:
    """The generator's side of the game, (N,) a picture; the critic's own gradients are to be thrown away after it."""
    with lesson.autocast():
        with torch.no_grad():
            real_score = run.nets.critic(lesson.shown(real))
        fake_score = run.nets.critic(lesson.shown(fake))
    return lesson.adversary.generator(real_score.float(), fake_score.float()).mean((1, 2, 3))


def _nearer_to_another(run: Run, lesson: Lesson, y: Tensor, truth: Tensor, references: Tensor, own: Tensor) -> Tensor:
    """How much nearer each styled picture is to a neighbour's style than to its own, (N,): without this term styles
    grow alike. A single picture has no neighbour."""
    if len(y) < 2:
        return torch.zeros_like(own)
    with lesson.autocast():
        seen, wanted = run.nets.features(y), objective.look(run.nets.features, truth, references.roll(1, 0))
    return torch.relu(own - 0.7 * objective.style_distance(seen, wanted.style))


def _distances(run: Run, lesson: Lesson, y: Tensor, truth: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """L_content of every picture and L_style of the last ones, which have references; before their scales."""
    plain = len(y) - len(references)
    net = run.nets.features
    with lesson.autocast():
        seen = net(y)
        with torch.no_grad():
            true, wanted = net(truth), net(objective.match_luma(references, truth[plain:]))
    content = objective.content_distance(y, truth, seen, true)
    return content, objective.style_distance([s[plain:] for s in seen], wanted)


def _freeze_scales(run: Run, content: Tensor, style: Tensor) -> None:
    """Measures the sizes of the loss terms over the first steps of the joint phase, then keeps them."""
    seen = run.scales.get("measured", 0.0)
    if seen >= WARM_UP:
        return
    for name, value in (("content", content), ("style", style)):
        mean = run.scales.get(name, 0.0)
        run.scales[name] = mean + (value.mean().item() - mean) / (seen + 1)
    run.scales["measured"] = seen + 1
