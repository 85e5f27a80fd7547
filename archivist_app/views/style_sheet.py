"""The colours there are, and how every kind of widget wears them, as Qt's style sheets say it."""

from __future__ import annotations

from dataclasses import dataclass

from engine import resources

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


def style_sheet(t: Tokens) -> str:
    """The whole program's."""
    parts = (_surfaces, _menus, _buttons, _fields, _steppers, _lists)
    return "".join(part(t) for part in parts)


def _surfaces(t: Tokens) -> str:
    """Windows, panels, words."""
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
    """


def _menus(t: Tokens) -> str:
    """Menus."""
    return f"""
    QMenuBar {{ background: {t.panel}; padding: 2px 8px; }}
    QMenuBar::item {{ padding: 4px 8px; background: transparent; border-radius: 4px; }}
    QMenuBar::item:selected {{ background: {t.hover}; }}
    QMenu {{ background: {t.panel}; border: 1px solid {t.line}; padding: 4px; }}
    QMenu::item {{ padding: 5px 28px 5px 12px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {t.hover}; }}
    QMenu::item:disabled {{ color: {t.muted}; }}
    QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
    """


def _buttons(t: Tokens) -> str:
    """Buttons; what has a role comes after what has none."""
    return f"""
    QPushButton, QToolButton {{
        background: {t.hover}; border: 1px solid transparent; border-radius: 4px; padding: 4px 12px; min-height: 18px;
    }}
    QToolButton {{ background: transparent; padding: 4px; }}
    QPushButton:hover, QToolButton:hover {{ background: {t.field}; }}
    QPushButton:pressed, QToolButton:pressed, QToolButton:checked {{ background: {t.field}; }}
    QPushButton:checked {{ background: {t.field}; color: {t.accent}; }}
    QPushButton:focus, QToolButton:focus, QLineEdit:focus, QListView:focus {{ border: 1px solid {t.accent}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {t.muted}; background: transparent; }}
    QPushButton:disabled {{ border: 1px solid {t.hover}; }}
    QPushButton[role="primary"] {{ background: {t.accent}; color: {t.panel}; font-weight: 600; padding: 6px 20px; }}
    QPushButton[role="primary"]:disabled {{ background: {t.hover}; color: {t.muted}; }}
    QPushButton[role="primary"]:focus {{ border: 1px solid {t.text}; }}
    QPushButton[role="quiet"] {{ background: transparent; padding: 6px 16px; border: 1px solid {t.hover}; }}
    QPushButton[role="quiet"]:hover {{ background: {t.hover}; }}
    QPushButton[role="card"] {{ background: {t.field}; border: 1px solid transparent; border-radius: 6px; padding: 0; }}
    QPushButton[role="card"]:hover {{ background: {t.hover}; }}
    QPushButton[role="card"]:checked {{ border: 1px solid {t.accent}; }}
    QPushButton[role="card"]:focus {{ border: 1px solid {t.accent}; background: {t.hover}; }}
    QPushButton[role="card"] QLabel {{ background: transparent; }}
    QPushButton[role="segment"] {{ background: transparent; padding: 1px 4px; color: {t.muted}; font-size: 11px; }}
    QPushButton[role="segment"]:hover {{ background: {t.hover}; color: {t.text}; }}
    QPushButton[role="segment"]:checked {{ background: {t.field}; color: {t.accent}; }}
    QToolButton[role="worded"] {{ background: {t.hover}; padding: 4px 4px 4px 6px; }}
    QToolButton#modeButton, QToolButton#modelButton {{ padding-right: 18px; }}
    QToolButton#modeButton::menu-indicator, QToolButton#modelButton::menu-indicator
    {{ subcontrol-position: right center; right: 5px; }}
    QToolButton[role="worded"]:hover {{ background: {t.field}; }}
    QToolButton[role="worded"]:checked {{ background: {t.field}; color: {t.accent}; }}
    QToolButton[role="worded"]:disabled {{ background: transparent; }}
    """


def _fields(t: Tokens) -> str:
    """What is typed or chosen."""
    return f"""
    QLineEdit {{ background: transparent; border: 1px solid transparent; border-radius: 3px; padding: 0 4px; }}
    QLineEdit:hover {{ background: {t.field}; }}
    QLineEdit:focus {{ background: {t.field}; }}
    QLineEdit {{ selection-background-color: {t.accent}; selection-color: {t.panel}; }}
    QLineEdit[role="search"] {{ background: {t.field}; border-radius: 4px; padding: 0 6px; min-height: 22px; }}
    QLineEdit QToolButton {{ padding: 0; min-height: 0; border: none; }}
    QComboBox {{
        background: {t.field}; border: 1px solid transparent; border-radius: 4px; padding: 3px 8px; min-height: 18px;
    }}
    QComboBox:hover {{ background: {t.hover}; }}
    QComboBox:focus {{ border: 1px solid {t.accent}; }}
    QComboBox QAbstractItemView {{ background: {t.panel}; selection-background-color: {t.hover}; padding: 4px; }}
    QComboBox QLineEdit, QComboBox QLineEdit:hover, QComboBox QLineEdit:focus {{ background: {t.field}; border: none; }}
    QCheckBox {{ spacing: 8px; border: 1px solid transparent; }}
    QCheckBox:focus {{ color: {t.accent}; }}
    """


def _steppers(t: Tokens) -> str:
    """Numbers with arrows, and the arrows of choices: pictures, for a style sheet can draw none."""
    ink = "dark" if t.name == "White" else "light"
    up, down = (resources.path(f"theme/{way}-{ink}.png").as_posix() for way in ("up", "down"))
    return f"""
    QComboBox::drop-down {{ border: none; width: 24px; }}
    QComboBox::down-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow
    {{ image: url("{down}"); width: 10px; height: 10px; }}
    QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("{up}"); width: 10px; height: 10px; }}
    QToolButton::menu-indicator {{ image: url("{down}"); width: 10px; height: 10px; }}
    QSpinBox, QDoubleSpinBox {{
        background: {t.field}; border: 1px solid transparent; border-radius: 4px; padding: 3px 0;
        min-height: 18px; selection-background-color: {t.accent}; selection-color: {t.panel};
    }}
    QSpinBox:hover, QDoubleSpinBox:hover {{ background: {t.hover}; }}
    QSpinBox:focus, QDoubleSpinBox:focus {{ border: 1px solid {t.accent}; }}
    QSpinBox::up-button, QDoubleSpinBox::up-button
    {{ subcontrol-position: top right; border: none; background: transparent; width: 24px; margin-top: 2px; }}
    QSpinBox::down-button, QDoubleSpinBox::down-button
    {{ subcontrol-position: bottom right; border: none; background: transparent; width: 24px; margin-bottom: 2px; }}
    """


def _lists(t: Tokens) -> str:
    """Lists, bars and tips."""
    return f"""
    QScrollArea {{ background: {t.panel}; border: none; }}
    QListView {{ background: {t.panel}; border: 1px solid transparent; outline: none; }}
    QListView#tuningChecks {{ background: {t.field}; border-radius: 4px; }}
    QListView#tuningChecks::item {{ padding: 3px 8px; color: {t.muted}; }}
    QListView#tuningChecks::item:selected {{ background: {t.hover}; color: {t.accent}; }}
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
    """
