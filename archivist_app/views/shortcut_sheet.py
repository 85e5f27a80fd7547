"""All keys on one sheet, and where to change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.preferences import Preferences
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID, Theme

Groups = Mapping[str, Sequence[QAction]]
FIXED = (  # what hands do beside the actions; these stay as they are
    ("\\ (held)", "Show the original"),
    ("Esc", "Back to the split view"),
    ("Arrows", "The image before or after this one"),
    ("Shift+Arrows", "Move the image"),
    ("Ctrl+Arrows", "Move the divider"),
    ("Wheel, + and −", "Zoom"),
    ("Middle click", "Fit, 1:1, 2:1"),
    ("Space (held)", "A drag moves the image"),
    ("Double-click on a slider", "Back to its default"),
    ("Right-click on a slider", "Type a number"),
)


class KeyRing:
    """The actions' keys: those they came with, and those somebody chose instead."""

    def __init__(self, groups: Groups, preferences: Preferences) -> None:
        self.groups = groups
        self._preferences = preferences
        self._actions = {action.objectName(): action for actions in groups.values() for action in actions}
        self.texts = {name: action.text().replace("&", "").strip() for name, action in self._actions.items()}
        self._own = {name: list(action.shortcuts()) for name, action in self._actions.items()}
        for name, key in preferences.keys.items():
            if name in self._actions:
                self._put(name, [QKeySequence(key)] if key else [])

    def is_changed(self, action: QAction) -> bool:
        """Whether somebody chose its key."""
        return list(action.shortcuts()) != self._own[action.objectName()]

    def choose(self, action: QAction, key: QKeySequence) -> QAction | None:
        """Give an action a key, or none. Where another has it, nothing changes and that one is the answer."""
        if not key.isEmpty():
            for other in self._actions.values():
                if other is not action and key in other.shortcuts():
                    return other
        self._put(action.objectName(), [] if key.isEmpty() else [key])
        self._preferences.set_key(action.objectName(), key.toString())
        return None

    def reset(self, action: QAction) -> QAction | None:
        """Back to the key it came with, unless another action has that now: then the other is the answer."""
        own = self._own[action.objectName()]
        for other in self._actions.values():
            if other is not action and any(key in other.shortcuts() for key in own):
                return other
        self._put(action.objectName(), own)
        self._preferences.set_key(action.objectName(), None)
        return None

    def _put(self, name: str, keys: list[QKeySequence]) -> None:
        action = self._actions[name]
        old = action.shortcut().toString()
        action.setShortcuts(keys)
        new = action.shortcut().toString()
        tip = action.toolTip()
        if old and f"({old})" in tip:
            action.setToolTip(tip.replace(f"({old})", f"({new})" if new else "").replace(" \n", "\n").rstrip())


class KeyEdit(QKeySequenceEdit):
    """Offers to be emptied only while the keys are in it: seventy such buttons would be all there is to see."""

    def __init__(self, key: QKeySequence, **options: Any) -> None:
        super().__init__(key, **options)
        self._field = self.findChild(QLineEdit)
        if self._field is not None:
            self._field.setPlaceholderText("none")
            self._field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys come and go."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.setClearButtonEnabled(event.type() == QEvent.Type.FocusIn)
        return super().eventFilter(watched, event)


class ShortcutSheet(QDialog):
    """A window beside the program's, not in its way."""

    def __init__(self, keys: KeyRing, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutSheet")
        self.setWindowTitle("Keys — Archivist")
        self.setModal(False)
        self.resize(560, 640)
        self._keys, self._theme = keys, theme
        self._rows: dict[str, tuple[list[QWidget], QKeySequenceEdit, QToolButton, QAction]] = {}
        self.search = dressed(QLineEdit(placeholderText="Search", clearButtonEnabled=True), "search")
        self.search.setObjectName("shortcutSearch")
        self.search.setAccessibleName("Search the keys")
        self.search.textChanged.connect(self._filter)
        self.fault = label("", "hint")
        self.fault.setObjectName("shortcutFault")
        self.fault.setWordWrap(True)
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        foot = QHBoxLayout()
        foot.addWidget(self.fault, 1)
        foot.addWidget(close)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields are reached, and scroll into view
        scroll.setWidget(self._make_table())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)

    def editor(self, action: QAction) -> QKeySequenceEdit:
        """The field in which an action's key is pressed."""
        return self._rows[action.objectName()][1]

    def _make_table(self) -> QWidget:
        table = dressed(QWidget(), "panel")
        grid = QGridLayout(table)
        grid.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        line = 0
        for title, actions in self._keys.groups.items():
            grid.addWidget(_heading(title, line), line, 0, 1, 3)
            line += 1
            for action in actions:
                self._add_row(grid, line, action)
                line += 1
        grid.addWidget(_heading("Always", line), line, 0, 1, 3)
        for number, (key, text) in enumerate(FIXED, start=line + 1):
            grid.addWidget(label(text, "muted"), number, 0)
            grid.addWidget(label(key, "muted"), number, 1, 1, 2)
        return table

    def _add_row(self, grid: QGridLayout, line: int, action: QAction) -> None:
        text = self._keys.texts[action.objectName()]
        name = label(text, "muted")
        edit = KeyEdit(action.shortcut(), maximumSequenceLength=1)
        edit.setAccessibleName(f"Key for: {text}")
        edit.setFixedWidth(150)
        edit.editingFinished.connect(lambda: self._choose(action))
        reset = QToolButton()
        reset.setAccessibleName(f"Back to the first key of: {text}")
        reset.setToolTip("Back to the key it came with")
        reset.clicked.connect(lambda: self._reset(action))
        self._theme.dress(reset, "ph.arrow-counter-clockwise")
        for place, widget in enumerate((name, edit, reset)):
            grid.addWidget(widget, line, place)
        self._rows[action.objectName()] = ([name, edit, reset], edit, reset, action)
        reset.setVisible(self._keys.is_changed(action))

    def _choose(self, action: QAction) -> None:
        _, edit, _, _ = self._rows[action.objectName()]
        if edit.keySequence() != action.shortcut():
            self._show(action, edit.keySequence(), self._keys.choose(action, edit.keySequence()))

    def _reset(self, action: QAction) -> None:
        self._show(action, None, self._keys.reset(action))

    def _show(self, action: QAction, key: QKeySequence | None, taken: QAction | None) -> None:
        _, edit, reset, _ = self._rows[action.objectName()]
        pressed = key.toString() if key is not None else "Its key"
        other = self._keys.texts[taken.objectName()].rstrip("…") if taken is not None else ""
        self.fault.setText(f"{pressed} belongs to “{other}”; give that another key first." if taken is not None else "")
        edit.setKeySequence(action.shortcut())
        reset.setVisible(self._keys.is_changed(action))

    @Slot(str)
    def _filter(self, text: str) -> None:
        for widgets, edit, reset, action in self._rows.values():
            words = f"{self._keys.texts[action.objectName()]} {edit.keySequence().toString()}".casefold()
            shown = text.strip().casefold() in words
            for widget in widgets:
                widget.setVisible(shown and (widget is not reset or self._keys.is_changed(action)))

    def showEvent(self, event: object) -> None:
        """Begin with the search."""
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)
        super().showEvent(event)  # type: ignore[arg-type]


def _heading(title: str, line: int) -> QLabel:
    """With room above it, but for the first."""
    heading = label(title, "heading")
    heading.setContentsMargins(0, 2 * GRID if line else 0, 0, 0)
    return heading
