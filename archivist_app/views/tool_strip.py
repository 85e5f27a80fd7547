"""The strip above the viewer: how to compare, how large, and export."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID

ROOMY = 520  # width in device-independent pixels from which buttons have words


class ToolStrip(QWidget):
    """Buttons for actions that the menus hold too, and the zoom in words."""

    def __init__(
        self,
        modes: Sequence[QAction],
        compare: list[QAction],
        brush: QAction,
        truth: QAction,
        zoom: list[QAction],
        edit: list[QAction],
        export: QAction,
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
        self._modes: list[QAction] = []  # the one that is on
        self.mode = dressed(_mode_button(self, modes), "worded")
        layout.addWidget(self.mode)
        layout.addSpacing(4)
        for action in compare:
            layout.addWidget(_button(action))
        self.brush = _button(brush)
        layout.addWidget(self.brush)
        layout.addSpacing(GRID)
        truth_button, export_button = (dressed(_button(action), "worded") for action in (truth, export))
        self._worded = [self.mode, truth_button, export_button]
        layout.addWidget(truth_button)
        layout.addStretch()
        layout.addWidget(self.zoom)
        layout.addSpacing(4)
        for action in zoom:
            layout.addWidget(_button(action))
        layout.addSpacing(GRID)
        for action in edit:
            layout.addWidget(_steady_button(action))
        layout.addSpacing(GRID)
        layout.addWidget(export_button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window icons alone must do."""
        super().resizeEvent(event)
        roomy = event.size().width() >= ROOMY
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if roomy else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.brush.setVisible(roomy)  # the menu and its key remain
        for button in self._worded:
            button.setToolButtonStyle(style)

    def show_mode(self, action: QAction) -> None:
        """Name the way of comparing that is on; `action` is its menu entry."""
        for one in self._modes:
            one.changed.disconnect(self._follow_mode)
        self._modes = [action]
        action.changed.connect(self._follow_mode)
        self._follow_mode()

    def _follow_mode(self) -> None:
        """Icons come late and follow the theme."""
        for action in self._modes:
            self.mode.setText(action.iconText())
            self.mode.setIcon(action.icon())
            self.mode.setToolTip(f"{action.toolTip()}\nM goes to the next way to compare")
            self.mode.setAccessibleName(f"Way to compare: {action.iconText()}")

    def show_zoom(self, zoom: float) -> None:
        """`zoom` in device pixels a master pixel."""
        self.zoom.setText(f"{100 * zoom:.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %")


def _mode_button(strip: QWidget, modes: Sequence[QAction]) -> QToolButton:
    """A button that names the mode and opens the others."""
    button = QToolButton()
    button.setObjectName("modeButton")
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(strip)
    menu.addActions(list(modes))
    button.setMenu(menu)
    return button


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    if not action.isVisible():
        button.hide()  # never the other way round: without a parent yet it would be a window
    action.visibleChanged.connect(lambda: button.setVisible(action.isVisible()))  # a tool bar would do this itself
    button.setAccessibleName(action.text().replace("&", ""))
    return button


def _steady_button(action: QAction) -> QToolButton:
    """The same for an action whose words follow a moving slider: they would have the whole window laid out anew each
    time, so that only the tool tip follows."""
    button = QToolButton()
    button.setAccessibleName(action.text().replace("&", "").split(" ")[0])
    icons: list[int] = []

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())
        if action.icon().cacheKey() not in icons:
            icons[:] = [action.icon().cacheKey()]
            button.setIcon(action.icon())

    button.clicked.connect(action.trigger)
    action.changed.connect(follow)
    follow()
    return button
