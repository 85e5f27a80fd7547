"""Five hundred gestures at random, always the same ones: nothing breaks, nothing is left behind."""

import gc
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from archivist_app.app import Application
from archivist_app.state.filmstrip_filter import Order, Which
from tests.app.conftest import Open, until
from tests.app.fake_service import save_picture

GESTURES, SEED = 500, 20_011
SETTLED = 150  # gestures after which caches are filled: growth is counted from there
MEMORY = 100 << 20
KEYS = "0123456789ARMTCNVYKDFUPGH"


class Hands:
    """Somebody who does anything at all."""

    def __init__(self, application: Application) -> None:
        self.application, self.window = application, application.window
        self.chance = random.Random(SEED)
        self.gestures: tuple[Callable[[], None], ...] = (
            self.key, self.key, self.slide, self.slide, self.wheel, self.drag, self.step, self.style, self.undo,
            self.redo, self.snapshot, self.filter, self.pad, self.resize, self.export, self.select, self.presets,
        )  # fmt: skip

    def once(self) -> str:
        gesture = self.chance.choice(self.gestures)
        gesture()
        return gesture.__name__

    def place(self) -> QPoint:
        compare = self.window.compare
        return QPoint(self.chance.randrange(compare.width()), self.chance.randrange(compare.height()))

    def key(self) -> None:
        letter = self.chance.choice(KEYS)
        code = Qt.Key(ord(letter))
        shift = Qt.KeyboardModifier.ShiftModifier if self.chance.random() < 0.2 else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(self.window.compare, code, shift)

    def slide(self) -> None:
        row = self.chance.choice(list(self.window.adjust.rows.values()))
        row.slider.setValue(self.chance.randint(row.slider.minimum(), row.slider.maximum()))

    def wheel(self) -> None:
        at = QPointF(self.place())
        up = QPoint(0, self.chance.choice((-360, -120, 120, 360)))
        none = Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(at, at, QPoint(), up, Qt.MouseButton.NoButton, none, Qt.ScrollPhase.NoScrollPhase, False)
        QApplication.sendEvent(self.window.compare, event)

    def drag(self) -> None:
        start, end = self.place(), self.place()
        QTest.mousePress(self.window.compare, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(self.window.compare, (start + end) / 2)
        QTest.mouseMove(self.window.compare, end)
        QTest.mouseRelease(self.window.compare, Qt.MouseButton.LeftButton, pos=end)

    def step(self) -> None:
        self.window._workspace.session.step(self.chance.choice((-1, 1)))

    def style(self) -> None:
        model = self.window.gallery.model()
        self.window.gallery.setCurrentIndex(model.index(self.chance.randrange(model.rowCount()), 0))

    def undo(self) -> None:
        self.window.actions_.undo.trigger()

    def redo(self) -> None:
        self.window.actions_.redo.trigger()

    def snapshot(self) -> None:
        if self.chance.random() < 0.3:
            self.window.actions_.snapshot.trigger()

    def filter(self) -> None:
        self.window.film._want(
            text=self.chance.choice(("", "", "a", "zzz")),
            which=self.chance.choice(list(Which)),
            order=self.chance.choice(list(Order)),
        )

    def pad(self) -> None:
        self.window.adjust.show_pad(self.chance.random() < 0.5)

    def resize(self) -> None:
        self.window.resize(self.chance.randint(960, 1600), self.chance.randint(600, 1000))

    def export(self) -> None:
        if self.chance.random() < 0.2:
            self.window.actions_.export.trigger()
        jobs = self.window._workspace.jobs
        for job in jobs.jobs:
            self.chance.choice((jobs.cancel, jobs.stop, jobs.remove, jobs.retry))(job.number)

    def select(self) -> None:
        strip = self.window.filmstrip
        if self.chance.random() < 0.5:
            strip.selectAll()
        elif strip.model().rowCount():
            strip.setCurrentIndex(strip.model().index(self.chance.randrange(strip.model().rowCount()), 0))

    def presets(self) -> None:
        actions = self.window.actions_
        self.chance.choice((actions.copy_settings, actions.paste_settings, actions.swap, actions.fit)).trigger()


def resident() -> int:
    """Bytes of memory the process has now; 0 where that cannot be read."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def objects(application: Application) -> int:
    """How many Qt objects hang below the window."""
    return len(application.window.findChildren(QObject))


@pytest.mark.filterwarnings("error")
def test_five_hundred_gestures_break_nothing_and_leave_nothing(start: Open, tmp_path: Path) -> None:
    paths = [save_picture(tmp_path / f"{name}.png", 320, 200, seed=number) for number, name in enumerate("abc")]
    application = start(*paths)
    until(application, lambda: application.window.filmstrip.model().rowCount() == len(paths))
    hands = Hands(application)
    application.window.comfort.show_keys()  # made once, with a few hundred widgets
    memory = kept = 0
    for number in range(GESTURES):
        name = hands.once()
        application.spin(0.004)
        faults = application.window.messages.faults
        assert not any("unforeseen" in fault for fault in faults), f"gesture {number}, {name}: {faults}"
        if number == SETTLED:
            gc.collect()
            memory, kept = resident(), objects(application)
    for job in application.window._workspace.jobs.jobs:
        application.window._workspace.jobs.cancel(job.number)
    until(application, lambda: not application.window._workspace.jobs.running)
    for job in application.window._workspace.jobs.jobs:
        application.window._workspace.jobs.remove(job.number)
    application.spin(0.3)
    gc.collect()
    assert resident() - memory < MEMORY
    assert objects(application) < kept + 60  # menus and rows come and go; hundreds would be a leak
