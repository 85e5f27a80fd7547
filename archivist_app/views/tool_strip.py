"""The strip above the viewer: how to compare, how large, and export."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID

ROOMY = 520  # width in device-independent pixels from which buttons have words


class ToolStrip(QWidget):
    """Buttons for actions that the menus hold too, and the zoom in words."""

    def __init__(
        self, compare: list[QAction], truth: QAction, zoom: list[QAction], edit: list[QAction], export: QAction
    ) -> None:
        super().__init__()
        dressed(self, "panel")
        self.setFixedHeight(5 * GRID)
        self.zoom = label("", "muted")
        self.zoom.setMinimumWidth(56)
        self.zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, 0)
        layout.setSpacing(4)
        for action in compare:
            layout.addWidget(_button(action))
        layout.addSpacing(GRID)
        self._worded = [dressed(_button(action), "worded") for action in (truth, export)]
        layout.addWidget(self._worded[0])
        layout.addStretch()
        layout.addWidget(self.zoom)
        layout.addSpacing(4)
        for group in (zoom, edit):
            for action in group:
                layout.addWidget(_button(action))
            layout.addSpacing(GRID)
        layout.addWidget(self._worded[1])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window icons alone must do."""
        super().resizeEvent(event)
        roomy = event.size().width() >= ROOMY
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if roomy else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self._worded:
            button.setToolButtonStyle(style)

    def show_zoom(self, zoom: float) -> None:
        """`zoom` in device pixels a master pixel."""
        self.zoom.setText(f"{100 * zoom:.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %")


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    if not action.isVisible():
        button.hide()  # never the other way round: without a parent yet it would be a window
    action.visibleChanged.connect(lambda: button.setVisible(action.isVisible()))  # a tool bar would do this itself
    button.setAccessibleName(action.text().replace("&", ""))
    return button
