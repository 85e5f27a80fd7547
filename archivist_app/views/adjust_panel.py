"""The controls of the recipe: what they do in words, the Greek letter beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from archivist_app.state.commands import Edit
from archivist_app.views.model_chooser import ModelChooser
from archivist_app.views.pad import Pad
from archivist_app.views.parts import dressed, label
from archivist_app.views.size_control import SizeControl
from archivist_app.views.theme import GRID, Theme
from archivist_app.views.value_slider import LogScale, PercentScale, Scale, ValueSlider
from engine.types import ALPHA_RANGE, BETA_RANGE, CONSERVATOR, MODERN, ModelCard, Recipe


@dataclass(frozen=True, slots=True)
class Control:
    """One slider: which part of the recipe it sets, and what people are told about it."""

    field: str
    title: str
    letter: str
    hint: str
    scale: Scale
    neutral: float


CONTROLS = (
    Control(
        "alpha", "Faithful to the scan", "α", "Right: keeps closer to what the scan proves. Left: dares more.",
        LogScale(*ALPHA_RANGE), 1.0,
    ),
    Control(
        "beta", "Look of the style", "β", "How strongly the chosen style shows. Off: no style at all.",
        LogScale(ALPHA_RANGE[0], BETA_RANGE[1], off=True, least=BETA_RANGE[0]), 0.0,
    ),
    Control("strength", "Strength", "", "How much of the restoration is laid over the scan.", PercentScale(), 1.0),
    Control("grain", "Keep grain", "", "How much of the grain that was removed is laid back.", PercentScale(), 0.0),
)  # fmt: skip


PRESETS = (
    ("Conservator", CONSERVATOR, "Repairs acquired damage only; tone, grain and everything else stay."),
    ("Modern", MODERN, "Restores the whole picture and corrects fading and colour casts."),
)


class SliderRow(QWidget):
    """A title with its Greek letter, the value as a field to type into, and the slider below."""

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self.slider = ValueSlider(control.scale, control.neutral)
        self.slider.setObjectName(f"{control.field}Slider")
        self.slider.setAccessibleName(" ".join(filter(None, (control.title, control.letter))))
        self.slider.setAccessibleDescription(control.hint)
        self.slider.setToolTip(f"{control.hint}\nDouble-click resets, right-click types a number.")
        self.field = QLineEdit()
        self.field.setAccessibleName(f"{control.title}, value")
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setFixedWidth(64)
        self.field.editingFinished.connect(self._typed)
        self.slider.typing_wanted.connect(self._type)
        self.slider.valueChanged.connect(self.refresh)
        title, letter = QLabel(control.title), label(control.letter, "muted")
        title.setBuddy(self.slider)
        top = QHBoxLayout()
        top.setSpacing(GRID)
        for widget in (title, letter):
            top.addWidget(widget)
        top.addStretch()
        top.addWidget(self.field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.slider)
        self.refresh()

    def refresh(self) -> None:
        """Show the slider's value as text, unless somebody is typing."""
        if not self.field.isModified():
            self.field.setText(self.control.scale.text(self.slider.exact))

    def show_value(self, value: float) -> None:
        """Show what was decided elsewhere."""
        self.slider.show_value(value)
        self.field.setModified(False)
        self.refresh()

    def _type(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _typed(self) -> None:
        if not self.field.isModified():
            return
        self.field.setModified(False)
        try:
            value = self.control.scale.parse(self.field.text())
        except ValueError:
            self.refresh()  # not a number: what was there stays
            return
        if value != self.slider.exact:
            self.slider.enter(value)
        self.refresh()


class AdjustPanel(QWidget):
    """Shows a recipe and emits the wish to change it."""

    edited = Signal(object)  # Edit
    pad_toggled = Signal(bool)  # whether the pad is shown; the panel has another height now
    reshaped = Signal()  # the controls of another model: another height too

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        dressed(self, "panel")
        self._recipe = Recipe()
        self.models = ModelChooser()
        self.rows = {control.field: self._make_row(control) for control in CONTROLS}
        self.pad = Pad(CONTROLS[0].scale, CONTROLS[1].scale)
        self.pad.edited.connect(self._pad_moved)
        self.pad.hide()
        self.keep_tone = QCheckBox("Keep the tone")
        self.keep_tone.setObjectName("keepToneBox")
        self.keep_tone.setAccessibleName("Keep the tone of the scan")
        self.keep_tone.setToolTip(
            "The tone of the scan stays. Off: fading and colour casts of the whole picture are corrected too."
        )
        self.keep_tone.clicked.connect(self._tone_clicked)
        self.thorough = QCheckBox("Look thoroughly")
        self.thorough.setObjectName("thoroughBox")
        self.thorough.setAccessibleName("Look thoroughly")
        self.thorough.setToolTip(
            "The model looks at the picture eight times, turned and mirrored, and what it sees is averaged: less is "
            "left of grain and noise, and damage is told apart better. Takes about six times as long."
        )
        self.thorough.clicked.connect(self._thorough_clicked)
        self._scopes = self._make_scopes()
        self.size_control = SizeControl()
        self.size_control.chosen.connect(self._size_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 12, 2 * GRID, 12)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_head(theme))
        layout.addWidget(self.models)
        layout.addLayout(self._make_presets())
        layout.addWidget(self.pad)
        for name in ("alpha", "beta", "strength"):
            layout.addWidget(self.rows[name])
        layout.addLayout(self._lay_out_scopes())
        layout.addWidget(self.size_control)
        layout.addWidget(self.rows["grain"])
        layout.addLayout(self._lay_out_choices())
        self.show_recipe(self._recipe)

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe without asking for a change."""
        self._recipe = recipe
        for name, row in self.rows.items():
            row.show_value(getattr(recipe, name))
        self.keep_tone.setChecked(recipe.keep_tone)
        self.thorough.setChecked(recipe.thorough)
        self._scopes[recipe.scope].setChecked(True)
        self.size_control.show_recipe(recipe)
        self.pad.show_recipe(recipe)

    def show_pad(self, shown: bool) -> None:
        """Open or close the pad."""
        self.pad_button.setChecked(shown)

    def show_model(self, card: ModelCard) -> None:
        """Hide what this model ignores."""
        for name, row in self.rows.items():
            row.setVisible(name in card.controls)
        self.keep_tone.setVisible("keep_tone" in card.controls)
        has_pad = {"alpha", "beta"} <= set(card.controls)
        self.pad_button.setVisible(has_pad)
        self.pad.setVisible(has_pad and self.pad_button.isChecked())
        for button in self._scopes.values():
            button.setVisible("scope" in card.controls)
        self._scope_title.setVisible("scope" in card.controls)
        for button, preset in self._presets:
            sets = (getattr(preset, name) != getattr(Recipe(), name) for name in card.controls)
            button.setVisible(any(sets))
        self.size_control.show_sizes(card.sizes)
        self.reshaped.emit()

    # making

    def _make_row(self, control: Control) -> SliderRow:
        row = SliderRow(control)

        def moved(value: float, gesture: int) -> None:
            text = f"{control.title} {control.scale.text(value)}"
            self._emit(Edit(self._changed(**{control.field: value}), text, control.field, gesture))

        row.slider.edited.connect(moved)
        return row

    def _make_head(self, theme: Theme) -> QHBoxLayout:
        heading = label("Adjust", "heading")
        reset = QPushButton("Reset")
        reset.setObjectName("resetButton")
        reset.setToolTip("Back to the settings a new image starts with")
        reset.setAccessibleName("Reset all settings")
        reset.clicked.connect(lambda: self._apply(Recipe(), "Reset"))
        theme.dress(reset, "ph.arrow-counter-clockwise")
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(heading)
        row.addStretch()
        row.addWidget(self._make_pad_button(theme))
        row.addWidget(reset)
        return row

    def _make_pad_button(self, theme: Theme) -> QPushButton:
        self.pad_button = QPushButton("Pad")
        self.pad_button.setObjectName("padButton")
        self.pad_button.setCheckable(True)
        self.pad_button.setToolTip("Faithfulness and style as one plane, with the image at its corners")
        self.pad_button.setAccessibleName("Show the pad")
        self.pad_button.toggled.connect(self._toggle_pad)
        theme.dress(self.pad_button, "ph.crosshair-simple")
        return self.pad_button

    def _make_presets(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self._presets: list[tuple[QPushButton, Recipe]] = []
        for name, recipe, hint in PRESETS:
            button = QPushButton(name)
            button.setObjectName(f"{name.lower()}Button")
            button.setToolTip(hint)
            button.setAccessibleName(f"Preset {name}")
            button.clicked.connect(lambda _checked=False, r=recipe, n=name: self._apply(r, f"Preset {n}"))
            row.addWidget(button, 1)
            self._presets.append((button, recipe))
        return row

    def _make_scopes(self) -> dict[str, QPushButton]:
        self._group = QButtonGroup(self)
        buttons = {}
        for scope, text, hint in (
            ("whole", "Whole picture", "Every part of the picture may change."),
            ("damage", "Damage only", "Outside the damage found, every pixel stays as scanned."),
        ):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setToolTip(hint)
            button.setAccessibleName(f"Restore: {text}")
            button.clicked.connect(lambda _checked=False, s=scope, t=text: self._scope_clicked(s, t))
            self._group.addButton(button)
            buttons[scope] = button
        return buttons

    def _lay_out_scopes(self) -> QGridLayout:
        self._scope_title = QLabel("Restore")
        grid = QGridLayout()
        grid.setSpacing(GRID)
        grid.addWidget(self._scope_title, 0, 0, 1, 2)
        for column, button in enumerate(self._scopes.values()):
            grid.addWidget(button, 1, column)
        return grid

    def _lay_out_choices(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self.keep_tone)
        row.addWidget(self.thorough)
        row.addStretch()
        return row

    # telling

    def _changed(self, **change: Any) -> Recipe:
        return replace(self._recipe, **change)

    def _emit(self, edit: Edit) -> None:
        self._recipe = edit.recipe
        self.edited.emit(edit)

    def _pad_moved(self, alpha: float, beta: float, gesture: int) -> None:
        texts = [f"α {CONTROLS[0].scale.text(alpha)}"]
        if self._recipe.style is not None:
            texts.append(f"β {CONTROLS[1].scale.text(beta)}")
        self._emit(Edit(self._changed(alpha=alpha, beta=beta), f"Pad {', '.join(texts)}", "pad", gesture))

    def _toggle_pad(self, shown: bool) -> None:
        self.pad.setVisible(shown)
        self.pad_toggled.emit(shown)

    def _apply(self, preset: Recipe, text: str) -> None:
        """All settings at once; which model, weights and noise are used stays."""
        now = self._recipe
        self.edited.emit(Edit(replace(preset, model=now.model, weights=now.weights, seed=now.seed), text))

    def _tone_clicked(self, keep: bool) -> None:
        self._emit(Edit(self._changed(keep_tone=keep), "Keep the tone" if keep else "Correct the tone"))

    def _thorough_clicked(self, thorough: bool) -> None:
        self._emit(Edit(self._changed(thorough=thorough), "Look thoroughly" if thorough else "Look once"))

    def _scope_clicked(self, scope: str, text: str) -> None:
        scale = 1 if scope == "damage" else self._recipe.scale  # repairing damage only keeps the scan's size
        self._emit(Edit(self._changed(scope=scope, scale=scale), text))

    def _size_chosen(self, scale: int) -> None:
        self._emit(Edit(self._changed(scale=scale), f"Size {scale}×"))
