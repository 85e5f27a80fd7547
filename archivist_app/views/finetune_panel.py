"""Fine-tuning: which pictures teach, for how long, and how it goes. Stays beside the window, which goes on working."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.jobs_model import Job
from archivist_app.state.tuning import Tuner
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID
from archivist_app.views.tuning_figures import TuningFigures
from archivist_app.views.tuning_form import KINDS, TuningForm
from engine.errors import EngineError
from engine.types import Progress, Tuned, Tuning, TuningBegun, TuningCheck, TuningStep

ASKS, RUNS = QSize(760, 410), QSize(1120, 740)  # what the dialog is opened at; the pictures need room
SMALLEST = QSize(760, 400)  # four columns and what stands above them have room


class FinetunePanel(QDialog):
    """Asks, starts, and shows how it goes; closing it stops nothing."""

    use_requested = Signal(str)  # a model's name

    def __init__(self, parent: QWidget, tuner: Tuner, selected: Callable[[], list[str]]) -> None:
        super().__init__(parent)
        self.setObjectName("finetunePanel")
        self.setWindowTitle("Fine-tune a model")
        self.setModal(False)
        self.setSizeGripEnabled(True)
        self.setMinimumSize(SMALLEST)
        self._tuner = tuner
        self._tuned: Tuned | None = None
        self._job: Job | None = None
        self._told = ""  # what went wrong and was undone, at the last measurement
        self._warned = ""  # what is to be known of the pictures
        self.form = TuningForm(tuner, selected)
        self.figures = TuningFigures()
        self._make_parts()
        self._lay_out()
        self._taken: Tuning | None = None  # what was refused because its name is taken
        self.form.changed.connect(self._forget_refusal)
        tuner.taken.connect(self._note_taken)
        tuner.started.connect(self._show_start)
        tuner.moved.connect(self._show_job)
        tuner.progressed.connect(self._show_progress)
        tuner.checked.connect(self._show_check)
        tuner.ended.connect(self._show_end)
        self._show_ways()
        self.resize(ASKS)

    def changeEvent(self, event: QEvent) -> None:
        """Images may have been selected meanwhile."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.form.count()

    def take_folder(self, folder: str) -> None:
        """The second folder: restorations under the names of the scans, or the wanted pictures."""
        self.form.take_folder(folder)

    def _make_parts(self) -> None:
        self._said = dressed(label("", "muted"), "muted")
        self._said.setWordWrap(True)
        self._said.setObjectName("tuningSaid")
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setObjectName("tuningBar")
        self._bar.setAccessibleName("How much of the time is used")
        self._heading = label("", "heading")
        self.start = dressed(QPushButton("Start"), "primary")
        self.instead = QPushButton("Replace that model")
        self.pause = QPushButton("Pause")
        self.stop = QPushButton("Stop and keep the best")
        self.again = QPushButton("Another fine-tuning")
        self.use = dressed(QPushButton("Use this model"), "primary")
        buttons = (
            (self.start, "tuningStart", self._start), (self.pause, "tuningPause", self._hold),
            (self.stop, "tuningStop", self._tuner.stop), (self.again, "tuningAgain", self._ask_again),
            (self.use, "tuningUse", self._use), (self.instead, "tuningReplace", self._replace),
        )  # fmt: skip
        for button, name, do in buttons:
            button.setObjectName(name)
            button.clicked.connect(do)

    def _lay_out(self) -> None:
        running = QWidget()
        column = QVBoxLayout(running)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self._heading)
        column.addWidget(self.figures, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.form)
        self._pages.addWidget(running)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(self._said, 1)
        for push in (self.pause, self.stop, self.again, self.use, self.instead, self.start):
            foot.addWidget(push, 0, Qt.AlignmentFlag.AlignBottom)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        whole.setSpacing(12)
        whole.addWidget(self._pages, 1)
        whole.addWidget(self._bar)
        whole.addLayout(foot)

    def _turn_to(self, page: int, size: QSize) -> None:
        """Show the questions or the run, as large as the screen lets it."""
        if page != self._pages.currentIndex():
            self._pages.setCurrentIndex(page)
            self.resize(size.boundedTo(self.screen().availableSize()))

    # asking

    @Slot()
    def _start(self) -> None:
        try:
            wish = self.form.wish()
        except EngineError as error:
            self._said.setText(str(error))
            return
        self._tuner.start(wish)

    @Slot()
    def _hold(self) -> None:
        self._tuner.hold(self._job is not None and not self._job.paused)

    @Slot()
    def _ask_again(self) -> None:
        self._tuned = None
        self._said.setText("")
        self._turn_to(0, ASKS)
        self._show_ways()

    @Slot()
    def _forget_refusal(self) -> None:
        if not self._tuner.running:
            self._said.setText("")
            self._taken = None
            self._show_ways()

    @Slot(object)
    def _note_taken(self, wish: Tuning) -> None:
        self._taken = wish

    @Slot()
    def _replace(self) -> None:
        if self._taken is not None:
            self._tuner.start(replace(self._taken, overwrite=True))

    @Slot()
    def _use(self) -> None:
        if self._tuned is not None:
            self.use_requested.emit(Path(self._tuned.path).stem)

    # showing

    @Slot(object)
    def _show_start(self, wish: Tuning) -> None:
        """One has begun, from here or from its row of the jobs."""
        self._tuned, self._job, self._told, self._warned, self._taken = None, None, "", "", None
        self.figures.begin(wish.kind)
        pictures = f"{len(wish.pictures)} pictures, {wish.minutes:.0f} minute{'s' * (round(wish.minutes) != 1)}"
        self._heading.setText(f"{wish.name}  ·  {KINDS[wish.kind][0].lower()}  ·  {pictures}")
        self._bar.setValue(0)
        self._turn_to(1, RUNS)
        self._say()
        self._show_ways()

    @Slot(object)
    def _show_job(self, job: Job) -> None:
        before, self._job = self._job, job
        if before is None or (before.state, before.paused) != (job.state, job.paused):
            self._show_ways()
            self._say()

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        self._bar.setValue(progress.done)
        if isinstance(progress, TuningBegun):
            self._warned = " ".join(progress.warnings)
            self._say()
        if isinstance(progress, TuningStep):
            first = self.figures.course.began is None
            self.figures.note(progress)
            if first and self.figures.course.began is not None:
                self._say()

    @Slot(object)
    def _show_check(self, check: TuningCheck) -> None:
        self.figures.add(check)
        if not check.earlier:
            self._told = check.told
        self._say()

    def _say(self) -> None:
        """What it does now, in a sentence."""
        job, course = self._job, self.figures.course
        if not self._tuner.running:
            return
        went_on = f" It went on from step {course.began} of an earlier time." if course.began else ""
        if job is not None and job.state == "stopping":
            text = "Stopping; the best so far is being written…" if job.keeping else "Stopping…"
        elif job is not None and job.paused:
            text = f"Paused at step {course.step}. “Go on” lets it learn further." + went_on
        elif course.began is None and not self.figures.checks:
            text = "Looking at the pictures…"
        else:
            text = (self._told or "It learns; the window can be used meanwhile.") + went_on
        if self._warned and not self._told and (job is None or job.state != "stopping"):
            text = f"{text} {self._warned}"
        self._said.setText(text)

    def _show_ways(self) -> None:
        """What can be done now."""
        job, running, asking = self._job, self._tuner.running, self._pages.currentIndex() == 0
        stopping = job is not None and job.state == "stopping"
        self.start.setVisible(asking and not running)
        self.instead.setVisible(asking and not running and self._taken is not None)
        self.again.setVisible(not asking and not running)
        self.use.setVisible(not asking and not running and self._tuned is not None)
        for widget in (self.pause, self.stop, self._bar):
            widget.setVisible(running)
        for button in (self.pause, self.stop):
            button.setEnabled(not stopping)
        self.pause.setText("Go on" if job is not None and job.paused else "Pause")

    @Slot(object, str)
    def _show_end(self, tuned: Tuned | None, text: str) -> None:
        self._tuned = tuned if tuned is not None and tuned.learned else None
        self._said.setText(" ".join((_sentence(text), *((*tuned.told, *tuned.warnings) if tuned else ()))))
        if not self.figures.checks:  # nothing to look at: what was asked can be asked otherwise
            self._turn_to(0, ASKS)
        self._show_ways()


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."
