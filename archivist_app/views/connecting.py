"""Who hears of what: actions, and the state behind the window, that need no more than one part of it."""

from __future__ import annotations

from archivist_app.state.assessing import Assessing
from archivist_app.state.workspace import Workspace
from archivist_app.views.actions import Actions
from archivist_app.views.compare_view import CompareView
from archivist_app.views.film_panel import FilmPanel
from archivist_app.views.message_bar import MessageBar


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


def messages(work: Workspace, bar: MessageBar) -> None:
    """What is worth knowing, and what went wrong."""
    for speaker in (work.session, work.export_jobs, work.own_styles, work.models, work.unfinished):
        speaker.noticed.connect(bar.tell)
    for source in (
        work.session.failed,
        work.rendering.failed,
        work.exporter.failed,
        work.rules.failed,
        work.optimiser.failed,
        work.truth.failed,
        work.maps.failed,
        work.variants.failed,
        work.own_styles.failed,
        work.models.failed,
        work.bridge.engine_failed,
    ):
        source.connect(bar.tell_fault)
    if complaint := work.bridge.styles_complaint():  # or one's own styles would seem to have been deleted
        bar.tell_fault(complaint)


def pictures(work: Workspace, compare: CompareView) -> None:
    """What the viewer shows, and what it asks for."""
    compare.view_changed.connect(lambda view: setattr(work.document, "view", view))
    compare.step_requested.connect(work.session.step)
    work.session.unreadable.connect(compare.show_blank)
    work.truth.picture_changed.connect(compare.show_truth)
    work.maps.part_ready.connect(compare.show_map_part)
    work.maps.progressed.connect(compare.show_map_progress)
    work.maps.outdated.connect(compare.forget_map)
    work.variants.chosen_changed.connect(compare.show_variants)
    work.variants.frame_ready.connect(compare.show_variant_frame)
    work.rendering.frame_ready.connect(compare.show_frame)
    work.rendering.draft_only(compare.restored_part)
    work.rendering.busy_changed.connect(compare.show_busy)
    work.optimiser.previewed.connect(compare.show_frame)
    work.optimiser.ended.connect(work.rendering.refresh)
