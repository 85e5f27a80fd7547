"""What actions do that need no more than one part of the window."""

from __future__ import annotations

from archivist_app.state.assessing import Assessing
from archivist_app.views.actions import Actions
from archivist_app.views.compare_view import CompareView
from archivist_app.views.film_panel import FilmPanel


def viewer(a: Actions, compare: CompareView) -> None:
    """Ways to compare, and zoom."""
    for mode, action in a.modes.items():
        action.triggered.connect(lambda _checked=False, mode=mode: compare.set_mode(mode))
    for percent, action in a.zooms.items():
        action.triggered.connect(lambda _checked=False, zoom=percent / 100: compare.zoom_to(zoom))
    a.next_mode.triggered.connect(compare.next_mode)
    a.pause.toggled.connect(compare.pause_blink)
    a.gain.triggered.connect(compare.next_gain)
    a.navigator.toggled.connect(compare.show_navigator)
    a.rotate.triggered.connect(compare.rotate_divider)
    a.swap.triggered.connect(compare.swap)
    a.fit.triggered.connect(compare.fit)


def assessing(a: Actions, state: Assessing, film: FilmPanel) -> None:
    """What is decided about the selected images, and settings that go from one to others."""
    a.approve.triggered.connect(lambda: state.decide(film.chosen_items(), "approved"))
    a.reject.triggered.connect(lambda: state.decide(film.chosen_items(), "rejected"))
    for count, action in enumerate(a.stars):
        action.triggered.connect(lambda _checked=False, n=count: state.rate(film.chosen_items(), n))
    a.copy_settings.triggered.connect(state.copy)
    a.paste_settings.triggered.connect(lambda: state.paste(film.chosen_items()))
    a.apply_settings.triggered.connect(lambda: state.apply(film.chosen_items()))
    state.copied.connect(lambda _recipe: a.paste_settings.setEnabled(True))
