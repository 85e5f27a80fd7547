"""Faces by a network for faces: where they may change something, how tone stays, and the cards of such networks."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from spandrel import SizeRequirements
from torch import Tensor, nn

from engine.errors import ModelError, RecipeError
from engine.models import catalog
from engine.rendering import faces, foreign, importing
from engine.rendering.faces import Layer
from engine.rendering.foreign import Foreign
from engine.runtime.steps import at_once
from engine.types import Consent, ExportOptions, Face, FaceOrder, ModelCard, NewModel, Region, face_fault
from tests.engine.rendering import networks

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


def network(make: nn.Module, architecture: str = "RestoreFormer") -> Foreign:
    """A network for faces out of any module: what spandrel would hand over."""

    class Descriptor:
        supports_half = supports_bfloat16 = False
        scale, input_channels, purpose = 1, 3, "FaceSR"
        size_requirements = SizeRequirements(minimum=64)
        model = make

        def __init__(self) -> None:
            self.architecture = SimpleNamespace(name=architecture, id=architecture)

        def eval(self) -> Descriptor:
            make.eval()
            return self

        def to(self, **_: Any) -> Descriptor:
            return self

        def __call__(self, x: Tensor) -> Tensor:
            return cast("Tensor", make(x))

    return Foreign(cast("Any", Descriptor()), CPU, torch.float32)


class Of(nn.Module):
    """A network that is one function, with a layer so that it can pause."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.layer(x))


@pytest.fixture(autouse=True)
def small_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks see 64 pixels, which takes no time."""
    monkeypatch.setattr(foreign, "_FACE", 64)


def test_the_feather_is_whole_in_the_middle_and_nothing_on_the_edge() -> None:
    for height, width in ((16, 16), (40, 61), (301, 97)):
        region = Region(7, 9, width, height)
        m = faces.feather(region, region)
        assert m.shape == (1, 1, height, width)
        assert float(m[0, 0, height // 2, width // 2]) == 1
        assert float(m.min()) >= 0
        assert float(m.max()) == 1
        assert float(m[0, 0, 0, 0]) == 0, "the corners are rounded off"
        assert float(m[0, 0, 0].max()) < 0.25, "it begins softly at the sides"
        assert torch.equal(m, m.flip(2, 3))
        assert float((m > 0.99).float().mean()) > 0.35, "most of the face is the network's"
        assert torch.equal(faces.feather(region, Region(10, 12, 9, 5)), m[:, :, 3:8, 3:12])


@pytest.mark.parametrize(
    ("region", "level"),
    [
        (Region(0, 0, 20, 30), 0), (Region(7, 9, 33, 16), 0), (Region(90, 4, 17, 16), 0), (Region(5, 6, 80, 60), 0),
        (Region(5, 6, 90, 60), 1), (Region(1001, 777, 500, 333), 3), (Region(3, 5, 1441, 1999), 5),
    ],
)  # fmt: skip
def test_the_square_lies_around_what_was_marked(region: Region, level: int) -> None:
    found = faces.square_around(region, 64)
    square, step = found.region, 1 << level
    assert found.level == level
    assert square.width == square.height
    assert 0 <= square.width - 1.5 * max(region.width, region.height) <= step
    assert region.intersect(square) == region
    assert not any(number % step for number in (square.x, square.y, square.width))
    assert found.shown == Region(square.x // step, square.y // step, square.width // step, square.width // step)
    assert level == 0 or 64 <= found.shown.width <= 130
    middle = (square.x + square.width / 2, square.y + square.height / 2)
    assert abs(middle[0] - (region.x + region.width / 2)) <= step
    assert abs(middle[1] - (region.y + region.height / 2)) <= step


def layer(region: Region, value: float) -> Layer:
    square = faces.square_around(region, 64).region
    return Layer(region, square, torch.full((1, 3, square.width, square.width), value))


def test_layers_add_nothing_outside_and_share_what_they_both_cover() -> None:
    one, other = layer(Region(10, 10, 20, 20), 0.4), layer(Region(20, 10, 20, 20), -0.2)
    change = faces.laid_over([one, other], CPU)
    whole = change(0, Region(0, 0, 60, 50))
    assert whole.shape == (1, 3, 50, 60)
    assert float(whole[0, 0, 20, 15]) == pytest.approx(0.4 * float(faces.feather(one.region, Region(15, 20, 1, 1))))
    shares = [float(faces.feather(at.region, Region(25, 20, 1, 1))) for at in (one, other)]
    assert sum(shares) > 1
    mixed = (0.4 * shares[0] - 0.2 * shares[1]) / sum(shares)
    assert float(whole[0, 0, 20, 25]) == pytest.approx(mixed, abs=1e-6)
    outside = torch.ones(50, 60, dtype=torch.bool)
    outside[10:30, 10:40] = False
    assert not bool(whole[0, :, outside].any())
    assert bool(whole[0, :, 12:28, 12:38].any())
    part = Region(5, 12, 30, 9)
    assert torch.equal(change(0, part), whole[:, :, 12:21, 5:35])
    assert torch.equal(faces.laid_over([other, one], CPU)(0, part), change(0, part)), "in whatever order they came"


def test_what_was_drawn_small_is_enlarged_to_its_place() -> None:
    square = Region(100, 200, 640, 640)
    ramp = torch.linspace(-1, 1, 65)[:-1] + 1 / 64
    drawn = torch.stack((ramp.expand(64, 64), ramp[:, None].expand(64, 64), torch.zeros(64, 64)))[None]
    region = Region(220, 320, 400, 400)
    part = Region(300, 470, 50, 20)
    found = faces._enlarged(Layer(region, square, drawn), part)
    assert found.shape == (1, 3, 20, 50)
    assert float(found[0, 0, 0, 7]) == pytest.approx((307.5 - 100) / 320 - 1, abs=3e-3)  # half a small pixel is 0.016
    assert float(found[0, 1, 9, 0]) == pytest.approx((479.5 - 200) / 320 - 1, abs=3e-3)


def test_what_the_network_does_to_tone_is_taken_away_and_what_it_draws_stays() -> None:
    b = 0.2 + 0.3 * torch.rand(1, 3, 90, 90, generator=torch.Generator().manual_seed(1))
    lighter = at_once(faces._face(network(Of(lambda x: (x + 0.2).clamp(0, 1))), b, 0, CPU))
    assert float(lighter.abs().max()) < 1e-4, "a change of tone alone is no change"

    def drawn(x: Tensor) -> Tensor:
        line = torch.zeros_like(x)
        line[:, :, :, 30:32] = 0.3
        return x + 0.2 + line

    found = at_once(faces._face(network(Of(drawn)), b, 0, CPU))
    assert found.shape == (1, 3, 64, 64)
    assert float(found[0, :, 20:50, 31].mean()) > 0.15
    assert abs(float(found.mean())) < 0.01


def test_networks_that_learned_on_minus_one_to_one_are_shown_that() -> None:
    seen: list[Tensor] = []

    def answer(x: Tensor) -> tuple[Tensor, None]:
        seen.append(x.clone())
        return -x, None

    net = network(Of(answer), "GFPGAN")
    x = torch.rand(1, 3, 64, 64)
    assert torch.allclose(net(x), 1 - x, atol=1e-6), "the negative of -1..1 is that of 0..1"
    assert torch.allclose(seen[0], 2 * x - 1)


def test_what_it_draws_by_chance_is_always_the_same_and_nobody_else_notices() -> None:
    net = network(Of(lambda x: x + 0.1 * torch.randn_like(x)))
    b = torch.rand(1, 3, 64, 64)
    torch.manual_seed(5)
    first = at_once(faces._face(net, b, 3, CPU))
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn), "the numbers of others are what they were"
    assert torch.equal(at_once(faces._face(net, b, 3, CPU)), first)
    assert not torch.equal(at_once(faces._face(net, b, 4, CPU)), first)


def test_an_answer_that_is_no_picture_is_a_sentence() -> None:
    net = network(Of(lambda x: x * torch.nan))
    with pytest.raises(ModelError, match="no picture"):
        at_once(faces._face(net, torch.rand(1, 3, 64, 64), 0, CPU))


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ([Region(90, 10, 30, 30)], "does not lie within the picture of 100 × 80"),
        ([Region(-5, 10, 30, 30)], "does not lie within"),
        ([Region(10, 10, 0, 30)], "is empty"),
        ([Region(10, 10, -3, 30)], "is empty"),
        ([Region(10, 10, 15, 40)], "smaller than 16 pixels"),
        ([Region(10, 10, 30, 30), Region(12, 8, 30, 30)], "Faces 1 and 2 mark the same place"),
        ([Region(0, 0, 60, 60), Region(50, 50, 30, 30), Region(10, 10, 16, 16)], "Faces 1 and 3"),
    ],
)
def test_rectangles_that_mark_no_face_are_told_in_a_sentence(regions: list[Region], words: str) -> None:
    fault = face_fault(regions, 100, 80)
    assert words in fault
    assert fault.endswith(".")


def test_neighbours_in_a_group_may_overlap_a_little() -> None:
    assert face_fault([Region(0, 0, 40, 40), Region(30, 0, 40, 40), Region(60, 40, 40, 40)], 100, 80) == ""


def test_nobody_is_restored_without_consent() -> None:
    for who, ground in (("", "a letter"), ("  ", "a letter"), ("A. Archivist", ""), ("A. Archivist", "\t")):
        with pytest.raises(RecipeError, match="consent"):
            Consent(who, ground, "2026-05-12T10:00:00+00:00")
    with pytest.raises(RecipeError, match="No face"):
        FaceOrder(ExportOptions("out.tif"), "net", ())
    consent = Consent("A. Archivist", "letter", "2026-05-12T10:00:00+00:00")
    for strength in (-0.1, 1.5, float("nan")):
        with pytest.raises(RecipeError, match="between 0 and 1"):
            FaceOrder(ExportOptions("out.tif"), "net", (Face(Region(0, 0, 20, 20), consent),), strength)


def test_a_network_for_faces_comes_in_only_when_asked_for(tmp_path: Path) -> None:
    file = networks.saved(tmp_path, "restoreformer", ".safetensors", networks.restoreformer)
    with pytest.raises(ModelError, match=r"plausible face.*--faces") as refused:
        importing.take(NewModel(str(file)), CPU)
    assert "consent" in str(refused.value)
    new = NewModel(str(file), title="Faces", licence="MIT", faces=True)
    taken = importing.take(new, CPU)
    card: ModelCard = at_once(importing.examine(taken, new, CPU))
    kept = importing.keep(taken, card, new, [tmp_path / "models"]).card
    assert (kept.faces, kept.least, kept.scale, kept.controls) == (True, 64, 1, ())
    assert "another person" in " ".join(kept.failures)
    assert min(kept.memory, kept.pace, kept.effort) > 0
    path, read = catalog.find(kept.id, [tmp_path / "models"])
    assert read == kept
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(importing.load(path, read, CPU)(x), taken.foreign(x))


@pytest.mark.long
def test_gfpgan_s_own_architecture_comes_in_and_draws_a_face(tmp_path: Path) -> None:
    from spandrel.architectures.GFPGAN import GFPGAN

    file = networks.saved(tmp_path, "GFPGANv1Clean", ".safetensors", GFPGAN)  # 87 million random numbers, 349 MB
    with pytest.raises(ModelError, match="--faces"):
        importing.take(NewModel(str(file)), CPU)
    new = NewModel(str(file), faces=True)
    taken = importing.take(new, CPU)
    card: ModelCard = at_once(importing.examine(taken, new, CPU))
    kept = importing.keep(taken, card, new, [tmp_path / "models"]).card
    assert (kept.faces, kept.least, kept.architecture) == (True, 512, "GFPGAN")
    net = importing.load(tmp_path / "models" / f"{kept.sha256}.safetensors", kept, CPU)
    b = torch.rand(1, 3, 150, 150, generator=torch.Generator().manual_seed(1))
    found = at_once(faces._face(net, b, 0, CPU))
    assert found.shape == (1, 3, 512, 512)
    assert float(found.std()) > 0.01
    assert torch.equal(at_once(faces._face(net, b, 0, CPU)), found), "although its decoder draws noise"


def test_other_networks_come_in_with_that_word_too_and_are_none_for_faces(tmp_path: Path) -> None:
    new = NewModel(str(networks.saved(tmp_path, "compact")), faces=True)
    card = at_once(importing.examine(importing.take(new, CPU), new, CPU))
    assert not card.faces
    assert card.scale == 4


def test_cards_of_before_still_read_and_are_of_no_network_for_faces(tmp_path: Path) -> None:
    new = NewModel(str(networks.saved(tmp_path, "compact")))
    taken = importing.take(new, CPU)
    card = ModelCard("x", "X", origin="imported", tile=128)
    kept = importing.keep(taken, card, new, [tmp_path / "models"]).card
    path = tmp_path / "models" / f"{kept.sha256}.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    del told["faces"]
    path.write_text(json.dumps(told), encoding="utf-8")
    assert asdict(catalog.find(kept.id, [tmp_path / "models"])[1]) == asdict(kept)
