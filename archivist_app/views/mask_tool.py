"""Editing the damage mask in the window: the bar, the hand and the overlay while it lasts, and the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from archivist_app.state.brush import Brush, Tool
from archivist_app.state.workspace import Workspace
from archivist_app.views import dialogs
from archivist_app.views.actions import Actions
from archivist_app.views.compare_view import CompareView
from archivist_app.views.mask_bar import MaskBar
from archivist_app.views.mask_hand import MaskHand
from archivist_app.views.mask_overlay import MaskOverlay
from engine.types import Region, RenderRequest

FACTOR = 1.25  # of the size by one press of a key


class MaskTool(QObject):
    """Joins the editor with the viewer. `bar` belongs above the viewer; `menu` gets its actions."""

    def __init__(self, work: Workspace, compare: CompareView, actions: Actions, menu: QMenu) -> None:
        super().__init__(compare)
        editor = self._editor = work.mask
        self._work, self._compare, self._actions = work, compare, actions
        self._overlay = MaskOverlay()
        self._hand = MaskHand(editor, compare)
        a = actions
        self._tools = {Tool.BRUSH: a.brush, Tool.ERASER: a.eraser, Tool.PROTECT: a.protect}
        self._whole: dict[QAction, Callable[[], None]] = {
            a.detect_damage: editor.detect,
            a.import_mask: self._ask_file,
            a.invert_mask: editor.invert,
            a.clear_mask: editor.clear,
        }
        self._only_editing = (a.smaller, a.larger, a.show_mask, a.leave_mask, *self._whole)
        self.bar = MaskBar(editor, list(self._tools.values()), list(self._whole), a.leave_mask)
        self.bar.hide()
        self.menu = menu
        self._fill_menu()
        self._connect()
        self._show_editing(False)

    def _fill_menu(self) -> None:
        a, menu = self._actions, self.menu
        menu.addActions([*self._tools.values(), a.smaller, a.larger, a.show_mask])
        menu.addSeparator()
        menu.addActions(list(self._whole))
        menu.addSeparator()
        menu.addAction(a.leave_mask)

    def _connect(self) -> None:
        editor, a = self._editor, self._actions
        for tool, action in self._tools.items():
            action.triggered.connect(lambda _checked=False, t=tool: self._take(t))
        for action, do in self._whole.items():
            action.triggered.connect(lambda _checked=False, do=do: do())
        a.smaller.triggered.connect(lambda: self._resize(1 / FACTOR))
        a.larger.triggered.connect(lambda: self._resize(FACTOR))
        a.show_mask.toggled.connect(self._show_overlay)
        a.leave_mask.triggered.connect(editor.stop)
        editor.editing_changed.connect(self._show_editing)
        editor.brush_changed.connect(self._show_brush)
        editor.busy_changed.connect(lambda _text: self._hand.refresh())
        editor.repainted.connect(self._repaint)
        editor.document.recipe_changed.connect(lambda recipe: self.bar.show_scope(recipe.scope))
        self._compare.frame_shown.connect(self._answered)

    # what people want

    def _take(self, tool: Tool) -> None:
        self._editor.choose(replace(self._editor.brush, tool=tool))
        if not self._editor.editing:
            self._editor.start()
            self._compare.setFocus()
        self._show_brush(self._editor.brush)

    def _resize(self, factor: float) -> None:
        size = round(self._editor.brush.size * factor)
        if size == round(self._editor.brush.size):  # a fourth of very little
            size += 1 if factor > 1 else -1
        self._editor.choose(replace(self._editor.brush, size=float(size)))

    def _ask_file(self) -> None:
        self._work.tasks.spawn(self._import())

    async def _import(self) -> None:
        path = await dialogs.ask_mask(self._compare, self._work.preferences)
        if path is not None:
            self._editor.import_file(path)

    # what is seen of it

    def _show_editing(self, editing: bool) -> None:
        for action in self._only_editing:
            action.setEnabled(editing)
        self.bar.setVisible(editing)
        self._compare.hand = self._hand if editing else None
        self._compare.overlay = self._overlay if editing else None
        self._hand.let_go()
        if editing:
            self._compare.announce("Editing the damage mask. Escape leaves it.")
        else:
            self._overlay.raster = None
            self._compare.unsetCursor()
        self._show_brush(self._editor.brush)
        self._compare.update()

    def _show_brush(self, brush: Brush) -> None:
        for tool, action in self._tools.items():
            action.setChecked(self._editor.editing and tool is brush.tool)
        self._hand.refresh()

    def _show_overlay(self, shown: bool) -> None:
        self._overlay.visible = shown
        self._compare.update()

    def _repaint(self, region: Region | None) -> None:
        self._overlay.raster = self._editor.raster
        if self._editor.stroking and not self._overlay.stroking:
            self._overlay.stroking, region = True, None  # seen on the restored side from now on
        elif region is None and not self._editor.stroking:
            self._overlay.stroking = False  # taken back
        self._hand.show_region(region)

    def _answered(self, request: RenderRequest) -> None:
        """A result is on screen: a stroke that it answers needs not be seen over it any more."""
        up_to_date = not self._editor.stroking and request.recipe == self._editor.document.recipe
        if self._overlay.stroking and up_to_date:
            self._overlay.stroking = False
            self._compare.update()
