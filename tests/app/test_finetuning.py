"""Fine-tuning in the window: which pictures teach, how it goes, what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QListWidget, QPushButton, QRadioButton

from archivist_app.app import Application
from archivist_app.state.tuning_course import MOST, Course
from archivist_app.views.finetune_panel import RUNS, SMALLEST, FinetunePanel
from archivist_app.views.strip_compare import HEADS
from archivist_app.views.tuning_charts import AXES, Chart
from engine.types import LEAST_PICTURES, TuningCheck, TuningStep
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService, save_picture
from tests.app.test_jobs import jobs


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """As many as there must be."""
    return [save_picture(tmp_path / f"plate-{number}.png", 320, 240, seed=number) for number in range(LEAST_PICTURES)]


@pytest.fixture
def opened(start: Open, pictures: list[Path]) -> Application:
    """A program with a project of these."""
    application = start(*pictures)
    until(application, lambda: application.window.compare.viewport is not None)
    return application


@pytest.fixture
def panel(opened: Application) -> FinetunePanel:
    trigger(opened, "finetune")
    return find(opened, FinetunePanel, "finetunePanel")


def said(application: Application) -> str:
    return find(application, QLabel, "tuningSaid").text()


def start(application: Application) -> None:
    find(application, QPushButton, "tuningStart").click()


def test_the_chosen_pictures_teach_into_the_project(
    opened: Application, panel: FinetunePanel, service: FakeService, pictures: list[Path]
) -> None:
    find(opened, QLineEdit, "tuningName").setText("glass-plates")
    start(opened)
    until(opened, lambda: jobs(opened)[0].state == "done")
    (wish,) = service.wishes
    assert (wish.name, wish.kind, wish.pictures) == ("glass-plates", "damaged", tuple(map(str, pictures)))
    assert Path(wish.folder).name == "models"
    assert "gained 2.0 dB" in said(opened)
    assert "6 are few." in said(opened)
    assert jobs(opened)[0].path.endswith("glass-plates.safetensors")


def test_every_measurement_is_listed_and_two_can_be_compared(opened: Application, panel: FinetunePanel) -> None:
    start(opened)
    until(opened, lambda: jobs(opened)[0].state == "done")
    assert [check.step for check in panel.figures.checks] == [0, 2, 4]
    assert panel.figures.shown == (0, 4)  # the first and the best
    entries = find(opened, QListWidget, "tuningChecks")
    entries.item(0).setSelected(False)
    entries.item(1).setSelected(True)
    assert panel.figures.shown == (2, 4)


def test_a_third_one_chosen_takes_the_place_of_the_first(opened: Application, panel: FinetunePanel) -> None:
    start(opened)
    until(opened, lambda: jobs(opened)[0].state == "done")
    entries = find(opened, QListWidget, "tuningChecks")
    entries.item(1).setSelected(True)
    assert panel.figures.shown == (2, 4)
    assert [entries.row(item) for item in entries.selectedItems()] == [1, 2]


def test_where_the_first_is_the_best_it_is_compared_with_the_last(panel: FinetunePanel) -> None:
    for step, score in ((0, 24.0), (100, 23.0), (200, 23.5)):
        figures = dict.fromkeys(("own_10", "own_1", "general_10", "texture_1", "score"), score)
        panel.figures.add(TuningCheck(step, figures, "", best=step == 0))
    assert panel.figures.shown == (0, 200)


def test_compared_pictures_get_the_room_and_lie_below_each_other(
    opened: Application, panel: FinetunePanel, tmp_path: Path
) -> None:
    strip = save_picture(tmp_path / "strip.png", 640, 640)
    panel._turn_to(1, RUNS)
    panel.resize(RUNS)  # whatever the screen of the test is
    for step in (0, 100):
        figures = dict.fromkeys(("own_10", "own_1", "general_10", "texture_1", "score"), 20.0 + step)
        panel.figures.add(TuningCheck(step, figures, str(strip), best=True))
    opened.spin(0.1)
    board = panel.figures.strips.board
    above, below = board.place(0, 0, 3), board.place(0, 1, 3)
    assert above.width() == above.height() >= 150
    assert (above.left(), above.width()) == (below.left(), below.width())
    assert QRect(board.rect()).contains(board.place(3, 1, 3))


def test_what_stands_in_for_the_truth_is_named(opened: Application, panel: FinetunePanel) -> None:
    for kind in ("damaged", "unpaired"):
        panel.figures.begin(kind)
        assert panel.figures.strips.titles == HEADS[kind]
        assert not any(title.lower() == "the truth" for title in HEADS[kind])
        assert "is not known" in find(opened, QLabel, "tuningCaption").text()
    panel.figures.begin("damaged")
    assert "stand-in" in find(opened, QLabel, "tuningAgainst").text()


def test_the_losses_and_the_critic_are_drawn_between_measurements(opened: Application, panel: FinetunePanel) -> None:
    start(opened)
    until(opened, lambda: jobs(opened)[0].state == "done")
    assert find(opened, Chart, "tuningChart-accuracy").points[0][1] == pytest.approx(0.6)
    assert [step for step, _ in find(opened, Chart, "tuningChart-score").points] == [0, 2, 4]
    assert "0.050 at step 2" in find(opened, Chart, "tuningChart-pixel").accessibleName()
    assert not jobs(opened)[0].losses  # a score is no loss


def test_noise_is_no_steep_rise() -> None:
    low, high = AXES["score"].span([(0, 26.180), (100, 26.182)])
    assert high - low == pytest.approx(1.0)
    assert low < 26.18 < high
    assert AXES["accuracy"].span([(0, 0.5), (100, 0.51)]) == (0.0, 1.0)


def test_a_long_course_stays_drawable_and_keeps_its_ends() -> None:
    course = Course()
    for step in range(3 * MOST):
        course.note(TuningStep(0, 1000, "learning", step, {"pixel": 1.0}), float(step))
    line = course.points["pixel"]
    assert len(line) <= MOST
    assert (line[0][0], line[-1][0]) == (1, 3 * MOST - 1)


def test_going_on_tells_from_where_and_keeps_the_first_figures(
    opened: Application, panel: FinetunePanel, service: FakeService
) -> None:
    service.tuned_before = 2
    service.costs = Costs(export_step=0.05, export_steps=100)
    start(opened)
    until(opened, lambda: "went on from step 2" in said(opened))
    assert panel.figures.shown == (0, 2)  # what was measured then can be looked at
    assert panel.figures._cells["own_10", "at first"].text() == "22.00"
    find(opened, QPushButton, "tuningStop").click()
    until(opened, lambda: jobs(opened)[0].state == "done")


def test_while_it_rests_it_says_so_and_can_go_on(
    opened: Application, panel: FinetunePanel, service: FakeService
) -> None:
    service.costs = Costs(export_step=0.02, export_steps=10_000)
    start(opened)
    until(opened, lambda: len(panel.figures.checks) > 1)
    pause, stop = find(opened, QPushButton, "tuningPause"), find(opened, QPushButton, "tuningStop")
    pause.click()
    assert said(opened).startswith("Paused at step")
    assert pause.text() == "Go on"
    assert "paused" in [label.text() for label in opened.window.jobs.findChildren(QLabel)]
    pause.click()
    assert said(opened).startswith("It learns")
    assert pause.text() == "Pause"
    pause.click()
    stop.click()  # what rests is woken, or it would never end
    assert said(opened) == "Stopping; the best so far is being written…"
    assert not pause.isEnabled()
    assert not stop.isEnabled()
    until(opened, lambda: jobs(opened)[0].state == "done")


def test_what_is_too_few_is_said_beside_the_field_and_what_can_work_is_proposed(
    opened: Application, panel: FinetunePanel, service: FakeService
) -> None:
    which = find(opened, QComboBox, "tuningWhich")
    assert which.currentText() == "All images (4)"  # one is on screen: too few
    which.setCurrentIndex(0)
    assert which.currentText() == "The selected images (1)"
    assert find(opened, QLabel, "tuningFew").text().startswith("1 is too few")
    start(opened)
    assert "too few" in said(opened)
    assert not service.wishes


def test_stopping_keeps_the_best_and_offers_it(start_slowly: Application) -> None:
    application = start_slowly
    trigger(application, "finetune")
    start(application)
    until(application, lambda: len(find(application, FinetunePanel, "finetunePanel").figures.checks) > 1)
    find(application, QPushButton, "tuningStop").click()
    until(application, lambda: jobs(application)[0].state == "done")
    use = find(application, QPushButton, "tuningUse")
    assert use.isVisibleTo(find(application, FinetunePanel, "finetunePanel"))
    until(application, lambda: any(card.id == "my-collection" for card in application.window._workspace.models.cards))
    use.click()
    assert application.window._workspace.document.recipe.model == "my-collection"


@pytest.fixture
def start_slowly(start: Open, pictures: list[Path], tmp_path: Path) -> Application:
    application = start(*pictures, on=FakeService(tmp_path, Costs(export_step=0.02, export_steps=10_000)))
    until(application, lambda: application.window.compare.viewport is not None)
    return application


def test_a_bad_name_is_told_and_nothing_starts(opened: Application, panel: FinetunePanel, service: FakeService) -> None:
    find(opened, QLineEdit, "tuningName").setText("Glass plates!")
    start(opened)
    assert "small letters" in said(opened)
    assert not service.wishes


def test_a_refusal_goes_when_the_answer_changes(opened: Application, panel: FinetunePanel) -> None:
    name = find(opened, QLineEdit, "tuningName")
    name.setText("Glass plates!")
    start(opened)
    assert said(opened)
    QTest.keyClicks(name, "x")
    assert not said(opened)


def test_a_model_of_another_collection_is_replaced_only_where_that_is_wanted(
    opened: Application, panel: FinetunePanel, service: FakeService
) -> None:
    service.taken_name = "glass-plates"
    name, instead = find(opened, QLineEdit, "tuningName"), find(opened, QPushButton, "tuningReplace")
    name.setText("glass-plates")
    start(opened)
    until(opened, instead.isVisible)
    assert "already" in said(opened)
    assert not service.wishes
    QTest.keyClicks(name, "x")
    assert not instead.isVisible()
    name.setText("glass-plates")
    start(opened)
    until(opened, instead.isVisible)
    instead.click()
    until(opened, lambda: bool(service.wishes))
    assert service.wishes[-1].overwrite
    assert not instead.isVisible()


def test_what_is_to_be_known_of_the_pictures_is_said_while_it_learns(start_slowly: Application) -> None:
    trigger(start_slowly, "finetune")
    start(start_slowly)
    until(start_slowly, lambda: said(start_slowly) == "It learns; the window can be used meanwhile. 6 are few.")


@pytest.mark.parametrize("width", [SMALLEST.width(), 860, 950])
def test_compared_columns_are_whole_in_a_narrow_window(
    opened: Application, panel: FinetunePanel, tmp_path: Path, width: int
) -> None:
    strip = save_picture(tmp_path / "strip.png", 640, 640)
    panel._turn_to(1, RUNS)
    panel.resize(width, 600)
    figures = dict.fromkeys(("own_10", "own_1", "general_10", "texture_1", "score"), 20.0)
    for step in (0, 100):
        panel.figures.add(TuningCheck(step, figures, str(strip), best=True))
    opened.spin(0.1)
    strips = panel.figures.strips
    assert strips.board.place(0, 0, 3).right() < strips.viewport().width()
    assert strips.board.place(0, 0, 3).width() >= 48
    for kind in HEADS:
        strips.show_kind(kind)
        for title, place in zip(strips.titles, strips.head.places(), strict=True):
            assert strips.rect().contains(place)
            room = strips.head.fontMetrics().boundingRect(place, Qt.TextFlag.TextWordWrap, title)
            assert place.contains(room), title


def test_pairs_ask_for_the_restorations_first(
    opened: Application, panel: FinetunePanel, service: FakeService, tmp_path: Path, pictures: list[Path]
) -> None:
    choose = find(opened, QPushButton, "tuningRestored")
    assert not choose.isVisibleTo(panel)
    find(opened, QRadioButton, "tuningKind-pairs").click()
    assert choose.isVisibleTo(panel)
    start(opened)
    assert "Choose the folder" in said(opened)
    restored = tmp_path / "restored"
    restored.mkdir()
    for picture in pictures:
        (restored / f"{picture.stem}.tif").write_bytes(b"")
    panel.take_folder(str(restored))
    start(opened)
    assert service.wishes[0].restored == tuple(str(restored / f"{picture.stem}.tif") for picture in pictures)
    until(opened, lambda: jobs(opened)[0].state == "done")


def test_two_heaps_go_without_names_in_common(
    opened: Application, panel: FinetunePanel, service: FakeService, tmp_path: Path
) -> None:
    find(opened, QRadioButton, "tuningKind-unpaired").click()
    assert find(opened, QPushButton, "tuningRestored").accessibleName() == "The folder of the wanted pictures"
    start(opened)
    assert "look as wanted" in said(opened)
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "a.png").write_bytes(b"")
    panel.take_folder(str(tmp_path / "wanted"))
    assert "Too few wanted pictures, 1" in find(opened, QLabel, "tuningFew").text()
    wanted = tuple(str(tmp_path / "wanted" / f"{name}.png") for name in "abcd")
    for path in wanted:
        Path(path).write_bytes(b"")
    panel.take_folder(str(tmp_path / "wanted"))
    start(opened)
    assert (service.wishes[0].kind, service.wishes[0].wanted) == ("unpaired", wanted)
    until(opened, lambda: jobs(opened)[0].state == "done")


def test_the_panel_can_be_closed_while_it_learns(start_slowly: Application) -> None:
    application = start_slowly
    trigger(application, "finetune")
    start(application)
    panel = find(application, FinetunePanel, "finetunePanel")
    panel.close()
    until(application, lambda: len(panel.figures.checks) > 1)
    assert jobs(application)[0].running
    trigger(application, "finetune")
    assert panel.isVisible()
