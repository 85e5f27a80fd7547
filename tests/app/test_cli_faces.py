"""`archivist faces` with the real engine and a tiny network for faces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivist_app import cli
from engine.rendering import foreign
from engine.types import ModelCard, NewModel
from tests.engine.rendering import networks

CONSENT = "Board of the archive, Ötztal: the family agreed, letter of 12 May 2026: no. 4"


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scan of 110 x 90 pixels, in the folder that commands run in."""
    monkeypatch.setattr(foreign, "_FACE", 64)  # what networks see: takes no time
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(2).normal(120, 30, (90, 110, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save("scan.png")
    return Path("scan.png")


def imported(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """The id of a network for faces that was just imported."""
    file = networks.saved(folder, "restoreformer", ".safetensors", networks.restoreformer)
    assert cli.main(["models", "import", str(file), "--title", "Faces", "--licence", "MIT", "--faces"]) == 0
    return capsys.readouterr().out.strip()


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_network_for_faces_is_refused_until_it_is_asked_for(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = networks.saved(tmp_path, "restoreformer", ".safetensors", networks.restoreformer)
    assert cli.main(["models", "import", str(file), "--licence", "MIT"]) == 1
    assert "--faces" in complaint(capsys)
    model = imported(capsys, tmp_path)
    assert cli.main(["models"]) == 0
    assert "imported, faces" in capsys.readouterr().out
    assert cli.main(["models", "show", model]) == 0
    shown = capsys.readouterr().out
    assert "may show another person" in shown
    assert "a face" in shown
    assert cli.main(["restore", "scan.png", "-o", "out.png", "--model", model]) == 1
    assert "single faces" in complaint(capsys)
    assert not Path("out.png").exists()


def test_marked_faces_are_restored_and_told_of(scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = imported(capsys, tmp_path)
    face = ["--face", "20,15,40,48", "--consent", CONSENT]
    words = ["faces", "scan.png", "-o", "out.png", "--model", model, *face, "--alpha", "3"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "out.png" in said
    assert f"1 face replaced by {model}, which may show another person" in said
    assert cli.main(["restore", "scan.png", "-o", "plain.png", "--alpha", "3"]) == 0
    capsys.readouterr()
    found, plain = (np.asarray(Image.open(name)) for name in ("out.png", "plain.png"))
    differs = (found != plain).any(axis=2)
    assert differs[15:63, 20:60].mean() > 0.5
    differs[15:63, 20:60] = False
    assert not differs.any()
    assert cli.main([*words, "--face", "70,20,30,30", "--consent", "The sitter: asked for it", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["network"] == model
    assert [face["who"] for face in record["faces"]] == ["Board of the archive, Ötztal", "The sitter"]
    assert record["faces"][0]["ground"] == "the family agreed, letter of 12 May 2026: no. 4"
    assert record["recipe"]["alpha"] == 3.0
    assert cli.main(["verify", "out.png"]) == 0
    said = capsys.readouterr().out
    assert "note  A network replaced faces in it (2)" in said
    assert f"Its faces were made by the model “Faces” ({model}); licence: MIT; SHA-256 of its weights:" in said
    assert cli.main(["reproduce", "out.png"]) == 2
    assert "faces were replaced" in complaint(capsys)


def test_the_log_of_the_image_s_project_keeps_the_consent(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHIVIST_PROJECTS", str(tmp_path / "projects"))
    model = imported(capsys, tmp_path)
    assert cli.main(["project", "new", "Box"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert cli.main(["project", "add", str(folder), "scan.png"]) == 0
    face = ["--face", "20,15,40,48", "--consent", CONSENT]
    assert cli.main(["faces", "scan.png", "-o", "out.png", "--model", model, *face]) == 0
    capsys.readouterr()
    (line,) = (line for line in (folder / "events.jsonl").read_text("utf-8").splitlines() if "Ötztal" in line)
    event = json.loads(line)
    assert event["type"] == "modification"
    assert event["details"]["face"]["ground"] == "the family agreed, letter of 12 May 2026: no. 4"
    assert cli.main(["project", "verify", str(folder)]) == 0


def test_an_option_that_the_restorer_does_not_have_is_refused(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = imported(capsys, tmp_path)
    (tmp_path / "plain").mkdir()
    assert cli.main(["models", "import", str(networks.saved(tmp_path / "plain")), "--title", "Net"]) == 0
    net = capsys.readouterr().out.split()[-1]
    words = ["faces", "scan.png", "-o", "out.png", "--model", faces, "--face", "20,15,40,48", "--consent", CONSENT]
    assert cli.main([*words, "--restorer", net, "--alpha", "3"]) == 2
    assert f"The model “{net}” has no --alpha" in complaint(capsys)
    assert not Path("out.png").exists()
    assert cli.main([*words, "--restorer", net, "--strength", "0.5"]) == 0  # that of the faces


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No face is marked"),
        (["--face", "20,15,40,48"], "--face was given 1 times and --consent 0 times"),
        (["--face", "20,15,40", "--consent", CONSENT], "“20,15,40” is no rectangle"),
        (["--face", "20,15,40,4.5", "--consent", CONSENT], "is no rectangle"),
        (["--face", "20,15,40,48", "--consent", "the family agreed"], "is no consent"),
        (["--face", "20,15,40,48", "--consent", ": letter"], "does not say who decides"),
        (["--face", "20,15,40,48", "--consent", "A. Archivist: "], "does not say on what ground"),
        (["--face", "90,15,40,48", "--consent", CONSENT], "does not lie within the picture of 110 × 90"),
        (["--face", "20,15,15,48", "--consent", CONSENT], "smaller than 16 pixels"),
        (["--face", "20,15,40,48", "--face", "22,15,40,48", *["--consent", CONSENT] * 2], "mark the same place"),
        (["--face", "20,15,40,48", "--consent", CONSENT, "--strength", "1.2"], "between 0 and 1"),
        (["--face", "20,15,40,48", "--consent", CONSENT, "--restorer", "faces"], "There is no model “faces”"),
    ],
)
def test_wrong_use_is_one_sentence(
    scan: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    from engine.models import catalog

    cards = (ModelCard("archivist-1", "Archivist"), ModelCard("net", "Net", origin="imported", faces=True))
    monkeypatch.setattr(catalog, "cards", lambda _: cards)
    assert cli.main(["faces", "scan.png", "-o", "out.png", "--model", "net", *words]) == 2
    assert said in complaint(capsys)
    assert not Path("out.png").exists()


def test_without_a_network_for_faces_the_sentence_says_how_to_get_one(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = ["--face", "20,15,40,48", "--consent", CONSENT]
    assert cli.main(["faces", "scan.png", "-o", "out.png", "--model", "gfpgan", *face]) == 2
    assert "import one with `archivist models import --faces`" in complaint(capsys)
    assert cli.main(["faces", "scan.png", "-o", "scan.png", "--model", "gfpgan", *face]) == 2
    assert "never written over" in complaint(capsys)


def test_the_word_arrives_at_the_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engine.service import EngineService

    asked: list[NewModel] = []

    def refuse(_: EngineService, new: NewModel, __: object) -> None:
        asked.append(new)
        raise KeyboardInterrupt

    monkeypatch.setattr(EngineService, "import_model", refuse)
    for words, wanted in (([], False), (["--faces"], True)):
        assert cli.main(["models", "import", str(tmp_path / "x.pth"), *words]) == 130
        assert asked.pop().faces is wanted
