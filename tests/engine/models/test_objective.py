import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from engine.errors import ModelError
from engine.models.blocks import luma
from engine.models.features import TextureFeatures
from engine.models.objective import Objective, distances, match_luma
from engine.models.weights import load_objective, load_restorer, save_restorer
from engine.training.publish import publish_checkpoint
from engine.training.run import Networks

CPU = torch.device("cpu")


@torch.no_grad()
def test_scales_are_divided_out() -> None:
    torch.manual_seed(0)
    net, (y, truth, reference) = TextureFeatures(), torch.rand(3, 1, 3, 32, 32).unbind()
    content, style = distances(net, y, truth, reference)
    scaled = Objective(net, content.item(), style.item())(y, truth, reference)
    assert torch.allclose(torch.cat(scaled), torch.ones(2))
    assert float(distances(net, truth, truth, reference)[0]) < 0.1 * float(content)


def test_a_reference_counts_at_the_light_and_contrast_of_the_truth() -> None:
    torch.manual_seed(0)
    reference, truth = torch.rand(1, 3, 32, 32), 0.2 + 0.5 * torch.rand(1, 3, 32, 32)
    matched, wanted = match_luma(reference, truth)[:, :1], luma(truth)
    assert torch.allclose(matched.mean(), wanted.mean(), atol=1e-5)
    assert torch.allclose(matched.std(), wanted.std(), atol=1e-4)


def checkpoint(folder: Path, scales: dict[str, float]) -> Path:
    from safetensors.torch import save_file

    path = folder / "last.safetensors"
    facts = {"counters": {}, "scales": scales, "best": {}}
    state = {f"average.{k}": v.contiguous() for k, v in Networks().state_dict().items()}
    save_file(state, path, metadata={"run": json.dumps(facts)})
    return path


def test_published_weights_carry_their_own_measure(tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    scales = {"content": 0.03, "style": 0.3, "measured": 50.0}
    publish_checkpoint(checkpoint(tmp_path, scales), out, {"id": "tiny", "title": "Tiny"})
    objective = load_objective(out, CPU)
    assert (objective.content, objective.style) == (0.03, 0.3)
    assert not any(p.requires_grad for p in objective.features.parameters())
    load_restorer(out, CPU, torch.float32)
    with safe_open(out, framework="pt") as file:
        assert not [name for name in file.keys() if name.startswith(("critic", "features_out"))]  # noqa: SIM118


def test_weights_without_a_measure_still_restore_and_say_what_they_lack(tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    publish_checkpoint(checkpoint(tmp_path, {}), out, {"id": "tiny", "title": "Tiny"})
    load_restorer(out, CPU, torch.float32)
    with pytest.raises(ModelError, match="no measure"):
        load_objective(out, CPU)
    state = {k: v for k, v in Networks().state_dict().items() if not k.startswith("features")}
    save_restorer(out, state, {"id": "tiny", "title": "Tiny", "scales": {"content": 1.0, "style": 1.0}})
    with pytest.raises(ModelError, match="no measure"):
        load_objective(out, CPU)


@pytest.mark.parametrize("bad", ["x", [], None, 0, -1, float("nan"), float("inf"), pytest.param(10**400, id="long")])
def test_scales_that_make_no_sense_are_refused_in_a_sentence(tmp_path: Path, bad: object) -> None:
    out = tmp_path / "model.safetensors"
    for scales in ({"content": bad, "style": 1.0}, {"content": 1.0, "style": bad}, bad):
        save_restorer(out, {}, {"id": "tiny", "title": "Tiny", "scales": scales})
        with pytest.raises(ModelError, match="no measure"):
            load_objective(out, CPU)


def test_a_measure_that_is_no_number_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    state = Networks().state_dict()
    spoilt = next(key for key in state if key.startswith("features."))
    state[spoilt] = torch.full_like(state[spoilt], torch.nan)
    save_restorer(out, state, {"id": "tiny", "title": "Tiny", "scales": {"content": 1.0, "style": 1.0}})
    with pytest.raises(ModelError, match="damaged"):
        load_objective(out, CPU)
