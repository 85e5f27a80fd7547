"""How the window looks: three neutral greys to judge colour in, one accent, an 8-pixel grid.

Widgets that paint themselves read the palette: Window is a panel, Base a field, AlternateBase a field under the
mouse, Mid a line, Dark the surround of the image, PlaceholderText secondary text, Highlight the accent, BrightText
a fault.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QBrush, QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QApplication

GRID = 8


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every colour there is. Apart from accent and fault they are neutral: equal red, green and blue."""

    name: str
    surround: str
    panel: str
    field: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    fault: str


THEMES = (
    Tokens("Grey", "#5c5c5c", "#383838", "#2c2c2c", "#474747", "#282828", "#ededed", "#b2b2b2", "#e0b068", "#f0a090"),
    Tokens("Black", "#000000", "#161616", "#232323", "#2e2e2e", "#2a2a2a", "#dadada", "#979797", "#d0a05c", "#e89080"),
    Tokens("White", "#ffffff", "#f0f0f0", "#ffffff", "#e0e0e0", "#cfcfcf", "#1c1c1c", "#5a5a5a", "#8a5a10", "#a03020"),
)


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
        self._application.setStyleSheet(_style_sheet(tokens))
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


def _style_sheet(t: Tokens) -> str:
    return f"""
    * {{ font-size: 12px; }}
    QMainWindow, *[role="shell"] {{ background: {t.line}; }}
    *[role="panel"] {{ background: {t.panel}; }}
    *[role="bar"] {{ background: {t.field}; border: 1px solid {t.hover}; border-radius: 6px; }}
    QLabel[role="heading"] {{ font-size: 13px; font-weight: 600; }}
    QLabel[role="title"] {{ font-size: 20px; font-weight: 300; color: {t.text}; }}
    QLabel[role="muted"], QLabel[role="hint"] {{ color: {t.muted}; }}
    QLabel[role="hint"] {{ font-size: 11px; }}
    QLabel[role="fault"] {{ color: {t.fault}; }}
    QPushButton[role="card"] {{ background: {t.field}; border: 1px solid transparent; border-radius: 6px; padding: 0; }}
    QPushButton[role="card"]:hover {{ background: {t.hover}; }}
    QPushButton[role="card"]:checked {{ border: 1px solid {t.accent}; }}
    QPushButton[role="card"]:focus {{ border: 1px solid {t.accent}; background: {t.hover}; }}
    QPushButton[role="card"] QLabel {{ background: transparent; }}
    QMenuBar {{ background: {t.panel}; padding: 2px 8px; }}
    QMenuBar::item {{ padding: 4px 8px; background: transparent; border-radius: 4px; }}
    QMenuBar::item:selected {{ background: {t.hover}; }}
    QMenu {{ background: {t.panel}; border: 1px solid {t.line}; padding: 4px; }}
    QMenu::item {{ padding: 5px 28px 5px 12px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {t.hover}; }}
    QMenu::item:disabled {{ color: {t.muted}; }}
    QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
    QPushButton, QToolButton {{
        background: {t.hover}; border: 1px solid transparent; border-radius: 4px; padding: 4px 12px; min-height: 18px;
    }}
    QToolButton {{ background: transparent; padding: 4px; }}
    QPushButton:hover, QToolButton:hover {{ background: {t.field}; }}
    QPushButton:pressed, QToolButton:pressed, QToolButton:checked {{ background: {t.field}; }}
    QPushButton:checked {{ background: {t.field}; color: {t.accent}; }}
    QPushButton:focus, QToolButton:focus, QLineEdit:focus, QListView:focus {{ border: 1px solid {t.accent}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {t.muted}; background: transparent; }}
    QPushButton[role="primary"] {{ background: {t.accent}; color: {t.panel}; font-weight: 600; padding: 6px 20px; }}
    QPushButton[role="primary"]:disabled {{ background: {t.hover}; color: {t.muted}; }}
    QPushButton[role="primary"]:focus {{ border: 1px solid {t.text}; }}
    QPushButton[role="quiet"] {{ background: transparent; padding: 6px 16px; border: 1px solid {t.hover}; }}
    QPushButton[role="quiet"]:hover {{ background: {t.hover}; }}
    QLineEdit {{ background: transparent; border: 1px solid transparent; border-radius: 3px; padding: 0 4px; }}
    QLineEdit:hover {{ background: {t.field}; }}
    QLineEdit:focus {{ background: {t.field}; }}
    QLineEdit {{ selection-background-color: {t.accent}; selection-color: {t.panel}; }}
    QLineEdit[role="search"] {{ background: {t.field}; border-radius: 4px; padding: 0 6px; min-height: 22px; }}
    QLineEdit QToolButton {{ padding: 0; min-height: 0; border: none; }}
    QPushButton[role="segment"] {{ background: transparent; padding: 1px 4px; color: {t.muted}; font-size: 11px; }}
    QPushButton[role="segment"]:hover {{ background: {t.hover}; color: {t.text}; }}
    QPushButton[role="segment"]:checked {{ background: {t.field}; color: {t.accent}; }}
    QComboBox {{
        background: {t.field}; border: 1px solid transparent; border-radius: 4px; padding: 3px 8px; min-height: 18px;
    }}
    QComboBox:hover {{ background: {t.hover}; }}
    QComboBox:focus {{ border: 1px solid {t.accent}; }}
    QComboBox QAbstractItemView {{ background: {t.panel}; selection-background-color: {t.hover}; padding: 4px; }}
    QComboBox QLineEdit, QComboBox QLineEdit:hover, QComboBox QLineEdit:focus {{ background: {t.field}; border: none; }}
    QCheckBox {{ spacing: 8px; border: 1px solid transparent; }}
    QCheckBox:focus {{ color: {t.accent}; }}
    QScrollArea {{ background: {t.panel}; border: none; }}
    QListView {{ background: {t.panel}; border: 1px solid transparent; outline: none; }}
    QListView#historySteps::item, QListView#snapshotList::item
    {{ padding: 4px 8px; margin: 0 8px; border-radius: 4px; color: {t.muted}; }}
    QListView#historySteps::item:selected, QListView#snapshotList::item:selected
    {{ background: {t.hover}; color: {t.text}; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {t.hover}; border-radius: 3px; min-height: 32px; margin: 2px; }}
    QScrollBar::handle:vertical:hover {{ background: {t.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QProgressBar {{ background: {t.field}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
    QToolTip {{ background: {t.field}; color: {t.text}; border: 1px solid {t.line}; padding: 4px; }}
    QToolButton[role="worded"] {{ background: {t.hover}; padding: 4px 4px 4px 6px; }}
    QToolButton#modeButton, QToolButton#modelButton {{ padding-right: 18px; }}
    QToolButton#modeButton::menu-indicator, QToolButton#modelButton::menu-indicator
    {{ subcontrol-position: right center; right: 5px; }}
    QToolButton[role="worded"]:hover {{ background: {t.field}; }}
    QToolButton[role="worded"]:checked {{ background: {t.field}; color: {t.accent}; }}
    QToolButton[role="worded"]:disabled {{ background: transparent; }}
    """
