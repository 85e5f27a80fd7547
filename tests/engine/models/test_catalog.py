import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine import resources
from engine.errors import ModelError
from engine.models import catalog, weights
from engine.models.generator import MULTIPLE_OF, Backbone, Head
from engine.models.style_encoder import StyleEncoder
from engine.models.tone import ToneStage
from engine.models.upscale import Interpolated, Upscaler
from engine.training.publish import HALO, publish_card
from engine.types import SHIPPED_MODEL


def test_shipped_model_has_a_card_that_matches_its_file() -> None:
    path, card = catalog.find(SHIPPED_MODEL)
    assert card.id == SHIPPED_MODEL
    assert len(card.sha256) == 64
    assert card.licence
    assert card.description
    assert path.stat().st_size < 16_000_000


def test_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=SHIPPED_MODEL):
        catalog.find("nobody")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        (20).to_bytes(8, "little") + b'{"__metadata__": {}}',
        (2).to_bytes(8, "little") + b"[]",
        (10**9).to_bytes(8, "little") + b"{}",
    ],
)
def test_files_that_are_no_models_are_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        catalog.read_card(file)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    path, _ = catalog.find(SHIPPED_MODEL)
    short = tmp_path / "short.safetensors"
    short.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError):
        weights.load_restorer(short, torch.device("cpu"), torch.float32)


def test_weights_of_other_networks_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    weights.save_restorer(other, {"backbone.stem.weight": torch.zeros(1)}, {"id": "other"})
    with pytest.raises(ModelError, match="another version"):
        weights.load_restorer(other, torch.device("cpu"), torch.float32)


def test_unknown_facts_of_a_card_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "new.safetensors"
    weights.save_restorer(file, {}, {"id": "new", "title": "New", "from_the_future": json.dumps([1])})
    assert catalog.read_card(file).title == "New"


@pytest.mark.parametrize(("title", "name"), [("Ünet", "unet"), ("Straße Øst", "strasse-ost"), ("照片", "model")])
def test_an_id_keeps_the_letters_of_a_title_without_their_marks(title: str, name: str) -> None:
    assert catalog.identity(title, "0123456789") == f"{name}-01234567"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of small numbers, to lay a tail beside."""
    torch.manual_seed(1)
    file = tmp_path / "m.safetensors"
    weights.save_restorer(file, new_networks(), {"id": "m", "title": "M"})
    return file


def new_networks() -> dict[str, torch.Tensor]:
    parts = weights.Restorer(Backbone(), Head(), ToneStage(), StyleEncoder()).parts
    state = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    return state | {f"upscaler.{key}": value for key, value in Upscaler().state_dict().items()}


def test_a_tail_beside_a_model_is_read_with_it_and_is_no_model_itself(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = new_networks() | load_file(model)
    tail = model.with_name("m-upscale.safetensors")
    assert catalog.read_card(model).scale == 1
    weights.save_upscaler(tail, state, model, {"title": "Tail"})
    assert catalog.tail_of(model) == tail
    assert catalog.read_card(model).scale == 4
    monkeypatch.setattr(resources, "path", lambda _: model.parent)
    assert catalog.shipped() == (model,)
    read = weights.load_upscaler(tail, model, torch.device("cpu"))
    assert isinstance(read, Upscaler)
    for key, value in read.state_dict().items():
        assert torch.allclose(value, state[f"upscaler.{key}"], atol=1e-3)
        assert value.dtype == torch.float32


def test_a_tail_trained_against_a_critic_stands_beside_the_faithful_one(model: Path) -> None:
    state, tail = new_networks() | load_file(model), model.with_name("m-upscale.safetensors")
    weights.save_upscaler(tail, state, model, {"title": "Tail"})
    other = state | {key: value + 0.25 for key, value in state.items() if key.startswith("upscaler.")}
    weights.save_crisp_upscaler(tail, other, {"crisp": "ten minutes"})
    assert (catalog.header(tail)["title"], catalog.header(tail)["crisp"]) == ("Tail", "ten minutes")
    read = weights.load_upscaler(tail, model, torch.device("cpu"))
    assert isinstance(read, Interpolated)
    first, second = (part.state_dict()["first.weight"] for part in (read.faithful, read.crisp))
    assert torch.allclose(second, first + 0.25, atol=1e-2)
    with pytest.raises(ValueError, match="not taught"):
        weights.save_crisp_upscaler(tail, new_networks(), {})


def test_a_tail_that_learned_on_takes_its_place_and_the_crisp_one_moves_as_far_as_wished(model: Path) -> None:
    state, tail = new_networks() | load_file(model), model.with_name("m-upscale.safetensors")
    weights.save_upscaler(tail, state, model, {"title": "Tail"})
    crisp, later = (
        state | {k: v + more for k, v in state.items() if k.startswith("upscaler.")} for more in (0.2, 0.05)
    )
    weights.save_crisp_upscaler(tail, crisp, {"crisp": "ten minutes"})
    weights.save_longer_taught(tail, later, {"training": "longer"}, beyond=0.5)
    card = catalog.header(tail)
    assert (card["title"], card["crisp"], card["training"]) == ("Tail", "ten minutes", "longer")
    read = weights.load_upscaler(tail, model, torch.device("cpu"))
    assert isinstance(read, Interpolated)
    for part, moved in ((read.faithful, 0.05), (read.crisp, 0.3)):
        assert torch.allclose(part.state_dict()["first.weight"], state["upscaler.first.weight"] + moved, atol=5e-3)
    with pytest.raises(ValueError, match="not taught"):
        weights.save_longer_taught(tail, new_networks(), {})


def test_a_tail_is_carried_to_the_weights_that_took_the_place_of_its_own(model: Path) -> None:
    state, tail = new_networks() | load_file(model), model.with_name("m-upscale.safetensors")
    weights.save_upscaler(tail, state, model, {"title": "Tail"})
    before = load_file(tail)
    weights.save_restorer(model, new_networks(), {"id": "m", "title": "M"})
    with pytest.raises(ModelError, match="made for other weights"):
        weights.load_upscaler(tail, model, torch.device("cpu"))
    weights.carry_upscaler(tail, model, {"training": "on the weights before"})
    assert (catalog.header(tail)["title"], catalog.header(tail)["training"]) == ("Tail", "on the weights before")
    weights.load_upscaler(tail, model, torch.device("cpu"))
    assert all(torch.equal(value, before[key]) for key, value in load_file(tail).items())


def test_a_tail_made_for_other_weights_is_refused_in_words(model: Path) -> None:
    tail = model.with_name("m-upscale.safetensors")
    weights.save_upscaler(tail, new_networks() | load_file(model), model, {})
    other = load_file(model)
    other["head.third.bias"] += 0.5
    weights.save_restorer(model, other, {"id": "m", "title": "M"})
    with pytest.raises(ModelError, match="other weights"):
        weights.load_upscaler(tail, model, torch.device("cpu"))


def test_a_tail_is_not_published_for_weights_it_was_not_taught_on(model: Path) -> None:
    with pytest.raises(ValueError, match="not taught"):
        weights.save_upscaler(model.with_name("m-upscale.safetensors"), new_networks(), model, {})
    assert catalog.tail_of(model) is None


def test_what_is_no_tail_is_refused_in_words(model: Path) -> None:
    tail = model.with_name("m-upscale.safetensors")
    tail.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"m-upscale\.safetensors"):
        weights.load_upscaler(tail, model, torch.device("cpu"))


def test_the_shipped_tail_belongs_to_the_shipped_model() -> None:
    path, card = catalog.find(SHIPPED_MODEL)
    tail = catalog.tail_of(path)
    if tail is None:
        assert card.scale == 1
        return
    assert card.scale == 4
    weights.load_upscaler(tail, path, torch.device("cpu"))


def test_a_card_can_spread_the_slider_and_a_style_fades_that_out(model: Path) -> None:
    before = load_file(model)
    publish_card(model, {"slider": [2.0, -1.0]})
    after = load_file(model)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert catalog.read_card(model).title == "M"
    restorer = weights.load_restorer(model, torch.device("cpu"), torch.float32)
    assert restorer.heard(1.0) == pytest.approx(math.exp(-1))
    assert restorer.heard(10.0) == pytest.approx(100 * math.exp(-1))
    assert restorer.heard(10.0, beta=10.0) == pytest.approx(10.0 * math.exp(-2.9 * 10 / 10.25), rel=1e-3)
    heard = [restorer.heard(alpha) for alpha in (0.1, 0.3, 1.0, 3.0, 10.0)]
    assert heard == sorted(heard)


@pytest.mark.parametrize("slider", [[1.0], "wide", [float("nan"), 0.0], [-2.0, 0.0], [1.0, 99.0]])
def test_a_slider_that_makes_no_sense_is_refused_in_a_sentence(model: Path, slider: object) -> None:
    publish_card(model, {"slider": slider})
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        weights.load_restorer(model, torch.device("cpu"), torch.float32)


def with_tail_card(model: Path, card: object) -> Path:
    """A tail beside the model that tells this of itself."""
    tail = catalog.tail_for(model)
    weights.save_reverse(tail, {}, {})
    content = json.dumps({"__metadata__": {"card": json.dumps(card)}}).encode()
    tail.write_bytes(len(content).to_bytes(8, "little") + content)
    return tail


@pytest.mark.parametrize("sizes", [5, ["x"], [3], [[2]], [float("inf")], {"2": 4}, "24", [], None])
def test_a_tail_that_makes_no_sense_costs_a_model_its_enlarging_only(
    model: Path, sizes: object, caplog: pytest.LogCaptureFixture
) -> None:
    with_tail_card(model, {"sizes": sizes})
    card = next(one for one in catalog.cards([model.parent]) if one.id == "m")
    assert (card.scale, card.tail) == (1, "")
    assert "m-upscale.safetensors" in caplog.text


def test_garbage_in_a_tail_s_place_costs_a_model_its_enlarging_only(model: Path) -> None:
    catalog.tail_for(model).write_bytes(b"garbage")
    card = next(one for one in catalog.cards([model.parent]) if one.id == "m")
    assert (card.scale, card.tail) == (1, "")


def test_a_card_cannot_claim_to_enlarge_without_a_tail(model: Path) -> None:
    publish_card(model, {"scale": 4, "tail": "0" * 64})
    assert (catalog.read_card(model).scale, catalog.read_card(model).tail) == (1, "")


def test_what_belongs_to_a_model_is_no_model_in_anybody_s_folder_and_no_word_is_lost_on_it(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shipped = catalog.shipped()[0]
    for part in ("upscale", "critic", "reverse"):
        copied = shipped.with_name(f"{shipped.stem}-{part}.safetensors").read_bytes()
        (model.parent / f"x-{part}.safetensors").write_bytes(copied)
    found = catalog.cards([model.parent])
    assert [card.id for card in found] == [SHIPPED_MODEL, "m"]
    assert not caplog.records


def test_a_tuned_model_may_be_called_anything(model: Path) -> None:
    base, card = catalog.find(SHIPPED_MODEL)
    named = model.parent / "plates-critic.safetensors"
    weights.save_tuned(named, load_file(base), {}, card, {"id": "plates-critic", "title": "Plates"})
    assert catalog.find("plates-critic", [model.parent])[0] == named


def test_a_removed_model_takes_its_tail_along_but_not_a_tuned_one_of_such_a_name(model: Path) -> None:
    tail = with_tail_card(model, {"sizes": [2]})
    content = model.read_bytes()
    catalog.remove("m", [model.parent])
    assert not tail.exists()
    model.write_bytes(content)
    base, card = catalog.find(SHIPPED_MODEL)
    weights.save_tuned(tail, load_file(base), {}, card, {"id": "m-upscale", "title": "M"})
    catalog.remove("m", [model.parent])
    assert tail.exists()


def test_the_grid_that_cards_are_held_to_is_the_backbone_s() -> None:
    assert catalog._GRID == MULTIPLE_OF
    assert catalog._LEAST <= HALO


def test_a_card_that_tells_no_grid_gets_the_backbone_s(model: Path) -> None:
    assert catalog.read_card(model).multiple_of == MULTIPLE_OF


@pytest.mark.parametrize(
    "change",
    [
        {"multiple_of": 10, "tile": 50, "halo": 10},
        {"multiple_of": 9, "tile": 513, "halo": 81},
        {"multiple_of": 8},
        {"tile": 8, "halo": 8},
        {"tile": 500},
        {"halo": 70},
        {"halo": 48},
        {"tile": 48},
        {"multiple_of": 48, "tile": 512},
    ],
)
def test_a_card_whose_tiles_would_not_fit_together_is_refused(model: Path, change: dict[str, int]) -> None:
    publish_card(model, change)
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        catalog.read_card(model)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_weights_that_are_no_numbers_are_refused_instead_of_making_black_pictures(model: Path, wrong: float) -> None:
    state, tail = new_networks() | load_file(model), catalog.tail_for(model)
    for name in ("backbone.stem.weight", "head.third.bias", "tone", "encoder"):
        key = next(key for key in state if key.startswith(name))
        spoilt = state[key].clone()
        spoilt.flatten()[-1] = wrong
        weights.save_restorer(model, state | {key: spoilt}, {"id": "m", "title": "M"})
        with pytest.raises(ModelError, match=r"“m\.safetensors” is damaged"):
            weights.load_restorer(model, torch.device("cpu"), torch.bfloat16)
    weights.save_restorer(model, state, {"id": "m", "title": "M"})
    bad = {key: value + wrong if key.endswith("first.weight") else value for key, value in state.items()}
    weights.save_upscaler(tail, {**bad, **load_file(model)}, model, {"title": "Tail"})
    with pytest.raises(ModelError, match=r"“m-upscale\.safetensors” is damaged"):
        weights.load_upscaler(tail, model, torch.device("cpu"))


def tuned(path: Path, up: torch.Tensor, down: torch.Tensor) -> Path:
    """What a fine-tuning writes, with this update of the shipped backbone's first weight."""
    base, card = catalog.find(SHIPPED_MODEL)
    updates = {"backbone.stem.low_rank_up": up, "backbone.stem.low_rank_down": down}
    weights.save_tuned(path, weights.restorer_tensors(base), updates, card, {"id": "tuned", "title": "Tuned"})
    return path


@pytest.mark.parametrize(("up", "down"), [((32, 8), (8,)), ((32, 8, 2), (8, 8, 2)), ((32,), (32,))])
def test_a_hostile_update_is_refused_in_a_sentence(tmp_path: Path, up: tuple[int, ...], down: tuple[int, ...]) -> None:
    path = tuned(tmp_path / "tuned.safetensors", torch.ones(up), torch.ones(down))
    with pytest.raises(ModelError, match="another version"):
        weights.load_restorer(path, torch.device("cpu"), torch.float32)


def test_an_update_that_is_no_number_is_refused_in_a_sentence(tmp_path: Path) -> None:
    size = Backbone().stem.weight.shape
    up, down = torch.full((size[0], 1), math.nan), torch.ones(1, size[1:].numel())
    with pytest.raises(ModelError, match="no numbers"):
        weights.load_restorer(tuned(tmp_path / "tuned.safetensors", up, down), torch.device("cpu"), torch.float32)


def test_a_slider_too_long_for_a_number_is_refused_in_a_sentence(model: Path) -> None:
    publish_card(model, {"slider": [10**400, 0]})
    with pytest.raises(ModelError, match=r"m\.safetensors"):
        weights.load_restorer(model, torch.device("cpu"), torch.float32)


def test_a_fingerprint_is_of_the_bytes_in_whatever_format() -> None:
    one = {"head.a": torch.ones(2, dtype=torch.bfloat16), "head.b": torch.tensor(1.0)}
    assert weights.fingerprint(one) != weights.fingerprint(one | {"head.a": torch.ones(2, dtype=torch.half)})
