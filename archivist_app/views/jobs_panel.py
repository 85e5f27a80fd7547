"""What runs in the background, a row each: name, bar, time left, cancel; then the result or the reason."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.jobs_model import Job, JobRole, JobsModel, overall, time_left
from archivist_app.views.elided import ElidedLabel
from archivist_app.views.loss_plot import LossPlot
from archivist_app.views.parts import Role, dressed, label
from archivist_app.views.reveal import reveal
from archivist_app.views.theme import GRID, Theme
from engine.types import Progress

ROW = 32
SHOWN, FEW = 4, 2  # rows before the panel scrolls, and in a window less than TALL: the adjustments need their room
TALL = 900  # pixels
NAME = 240  # width of the first column
BAR = 160


class JobRow(QWidget):
    """Follows one job."""

    def __init__(self, job: Job, model: JobsModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(ROW)
        self._job = job
        self._model = model
        self.name = ElidedLabel(job.name, middle=True)
        self.name.setFixedWidth(NAME)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedWidth(BAR)
        self.bar.setAccessibleName(f"Progress of {job.name}")
        self.plot = LossPlot()
        self.text = dressed(ElidedLabel(), "muted")
        self.open_folder = self._make_button(theme, "ph.folder-open", "Show the file where it was saved")
        self.open_folder.setAccessibleName(f"Show the file of {job.name}")
        self.open_folder.clicked.connect(lambda: reveal(self._job.path))
        self.report = self._make_button(theme, "ph.file-text", "Open the report of what was done")
        self.report.setObjectName("jobReport")
        self.report.setAccessibleName(f"Open the report of {job.name}")
        self.report.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self._job.report)))
        self.pause = self._make_button(theme, "ph.pause", "")
        self.pause.setCheckable(True)
        self.pause.clicked.connect(lambda paused: model.hold(self._job.number, paused))
        self.retry = self._make_button(theme, "ph.arrow-clockwise", "Try again")
        self.retry.setAccessibleName(f"Try again: {job.name}")
        self.retry.clicked.connect(lambda: model.retry(self._job.number))
        self.stop = self._make_button(theme, "ph.x", "")
        self.stop.clicked.connect(self._stop_or_remove)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 0, GRID, 0)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.name)
        layout.addWidget(self.text, 1)
        for part in (self.plot, self.bar, self.report, self.open_folder, self.pause, self.retry, self.stop):
            layout.addWidget(part)
        self.show_job(job)

    @property
    def number(self) -> int:
        """The job's."""
        return self._job.number

    def _make_button(self, theme: Theme, icon: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        theme.dress(button, icon)
        return button

    def show_job(self, job: Job) -> None:
        """Show how far it is, or how it ended."""
        self._job = job
        step = job.progress or Progress(0, 1)
        self.bar.setRange(0, max(1, step.total))
        self.bar.setValue(step.done)
        self.bar.setVisible(job.running)
        self.plot.show_values(job.losses)
        left = time_left(job.seconds_left(time.monotonic())) if job.state == "running" else ""
        words = "paused" if job.paused else " · ".join(part for part in (job.text, left) if part)
        self.text.setText(words or "Waiting for its turn…")
        role: Role = "fault" if job.state == "failed" else "muted"
        if self.text.property("role") != role:
            dressed(self.text, role)
            self.text.style().polish(self.text)
        self.open_folder.setVisible(bool(job.path))
        self.report.setVisible(bool(job.report))
        self._show_ways(job)

    def _show_ways(self, job: Job) -> None:
        """What can be done with it now."""
        self.pause.setVisible(job.can_pause and job.state == "running")
        self.pause.setChecked(job.paused)
        verb = "Go on with" if job.paused else "Pause"
        self.pause.setToolTip("Go on" if job.paused else "Pause")
        self.pause.setAccessibleName(f"{verb} {job.name}")
        self.retry.setVisible(job.can_retry)
        self.retry.setToolTip("Go on where it was" if job.kept else "Try again")
        self.retry.setAccessibleName(f"{'Go on with' if job.kept else 'Try again:'} {job.name}")
        verb = "Stop" if job.running else "Remove from the list:"
        keeps = "Stop, and keep what was reached" if job.keeps else "Stop; nothing half-written stays"
        drops = "Drop it, with what it has computed" if job.kept else "Remove from the list"
        self.stop.setToolTip(keeps if job.running else drops)
        self.stop.setAccessibleName(f"{verb} {job.name}")
        self.stop.setEnabled(job.state != "stopping")

    def _stop_or_remove(self) -> None:
        if self._job.running:
            self._model.stop(self._job.number)
        else:
            self._model.remove(self._job.number)


class JobsSummary(QWidget):
    """All jobs in a line, and what can be done with all of them; shown from two on."""

    def __init__(self, model: JobsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(ROW)
        self._model = model
        self.text = label("", "muted")
        self.text.setObjectName("jobsSummary")
        self.retry = self._make_button("Try again what failed", "retryFailedJobs", model.retry_all)
        self.stop = self._make_button("Stop all", "stopAllJobs", model.cancel_all)
        self.clear = self._make_button("Clear the list", "clearJobs", model.remove_ended)
        self.clear.setToolTip("Remove the jobs that ended; their files stay")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 0, GRID, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.text, 1)
        for button in (self.retry, self.stop, self.clear):
            layout.addWidget(button)

    @Slot()
    def refresh(self) -> None:
        """Tell how far they are by now."""
        jobs = self._model.jobs
        told = overall(jobs, time.monotonic())
        self.text.setText(told.text)
        self.retry.setVisible(any(job.state == "failed" and job.can_retry for job in jobs))
        self.stop.setVisible(self._model.running > 1)
        self.clear.setVisible(told.ended > 0)
        self.setVisible(len(jobs) > 1)

    def _make_button(self, text: str, name: str, do: Callable[[], None]) -> QPushButton:
        button = dressed(QPushButton(text), "segment")
        button.setObjectName(name)
        button.clicked.connect(lambda: do())
        return button


class JobsPanel(QWidget):
    """Invisible while there is nothing to tell."""

    def __init__(self, model: JobsModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        dressed(self, "panel")
        self.setObjectName("jobsPanel")
        self.setAccessibleName("Jobs")
        self._model = model
        self._theme = theme
        self._rows: list[JobRow] = []
        self._most = SHOWN
        self.summary = JobsSummary(model)
        shell = dressed(QWidget(), "panel")
        self._layout = QVBoxLayout(shell)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addStretch()
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its buttons are reached, and scroll into view
        self._scroll.setWidget(shell)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(0)
        layout.addWidget(self.summary)
        layout.addWidget(self._scroll)
        self._to_end = QTimer(self, singleShot=True, interval=0)
        self._to_end.timeout.connect(self._scroll_to_end)
        model.rowsInserted.connect(self._insert)
        model.rowsAboutToBeRemoved.connect(self._remove)
        model.rowsRemoved.connect(self.summary.refresh)
        model.rowsMoved.connect(self._move)
        model.dataChanged.connect(self._refresh)
        model.running_changed.connect(self._note_running)
        self._fit()

    @Slot(QModelIndex, int, int)
    def _insert(self, _parent: QModelIndex, first: int, last: int) -> None:
        for number in range(first, last + 1):
            row = JobRow(self._model.index(number).data(JobRole.JOB), self._model, self._theme)
            self._rows.insert(number, row)
            self._layout.insertWidget(number, row)
        self._fit()

    @Slot(QModelIndex, int, int)
    def _remove(self, _parent: QModelIndex, first: int, last: int) -> None:
        for row in self._rows[first : last + 1]:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        del self._rows[first : last + 1]
        self._fit()

    @Slot()
    def _move(self) -> None:
        """One failed, and is the last now."""
        by_number = {row.number: row for row in self._rows}
        self._rows = [by_number[job.number] for job in self._model.jobs]
        for number, row in enumerate(self._rows):
            self._layout.insertWidget(number, row)

    def _refresh(self, first: QModelIndex, last: QModelIndex) -> None:
        for number in range(first.row(), last.row() + 1):
            self._rows[number].show_job(self._model.index(number).data(JobRole.JOB))
        self.summary.refresh()

    @Slot(int)
    def _note_running(self, running: int) -> None:
        """When all have ended, those that failed are in view."""
        self.summary.refresh()
        if not running and any(job.state == "failed" for job in self._model.jobs):
            self._to_end.start()

    @Slot()
    def _scroll_to_end(self) -> None:
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    def fit_into(self, height: int) -> None:
        """The window is so high now, in pixels."""
        most = SHOWN if height >= TALL else FEW
        if most != self._most:
            self._most = most
            self._fit()

    def _fit(self) -> None:
        self._scroll.setFixedHeight(min(len(self._rows), self._most) * ROW)
        self.summary.refresh()
        self.setVisible(bool(self._rows))
