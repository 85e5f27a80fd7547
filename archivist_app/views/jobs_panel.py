"""What runs in the background, a row each: name, bar, time left, cancel; then the result or the reason."""

from __future__ import annotations

import os
import time

from PySide6.QtCore import QModelIndex, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QScrollArea, QToolButton, QVBoxLayout, QWidget

from archivist_app.state.jobs_model import Job, JobRole, JobsModel, time_left
from archivist_app.views.loss_plot import LossPlot
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID, Theme
from engine.types import Progress

ROW = 32
SHOWN = 4  # rows before the panel scrolls


class JobRow(QWidget):
    """Follows one job."""

    def __init__(self, job: Job, model: JobsModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(ROW)
        self._job = job
        self._model = model
        self.name = QLabel(job.name)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedWidth(160)
        self.bar.setAccessibleName(f"Progress of {job.name}")
        self.plot = LossPlot()
        self.text = label("", "muted")
        self.open_folder = QToolButton()
        self.open_folder.setToolTip("Show the folder it was saved in")
        self.open_folder.setAccessibleName(f"Show the folder of {job.name}")
        self.open_folder.clicked.connect(self._show_folder)
        theme.dress(self.open_folder, "ph.folder-open")
        self.report = QToolButton()
        self.report.setObjectName("jobReport")
        self.report.setToolTip("Open the report of what was done")
        self.report.setAccessibleName(f"Open the report of {job.name}")
        self.report.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self._job.report)))
        theme.dress(self.report, "ph.file-text")
        self.pause = QToolButton()
        self.pause.setCheckable(True)
        self.pause.clicked.connect(lambda paused: model.hold(self._job.number, paused))
        theme.dress(self.pause, "ph.pause")
        self.retry = QToolButton()
        self.retry.setToolTip("Try again")
        self.retry.setAccessibleName(f"Try again: {job.name}")
        self.retry.clicked.connect(lambda: model.retry(self._job.number))
        theme.dress(self.retry, "ph.arrow-clockwise")
        self.stop = QToolButton()
        theme.dress(self.stop, "ph.x")
        self.stop.clicked.connect(self._stop_or_remove)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 0, GRID, 0)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.name)
        layout.addWidget(self.bar)
        layout.addWidget(self.plot)
        layout.addWidget(self.text, 1)
        for button in (self.report, self.open_folder, self.pause, self.retry):
            layout.addWidget(button)
        layout.addWidget(self.stop)
        self.show_job(job)

    def show_job(self, job: Job) -> None:
        """Show how far it is, or how it ended."""
        self._job = job
        step = job.progress or Progress(0, 1)
        self.bar.setRange(0, max(1, step.total))
        self.bar.setValue(step.done)
        self.bar.setVisible(job.running)
        self.plot.show_values(job.losses)
        left = time_left(job.seconds_left(time.monotonic())) if job.state == "running" else ""
        if job.state == "running" and job.paused:
            left = "paused"
        text = " · ".join(part for part in (job.text, left) if part) or "Waiting…"
        self.text.setText(text)
        self.text.setToolTip(job.text)
        if job.state == "failed":
            palette = self.text.palette()
            palette.setColor(QPalette.ColorRole.WindowText, palette.color(QPalette.ColorRole.BrightText))
            self.text.setPalette(palette)
        self.open_folder.setVisible(bool(job.path))
        self.report.setVisible(bool(job.report))
        self.pause.setVisible(job.can_pause and job.state == "running")
        self.pause.setChecked(job.paused)
        verb = "Go on with" if job.paused else "Pause"
        self.pause.setToolTip(verb.split()[0] + (" on" if job.paused else ""))
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

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(os.path.dirname(self._job.path)))


class JobsPanel(QScrollArea):
    """Invisible while there is nothing to tell."""

    def __init__(self, model: JobsModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("jobsPanel")
        self.setAccessibleName("Jobs")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self._model = model
        self._theme = theme
        self._rows: list[JobRow] = []
        shell = dressed(QWidget(), "panel")
        self._layout = QVBoxLayout(shell)
        self._layout.setContentsMargins(0, 4, 0, 4)
        self._layout.setSpacing(0)
        self._layout.addStretch()
        self.setWidget(shell)
        model.rowsInserted.connect(self._insert)
        model.rowsAboutToBeRemoved.connect(self._remove)
        model.dataChanged.connect(self._refresh)
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

    def _refresh(self, first: QModelIndex, last: QModelIndex) -> None:
        for number in range(first.row(), last.row() + 1):
            self._rows[number].show_job(self._model.index(number).data(JobRole.JOB))

    def _fit(self) -> None:
        self.setFixedHeight(min(len(self._rows), SHOWN) * ROW + 10)
        self.setVisible(bool(self._rows))
