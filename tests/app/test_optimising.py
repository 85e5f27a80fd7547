"""Direct optimisation in the window: the losses in its row, the picture so far, a stop that keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QPushButton, QSpinBox, QToolButton

from archivist_app.app import Application
from archivist_app.views.dialogs import OptimiseDialog
from archivist_app.views.loss_plot import LossPlot
from engine.types import Frame
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService
from tests.app.test_jobs import exports, jobs


def ask(application: Application) -> OptimiseDialog:
    """The question, as the menu asks it."""
    trigger(application, "optimise")
    until(application, lambda: application.window.findChild(OptimiseDialog))
    return find(application, OptimiseDialog, "optimiseDialog")


def begin(application: Application, passes: int) -> None:
    ask(application)
    find(application, QSpinBox, "optimisePasses").setValue(passes)
    find(application, QPushButton, "optimiseStart").click()
    until(application, lambda: jobs(application))


def button(application: Application) -> QToolButton:
    """The button of the job's row that stops it."""
    (found,) = (
        button
        for button in application.window.jobs.findChildren(QToolButton)
        if button.accessibleName().startswith("Stop Optimise")
    )
    return found


def test_an_optimisation_draws_its_losses_and_is_saved(opened: Application) -> None:
    begin(opened, 6)
    until(opened, lambda: jobs(opened)[0].state == "done")
    assert [path.name for path in exports(opened).iterdir()] == ["harbour_restored_v01.tif"]
    assert "after 6 passes: loss 1.000" in jobs(opened)[0].text
    plot = find(opened, LossPlot, "optimisePlot")
    assert plot.isVisible()
    assert plot.values == tuple(0.5**number for number in range(1, 7))
    heights = [point.y() for point in plot.points()]
    assert heights == sorted(heights), "a falling loss goes down"
    assert plot.grab().toImage().pixelColor(3, 3) != plot.grab().toImage().pixelColor(60, 3)


def test_stop_keeps_what_was_reached(start: Open, picture: Path, tmp_path: Path) -> None:
    application = start(picture, on=FakeService(tmp_path, Costs(export_step=0.02)))
    until(application, lambda: application.window.compare.viewport is not None)
    begin(application, 5000)
    until(application, lambda: len(jobs(application)[0].losses) > 2)
    assert "keep" in button(application).toolTip()
    button(application).click()
    until(application, lambda: jobs(application)[0].state == "done")
    assert len(list(exports(application).iterdir())) == 1
    assert "stopped after" in jobs(application)[0].text


def test_closing_leaves_nothing_of_an_optimisation(start: Open, picture: Path, tmp_path: Path) -> None:
    application = start(picture, on=FakeService(tmp_path, Costs(export_step=0.02)))
    until(application, lambda: application.window.compare.viewport is not None)
    begin(application, 5000)
    until(application, lambda: jobs(application)[0].losses)
    folder = exports(application)
    application.close()
    assert list(folder.iterdir()) == []


def test_the_picture_so_far_is_shown_while_its_settings_are_on_screen(opened: Application) -> None:
    frames: list[Frame] = []
    optimiser = opened.window._workspace.optimiser
    optimiser.previewed.connect(frames.append)
    begin(opened, 40)
    until(opened, lambda: frames)
    assert (frames[0].pixels == 77).all()
    document = opened.window._workspace.document
    document.recipe = replace(document.recipe, alpha=3.0)
    opened.spin(0.05)  # what was on its way has arrived
    frames.clear()
    until(opened, lambda: jobs(opened)[0].state == "done")
    assert not frames
    until(opened, lambda: opened.window._workspace.rendering._shown == opened.window._workspace.rendering._generation)


def test_a_style_of_which_only_numbers_are_kept_needs_its_picture(
    opened: Application, service: FakeService, picture: Path
) -> None:
    document = opened.window._workspace.document
    cards = {card.simulated: card for card in opened.window._workspace.bridge.styles()}
    assert set(cards) == {False, True}
    document.recipe = replace(document.recipe, style=cards[True].id, beta=1.0)
    assert opened.window._workspace.optimiser.needs_picture() == ""
    document.recipe = replace(document.recipe, style=cards[False].id)
    dialog = ask(opened)
    assert not find(opened, QPushButton, "optimiseStart").isEnabled()
    dialog.take_picture(str(picture))
    find(opened, QPushButton, "optimiseStart").click()
    until(opened, lambda: jobs(opened))
    assert service.orders[0].reference == str(picture)
    until(opened, lambda: jobs(opened)[0].state == "done")


def test_nothing_starts_when_somebody_changes_their_mind(opened: Application) -> None:
    ask(opened).reject()
    opened.spin(0.05)
    assert jobs(opened) == ()
