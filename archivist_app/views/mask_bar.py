"""The bar above the viewer while a damage mask is edited: the tools, their size, and what happens to all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from archivist_app.state.brush import SIZES, Brush
from archivist_app.state.mask_editing import MaskEditor
from archivist_app.views.parts import dressed, label
from archivist_app.views.theme import GRID
from archivist_app.views.value_slider import LogScale, PercentScale, Scale, ValueSlider
from engine.types import FILLED_IN

ROOMY = 640  # width in device-independent pixels from which all buttons have words
HINTS = {
    "whole": "Mark what is to be repaired.",
    "damage": "Only marks are repaired.",
}
MORE = (
    f"Marks up to {FILLED_IN} pixels of the scan wide are filled in from around them; mark closely.\n"
    "Hold Alt to erase, Space to move the image."
)


@dataclass(frozen=True, slots=True)
class PixelScale(LogScale):
    """Lengths in pixels of the scan."""

    def text(self, value: float) -> str:
        """The value as people read it."""
        return f"{value:.0f} px"


class MaskBar(QWidget):
    """Shows a brush and says what somebody wants of it; the buttons are actions of the menus too."""

    def __init__(self, editor: MaskEditor, tools: Sequence[QAction], whole: Sequence[QAction], done: QAction) -> None:
        super().__init__()
        dressed(self, "panel")
        self.setObjectName("maskBar")
        self.setAccessibleName("Damage mask")
        self._busy, self._hint = editor.busy, HINTS["whole"]
        self.size_slider = _slider("maskSize", "Size of the brush", PixelScale(*SIZES), Brush().size)
        self.feather_slider = _slider("maskFeather", "Feather of the brush", PercentScale(), Brush().feather)
        self.size_slider.setToolTip("Pixels of the scan across ([ and ])")
        self.feather_slider.setToolTip("How much of the brush fades out (Shift and the wheel)")
        self.size_slider.edited.connect(lambda value, _gesture: editor.choose(replace(editor.brush, size=value)))
        self.feather_slider.edited.connect(lambda value, _gesture: editor.choose(replace(editor.brush, feather=value)))
        self._size_text, self._feather_text = label("", "muted"), label("", "muted")
        self._status = label("", "muted")
        self._status.setObjectName("maskStatus")
        self._status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._tools = [_button(action) for action in tools]
        self._whole = [_button(action) for action in whole]
        self._done = _button(done)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 6, GRID, 6)
        layout.setSpacing(6)
        layout.addLayout(self._upper())
        layout.addLayout(self._lower())
        editor.brush_changed.connect(self.show_brush)
        editor.busy_changed.connect(self.show_busy)
        self.show_brush(editor.brush)
        self._show_status()

    def show_brush(self, brush: Brush) -> None:
        """Show a brush without asking for another."""
        for slider, text, value in (
            (self.size_slider, self._size_text, brush.size),
            (self.feather_slider, self._feather_text, brush.feather),
        ):
            slider.show_value(value)
            text.setText(slider.scale.text(value))
            slider.setAccessibleDescription(text.text())

    def show_busy(self, text: str) -> None:
        """What to wait for, in words; "" for nothing."""
        self._busy = text
        self._show_status()

    def show_scope(self, scope: str) -> None:
        """Whether only what is marked is repaired already."""
        self._hint = HINTS[scope]
        self._show_status()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window icons alone must do."""
        super().resizeEvent(event)
        roomy = event.size().width() >= ROOMY
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if roomy else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in (*self._tools, *self._whole):
            button.setToolButtonStyle(style)

    def _upper(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in self._tools:
            row.addWidget(button)
        row.addSpacing(2 * GRID)
        for title, slider, text in (
            ("Size", self.size_slider, self._size_text),
            ("Feather", self.feather_slider, self._feather_text),
        ):
            row.addWidget(QLabel(title))
            row.addWidget(slider, 1)
            text.setFixedWidth(44)
            text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            row.addWidget(text)
            row.addSpacing(GRID)
        return row

    def _lower(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._status, 1)
        row.addSpacing(GRID)
        for button in self._whole:
            row.addWidget(button)
        row.addSpacing(GRID)
        row.addWidget(self._done)
        return row

    def _show_status(self) -> None:
        self._status.setText(self._busy or self._hint)
        self._status.setToolTip(f"{self._busy or self._hint}\n{MORE}")


def _slider(name: str, title: str, scale: Scale, neutral: float) -> ValueSlider:
    slider = ValueSlider(scale, neutral)
    slider.setObjectName(name)
    slider.setAccessibleName(title)
    slider.setMinimumWidth(48)
    return slider


def _button(action: QAction) -> QToolButton:
    button = dressed(QToolButton(), "worded")
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setAccessibleName(action.text().replace("&", ""))
    return button
