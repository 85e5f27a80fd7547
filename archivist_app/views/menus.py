"""What stands in the menus, and what a beginner is told about the window."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from archivist_app.views.actions import Actions
from archivist_app.views.tour import Hint


def fill(menus: Mapping[str, QMenu], a: Actions) -> dict[str, list[QAction]]:
    """Puts the actions into the menus; None is a line between them. The groups of the sheet of keys."""
    contents: dict[str, tuple[QAction | None, ...]] = {
        "&File": (
            *(a.open, a.open_folder, a.demo, None),
            *(a.export, a.export_again, a.export_as, a.sheet, None),
            *(a.optimise, a.faces, a.finetune, None),
            *(a.check_masters, a.find_masters, a.project_settings, None),
            a.quit,
        ),
        "&Edit": (a.undo, a.redo, None, a.snapshot),
        "&Compare": (*a.modes.values(), a.next_mode, None, a.rotate, a.swap, a.pause, a.gain, a.truth),
        "&View": (a.fit, *a.zooms.values(), None, a.navigator, a.surround),
        "&Styles": (a.find_style, a.add_style),
        "&Help": (a.keys,),
    }
    menus["&File"].setToolTipsVisible(True)  # what is grey there says why
    for title, actions in contents.items():
        for action in actions:
            if action is None:
                menus[title].addSeparator()
            else:
                menus[title].addAction(action)
    groups = {title.replace("&", ""): [action for action in actions if action] for title, actions in contents.items()}
    settings = [a.copy_settings, a.paste_settings, a.apply_settings]
    return groups | {"Image": [a.approve, a.reject, *a.stars, *settings, a.accept_master]}


def fill_image_menu(menu: QMenu, a: Actions) -> None:
    """What can be decided about the selected images: in the menu bar, and where they are clicked."""
    menu.addActions([a.approve, a.reject])
    stars = menu.addMenu("&Stars")
    stars.addActions(a.stars)
    menu.addSeparator()
    menu.addActions([a.copy_settings, a.paste_settings, a.apply_settings])
    menu.addSeparator()
    menu.addAction(a.accept_master)


def hints(viewer: QWidget, alpha: QWidget, styles: QWidget, tools: QWidget) -> list[Hint]:
    """What a beginner is told, and where."""
    return [
        (
            viewer,
            "Before and after",
            "Drag the divider. The wheel zooms; from 100 % on you see exactly the pixels that an export writes.",
        ),
        (
            alpha,
            "Faithful or crisp",
            "To the right nothing is invented. To the left it is crisper, and more of it is plausible than known.",
        ),
        (
            styles,
            "Every style, on your picture",
            "Rest the mouse on one to try it. How far it goes is the second slider, or the pad.",
        ),
        (
            tools,
            "More ways to look",
            "M shows the next: what was changed, what was invented, where the network is unsure. H lists all keys.",
        ),
    ]
