"""A thorough look: the mean of eight positions, for our own network and for others'."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.evaluation.metrics import score
from engine.evaluation.ours import in_memory
from engine.rendering.borrowed import Borrowed
from engine.rendering.pipeline import Pipeline
from engine.rendering.positions import POSITIONS, turned, turned_back
from engine.rendering.stages import Seen
from engine.rendering.subject import Subject
from engine.runtime.steps import at_once
from engine.types import ImageRef, ModelCard, Recipe, Region, RenderRequest, View

HEIGHT, WIDTH = 150, 200  # several tiles of 128, neither side a multiple of 8
THOROUGH = Recipe(alpha=10.0, thorough=True)
ONCE = replace(THOROUGH, thorough=False)


@pytest.fixture(scope="module")
def clean() -> NDArray[np.uint8]:
    photo: NDArray[np.uint8] = getattr(skimage.data, "astronaut")()  # noqa: B009 (it has no annotations)
    return np.ascontiguousarray(photo[60 : 60 + HEIGHT, 100 : 100 + WIDTH])


@pytest.fixture(scope="module")
def noisy(clean: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).normal(0, 25, clean.shape)
    return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def subject(pixels: NDArray[np.uint8], recipe: Recipe) -> Subject:
    return Subject(str(hash(pixels.tobytes())), in_memory(pixels), recipe)


def restore(pipeline: Pipeline, pixels: NDArray[np.uint8], recipe: Recipe) -> NDArray[Any]:
    result: NDArray[Any] = at_once(pipeline.whole(subject(pixels, recipe)))[0]
    return result


def seen_of(pipeline: Pipeline, x: Tensor, recipe: Recipe) -> Seen:
    whole = Region(0, 0, x.shape[3], x.shape[2])
    return at_once(pipeline.understand(x, whole, whole, recipe))


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]


def test_the_eight_positions_differ_and_each_is_undone() -> None:
    x = torch.arange(2.0 * 3 * 5).reshape(1, 2, 3, 5)
    shown = [turned(x, position) for position in range(POSITIONS)]
    assert torch.equal(shown[0], x)
    assert len({(tuple(y.shape), tuple(y.flatten().tolist())) for y in shown}) == POSITIONS
    for position, y in enumerate(shown):
        assert torch.equal(turned_back(y, position), x)


def test_the_faithful_residual_is_the_mean_over_all_positions(pipeline: Pipeline, noisy: NDArray[np.uint8]) -> None:
    x = as_tensor(noisy[:64, :96])
    looks = [
        turned_back(seen_of(pipeline, turned(x, position), ONCE).residual, position) for position in range(POSITIONS)
    ]
    thorough, first = seen_of(pipeline, x, THOROUGH), seen_of(pipeline, x, ONCE)
    torch.testing.assert_close(thorough.residual, torch.stack(looks).mean(0), atol=1e-6, rtol=0)
    assert torch.equal(thorough.features, first.features)


def test_how_a_picture_lies_makes_no_difference_any_more(pipeline: Pipeline, noisy: NDArray[np.uint8]) -> None:
    x = as_tensor(noisy[:64, :96])
    for recipe, same in ((THOROUGH, True), (ONCE, False)):
        lying = seen_of(pipeline, torch.rot90(x, 1, (2, 3)), recipe).residual
        apart = float((torch.rot90(lying, -1, (2, 3)) - seen_of(pipeline, x, recipe).residual).abs().max())
        assert (apart < 1e-5) is same, (recipe, apart)


def test_it_is_nearer_to_the_truth(pipeline: Pipeline, clean: NDArray[np.uint8], noisy: NDArray[np.uint8]) -> None:
    once, thorough = (score(restore(pipeline, noisy, recipe), clean).psnr for recipe in (ONCE, THOROUGH))
    assert thorough > once + 0.3


def test_tiles_show_no_edges(pipeline: Pipeline, noisy: NDArray[np.uint8]) -> None:
    large = Pipeline(pipeline.restorer, replace(pipeline.card, tile=512), pipeline.device, 1 << 26)
    tiled, untiled = restore(pipeline, noisy, THOROUGH), restore(large, noisy, THOROUGH)
    assert np.abs(tiled.astype(int) - untiled).max() <= 1


def test_both_kinds_of_look_are_remembered_apart(pipeline: Pipeline, noisy: NDArray[np.uint8]) -> None:
    pipeline.forget(subject(noisy, ONCE).sha256)
    before = restore(pipeline, noisy, ONCE)
    thorough = restore(pipeline, noisy, THOROUGH)
    assert np.array_equal(restore(pipeline, noisy, ONCE), before)
    assert np.array_equal(restore(pipeline, noisy, THOROUGH), thorough)
    assert not np.array_equal(before, thorough)


class Counted:
    """A backbone that counts how often it is asked."""

    def __init__(self, backbone: Any) -> None:
        self.looks, self._steps = 0, backbone.steps

    def steps(self, x: Tensor) -> Any:
        self.looks += 1
        yield from self._steps(x)


def test_a_draft_waits_for_one_look_only(
    pipeline: Pipeline, noisy: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = subject(noisy, THOROUGH)
    pipeline.forget(wanted.sha256)
    counted = Counted(pipeline.restorer.backbone)
    monkeypatch.setattr(pipeline.restorer.backbone, "steps", counted.steps)
    request = RenderRequest(ImageRef("x", "0", 0), THOROUGH, View(Region(0, 0, WIDTH, HEIGHT), 1.0))
    pipeline.draft(request, wanted)
    tiles = len(wanted.source.tiles(wanted.source.pyramid.level_for(1.0), pipeline.card))
    assert 1 <= counted.looks <= tiles
    frame = at_once(pipeline.refine(request, wanted, lambda _: None))
    assert np.array_equal(frame.pixels[..., 2::-1], restore(pipeline, noisy, THOROUGH))
    looks = counted.looks
    assert np.array_equal(pipeline.draft(request, wanted).pixels, frame.pixels)  # what is known is shown, not anew
    assert counted.looks == looks


class Leaning:
    """A network of others that brightens what lies to the right: its answer depends on how a picture lies."""

    dtype, enlarges, channels, faltered = torch.float32, 1, 3, False

    def steps(self, x: Tensor) -> Any:
        yield None
        yield (x + torch.linspace(0, 0.2, x.shape[3])).clamp(0, 1)


def test_a_network_of_others_is_asked_in_all_positions_too(pipeline: Pipeline, clean: NDArray[np.uint8]) -> None:
    card = ModelCard("x", "X", sha256="0" * 64, origin="imported", tile=256, halo=32)
    other: Any = Leaning()
    net = Borrowed(other, card, pipeline, 1 << 24)
    x = as_tensor(clean[:64, :64] // 2)
    leaning = seen_of(net, x, ONCE).residual
    assert float(leaning[..., -1].mean() - leaning[..., 0].mean()) == pytest.approx(0.2, abs=1e-3)
    even = seen_of(net, x, THOROUGH).residual
    assert float((even - 0.1).abs().max()) < 1e-3
