"""The options of a preset as one form; only those that the preset has are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from archivist_app.views.parts import dressed, indented, label
from archivist_app.views.theme import GRID
from engine.types import ExportPreset, ExportSettings

FIELD, HEIGHT = 200, 26  # pixels
_DEPTHS = (("16 bit", "16"), ("As the scan has it", "source"), ("8 bit", "8"))
_PROFILES = (("The scan’s own", "source"), ("sRGB", "srgb"))
_COMPRESSIONS = (("LZW (lossless)", "lzw"), ("Deflate (lossless)", "deflate"), ("None", "none"))


class ExportOptions(QWidget):
    """Emits what somebody changed, as one setting's name and value."""

    edited = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setters: dict[str, Callable[[Any], None]] = {}
        self._rows: dict[str, QWidget] = {}
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(2 * GRID)
        self._form.setVerticalSpacing(GRID)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._add_choice("depth", "Depth", _DEPTHS)
        self._add_choice("profile", "Colour profile", _PROFILES)
        self._add_choice("compression", "Compression", _COMPRESSIONS)
        self._add_number("quality", "JPEG quality", QSpinBox(minimum=1, maximum=100))
        longest = QSpinBox(minimum=0, maximum=100_000, singleStep=500, suffix=" px")
        longest.setSpecialValueText("As large as it is")
        self._add_number("longest", "Longer side at most", longest)
        dpi = QDoubleSpinBox(minimum=0, maximum=100_000, decimals=1, singleStep=50, suffix=" dpi")
        dpi.setSpecialValueText("As the scan says")
        self._add_number("dpi", "Resolution", dpi)
        self._add_number("tile", "Tiles", QSpinBox(minimum=64, maximum=4096, singleStep=64, suffix=" px"))
        self._add_address()
        self._add_box("label", "Label below the picture", "Say below the picture what it is")
        self._add_box("sign", "Content Credentials", "Sign it (C2PA)")
        self.none = label(
            "This preset decides everything itself. Whose packages they are, and what goes in, is said in File › "
            "Project settings.",
            "hint",
        )
        self.none.setWordWrap(True)
        self._form.addRow(self.none)

    def show_settings(self, preset: ExportPreset, settings: ExportSettings) -> None:
        """Show a preset's options as they stand."""
        for name, widget in self._rows.items():
            self._form.setRowVisible(widget, name in preset.options)
            widget.blockSignals(True)
            self._setters[name](getattr(settings, name))
            widget.blockSignals(False)
        self._form.setRowVisible(self.none, not preset.options)

    def _add(self, name: str, text: str, widget: QWidget, put: Callable[[Any], None]) -> None:
        widget.setObjectName(f"export{name.capitalize()}")
        widget.setAccessibleName(text)
        widget.setFixedWidth(FIELD)
        widget.setMinimumHeight(HEIGHT)
        self._setters[name], self._rows[name] = put, widget
        if text:
            title = label(text, "muted")
            title.setMinimumHeight(HEIGHT)
            self._form.addRow(title, widget)
        else:
            self._form.addRow(widget)

    def _add_choice(self, name: str, text: str, choices: tuple[tuple[str, str], ...]) -> None:
        box = QComboBox()
        for words, value in choices:
            box.addItem(words, value)
        box.currentIndexChanged.connect(lambda _: self.edited.emit(name, box.currentData()))
        self._add(name, text, box, lambda value: box.setCurrentIndex(box.findData(value)))

    def _add_number(self, name: str, text: str, box: QSpinBox | QDoubleSpinBox) -> None:
        box.setKeyboardTracking(False)
        box.valueChanged.connect(lambda value: self.edited.emit(name, value))
        self._add(name, text, indented(box), box.setValue)

    def _add_address(self) -> None:
        line = dressed(QLineEdit(), "search")
        line.setToolTip("Where the folder will be served, without the image’s own name; viewers are told so")
        line.textEdited.connect(lambda text: self.edited.emit("address", text.strip()))

        def put(value: str) -> None:
            if line.text().strip() != value and not line.hasFocus():
                line.setText(value)

        self._add("address", "Address", line, put)

    def _add_box(self, name: str, title: str, text: str) -> None:
        box = QCheckBox(text)
        box.toggled.connect(lambda checked: self.edited.emit(name, checked))
        self._add(name, "", box, box.setChecked)
        box.setAccessibleName(title)
        box.setMinimumWidth(0)
        box.setMaximumWidth(16_777_215)
