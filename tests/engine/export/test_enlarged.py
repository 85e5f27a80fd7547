import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
import torch
from PIL import Image

from engine.errors import EngineError, ModelError, RecipeError, WriteError
from engine.models import catalog
from engine.models.weights import save_restorer, save_upscaler
from engine.service import EngineService
from engine.training.run import Networks
from engine.types import SHIPPED_MODEL, ExportOptions, ImageRef, Optimisation, Progress, Recipe, Restored


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Networks that have learned nothing in place of the shipped ones, with a tail."""
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    torch.manual_seed(0)
    path, state = tmp_path / "tiny.safetensors", {k: v.half().float() for k, v in Networks().state_dict().items()}
    save_restorer(path, state, {"id": SHIPPED_MODEL, "title": "Tiny"})
    save_upscaler(path.with_name("tiny-upscale.safetensors"), state, path, {"title": "Tail"})
    monkeypatch.setattr(catalog, "shipped", lambda: (path,))
    return path


@pytest.fixture
def service(model: Path) -> Iterator[EngineService]:
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


def photo(service: EngineService, path: Path, **options: Any) -> ImageRef:
    pixels = getattr(skimage.data, "chelsea")()[:40, :50]  # noqa: B009 (it has no annotations)
    Image.fromarray(pixels).save(path, **options)
    return service.open_image(str(path)).result(20).ref


def nothing(_: Progress) -> None:
    return


def export(service: EngineService, image: ImageRef, target: Path, scale: int) -> Restored:
    return service.export(image, Recipe(scale=scale), ExportOptions(str(target)), nothing).future.result(60)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_print_keeps_its_size_in_inches(service: EngineService, tmp_path: Path, scale: int) -> None:
    done = export(service, photo(service, tmp_path / "cat.tif", dpi=(300, 150)), tmp_path / "out.tif", scale)
    assert (done.width, done.height) == (50 * scale, 40 * scale)
    with tifffile.TiffFile(done.output) as file:
        page = file.pages[0]
        assert page.shape == (40 * scale, 50 * scale, 3)
        assert page.resolution == (300 * scale, 150 * scale)


def test_the_file_says_how_much_it_was_enlarged_and_by_what(
    service: EngineService, model: Path, tmp_path: Path
) -> None:
    done = export(service, photo(service, tmp_path / "cat.png"), tmp_path / "out.png", 2)
    packet = Path(done.output).read_bytes().decode("utf-8", "ignore")
    recipe = json.loads(packet.split("archivist:recipe>")[1].removesuffix("</").replace("&quot;", '"'))
    assert recipe["scale"] == 2
    assert "2 times as wide and high" in packet
    assert catalog.sha256_of(model.with_name("tiny-upscale.safetensors")) in packet
    plain = export(service, photo(service, tmp_path / "cat.png"), tmp_path / "plain.png", 1)
    assert "times as wide" not in Path(plain.output).read_bytes().decode("utf-8", "ignore")


def test_what_was_changed_and_damaged_stay_shares(service: EngineService, tmp_path: Path) -> None:
    done = export(service, photo(service, tmp_path / "cat.png"), tmp_path / "out.png", 4)
    assert 0 <= done.damage <= 1
    assert 0 <= done.changed <= 1
    assert np.asarray(Image.open(done.output)).shape == (160, 200, 3)


def test_a_format_too_small_for_the_enlargement_is_refused_before_the_work(
    service: EngineService, tmp_path: Path
) -> None:
    path = tmp_path / "long.png"
    Image.fromarray(np.full((2, 8200, 3), 90, np.uint8)).save(path)
    image = service.open_image(str(path)).result(20).ref
    with pytest.raises(WriteError, match="WEBP holds at most"):
        export(service, image, tmp_path / "out.webp", 2)


def test_a_tail_of_other_weights_is_refused_in_words(service: EngineService, model: Path, tmp_path: Path) -> None:
    save_restorer(model, Networks().state_dict(), {"id": SHIPPED_MODEL, "title": "Tiny"})
    with pytest.raises(ModelError, match="other weights"):
        export(service, photo(service, tmp_path / "cat.png"), tmp_path / "out.png", 2)


def test_without_a_tail_there_is_no_enlarging(service: EngineService, model: Path, tmp_path: Path) -> None:
    model.with_name("tiny-upscale.safetensors").unlink()
    with pytest.raises(RecipeError, match="does not enlarge"):
        export(service, photo(service, tmp_path / "cat.png"), tmp_path / "out.png", 2)


def test_an_optimisation_does_not_enlarge(service: EngineService, tmp_path: Path) -> None:
    order = Optimisation(ExportOptions(str(tmp_path / "out.png")), passes=2)
    image = photo(service, tmp_path / "cat.png")
    with pytest.raises(EngineError, match="size"):
        service.optimise(image, Recipe(scale=2), order, nothing, lambda _, __: None).work.future.result(60)
