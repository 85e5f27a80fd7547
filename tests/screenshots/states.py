"""The states of the window that a picture is made of, in the order in which one leads to the next."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QColor, QCursor, QDragEnterEvent, QDragLeaveEvent, QMouseEvent, QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget

from archivist_app.app import Application, create_application
from archivist_app.state.filmstrip_filter import Wish
from archivist_app.views.theme import THEMES
from engine.types import CONSERVATOR, ModelCard, Recipe, Region
from tests.screenshots import tuning

PATIENCE = 180.0  # seconds that a state may take to be reached, on a busy machine
NOWHERE = QPoint(-5000, -5000)


@dataclass(frozen=True, slots=True)
class State:
    """A name for the picture, and how to come there from wherever the window is."""

    name: str
    enter: Callable[[Studio], None]


class Studio:
    """The program, and hands to bring it into its states."""

    def __init__(self, size: tuple[int, int]) -> None:
        QCursor.setPos(NOWHERE)
        self.application: Application = create_application([])
        self.window = self.application.window
        self.window.resize(*size)
        self.window.show()
        self.application.spin(0.3)

    @property
    def work(self):  # type: ignore[no-untyped-def]
        """The window's workspace."""
        return self.window._workspace

    def until(self, condition: Callable[[], object]) -> None:
        """Let the program run until something holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the state was not reached")
            self.application.spin(0.05)
        self.application.spin(0.15)

    def settle(self) -> None:
        """Until the picture on screen is refined."""
        self.application.spin(0.25)
        self.until(lambda: not self.window.compare._busy)

    def thumbnails(self) -> None:
        """Until every style that is shown has its picture."""
        styles = self.work.styles
        self.until(lambda: all(styles.index(row).data(258) is not None for row in range(min(9, styles.rowCount()))))

    def act(self, name: str) -> None:
        """Do what a menu entry does."""
        action = self.window.findChild(QAction, f"{name}Action")
        assert isinstance(action, QAction), name
        action.trigger()
        self.application.spin(0.2)

    def show(self, number: int) -> None:
        """Another image of the filmstrip."""
        self.work.session.show_item(self.work.session.project.items[number].uuid)
        self.settle()

    def recipe(self, recipe: Recipe) -> None:
        """Set everything, without a step of the history."""
        self.work.document.recipe = recipe
        self.settle()

    def point(self, widget: QWidget, at: QPointF) -> None:
        """Rest the mouse there."""
        none = Qt.MouseButton.NoButton
        place = QPointF(widget.mapToGlobal(at.toPoint()))
        kind = QMouseEvent.Type.MouseMove
        QApplication.sendEvent(widget, QMouseEvent(kind, at, place, none, none, Qt.KeyboardModifier.NoModifier))

    def compare_at(self, across: float, down: float) -> QPointF:
        """A place on the viewer."""
        return QPointF(across * self.window.compare.width(), down * self.window.compare.height())

    def menu(self, menu: QMenu, at: QPoint) -> None:
        """Open a menu."""
        menu.popup(at)
        self.application.spin(0.2)

    def close_popups(self) -> None:
        """Whatever lies over the window goes."""
        QApplication.sendEvent(self.window, QDragLeaveEvent())
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        for dialog in self.window.findChildren(QDialog):
            if dialog.isVisible():
                dialog.close()
        self.application.spin(0.1)

    def picture(self) -> QPixmap:
        """The window and whatever lies over it."""
        window = self.window
        found = window.grab()
        painter = QPainter(found)
        for other in QApplication.topLevelWidgets():
            if other.isVisible() and other is not window:
                place = other.mapToGlobal(QPoint(0, 0)) - window.mapToGlobal(QPoint(0, 0))
                if isinstance(other, QDialog):
                    place = QPoint((window.width() - other.width()) // 2, (window.height() - other.height()) // 2)
                    painter.fillRect(other.rect().translated(place).adjusted(-1, -1, 1, 1), QColor("#d0a05c"))
                painter.drawPixmap(place, other.grab())
        painter.end()
        return found


def take(out: Path, size: tuple[int, int], wanted: tuple[str, ...]) -> int:
    """Makes the pictures; 1 where a state was not reached, which is told and the rest go on."""
    out.mkdir(parents=True, exist_ok=True)
    studio, failed = Studio(size), 0
    try:
        for state in STATES:
            if wanted and not state.name.startswith(wanted) and state.name not in NEEDED:
                continue
            try:
                state.enter(studio)
                studio.picture().save(str(out / f"{state.name}.png"))
                print(f"{out.name} {state.name}", flush=True)
            except Exception:
                failed = 1
                print(f"{out.name} {state.name} FAILED", flush=True)
                traceback.print_exc()
            studio.close_popups()
    finally:
        studio.application.close()
    return failed


def _empty(studio: Studio) -> None:
    studio.application.spin(0.5)


def _opening(studio: Studio) -> None:
    studio.act("demo")
    studio.until(lambda: studio.window.empty.title.text() != "Drop photographs here")


def _hint(studio: Studio) -> None:
    studio.until(lambda: studio.window.comfort.tour is not None)
    studio.settle()


def _next_hint(studio: Studio) -> None:
    tour = studio.window.comfort.tour
    assert tour is not None
    tour.next.click()
    studio.application.spin(0.2)


def _split(studio: Studio) -> None:
    if studio.window.comfort.tour is not None:
        studio.window.comfort.tour.end()
    studio.show(0)
    studio.thumbnails()


def _mode(name: str) -> Callable[[Studio], None]:
    def enter(studio: Studio) -> None:
        studio.act(name)
        studio.settle()
        if name in ("fidelity", "uncertainty"):
            studio.application.spin(0.5)
            studio.until(lambda: studio.window.compare._map.progress is None)

    return enter


def _measuring(studio: Studio) -> None:
    studio.act("fidelity")
    progress = studio.window.compare
    studio.until(lambda: progress._map.progress is not None and progress._map.progress.done > 0)


def _rotated(studio: Studio) -> None:
    studio.act("split")
    studio.act("rotate")


def _truth(studio: Studio) -> None:
    studio.act("rotate")
    studio.act("truth")
    studio.until(lambda: studio.window.compare._truth is not None)


def _original(studio: Studio) -> None:
    studio.act("truth")
    studio.window.compare.hold_original(True)
    studio.application.spin(0.1)


def _close_up(studio: Studio) -> None:
    studio.window.compare.hold_original(False)
    studio.window.compare.zoom_to(2.0)
    studio.settle()
    studio.point(studio.window.compare, studio.compare_at(0.4, 0.4))
    studio.application.spin(0.6)


def _variants(studio: Studio) -> None:
    studio.act("fit")
    for alpha, strength in ((0.1, 1.0), (1.0, 1.0), (10.0, 1.0)):
        studio.recipe(Recipe(alpha=alpha, strength=strength))
        studio.work.session.take_snapshot()
    studio.recipe(Recipe(style="albumen", beta=1.0))
    studio.work.session.take_snapshot("Albumen")
    studio.act("variants")
    studio.until(lambda: all(list(one.pieces) for one in studio.window.compare._variants))
    studio.application.spin(3.0)


def _no_variants(studio: Studio) -> None:
    studio.show(1)
    studio.act("variants")


def _mask(studio: Studio) -> None:
    studio.act("split")
    studio.show(3)
    studio.act("brush")
    studio.until(lambda: not studio.work.mask.busy)
    compare = studio.window.compare
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=studio.compare_at(0.14, 0.62).toPoint())
    for step in range(12):
        QTest.mouseMove(compare, studio.compare_at(0.14 + step * 0.02, 0.62 - step * 0.012).toPoint())
        studio.application.spin(0.02)
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=studio.compare_at(0.36, 0.49).toPoint())
    studio.settle()
    studio.point(compare, studio.compare_at(0.6, 0.6))
    studio.application.spin(0.2)


def _protect(studio: Studio) -> None:
    studio.act("protect")
    compare = studio.window.compare
    QTest.mousePress(compare, Qt.MouseButton.LeftButton, pos=studio.compare_at(0.2, 0.78).toPoint())
    for step in range(12):
        QTest.mouseMove(compare, studio.compare_at(0.2 + step * 0.018, 0.78 - step * 0.006).toPoint())
        studio.application.spin(0.02)
    QTest.mouseRelease(compare, Qt.MouseButton.LeftButton, pos=studio.compare_at(0.4, 0.71).toPoint())
    studio.settle()


def _pad(studio: Studio) -> None:
    studio.act("leaveMask")
    studio.show(0)
    studio.recipe(Recipe())
    studio.window.adjust.show_pad(True)
    studio.until(lambda: len(studio.work.corners._frames) >= 2)


def _pad_styled(studio: Studio) -> None:
    studio.recipe(Recipe(style="cyanotype", beta=1.0))
    studio.application.spin(0.8)
    studio.until(lambda: len(studio.work.corners._frames) == 4)


def _trial(studio: Studio) -> None:
    studio.window.adjust.show_pad(False)
    studio.recipe(Recipe())
    studio.thumbnails()
    gallery = studio.window.gallery
    place = gallery.visualRect(studio.work.styles.index(2)).center()
    studio.point(gallery.viewport(), QPointF(place))
    studio.application.spin(1.5)


def _search(text: str, group: str = "all") -> Callable[[Studio], None]:
    def enter(studio: Studio) -> None:
        studio.window.gallery.end_trial()
        studio.window.styles.show_group(group)  # type: ignore[arg-type]
        studio.window.styles.search.setText(text)
        studio.application.spin(0.3)

    return enter


def _assessed(studio: Studio) -> None:
    studio.window.styles.search.clear()
    studio.window.styles.show_group("all")
    items = [item.uuid for item in studio.work.session.project.items]
    studio.work.assessing.rate(items[:2], 4)
    studio.work.assessing.decide(items[1:3], "approved")
    studio.work.assessing.decide(items[3:4], "rejected")
    studio.work.assessing.note(items[0], "Emulsion lifts at the lower left; ask conservation.")
    studio.window.filmstrip.selectAll()
    studio.application.spin(0.4)


def _none_fits(studio: Studio) -> None:
    studio.window.film.search.setText("daguerre")
    studio.application.spin(0.3)


def _film_menu(studio: Studio) -> None:
    studio.window.film.search.clear()
    film = studio.window.film
    studio.work.session.shown.wish = Wish()
    studio.menu(film.filter.menu(), film.filter.mapToGlobal(QPoint(0, film.filter.height())))


def _image_menu(studio: Studio) -> None:
    strip = studio.window.filmstrip
    studio.menu(studio.window.menus["&Image"], strip.mapToGlobal(QPoint(80, 160)))


def _bar_menu(number: int) -> Callable[[Studio], None]:
    def enter(studio: Studio) -> None:
        bar = studio.window.menuBar()
        action = bar.actions()[number]
        place = bar.actionGeometry(action)
        menu = action.menu()
        assert isinstance(menu, QMenu)
        studio.menu(menu, bar.mapToGlobal(place.bottomLeft()))

    return enter


def _jobs(studio: Studio) -> None:
    jobs = studio.work.jobs
    studio.show(0)
    studio.act("exportAgain")
    studio.until(lambda: any(job.state == "done" for job in jobs.jobs))
    folder = Path(studio.work.session.project.folder)
    studio.work.exporter.export(folder / "masters" / "nowhere" / "\0.tif")
    studio.until(lambda: any(job.state == "failed" for job in jobs.jobs))
    studio.work.optimiser.start(400, "")
    studio.until(lambda: any(len(job.losses) > 3 for job in jobs.jobs))
    studio.work.exporter.export(folder / "exports" / "second.tif")
    studio.application.spin(0.5)
    jobs.hold(jobs.jobs[-1].number, True)
    studio.application.spin(0.5)


def _by(action: str) -> Callable[[Studio], None]:
    def enter(studio: Studio) -> None:
        studio.act(action)
        studio.application.spin(1.0)

    return enter


def _dropping(studio: Studio) -> None:
    """Files are held over the viewer."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(__file__), QUrl.fromLocalFile(str(Path(__file__).with_name("hands.py")))])
    held = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = studio.window.rect().center()
    QApplication.sendEvent(studio.window, QDragEnterEvent(place, Qt.DropAction.CopyAction, data, *held))
    studio.application.spin(0.2)


def _export(studio: Studio) -> None:
    studio.act("export")


def _project_settings(studio: Studio) -> None:
    studio.act("projectSettings")
    studio.work.rules.edit("Name", organization="Stadtarchiv Seestadt", contact="archiv@seestadt.example")
    studio.application.spin(0.3)


def _stop_question(studio: Studio) -> None:
    studio.window.close()
    studio.application.spin(0.4)


def _fault(studio: Studio) -> None:
    for job in studio.work.jobs.jobs:
        studio.work.jobs.cancel(job.number)
    studio.until(lambda: not studio.work.jobs.running)
    for job in studio.work.jobs.jobs:
        studio.work.jobs.remove(job.number)
    broken = Path(studio.work.session.project.folder).parent / "broken.tif"
    broken.write_bytes(b"II*\0 no more than that")
    studio.work.session.open_paths([str(broken)])
    studio.until(lambda: studio.window.messages.faults)


def _keys(studio: Studio) -> None:
    studio.window.messages.dismiss()
    studio.act("keys")


def _optimise(studio: Studio) -> None:
    studio.act("optimise")


def _faces(studio: Studio) -> None:
    """Two faces marked, the second not consented to yet; the network is a card alone."""
    from archivist_app.views.face_dialog import FaceDialog

    models = studio.work.models
    models._cards = (*models.cards, ModelCard("faces", "Faces 1", origin="imported", least=512, faces=True))
    models.cards_changed.emit(models._cards)
    studio.act("faces")
    studio.until(lambda: studio.window.findChild(FaceDialog) is not None)
    dialog: FaceDialog = studio.window.findChild(FaceDialog)  # type: ignore[assignment]  # there now
    studio.until(lambda: dialog.board._picture is not None)
    bounds = dialog.marks.bounds
    for x, y in ((0.32, 0.12), (0.62, 0.35)):
        place = Region(round(x * bounds.width), round(y * bounds.height), bounds.width // 5, bounds.height // 3)
        dialog.marks.add(place)
    dialog.marks.say(0, who="Board of the archive, Ötztal", ground="the sitter’s family agreed, letter of 12 May 2026")
    dialog.marks.changed.emit()
    studio.application.spin(0.3)


def _conservator(studio: Studio) -> None:
    studio.recipe(CONSERVATOR)


def _typing(studio: Studio) -> None:
    studio.recipe(Recipe(alpha=3.2, beta=0.6, style="albumen"))
    row = studio.window.adjust.rows["alpha"]
    row._type()
    studio.application.spin(0.2)


def _surround(number: int) -> Callable[[Studio], None]:
    def enter(studio: Studio) -> None:
        studio.window._theme.apply(THEMES[number])
        studio.application.spin(0.4)

    return enter


def _large(studio: Studio) -> None:
    """A scan far larger than the screen, made of a photograph that lies in the demo."""
    from PIL import Image

    studio.window._theme.apply(THEMES[0])
    project = Path(studio.work.session.project.folder)
    plate = project.parent / "plate_0412.tif"
    with Image.open(project / "truth" / "rocket.png") as picture:
        picture.resize((5120, 3416), Image.Resampling.BICUBIC).save(plate, dpi=(600, 600))
    studio.work.session.open_paths([str(plate)])
    studio.until(lambda: studio.work.session.item.source.path.endswith("plate_0412.tif"))
    studio.until(lambda: studio.window.compare.viewport is not None)
    studio.settle()


def _large_close(studio: Studio) -> None:
    studio.window.compare.zoom_to(1.0)
    studio.settle()


def _small(studio: Studio) -> None:
    studio.window.compare.fit()
    studio.window.resize(studio.window.minimumSize())
    studio.settle()


def _small_mask(studio: Studio) -> None:
    studio.act("brush")
    studio.until(lambda: not studio.work.mask.waiting)
    studio.application.spin(1.0)


def _states() -> Iterator[State]:
    steps: tuple[tuple[str, Callable[[Studio], None]], ...] = (
        ("empty", _empty), ("opening", _opening), ("hint1", _hint), ("hint2", _next_hint), ("hint3", _next_hint),
        ("hint4", _next_hint), ("split", _split), ("rotated", _rotated), ("truth", _truth), ("original", _original),
        ("closeup", _close_up), ("side", _mode("side")), ("difference", _mode("difference")),
        ("blink", _mode("blink")), ("measuring", _measuring), ("fidelity", _mode("fidelity")),
        ("uncertainty", _mode("uncertainty")), ("variants", _variants), ("novariants", _no_variants),
        ("mask", _mask), ("protect", _protect), ("pad", _pad), ("padstyled", _pad_styled), ("trial", _trial),
        ("searchnone", _search("daguerreotype of nobody")), ("ownempty", _search("", "own")),
        ("assessed", _assessed), ("filmnone", _none_fits), ("filmmenu", _film_menu), ("imagemenu", _image_menu),
        *((f"menu{number}", _bar_menu(number)) for number in range(8)),
        ("export", _export), ("project", _project_settings), ("jobs", _jobs), ("stopjobs", _stop_question),
        ("fault", _fault), ("keys", _keys),
        ("optimise", _optimise), ("faces", _faces), ("finetune", _by("finetune")),
        ("tuningruns", tuning.running), ("tuningrests", tuning.resting), ("tuningstops", tuning.stopping),
        ("tuningends", tuning.ended), ("sheet", _by("sheet")), ("dropping", _dropping),
        ("conservator", _conservator), ("typing", _typing), ("black", _surround(1)), ("white", _surround(2)),
        ("large", _large), ("largeclose", _large_close), ("small", _small), ("smallmask", _small_mask),
    )  # fmt: skip
    for number, (name, enter) in enumerate(steps):
        yield State(f"{number:02d}_{name}", enter)


STATES = tuple(_states())
NEEDED = ("01_opening", "02_hint1", "06_split")  # the way to any other
