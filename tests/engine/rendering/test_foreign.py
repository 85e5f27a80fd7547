"""Networks of other people's: found by their weights, built within bounds, run in steps that leave nothing behind."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from spandrel import MAIN_REGISTRY
from spandrel.architectures.Compact import Compact
from torch import nn

from engine.errors import ModelError
from engine.models import catalog
from engine.rendering import foreign, importing, probing
from engine.rendering.foreign import Foreign
from engine.runtime.steps import at_once
from engine.types import ModelCard, NewModel
from tests.engine.rendering import networks

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


def built(kind: str, **changes: Any) -> Foreign:
    return foreign.build(networks.state(networks.KINDS[kind]) | changes, kind, CPU, torch.float32)


def stepped(net: Foreign, x: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The answer, and how many times the pass paused."""
    steps, pauses = net.steps(x), 0
    while True:
        with torch.inference_mode():
            answer = next(steps)
        assert not torch.is_inference_mode_enabled()
        if answer is not None:
            return answer, pauses
        pauses += 1


@pytest.mark.parametrize(
    ("kind", "enlarges", "architecture"),
    [
        ("compact", 4, "Compact"),
        ("rrdb", 4, "ESRGAN"),
        ("swinir", 1, "SwinIR"),
        ("scunet", 1, "SCUNet"),
        ("nafnet", 1, "NAFNet"),
    ],
)
def test_a_network_is_known_by_its_weights_and_kept_with_a_card(
    tmp_path: Path, kind: str, enlarges: int, architecture: str
) -> None:
    file = networks.saved(tmp_path, kind)
    new = NewModel(str(file), title=f"A {kind}", licence="MIT", source="a test")
    taken = importing.take(new, CPU)
    card: ModelCard = at_once(importing.examine(taken, new, CPU))
    kept = importing.keep(taken, card, new, [tmp_path / "models"]).card
    assert architecture in kept.architecture
    assert (kept.enlarges, kept.scale, kept.licence, kept.origin) == (enlarges, enlarges, "MIT", "imported")
    assert kept.id == f"a-{kind}-{kept.sha256[:8]}"
    assert kept.file_sha256 == catalog.sha256_of(file)
    assert min(kept.memory, kept.pace, kept.effort) > 0
    assert kept.failures
    path, read = catalog.find(kept.id, [tmp_path / "models"])
    assert read == kept
    assert path.stem == kept.sha256 == catalog.sha256_of(path)
    again = importing.load(path, read, CPU)
    x = torch.rand(1, 3, 40, 48)
    assert torch.equal(again(x), taken.foreign(x))


def test_the_same_weights_have_the_same_hash_from_either_kind_of_file(tmp_path: Path) -> None:
    hashes = set()
    for ending in (".pth", ".safetensors"):
        new = NewModel(str(networks.saved(tmp_path, "compact", ending)))
        taken = importing.take(new, CPU)
        card = ModelCard("x", "X", origin="imported")
        hashes.add(importing.keep(taken, card, new, [tmp_path / "models"]).card.sha256)
    assert len(hashes) == 1
    assert len(list((tmp_path / "models").iterdir())) == 2  # the weights and their card


@pytest.mark.parametrize("kind", networks.KINDS)
def test_a_pass_in_steps_answers_as_one_at_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_STEP", 0.0)
    net, x = built(kind), torch.rand(1, 3, 44, 61)
    answer, pauses = stepped(net, x)
    assert torch.equal(answer, net(x))
    assert answer.shape == (1, 3, net.enlarges * 44, net.enlarges * 61)
    assert pauses > 3


def test_steps_are_short() -> None:
    state = networks.state(lambda: Compact(num_feat=32, num_conv=12, upscale=2))
    net = foreign.build(state, "x", CPU, torch.float32)
    x = torch.rand(1, 3, 256, 256)
    start = time.process_time()
    net(x)
    whole = time.process_time() - start
    steps, longest = net.steps(x), 0.0
    while True:
        start = time.process_time()
        with torch.inference_mode():
            answer = next(steps)
        longest = max(longest, time.process_time() - start)
        if answer is not None:
            break
    assert longest < 0.5 * whole


def test_a_pass_given_up_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_STEP", 0.0)
    net, x = built("compact"), torch.rand(1, 3, 32, 32)
    steps = net.steps(x)
    with torch.inference_mode():
        assert next(steps) is None
    steps.close()
    assert not torch.is_inference_mode_enabled()
    assert torch.equal(stepped(net, x)[0], net(x))


def test_a_pass_may_begin_while_another_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_STEP", 0.0)
    net, a, b = built("compact"), torch.rand(1, 3, 24, 24), torch.rand(1, 3, 24, 24)
    first = net.steps(a)
    with torch.inference_mode():
        next(first)
    assert torch.equal(stepped(net, b)[0], net(b))
    with torch.inference_mode():
        answer = next(one for one in first if one is not None)
    assert torch.equal(answer, net(a))


def test_a_network_for_grey_sees_the_channels_of_a_picture_one_by_one() -> None:
    state = networks.state(lambda: Compact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=1, upscale=2))
    net = foreign.build(state, "grey", CPU, torch.float32)
    x = torch.rand(1, 3, 16, 20)
    answer = net(x)
    assert answer.shape == (1, 3, 32, 40)
    assert torch.allclose(answer[:, 1:2], net(x[:, 1:2].expand(1, 3, -1, -1))[:, :1], atol=1e-6)


def test_where_it_answers_with_no_number_the_scan_stays() -> None:
    net = built("compact")
    x = torch.full((1, 3, 16, 16), 0.5)
    x[..., 4, 4] = torch.nan
    assert bool(net(torch.nan_to_num(x)).isfinite().all())
    with torch.inference_mode():
        next(net.module.parameters()).fill_(torch.inf)
    assert torch.equal(net(torch.full((1, 3, 8, 8), 0.25)), torch.full((1, 3, 32, 32), 0.25))


def test_a_network_for_faces_is_refused_and_the_sentence_says_why() -> None:
    names = (
        "toRGB.0.weight", "stylegan_decoder.style_mlp.9.bias", "stylegan_decoder.style_convs.0.modulated_conv.weight",
        "conv_body_first.weight", "conv_body_down.0.conv1.weight", "conv_body_up.0.conv1.weight",
        "final_linear.weight", "final_linear.bias", "stylegan_decoder.constant_input.weight",
        "stylegan_decoder.style_mlp.1.weight", "stylegan_decoder.style_conv1.modulated_conv.weight",
        "stylegan_decoder.to_rgb1.modulated_conv.weight", "stylegan_decoder.to_rgbs.0.modulated_conv.weight",
        "condition_scale.0.0.weight", "condition_shift.0.0.weight",
    )  # fmt: skip
    arch = next(one for one in MAIN_REGISTRY if one.architecture.id == "GFPGAN")
    state = dict.fromkeys(names, torch.zeros(1))
    assert arch.detect(state)
    with pytest.raises(ModelError, match=r"faces.*consent"):
        foreign.build(state, "GFPGANv1.4.pth", CPU, torch.float32)


def test_what_is_no_network_that_is_known_is_refused() -> None:
    with pytest.raises(ModelError, match="no architecture that Archivist knows"):
        foreign.build({"fc.weight": torch.zeros(10, 10)}, "classifier.pth", CPU, torch.float32)


@pytest.mark.parametrize(
    "changes",
    [
        {"body.4.weight": torch.zeros(3, 3)},  # a shape that no layer has
        {"body.0.weight": torch.zeros(60_000, 3, 1, 1)},  # a layer as wide as the world
    ],
)
def test_weights_that_do_not_fit_their_architecture_are_refused(changes: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ModelError, match="weights do not fit"):
        built("compact", **changes)


def test_a_network_that_answers_with_no_picture_is_refused(tmp_path: Path) -> None:
    state = networks.state(networks.nafnet)
    state = {name: torch.full_like(value, torch.nan) for name, value in state.items()}
    torch.save(state, tmp_path / "bad.pth")
    new = NewModel(str(tmp_path / "bad.pth"))
    with pytest.raises(ModelError, match=r"“bad\.pth”"):
        at_once(importing.examine(importing.take(new, CPU), new, CPU))


def test_restrictive_architectures_are_asked_for_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel_extra_arches", None)  # as where nobody installed it
    with pytest.raises(ModelError, match="restrictive terms"):
        foreign.build({"fc.weight": torch.zeros(1)}, "x.pth", CPU, torch.float32, restricted=True)


@pytest.fixture
def extra() -> None:
    pytest.importorskip(
        "spandrel_extra_arches",
        reason="Architectures under restrictive terms are not installed (uv sync --extra restricted-architectures).",
    )


@pytest.mark.usefixtures("extra")
def test_a_restricted_architecture_is_used_when_asked_for_in_words(tmp_path: Path) -> None:
    file = networks.saved(tmp_path, "restormer", ".safetensors", make=networks.restormer)
    with pytest.raises(ModelError, match="no architecture that Archivist knows"):
        importing.take(NewModel(str(file)), CPU)
    new = NewModel(str(file), restricted=True)
    taken = importing.take(new, CPU)
    kept = importing.keep(taken, at_once(importing.examine(taken, new, CPU)), new, [tmp_path / "models"]).card
    assert kept.architecture.startswith("Restormer")
    assert kept.restricted
    path, read = catalog.find(kept.id, [tmp_path / "models"])
    x = torch.rand(1, 3, 40, 48)
    answer = importing.load(path, read, CPU)(x)
    assert answer.shape == x.shape
    assert torch.equal(answer, taken.foreign(x))
    with pytest.raises(ModelError, match="no architecture that Archivist knows"):  # nor by a card without those words
        importing.load(path, replace(read, restricted=False), CPU)


@pytest.mark.usefixtures("extra")
def test_a_restricted_network_for_faces_is_refused_all_the_same() -> None:
    names = ("position_emb", "idx_pred_layer.1.weight", "quantize.embedding.weight", "encoder.blocks.0.weight")
    weights = dict.fromkeys((*names, "ft_layers.0.self_attn.in_proj_weight"), torch.zeros(1))
    with pytest.raises(ModelError, match="network for faces"):
        foreign.build(weights, "codeformer.pth", CPU, torch.float32, restricted=True)


def test_a_chain_of_convolutions_sees_as_far_as_they_add_up_to() -> None:
    net = built("compact")
    findings = at_once(probing.probe(net, CPU, "x"))
    assert (findings.halo, findings.blend, findings.seam) == (8, 0, 0.0)  # 4 convolutions of 3 x 3, on the grid of 8


def test_a_network_that_weighs_a_picture_as_a_whole_gets_blended_tiles() -> None:
    assert at_once(probing.probe(built("nafnet"), CPU, "x")).blend > 0


@pytest.mark.parametrize(("threads", "words"), [(1, "processor, 1 thread"), (2, "processor, 2 threads")])
def test_what_it_ran_on_is_said_in_words(monkeypatch: pytest.MonkeyPatch, threads: int, words: str) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert probing._ran_on(CPU) == words


def test_memory_and_effort_are_measured() -> None:
    net = built("compact")
    findings = at_once(probing.probe(net, CPU, "x"))
    expected = sum(p.weight.numel() for p in net.module.modules() if isinstance(p, nn.Conv2d)) / 1e3
    assert findings.effort == pytest.approx(expected, rel=0.05)
    window = (findings.tile + 2 * findings.halo) ** 2
    assert 4 * window * 48 < findings.memory < 4 * window * 400  # at least what the last layer answers with
