"""Small makers of plain widgets; a `role` is what the theme's style sheet dresses them by."""

from __future__ import annotations

from typing import Literal, TypeVar

from PySide6 import QtCore
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

W = TypeVar("W", bound=QWidget)
N = TypeVar("N", bound=QAbstractSpinBox)
Role = Literal[
    "panel",
    "shell",
    "bar",
    "heading",
    "title",
    "muted",
    "hint",
    "primary",
    "quiet",
    "worded",
    "segment",
    "search",
    "card",
    "fault",
]


def dressed(widget: W, role: Role) -> W:
    """The widget itself, painted as `role` says."""
    widget.setProperty("role", role)
    if not isinstance(widget, QFrame | QAbstractButton):  # these do so by themselves
        widget.setAttribute(QtCore.Qt.WidgetAttribute.WA_StyledBackground)
    return widget


def label(text: str, role: Role) -> QLabel:
    """A line of text."""
    return dressed(QLabel(text), role)


def indented(box: N) -> N:
    """The number box itself, its digits as far from the edge as all other words: no style sheet can do that."""
    box.lineEdit().setTextMargins(6, 0, 0, 0)
    return box


def column(*parts: QWidget | tuple[QWidget, int], spacing: int = 0) -> QWidget:
    """Widgets below each other, those with a number sharing the height by it."""
    whole = dressed(QFrame(), "panel")
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        widget, stretch = part if isinstance(part, tuple) else (part, 0)
        layout.addWidget(widget, stretch)
    return whole


def beside(*rows: tuple[str | QLabel, QWidget], spacing: int = 8) -> QGridLayout:
    """Fields below each other, each with its name on the left at half its height."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(spacing)
    grid.setColumnStretch(1, 1)
    for row, (name, field) in enumerate(rows):
        title = QLabel(name) if isinstance(name, str) else name
        title.setBuddy(field)
        grid.addWidget(title, row, 0, QtCore.Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(field, row, 1)
    return grid
