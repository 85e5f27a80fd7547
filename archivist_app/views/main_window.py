"""The window: filmstrip and history left, viewer in the middle, adjustments and styles right, jobs below.

Importing this loads what an empty window needs and no more, for that is what the first paint waits for. So it names
Qt's own names as `QtCore.Qt`, which costs a seventh of a bare window once it is touched, and the parts where they are
made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6 import QtCore
from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.preferences import Preferences
from archivist_app.views.elided import ElidedLabel
from archivist_app.views.empty_state import EmptyState
from archivist_app.views.parts import column, dressed, label
from archivist_app.views.theme import GRID, THEMES, Theme

if TYPE_CHECKING:
    from archivist_app.state.workspace import Workspace
    from archivist_app.views.modes import Mode
    from archivist_app.views.readout import Readout
    from engine.types import EngineReady, Frame, ImageInfo, ImageRef, Project, ProjectItem, Recipe, Sample

LEFT, RIGHT, STYLES = 200, 320, 190
MENUS = ("&File", "&Edit", "&Image", "Mas&k", "&Compare", "&View", "&Styles", "&Help")


class MainWindow(QMainWindow):
    """Shows a workspace and passes on what people do to it."""

    first_painted = Signal()
    furnished = Signal()
    close_requested = Signal()

    def __init__(self, theme: Theme, preferences: Preferences) -> None:
        super().__init__()
        self._theme = theme
        self.preferences = preferences
        self.painted = False  # since it was made
        self.close_wanted = False  # somebody closed it before it was furnished
        self._furnished = False
        self._may_close = False
        self.setWindowTitle("Archivist")
        self.setMinimumSize(960, 600)
        self.resize(1280, 800)
        self.menus = {title: self.menuBar().addMenu(title) for title in MENUS}
        self._make_front()
        self._restore()

    @property
    def theme(self) -> Theme:
        """How it looks."""
        return self._theme

    def furnish(self, workspace: Workspace) -> None:
        """Add everything that an empty window does not show, and answer to hands from now on."""
        self._workspace = workspace
        self._make_parts()
        self._make_tools()
        self._lay_out()
        self._make_menus()
        self._connect_actions()
        self._connect_state()
        self._show_mode(self.compare.mode)
        self._show_project(None)
        self.monitor.follow()
        self._furnished = True
        self.jobs.fit_into(self.height())
        self.furnished.emit()

    # building

    def _make_front(self) -> None:
        """What an empty window shows."""
        self.empty = EmptyState()
        self.empty.painted.connect(self._note_paint)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._about_image = dressed(ElidedLabel(), "hint")
        self._about_pixel = label("", "hint")
        self._about_pixel.setObjectName("pixelReadout")
        self._about_pixel.setAccessibleName("Values under the pointer")
        self._about_save = label("", "hint")
        self._about_engine = label("", "hint")
        middle = dressed(QFrame(), "shell")
        self._row = QHBoxLayout(middle)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(1)
        self._row.addWidget(self._pages, 1)
        self._shell = dressed(column((middle, 1), self._make_status(), spacing=1), "shell")
        self.setCentralWidget(self._shell)

    def _restore(self) -> None:
        """The place, the size and the surround it had last time."""
        if layout := self.preferences.layout:
            self.restoreGeometry(layout)
        for tokens in THEMES:
            if tokens.name == self.preferences.surround and tokens is not self._theme.tokens:
                self._theme.apply(tokens)

    def _make_parts(self) -> None:
        from archivist_app.views import menus
        from archivist_app.views.actions import Actions
        from archivist_app.views.adjust_panel import AdjustPanel
        from archivist_app.views.compare_view import CompareView
        from archivist_app.views.film_panel import FilmPanel
        from archivist_app.views.history_panel import HistoryPanel
        from archivist_app.views.jobs_panel import JobsPanel
        from archivist_app.views.message_bar import MessageBar
        from archivist_app.views.style_gallery import StyleGallery
        from archivist_app.views.style_panel import StylePanel

        work, theme = self._workspace, self._theme
        self.actions_ = Actions(work.session.history, theme, self)
        self.messages = MessageBar(theme)
        self.compare = CompareView()
        menus.fill_image_menu(self.menus["&Image"], self.actions_)
        self.film = FilmPanel(work.session, work.assessing, theme, self.menus["&Image"])
        self.filmstrip = self.film.strip
        self.history = HistoryPanel(work.session)
        self.adjust = AdjustPanel(theme)
        self.adjust.pad.show_corners(work.corners)
        self.gallery = StyleGallery(work.styles)
        self.styles = StylePanel(self.gallery, work.styles, theme)
        self.jobs = JobsPanel(work.jobs, theme)
        self._readout: Readout | None = None

    def _make_tools(self) -> None:
        from archivist_app.views.mask_tool import MaskTool
        from archivist_app.views.tool_strip import ToolStrip

        a, work = self.actions_, self._workspace
        self.masking = MaskTool(work, self.compare, a, self.menus["Mas&k"])
        compare, zoom = [a.rotate, a.swap, a.pause, a.gain], [a.fit, a.zooms[100]]
        modes = list(a.modes.values())
        self.tools = ToolStrip(modes, compare, a.brush, a.truth, zoom, [a.undo, a.redo], a.export)

    def _lay_out(self) -> None:
        from PySide6.QtWidgets import QScrollArea

        self._pages.addWidget(column(self.tools, self.masking.bar, self.compare))
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.adjust)
        scroll.setMaximumHeight(self.adjust.sizeHint().height() + 2)
        self.styles.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.styles.setMinimumHeight(STYLES)  # the adjustments come first: they are what is worked with
        for reshaped in (self.adjust.pad_toggled, self.adjust.reshaped):
            reshaped.connect(lambda: scroll.setMaximumHeight(self.adjust.sizeHint().height() + 2))
        self._left = column(_heading("Images"), (self.film, 3), _heading("History"), (self.history, 1))
        self._right = dressed(column((scroll, 1), self.styles, spacing=1), "shell")
        for part, width, place in ((self._left, LEFT, 0), (self._right, RIGHT, 2)):
            part.setFixedWidth(width)
            part.hide()  # until there is a picture
            self._row.insertWidget(place, part)
        below = self._shell.layout()
        assert isinstance(below, QVBoxLayout)
        below.insertWidget(1, self.jobs)
        self.messages.lie_over(self._pages)

    def _make_status(self) -> QWidget:
        strip = dressed(QFrame(), "panel")
        strip.setFixedHeight(3 * GRID)
        row = self._status = QHBoxLayout(strip)
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        row.setSpacing(3 * GRID)
        self._about_image.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row.addWidget(self._about_image, 1)
        row.addWidget(self._about_pixel)
        row.addWidget(self._about_save)
        row.addWidget(self._about_engine)
        return strip

    def _make_menus(self) -> None:
        from archivist_app.views import menus
        from archivist_app.views.comfort import Comfort
        from archivist_app.views.monitor_menu import MonitorMenu
        from archivist_app.views.variants_menu import VariantsMenu

        a, work = self.actions_, self._workspace
        groups = menus.fill(self.menus, a)
        self.monitor = MonitorMenu(self, work.preferences, work.tasks)
        self.menus["&View"].addMenu(self.monitor)
        self._variants_menu = VariantsMenu(work.variants, self.menus["&Compare"])
        self.menus["&Compare"].insertMenu(a.next_mode, self._variants_menu)
        groups["View"] += [self.monitor.automatic, self.monitor.srgb, self.monitor.file]
        groups["Mask"] = [action for action in self.masking.menu.actions() if action.objectName()]
        self.comfort = Comfort(self, work, self._theme, groups)
        self.menus["&File"].insertMenu(a.demo, self.comfort.recent)
        self.comfort.offer_tour(menus.hints(self.compare, self.adjust.rows["alpha"], self.styles, self.tools))

    def _connect_actions(self) -> None:
        from archivist_app.views import connecting
        from archivist_app.views.custody_desk import CustodyDesk
        from archivist_app.views.export_desk import ExportDesk
        from archivist_app.views.face_desk import FaceDesk
        from archivist_app.views.open_desk import OpenDesk
        from archivist_app.views.sheet_desk import SheetDesk

        a, work, tasks = self.actions_, self._workspace, self._workspace.tasks
        OpenDesk(self, work, a, self.styles)
        self.exports = ExportDesk(self, work, self.film, a)
        self.sheets = SheetDesk(self, work, self.film, a)
        a.optimise.triggered.connect(lambda: tasks.spawn(self._optimise()))
        FaceDesk(self, work, a, self.messages)
        CustodyDesk(self, work, a, self.messages)
        a.quit.triggered.connect(self.close)
        connecting.viewer(a, self.compare)
        connecting.assessing(a, work.assessing, self.film)
        a.snapshot.triggered.connect(lambda: work.session.take_snapshot())
        a.truth.toggled.connect(work.truth.want)
        a.surround.triggered.connect(self._theme.cycle)
        a.keys.triggered.connect(self.comfort.show_keys)
        self.compare.mode_changed.connect(self._show_mode)
        self.compare.zoom_changed.connect(self.tools.show_zoom)
        self.empty.open_requested.connect(a.open.trigger)
        self.empty.demo_requested.connect(a.demo.trigger)

    def _connect_state(self) -> None:
        from archivist_app.views import connecting
        from archivist_app.views.model_desk import ModelDesk
        from archivist_app.views.style_desk import StyleDesk

        work, session = self._workspace, self._workspace.session
        self.compare.painted.connect(self._note_paint)
        session.project_changed.connect(self._show_project)
        session.item_changed.connect(self._show_item)
        session.overview_arrived.connect(self._show_overview)
        session.nothing_opened.connect(lambda: self._pages.setCurrentIndex(0))
        session.info_arrived.connect(self._show_info)
        session.opening_changed.connect(self._show_opening)
        session.saved.connect(lambda: self._about_save.setText("Saved"))
        work.document.recipe_changed.connect(self._show_recipe)
        work.truth.offered_changed.connect(self.actions_.offer_truth)
        self.compare.pointed.connect(self._show_readout)
        work.sampler.sampled.connect(self._show_sample)
        work.bridge.awoken.connect(lambda: self._show_engine("Preparing the engine…"))
        work.bridge.engine_ready.connect(self._show_ready)
        work.bridge.engine_moved.connect(self._show_moved)
        work.bridge.engine_failed.connect(lambda _text: self._show_engine(""))
        self.monitor.changed.connect(self._show_anew)
        self.monitor.failed.connect(self.messages.tell_fault)
        connecting.messages(work, self.messages)
        connecting.pictures(work, self.compare)
        self.adjust.edited.connect(session.push)
        desk = ModelDesk(self, work, self.adjust, self.styles)
        self.actions_.finetune.triggered.connect(lambda: desk.show_finetuning(work.tuner, self.film.chosen_items))
        StyleDesk(self, work, self.compare).connect_parts(self.gallery, self.styles, self.actions_)
        self.adjust.show_pad(work.preferences.pad_shown)
        self.adjust.pad_toggled.connect(work.preferences.set_pad_shown)
        self.filmstrip.chosen.connect(session.show_item)

    # showing

    @Slot()
    def _note_paint(self) -> None:
        if not self.painted:
            self.painted = True
            QTimer.singleShot(0, self.first_painted.emit)  # once this paint has reached the screen

    @Slot()
    def _show_anew(self) -> None:
        """The monitor's colours are other ones: everything with pictures in it is painted again."""
        self.compare.navigator.show_anew()
        for widget in self.findChildren(QWidget):
            widget.update()

    @Slot(object)
    def _show_project(self, project: Project | None) -> None:
        filled = project is not None and bool(project.items)
        self._pages.setCurrentIndex(1 if filled else 0)
        self._left.setVisible(filled)
        self._right.setVisible(filled)
        for action in self.actions_.need_image():
            action.setEnabled(filled)
        self.setWindowTitle(f"{project.name} — Archivist" if project else "Archivist")
        self._about_save.setText("" if project is None or project.writable else "Read-only")
        item = self._workspace.session.item
        if item is not None:
            self.filmstrip.show_chosen(item.uuid)  # the model was reset

    @Slot(object)
    def _show_item(self, item: ProjectItem) -> None:
        self.compare.clear()
        self.filmstrip.show_chosen(item.uuid)
        self._about_image.setText(_name(item.source))
        self.compare.setFocus()

    @Slot(object)
    def _show_overview(self, frame: Frame) -> None:
        self._pages.setCurrentIndex(1)
        self.compare.show_overview(frame)

    @Slot(object)
    def _show_info(self, info: ImageInfo) -> None:
        parts = [
            _name_of(info.path),
            f"{info.width} × {info.height}",
            f"{info.format}, {info.bits} bit",
            info.profile,
            f"{info.dpi[0]:.0f} dpi" if info.dpi else "",
        ]
        self._about_image.setText("   ·   ".join(part for part in parts if part))

    @Slot(object)
    def _show_recipe(self, recipe: Recipe) -> None:
        self.adjust.show_recipe(recipe)
        self.gallery.show_recipe(recipe)

    @Slot(str)
    def _show_opening(self, text: str) -> None:
        self.empty.show_busy(text)

    @Slot(object)
    def _show_mode(self, mode: Mode) -> None:
        self.actions_.show_mode(mode)
        self.tools.show_mode(self.actions_.modes[mode])
        self._workspace.maps.want(mode.map_kind)
        self._workspace.variants.want(mode is type(mode).VARIANTS)

    @Slot(object)
    def _show_readout(self, readout: Readout | None) -> None:
        self._readout = readout
        self._about_pixel.setText(readout.text if readout is not None else "")
        self._workspace.sampler.ask((readout.x, readout.y) if readout is not None else None)

    @Slot(object, str)
    def _show_sample(self, sample: Sample, profile: str) -> None:
        if self._readout is not None:
            self._about_pixel.setText(self._readout.in_master(sample, profile).text)

    def _show_engine(self, text: str) -> None:
        self._about_engine.setText(text)
        self._status.activate()  # now: while torch is loaded the next turn may be long in coming
        self.compare.show_notice(text)

    @Slot(object)
    def _show_ready(self, ready: EngineReady) -> None:
        self._show_engine("")
        self._about_engine.setText(f"{ready.device.upper()} · {ready.dtype}")
        self._about_engine.setToolTip(f"{ready.device_reason}\ntorch {ready.torch}, {ready.threads} threads")

    @Slot(object, str)
    def _show_moved(self, ready: EngineReady, text: str) -> None:
        self._show_ready(ready)
        self.messages.tell_fault(text)  # stays until it is read

    # asking

    async def _optimise(self) -> None:
        from archivist_app.state.optimising import PASSES
        from archivist_app.views import dialogs

        optimiser = self._workspace.optimiser
        wish = await dialogs.ask_optimisation(self, optimiser.needs_picture(), PASSES)
        if wish is not None:
            optimiser.start(*wish)

    # hands

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no widget took: hold the original, go back to the split view."""
        if not self._furnished:
            super().keyPressEvent(event)
        elif event.key() == QtCore.Qt.Key.Key_Backslash and not event.isAutoRepeat():
            self.compare.hold_original(True)
        elif event.key() == QtCore.Qt.Key.Key_Escape and self._workspace.mask.editing:
            self._workspace.mask.stop()
        elif event.key() == QtCore.Qt.Key.Key_Escape:
            self.compare.set_mode(type(self.compare.mode).SPLIT)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Let go of the original."""
        released = event.key() == QtCore.Qt.Key.Key_Backslash and not event.isAutoRepeat()
        if self._furnished and released:
            self.compare.hold_original(False)
        else:
            super().keyReleaseEvent(event)

    # closing

    def allow_close(self) -> None:
        """Everything has been saved and stopped: the next `close()` is for real."""
        self._may_close = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the jobs leave the adjustments their room."""
        super().resizeEvent(event)
        if self._furnished:
            self.jobs.fit_into(self.height())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing waits until everything is saved and stopped."""
        if self._may_close:
            self.preferences.set_layout(bytes(self.saveGeometry().data()), self._theme.tokens.name)
            super().closeEvent(event)
        else:
            event.ignore()
            self.close_wanted = True
            self.close_requested.emit()


def _heading(text: str) -> QLabel:
    heading = label(text, "heading")
    heading.setContentsMargins(2 * GRID, 12, 2 * GRID, GRID)
    return heading


def _name(image: ImageRef) -> str:
    return _name_of(image.path)


def _name_of(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]
