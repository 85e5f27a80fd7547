"""Fine-tuning in the window: which pictures teach, how it goes, what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QListWidget, QPushButton, QRadioButton

from archivist_app.app import Application
from archivist_app.views.finetune_panel import FinetunePanel
from tests.app.conftest import Open, find, trigger, until
from tests.app.fake_service import Costs, FakeService
from tests.app.test_jobs import jobs


@pytest.fixture
def panel(opened: Application) -> FinetunePanel:
    trigger(opened, "finetune")
    return find(opened, FinetunePanel, "finetunePanel")


def said(application: Application) -> str:
    return find(application, QLabel, "tuningSaid").text()


def start(application: Application) -> None:
    find(application, QPushButton, "tuningStart").click()


def test_the_chosen_pictures_teach_into_the_project(
    opened: Application, panel: FinetunePanel, service: FakeService, picture: Path
) -> None:
    find(opened, QComboBox, "tuningWhich").setCurrentIndex(2)
    find(opened, QLineEdit, "tuningName").setText("glass-plates")
    start(opened)
    until(opened, lambda: jobs(opened)[0].state == "done")
    (wish,) = service.wishes
    assert (wish.name, wish.kind, wish.pictures) == ("glass-plates", "damaged", (str(picture),))
    assert Path(wish.folder).name == "models"
    assert "gained 2.0 dB" in said(opened)
    assert "6 are few." in said(opened)
    assert jobs(opened)[0].path.endswith("glass-plates.safetensors")


def test_every_measurement_is_listed_and_two_can_be_compared(opened: Application, panel: FinetunePanel) -> None:
    start(opened)
    until(opened, lambda: jobs(opened)[0].state == "done")
    assert [check.step for check in panel.figures.checks] == [0, 2, 4]
    entries = find(opened, QListWidget, "tuningChecks")
    entries.item(1).setSelected(True)
    entries.item(2).setSelected(True)
    captions = [label.text() for label in panel.figures.findChildren(QLabel) if label.text().startswith("Step ")]
    assert [caption.split(":")[0] for caption in captions] == ["Step 2", "Step 4"]


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
def start_slowly(start: Open, picture: Path, tmp_path: Path) -> Application:
    application = start(picture, on=FakeService(tmp_path, Costs(export_step=0.02, export_steps=10_000)))
    until(application, lambda: application.window.compare.viewport is not None)
    return application


def test_a_bad_name_is_told_and_nothing_starts(opened: Application, panel: FinetunePanel, service: FakeService) -> None:
    find(opened, QLineEdit, "tuningName").setText("Glass plates!")
    start(opened)
    assert "small letters" in said(opened)
    assert not service.wishes


def test_pairs_ask_for_the_restorations_first(
    opened: Application, panel: FinetunePanel, service: FakeService, tmp_path: Path, picture: Path
) -> None:
    choose = find(opened, QPushButton, "tuningRestored")
    assert not choose.isVisibleTo(panel)
    find(opened, QRadioButton, "tuningKind-pairs").click()
    assert choose.isVisibleTo(panel)
    start(opened)
    assert "Choose the folder" in said(opened)
    restored = tmp_path / "restored"
    restored.mkdir()
    (restored / f"{picture.stem}.tif").write_bytes(b"")
    panel.take_folder(str(restored))
    find(opened, QComboBox, "tuningWhich").setCurrentIndex(2)
    start(opened)
    assert service.wishes[0].restored == (str(restored / f"{picture.stem}.tif"),)
    until(opened, lambda: jobs(opened)[0].state == "done")


def test_two_heaps_go_without_names_in_common(
    opened: Application, panel: FinetunePanel, service: FakeService, tmp_path: Path
) -> None:
    find(opened, QRadioButton, "tuningKind-unpaired").click()
    find(opened, QComboBox, "tuningWhich").setCurrentIndex(2)
    assert find(opened, QPushButton, "tuningRestored").accessibleName() == "The folder of the wanted pictures"
    start(opened)
    assert "look as wanted" in said(opened)
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "any.png").write_bytes(b"")
    panel.take_folder(str(tmp_path / "wanted"))
    start(opened)
    assert (service.wishes[0].kind, service.wishes[0].wanted) == ("unpaired", (str(tmp_path / "wanted" / "any.png"),))
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
