"""What was done to the image on screen; a click goes back to it."""

from __future__ import annotations

from PySide6.QtWidgets import QUndoView, QWidget

from archivist_app.state.commands import History


class HistoryPanel(QUndoView):
    """One line per undo step, oldest first."""

    def __init__(self, history: History, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("historyPanel")
        self.setAccessibleName("History of changes")
        self.setEmptyLabel("As opened")
        self.setGroup(history)
