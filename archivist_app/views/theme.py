"""How the window looks: three neutral greys to judge colour in, one accent, an 8-pixel grid.

Widgets that paint themselves read the palette: Window is a panel, Base a field, AlternateBase a field under the
mouse, Mid a line, Dark the surround of the image, PlaceholderText secondary text, Highlight the accent, BrightText
a fault.
"""

from __future__ import annotations

import weakref
from typing import Protocol

from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QBrush, QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QApplication

from archivist_app.views.style_sheet import GRID, THEMES, Tokens, style_sheet

__all__ = ["GRID", "THEMES", "Theme", "Tokens", "application_icon", "ink"]


class Dressable(Protocol):
    """A button or an action."""

    def setIcon(self, icon: QIcon) -> None:
        """As Qt's."""


class Theme(QObject):
    """The theme in use; `apply` and `cycle` repaint the whole program."""

    changed = Signal(object)  # Tokens

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._dressed: list[tuple[weakref.ref[Dressable], str]] = []
        self._icons_shown = False
        self.tokens = THEMES[0]
        application.setStyle("Fusion")
        self.apply(self.tokens)

    def apply(self, tokens: Tokens) -> None:
        """Use `tokens` from now on."""
        self.tokens = tokens
        self._application.setPalette(_palette(tokens))
        self._application.setStyleSheet(style_sheet(tokens))
        self._dressed = [(ref, name) for ref, name in self._dressed if ref() is not None]
        self._show_icons()
        self.changed.emit(tokens)

    def cycle(self) -> None:
        """Grey, black, white, grey."""
        self.apply(THEMES[(THEMES.index(self.tokens) + 1) % len(THEMES)])

    def dress(self, target: Dressable, icon: str) -> None:
        """Give a button or an action an icon that follows the theme, once icons are shown."""
        self._dressed = [(ref, name) for ref, name in self._dressed if ref() is not target]
        self._dressed.append((weakref.ref(target), icon))
        if self._icons_shown:
            target.setIcon(self._icon(icon))

    def show_icons(self) -> None:
        """From now on there are icons. Called after the first paint: loading their font takes as long as a window."""
        self._icons_shown = True
        self._show_icons()

    def _show_icons(self) -> None:
        targets = [(ref(), name) for ref, name in self._dressed if self._icons_shown]
        for target, name in targets:
            if target is not None:
                target.setIcon(self._icon(name))

    def _icon(self, name: str) -> QIcon:
        import qtawesome

        icon: QIcon = qtawesome.icon(
            name, color=self.tokens.text, color_disabled=self.tokens.muted, color_on=self.tokens.accent
        )
        return icon


def ink(colour: str) -> QBrush:
    """A brush of that colour. Made by way of a palette: `QBrush(QColor(…))`, as `setPen` and `setBrush`, makes PySide
    load all of Qt's own names to see which call is meant, and the first paint waits for that."""
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(colour))
    return palette.brush(QPalette.ColorRole.Window)


def application_icon() -> QIcon:
    """A print, half of it faded."""
    picture = QPixmap(256, 256)
    picture.fill(QColor(0, 0, 0, 0))
    frame, faded, fresh, divider = QPainterPath(), QPainterPath(), QPainterPath(), QPainterPath(QPointF(128, 44))
    frame.addRoundedRect(QRectF(16, 16, 224, 224), 28, 28)
    faded.addRect(QRectF(52, 60, 76, 136))
    fresh.addRect(QRectF(128, 60, 76, 136))
    divider.lineTo(128, 212)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for path, colour in ((frame, "#383838"), (faded, "#b9ad97"), (fresh, "#efe9dd")):
        painter.fillPath(path, ink(colour))
    painter.strokePath(divider, QPen(ink("#e0b068"), 8))
    painter.end()
    return QIcon(picture)


def _palette(t: Tokens) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: t.panel,
        role.WindowText: t.text,
        role.Base: t.field,
        role.AlternateBase: t.hover,
        role.Text: t.text,
        role.Button: t.hover,
        role.ButtonText: t.text,
        role.Mid: t.line,
        role.Dark: t.surround,
        role.PlaceholderText: t.muted,
        role.Highlight: t.accent,
        role.HighlightedText: t.panel,
        role.BrightText: t.fault,
        role.ToolTipBase: t.field,
        role.ToolTipText: t.text,
        role.Accent: t.accent,
    }
    palette = QPalette()
    for key, colour in colours.items():
        palette.setColor(key, QColor(colour))
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, QColor(t.muted))
    return palette
