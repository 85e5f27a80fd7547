"""A fine-tuning in the middle of its run, told to the window as the engine would tell it: a real one takes minutes."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPixmap

from archivist_app.state.tuning import sentence_of
from archivist_app.views.finetune_panel import FinetunePanel
from engine.types import Progress, Tuned, Tuning, TuningCheck, TuningStep

if TYPE_CHECKING:
    from tests.screenshots.states import Studio

EDGE, ROWS = 160, 4  # of the squares of a strip


def running(studio: Studio) -> None:
    """Six measurements, and the steps between them; two strips compared."""
    panel, tuner = _begin(studio)
    dice, course = random.Random(3), panel.figures.course
    tuner.checked.emit(_check(studio, 0, 0.0))
    for step in range(560):
        fall = math.exp(-step / 160)
        figures = {
            "pixel": 0.031 + 0.024 * fall + dice.gauss(0, 0.004),
            "adversarial": 0.72 + 0.2 * (1 - fall) + dice.gauss(0, 0.05),
            "accuracy": 0.55 + 0.2 * (1 - fall) + dice.gauss(0, 0.06),
        }
        course.note(TuningStep(step, 1000, "learning", step, figures), float(step))
        if step and step % 100 == 0:
            tuner.checked.emit(_check(studio, step, 1.4 * (1 - fall) - 0.3 * (step == 300)))
    panel.figures.charts.show_course(course)
    tuner.progressed.emit(Progress(560, 1000, "learning"))
    studio.work.jobs.advance(tuner._number, Progress(560, 1000, "learning"))
    studio.application.spin(0.3)


def resting(studio: Studio) -> None:
    """The same, paused."""
    studio.act("finetune")
    studio.work.tuner.hold(True)
    studio.application.spin(0.3)


def stopping(studio: Studio) -> None:
    """The same, stopped; what was reached is being written."""
    studio.act("finetune")
    studio.work.tuner.stop()
    studio.application.spin(0.3)


def ended(studio: Studio) -> None:
    """It has learned, and its best is offered."""
    studio.act("finetune")
    tuner, number = studio.work.tuner, studio.work.tuner._number
    before, after = ({"own_10": own, "own_1": own - 0.4, "general_10": 28.9} for own in (24.61, 25.95))
    tuned = Tuned("models/glass-plates.safetensors", before, after, (), (), 500, 900.0)
    tuner._number = 0
    studio.work.jobs.finish(number, "done", sentence_of(tuned))
    tuner.ended.emit(tuned, sentence_of(tuned))
    studio.application.spin(0.3)
    studio.work.jobs.remove(number)


def _begin(studio: Studio):  # type: ignore[no-untyped-def]
    from archivist_app.state.jobs_model import Ways

    studio.act("finetune")
    panel = studio.window.findChild(FinetunePanel, "finetunePanel")
    assert isinstance(panel, FinetunePanel)
    tuner = studio.work.tuner
    ways = Ways(stop=lambda: None, hold=lambda _paused: None)
    tuner._number = studio.work.jobs.add("Fine-tune glass-plates", lambda: None, ways)
    names = tuple(item.source.path for item in studio.work.session.project.items)
    tuner.started.emit(Tuning("glass-plates", "damaged", names, "models"))
    return panel, tuner


def _check(studio: Studio, step: int, gain: float) -> TuningCheck:
    figures = {"own_10": 24.61 + gain, "own_1": 24.2 + gain, "general_10": 28.95 - 0.1 * gain}
    figures |= {"texture_1": 0.82 + 0.05 * gain, "score": 24.4 + gain}
    folder = Path(studio.work.session.project.folder)
    strip = folder / f"strip-{step:06d}.png"
    _strip(folder, 0.5 + 0.35 * gain).save(str(strip))
    return TuningCheck(step, figures, str(strip), best=step != 300)


def _strip(folder: Path, share: float) -> QPixmap:
    """Squares of the demo's photographs: as they are, two between, and the truth; `share` of the way is gone."""
    strip = QPixmap(4 * EDGE, ROWS * EDGE)
    painter = QPainter(strip)
    for row, truth in enumerate(sorted((folder / "truth").iterdir())[:ROWS]):
        scan = next(folder.rglob(f"{truth.stem}_aged.*"))
        old, new = QPixmap(str(scan)), QPixmap(str(truth))
        part = QRect(old.width() // 3, old.height() // 6, EDGE, EDGE)
        for column, way in enumerate((0.0, share, share * 0.9, 1.0)):
            place = QRect(column * EDGE, row * EDGE, EDGE, EDGE)
            painter.setOpacity(1.0)
            painter.drawPixmap(place, old, part)
            painter.setOpacity(way)
            painter.drawPixmap(place, new, part)
    painter.end()
    return strip
