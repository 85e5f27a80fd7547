"""The strip above the viewer: how to compare, how large, and export."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID


class ToolStrip(QWidget):
    """Buttons for actions that the menus hold too, and the zoom in words."""

    def __init__(self, compare: list[QAction], zoom: list[QAction], edit: list[QAction], export: QAction) -> None:
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
        layout.addStretch()
        layout.addWidget(self.zoom)
        layout.addSpacing(4)
        for group in (zoom, edit):
            for action in group:
                layout.addWidget(_button(action))
            layout.addSpacing(2 * GRID)
        button = _button(export)
        dressed(button, "worded")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        layout.addWidget(button)

    def show_zoom(self, zoom: float) -> None:
        """`zoom` in device pixels a master pixel."""
        self.zoom.setText(f"{100 * zoom:.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %")


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setVisible(action.isVisible())
    action.visibleChanged.connect(lambda: button.setVisible(action.isVisible()))  # a tool bar would do this itself
    button.setAccessibleName(action.text().replace("&", ""))
    return button
