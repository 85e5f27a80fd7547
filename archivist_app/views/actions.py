"""What the window can do, as actions with their keys and icons."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from archivist_app.state.assessing import MOST_STARS
from archivist_app.state.commands import History
from archivist_app.views.modes import Mode
from archivist_app.views.theme import Theme


class Actions(QObject):
    """Every action once; menus, buttons and keys share them."""

    def __init__(self, history: History, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._make_file_actions()
        self._make_master_actions()
        self._make_history(history)
        self._make_ways_to_compare()
        self._make_assessments()
        self._make_mask_actions()
        self.optimise = self._make("optimiseAction", "Op&timise…", "Ctrl+Alt+O")
        self.faces = self._make("facesAction", "Restore &faces…", "Ctrl+Alt+F")
        self.faces.setEnabled(False)
        self.finetune = self._make("finetuneAction", "Fine-tu&ne a model…", "Ctrl+Alt+T")
        self.find_style = self._make("findStyleAction", "&Find a style", "Ctrl+F")
        self.add_style = self._make("addStyleAction", "&Add a style of your own…", "")
        self.quit = self._make("quitAction", "&Quit", "Ctrl+Q")
        self.surround = self._make("surroundAction", "Next s&urround", "9", "ph.circle-half")
        self.keys = self._make("keysAction", "&Keys…", "H", "ph.keyboard")
        self.show_mode(Mode.SPLIT)

    def _make_file_actions(self) -> None:
        self.open = self._make("openAction", "&Open…", "Ctrl+O", "ph.image")
        self.open_folder = self._make("openFolderAction", "Open a &project or folder…", "Ctrl+Shift+O")
        self.demo = self._make("demoAction", "Try the &demo", "")
        self.export = self._make("exportAction", "&Export…", "Ctrl+E", "ph.export")
        self.export_again = self._make("exportAgainAction", "Export as &last time", "Ctrl+Alt+E")
        self.sheet = self._make("sheetAction", "&Comparison sheet…", "Ctrl+Shift+P")
        self.export_again.setShortcuts([QKeySequence(key) for key in ("Ctrl+Return", "Ctrl+B", "Ctrl+Alt+E")])
        self.export_as = self._make("exportAsAction", "Export &as…", "Ctrl+Shift+E")

    def _make_master_actions(self) -> None:
        self.check_masters = self._make("checkMastersAction", "&Check masters", "", "ph.fingerprint")
        self.check_masters.setToolTip("Read every master of the project and compare it with what was added")
        self.find_masters = self._make("findMastersAction", "Find moved &masters…", "", "ph.folder-notch-open")
        self.find_masters.setToolTip("Find masters that were moved or renamed, by their bytes")
        self.accept_master = self._make("acceptMasterAction", "Accept the c&hanged master", "")
        self.accept_master.setToolTip("Take the file that is there now for the master; the project’s log keeps both")
        self.accept_master.setEnabled(False)
        self.project_settings = self._make("projectSettingsAction", "Project &settings…", "Ctrl+Alt+P")
        self.project_settings.setToolTip("The archive’s name, what packages hold, and whether exports need approval")

    def _make_history(self, history: History) -> None:
        self.undo = history.createUndoAction(self, "&Undo")
        self.redo = history.createRedoAction(self, "&Redo")
        self.undo.setObjectName("undoAction")
        self.redo.setObjectName("redoAction")
        self.undo.setShortcut(QKeySequence("Ctrl+Z"))
        self.redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        self._theme.dress(self.undo, "ph.arrow-u-up-left")
        self._theme.dress(self.redo, "ph.arrow-u-up-right")
        self.snapshot = self._make("snapshotAction", "Take a s&napshot", "Ctrl+S", "ph.camera")

    def _make_ways_to_compare(self) -> None:
        self.modes = self._make_modes()
        self.next_mode = self._make("nextModeAction", "&Next way to compare", "M")
        self.pause = self._make("pauseAction", "&Pause the blinking", "P", "ph.pause", checkable=True)
        self.gain = self._make("gainAction", "&Amplify the difference more", "Shift+D", "ph.plus-minus")
        self.navigator = self._make("navigatorAction", "Na&vigator", "N", checkable=True)
        self.navigator.setChecked(True)
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
        self._theme.dress(self.zooms[100], "ph.magnifying-glass-plus")
        self.zooms[100].setToolTip("100 %: one pixel of the scan is one pixel of the screen (Ctrl+1)")

    def _make_assessments(self) -> None:
        self.approve = self._make("approveAction", "&Approve", "A", "ph.check-circle")
        self.reject = self._make("rejectAction", "&Reject", "R", "ph.x-circle")
        self.stars = [
            self._make(f"stars{count}Action", "★" * count or "No stars", str(count)) for count in range(MOST_STARS + 1)
        ]
        self.copy_settings = self._make("copySettingsAction", "&Copy the settings", "Ctrl+Shift+C", "ph.copy")
        self.paste_settings = self._make("pasteSettingsAction", "&Paste the settings", "Ctrl+Shift+V", "ph.clipboard")
        self.paste_settings.setEnabled(False)
        self.apply_settings = self._make("applySettingsAction", "Apply the settings to the &selection", "Ctrl+Shift+A")

    def need_image(self) -> tuple[QAction, ...]:
        """Those that make sense only while an image is on screen."""
        compare = (*self.modes.values(), self.next_mode, self.rotate, self.swap, self.navigator, self.fit)
        decide = (self.approve, self.reject, *self.stars, self.copy_settings, self.apply_settings)
        mask = (self.brush, self.eraser, self.protect)
        exports = (self.export, self.export_again, self.export_as, self.sheet)
        files = (*exports, self.optimise, self.finetune, self.snapshot, self.find_style)
        masters = (self.check_masters, self.find_masters, self.project_settings)
        return (*files, *masters, *compare, *self.zooms.values(), *decide, *mask)

    def _make_mask_actions(self) -> None:
        make = self._make
        self.brush = make("brushAction", "&Brush for damage", "B", "ph.paint-brush", checkable=True)
        self.eraser = make("eraserAction", "&Eraser", "E", "ph.eraser", checkable=True)
        self.protect = make("protectAction", "&Protect from repair", "Shift+B", "ph.shield-check", checkable=True)
        self.smaller = make("smallerBrushAction", "S&maller brush", "[")
        self.larger = make("largerBrushAction", "&Larger brush", "]")
        self.show_mask = make("showMaskAction", "&Show the mask", "Shift+M", checkable=True)
        self.show_mask.setChecked(True)
        self.detect_damage = make("detectDamageAction", "&Detect again", "", "ph.magnifying-glass")
        self.import_mask = make("importMaskAction", "&Import…", "", "ph.download-simple")
        self.invert_mask = make("invertMaskAction", "In&vert", "", "ph.circle-half")
        self.clear_mask = make("clearMaskAction", "&Clear", "", "ph.trash")
        self.leave_mask = make("leaveMaskAction", "D&one", "", "ph.check")
        for action, words, tip in (
            (self.brush, "Brush", "Paint over damage that is to be repaired (B)"),
            (self.eraser, "Eraser", "Take marks and protection away (E, or hold Alt)"),
            (
                self.protect,
                "Protect",
                "Paint over what is never to be repaired, also when damage is detected (Shift+B)",
            ),
            (self.detect_damage, "Detect again", "Mark what the model takes for damage; protected areas stay"),
            (self.import_mask, "Import…", "Take the marks from a picture of the same size, white where to repair"),
            (self.invert_mask, "Invert", "Repair what is not marked instead; protected areas stay"),
            (self.clear_mask, "Clear", "Take away all marks and all protection, to begin with nothing"),
            (self.leave_mask, "Done", "Leave the mask as it is (Esc)"),
        ):
            action.setIconText(words)
            action.setToolTip(tip)

    def show_mode(self, mode: Mode) -> None:
        """Follow the viewer's mode: what makes no sense in it is greyed, what belongs to it alone appears."""
        for one, action in self.modes.items():
            action.setChecked(one is mode)
        self.rotate.setEnabled(mode is Mode.SPLIT)
        self.swap.setEnabled(mode.has_sides)
        self.pause.setVisible(mode is Mode.BLINK)
        self.gain.setVisible(mode is Mode.DIFFERENCE)

    def offer_truth(self, offered: bool) -> None:
        """Whether the image on screen has a truth; without one the comparison is with the scan again."""
        self.truth.setVisible(offered)
        if not offered:
            self.truth.setChecked(False)

    def _make_modes(self) -> dict[Mode, QAction]:
        group = QActionGroup(self)
        actions = {}
        for mode in Mode:
            words = mode.words
            action = self._make(f"{mode}Action", words.entry, words.key, words.icon, checkable=True)
            action.setToolTip(f"{words.name} ({words.key})\n{words.seen}")
            action.setIconText(words.name)
            group.addAction(action)
            actions[mode] = action
        return actions

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
