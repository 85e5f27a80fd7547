"""Where the window's action meets the dialog for faces: offered only where there is a network for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog, QMainWindow

from archivist_app.async_tools import answer
from archivist_app.state.face_marks import FaceMarks
from archivist_app.state.workspace import Workspace
from archivist_app.views.actions import Actions
from archivist_app.views.message_bar import MessageBar
from archivist_app.views.pixels import to_image
from engine.errors import Cancelled, EngineError
from engine.types import ImageRef, Recipe, RenderRequest, View

if TYPE_CHECKING:
    from archivist_app.views.face_board import FaceBoard

_PIXELS = 1600  # of the preview's longer side: as many as a large screen shows of it


class FaceDesk(QObject):
    """Enables the action, asks, and starts the job."""

    def __init__(self, window: QMainWindow, work: Workspace, actions: Actions, messages: MessageBar) -> None:
        super().__init__(window)
        self._window, self._work, self._messages = window, work, messages
        self._action = actions.faces
        self._usual = self._action.toolTip()
        self._action.triggered.connect(lambda: work.tasks.spawn(self._ask()))
        work.faces.networks_changed.connect(self._offer)
        work.session.project_changed.connect(self._offer)
        self._offer()

    @Slot()
    def _offer(self) -> None:
        project, faces = self._work.session.project, self._work.faces
        self._action.setEnabled(bool(project is not None and project.items and faces.networks))
        self._action.setToolTip(self._usual if faces.networks else faces.fault())
        self._action.setStatusTip(self._action.toolTip())

    async def _ask(self) -> None:
        """Ask which faces, and start; a recipe that leaves no room for faces is a sentence instead."""
        work = self._work
        image, recipe = work.document.image, work.document.recipe
        project, item = work.session.project, work.session.item
        fault = work.faces.fault()
        if fault or image is None or project is None or item is None:
            if fault:
                self._messages.tell_fault(fault)
            return
        try:
            path = work.bridge.register(project, item)
            info = (await work.bridge.open_image(path, item.source.page)).info
        except EngineError as error:
            self._messages.tell_fault(str(error))
            return
        from archivist_app.views.face_dialog import FaceDialog  # few ever need it

        dialog = FaceDialog(self._window, FaceMarks(info.width, info.height), work.faces.networks)
        dialog.marks.setParent(dialog)
        view = View(info.bounds, min(1.0, _PIXELS / max(info.width, info.height)))
        preview = work.tasks.spawn(self._show(dialog.board, image, recipe, view))
        try:
            if await answer(dialog) == QDialog.DialogCode.Accepted:
                work.faces.start(image, recipe, dialog.model, dialog.marks.faces(), dialog.strength)
        finally:
            preview.cancel()

    async def _show(self, board: FaceBoard, image: ImageRef, recipe: Recipe, view: View) -> None:
        """The restored picture onto the board, once it is there."""
        try:
            frame = await self._work.bridge.whole(RenderRequest(image, recipe, view, "refine"))
        except Cancelled:
            return
        except EngineError as error:
            self._messages.tell_fault(str(error))
            return
        board.show_picture(to_image(frame.pixels))
