"""What the command line promises, against an engine that only pretends."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from archivist_app import cli
from archivist_app.cli import common, report, root, slow_way
from engine.errors import ImageError, ModelError, RecipeError, WriteError
from engine.types import (
    AddedModel,
    Comparison,
    EngineReady,
    ExportOptions,
    ImageInfo,
    ImageRef,
    Losses,
    ModelCard,
    NewModel,
    OpenedImage,
    Optimisation,
    Optimised,
    Progress,
    Project,
    ProjectItem,
    Recipe,
    Restored,
    StyleCard,
    Trial,
)

T = TypeVar("T")
CARBON = StyleCard("carbon", "Carbon print", "process", (0.0,) * 64, date="1870", source="own")
SHIPPED = ModelCard("archivist-1", "Archivist 1", licence="MIT", metrics={"psnr": 24.0})


def settled(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future


def failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


@dataclass
class FakeWork(Generic[T]):
    future: Future[T]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
        self.future.cancel()
        self.future.set_running_or_notify_cancel()


@dataclass(frozen=True)
class Evaluated:
    pairs: int
    candidates: dict[str, dict[str, float]]


@dataclass
class Row:
    """A figure of the scoreboard."""

    theme: str = "noise"
    name: str = "sigma 25"
    value: float | None = 28.0
    wanted: str = "at least 29"
    reached: bool | None = False
    note: str = "dB"

    @property
    def verdict(self) -> str:
        return "not reached"


@dataclass
class Judged:
    """A scoreboard of one figure that is missed."""

    model: str = "archivist-1"
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 1
    pictures: int = 24
    seconds: float = 3.0
    figures: tuple[Row, ...] = (Row(),)
    reached: int = 0
    wanted: int = 1


@dataclass
class Stoppable:
    """What `optimise` hands out."""

    work: FakeWork[Optimised]

    def stop(self) -> None:
        """As the real one's."""


@dataclass
class FakeEngine:
    """Opens anything but files called bad*, writes b"restored", and remembers what it was asked."""

    device: str = "auto"
    started: int = 0
    closed: int = 0
    exports: list[tuple[ImageRef, Recipe, ExportOptions]] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    bits: int = 8
    export_error: Exception | None = None
    endless: FakeWork[Restored] | None = None
    damaged: str = ""  # what is wrong with the own styles
    ready: Future[EngineReady] = field(
        default_factory=lambda: settled(EngineReady("cpu", "no GPU here", "float32", 1, "2", 0.5))
    )

    def start(self) -> None:
        self.started += 1

    def close(self, timeout: float = 10.0) -> None:
        self.closed += 1

    def warm(self) -> Future[EngineReady]:
        return self.ready

    def styles(self) -> tuple[StyleCard, ...]:
        return (CARBON,)

    def styles_complaint(self) -> str:
        return self.damaged

    def models(self) -> tuple[ModelCard, ...]:
        return (SHIPPED,)

    def has_card(self, file: str) -> bool:
        return Path(file).stem == "m1"

    def lend_model(self, file: str) -> ModelCard:
        self.asked.append(("lend_model", file))
        return replace(SHIPPED, id=Path(file).stem, title="Tuned", origin="tuned")

    def import_model(self, new: NewModel, on_progress: Callable[[Progress], None]) -> FakeWork[AddedModel]:
        self.asked.append(("import_model", new))
        if "trap" in new.file:
            return FakeWork(failed(ModelError("“trap.pth” holds more than weights and is refused.")))
        on_progress(Progress(0, 1, "reading"))
        card = replace(SHIPPED, id="own-12345678", title=new.title, licence=new.licence or "unknown", origin="imported")
        return FakeWork(settled(AddedModel(card, "It was here already." if "again" in new.file else "")))

    def remove_model(self, model: str) -> None:
        if model == "nope":
            raise ModelError("There is no model “nope”.")
        self.asked.append(("remove_model", model))

    def add_style(self, path: str, **about: str) -> Future[StyleCard]:
        if path.endswith("bad.jpg"):
            return failed(ImageError("“bad.jpg” is damaged."))
        self.asked.append(("add_style", path, *(f"{name} {value}" for name, value in about.items() if value)))
        return settled(replace(CARBON, id="own-1"))

    def remove_style(self, style: str) -> None:
        if style == "nope":
            raise RecipeError("There is no style “nope”.")
        self.asked.append(("remove_style", style))

    def add_mask(self, path: str, image: ImageRef) -> Future[str]:
        self.asked.append(("add_mask", path, image.path))
        return settled("f" * 64)

    def open_image(self, path: str, page: int = 0) -> Future[OpenedImage]:
        name = Path(path).name
        if name.startswith("bad") or not Path(path).is_file():
            return failed(ImageError(f"“{name}” is not an image; choose another file."))
        info = ImageInfo(path, 4, 4, 3, self.bits, "JPEG")
        return settled(OpenedImage(ImageRef(path, "0" * 64, 1), info))

    def export(
        self, image: ImageRef, recipe: Recipe, options: ExportOptions, on_progress: Callable[[Progress], None]
    ) -> FakeWork[Restored]:
        self.exports.append((image, recipe, options))
        if self.endless is not None:
            return self.endless
        if self.export_error is not None:
            return FakeWork(failed(self.export_error))
        on_progress(Progress(1, 2, "tile"))
        target = Path(options.target)
        if target.is_dir():
            target /= "restored.png"
        target.write_bytes(b"restored")
        return FakeWork(settled(Restored(image.path, str(target), 4, 4, 0.25, recipe, device="cpu")))

    def truth(self, project: Project, item: ProjectItem) -> str | None:
        return "truth.png" if item.source.path.endswith("camera.png") else None

    def score(self, picture: str, truth: str) -> Future[float]:
        return settled(28.5 if picture.endswith("restored.png") else 21.25)

    def demo_project(self, folder: str | None = None) -> Future[Project]:
        where = Path(folder or "demo")
        (where / "exports").mkdir(parents=True)
        item = ProjectItem("u1", ImageRef("masters/camera.png", "0" * 64, 1))
        return settled(Project(str(where), "p1", "Demo", (item,)))

    def locate(self, project: Project, item: ProjectItem) -> str:
        return str(Path(project.folder) / item.source.path)

    def register(self, ref: ImageRef, absolute: str) -> None:
        self.asked.append(("register", ref.path, absolute))

    def close_project(self, project: Project) -> None:
        self.asked.append(("close_project", project.uuid))

    def evaluate(self, comparison: Comparison, on_progress: Callable[[Progress], None]) -> FakeWork[Evaluated]:
        self.asked.append(("evaluate", comparison))
        figures = {"input": {"psnr": 20.0, "ssim": 0.5}, "archivist": {"psnr": float("inf"), "ssim": 1.0}}
        return FakeWork(settled(Evaluated(3, figures)))

    def judge(self, trial: Trial, on_progress: Callable[[Progress], None]) -> FakeWork[Judged]:
        self.asked.append(("judge", trial))
        return FakeWork(settled(Judged()))

    def optimise(
        self,
        image: ImageRef,
        recipe: Recipe,
        order: Optimisation,
        on_progress: Callable[[Progress], None],
        on_pass: Callable[[Losses, None], None],
    ) -> Stoppable:
        self.asked.append(("optimise", recipe, order))
        losses = tuple(Losses(number, 1.0 / (1 + number), 0.5, 1.5 / (1 + number)) for number in range(3))
        for step in losses:
            on_pass(step, None)
        restored = Restored(image.path, order.export.target, 4, 3, 0.1, recipe)
        return Stoppable(FakeWork(settled(Optimised(restored, losses, stopped=False))))

    def age(self, source: str, target: str, *, seed: int, severity: float, mask: str | None = None) -> Future[None]:
        self.asked.append(("age", source, target, seed, severity, mask))
        return settled(None)

    def train(self, preset: str, data: str, out: str, on_progress: Callable[[Progress], None]) -> FakeWork[str]:
        if preset != "tiny":
            return FakeWork(failed(RecipeError(f"There is no preset “{preset}”; there is tiny.")))
        on_progress(Progress(1, 2, "content"))
        return FakeWork(settled(f"{out}/weights.safetensors"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()

    def new_service(device: str = "auto") -> FakeEngine:
        fake.device = device
        return fake

    monkeypatch.setattr(common, "new_service", new_service)
    return fake


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.jpg", "bad.jpg", "mask.png"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def sentence(captured: Any) -> str:
    """The one line on standard error."""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert "Traceback" not in captured.err
    return str(lines[0])


def test_help_is_there_without_torch_or_qt() -> None:
    code = (
        "import sys; from archivist_app.cli import main; status = main(['--help']); "
        "heavy = [m for m in ('torch', 'PySide6', 'numpy', 'skimage') if m in sys.modules]; "
        "sys.exit(status or (f'loaded {heavy}' if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "restore" in done.stdout
    assert "open-window" not in done.stdout
    assert "qt-probe" not in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "restore",
        "styles",
        "models",
        "demo",
        "doctor",
        "evaluate",
        "judge",
        "optimise",
        "faces",
        "age",
        "train",
        "styles list",
        "models show",
        "export",
        "sheet",
        "models import",
        "models remove",
    ],
)
def test_every_subcommand_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    assert "--help" in capsys.readouterr().out


def test_one_image_is_restored_to_the_named_file(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out.png"]) == 0
    assert (here / "out.png").read_bytes() == b"restored"
    assert (here / "a.jpg").read_bytes() == b"x"
    assert "a.jpg -> out.png" in capsys.readouterr().out
    assert (engine.started, engine.closed) == (1, 1)


def test_options_arrive_in_the_recipe(engine: FakeEngine, here: Path) -> None:
    words = "--alpha 10 --beta 0.5 --strength 0.25 --scope damage --no-keep-tone --grain 0.75 --thorough --device cpu"
    assert cli.main(["restore", "a.jpg", "-o", "out", *words.split(), "--model", "archivist-1"]) == 0
    wanted = Recipe(alpha=10, beta=0.5, strength=0.25, scope="damage", keep_tone=False, grain=0.75, thorough=True)
    assert engine.exports[0][1] == wanted
    assert engine.device == "cpu"


def test_beta_without_a_style_is_said_to_change_nothing(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out", "--beta", "2"]) == 0
    assert "it changes nothing" in capsys.readouterr().err
    assert cli.main(["restore", "a.jpg", "-o", "out", "--beta", "0"]) == 0
    assert cli.main(["restore", "a.jpg", "-o", "out", "--style", "carbon", "--beta", "2"]) == 0
    assert "changes nothing" not in capsys.readouterr().err


def test_a_size_arrives_in_the_recipe_and_not_beside_repairing_damage_only(engine: FakeEngine, here: Path) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out", "--scale", "4"]) == 0
    assert engine.exports[0][1] == Recipe(scale=4)
    assert cli.main(["restore", "a.jpg", "-o", "out", "--scale", "2", "--scope", "damage"]) == 2
    assert cli.main(["restore", "a.jpg", "-o", "out", "--scale", "3"]) == 2


def test_nothing_asked_gives_the_default_recipe(engine: FakeEngine, here: Path) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out"]) == 0
    assert engine.exports[0][1] == Recipe()


@pytest.mark.parametrize(("words", "beta"), [([], 1.0), (["--beta", "0"], 0.0), (["--beta", "2"], 2.0)])
def test_a_style_switches_beta_on_unless_it_was_given(
    engine: FakeEngine, here: Path, words: list[str], beta: float
) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out", "--style", "carbon", *words]) == 0
    assert engine.exports[0][1] == Recipe(style="carbon", beta=beta)


def test_a_picture_becomes_the_style(engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out", "--style", "b.jpg"]) == 0
    assert engine.asked == [("add_style", str(here / "b.jpg"))]
    assert engine.exports[0][1].style == "own-1"
    assert "is kept as the style own-1" in capsys.readouterr().err


def test_pictures_are_kept_as_styles_and_a_bad_one_does_not_stop_the_rest(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["styles", "add", "bad.jpg", "b.jpg", "--licence", "CC0", "--date", "1890"]) == 1
    assert engine.asked == [("add_style", str(here / "b.jpg"), "date 1890", "licence CC0")]
    told = capsys.readouterr()
    assert told.out == "own-1\n"
    assert "bad.jpg" in told.err
    assert cli.main(["styles", "add", "a.jpg", "b.jpg", "--title", "One name"]) == 2


def test_a_style_is_removed_by_its_id(engine: FakeEngine) -> None:
    assert cli.main(["styles", "remove", "own-1", "own-2"]) == 0
    assert engine.asked == [("remove_style", "own-1"), ("remove_style", "own-2")]


@pytest.mark.parametrize("kind", ["style", "model"])
def test_an_id_that_cannot_be_removed_does_not_stop_the_rest(
    kind: str, engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([f"{kind}s", "remove", "own-x", "nope", "own-y"]) == report.FAILED
    assert engine.asked == [(f"remove_{kind}", "own-x"), (f"remove_{kind}", "own-y")]
    assert sentence(capsys.readouterr()) == f"There is no {kind} “nope”."


@pytest.mark.parametrize("words", [["styles"], ["styles", "list"], ["styles", "list", "--json"]])
def test_own_styles_that_cannot_be_read_are_told_beside_the_list(
    words: list[str], engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.damaged = "“styles.json”, which holds your own styles, is damaged; restore it."
    assert cli.main(words) == report.DONE
    told = capsys.readouterr()
    assert "Carbon print" in told.out
    assert told.err == f"{engine.damaged}\n"


def test_an_edited_mask_reaches_the_recipe(engine: FakeEngine, here: Path) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out", "--mask", "mask.png", "--scope", "damage"]) == 0
    assert engine.asked == [("add_mask", str(here / "mask.png"), str(here / "a.jpg"))]
    assert engine.exports[0][1].mask == "f" * 64


@pytest.mark.parametrize(
    "words",
    [
        ["--alpha", "50"],
        ["--alpha", "nan"],
        ["--alpha", "much"],
        ["--beta", "0.001"],
        ["--strength", "2"],
        ["--grain", "-1"],
        ["--scale", "3"],
        ["--scope", "face"],
        ["--device", "abacus"],
        ["--style", "no-such-style"],
        ["--model", "no-such-model"],
        ["--overwrite", "--skip-existing"],
        ["--no-such-option"],
        ["b.jpg", "--mask", "mask.png", "--scope", "damage"],
        ["--mask", "mask.png"],
    ],
)
def test_a_wrong_option_is_one_sentence_and_status_2(
    engine: FakeEngine, here: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out", *words]) == 2
    assert sentence(capsys.readouterr())
    assert engine.exports == []
    assert not (here / "out").exists()
    assert engine.started == engine.closed


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--alpha", "5"], "--alpha"),
        (["--alpha", "1"], "--alpha"),  # also where it is the usual one
        (["--beta", "0"], "--beta"),
        (["--style", "carbon"], "--style"),
        (["--style", "a.jpg", "--beta", "1"], "--beta and no --style"),
        (["--grain", "0.5"], "--grain"),
    ],
)
def test_an_option_that_the_model_does_not_have_is_one_sentence_and_status_2(
    engine: FakeEngine,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    named: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    net = replace(SHIPPED, id="net", origin="imported", controls=("strength", "keep_tone", "scope"))
    monkeypatch.setattr(FakeEngine, "models", lambda _: (SHIPPED, net))
    assert cli.main(["restore", "a.jpg", "-o", "out", "--model", "net", *words]) == 2
    assert f"The model “net” has no {named};" in sentence(capsys.readouterr())
    assert (engine.exports, engine.asked) == ([], [])  # no style was added on the way
    assert cli.main(["restore", "a.jpg", "-o", "out", "--model", "archivist-1", "--alpha", "5"]) == 0
    assert cli.main(["restore", "a.jpg", "-o", "out", "--model", "net", "--strength", "0.5"]) == 0
    assert engine.exports[-1][1] == Recipe(model="net", strength=0.5)


@pytest.mark.parametrize("words", [["restore"], ["restore", "a.jpg"], ["restore", "-o", "x"], ["restroe"], ["--wrong"]])
def test_wrong_usage_is_one_sentence_and_status_2(
    engine: FakeEngine, here: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert sentence(capsys.readouterr())


def test_a_bad_input_is_reported_and_the_rest_go_on(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", "a.jpg", "bad.jpg", "missing.jpg", "b.jpg", "-o", "out"]) == 1
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a_restored.jpg", "b_restored.jpg"]
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "bad.jpg" in errors[0]
    assert "missing.jpg" in errors[1]


def test_a_second_run_keeps_overwrites_or_skips_the_first_result(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([], [], ["--overwrite"], ["--skip-existing"]):
        assert cli.main(["restore", "a.jpg", "-o", "out", *words]) == 0
    assert [Path(options.target).name for _, _, options in engine.exports] == [
        "a_restored.jpg",
        "a_restored_v02.jpg",
        "a_restored.jpg",
    ]
    assert "left alone" in capsys.readouterr().out


def test_a_16_bit_master_becomes_a_tiff(engine: FakeEngine, here: Path) -> None:
    engine.bits = 16
    assert cli.main(["restore", "a.jpg", "-o", "out"]) == 0
    assert (here / "out" / "a_restored.tif").exists()


def test_the_input_is_never_the_output(engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "a.jpg"]) == 2
    assert "never written over" in sentence(capsys.readouterr())
    assert (here / "a.jpg").read_bytes() == b"x"


def test_a_failed_export_is_one_sentence_and_status_1(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.export_error = WriteError("The disk is full; free some space and try again.")
    assert cli.main(["restore", "a.jpg", "-o", "out"]) == 1
    assert sentence(capsys.readouterr()) == "The disk is full; free some space and try again."


def test_json_is_one_object_an_input(engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["restore", "a.jpg", "bad.jpg", "-o", "out", "--json"]) == 1
    captured = capsys.readouterr()
    done, broken = (json.loads(line) for line in captured.out.splitlines())
    assert done["status"] == "restored"
    assert done["output"] == str(Path("out") / "a_restored.jpg")
    assert done["recipe"] == Recipe().to_json()
    assert (broken["status"], broken["input"]) == ("failed", "bad.jpg")
    assert "bad.jpg" in sentence(captured)


def test_no_bar_is_drawn_where_there_is_no_terminal(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", "a.jpg", "-o", "out"]) == 0
    assert capsys.readouterr().err == ""


def test_a_bar_is_drawn_on_a_terminal(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli.main(["restore", "a.jpg", "-o", "out"]) == 0
    assert "a.jpg" in capsys.readouterr().err


def test_an_interrupted_export_is_cancelled_and_says_so(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.endless = FakeWork(Future())

    waits: list[int] = []

    def wait(futures: Any, timeout: float) -> Any:
        waits.append(1)
        if len(waits) == 2:  # the first is for opening the image
            raise KeyboardInterrupt
        return concurrent.futures.wait(futures, timeout=timeout)

    monkeypatch.setattr(report, "wait", wait)
    assert cli.main(["restore", "a.jpg", "b.jpg", "-o", "out"]) == report.INTERRUPTED
    assert engine.endless.cancelled
    assert engine.closed == 1
    assert len(engine.exports) == 1
    assert "Stopped" in sentence(capsys.readouterr())


def test_the_unforeseen_is_one_sentence_and_a_log(
    engine: FakeEngine, here: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.export_error = ZeroDivisionError("division by zero")
    assert cli.main(["restore", "a.jpg", "-o", "out"]) == 1
    assert "unforeseen" in sentence(capsys.readouterr())
    logs = list(own_home.rglob("command-line.log"))
    assert len(logs) == 1
    assert "ZeroDivisionError" in logs[0].read_text(encoding="utf-8")


def test_what_libraries_warn_of_does_not_reach_the_terminal() -> None:
    code = (
        "import logging, sys, warnings; from archivist_app import cli; from archivist_app.cli import common; "
        "common.new_service = lambda: [warnings.warn('odd tag'), logging.error('odd tile')] and sys.exit(0); "
        "cli.main(['styles'])"
    )
    root = Path(cli.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_styles_and_models_are_listed_and_shown(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["styles"], ["styles", "list"], ["styles", "show", "carbon"]):
        assert cli.main(words) == 0
        assert "Carbon print" in capsys.readouterr().out
    for words in (["models"], ["models", "list"], ["models", "show", "archivist-1"]):
        assert cli.main(words) == 0
        assert "Archivist 1" in capsys.readouterr().out
    assert cli.main(["styles", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["styles"][0]["id"] == "carbon"
    for kind in ("styles", "models"):
        assert cli.main([kind, "--json"]) == 0
        assert json.loads(capsys.readouterr().out).keys() == {kind}
        assert cli.main([kind, "--json", "list"]) == 2
        assert f"archivist {kind} list" in sentence(capsys.readouterr())
    assert cli.main(["models", "show", "archivist-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == {"psnr": 24.0}
    assert engine.started == 0


def test_a_model_is_imported_with_what_is_told_of_it(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = ["--title", "Own", "--licence", "MIT", "--source", "a colleague"]
    assert cli.main(["models", "import", "net.pth", *about]) == 0
    assert capsys.readouterr().out.strip() == "own-12345678"
    asked = NewModel(str(here / "net.pth"), "Own", "MIT", "a colleague")
    assert engine.asked == [("import_model", asked)]
    assert cli.main(["models", "import", "net.pth", "--json", *about]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["licence"], told["told"]) == ("MIT", "")
    assert cli.main(["models", "import", "again.pth", *about]) == 0
    assert sentence(capsys.readouterr()) == "It was here already."


def test_nobody_is_asked_for_the_licence_of_a_tuned_model(
    engine: FakeEngine, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "m1.safetensors").write_bytes(b"x")
    monkeypatch.setattr("archivist_app.cli.catalog._asked_licence", lambda file: pytest.fail(f"asked for {file}"))
    assert cli.main(["models", "import", "m1.safetensors"]) == 0
    assert engine.asked == [("import_model", NewModel(str(here / "m1.safetensors")))]


def test_a_model_may_be_named_by_its_file(engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = here / "m1.safetensors"
    file.write_bytes(b"x")
    (here / "a.jpg").write_bytes(b"x")
    assert cli.main(["restore", "a.jpg", "-o", "b.jpg", "--model", "m1.safetensors"]) == 0
    assert engine.exports[0][1].model == "m1"
    assert cli.main(["models", "show", "m1.safetensors"]) == 0
    assert "Id: m1" in capsys.readouterr().out
    assert engine.asked == [("lend_model", str(file))] * 2
    (here / "net.pth").write_bytes(b"x")
    assert cli.main(["restore", "a.jpg", "-o", "b.jpg", "--model", "net.pth"]) == 2
    assert "archivist models import" in sentence(capsys.readouterr())
    assert cli.main(["restore", "a.jpg", "-o", "b.jpg", "--model", "nobody"]) == 2
    assert "There is no model “nobody” and no such file" in sentence(capsys.readouterr())


def test_a_licence_nobody_can_be_asked_for_is_unknown_and_said_to_be(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models", "import", "net.pth"]) == 0
    assert "unknown" in sentence(capsys.readouterr())
    assert engine.asked == [("import_model", NewModel(str(here / "net.pth")))]


def test_a_refused_model_and_a_folder_that_is_no_project_are_told_in_a_sentence(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models", "import", "trap.pth"]) == 1
    assert "refused" in sentence(capsys.readouterr())
    assert cli.main(["models", "import", "net.pth", "--project", str(here)]) == 2
    assert "no project" in sentence(capsys.readouterr())


def test_imported_models_are_removed_by_their_ids(engine: FakeEngine) -> None:
    assert cli.main(["models", "remove", "a", "b"]) == 0
    assert engine.asked == [("remove_model", "a"), ("remove_model", "b")]


def test_what_a_model_learned_from_and_where_it_fails_is_shown(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models", "show", "archivist-1"]) == 0
    shown = capsys.readouterr().out
    for name in ("Licence: MIT", "Training data: unknown", "Figures: psnr: 24", "Known to fail: "):
        assert name in shown


def test_an_unknown_card_is_wrong_usage(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["styles", "show", "x"]) == 2
    assert "archivist styles" in sentence(capsys.readouterr())
    assert cli.main(["models", "show", "x"]) == 2


def test_the_demo_runs_without_a_window(engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--no-window", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [Path(restored["output"]).read_bytes() for restored in report["restored"]] == [b"restored"]
    assert [(r["psnr_before"], r["psnr_after"]) for r in report["restored"]] == [(21.25, 28.5)]
    assert engine.asked == [
        ("register", "masters/camera.png", str(Path("demo", "masters", "camera.png"))),
        ("close_project", "p1"),
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_the_window_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["demo"]) == 1
    assert "no display" in sentence(capsys.readouterr())


def test_words_that_are_no_command_open_the_window(
    engine: FakeEngine, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[list[str]] = []

    def open_window(paths: Any, *, demo: bool = False) -> int:
        opened.append(list(paths))
        return 0

    monkeypatch.setattr(root, "open_window", open_window)
    (here / "box12").mkdir()
    assert cli.main([]) == 0
    assert cli.main(["a.jpg", "b.jpg"]) == 0
    assert cli.main(["box12"]) == 0
    assert cli.main(["gone.jpg"]) == 0  # the window says what is wrong with it
    assert opened == [[], ["a.jpg", "b.jpg"], ["box12"], ["gone.jpg"]]


def test_figures_are_printed_and_infinity_is_null_in_json(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", "clean", "aged"]) == 0
    assert "20.000" in capsys.readouterr().out
    assert cli.main(["evaluate", "clean", "aged", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pairs"] == 3
    assert report["candidates"]["archivist"] == {"psnr": None, "ssim": 1.0}


def test_evaluation_takes_aged_pictures_or_a_seed_to_make_them_with(engine: FakeEngine) -> None:
    assert cli.main(["evaluate", "clean", "--age-seed", "7", "--severity", "0.5", "--peer", "p.pth"]) == 0
    assert engine.asked == [("evaluate", Comparison("clean", "", 7, 0.5, ("p.pth",)))]
    for words in ("", "aged --age-seed 7", "--age-seed 7 --severity 2", "aged --upscale 2", "--upscale 3"):
        assert cli.main(["evaluate", "clean", *words.split()]) == 2


def test_evaluation_measures_enlarging(engine: FakeEngine) -> None:
    assert cli.main(["evaluate", "clean", "--upscale", "4", "--peer", "p.pth"]) == 0
    assert engine.asked == [("evaluate", Comparison("clean", peers=("p.pth",), scale=4))]


def test_an_optimisation_tells_its_losses_pass_by_pass(
    engine: FakeEngine, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["optimise", "a.jpg", "-o", "o.png", "--steps", "2", "--style", "b.jpg", "--json"]) == 0
    *passes, done = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [step["pass"] for step in passes] == [0, 1, 2]
    assert done["losses"] == passes
    assert done["output"] == "o.png"
    assert done["is_better"] is True
    (_, recipe, order) = engine.asked[-1]
    assert recipe.beta == 1.0
    assert order.passes == 2
    assert order.reference == str(here / "b.jpg")
    assert cli.main(["optimise", "a.jpg", "-o", "o.png", "--style", "carbon"]) == 0
    assert engine.asked[-1][2].reference == ""
    assert "after 2 passes" in capsys.readouterr().out
    assert cli.main(["optimise", "a.jpg", "-o", "o.png", "--steps", "0"]) == 2


def test_a_fast_result_that_was_better_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    losses = (Losses(0, 1.0, 0.5, 1.0), Losses(3, 1.0, 0.5, 1.2))
    slow_way.show(Optimised(Restored("a.jpg", "o.png", 4, 3, 0.1, Recipe()), losses, stopped=False), as_json=False)
    assert "The fast result was better" in capsys.readouterr().out


def test_the_scoreboard_tells_what_is_missed(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    words = "judge --clean c --defects d --only noise --only tone --pictures 5"
    assert cli.main(words.split()) == 0
    assert engine.asked == [("judge", Trial("c", "", "d", "", "", ("noise", "tone"), 5))]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split("\t") == ["noise", "sigma 25", "28.000", "at least 29", "not reached", "dB"]
    assert lines[2].startswith("0 of 1 reached")
    assert cli.main([*words.split(), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["figures"][0]["verdict"] == "not reached"
    assert (report["reached"], report["wanted"]) == (0, 1)


def test_aging_passes_on_seed_and_severity_and_spares_the_photograph(engine: FakeEngine, here: Path) -> None:
    assert cli.main(["age", "a.jpg", "-o", "old.png", "--seed", "7", "--severity", "0.5", "--mask", "m.png"]) == 0
    assert engine.asked == [("age", "a.jpg", "old.png", 7, 0.5, "m.png")]
    for words in ("-o a.jpg", "-o x.png --mask a.jpg", "-o x.png --mask x.png", "-o x.png --severity 2"):
        assert cli.main(["age", "a.jpg", *words.split()]) == 2
    assert len(engine.asked) == 1


def test_training_reports_each_step_as_json(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--preset", "tiny", "--data", "d", "--out", "o", "--json"]) == 0
    first, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == {"done": 1, "total": 2, "message": "content"}
    assert last == {"weights": "o/weights.safetensors"}
    assert cli.main(["train", "--preset", "huge", "--data", "d", "--out", "o"]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_termination_signal_interrupts_like_the_keyboard() -> None:
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)

    def terminate() -> None:
        with report.stoppable():
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        terminate()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that can be closed at its other end")
def test_a_reader_that_goes_away_is_no_error() -> None:
    code = (
        "import sys; from archivist_app import cli; from archivist_app.cli import common, report; "
        "sys.stdin.read(); common.new_service = lambda: report.say('a line that nobody reads'); "
        "sys.exit(cli.main(['styles']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == report.FAILED
    assert errors == b""
