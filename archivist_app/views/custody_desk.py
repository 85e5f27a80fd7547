"""Where the window meets the care of masters and the recovery after a crash: actions, questions and their answers."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from archivist_app.state.workspace import Workspace
from archivist_app.views import dialogs
from archivist_app.views.actions import Actions
from archivist_app.views.message_bar import MessageBar


class CustodyDesk(QObject):
    """Made once for a window."""

    def __init__(self, window: QWidget, work: Workspace, actions: Actions, messages: MessageBar) -> None:
        super().__init__(window)
        self._window, self._work, self._actions = window, work, actions
        custody = work.custody
        actions.check_masters.triggered.connect(custody.check)
        actions.find_masters.triggered.connect(lambda: work.tasks.spawn(self._find()))
        actions.accept_master.triggered.connect(self._accept)
        custody.changed.connect(self._follow)
        work.session.item_changed.connect(self._follow)
        custody.noticed.connect(messages.tell)
        custody.failed.connect(messages.tell_fault)
        custody.offered.connect(messages.ask)
        work.recovery.offered.connect(messages.ask)
        work.bridge.awoken.connect(work.recovery.look_back)

    @Slot()
    def _follow(self) -> None:
        """A changed master can be accepted while its image is on screen."""
        item = self._work.session.item
        self._actions.accept_master.setEnabled(item is not None and self._work.custody.is_doubted(item.uuid))

    @Slot()
    def _accept(self) -> None:
        item = self._work.session.item
        if item is not None:
            self._work.custody.accept(item.uuid)

    async def _find(self) -> None:
        folder = await dialogs.ask_masters_folder(self._window)
        if folder is not None:
            self._work.custody.find_moved(folder)
