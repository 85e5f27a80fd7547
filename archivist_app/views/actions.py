"""What the window can do, as actions with their keys and icons."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from archivist_app.state.commands import History
from archivist_app.views.theme import Theme


class Actions(QObject):
    """Every action once; menus, buttons and keys share them."""

    def __init__(self, history: History, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.open = self._make("openAction", "&Open…", "Ctrl+O", "ph.image")
        self.open_folder = self._make("openFolderAction", "Open a &project or folder…", "Ctrl+Shift+O")
        self.demo = self._make("demoAction", "Try the &demo", "")
        self.export = self._make("exportAction", "&Export", "Ctrl+E", "ph.export")
        self.export_as = self._make("exportAsAction", "Export &as…", "Ctrl+Shift+E")
        self.optimise = self._make("optimiseAction", "Op&timise…", "Ctrl+Alt+O")
        self.find_style = self._make("findStyleAction", "&Find a style", "Ctrl+F")
        self.add_style = self._make("addStyleAction", "&Add a style of your own…", "")
        self.quit = self._make("quitAction", "&Quit", "Ctrl+Q")
        self.undo = history.createUndoAction(self, "&Undo")
        self.redo = history.createRedoAction(self, "&Redo")
        self.undo.setObjectName("undoAction")
        self.redo.setObjectName("redoAction")
        self.undo.setShortcut(QKeySequence("Ctrl+Z"))
        self.redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        theme.dress(self.undo, "ph.arrow-u-up-left")
        theme.dress(self.redo, "ph.arrow-u-up-right")
        self.split = self._make("splitAction", "&Split view", "Shift+Y", "ph.square-half", checkable=True)
        self.side = self._make("sideAction", "Side &by side", "Y", "ph.columns", checkable=True)
        self.rotate = self._make("rotateAction", "&Turn the divider", "T", "ph.arrow-clockwise")
        self.swap = self._make("swapAction", "S&wap before and after", "C", "ph.swap")
        self.truth = self._make("truthAction", "Compare with the t&ruth", "G", "ph.circle-wavy-check", checkable=True)
        self.truth.setIconText("Truth")
        self.truth.setToolTip("Compare with the truth: the photograph this scan was artificially aged from (G)")
        self.truth.setVisible(False)
        self.fit = self._make("fitAction", "&Fit", "Ctrl+0", "ph.corners-out")
        self.zooms = {
            zoom: self._make(f"zoom{zoom}Action", f"{zoom} %", f"Ctrl+{key}")
            for key, zoom in enumerate((100, 200, 400, 800), start=1)
        }
        theme.dress(self.zooms[100], "ph.magnifying-glass-plus")
        self.zooms[100].setToolTip("100 %: one pixel of the scan is one pixel of the screen (Ctrl+1)")
        self.surround = self._make("surroundAction", "Next s&urround", "9", "ph.circle-half")
        self.split.setChecked(True)

    def need_image(self) -> tuple[QAction, ...]:
        """Those that make sense only while an image is on screen."""
        compare = (self.split, self.side, self.rotate, self.swap, self.fit)
        return (self.export, self.export_as, self.optimise, self.find_style, *compare, *self.zooms.values())

    def show_mode(self, mode: str) -> None:
        """Follow the viewer's mode."""
        self.split.setChecked(mode == "split")
        self.side.setChecked(mode == "side")
        self.rotate.setEnabled(mode == "split")

    def offer_truth(self, offered: bool) -> None:
        """Whether the image on screen has a truth; without one the comparison is with the scan again."""
        self.truth.setVisible(offered)
        if not offered:
            self.truth.setChecked(False)

    def _make(self, name: str, text: str, key: str, icon: str = "", *, checkable: bool = False) -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        action.setCheckable(checkable)
        if key:
            action.setShortcut(QKeySequence(key))
            action.setToolTip(f"{text.replace('&', '')} ({key})")
        if icon:
            self._theme.dress(action, icon)
        return action
